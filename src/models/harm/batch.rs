//! From sessions to the index arrays of a training step.

use std::collections::HashMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::config::Config;
use crate::data::Dataset;
use crate::nn::Places;
use crate::train::{NegativeSampler, Pool};

/// A prediction: the play at `target` from those before it in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    pub user: u32,
    /// Where the session begins in `plays.songs`.
    pub first: usize,
    /// The position in `plays.songs` that is predicted.
    pub target: usize,
}

/// All predictions of the data set: every prefix of every session.
pub fn examples(dataset: &Dataset) -> Vec<Example> {
    let plays = &dataset.plays;
    let mut examples = Vec::new();
    for user in 0..dataset.users.len() as u32 {
        for session in plays.sessions_of(user) {
            let first = plays.session_offsets[session] as usize;
            let last = plays.session_offsets[session + 1] as usize;
            examples.extend((first + 1..last).map(|target| Example { user, first, target }));
        }
    }
    examples
}

/// Index arrays of one step, named as in `network`. The predictions of a batch are drawn from all
/// sessions, not taken session by session: Adam's steps have about the same size however many
/// examples they rest on, so a song learns faster when the predictions around it are spread over
/// many batches.
pub struct Batch {
    /// Distinct songs (S): first the negatives (N), ascending, then the others.
    pub songs: Vec<u32>,
    /// The user of each example (B), also the groups of the network; `None` where training
    /// pretends not to know them.
    pub users: Vec<Option<u32>>,
    /// The user of each example (B), for attributes other than the id.
    pub attributes_of: Vec<Option<u32>>,
    /// Which example looks at which of `songs`: its context, L' places with padding before it, example
    /// by example, and then the B targets.
    pub places: Places,
    /// Where each context begins in its L' places (B).
    pub starts: Vec<usize>,
    /// L'.
    pub length: usize,
    /// The song of each example's target (B).
    pub targets: Vec<u32>,
    /// The negatives (N).
    pub pool: Pool,
}

impl Batch {
    /// Builds the arrays, drawing negatives and dropping user ids.
    pub fn new(
        dataset: &Dataset,
        config: &Config,
        sampler: &NegativeSampler,
        examples: &[Example],
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let targets: Vec<u32> = examples.iter().map(|e| dataset.plays.songs[e.target]).collect();
        let pool = sampler.draw(&targets, rng);
        let mut songs = pool.songs.clone();
        let mut index: HashMap<u32, u32> =
            songs.iter().enumerate().map(|(i, &song)| (song, i as u32)).collect();
        let context = |example: &Example| (example.target - example.first).min(config.max_length);
        let length = examples.iter().map(context).max().unwrap_or(1);
        let mut at = |song: u32| {
            let next = songs.len() as u32;
            let at = *index.entry(song).or_insert(next);
            if at == next {
                songs.push(song);
            }
            at
        };
        let (mut places, mut starts) = (Places::default(), Vec::with_capacity(examples.len()));
        for (group, example) in examples.iter().enumerate() {
            let context = context(example);
            starts.push(length - context);
            places.pad(length - context);
            for &song in &dataset.plays.songs[example.target - context..example.target] {
                places.push(group as u32, at(song));
            }
        }
        for (group, &target) in targets.iter().enumerate() {
            places.push(group as u32, at(target));
        }
        let mut known = |example: &Example| {
            let unknown = config.user_dropout > 0.0 && rng.random_bool(config.user_dropout);
            (!unknown).then_some(example.user)
        };
        Self {
            songs,
            users: examples.iter().map(&mut known).collect(),
            attributes_of: examples.iter().map(|example| Some(example.user)).collect(),
            places,
            starts,
            length,
            targets,
            pool,
        }
    }

    /// How many predictions there are (B).
    pub fn examples(&self) -> usize {
        self.users.len()
    }
}
