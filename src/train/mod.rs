//! What a model is, and how one is trained.
//!
//! A model file implements [`Model`] (answers) and [`Training`] (learns) and exports one
//! [`ModelSpec`]. Validation metrics come in through a callback, so nothing here depends on `eval`.

mod model;
mod options;

pub use model::{Artifact, Context, Model, ModelSpec, Training, Weights};
pub use options::{Default, Kind, Options, Param, Setting};
