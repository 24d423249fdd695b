//! Training a sequence model: all positions of a window predict the play after them in one pass.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::batch::{Batch, Run};
use super::initial::initial;
use super::recurrent::first_states;
use super::scorer::Scorer;
use super::streams::{self, Streams};
use super::windows::{Window, batches, inputs, windows};
use super::{BIASES, Batching, Carried, Design, OUTPUTS, SONGS, Sequences, unit};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::Dropout;
use crate::train::{Model, NegativeSampler, Parameters, StepVariables, Training, Weights};

/// A training of a sequence model.
pub struct Learner {
    dataset: Arc<Dataset>,
    design: Design,
    device: Device,
    parameters: Parameters,
    /// The names of the network's parameters.
    dense: Vec<String>,
    sampler: NegativeSampler,
    /// All predictions; streams have an order of their own.
    windows: Vec<Window>,
    /// Those of the latest sessions, for the last epochs.
    recent: Vec<Window>,
    /// Sequences per step.
    batch_size: usize,
    /// The states that the next batch of streams goes on from.
    states: Vec<Tensor>,
}

impl Learner {
    /// Prepares the training: initial parameters from the seed.
    ///
    /// # Errors
    /// No session has two plays, so that nothing can be predicted.
    pub fn new(dataset: Arc<Dataset>, design: Design, device: &Device) -> Result<Self> {
        let cut = |share: f64| windows(&dataset, design.config.max_length, share);
        let windows = cut(1.0);
        if windows.is_empty() {
            return Err(Error::data(
                "no session of the plays has two plays, so there is no next song to learn; \
                 check session_id (sessionize() makes sessions), or leave it out to take each \
                 user's history as one session",
            ));
        }
        let batch_size = design.config.rows(windows.len());
        let steps = windows.len().div_ceil(batch_size);
        let (windows, recent, steps) = match design.config.batching {
            Batching::Windows { recent: (0, _), .. } => (windows, Vec::new(), steps),
            Batching::Windows { recent: (_, share), .. } => (windows, cut(share), steps),
            Batching::Streams { steps } => {
                let share = inputs(&windows).div_ceil(streams::count(&dataset, batch_size));
                (Vec::new(), Vec::new(), share.div_ceil(steps))
            }
        };
        let (parameters, dense) = initial(&dataset, &design, steps);
        let sampler = NegativeSampler::new(&dataset, design.config.objective);
        let device = device.clone();
        let states = Vec::new();
        Ok(Self {
            dataset,
            design,
            device,
            parameters,
            dense,
            sampler,
            windows,
            recent,
            batch_size,
            states,
        })
    }

    fn step(&mut self, batch: &Batch, rng: &mut ChaCha8Rng) -> Result<f64> {
        let mut step = StepVariables::default();
        let loss = self.loss(batch, &mut step, rng)?;
        let grads = loss.backward()?;
        self.parameters.apply(&step, std::slice::from_ref(&grads))?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }

    fn loss(
        &mut self,
        batch: &Batch,
        step: &mut StepVariables,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let device = self.device.clone();
        let ids = |indices: &[u32]| Tensor::from_slice(indices, indices.len(), &device);
        let mut rows = |name: &str| self.parameters.rows(name, &batch.songs, step, &device);
        let songs = rows(SONGS)?; // (S, D)
        let mut outputs = if self.design.config.tied { songs.clone() } else { rows(OUTPUTS)? }; // (S, H)
        let biases = if self.design.config.bias { Some(rows(BIASES)?) } else { None }; // (S, 1)
        let mut weights = Weights::new();
        for name in &self.dense {
            weights.insert(name.clone(), self.parameters.dense(name, step, &device)?);
        }
        let shape = (batch.lengths.len(), batch.length, songs.dims2()?.1);
        let inputs = songs.index_select(&ids(&batch.inputs)?, 0)?.reshape(shape)?;
        let carried = (!self.states.is_empty())
            .then(|| Carried { states: self.states.clone(), resets: batch.resets.clone() });
        let mut sequences = Sequences { inputs, lengths: batch.lengths.clone(), carried };
        let encoder = &self.design.encoder;
        let codes = encoder.encode(&weights, &mut sequences, &mut Dropout::on(rng))?; // (B, L, H)
        self.states = sequences.carried.map(|carried| carried.states).unwrap_or_default();
        let mut codes = codes.flatten(0, 1)?.index_select(&ids(&batch.places)?, 0)?; // (P, H)
        if let Some(temperature) = self.design.config.temperature {
            (codes, outputs) = ((unit(&codes)? / temperature)?, unit(&outputs)?);
        }
        if let Some(biases) = biases {
            // A product with one column more.
            let ones = Tensor::ones((batch.places.len(), 1), codes.dtype(), &device)?;
            codes = Tensor::cat(&[&codes, &ones], 1)?;
            outputs = Tensor::cat(&[&outputs, &biases], 1)?;
        }
        let (pool, targets) = (&batch.pool, &batch.target_songs);
        self.sampler.mean_of_products(pool, targets, &batch.targets, &codes, &outputs)
    }
}

/// The mean of the steps' losses, by predictions.
#[derive(Default)]
struct Mean {
    total: f64,
    examples: usize,
}

impl Learner {
    /// Trains on a batch; whether to go on.
    fn train(&mut self, runs: &[Run], rng: &mut ChaCha8Rng, mean: &mut Mean) -> Result<bool> {
        let batch = Batch::new(&self.dataset.plays.songs, runs, &self.sampler, rng);
        let loss = self.step(&batch, rng)?;
        mean.total += loss * batch.places.len() as f64;
        mean.examples += batch.places.len();
        Ok(loss.is_finite())
    }
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.design.config.seed);
        rng.set_stream(epoch as u64);
        let (mut mean, config) = (Mean::default(), &self.design.config);
        match config.batching {
            Batching::Streams { steps } => {
                let streams = Streams::new(&self.dataset, self.batch_size, &mut rng);
                let encoder = self.design.encoder.as_ref();
                self.states = first_states(encoder, streams.rows(), &self.device)?;
                for runs in control.through(streams.batches(steps)) {
                    if !self.train(&runs?, &mut rng, &mut mean)? {
                        break;
                    }
                }
            }
            Batching::Windows { item_dropout, recent: (epochs, _) } => {
                let is_recent = epoch + epochs > config.optimizer.epochs;
                let windows = match &self.recent {
                    recent if is_recent && !recent.is_empty() => recent,
                    _ => &self.windows,
                };
                let batches = batches(windows, self.batch_size, &mut rng);
                for windows in control.through(batches.into_iter()) {
                    let run = |window: Window| Run::dropped(window, item_dropout, &mut rng);
                    let runs: Vec<Run> = windows?.into_iter().map(run).collect();
                    if !self.train(&runs, &mut rng, &mut mean)? {
                        break;
                    }
                }
            }
        }
        Ok(mean.total / mean.examples.max(1) as f64)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        let weights = self.parameters.weights()?;
        Ok(Box::new(Scorer::new(self.dataset.clone(), self.design.clone(), weights, &self.device)?))
    }

    fn state(&self) -> Result<Weights> {
        self.parameters.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.parameters.restore(state)
    }
}
