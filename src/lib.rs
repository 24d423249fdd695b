//! Segue: a music recommender that lives inside DuckDB.

pub mod audio;
pub mod control;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
pub mod functions;
pub mod models;
pub mod nn;
pub mod session;
pub mod shell;
pub mod store;
mod suggest;
pub mod threads;
pub mod train;

pub use error::{Error, Result};
