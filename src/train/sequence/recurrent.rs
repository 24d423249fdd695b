//! The network of GRU4Rec: gated recurrent units, layer upon layer.

use candle_core::{DType, Tensor};

use super::{Encoder, Sequences};
use crate::error::Result;
use crate::nn::{self, Dropout};
use crate::train::{Initial, Weights, weight};

/// Layers of GRUs over the songs played; the last one's state is the code.
#[derive(Debug, Clone)]
pub struct Recurrent {
    /// D, the size of the input embeddings.
    pub inputs: usize,
    /// H, the size of each layer's state.
    pub size: usize,
    /// How many layers there are.
    pub layers: usize,
    /// The share of the numbers in input embeddings that training drops.
    pub input_dropout: f64,
    /// The share of the numbers that training drops from what a layer passes on; its state keeps
    /// them.
    pub dropout: f64,
}

impl Recurrent {
    fn layer_inputs(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.size }
    }
}

impl Encoder for Recurrent {
    fn parameters(&self) -> Vec<Initial> {
        let mut all = Vec::new();
        for layer in 0..self.layers {
            for (part, inputs) in [("input", self.layer_inputs(layer)), ("recurrent", self.size)] {
                let name = |kind: &str| format!("gru.{layer}.{part}.{kind}");
                let shape = [inputs, 3 * self.size];
                // Glorot & Bengio 2010, for each gate.
                let deviation = (2.0 / (inputs + self.size) as f32).sqrt();
                all.push(Initial::normal(name("weight"), &shape, deviation));
                all.push(Initial::constant(name("bias"), &[3 * self.size], 0.0));
            }
        }
        all
    }

    fn width(&self) -> usize {
        self.size
    }

    fn states(&self) -> Vec<usize> {
        vec![self.size; self.layers]
    }

    fn encode(
        &self,
        weights: &Weights,
        sequences: &mut Sequences,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let (batch, length, _) = sequences.inputs.dims3()?;
        let mut x = dropout.apply(&sequences.inputs, self.input_dropout)?; // (B, L, D)
        for layer in 0..self.layers {
            let get = |name: &str| weight(weights, &format!("gru.{layer}.{name}"));
            let gates = nn::linear(&x, &get("input.weight")?, Some(&get("input.bias")?))?; // (B, L, 3H)
            let (state, resets) = match &sequences.carried {
                Some(carried) => (carried.states[layer].clone(), carried.resets.as_slice()),
                None => (Tensor::zeros((batch, self.size), x.dtype(), x.device())?, &[][..]),
            };
            let (weight, bias) = (get("recurrent.weight")?, get("recurrent.bias")?);
            let states = nn::gru(&gates, &weight, &bias, &state, resets)?; // (B, L, H)
            if let Some(carried) = &mut sequences.carried {
                carried.states[layer] = states.narrow(1, length - 1, 1)?.squeeze(1)?.detach();
            }
            x = dropout.apply(&states, self.dropout)?;
        }
        Ok(x)
    }

    fn numbers(&self, places: u64, _length: u64) -> u64 {
        let (inputs, size, layers) = (self.inputs as u64, self.size as u64, self.layers as u64);
        places * (2 * inputs + layers * 12 * size)
    }
}

/// The states before a first batch: zeros.
///
/// # Errors
/// Out of memory.
pub fn first_states(
    encoder: &dyn Encoder,
    batch: usize,
    device: &candle_core::Device,
) -> Result<Vec<Tensor>> {
    let zeros = |size: &usize| Ok(Tensor::zeros((batch, *size), DType::F32, device)?);
    encoder.states().iter().map(zeros).collect()
}
