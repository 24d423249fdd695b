//! What a step's songs contain, in pieces that threads compute side by side.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;

use super::Network;
use super::shares::added;
use crate::error::Result;
use crate::train::Weights;

/// The content of so many songs is one piece, however many threads there are: a training comes out the
/// same.
const PIECE: usize = 64;

/// What is made of songs' content.
pub struct Content {
    /// That of some songs each, in order.
    pieces: Vec<Tensor>,
    /// That of all `(S, C)`, cut off from what it was made of.
    all: Var,
}

impl Content {
    /// The content of these songs; `None` of a network that makes nothing of it.
    ///
    /// # Errors
    /// As [`Network::content`].
    pub fn new(
        network: &dyn Network,
        weights: &Weights,
        songs: &[u32],
        device: &Device,
    ) -> Result<Option<Self>> {
        // Another device has threads of its own.
        let piece = if device.is_cpu() { PIECE } else { songs.len().max(1) };
        let pieces: Option<Vec<Tensor>> = songs
            .par_chunks(piece)
            .map(|songs| network.content(weights, songs))
            .collect::<Result<_>>()?;
        let Some(pieces) = pieces.filter(|pieces| !pieces.is_empty()) else { return Ok(None) };
        let detached: Vec<Tensor> = pieces.iter().map(Tensor::detach).collect();
        let all = Var::from_tensor(&Tensor::cat(&detached, 0)?)?;
        Ok(Some(Self { pieces, all }))
    }

    /// That of all songs, as a variable.
    pub fn all(&self) -> Tensor {
        self.all.as_tensor().clone()
    }

    /// Hands what a step's gradients say of the content on to what it was made of.
    ///
    /// # Errors
    /// Out of memory.
    pub fn hand_on(&self, gradients: &[GradStore]) -> Result<Vec<GradStore>> {
        let mut told: Option<Tensor> = None;
        for gradient in gradients.iter().filter_map(|gradients| gradients.get(&self.all)) {
            told = added(told, gradient.clone())?;
        }
        let Some(told) = told else { return Ok(Vec::new()) };
        let mut first = 0;
        let mut parts = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let songs = piece.dim(0)?;
            parts.push((piece, told.narrow(0, first, songs)?));
            first += songs;
        }
        parts
            .into_par_iter()
            .map(|(piece, gradient)| Ok((piece * gradient)?.sum_all()?.backward()?))
            .collect()
    }
}
