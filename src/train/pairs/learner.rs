//! Training a pair model.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::batch::{Batch, Batches};
use super::content::Content;
use super::initial::initial;
use super::listeners::forget_sessions;
use super::scorer::Scorer;
use super::shares::{self, Step};
use super::{CONTENT, Design, Pairs, Side};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
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
    /// Into how many shares such a step is cut.
    shares: u64,
}

/// What a network sees of a batch.
struct Seen {
    weights: Weights,
    content: Option<Content>,
    pairs: Pairs,
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
        // Another device has threads of its own.
        let shares = match device {
            Device::Cpu => shares::count(network.as_ref(), design.config.pairs(rows)),
            _ => 1,
        };
        let device = device.clone();
        Ok(Self { dataset, device, parameters, dense, batches, rows, shares, design })
    }

    /// What a network sees of a batch: the variables of the step, and the pairs.
    fn look(&mut self, batch: &Batch, step: &mut StepVariables) -> Result<Seen> {
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
        let content = Content::new(network, &weights, &batch.songs, device)?;
        if let Some(content) = &content {
            weights.insert(CONTENT.into(), content.all());
        }
        let (users, songs) = (network.users(&weights)?, network.songs(&weights, &batch.songs)?);
        let pairs = Pairs { users, songs, at: batch.at.clone(), ids: batch.songs.clone() };
        Ok(Seen { weights, content, pairs })
    }

    /// One step: the mean loss, and how far the logits are apart. `stream` is the first of the random
    /// streams that it may use.
    fn step(&mut self, batch: &Batch, apart: bool, stream: u64) -> Result<(f64, f32)> {
        let mut variables = StepVariables::default();
        let Seen { weights, content, pairs } = self.look(batch, &mut variables)?;
        let step = Step {
            network: self.design.network.as_ref(),
            weights: &weights,
            pairs: &pairs,
            labels: &batch.labels,
            apart,
            seed: self.design.config.seed,
            stream,
        };
        let shares = shares::at_most(self.shares, batch.labels.len() as u64);
        let mut outcome = step.learn(shares)?;
        if let Some(content) = content {
            let gradients = content.hand_on(&outcome.gradients)?;
            outcome.gradients.extend(gradients);
        }
        self.parameters.apply(&variables, &outcome.gradients)?;
        let spreads = outcome.ranges.iter().map(|(low, high)| (high - low) / (1.0 + high.abs()));
        Ok((outcome.loss / outcome.ranges.len() as f64, spreads.fold(0.0, f32::max)))
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

/// The random streams of a step begin here: none is that of an epoch, or of another step.
fn streams(epoch: usize, step: usize) -> u64 {
    1 << 63 | (epoch as u64) << 40 | (step as u64) << 8
}

impl Training for Learner {
    fn is_parallel(&self) -> bool {
        self.shares > 1 || self.design.network.makes_content()
    }

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
            let (loss, spread) = self.step(&batch, apart, streams(epoch, at))?;
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
