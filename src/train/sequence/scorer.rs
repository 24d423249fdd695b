//! A trained sequence model: contexts become codes, and codes score the catalogue.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::{BIASES, Design, OUTPUTS, SONGS, Sequences, weight};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::Dropout;
use crate::train::{Context, Model, Weights};

/// Contexts are computed so many at a time, the last ones filled up. How a matrix product is summed
/// depends on its size, so this makes a context score bit for bit the same alone and among others.
const BLOCK: usize = 16;

/// A sequence model with its weights, ready to answer.
pub struct Scorer {
    dataset: Arc<Dataset>,
    design: Design,
    /// As stored, on the CPU.
    weights: Weights,
    /// The network's parameters on the device.
    network: Weights,
    /// The input embeddings `(V, D)` on the device.
    songs: Tensor,
    /// The output embeddings, transposed, `(H, V)` on the device.
    outputs: Tensor,
    /// Added to the scores (V); empty where songs have none.
    biases: Vec<f32>,
    /// Songs that were never played in training.
    unplayed: Vec<u32>,
    device: Device,
}

impl Scorer {
    /// Puts weights to work.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(
        dataset: Arc<Dataset>,
        design: Design,
        weights: Weights,
        device: &Device,
    ) -> Result<Self> {
        let table = |name: &str, width: usize| -> Result<Tensor> {
            let tensor = weight(&weights, name)?;
            let shape = [dataset.songs.len(), width];
            if tensor.dims() != shape {
                return Err(Error::model(format!(
                    "tensor '{name}' of the stored model has shape {:?}, expected {shape:?}; train \
                     it again",
                    tensor.dims()
                )));
            }
            Ok(tensor.to_dtype(DType::F32)?.to_device(device)?)
        };
        let config = &design.config;
        let songs = table(SONGS, config.embedding_size)?;
        let width = design.encoder.width();
        let outputs = if config.tied { songs.clone() } else { table(OUTPUTS, width)? }.t()?;
        let biases = match config.bias {
            true => table(BIASES, 1)?.flatten_all()?.to_vec1()?,
            false => Vec::new(),
        };
        let tables = [SONGS, OUTPUTS, BIASES];
        let network = weights
            .iter()
            .filter(|(name, _)| !tables.contains(&name.as_str()))
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let counts = &dataset.play_counts;
        let unplayed =
            (0..counts.len() as u32).filter(|&song| counts[song as usize] == 0).collect();
        let device = device.clone();
        Ok(Self { dataset, design, weights, network, songs, outputs, biases, unplayed, device })
    }

    /// Scores a block of contexts of the same padded length; `out` holds one row for each.
    fn block(&self, length: usize, contexts: &[Vec<u32>], out: &mut [&mut [f32]]) -> Result<()> {
        let mut inputs = Vec::with_capacity(BLOCK * length);
        let mut lengths = Vec::with_capacity(BLOCK);
        // A short block is filled up with its first context.
        for songs in contexts.iter().chain(std::iter::repeat(&contexts[0])).take(BLOCK) {
            lengths.push(songs.len());
            inputs.extend_from_slice(songs);
            inputs.resize(lengths.len() * length, 0);
        }
        let ids = |indices: &[u32]| Tensor::from_slice(indices, indices.len(), &self.device);
        let shape = (BLOCK, length, self.design.config.embedding_size);
        let inputs = self.songs.index_select(&ids(&inputs)?, 0)?.reshape(shape)?;
        let last: Vec<u32> =
            lengths.iter().enumerate().map(|(row, n)| (row * length + n - 1) as u32).collect();
        let sequences = Sequences { inputs, lengths };
        let codes = self.design.encoder.encode(&self.network, &sequences, &mut Dropout::off())?;
        let codes = codes.flatten(0, 1)?.index_select(&ids(&last)?, 0)?; // (BLOCK, H)
        let scores: Vec<f32> = codes.matmul(&self.outputs)?.flatten_all()?.to_vec1()?;
        for (scores, out) in scores.chunks_exact(self.dataset.songs.len()).zip(out) {
            out.copy_from_slice(scores);
            out.iter_mut().zip(&self.biases).for_each(|(score, bias)| *score += bias);
            self.place_unplayed(out);
        }
        Ok(())
    }

    /// Songs without plays, about which nothing was learned, score as the worst of the others.
    fn place_unplayed(&self, scores: &mut [f32]) {
        if self.unplayed.is_empty() {
            return;
        }
        let played = scores.iter().zip(&self.dataset.play_counts).filter(|(_, plays)| **plays > 0);
        let worst = played.map(|(score, _)| *score).fold(f32::INFINITY, f32::min);
        for &song in &self.unplayed {
            scores[song as usize] = worst;
        }
    }

    /// The latest songs of a context, without those that were never played in training.
    fn known(&self, context: &Context<'_>) -> Vec<u32> {
        let counts = &self.dataset.play_counts;
        let known = context.songs.iter().rev().filter(|&&song| counts[song as usize] > 0);
        let mut songs: Vec<u32> = known.take(self.design.config.max_length).copied().collect();
        songs.reverse();
        songs
    }
}

impl Model for Scorer {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.dataset.songs.len();
        if contexts.is_empty() || songs == 0 {
            return Ok(());
        }
        let mut rows: Vec<(usize, Vec<u32>, &mut [f32])> = Vec::with_capacity(contexts.len());
        for (context, out) in contexts.iter().zip(out.chunks_exact_mut(songs)) {
            let known = self.known(context);
            if known.is_empty() {
                // Nothing to go by: the most played songs.
                let counts = out.iter_mut().zip(&self.dataset.play_counts);
                counts.for_each(|(score, &plays)| *score = plays as f32);
                continue;
            }
            // Its own length alone decides how a context is padded.
            let length = known.len().next_power_of_two().min(self.design.config.max_length);
            rows.push((length, known, out));
        }
        rows.sort_by_key(|(length, ..)| *length);
        let mut blocks = Vec::new();
        for same in rows.chunk_by_mut(|a, b| a.0 == b.0) {
            blocks.extend(same.chunks_mut(BLOCK));
        }
        blocks.into_par_iter().try_for_each(|block| {
            let contexts: Vec<Vec<u32>> =
                block.iter_mut().map(|(_, known, _)| std::mem::take(known)).collect();
            let length = block[0].0;
            let mut out: Vec<&mut [f32]> = block.iter_mut().map(|(.., out)| &mut **out).collect();
            self.block(length, &contexts, &mut out)
        })
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }
}
