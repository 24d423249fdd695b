//! Convolutions over the frames of a song.

use std::sync::Arc;

use candle_core::Tensor;

use super::content::{Content, Frames};
use crate::error::Result;
use crate::nn;
use crate::train::{Initial, Weights, weight};

/// Layers of convolutions.
const LAYERS: usize = 2;
/// Frames that a convolution looks at; it moves on by half of them.
const KERNEL: usize = 4;

/// Fewer frames leave a layer without input.
pub const LEAST_FRAMES: usize = 10;

/// Two convolutions over four frames in steps of two, rectified, and the mean over what is left of
/// the frames.
pub struct Convolutions {
    /// What songs contain.
    pub frames: Arc<Frames>,
    /// C, the channels of both layers.
    pub channels: usize,
}

fn name(layer: usize, kind: &str) -> String {
    format!("cnn.{layer}.{kind}")
}

/// Four neighbours of `x` `(S, T, C)` side by side, in steps of two: `(S, ⌊T / 2⌋ − 1, 4C)`.
fn neighbours(x: &Tensor) -> Result<Tensor> {
    let (songs, frames, width) = x.dims3()?;
    let halves = frames / 2;
    let x = x.narrow(1, 0, 2 * halves)?.contiguous()?.reshape((songs, halves, 2 * width))?;
    Ok(Tensor::cat(&[x.narrow(1, 0, halves - 1)?, x.narrow(1, 1, halves - 1)?], 2)?)
}

impl Content for Convolutions {
    fn width(&self) -> usize {
        self.channels
    }

    fn parameters(&self) -> Vec<Initial> {
        let layer = |layer: usize| {
            let inputs = KERNEL * if layer == 0 { self.frames.coefficients } else { self.channels };
            // He et al. 2015.
            let deviation = (2.0 / inputs.max(1) as f32).sqrt();
            [
                Initial::normal(name(layer, "weight"), &[inputs, self.channels], deviation),
                Initial::constant(name(layer, "bias"), &[self.channels], 0.0),
            ]
        };
        (0..LAYERS).flat_map(layer).collect()
    }

    fn codes(&self, weights: &Weights, songs: &[u32]) -> Result<Tensor> {
        let first = weight(weights, &name(0, "weight"))?;
        let mut x = self.frames.of(songs, &first)?; // (S, T, K)
        for layer in 0..LAYERS {
            let (w, b) = (name(layer, "weight"), name(layer, "bias"));
            let (w, b) = (weight(weights, &w)?, weight(weights, &b)?);
            x = nn::relu(&nn::linear(&neighbours(&x)?, &w, Some(&b))?)?;
        }
        Ok(x.mean(1)?) // (S, C)
    }

    fn numbers(&self, songs: u64) -> u64 {
        let (frames, channels) = (self.frames.count as u64, self.channels as u64);
        songs * frames * (3 * self.frames.coefficients as u64 + 4 * channels)
    }
}
