//! Fewer chords: vocabularies that keep what matters.

use super::note::Degree;
use super::{Chord, Harmony, ROOT, quality};

/// Which chords are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// Major and minor triads.
    MajMin,
    /// These and the seventh chords `7`, `min7` and `maj7`.
    MajMin7,
    /// All triads and chords of four notes that have a shorthand: these and `dim`, `aug`, `sus4`,
    /// `sus2`, `maj6`, `min6`, `minmaj7`, `dim7` and `hdim7`.
    Sevenths,
    /// All chords, with their extensions and basses.
    Full,
}

impl Vocabulary {
    /// Their names in SQL.
    pub const NAMES: &[&str] = &["majmin", "majmin7", "sevenths", "full"];

    /// The vocabulary of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::MajMin, Self::MajMin7, Self::Sevenths, Self::Full];
        Self::NAMES.iter().zip(all).find(|(known, _)| **known == name).map(|(_, one)| one)
    }

    /// The chord of the vocabulary that a chord is counted as; unknown if there is none.
    #[must_use]
    pub fn simplify(self, chord: &Chord) -> Chord {
        let Chord::Notes(harmony) = chord else { return chord.clone() };
        let name = match self {
            Self::Full => return chord.clone(),
            Self::MajMin => majmin(harmony),
            Self::MajMin7 => majmin7(harmony),
            Self::Sevenths => sevenths(harmony),
        };
        match name.and_then(quality::degrees) {
            Some(degrees) => Chord::Notes(Harmony {
                root: harmony.root,
                degrees: degrees.iter().copied().collect(),
                bass: ROOT,
            }),
            None => Chord::Unknown,
        }
    }
}

fn has(harmony: &Harmony, number: u8, accidental: i32) -> bool {
    harmony.degrees.contains(&Degree::new(number, accidental))
}

/// By the third, where there is one of the two and a perfect fifth. The McGill Billboard corpus maps
/// its labels so: no chord with another fifth, and none without a third, counts as a triad.
fn majmin(harmony: &Harmony) -> Option<&'static str> {
    let is_major = has(harmony, 3, 0);
    let fits = has(harmony, 5, 0) && is_major != has(harmony, 3, -1);
    fits.then_some(if is_major { "maj" } else { "min" })
}

/// As [`majmin`], with the seventh where the vocabulary has it.
fn majmin7(harmony: &Harmony) -> Option<&'static str> {
    let triad = majmin(harmony)?;
    Some(match (triad, has(harmony, 7, -1), has(harmony, 7, 0)) {
        ("maj", true, _) => "7",
        ("maj", false, true) => "maj7",
        ("min", true, _) => "min7",
        _ => triad,
    })
}

/// By third, fifth and seventh or sixth.
fn sevenths(harmony: &Harmony) -> Option<&'static str> {
    if let Some(name) = majmin7(harmony) {
        return Some(match name {
            "maj" if has(harmony, 6, 0) => "maj6",
            "min" if has(harmony, 7, 0) => "minmaj7",
            "min" if has(harmony, 6, 0) => "min6",
            name => name,
        });
    }
    let third = (has(harmony, 3, 0), has(harmony, 3, -1));
    let fifth = |accidental| has(harmony, 5, accidental);
    match third {
        (false, true) if fifth(-1) && has(harmony, 7, -2) => Some("dim7"),
        (false, true) if fifth(-1) && has(harmony, 7, -1) => Some("hdim7"),
        (false, true) if fifth(-1) => Some("dim"),
        (true, false) if fifth(1) => Some("aug"),
        (false, false) if fifth(0) && has(harmony, 4, 0) => Some("sus4"),
        (false, false) if fifth(0) && has(harmony, 2, 0) => Some("sus2"),
        _ => None,
    }
}
