//! The index arrays of a training step.

use std::collections::HashMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::windows::Window;
use crate::train::{NegativeSampler, Pool};

/// One sequence of a batch, as places in `plays.songs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The plays that are looked at.
    pub inputs: Vec<usize>,
    /// Which play each prediction is about, and after which of the inputs it is made.
    pub predictions: Vec<(usize, usize)>,
    /// Before which inputs a carried state is reset; empty where none is carried.
    pub resets: Vec<bool>,
}

impl Run {
    /// Every play predicts the one after it.
    pub fn of(places: impl Iterator<Item = usize>) -> Self {
        let inputs: Vec<usize> = places.collect();
        let predictions = inputs.iter().enumerate().map(|(at, place)| (at, place + 1)).collect();
        Self { inputs, predictions, resets: Vec::new() }
    }

    /// A window some of whose plays are left out at random, but for the first. The play after one
    /// that was left out is predicted after the latest that was not.
    pub fn dropped(window: Window, rate: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut run = Self::default();
        for place in window.places() {
            if run.inputs.is_empty() || !rng.random_bool(rate) {
                run.inputs.push(place);
            }
            run.predictions.push((run.inputs.len() - 1, place + 1));
        }
        run
    }
}

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
    /// Before which inputs `(B, L)` a carried state is reset.
    pub resets: Vec<bool>,
    /// The positions of `(B, L)` whose code predicts a target (P).
    pub places: Vec<u32>,
    /// The target of each, as an index into `songs` (P).
    pub targets: Vec<u32>,
    /// The target of each, as a song (P).
    pub target_songs: Vec<u32>,
}

impl Batch {
    /// Builds the arrays and draws the negatives. `plays` holds the songs of all plays.
    pub fn new(
        plays: &[u32],
        runs: &[Run],
        sampler: &NegativeSampler,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let predictions = runs.iter().flat_map(|run| &run.predictions);
        let target_songs: Vec<u32> = predictions.map(|&(_, target)| plays[target]).collect();
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
        let length = runs.iter().map(|run| run.inputs.len()).max().unwrap_or(0);
        let mut inputs = Vec::with_capacity(runs.len() * length);
        let mut resets = Vec::with_capacity(runs.len() * length);
        let mut predicting = Vec::with_capacity(target_songs.len());
        for (row, run) in runs.iter().enumerate() {
            let first = row * length;
            predicting.extend(run.predictions.iter().map(|&(at, _)| (first + at) as u32));
            inputs.extend(run.inputs.iter().map(|&input| place(plays[input])));
            inputs.resize(first + length, 0);
            resets.extend_from_slice(&run.resets);
            resets.resize(first + length, false);
        }
        let targets = target_songs.iter().map(|&song| place(song)).collect();
        let lengths = runs.iter().map(|run| run.inputs.len()).collect();
        Self {
            songs,
            pool,
            inputs,
            lengths,
            length,
            resets,
            places: predicting,
            targets,
            target_songs,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn what_follows_a_dropped_play_is_predicted_from_what_was_kept() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let window = Window { first: 10, length: 50 };
        let run = Run::dropped(window, 0.4, &mut rng);
        assert!((20..40).contains(&run.inputs.len()) && run.inputs[0] == 10, "{run:?}");
        let targets: Vec<usize> = run.predictions.iter().map(|&(_, target)| target).collect();
        assert_eq!(targets, (11..=60).collect::<Vec<_>>());
        for &(at, target) in &run.predictions {
            assert!(run.inputs[at] < target && run.inputs.get(at + 1).is_none_or(|&p| p >= target));
        }
        assert_eq!(Run::dropped(window, 0.0, &mut rng), Run::of(10..60));
    }
}
