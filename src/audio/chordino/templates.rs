//! How well a frame's chroma fits each chord.
//!
//! A chord's template has, in the treble half, 1 at its tones; in the bass half 1 at its bass and ½
//! at its other tones. That of no chord has ½ in the bass and 1 in the treble everywhere. Templates
//! `v` are divided by `√(Σv² / 24)`, that of no chord is then multiplied by 1.1. The score of a chord
//! is the dot product with the chroma, that of no chord times 0.7, between 0 and 200; its likelihood
//! is `1.3^score`, up to a factor that all chords share.

use super::chroma::{Chroma, PITCH_CLASSES};
use super::labels::{KINDS, Kind};

/// The states: all chords, and no chord, which is the last.
pub const STATES: usize = KINDS.len() * PITCH_CLASSES + 1;
/// The state of no chord.
pub const NO_CHORD: usize = STATES - 1;
/// What no chord's score is multiplied by.
const NO_CHORD_FACTOR: f64 = 1.1 * 0.7;
/// The template of a tone in the bass half that is not the bass.
const INNER: f64 = 0.5;
/// The highest score.
const SCORE_MAX: f64 = 200.0;
/// The likelihood of a chord whose score is one higher, in times.
const BASE: f64 = 1.3;

/// A value of each state.
pub type StateValues = [f64; STATES];

/// The templates of all chords.
pub struct Templates {
    /// `(24, STATES)`, with the factor of no chord.
    by_chroma: Vec<StateValues>,
}

impl Templates {
    /// Computes the templates.
    pub fn new() -> Self {
        let mut by_chroma = vec![[0.0; STATES]; 2 * PITCH_CLASSES];
        for state in 0..STATES {
            let template = match KINDS.get(state / PITCH_CLASSES) {
                Some(kind) => template(kind, state % PITCH_CLASSES),
                None => normalised(no_chord()).map(|value| value * NO_CHORD_FACTOR),
            };
            for (row, value) in by_chroma.iter_mut().zip(template) {
                row[state] = value;
            }
        }
        Self { by_chroma }
    }

    /// The logarithm of the likelihood of each state, less one number for all states.
    pub fn log_likelihoods(&self, chroma: &Chroma) -> StateValues {
        let mut scores = [0.0; STATES];
        for (row, &level) in self.by_chroma.iter().zip(chroma) {
            for (score, value) in scores.iter_mut().zip(row) {
                *score += f64::from(level) * value;
            }
        }
        let scale = BASE.ln();
        scores.map(|score| score.clamp(0.0, SCORE_MAX) * scale)
    }
}

type Template = [f64; 2 * PITCH_CLASSES];

fn no_chord() -> Template {
    std::array::from_fn(|place| if place < PITCH_CLASSES { INNER } else { 1.0 })
}

fn template(kind: &Kind, root: usize) -> Template {
    let mut out = [0.0; 2 * PITCH_CLASSES];
    let place = |tone: usize| (root + tone) % PITCH_CLASSES;
    for &tone in kind.tones {
        out[place(tone)] = INNER;
        out[PITCH_CLASSES + place(tone)] = 1.0;
    }
    if let Some(bass) = kind.bass {
        out[place(bass)] = 1.0;
    }
    normalised(out)
}

fn normalised(template: Template) -> Template {
    let mean = template.iter().map(|value| value * value).sum::<f64>() / template.len() as f64;
    template.map(|value| value / mean.sqrt())
}

/// The logarithms of the likelihoods where there is no chord for certain.
pub fn no_chord_for_certain() -> StateValues {
    let mut values = [f64::NEG_INFINITY; STATES];
    values[NO_CHORD] = 0.0;
    values
}

#[cfg(test)]
mod tests {
    use super::super::labels::{Syntax, labels};
    use super::*;

    fn best(chroma: &Chroma) -> String {
        let scores = Templates::new().log_likelihoods(chroma);
        let best = (0..STATES).rev().max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        labels(Syntax::Chordino).unwrap()[best].clone()
    }

    #[test]
    fn templates_have_length_root_24() {
        let templates = Templates::new();
        for state in 0..STATES {
            let sum: f64 = templates.by_chroma.iter().map(|row| row[state].powi(2)).sum();
            let expected = if state == NO_CHORD { 24.0 * NO_CHORD_FACTOR.powi(2) } else { 24.0 };
            assert!((sum - expected).abs() < 1e-9, "{state}: {sum}");
        }
    }

    #[test]
    fn chords_of_equal_tones_are_found() {
        let chroma = |bass: usize, treble: &[usize]| {
            let mut out = [0.0; 24];
            out[bass] = 1.0;
            treble.iter().for_each(|tone| out[12 + tone] = 1.0);
            out
        };
        // Pitch classes from A: C is 3, E is 7, G is 10.
        assert_eq!(best(&chroma(3, &[3, 7, 10])), "C");
        assert_eq!(best(&chroma(7, &[3, 7, 10])), "C/E");
        assert_eq!(best(&chroma(0, &[0, 3, 7, 10])), "Am7");
        assert_eq!(best(&chroma(3, &[0, 3, 7, 10])), "C6");
        assert_eq!(best(&[1.0; 24]), "N");
    }

    #[test]
    fn scores_are_bounded() {
        let templates = Templates::new();
        assert_eq!(templates.log_likelihoods(&[0.0; 24]), [0.0; STATES]);
        let loud = templates.log_likelihoods(&[f32::MAX; 24]);
        assert!(loud.iter().all(|value| (value - 200.0 * 1.3f64.ln()).abs() < 1e-9));
    }
}
