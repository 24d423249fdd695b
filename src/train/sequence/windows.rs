//! Sessions cut into windows, and windows gathered into batches.

use std::ops::Range;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::Dataset;

/// A run of plays of one session: `length` inputs, each of which predicts the play after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where the inputs begin in `plays.songs`.
    pub first: usize,
    /// How many there are.
    pub length: usize,
}

impl Window {
    /// The places of its inputs in `plays.songs`.
    pub fn places(self) -> Range<usize> {
        self.first..self.first + self.length
    }
}

/// Cuts every session into windows of at most `max_length` inputs, so that every play but the first
/// of a session is a target once. The cuts are counted from the end: the latest plays, which say
/// most about what comes next, are in a window of full length.
///
/// `recent` is the share of the sessions that is taken, those that ended last; plays without times
/// have none that did, and all are taken.
pub fn windows(dataset: &Dataset, max_length: usize, recent: f64) -> Vec<Window> {
    let plays = &dataset.plays;
    let oldest = ((1.0 - recent) * plays.sessions() as f64) as u32;
    let is_recent = |session: usize| plays.session_ranks.get(session).is_none_or(|&r| r >= oldest);
    let mut windows = Vec::new();
    let sessions = plays.session_offsets.windows(2).enumerate();
    for (_, bounds) in sessions.filter(|&(session, _)| is_recent(session)) {
        let (first, mut last) = (bounds[0] as usize, (bounds[1] as usize).saturating_sub(1));
        while last > first {
            let length = max_length.min(last - first);
            windows.push(Window { first: last - length, length });
            last -= length;
        }
    }
    windows
}

/// How many inputs windows have together.
pub fn inputs(windows: &[Window]) -> usize {
    windows.iter().map(|window| window.length).sum()
}

/// So many batches are gathered at a time, from windows sorted by length.
const SORTED: usize = 32;

/// An epoch's batches: all windows, in random order, in batches of windows of similar length, so
/// that little is padded. Batches have about the same number of targets, those of `batch_size`
/// windows of average length, so that each target weighs about the same. With its padding a batch
/// has at most twice as many positions, or twice those of its longest window.
pub fn batches(windows: &[Window], batch_size: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<Window>> {
    let mut order = windows.to_vec();
    order.shuffle(rng);
    let mut batches = Vec::new();
    for chunk in order.chunks_mut(batch_size.saturating_mul(SORTED)) {
        chunk.sort_by_key(|window| window.length);
        let parts = chunk.len().div_ceil(batch_size);
        let targets = inputs(chunk);
        let share = targets.div_ceil(parts);
        let (mut batch, mut seen, mut done) = (Vec::new(), 0, 0);
        for &window in chunk.iter() {
            // Among short ones a long window would pad them all.
            if (batch.len() + 1) * window.length > 2 * share.max(window.length) {
                batches.push(std::mem::take(&mut batch));
            }
            batch.push(window);
            seen += window.length;
            // A batch ends where its share of the targets does.
            if seen * parts >= (done + 1) * targets {
                batches.push(std::mem::take(&mut batch));
                done = seen * parts / targets;
            }
        }
    }
    batches.shuffle(rng);
    batches
}

#[cfg(test)]
pub mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::data::Plays;

    /// One user's sessions of these lengths; every play is of a song of its own.
    pub fn dataset(lengths: &[usize]) -> Dataset {
        let mut songs = 0_u32..;
        let sessions: Vec<Vec<u32>> =
            lengths.iter().map(|&length| songs.by_ref().take(length).collect()).collect();
        Dataset::of_sessions(&sessions, lengths.iter().sum())
    }

    #[test]
    fn every_play_but_the_first_of_a_session_is_a_target_once() {
        let dataset = dataset(&[1, 2, 8, 0, 4]);
        let windows = windows(&dataset, 3, 1.0);
        let mut targets: Vec<usize> =
            windows.iter().flat_map(|window| window.places()).map(|place| place + 1).collect();
        targets.sort_unstable();
        assert_eq!(targets, [2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14]);
        assert_eq!(windows[1].places(), 7..10);
        assert_eq!(windows[3], Window { first: 3, length: 1 });
        // The last two of five sessions, of which one is empty.
        assert_eq!(super::windows(&dataset, 3, 0.4), [Window { first: 11, length: 3 }]);
        let plays = Plays { session_ranks: Vec::new(), ..dataset.plays.clone() };
        assert_eq!(super::windows(&Dataset { plays, ..dataset }, 3, 0.4), windows);
    }

    #[test]
    fn batches_hold_every_window_once_and_about_as_many_targets_each() {
        let lengths: Vec<usize> = (0..500).map(|i| 2 + i % 40).collect();
        let windows = windows(&dataset(&lengths), 100, 1.0);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let batches = batches(&windows, 10, &mut rng);
        let mut all = batches.concat();
        all.sort_by_key(|window| window.first);
        assert_eq!(all, windows);
        assert_eq!(batches.len(), 50);
        let (mut targets, mut padded) = (0, 0);
        for batch in &batches {
            let own: usize = batch.iter().map(|window| window.length).sum();
            assert!((140..=270).contains(&own), "{own}");
            targets += own;
            padded += batch.len() * batch.iter().map(|window| window.length).max().unwrap();
        }
        assert!(padded < targets * 6 / 5, "{padded} positions for {targets} targets");
    }

    #[test]
    fn a_long_window_does_not_pad_the_short_ones() {
        let lengths: Vec<usize> = (0..320).map(|i| if i == 7 { 1001 } else { 3 }).collect();
        let windows = windows(&dataset(&lengths), 1000, 1.0);
        let batches = batches(&windows, 64, &mut ChaCha8Rng::seed_from_u64(1));
        let mut all = batches.concat();
        all.sort_by_key(|window| window.first);
        assert_eq!(all, windows);
        for batch in &batches {
            let longest = batch.iter().map(|window| window.length).max().unwrap();
            assert!(batch.len() * longest <= 2 * longest.max(inputs(&windows).div_ceil(5)));
        }
    }
}
