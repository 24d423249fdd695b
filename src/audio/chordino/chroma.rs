//! Chroma: how loud each of the twelve pitch classes is, in the bass and above.
//!
//! Pitch class 0 is A, as the lowest note. Note `i` counts `sin²(π (i + ½) / 84)` in the treble and,
//! up to `i = 36`, `sin²(3π (i + ½) / 112)` in the bass. Nothing is normalised.

use std::f64::consts::PI;

use super::notes::{NOTES, NoteLevels};

/// The pitch classes of an octave.
pub const PITCH_CLASSES: usize = 12;
/// The notes that count in the bass.
const BASS_NOTES: usize = 37;

/// The twelve pitch classes from A in the bass, then in the treble.
pub type Chroma = [f32; 2 * PITCH_CLASSES];

/// How much each note counts.
pub struct ChromaMap {
    bass: [f64; BASS_NOTES],
    treble: [f64; NOTES],
}

impl ChromaMap {
    /// The weights of the notes.
    pub fn new() -> Self {
        let window = |note: usize, scale: f64| (PI * (note as f64 + 0.5) * scale).sin().powi(2);
        Self {
            bass: std::array::from_fn(|note| window(note, 3.0 / 112.0)),
            treble: std::array::from_fn(|note| window(note, 1.0 / NOTES as f64)),
        }
    }

    /// The chroma of a frame's notes.
    pub fn of(&self, notes: &NoteLevels) -> Chroma {
        let mut sums = [0.0; 2 * PITCH_CLASSES];
        let (bass, treble) = sums.split_at_mut(PITCH_CLASSES);
        for (half, weights) in [(bass, &self.bass[..]), (treble, &self.treble[..])] {
            for (note, (level, weight)) in notes.iter().zip(weights).enumerate() {
                half[note % PITCH_CLASSES] += f64::from(*level) * weight;
            }
        }
        sums.map(|sum| sum as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_notes_are_bass_and_middle_ones_treble() {
        let map = ChromaMap::new();
        let one = |note: usize| {
            let mut notes = [0.0; NOTES];
            notes[note] = 1.0;
            map.of(&notes)
        };
        // A0, a C in the middle (pitch class 3), an A of the highest octave.
        let (low, middle, high) = (one(0), one(39), one(72));
        assert!((low[0] - 0.001_768).abs() < 1e-5 && low[12] > 0.0, "{low:?}");
        assert!(middle[3] == 0.0 && middle[12 + 3] > 0.97, "{middle:?}");
        assert!(high[0] == 0.0 && high[12] > 0.1, "{high:?}");
        assert_eq!(one(24)[0], (PI * 24.5 * 3.0 / 112.0).sin().powi(2) as f32);
        assert!(low.iter().filter(|value| **value > 0.0).count() == 2);
    }

    #[test]
    fn octaves_add_up_and_silence_is_zero() {
        let map = ChromaMap::new();
        assert_eq!(map.of(&[0.0; NOTES]), [0.0; 24]);
        let all = map.of(&[1.0; NOTES]);
        let treble: f32 = all[12..].iter().sum();
        // The mean of sin² is a half.
        assert!((treble - 42.0).abs() < 1e-4, "{treble}");
    }
}
