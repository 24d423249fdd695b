//! Training a pair model.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::batch::{Batch, Batches};
use super::initial::initial;
use super::listeners::forget_sessions;
use super::scorer::Scorer;
use super::{CONTENT, Design, Pairs, Side};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::{self, Dropout};
use crate::train::params::Per;
use crate::train::{Model, Parameters, StepVariables, Training, Weights};

/// A training of a pair model.
pub struct Learner {
    dataset: Arc<Dataset>,
    design: Design,
    device: Device,
    parameters: Parameters,
    /// The names of the network's parameters but its tables.
    dense: Vec<String>,
    batches: Batches,
    /// Played pairs per step.
    rows: usize,
}

impl Learner {
    /// Prepares the training: initial parameters from the seed.
    ///
    /// # Errors
    /// There are no plays.
    pub fn new(dataset: Arc<Dataset>, design: Design, device: &Device) -> Result<Self> {
        let network = &design.network;
        let batches = Batches::new(&dataset, &design.config, network.knows_content());
        if batches.pairs.is_empty() {
            return Err(Error::data("there are no plays, so there is nothing to learn from"));
        }
        let rows = design.config.rows(batches.pairs.len());
        let parameters = initial(&dataset, &design, batches.pairs.len().div_ceil(rows));
        let dense = network.parameters().into_iter().map(|initial| initial.name).collect();
        Ok(Self { dataset, device: device.clone(), parameters, dense, batches, rows, design })
    }

    /// What a network sees of a batch: the variables of the step, and the pairs.
    fn look(&mut self, batch: &Batch, step: &mut StepVariables) -> Result<(Weights, Pairs)> {
        let (network, device) = (self.design.network.as_ref(), &self.device);
        let mut weights = Weights::new();
        for name in &self.dense {
            weights.insert(name.clone(), self.parameters.dense(name, step, device)?);
        }
        for table in network.tables() {
            let rows = if table.of == Side::Users { &batch.users } else { &batch.rows };
            let mut rows = self.parameters.rows(table.name, rows, step, device)?;
            if let Some(row_of) = batch.row_of.as_ref().filter(|_| table.of == Side::Songs) {
                rows = rows.index_select(&Tensor::from_slice(row_of, row_of.len(), device)?, 0)?;
            }
            weights.insert(table.name.into(), rows);
        }
        if let Some(content) = network.content(&weights, &batch.songs)? {
            weights.insert(CONTENT.into(), content);
        }
        let (users, songs) = (network.users(&weights)?, network.songs(&weights, &batch.songs)?);
        let pairs = Pairs { users, songs, at: batch.at.clone(), ids: batch.songs.clone() };
        Ok((weights, pairs))
    }

    /// One step: the mean loss, and how far the logits are apart.
    fn step(&mut self, batch: &Batch, apart: bool, rng: &mut ChaCha8Rng) -> Result<(f64, f32)> {
        let mut step = StepVariables::default();
        let (weights, pairs) = self.look(batch, &mut step)?;
        let (network, mut dropout) = (&self.design.network, Dropout::on(rng));
        let parts = match apart {
            true => network.parts(&weights, &pairs, &mut dropout)?,
            false => vec![network.logits(&weights, &pairs, &mut dropout)?],
        };
        let (mut loss, mut spread) = (Tensor::new(0.0_f32, &self.device)?, 0.0_f32);
        for logits in &parts {
            loss = (loss + nn::binary_cross_entropy(logits, &batch.labels)?)?;
            let logits = logits.to_vec1::<f32>()?;
            let lowest = logits.iter().copied().fold(f32::INFINITY, f32::min);
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            spread = spread.max((highest - lowest) / (1.0 + highest.abs()));
        }
        self.parameters.apply(&step, &loss.backward()?)?;
        Ok((f64::from(loss.to_scalar::<f32>()?) / parts.len() as f64, spread))
    }

    /// The weights as they are stored: content is that of all songs, sessions are the mean of
    /// their rows for each song.
    fn stored(&self) -> Result<Weights> {
        let mut weights = self.parameters.weights()?;
        let (network, songs) = (self.design.network.as_ref(), self.dataset.songs.len());
        let mut content = Vec::new();
        for first in (0..songs).step_by(CONTENT_TILE) {
            let ids: Vec<u32> =
                (first..songs.min(first + CONTENT_TILE)).map(|s| s as u32).collect();
            content.extend(network.content(&weights, &ids)?);
        }
        if !content.is_empty() {
            weights.insert(CONTENT.into(), Tensor::cat(&content, 0)?);
        }
        if self.design.config.per == Per::Session {
            forget_sessions(&mut weights, network, &self.batches.played, songs)?;
        }
        Ok(weights)
    }
}

/// The content of so many songs is looked at together.
const CONTENT_TILE: usize = 256;

/// Logits closer to each other than this share of their size are the same.
const SAME: f32 = 1e-6;

/// The last one in so many steps of an epoch is watched.
const WATCHED: usize = 8;

/// Whether an epoch told any two pairs apart in its last steps.
#[derive(Default)]
struct Watch {
    has_negatives: bool,
    spread: f32,
}

impl Watch {
    /// A constant output has no gradient but that of its level, so it stays.
    ///
    /// # Errors
    /// The output was constant.
    fn check(&self, epoch: usize) -> Result<()> {
        if !self.has_negatives || self.spread > SAME {
            return Ok(());
        }
        Err(Error::Compute(format!(
            "training is stuck: in epoch {epoch} every pair of a user and a song got the same score, \
             from which nothing leads away; give another seed, a larger embedding_size, or a lower \
             learning_rate or reg"
        )))
    }
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.design.config.seed);
        rng.set_stream(epoch as u64);
        let apart = epoch <= self.design.config.apart;
        let mut order = self.batches.pairs.clone();
        order.shuffle(&mut rng);
        let (mut total, mut examples, mut watch) = (0.0, 0, Watch::default());
        let steps = order.len().div_ceil(self.rows);
        let watched = steps - steps.div_ceil(WATCHED);
        for (at, pairs) in control.through(order.chunks(self.rows)).enumerate() {
            let batch = self.batches.batch(pairs?, &mut rng);
            let (loss, spread) = self.step(&batch, apart, &mut rng)?;
            total += loss * batch.labels.len() as f64;
            examples += batch.labels.len();
            if !loss.is_finite() {
                return Ok(loss);
            }
            if at >= watched && batch.labels.contains(&0.0) {
                watch.has_negatives = true;
                watch.spread = watch.spread.max(spread);
            }
        }
        watch.check(epoch)?;
        Ok(total / examples.max(1) as f64)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        let (dataset, weights) = (self.dataset.clone(), self.stored()?);
        Ok(Box::new(Scorer::new(dataset, self.design.clone(), weights, &self.device)?))
    }

    fn state(&self) -> Result<Weights> {
        self.parameters.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.parameters.restore(state)
    }
}
