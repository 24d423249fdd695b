//! The chords that can be found, and how they are written.

use std::fmt::Write as _;

use super::chroma::PITCH_CLASSES;
use crate::data::chords::Chord;
use crate::error::{Error, Result};

/// The names of the roots, from A.
const ROOTS: [&str; PITCH_CLASSES] =
    ["A", "Bb", "B", "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab"];

/// How chords are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syntax {
    /// As Chordino does: `Am7`, `D7/F#`, `Bm7b5`, `C6`.
    #[default]
    Chordino,
    /// Harte's, as Chordino does with `usehartesyntax`: `A:min7`, `D:7/3`, `B:hdim7`, `C:maj6`, and `C`
    /// for a major chord.
    Harte,
}

/// A kind of chord on any root.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What Chordino writes after the root.
    suffix: &'static str,
    /// What Harte's syntax has after the root and a colon; empty for a major chord.
    harte: &'static str,
    /// The bass as a degree, where it is written.
    degree: Option<&'static str>,
    /// The pitch classes above the root.
    pub tones: &'static [usize],
    /// The bass above the root; `None` where any tone may be lowest.
    pub bass: Option<usize>,
}

/// The kinds of chords. Of chords that match equally well, the first is found.
pub const KINDS: [Kind; 18] = [
    kind("", "", &[0, 4, 7], Some(0)),
    kind("", "", &[0, 4, 7], None),
    kind("m", "min", &[0, 3, 7], Some(0)),
    kind("m", "min", &[0, 3, 7], None),
    kind("m7b5", "hdim7", &[0, 3, 6, 10], Some(10)).over("b7"),
    kind("m7b5", "hdim7", &[0, 3, 6, 10], Some(0)),
    kind("6", "maj6", &[0, 4, 7, 9], Some(0)),
    kind("7", "7", &[0, 4, 7, 10], Some(0)),
    kind("maj7", "maj7", &[0, 4, 7, 11], Some(0)),
    kind("m7", "min7", &[0, 3, 7, 10], Some(0)),
    kind("m6", "min6", &[0, 3, 7, 9], Some(0)),
    kind("", "", &[0, 4, 7], Some(4)).over("3"),
    kind("", "", &[0, 4, 7], Some(7)).over("5"),
    kind("dim", "dim", &[0, 3, 6], Some(0)),
    kind("aug", "aug", &[0, 4, 8], Some(0)),
    kind("", "", &[0, 4, 7], Some(2)).over("2"),
    kind("", "", &[0, 4, 7], Some(10)).over("b7"),
    kind("7", "7", &[0, 4, 7, 10], Some(4)).over("3"),
];

const fn kind(
    suffix: &'static str,
    harte: &'static str,
    tones: &'static [usize],
    bass: Option<usize>,
) -> Kind {
    Kind { suffix, harte, degree: None, tones, bass }
}

impl Kind {
    const fn over(self, degree: &'static str) -> Self {
        Self { degree: Some(degree), ..self }
    }

    fn label(self, root: &str, syntax: Syntax) -> Result<String> {
        let mut harte = root.to_owned();
        if !self.harte.is_empty() {
            let _ = write!(harte, ":{}", self.harte);
        }
        if let Some(degree) = self.degree {
            let _ = write!(harte, "/{degree}");
        }
        if syntax == Syntax::Harte {
            return Ok(harte);
        }
        let suffix = self.suffix;
        if self.degree.is_none() {
            return Ok(format!("{root}{suffix}"));
        }
        // The bass by its name, spelled as the interval says: E# above C#.
        match Chord::parse(&harte)? {
            Chord::Notes(harmony) => Ok(format!("{root}{suffix}/{}", harmony.bass_note())),
            _ => Err(Error::Compute(format!("'{harte}' is no chord"))),
        }
    }
}

/// The label of each state: all roots of each kind in turn, and `N`, no chord, at last.
///
/// # Errors
/// A name in the tables above is no chord, which a test excludes.
pub fn labels(syntax: Syntax) -> Result<Vec<String>> {
    let chords = KINDS.iter().flat_map(|kind| ROOTS.map(|root| kind.label(root, syntax)));
    chords.chain([Ok("N".to_owned())]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_193_labels_in_either_syntax() {
        for syntax in [Syntax::Chordino, Syntax::Harte] {
            let labels = labels(syntax).unwrap();
            assert_eq!(labels.len(), 18 * 12 + 1);
            assert_eq!(labels.iter().collect::<BTreeSet<_>>().len(), 193);
        }
    }

    #[test]
    fn both_syntaxes_mean_the_same_notes() {
        let (chordino, harte) = (labels(Syntax::Chordino).unwrap(), labels(Syntax::Harte).unwrap());
        for (state, (chordino, harte)) in chordino.iter().zip(&harte).enumerate() {
            let (a, b) = (Chord::parse(chordino).unwrap(), Chord::parse(harte).unwrap());
            assert_eq!(a, b, "{chordino} {harte}");
            let Some(kind) = KINDS.get(state / 12) else { continue };
            // The tables' tones and bass are those that the label means; C is pitch class 3 from A.
            let above = |tone: &usize| 1 << ((tone + state % 12 + 9) % 12);
            let tones = kind.tones.iter().chain(&kind.bass).map(above).fold(0, |a, b: u16| a | b);
            assert_eq!(b.pitch_classes(), tones, "{harte}");
            let Chord::Notes(harmony) = b else { panic!("{harte}") };
            if let Some(bass) = kind.bass {
                assert_eq!(1 << harmony.bass_note().pitch_class(), above(&bass), "{harte}");
            }
        }
    }

    #[test]
    fn labels_are_spelled_as_chordino_does() {
        let (chordino, harte) = (labels(Syntax::Chordino).unwrap(), labels(Syntax::Harte).unwrap());
        // As the plugin wrote them (scripts/labels.py).
        for (a, b) in [
            ("N", "N"),
            ("Ab", "Ab"),
            ("C#7/E#", "C#:7/3"),
            ("Bm7b5/A", "B:hdim7/b7"),
            ("Ebm7b5/Db", "Eb:hdim7/b7"),
            ("Bbm7b5/Ab", "Bb:hdim7/b7"),
            ("F#/A#", "F#/3"),
            ("Bb/C", "Bb/2"),
            ("Ab/Gb", "Ab/b7"),
            ("Eb6", "Eb:maj6"),
            ("F#m6", "F#:min6"),
            ("Gaug", "G:aug"),
            ("Ddim", "D:dim"),
            ("Emaj7", "E:maj7"),
            ("C/G", "C/5"),
        ] {
            let state = chordino.iter().position(|label| label == a).expect(a);
            assert_eq!(harte[state], b);
        }
    }
}
