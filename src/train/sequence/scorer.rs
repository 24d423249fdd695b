//! A trained sequence model: contexts become codes, and codes score the catalogue.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::{BIASES, Design, OUTPUTS, SONGS, Sequences, unit};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::{self, Dropout};
use crate::train::{Context, Model, Weights, weight};

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
    /// The output embeddings `(H, V)` on the device, of length 1 where scores are cosines.
    outputs: Tensor,
    /// Added to the scores (V).
    biases: Option<Vec<f32>>,
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
        let mut outputs = if config.tied { songs.clone() } else { table(OUTPUTS, width)? };
        if config.temperature.is_some() {
            outputs = unit(&outputs)?;
        }
        let outputs = outputs.t()?.contiguous()?;
        let biases = match config.bias {
            true => Some(table(BIASES, 1)?.flatten_all()?.to_vec1()?),
            false => None,
        };
        let tables = [SONGS, OUTPUTS, BIASES];
        let network = weights
            .iter()
            .filter(|(name, _)| !tables.contains(&name.as_str()))
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let device = device.clone();
        Ok(Self { dataset, design, weights, network, songs, outputs, biases, device })
    }

    /// The codes `(BLOCK, H)`, row-major, of up to [`BLOCK`] contexts of the same padded length.
    fn block(&self, length: usize, contexts: &[(usize, &[u32])]) -> Result<Vec<f32>> {
        let mut inputs = Vec::with_capacity(BLOCK * length);
        let mut lengths = Vec::with_capacity(BLOCK);
        // A short block is filled up with its first context.
        for (_, songs) in contexts.iter().chain(std::iter::repeat(&contexts[0])).take(BLOCK) {
            lengths.push(songs.len());
            inputs.extend_from_slice(songs);
            inputs.resize(lengths.len() * length, 0);
        }
        let ids = |indices: &[u32]| Tensor::from_slice(indices, indices.len(), &self.device);
        let shape = (BLOCK, length, self.design.config.embedding_size);
        let inputs = self.songs.index_select(&ids(&inputs)?, 0)?.reshape(shape)?;
        let last: Vec<u32> =
            lengths.iter().enumerate().map(|(row, n)| (row * length + n - 1) as u32).collect();
        let mut sequences = Sequences { inputs, lengths, carried: None };
        let codes =
            self.design.encoder.encode(&self.network, &mut sequences, &mut Dropout::off())?;
        let mut codes = codes.flatten(0, 1)?.index_select(&ids(&last)?, 0)?; // (BLOCK, H)
        if let Some(temperature) = self.design.config.temperature {
            codes = (unit(&codes)? / temperature)?;
        }
        Ok(codes.flatten_all()?.to_vec1()?)
    }

    /// The codes `(B, H)` of contexts, row-major; of those without a song, 0.
    fn codes(&self, contexts: &[Vec<u32>]) -> Result<Vec<f32>> {
        let max_length = self.design.config.max_length;
        // Its own length alone decides how a context is padded.
        let padded = |songs: &[u32]| songs.len().next_power_of_two().min(max_length);
        let mut order: Vec<(usize, &[u32])> =
            contexts.iter().map(Vec::as_slice).enumerate().filter(|c| !c.1.is_empty()).collect();
        order.sort_by_key(|(_, songs)| padded(songs));
        let same = order.chunk_by(|a, b| padded(a.1) == padded(b.1));
        let blocks: Vec<&[(usize, &[u32])]> = same.flat_map(|same| same.chunks(BLOCK)).collect();
        let coded: Vec<Vec<f32>> = blocks
            .par_iter()
            .map(|block| self.block(padded(block[0].1), block))
            .collect::<Result<_>>()?;
        let width = self.design.encoder.width();
        let mut codes = vec![0.0; contexts.len() * width];
        for (block, coded) in blocks.iter().zip(coded) {
            for ((context, _), code) in block.iter().zip(coded.chunks_exact(width)) {
                codes[context * width..(context + 1) * width].copy_from_slice(code);
            }
        }
        Ok(codes)
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
        let known: Vec<Vec<u32>> = contexts.iter().map(|context| self.known(context)).collect();
        let shape = (contexts.len(), self.design.encoder.width());
        let codes = Tensor::from_vec(self.codes(&known)?, shape, &self.device)?;
        nn::score_catalogue(&codes, &self.outputs, self.biases.as_deref(), out)?;
        let counts = &self.dataset.play_counts;
        nn::rank_unplayed_last(out, counts);
        for (out, _) in out.chunks_exact_mut(songs).zip(&known).filter(|(_, k)| k.is_empty()) {
            // Nothing to go by.
            out.fill(0.0);
        }
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }
}
