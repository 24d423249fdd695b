//! A trained BPR, ready to answer.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::learner::TABLES;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn;
use crate::train::{Context, Model, Weights};

/// Vectors of users and songs.
pub struct Bpr {
    dataset: Arc<Dataset>,
    weights: Weights,
    /// `(users, D)`, row-major; empty where sessions were learned.
    users: Vec<f32>,
    /// `(songs, D)`, row-major.
    songs: Vec<f32>,
    /// The same on the device, `(D, songs)`.
    table: Tensor,
    bias: Vec<f32>,
    size: usize,
}

impl Bpr {
    /// Puts weights to work.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(dataset: Arc<Dataset>, weights: Weights, device: &Device) -> Result<Self> {
        let host = |name: &str, rows: usize| -> Result<(Vec<f32>, usize)> {
            let tensor = weights.get(name).ok_or_else(|| {
                Error::model(format!("the stored BPR model has no tensor '{name}'; train it again"))
            })?;
            let (found, size) = tensor.dims2()?;
            if found != rows {
                return Err(Error::model(format!(
                    "tensor '{name}' of the stored BPR model has {found} rows, expected {rows}; \
                     train it again"
                )));
            }
            Ok((tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?, size))
        };
        let (songs, size) = host(TABLES[1], dataset.songs.len())?;
        let (bias, _) = host(TABLES[2], dataset.songs.len())?;
        let users = match weights.contains_key(TABLES[0]) {
            true => host(TABLES[0], dataset.users.len())?.0,
            false => Vec::new(),
        };
        let table = Tensor::from_slice(&songs, (bias.len(), size), device)?.t()?.contiguous()?;
        Ok(Self { dataset, weights, users, songs, table, bias, size })
    }

    /// The vector that speaks for a listener: their own, or the mean of their session's songs.
    fn code(&self, context: &Context<'_>) -> Vec<f32> {
        let size = self.size;
        let trained = |user: &u32| !self.dataset.plays.sessions_of(*user).is_empty();
        if let Some(user) = context.user.filter(trained).filter(|_| !self.users.is_empty()) {
            return self.users[user as usize * size..(user as usize + 1) * size].to_vec();
        }
        let mut mean = vec![0.0; size];
        let played = |song: &&u32| self.dataset.play_counts[**song as usize] > 0;
        let known: Vec<u32> = context.songs.iter().filter(played).copied().collect();
        for &song in &known {
            let vector = &self.songs[song as usize * size..(song as usize + 1) * size];
            mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
        let count = known.len().max(1) as f32;
        mean.iter_mut().for_each(|sum| *sum /= count);
        mean
    }
}

impl Model for Bpr {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let codes: Vec<f32> = contexts.iter().flat_map(|context| self.code(context)).collect();
        let codes = Tensor::from_vec(codes, (contexts.len(), self.size), self.table.device())?;
        nn::score_catalogue(&codes, &self.table, Some(&self.bias), out)?;
        nn::rank_unplayed_last(out, &self.dataset.play_counts);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }
}
