//! The index arrays of a training step.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;

use super::windows::Window;
use crate::train::{NegativeSampler, Pool};

/// What a step looks at.
pub struct Batch {
    /// Distinct songs (S): first the negatives (N), ascending, then the others.
    pub songs: Vec<u32>,
    /// The negatives (N).
    pub pool: Pool,
    /// Inputs `(B, L)` as indices into `songs`, padded with 0.
    pub inputs: Vec<u32>,
    /// How many inputs each sequence has (B).
    pub lengths: Vec<usize>,
    /// L.
    pub length: usize,
    /// The positions of `(B, L)` whose code predicts a target (P).
    pub places: Vec<u32>,
    /// The target of each, as an index into `songs` (P).
    pub targets: Vec<u32>,
    /// The target of each, as a song (P).
    pub target_songs: Vec<u32>,
}

impl Batch {
    /// Builds the arrays and draws the negatives. `plays` holds the songs of all plays; windows lie
    /// within.
    pub fn new(
        plays: &[u32],
        windows: &[Window],
        sampler: &NegativeSampler,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let target_songs: Vec<u32> =
            windows.iter().flat_map(|window| window.targets(plays)).copied().collect();
        let pool = sampler.draw(&target_songs, rng);
        let mut songs = pool.songs.clone();
        let mut places: HashMap<u32, u32> =
            songs.iter().enumerate().map(|(at, &song)| (song, at as u32)).collect();
        let mut place = |song: u32| {
            *places.entry(song).or_insert_with(|| {
                songs.push(song);
                songs.len() as u32 - 1
            })
        };
        let length = windows.iter().map(|window| window.length).max().unwrap_or(0);
        let mut inputs = Vec::with_capacity(windows.len() * length);
        let mut predicting = Vec::with_capacity(target_songs.len());
        for (row, window) in windows.iter().enumerate() {
            let first = (row * length) as u32;
            predicting.extend(first..first + window.length as u32);
            inputs.extend(window.inputs(plays).iter().map(|&song| place(song)));
            inputs.resize((row + 1) * length, 0);
        }
        let targets = target_songs.iter().map(|&song| place(song)).collect();
        let lengths = windows.iter().map(|window| window.length).collect();
        Self { songs, pool, inputs, lengths, length, places: predicting, targets, target_songs }
    }
}
