//! The likeliest sequence of chords.
//!
//! A chord stays from a frame to the next with probability 0.99, and changes to each of the others
//! with 0.01 / 216. As changes are all alike, the best way into a state is either from itself or from
//! the best state of all, so that a frame costs as many steps as there are states (Viterbi's algorithm
//! needs their square). It begins with no chord for certain.
//!
//! In silence between two chords it is equally likely that one changes to the other at any frame. Here
//! it does so at the first; in the plugin, rounding decides, nearly always for the first as well.

use super::templates::{NO_CHORD, STATES, StateValues};

/// The probability that a chord stays.
const STAY: f64 = 0.99;

/// Ways whose logarithms differ by less are equal; rounding is less by far.
const TIE: f64 = 1e-9;

/// The search, frame by frame.
pub struct Viterbi {
    /// The logarithm of the probability of the best sequence that ends in a state.
    scores: StateValues,
    /// The state before, for each frame and state.
    before: Vec<[u8; STATES]>,
}

// States are stored in a byte.
const _: () = assert!(STATES <= 256);

impl Viterbi {
    /// A search with room for so many frames.
    pub fn new(frames: usize) -> Self {
        Self { scores: [f64::NEG_INFINITY; STATES], before: Vec::with_capacity(frames) }
    }

    /// Takes the logarithms of the likelihoods of the next frame; one number added to all of them makes
    /// no difference.
    pub fn push(&mut self, log_likelihoods: &StateValues) {
        let mut before = [0; STATES];
        if self.before.is_empty() {
            self.scores[NO_CHORD] = log_likelihoods[NO_CHORD];
            self.before.push(before);
            return;
        }
        let best = first_best(&self.scores);
        // Less the best, so that numbers stay small however many frames there are.
        let top = self.scores[best];
        let change = ((1.0 - STAY) / (STATES - 1) as f64).ln();
        for (state, ((score, before), likelihood)) in
            self.scores.iter_mut().zip(&mut before).zip(log_likelihoods).enumerate()
        {
            let stay = *score - top + STAY.ln();
            let (way, from) = if stay >= change - TIE { (stay, state) } else { (change, best) };
            *score = way + likelihood;
            *before = from as u8;
        }
        self.before.push(before);
    }

    /// The state of each frame in the best sequence.
    pub fn finish(self) -> Vec<u8> {
        let mut state = first_best(&self.scores) as u8;
        let mut path = vec![0; self.before.len()];
        for (place, before) in path.iter_mut().zip(&self.before).rev() {
            *place = state;
            state = before[usize::from(state)];
        }
        path
    }
}

/// The first of the best states.
fn first_best(scores: &StateValues) -> usize {
    let mut best = 0;
    for (state, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = state;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook algorithm over all pairs of states.
    fn all_pairs(frames: &[StateValues]) -> f64 {
        let change = ((1.0 - STAY) / (STATES - 1) as f64).ln();
        let mut scores = [f64::NEG_INFINITY; STATES];
        scores[NO_CHORD] = frames[0][NO_CHORD];
        for frame in &frames[1..] {
            let last = scores;
            scores = std::array::from_fn(|to| {
                let ways = (0..STATES)
                    .map(|from| last[from] + if from == to { STAY.ln() } else { change });
                ways.fold(f64::NEG_INFINITY, f64::max) + frame[to]
            });
        }
        scores.into_iter().fold(f64::NEG_INFINITY, f64::max)
    }

    fn probability(frames: &[StateValues], path: &[u8]) -> f64 {
        let change = ((1.0 - STAY) / (STATES - 1) as f64).ln();
        let steps = path.windows(2).map(|pair| if pair[0] == pair[1] { STAY.ln() } else { change });
        let seen = frames.iter().zip(path).map(|(frame, state)| frame[usize::from(*state)]);
        steps.chain(seen).sum()
    }

    fn search(frames: &[StateValues]) -> Vec<u8> {
        let mut viterbi = Viterbi::new(frames.len());
        frames.iter().for_each(|frame| viterbi.push(frame));
        viterbi.finish()
    }

    #[test]
    fn the_path_is_as_likely_as_that_over_all_pairs() {
        let mut random = 1u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40) as f64 / (1u64 << 24) as f64
        };
        for (length, spread) in [(1, 5.0), (2, 30.0), (30, 3.0), (30, 12.0), (30, 50.0)] {
            let frames: Vec<StateValues> =
                (0..length).map(|_| std::array::from_fn(|_| spread * next())).collect();
            let path = search(&frames);
            assert_eq!(usize::from(path[0]), NO_CHORD);
            assert!((probability(&frames, &path) - all_pairs(&frames)).abs() < 1e-9);
        }
    }

    #[test]
    fn it_begins_with_no_chord_and_stays_in_doubt() {
        assert!(search(&[]).is_empty());
        assert_eq!(search(&[[0.0; STATES]; 3]), [NO_CHORD as u8; 3]);
        let mut loud = [0.0; STATES];
        loud[5] = 40.0;
        let path = search(&[loud, loud, [0.0; STATES], loud]);
        assert_eq!(path, [NO_CHORD as u8, 5, 5, 5]);
    }
}
