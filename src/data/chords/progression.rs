//! Progressions: their parts, and how alike two are.

use super::Chord;

/// All runs of `n` chords that follow each other, in order; none where there are fewer than `n`.
pub fn ngrams<T: Clone>(chords: &[T], n: usize) -> Vec<Vec<T>> {
    if n == 0 { Vec::new() } else { chords.windows(n).map(<[T]>::to_vec).collect() }
}

/// How alike two progressions are, from 0 to 1: one less the least cost of an alignment, as a share
/// of the longer one's length.
///
/// An alignment pairs chords in order (Needleman and Wunsch 1970; of chords, Hanna, Robine and Rocher,
/// "An alignment based system for chord sequence retrieval", JCDL 2009). A pair costs one less the
/// share of notes that both chords have among those of either (Jaccard), a chord without partner
/// costs 1. Without transposition invariance keys count; with it the best of all twelve
/// transpositions of one progression does. Two progressions without chords are alike.
pub fn similarity(a: &[Chord], b: &[Chord], transposition_invariant: bool) -> f64 {
    let notes = |chords: &[Chord]| chords.iter().map(Sound::of).collect::<Vec<_>>();
    let (a, b) = (notes(a), notes(b));
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 1.0;
    }
    let shifts = if transposition_invariant { 12 } else { 1 };
    let costs = (0..shifts).map(|shift| {
        let moved: Vec<Sound> = b.iter().map(|sound| sound.shifted(shift)).collect();
        alignment_cost(&a, &moved)
    });
    1.0 - costs.fold(f64::INFINITY, f64::min) / longer as f64
}

/// The least cost of an alignment.
fn alignment_cost(a: &[Sound], b: &[Sound]) -> f64 {
    // Costs of the first chords of `a` with every beginning of `b`.
    let mut row: Vec<f64> = (0..=b.len()).map(|place| place as f64).collect();
    for one in a {
        let mut before = row[0];
        row[0] += 1.0;
        for (place, other) in b.iter().enumerate() {
            let paired = before + one.distance(*other);
            before = row[place + 1];
            row[place + 1] = paired.min(before + 1.0).min(row[place] + 1.0);
        }
    }
    row[b.len()]
}

/// What is heard of a chord.
#[derive(Clone, Copy, PartialEq)]
enum Sound {
    /// Pitch classes, as bits from C.
    Notes(u16),
    Silence,
    Unknown,
}

impl Sound {
    fn of(chord: &Chord) -> Self {
        match chord {
            Chord::Notes(_) => Self::Notes(chord.pitch_classes()),
            Chord::Silence => Self::Silence,
            Chord::Unknown => Self::Unknown,
        }
    }

    fn shifted(self, semitones: u32) -> Self {
        match self {
            Self::Notes(bits) => {
                let wide = u32::from(bits) << semitones;
                Self::Notes(((wide | wide >> 12) & 0xfff) as u16)
            }
            other => other,
        }
    }

    fn distance(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Notes(a), Self::Notes(b)) if a | b != 0 => {
                1.0 - f64::from((a & b).count_ones()) / f64::from((a | b).count_ones())
            }
            (a, b) => f64::from(u8::from(a != b)),
        }
    }
}
