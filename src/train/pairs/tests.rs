//! Pair models on planted tastes.
