//! Chord symbols: what they mean, and what can be done with them.
//!
//! Symbols are read in the syntax of Harte, Sandler, Abdallah and Gómez, "Symbolic representation of
//! musical chords", ISMIR 2005 (`C:maj6(9)/3`), and as lead sheets, Chordino and chord sites write them
//! (`Cm7b5/Gb`). A [`Chord`] is what a symbol means, so that all spellings of one chord are equal but
//! for enharmonic ones (`C#` is not `Db`). It is printed in Harte's syntax, and reading that gives it
//! again.

mod harte;
mod key;
mod lead_sheet;
mod note;
mod progression;
mod quality;
mod roman;
mod sequences;
mod simplify;

use std::collections::BTreeSet;
use std::fmt;

pub use key::{Key, estimate_key};
pub use note::{Degree, Note};
pub use progression::{ngrams, similarity};
pub use roman::roman;
pub use sequences::{ChordReading, Chords, ChordsBuilder};
pub use simplify::Vocabulary;

use crate::error::{Error, Result, excerpt};

/// What a chord symbol means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Chord {
    /// No chord sounds: `N`.
    Silence,
    /// A chord that nobody could name: `X`.
    Unknown,
    /// A chord.
    Notes(Harmony),
}

/// A chord that sounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Harmony {
    /// The root.
    pub root: Note,
    /// The notes, as degrees above the root; the root itself is degree 1.
    pub degrees: BTreeSet<Degree>,
    /// The lowest note, which need not be one of `degrees`; 1 where a symbol names none.
    pub bass: Degree,
}

/// The root alone as bass: no inversion.
const ROOT: Degree = Degree::natural(1);

impl Chord {
    /// Reads a symbol in any syntax.
    ///
    /// # Errors
    /// It is no chord symbol; the message names it.
    pub fn parse(text: &str) -> Result<Self> {
        Parts::of(text)
            .map(|parts| parts.map_or_else(|chord| chord, |parts| Self::Notes(parts.harmony)))
    }

    /// Its pitch classes from C, as a set of bits, with the bass; 0 for no chord and an unknown one.
    pub fn pitch_classes(&self) -> u16 {
        let Self::Notes(harmony) = self else { return 0 };
        let root = harmony.root.pitch_class();
        let degrees = harmony.degrees.iter().chain([&harmony.bass]);
        degrees.fold(0, |bits, degree| bits | 1 << (root + degree.semitones()).rem_euclid(12))
    }

    /// The chord so many semitones higher, its root by its usual name; unchanged by whole octaves.
    #[must_use]
    pub fn transpose(&self, semitones: i64) -> Self {
        match self {
            Self::Notes(harmony) => {
                let root = harmony.transposed_root(semitones);
                Self::Notes(Harmony { root, ..harmony.clone() })
            }
            other => other.clone(),
        }
    }
}

impl Harmony {
    /// Whether its third is minor.
    fn is_minor(&self) -> bool {
        let has = |accidental| self.degrees.contains(&Degree::new(3, accidental));
        has(-1) && !has(0)
    }

    /// The note that sounds lowest.
    pub fn bass_note(&self) -> Note {
        self.root.above(self.bass)
    }

    /// Its quality in Harte's syntax, such as `maj6(9)`.
    pub fn quality(&self) -> String {
        quality::text(&self.degrees)
    }

    fn transposed_root(&self, semitones: i64) -> Note {
        match semitones.rem_euclid(12) {
            0 => self.root,
            shift => Note::usual(self.root.pitch_class() + shift as i32, self.is_minor()),
        }
    }
}

/// In Harte's syntax.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("N"),
            Self::Unknown => f.write_str("X"),
            Self::Notes(harmony) => {
                write!(f, "{}:{}", harmony.root, harmony.quality())?;
                if harmony.bass == ROOT { Ok(()) } else { write!(f, "/{}", harmony.bass) }
            }
        }
    }
}

/// A symbol transposed in its own spelling: `Bbmaj7/D` two semitones up is `Cmaj7/E`. Whole octaves
/// leave it as it is.
///
/// # Errors
/// It is no chord symbol; the message names it.
pub fn transpose_symbol(text: &str, semitones: i64) -> Result<String> {
    let text = text.trim();
    let parts = match Parts::of(text)? {
        Ok(parts) if semitones.rem_euclid(12) != 0 => parts,
        _ => return Ok(text.to_owned()),
    };
    let root = parts.harmony.transposed_root(semitones);
    let bass = match parts.bass_note {
        None => String::new(),
        Some(_) => {
            let bass = root.above(parts.harmony.bass);
            let simple = Note::usual(bass.pitch_class(), false);
            format!("/{}", if bass.is_plain() { bass } else { simple })
        }
    };
    Ok(format!("{root}{}{bass}", parts.quality))
}

/// A symbol taken apart.
struct Parts<'a> {
    harmony: Harmony,
    /// The text between the root and a bass that is a note; with a bass that is a degree.
    quality: &'a str,
    /// The bass, if it is written as a note.
    bass_note: Option<Note>,
}

impl<'a> Parts<'a> {
    /// The parts of a symbol, or what it means if it has none.
    fn of(text: &'a str) -> Result<std::result::Result<Self, Chord>> {
        let text = text.trim();
        match text.to_ascii_uppercase().as_str() {
            "N" | "NC" | "N.C." | "N.C" | "N/C" => return Ok(Err(Chord::Silence)),
            "X" => return Ok(Err(Chord::Unknown)),
            _ => {}
        }
        let parts = Note::read(text)
            .ok_or_else(|| {
                let case = if text.starts_with(|letter| matches!(letter, 'a'..='g')) {
                    ", in upper case"
                } else {
                    ""
                };
                format!("it does not begin with a note from A to G{case}")
            })
            .and_then(|(root, rest)| Self::after_root(root, rest));
        parts.map(Ok).map_err(|why| {
            Error::data(format!(
                "'{}' is no chord symbol: {why}; chords are written as Am7, Bbmaj7/D or \
                 C:maj6(9)/3, no chord as N, and one that nobody could name as X",
                excerpt(text)
            ))
        })
    }

    fn after_root(root: Note, rest: &'a str) -> std::result::Result<Self, String> {
        let harte = rest.strip_prefix(':');
        let (head, bass, bass_note) = match rest.rsplit_once('/') {
            // The slash of 6/9.
            Some((head, "9")) if harte.is_none() && head.ends_with('6') => (rest, ROOT, None),
            Some((head, tail)) => match (Note::parse(tail), Degree::parse(tail)) {
                (Some(note), _) => (head, root.degree_of(note), Some(note)),
                (None, Some(degree)) => (head, degree, None),
                (None, None) if harte.is_some() => {
                    return Err(format!("'{}' is no bass", excerpt(tail)));
                }
                // As in m/maj7.
                (None, None) => (rest, ROOT, None),
            },
            None => (rest, ROOT, None),
        };
        let degrees = match (harte, head) {
            (Some(_), head) => harte::degrees(&head[1..])?,
            (None, "") => harte::degrees("maj")?,
            (None, head) => lead_sheet::degrees(head)?,
        };
        let quality = if bass_note.is_some() { head } else { rest };
        Ok(Self { harmony: Harmony { root, degrees, bass }, quality, bass_note })
    }
}

#[cfg(test)]
mod tests;
