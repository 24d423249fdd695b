//! What songs contain, as networks read it.

use candle_core::Tensor;

use crate::error::Result;
use crate::train::{Initial, Weights};

/// A network that makes a code of a song's matrix of features.
pub trait Content: Send + Sync {
    /// C, the width of its codes.
    fn width(&self) -> usize;

    /// Its parameters before training.
    fn parameters(&self) -> Vec<Initial>;

    /// The codes of songs `(S, C)`.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    fn codes(&self, weights: &Weights, songs: &[u32]) -> Result<Tensor>;

    /// About how many numbers a forward pass keeps for so many songs.
    fn numbers(&self, songs: u64) -> u64;
}
