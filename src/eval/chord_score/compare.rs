//! When two chords count as the same.

use crate::data::chords::{Chord, Harmony};
use crate::error::Result;

/// All twelve notes, as bits.
const ALL: u16 = 0xfff;
/// The notes from the root to the perfect fifth.
const TO_FIFTH: u16 = 0xff;
/// So many notes in common are enough for MIREX.
const MIREX_NOTES: u32 = 3;

/// Notes above the root, as bits.
const fn notes<const N: usize>(semitones: [u16; N]) -> u16 {
    let (mut bits, mut at) = (0, 0);
    while at < N {
        bits |= 1 << semitones[at];
        at += 1;
    }
    bits
}

const MAJ: u16 = notes([0, 4, 7]);
const MIN: u16 = notes([0, 3, 7]);

/// What the metrics see of a chord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// The pitch class of the root, C is 0; `None` of `N` and `X`.
    root: Option<u8>,
    /// The bass, in semitones above the root, within an octave.
    bass: Option<u8>,
    /// The notes above the root, without those an octave or more above it, with the bass. None for
    /// `N`, all for `X`, so that `X` differs from `N` wherever notes are compared.
    notes: u16,
    /// As `notes`, with those an octave or more above it.
    extended: u16,
}

impl Code {
    /// `N`.
    pub(super) const SILENCE: Self = Self { root: None, bass: None, notes: 0, extended: 0 };
    /// `X`.
    const UNKNOWN: Self = Self { notes: ALL, extended: ALL, ..Self::SILENCE };

    /// Reads a symbol.
    ///
    /// # Errors
    /// It is no chord symbol; the message names it.
    pub(super) fn parse(label: &str) -> Result<Self> {
        Ok(match Chord::parse(label)? {
            Chord::Silence => Self::SILENCE,
            Chord::Unknown => Self::UNKNOWN,
            Chord::Notes(harmony) => Self::of(&harmony),
        })
    }

    fn of(harmony: &Harmony) -> Self {
        let within = |semitones: i32| semitones.rem_euclid(12) as u8;
        let bass = within(harmony.bass.semitones());
        let (mut notes, mut extended) = (1 << bass, 1 << bass);
        for semitones in harmony.degrees.iter().map(|degree| degree.semitones()) {
            extended |= 1 << within(semitones);
            if semitones < 12 {
                notes |= 1 << within(semitones);
            }
        }
        let root = within(harmony.root.pitch_class());
        Self { root: Some(root), bass: Some(bass), notes, extended }
    }

    /// Whether it is `X`.
    fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }

    /// Whether it is `N`.
    fn is_silence(&self) -> bool {
        *self == Self::SILENCE
    }

    /// Whether it is the same chord in segmentation, which looks at all notes.
    pub(super) fn continues(&self, other: &Self) -> bool {
        let key = |code: &Self| (code.root, code.bass, code.extended);
        key(self) == key(other)
    }

    /// The notes from C, as bits.
    fn pitch_classes(&self) -> u16 {
        let wide = u32::from(self.notes) << self.root.unwrap_or(0);
        ((wide | wide >> 12) & u32::from(ALL)) as u16
    }
}

/// How a metric compares chords.
#[derive(Debug)]
pub(super) enum Rule {
    /// By root, notes and bass.
    Parts {
        /// Which notes above the root must agree.
        notes: u16,
        /// Whether the bass must.
        bass: bool,
        /// What these notes are in references that count, beside `N`; empty if all references do.
        vocabulary: &'static [u16],
    },
    /// By notes in common.
    Mirex,
}

impl Rule {
    pub(super) const ROOT: Self = Self::parts(0, &[]);
    pub(super) const THIRDS: Self = Self::parts(notes([3]), &[]);
    pub(super) const TRIADS: Self = Self::parts(TO_FIFTH, &[]);
    pub(super) const TETRADS: Self = Self::parts(ALL, &[]);
    pub(super) const MAJMIN: Self = Self::parts(TO_FIFTH, &[MAJ, MIN]);
    pub(super) const SEVENTHS: Self = Self::parts(
        ALL,
        &[MAJ, MIN, notes([0, 4, 7, 11]), notes([0, 4, 7, 10]), notes([0, 3, 7, 10])],
    );

    const fn parts(notes: u16, vocabulary: &'static [u16]) -> Self {
        Self::Parts { notes, bass: false, vocabulary }
    }

    /// The rule with inversions.
    pub(super) const fn with_bass(self) -> Self {
        match self {
            Self::Parts { notes, vocabulary, .. } => Self::Parts { notes, bass: true, vocabulary },
            other => other,
        }
    }

    /// Whether an estimate is right; `None` where the reference does not count.
    pub(super) fn compare(&self, reference: &Code, estimate: &Code) -> Option<bool> {
        if reference.is_unknown() {
            return None;
        }
        match *self {
            Self::Parts { notes, bass, vocabulary } => {
                let counts = vocabulary.is_empty()
                    || reference.is_silence()
                    || vocabulary.contains(&(reference.notes & notes));
                counts.then(|| {
                    reference.root == estimate.root
                        && (reference.notes ^ estimate.notes) & notes == 0
                        && (!bass || reference.bass == estimate.bass)
                })
            }
            Self::Mirex if reference.is_silence() => Some(estimate.root.is_none()),
            Self::Mirex => (reference.notes.count_ones() >= MIREX_NOTES).then(|| {
                let common = reference.pitch_classes() & estimate.pitch_classes();
                common.count_ones() >= MIREX_NOTES
            }),
        }
    }
}
