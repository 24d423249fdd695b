//! Popularity: every listener gets the most played songs.
//!
//! The baseline that any personal model has to beat, and what unknown users are answered with.
//! The score of a song is how often it was played in the training plays.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::control::Control;
use crate::data::Dataset;
use crate::error::Result;
use crate::train::{Context, Memory, Model, ModelSpec, Training, Weights};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "popularity",
    summary: "The most played songs, for everybody.",
    source: "a baseline without a paper",
    example: "FROM train_popularity('plays')",
    inputs: &[],
    params: &[],
    iterative: false,
    memory: |dataset, _| {
        let scores = dataset.songs.len() as u64 * 4;
        Ok(Memory { weights: scores, optimizer: 0, step: scores })
    },
    start: |dataset, _, _| Ok(Box::new(Popularity::new(&dataset))),
    load: |artifact, _| Ok(Box::new(Popularity::new(&artifact.dataset))),
};

#[derive(Clone)]
struct Popularity {
    // Counts above 2²⁴ would tie in f32; ranks keep the order exact.
    scores: Arc<Vec<f32>>,
}

impl Popularity {
    fn new(dataset: &Dataset) -> Self {
        let mut distinct = dataset.play_counts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let exact = distinct.last().is_none_or(|&most| most < 1 << 24);
        let score = |count: &u32| {
            if exact { *count as f32 } else { distinct.partition_point(|c| c < count) as f32 }
        };
        Self { scores: Arc::new(dataset.play_counts.iter().map(score).collect()) }
    }
}

impl Model for Popularity {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        if !self.scores.is_empty() {
            out.chunks_exact_mut(self.scores.len())
                .take(contexts.len())
                .for_each(|scores| scores.copy_from_slice(&self.scores));
        }
        Ok(())
    }

    /// The scores, for whoever exports the model; loading counts the plays again.
    fn weights(&self) -> Result<Weights> {
        let scores = Tensor::from_slice(&self.scores, self.scores.len(), &Device::Cpu)?;
        Ok(Weights::from([("scores".to_owned(), scores)]))
    }
}

impl Training for Popularity {
    /// Nothing is learned beyond the counts; the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        control.check()?;
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        Ok(Box::new(self.clone()))
    }
}
