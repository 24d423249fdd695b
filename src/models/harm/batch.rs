//! From sessions to the index arrays of a training step.

use std::collections::HashMap;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::{Config, Loss};
use crate::data::{Dataset, PopularitySampler};

/// Consecutive predictions in one session: every play in `start..end` is predicted from those
/// before it. They share their user's view of the session's songs, which is computed once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub user: u32,
    /// Positions in `plays.songs`: the session begins at `first`.
    pub first: usize,
    pub start: usize,
    pub end: usize,
}

/// At most this many predictions of one session go into one batch. Adam's steps have about the same
/// size however many examples they rest on, so a song learns faster when the predictions around it
/// are spread over many batches.
const GROUP: usize = 1;

/// All predictions of the data set: every prefix of every session.
pub fn groups(dataset: &Dataset) -> Vec<Group> {
    let plays = &dataset.plays;
    let mut groups = Vec::new();
    for user in 0..dataset.users.len() as u32 {
        for session in plays.sessions_of(user) {
            let first = plays.session_offsets[session] as usize;
            let last = plays.session_offsets[session + 1] as usize;
            for start in (first + 1..last).step_by(GROUP) {
                groups.push(Group { user, first, start, end: (start + GROUP).min(last) });
            }
        }
    }
    groups
}

/// Shuffles groups and cuts them into batches of at least `batch_size` predictions.
pub fn batches(groups: &[Group], batch_size: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<Group>> {
    let mut order = groups.to_vec();
    order.shuffle(rng);
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut size = 0;
    for group in order {
        size += group.end - group.start;
        batch.push(group);
        if size >= batch_size {
            batches.push(std::mem::take(&mut batch));
            size = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Index arrays of one step, named as in `network`.
pub struct Batch {
    /// Distinct songs (S): first the negatives (N), ascending, then the others.
    pub songs: Vec<u32>,
    /// The user of each group (G); `None` where training pretends not to know them.
    pub users: Vec<Option<u32>>,
    /// The user of each group (G), for attributes other than the id.
    pub attributes_of: Vec<u32>,
    pub place_group: Vec<u32>,
    /// Index into `songs`.
    pub place_song: Vec<u32>,
    /// The group of each example (B).
    pub example_group: Vec<u32>,
    /// The place of each example's target (B).
    pub target_place: Vec<u32>,
    /// `(B, L')` places from 1, 0 for padding.
    pub sequence: Vec<u32>,
    /// L'.
    pub length: usize,
    /// How many of `songs` are negatives (N).
    pub negatives: usize,
    /// How often each negative was drawn (N).
    pub drawn: Vec<u32>,
}

impl Batch {
    /// Builds the arrays, drawing negatives and dropping user ids.
    pub fn new(
        dataset: &Dataset,
        config: &Config,
        sampler: &PopularitySampler,
        groups: &[Group],
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let (mut songs, drawn) = negatives(dataset, config, sampler, rng);
        let mut index: HashMap<u32, u32> =
            songs.iter().enumerate().map(|(i, &song)| (song, i as u32)).collect();
        let negatives = songs.len();
        let examples: usize = groups.iter().map(|group| group.end - group.start).sum();
        let longest = groups.iter().map(|group| group.end - 1 - group.first).max().unwrap_or(1);
        let length = longest.clamp(1, config.max_length);
        let mut batch = Self {
            songs: Vec::new(),
            users: Vec::with_capacity(groups.len()),
            attributes_of: groups.iter().map(|group| group.user).collect(),
            place_group: Vec::new(),
            place_song: Vec::new(),
            example_group: Vec::with_capacity(examples),
            target_place: Vec::with_capacity(examples),
            sequence: Vec::with_capacity(examples * length),
            length,
            negatives,
            drawn,
        };
        for (g, group) in groups.iter().enumerate() {
            let unknown = config.user_dropout > 0.0 && rng.random_bool(config.user_dropout);
            batch.users.push((!unknown).then_some(group.user));
            let from = group.first.max(group.start.saturating_sub(length));
            let first_place = batch.place_song.len();
            for &song in &dataset.plays.songs[from..group.end] {
                let next = songs.len() as u32;
                let at = *index.entry(song).or_insert(next);
                if at == next {
                    songs.push(song);
                }
                batch.place_group.push(g as u32);
                batch.place_song.push(at);
            }
            for target in group.start..group.end {
                batch.example_group.push(g as u32);
                batch.target_place.push((first_place + target - from) as u32);
                let begin = from.max(target.saturating_sub(length));
                let padding = length - (target - begin);
                batch.sequence.extend(std::iter::repeat_n(0, padding));
                batch.sequence.extend(
                    (begin..target).map(|position| (first_place + position - from + 1) as u32),
                );
            }
        }
        batch.songs = songs;
        batch
    }

    /// How many predictions there are (B).
    pub fn examples(&self) -> usize {
        self.example_group.len()
    }
}

/// The distinct negatives, ascending, and how often each was drawn.
fn negatives(
    dataset: &Dataset,
    config: &Config,
    sampler: &PopularitySampler,
    rng: &mut ChaCha8Rng,
) -> (Vec<u32>, Vec<u32>) {
    if config.loss == Loss::Softmax {
        let songs = dataset.songs.len() as u32;
        return ((0..songs).collect(), vec![1; songs as usize]);
    }
    let mut draws: Vec<u32> = (0..config.pool).map(|_| sampler.draw(rng)).collect();
    draws.sort_unstable();
    let mut songs = Vec::new();
    let mut drawn: Vec<u32> = Vec::new();
    for song in draws {
        match drawn.last_mut() {
            Some(count) if songs.last() == Some(&song) => *count += 1,
            _ => {
                songs.push(song);
                drawn.push(1);
            }
        }
    }
    (songs, drawn)
}
