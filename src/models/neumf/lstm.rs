//! A recurrent network over the frames of a song.

use std::sync::Arc;

use candle_core::Tensor;

use super::content::{Content, Frames};
use crate::error::Result;
use crate::nn;
use crate::train::{Initial, Weights, weight};

/// A long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates), whose last state is
/// a song's code:
///
/// ```text
/// i, f, o = σ(x·W + h·U + b),   g = tanh(x·W + h·U + b)   (each with its part of W, U, b),
/// c ← f ∘ c + i ∘ g,   h ← o ∘ tanh c.
/// ```
pub struct Memory {
    /// What songs contain.
    pub frames: Arc<Frames>,
    /// C, the size of the state.
    pub size: usize,
}

/// `W` `(K, 4C)`, `U` `(C, 4C)` and `b` (4C), the gates `i`, `f`, `g`, `o` side by side.
const INPUT: &str = "lstm.input";
const STATE: &str = "lstm.state";
const BIAS: &str = "lstm.bias";

impl Content for Memory {
    fn width(&self) -> usize {
        self.size
    }

    fn parameters(&self) -> Vec<Initial> {
        let (inputs, size) = (self.frames.coefficients, self.size);
        // Glorot & Bengio 2010, for each gate.
        let deviation = |inputs: usize| (2.0 / (inputs + size) as f32).sqrt();
        vec![
            Initial::normal(INPUT, &[inputs, 4 * size], deviation(inputs)),
            Initial::normal(STATE, &[size, 4 * size], deviation(size)),
            Initial::constant(BIAS, &[4 * size], 0.0),
        ]
    }

    fn codes(&self, weights: &Weights, songs: &[u32]) -> Result<Tensor> {
        let (input, state) = (weight(weights, INPUT)?, weight(weights, STATE)?);
        let bias = weight(weights, BIAS)?;
        let mut h = Tensor::zeros((songs.len(), self.size), input.dtype(), input.device())?;
        let mut c = h.clone();
        for frame in 0..self.frames.count {
            // Frame by frame from the host: no gradient goes to the input.
            let x = self.frames.at(songs, frame, &input)?; // (S, K)
            let gates = nn::add_bias(&(x.matmul(&input)? + h.matmul(&state)?)?, &bias)?; // (S, 4C)
            let gate = |part: usize| gates.narrow(1, part * self.size, self.size);
            let open = |part: usize| nn::sigmoid_of(&gate(part)?);
            c = ((open(1)? * c)? + (open(0)? * gate(2)?.tanh()?)?)?;
            h = (open(3)? * c.tanh()?)?;
        }
        Ok(h) // (S, C)
    }

    fn numbers(&self, songs: u64) -> u64 {
        songs * self.frames.count as u64 * (self.frames.coefficients + 14 * self.size) as u64
    }
}
