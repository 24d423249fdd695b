//! Training a sequence model: all positions of a window predict the play after them in one pass.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::batch::Batch;
use super::initial::initial;
use super::scorer::Scorer;
use super::windows::{Window, batches, windows};
use super::{BIASES, Design, OUTPUTS, SONGS, Sequences};
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
    windows: Vec<Window>,
}

impl Learner {
    /// Prepares the training: initial parameters from the seed.
    ///
    /// # Errors
    /// No session has two plays, so that nothing can be predicted.
    pub fn new(dataset: Arc<Dataset>, design: Design, device: &Device) -> Result<Self> {
        let windows = windows(&dataset, design.config.max_length);
        if windows.is_empty() {
            return Err(Error::data(
                "no session of the plays has two plays, so there is no next song to learn; \
                 check session_id (sessionize() makes sessions), or leave it out to take each \
                 user's history as one session",
            ));
        }
        let steps = windows.len().div_ceil(design.config.batch_size);
        let (parameters, dense) = initial(&dataset, &design, steps);
        let sampler = NegativeSampler::new(&dataset, design.config.objective);
        let device = device.clone();
        Ok(Self { dataset, design, device, parameters, dense, sampler, windows })
    }

    fn step(&mut self, batch: &Batch, rng: &mut ChaCha8Rng) -> Result<f64> {
        let mut step = StepVariables::default();
        let loss = self.loss(batch, &mut step, rng)?;
        let grads = loss.backward()?;
        self.parameters.apply(&step, &grads)?;
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
        let outputs = if self.design.config.tied { songs.clone() } else { rows(OUTPUTS)? }; // (S, H)
        let biases = if self.design.config.bias { Some(rows(BIASES)?) } else { None }; // (S, 1)
        let mut weights = Weights::new();
        for name in &self.dense {
            weights.insert(name.clone(), self.parameters.dense(name, step, &device)?);
        }
        let shape = (batch.lengths.len(), batch.length, songs.dims2()?.1);
        let inputs = songs.index_select(&ids(&batch.inputs)?, 0)?.reshape(shape)?;
        let sequences = Sequences { inputs, lengths: batch.lengths.clone() };
        let codes = self.design.encoder.encode(&weights, &sequences, &mut Dropout::on(rng))?; // (B, L, H)
        let codes = codes.flatten(0, 1)?.index_select(&ids(&batch.places)?, 0)?; // (P, H)
        let targets = ids(&batch.targets)?;
        let count = batch.pool.songs.len();
        let mut positives = (outputs.index_select(&targets, 0)? * &codes)?.sum(1)?; // (P)
        let mut negatives = codes.matmul(&outputs.narrow(0, 0, count)?.t()?)?; // (P, N)
        if let Some(biases) = biases {
            positives = (positives + biases.index_select(&targets, 0)?.squeeze(1)?)?;
            negatives = negatives.broadcast_add(&biases.narrow(0, 0, count)?.t()?)?;
        }
        self.sampler.mean(&batch.pool, &batch.target_songs, &positives, &negatives)
    }
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.design.config.seed);
        rng.set_stream(epoch as u64);
        let (mut total, mut examples) = (0.0, 0);
        for windows in batches(&self.windows, self.design.config.batch_size, &mut rng) {
            control.check()?;
            let batch = Batch::new(&self.dataset.plays.songs, &windows, &self.sampler, &mut rng);
            let loss = self.step(&batch, &mut rng)?;
            total += loss * batch.places.len() as f64;
            examples += batch.places.len();
            if !loss.is_finite() {
                break;
            }
        }
        Ok(total / examples as f64)
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
