//! A multi-layer perceptron.

use candle_core::Tensor;

use crate::error::Result;
use crate::nn::{self, Dropout};
use crate::train::{Initial, Weights, weight};

/// Layers of rectified linear units, `x ← relu(x·W + b)`.
#[derive(Debug, Clone)]
pub struct Tower {
    /// What its parameters' names begin with: `<name>.<layer>.weight` `(I, O)`, `….bias` (O).
    pub name: &'static str,
    /// The widths of its input and of every layer.
    pub widths: Vec<usize>,
}

impl Tower {
    /// Its parameters before training.
    pub fn parameters(&self) -> Vec<Initial> {
        let layers = self.widths.windows(2).enumerate();
        let both = layers.flat_map(|(layer, io)| {
            // Glorot & Bengio 2010.
            let deviation = (2.0 / (io[0] + io[1]) as f32).sqrt();
            [
                Initial::normal(self.weight_name(layer), &[io[0], io[1]], deviation),
                Initial::constant(self.bias_name(layer), &[io[1]], 0.0),
            ]
        });
        both.collect()
    }

    /// The name of a layer's weight.
    pub fn weight_name(&self, layer: usize) -> String {
        format!("{}.{layer}.weight", self.name)
    }

    /// The name of a layer's bias.
    pub fn bias_name(&self, layer: usize) -> String {
        format!("{}.{layer}.bias", self.name)
    }

    /// The width of its output.
    pub fn width(&self) -> usize {
        self.widths.last().copied().unwrap_or(0)
    }

    /// Its output `(B, O)` from what enters layer `first` `(B, I)`; what enters each layer is dropped
    /// at `rate` in training.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    pub fn forward(
        &self,
        weights: &Weights,
        first: usize,
        x: Tensor,
        rate: f64,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let mut x = x;
        for layer in first..self.widths.len().saturating_sub(1) {
            let w = weight(weights, &self.weight_name(layer))?;
            let b = weight(weights, &self.bias_name(layer))?;
            x = nn::relu(&nn::linear(&dropout.apply(&x, rate)?, &w, Some(&b))?)?;
        }
        Ok(x)
    }

    /// How many numbers a forward pass keeps for each row.
    pub fn numbers(&self) -> u64 {
        3 * self.widths.iter().map(|&width| width as u64).sum::<u64>()
    }
}
