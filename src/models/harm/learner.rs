//! Training HARM.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::audio::{Audio, MAP, TABLE, VECTORS};
use super::batch::{Batch, Example, examples};
use super::config::{Attention, Config};
use super::initial::initial;
use super::network::{self, Dense};
use super::scorer::Harm;
use super::tables::{embed, song_lookups, user_lookups};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::Dropout;
use crate::train::{Model, NegativeSampler, Parameters, StepVariables, Training, Weights};

/// A training of HARM.
pub struct Learner {
    dataset: Arc<Dataset>,
    config: Config,
    device: Device,
    parameters: Parameters,
    sampler: NegativeSampler,
    examples: Vec<Example>,
    audio: Option<Audio>,
}

impl Learner {
    /// Prepares the training: initial parameters from the seed.
    ///
    /// # Errors
    /// No session has two plays, so that nothing can be predicted.
    pub fn new(dataset: Arc<Dataset>, config: Config, device: &Device) -> Result<Self> {
        let examples = examples(&dataset);
        if examples.is_empty() {
            return Err(Error::data(
                "no session of the plays has two plays, so there is no next song to learn; \
                 check session_id (sessionize() makes sessions), or leave it out to take each \
                 user's history as one session",
            ));
        }
        let sampler = NegativeSampler::new(&dataset, config.objective);
        let steps = examples.len().div_ceil(config.batch_size);
        let parameters = initial(&dataset, &config, steps);
        let device = device.clone();
        let audio = dataset.features.as_ref().map(Audio::new);
        Ok(Self { dataset, config, device, parameters, sampler, examples, audio })
    }

    fn step(&mut self, examples: &[Example], rng: &mut ChaCha8Rng) -> Result<f64> {
        let batch = Batch::new(&self.dataset, &self.config, &self.sampler, examples, rng);
        let mut step = StepVariables::default();
        let loss = self.loss(&batch, &mut step, rng)?;
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
        let (config, device) = (&self.config, &self.device);
        let dropped: Vec<bool> = if config.song_dropout > 0.0 {
            batch.songs.iter().map(|_| rng.random_bool(config.song_dropout)).collect()
        } else {
            Vec::new()
        };
        let songs = song_lookups(&self.dataset, &batch.songs, &dropped);
        let mut fields = embed(&mut self.parameters, "field", &songs, step, device)?;
        if let Some(audio) = &self.audio {
            fields.push(audio.embed(&batch.songs, &mut self.parameters, step, device)?);
        }
        let fields = Tensor::stack(&fields, 0)?; // (F, S, D)
        let attributes = if config.attention == Attention::User {
            let users = user_lookups(&self.dataset, &batch.users, &batch.attributes_of);
            embed(&mut self.parameters, "user", &users, step, device)?
        } else {
            Vec::new()
        };
        let parameters = &self.parameters;
        let dense = Dense::new(
            config.residual,
            |name| parameters.contains(name),
            |name| parameters.dense(name, step, device),
        )?;
        let queries = network::queries(&dense, batch.users.len(), &attributes)?;
        let attention = config.attention;
        let seen = network::represent(&dense, attention, &queries, &fields, &batch.places)?;
        let (examples, context) = (batch.examples(), batch.examples() * batch.length);
        let size = config.embedding_size;
        let songs = seen.narrow(0, 0, context)?.reshape((examples, batch.length, size))?;
        let dropout = &mut Dropout::on(rng);
        let codes = network::user_codes(&dense, &songs, &batch.starts, dropout, config.dropout)?; // (B, D)
        let targets = seen.narrow(0, context, examples)?;
        let positives = (&codes * targets)?.sum(1)?; // (B)
        let pool = fields.narrow(1, 0, batch.pool.songs.len())?.contiguous()?; // (F, N, D)
        let negatives = network::candidate_scores(&dense, attention, &queries, &codes, &pool)?; // (B, N)
        self.sampler.mean(&batch.pool, &batch.targets, &positives, &negatives)
    }
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(epoch as u64);
        let mut order = self.examples.clone();
        order.shuffle(&mut rng);
        let mut total = 0.0;
        for examples in control.through(order.chunks(self.config.batch_size)) {
            let examples = examples?;
            let loss = self.step(examples, &mut rng)?;
            total += loss * examples.len() as f64;
            if !loss.is_finite() {
                break;
            }
        }
        Ok(total / order.len() as f64)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        let mut weights = self.parameters.weights()?;
        if let (Some(audio), Some(map)) = (&self.audio, weights.remove(MAP)) {
            let vectors = weights.remove(VECTORS);
            weights.insert(TABLE.into(), audio.table(&map, vectors.as_ref())?);
        }
        Ok(Box::new(Harm::new(self.dataset.clone(), self.config.clone(), weights, &self.device)?))
    }

    fn state(&self) -> Result<Weights> {
        self.parameters.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.parameters.restore(state)
    }
}
