//! A trained WMF, ready to answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::als::Fixed;
use super::config::Config;
use super::learner::TABLES;
use super::observed::{Observed, counted};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn;
use crate::train::{Context, Model, Weights};

/// Vectors of users and songs.
pub struct Wmf {
    dataset: Arc<Dataset>,
    config: Config,
    weights: Weights,
    /// `(users, D)`, row-major; empty where sessions were learned.
    users: Vec<f32>,
    /// `(songs, D)`, row-major.
    songs: Vec<f32>,
    /// The same on the device, `(D, songs)`.
    table: Tensor,
    /// `α₀ YᵀY` of the songs, `(D, D)`.
    gramian: Vec<f32>,
    /// How many songs were played.
    played: usize,
}

impl Wmf {
    /// Puts weights to work.
    ///
    /// # Errors
    /// A tensor is missing, or does not fit the data set.
    pub fn new(
        dataset: Arc<Dataset>,
        config: Config,
        weights: Weights,
        device: &Device,
    ) -> Result<Self> {
        let size = config.problem.size;
        let host = |name: &str, rows: usize| -> Result<Vec<f32>> {
            let tensor = weights.get(name).ok_or_else(|| {
                Error::model(format!("the stored WMF model has no tensor '{name}'; train it again"))
            })?;
            if tensor.dims() != [rows, size] {
                return Err(Error::model(format!(
                    "tensor '{name}' of the stored WMF model has shape {:?}, expected {:?}; train it \
                     again",
                    tensor.dims(),
                    [rows, size]
                )));
            }
            Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
        };
        let songs = host(TABLES[1], dataset.songs.len())?;
        let users = match weights.contains_key(TABLES[0]) {
            true => host(TABLES[0], dataset.users.len())?,
            false => Vec::new(),
        };
        let shape = (dataset.songs.len(), size);
        let table = Tensor::from_slice(&songs, shape, device)?.t()?.contiguous()?;
        let gramian = config.problem.gramian(&songs)?;
        let played = dataset.play_counts.iter().filter(|&&plays| plays > 0).count();
        Ok(Self { dataset, config, weights, users, songs, table, gramian, played })
    }

    /// The vector that speaks for a listener: their own where it knows of all songs of the context,
    /// otherwise one solved from these and the songs of the training.
    fn code(&self, context: &Context<'_>) -> Result<Vec<f32>> {
        let size = self.config.problem.size;
        let is_played = |song: u32| self.dataset.play_counts[song as usize] > 0;
        let told: Vec<(u32, u32)> =
            counted(context.songs).into_iter().filter(|&(song, _)| is_played(song)).collect();
        let mut plays = BTreeMap::new();
        if let Some(user) = context.user.filter(|_| !self.users.is_empty()) {
            plays.extend(counted(self.dataset.plays.history(user)));
            if !plays.is_empty() && told.iter().all(|(song, _)| plays.contains_key(song)) {
                let user = user as usize;
                return Ok(self.users[user * size..(user + 1) * size].to_vec());
            }
        }
        for (song, count) in told {
            // What is told may have plays of the training in it: they must not count twice.
            let known = plays.entry(song).or_insert(0);
            *known = count.max(*known);
        }
        let observed = Observed::of_songs(plays.into_iter(), self.config.confidence);
        let problem = self.config.problem;
        Fixed { problem, table: &self.songs, met: self.played, gramian: &self.gramian }
            .solution(observed.row(0))
    }
}

impl Model for Wmf {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let codes: Vec<Vec<f32>> =
            contexts.par_iter().map(|context| self.code(context)).collect::<Result<_>>()?;
        let shape = (contexts.len(), self.config.problem.size);
        let codes = Tensor::from_vec(codes.concat(), shape, self.table.device())?;
        nn::score_catalogue(&codes, &self.table, None, out)?;
        nn::rank_unplayed_last(out, &self.dataset.play_counts);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(self.weights.clone())
    }
}
