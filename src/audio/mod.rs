//! From the bytes of an audio file to samples, spectra and pictures of them.
//!
//! Samples are f32 with full scale at ±1. Nothing here opens a file: bytes come from the caller.

pub mod chordino;
pub mod colours;
pub mod decode;
pub mod mel;
pub mod mfcc;
pub mod resample;
pub mod spectrum;
pub mod synth;
pub mod tiles;

#[cfg(test)]
mod damage;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod golden_tests;
