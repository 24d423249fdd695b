//! Training BPR, with gradients written by hand.

use std::sync::Arc;

use candle_core::Device;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::{Config, Sampling};
use super::scorer::Bpr;
use crate::control::Control;
use crate::data::{Dataset, Incidence, PopularitySampler};
use crate::error::{Error, Result};
use crate::nn;
use crate::train::params::Per;
use crate::train::{Distinct, Memory, Model, Optimizer, Parameters, Training, Update, Weights};

/// The deviation of the initial vectors.
const INIT: f32 = 0.05;

/// How often a negative is drawn anew that the user played, before the example is passed over.
const DRAWS: usize = 64;

/// The parameters: vectors of users (or sessions), vectors of songs, biases of songs.
pub const TABLES: [&str; 3] = ["users", "songs", "bias"];

/// A user (or session) and a song of theirs.
type Pair = (u32, u32);

/// A user, a song of theirs and one that is not, as places in the tables' gathered rows.
type Triple = (usize, usize, usize);

/// A training of BPR.
pub struct Learner {
    dataset: Arc<Dataset>,
    config: Config,
    device: Device,
    parameters: Parameters,
    sampler: PopularitySampler,
    played: Incidence,
    pairs: Vec<Pair>,
    /// Distinct of rows in the running batch, for users and for songs.
    users: Distinct,
    songs: Distinct,
}

impl Learner {
    /// Prepares the training: initial parameters from the seed.
    ///
    /// # Errors
    /// There are no plays.
    pub fn new(dataset: Arc<Dataset>, config: Config, device: &Device) -> Result<Self> {
        let (songs, played) = (dataset.songs.len(), config.per.incidence(&dataset));
        let pairs = pairs(&dataset, &config, &played);
        if pairs.is_empty() {
            return Err(Error::data("there are no plays, so there is nothing to learn from"));
        }
        let sampler = PopularitySampler::new(&dataset.play_counts, config.alpha);
        let (rows, size) = (played.sessions(), config.embedding_size);
        let steps = pairs.len().div_ceil(config.rows(pairs.len()));
        let mut parameters = Parameters::new(Optimizer::new(&config.optimizer, steps));
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        parameters.add(TABLES[0], &[rows, size], nn::normals(&mut rng, rows * size, INIT));
        parameters.add(TABLES[1], &[songs, size], nn::normals(&mut rng, songs * size, INIT));
        parameters.add(TABLES[2], &[songs, 1], vec![0.0; songs]);
        let (users, songs, device) = (Distinct::new(rows), Distinct::new(songs), device.clone());
        Ok(Self { dataset, config, device, parameters, sampler, played, pairs, users, songs })
    }

    /// The examples of an epoch, in order.
    fn examples(&self, rng: &mut ChaCha8Rng) -> Vec<Pair> {
        if self.config.sampling != Sampling::Users {
            let mut examples = self.pairs.clone();
            examples.shuffle(rng);
            return examples;
        }
        let active: Vec<u32> = (0..self.played.sessions() as u32)
            .filter(|&row| !self.played.songs_of(row).is_empty())
            .collect();
        let mut draw = |_: &Pair| {
            let row = active[rng.random_range(0..active.len())];
            let songs = self.played.songs_of(row);
            (row, songs[rng.random_range(0..songs.len())])
        };
        self.pairs.iter().map(&mut draw).collect()
    }

    /// A song that the user of a row did not play, the highest scored of some; `None` if none is
    /// found. `tables` are the parameters as they lie: what rests may be some steps behind.
    fn negative(&self, row: u32, tables: [&[f32]; 3], rng: &mut ChaCha8Rng) -> Option<u32> {
        let (played, size) = (self.played.songs_of(row), self.config.embedding_size);
        let mut draw = || {
            (0..DRAWS).map(|_| self.sampler.draw(rng)).find(|s| played.binary_search(s).is_err())
        };
        let mut hardest = draw()?;
        if self.config.hardest_of == 1 {
            return Some(hardest);
        }
        let [users, songs, bias] = tables;
        let vector = |row: u32| row as usize * size..(row as usize + 1) * size;
        let p = &users[vector(row)];
        let score = |song: u32| nn::dot(p, &songs[vector(song)]) + bias[song as usize];
        let mut highest = score(hardest);
        for song in (1..self.config.hardest_of).filter_map(|_| draw()) {
            let score = score(song);
            if score > highest {
                (hardest, highest) = (song, score);
            }
        }
        Some(hardest)
    }

    /// Draws the other songs of a batch, and finds places for all rows that it touches.
    fn batch(&mut self, examples: &[Pair], rng: &mut ChaCha8Rng) -> Result<Vec<Triple>> {
        let mut negatives = Vec::with_capacity(examples.len());
        let [users, songs, bias] = TABLES.map(|name| self.parameters.at_rest(name));
        let tables = [users?, songs?, bias?];
        for &(row, _) in examples {
            negatives.push(self.negative(row, tables, rng));
        }
        self.users.clear();
        self.songs.clear();
        let triples = examples.iter().zip(negatives).filter_map(|(&(row, song), negative)| {
            let negative = self.songs.place(negative?);
            Some((self.users.place(row), self.songs.place(song), negative))
        });
        Ok(triples.collect())
    }

    /// One step; the sum of the examples' losses.
    fn step(&mut self, examples: &[Pair], rng: &mut ChaCha8Rng) -> Result<f64> {
        let triples = self.batch(examples, rng)?;
        let rows = [self.users.rows(), self.songs.rows(), self.songs.rows()];
        let mut values = [const { Vec::new() }; 3];
        for ((values, name), rows) in values.iter_mut().zip(TABLES).zip(rows) {
            *values = self.parameters.gather(name, rows)?;
        }
        let (total, grads) = gradient(&triples, &values, self.config.embedding_size);
        let updates = TABLES.iter().zip(rows).zip(grads);
        let updates: Vec<Update<'_>> =
            updates.map(|((name, rows), grad)| Update { name, rows: Some(rows), grad }).collect();
        self.parameters.update(&updates)?;
        Ok(total)
    }
}

/// The sum of the losses, and its gradient for the vectors of users and of songs, `(rows, D)`, and the
/// biases; `values` are these three.
fn gradient(triples: &[Triple], values: &[Vec<f32>; 3], size: usize) -> (f64, [Vec<f32>; 3]) {
    let [users, songs, biases] = values;
    let mut grads = values.each_ref().map(|values| vec![0.0; values.len()]);
    let [users_grad, songs_grad, biases_grad] = &mut grads;
    let row = |place: usize| place * size..(place + 1) * size;
    let mut total = 0.0;
    for &(user, song, negative) in triples {
        let (p, q, other) = (&users[row(user)], &songs[row(song)], &songs[row(negative)]);
        let margin = nn::dot(p, q) - nn::dot(p, other) + biases[song] - biases[negative];
        total += f64::from(nn::softplus(-margin));
        // The loss falls by σ(−margin) for each unit of the margin.
        let slope = -nn::sigmoid(-margin);
        for ((grad, q), other) in users_grad[row(user)].iter_mut().zip(q).zip(other) {
            *grad += slope * (q - other);
        }
        for (place, slope) in [(song, slope), (negative, -slope)] {
            biases_grad[place] += slope;
            for (grad, p) in songs_grad[row(place)].iter_mut().zip(p) {
                *grad += slope * p;
            }
        }
    }
    (total, grads)
}

impl Training for Learner {
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(epoch as u64);
        let examples = self.examples(&mut rng);
        let mut total = 0.0;
        for batch in control.through(examples.chunks(self.config.rows(self.pairs.len()))) {
            total += self.step(batch?, &mut rng)?;
            if !total.is_finite() {
                break;
            }
        }
        Ok(total / examples.len() as f64)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        let mut weights = self.parameters.weights()?;
        if self.config.per == Per::Session {
            // Nobody asks about a session that is over.
            weights.remove(TABLES[0]);
        }
        Ok(Box::new(Bpr::new(self.dataset.clone(), weights, &self.device)?))
    }

    fn state(&self) -> Result<Weights> {
        self.parameters.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.parameters.restore(state)
    }
}

/// What an epoch goes through, before it is shuffled.
fn pairs(dataset: &Dataset, config: &Config, played: &Incidence) -> Vec<Pair> {
    let plays = &dataset.plays;
    (0..played.sessions() as u32)
        .flat_map(|row| {
            let songs = match (config.sampling, config.per) {
                (Sampling::Plays, Per::User) => plays.history(row),
                (Sampling::Plays, Per::Session) => plays.session(row as usize),
                _ => played.songs_of(row),
            };
            songs.iter().map(move |&song| (row, song))
        })
        .collect()
}

/// Parameters and optimiser state are exact; a step gathers the rows of a batch, with gradients.
pub fn memory(dataset: &Dataset, config: &Config) -> Memory {
    let (plays, songs) = (&dataset.plays, dataset.songs.len() as u64);
    let (size, count) = (config.embedding_size as u64, plays.songs.len() as u64);
    let (rows, stored) = match config.per {
        Per::User => (dataset.users.len() as u64, dataset.users.len() as u64),
        Per::Session => (plays.sessions() as u64, 0),
    };
    let weights = (stored * size + songs * (size + 1)) * 4;
    // What is not stored is learned and resumed all the same.
    let hidden = (rows - stored) * size * 4;
    let optimizer = (weights + hidden) * config.optimizer.slots() as u64 + hidden;
    let batch = count.min(config.rows(count as usize) as u64);
    let touched = batch.min(rows) + (2 * batch).min(songs);
    // Which users played which songs and the reverse, the pairs twice, and the places.
    let lists = count * (8 + 16) + (rows + songs) * 12;
    Memory { weights, optimizer, step: lists + touched * (size + 1) * 8 }
}
