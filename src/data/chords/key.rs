//! Keys, and the key that a progression is most likely in.

use std::collections::BTreeMap;
use std::fmt;

use super::note::Note;
use super::{Chord, Harmony};
use crate::error::{Error, Result, excerpt};

/// How well each of the twelve notes above the tonic fits a major key …
const MAJOR: [f64; 12] = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
/// … and a minor one: the ratings of listeners, Krumhansl and Kessler 1982.
const MINOR: [f64; 12] = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];

/// A major or minor key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The tonic.
    pub tonic: Note,
    /// Whether it is a minor key.
    pub is_minor: bool,
}

impl Key {
    /// Reads a key such as `Bb`, `A:min`, `Am` or `F# minor`.
    ///
    /// # Errors
    /// It is no major or minor key; the message names it.
    pub fn parse(text: &str) -> Result<Self> {
        let key = Note::read(text.trim()).and_then(|(tonic, mode)| {
            let mode = mode.trim_start_matches([':', ' ']);
            let is_minor = match mode.to_lowercase().as_str() {
                // Not in lower case: it tells m from M.
                _ if mode == "M" => false,
                "m" | "min" | "minor" | "-" => true,
                "" | "maj" | "major" => false,
                _ => return None,
            };
            Some(Self { tonic, is_minor })
        });
        key.ok_or_else(|| {
            Error::data(format!(
                "'{}' is no major or minor key; keys are written as Bb, A:min, Am or F# minor",
                excerpt(text.trim())
            ))
        })
    }

    /// How many semitones up take it to C major or A minor.
    pub fn to_common(self) -> i64 {
        let target = if self.is_minor { 9 } else { 0 };
        i64::from((target - self.tonic.pitch_class()).rem_euclid(12))
    }
}

/// As a chord's symbol: `C:maj`, `A:min`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tonic, if self.is_minor { "min" } else { "maj" })
    }
}

/// The key that a progression is most likely in, by the algorithm of Krumhansl and Schmuckler
/// (Krumhansl, "Cognitive foundations of musical pitch", 1990, ch. 4): the one whose profile
/// correlates best with how often each of the twelve notes sounds. Every note of every chord counts
/// once, as if all chords were of equal length. `None` where no chord sounds, or all notes equally
/// often.
///
/// Of equally good keys, major comes before minor, and the lower tonic from C first. The tonic is
/// spelled as most chords on it are.
pub fn estimate_key<'a>(chords: impl IntoIterator<Item = &'a Chord>) -> Option<Key> {
    let mut counts = [0.0; 12];
    let mut spellings: BTreeMap<Note, usize> = BTreeMap::new();
    for chord in chords {
        let Chord::Notes(Harmony { root, .. }) = chord else { continue };
        *spellings.entry(*root).or_default() += 1;
        let notes = chord.pitch_classes();
        (0..12).filter(|note| notes >> note & 1 == 1).for_each(|note| counts[note] += 1.0);
    }
    let counts = centred(counts)?;
    let mut best: Option<(f64, i32, bool)> = None;
    for (is_minor, profile) in [(false, MAJOR), (true, MINOR)] {
        let profile = centred(profile)?;
        for tonic in 0..12 {
            let fit = (0..12).map(|note| counts[(note + tonic) % 12] * profile[note]).sum();
            // Rounding must not decide between equals.
            if best.is_none_or(|(best, ..)| fit > best + 1e-9) {
                best = Some((fit, tonic as i32, is_minor));
            }
        }
    }
    let (_, tonic, is_minor) = best?;
    let spelled = spellings.iter().filter(|(note, _)| note.pitch_class() == tonic);
    let most = spelled.max_by_key(|&(note, count)| (*count, std::cmp::Reverse(*note)));
    let tonic = most.map_or_else(|| Note::usual(tonic, is_minor), |(note, _)| *note);
    Some(Key { tonic, is_minor })
}

/// Numbers of mean 0 and length 1, whose products are correlations; `None` if all are equal.
fn centred(numbers: [f64; 12]) -> Option<[f64; 12]> {
    let mean = numbers.iter().sum::<f64>() / 12.0;
    let length = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>().sqrt();
    (length > 0.0).then(|| numbers.map(|number| (number - mean) / length))
}
