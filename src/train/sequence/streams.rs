//! Session-parallel batches (Hidasi et al. 2016, §3.1.1): sessions stand end to end in as many streams
//! as a batch has rows, and every batch goes on in each stream where the last one stopped.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::batch::Run;
use crate::data::Dataset;

/// How many streams there are, at most `rows`: no more than sessions, so that a stream is at least as
/// long as a session is on average. Shorter ones would tear most sessions apart.
pub fn count(dataset: &Dataset, rows: usize) -> usize {
    let offsets = &dataset.plays.session_offsets;
    rows.min(offsets.windows(2).filter(|ends| ends[1] - ends[0] > 1).count())
}

/// An epoch's streams.
pub struct Streams {
    /// The places in `plays.songs` of all inputs, stream after stream; each predicts the play after
    /// it.
    inputs: Vec<u32>,
    /// Whether a session begins at each.
    begins: Vec<bool>,
    /// How many inputs a stream has; the last ones may have fewer.
    share: usize,
}

impl Streams {
    /// All sessions in random order, cut into streams of equal length, as many as [`count`] says. A
    /// session at a cut goes on in the next stream, from a state of zeros.
    pub fn new(dataset: &Dataset, rows: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut sessions: Vec<(u64, u64)> =
            dataset.plays.session_offsets.windows(2).map(|ends| (ends[0], ends[1])).collect();
        sessions.shuffle(rng);
        let (mut inputs, mut begins) = (Vec::new(), Vec::new());
        for (start, end) in sessions {
            for place in start..end.saturating_sub(1).max(start) {
                inputs.push(place as u32);
                begins.push(place == start);
            }
        }
        let share = inputs.len().div_ceil(count(dataset, rows).max(1)).max(1);
        begins.iter_mut().step_by(share).for_each(|begins| *begins = true);
        Self { inputs, begins, share }
    }

    /// How many streams there are.
    pub fn rows(&self) -> usize {
        self.inputs.len().div_ceil(self.share)
    }

    /// The batches, each of `steps` inputs of every stream.
    pub fn batches(&self, steps: usize) -> impl ExactSizeIterator<Item = Vec<Run>> + '_ {
        (0..self.share).step_by(steps).map(move |from| {
            let streams = self.inputs.chunks(self.share).zip(self.begins.chunks(self.share));
            let run = |(inputs, begins): (&[u32], &[bool])| {
                let range = from.min(inputs.len())..(from + steps).min(inputs.len());
                let places = inputs[range.clone()].iter().map(|&place| place as usize);
                Run { resets: begins[range].to_vec(), ..Run::of(places) }
            };
            streams.map(run).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::train::sequence::windows::tests::dataset;

    #[test]
    fn every_pair_is_met_once_and_sessions_begin_with_a_reset() {
        let dataset = dataset(&[1, 2, 8, 0, 4, 3]);
        let streams = Streams::new(&dataset, 4, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!((streams.inputs.len(), streams.share, streams.rows()), (13, 4, 4));
        let firsts = [1, 3, 11, 15];
        let (mut met, mut batches) = (Vec::new(), 0);
        let mut last = [usize::MAX; 4];
        for batch in streams.batches(3) {
            batches += 1;
            for (stream, run) in batch.iter().enumerate() {
                for (at, &(position, target)) in run.predictions.iter().enumerate() {
                    let place = run.inputs[at];
                    assert_eq!((position, target), (at, place + 1));
                    // What is not reset goes on after the play before it.
                    assert!(run.resets[at] || last[stream] + 1 == place);
                    assert!(!firsts.contains(&place) || run.resets[at]);
                    last[stream] = place;
                    met.push(place);
                }
            }
        }
        met.sort_unstable();
        assert_eq!(met, [1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16]);
        assert_eq!(batches, 2);
    }

    #[test]
    fn there_are_no_more_streams_than_sessions() {
        let dataset = dataset(&[1, 3, 9, 0]);
        let streams = Streams::new(&dataset, 256, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!((streams.inputs.len(), streams.share, streams.rows()), (10, 5, 2));
    }
}
