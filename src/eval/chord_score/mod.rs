//! How well estimated chords agree with a reference: the metrics of MIREX, with the conventions and
//! the results of mir_eval 0.8.2.
//!
//! Both lists of chords are cut at the boundaries of either, and each piece counts by its length: a
//! metric is the share of right seconds among those that it counts, `Σ right seconds / Σ counted
//! seconds` (weighted chord symbol recall; Pauwels & Peeters, "Evaluating automatically estimated
//! chord sequences", ICASSP 2013, whose vocabularies these are). A piece whose *reference* is outside
//! a metric's vocabulary, and every piece whose reference is `X`, is not counted. Segmentation is
//! Harte's ("Towards automatic extraction of harmony information from music signals", 2010).
//! The tool is described in Raffel et al., "mir_eval", ISMIR 2014.
//!
//! Before that, the estimate is cut to the time of the reference and filled up with `N`. Conventions
//! of mir_eval that results depend on, and that are kept:
//!
//! - A chord lasts until the next one begins, also over a gap. The gap before an estimate's first
//!   chord and after its last one is `N`.
//! - Degrees from the octave on do not count as notes: `C:9` is `C:7`, but in segmentation. The bass
//!   counts as a note.
//! - A bass above the fifth keeps no triad out of `majmin` and `majmin_inv`: `C:maj/6` counts there,
//!   `C:maj/2` does not.
//! - An *estimate* `X` is right in `mirex` under any reference of three notes or more, and in `root` and
//!   `mirex` under `N`. An estimate should not have `X`.
//!
//! Deviations: spans may come in any order, those of no length are left out, and where nothing is
//! counted a score has no value, which mir_eval gives as 0. Labels are read in all of Segue's
//! syntaxes. `C:maj(*b4)` has its third, for it has no b4 to leave out; mir_eval goes by the pitch.

mod compare;
mod segments;
mod spans;

use std::iter::Sum;
use std::ops::AddAssign;

use crate::error::Result;
use compare::{Code, Rule};
use segments::fragmentation;
use spans::{aligned, fitted, joined, read};

/// A chord and when it sounds, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChordSpan<'a> {
    /// Its symbol in any syntax, `N` for no chord, `X` for one that nobody could name.
    pub label: &'a str,
    /// When it begins.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
}

/// What is compared.
#[derive(Debug)]
pub struct ChordMetric {
    /// Its name, that of mir_eval.
    pub name: &'static str,
    /// What is right, for the manual.
    pub doc: &'static str,
    what: What,
}

#[derive(Debug)]
enum What {
    Chords(Rule),
    Oversegmentation,
    Undersegmentation,
    Segmentation,
}

/// How many metrics there are.
const COUNT: usize = 15;

/// Every metric, in the order in which they are reported.
pub static CHORD_METRICS: [ChordMetric; COUNT] = {
    const fn chords(name: &'static str, doc: &'static str, rule: Rule) -> ChordMetric {
        ChordMetric { name, doc, what: What::Chords(rule) }
    }
    const fn segments(name: &'static str, doc: &'static str, what: What) -> ChordMetric {
        ChordMetric { name, doc, what }
    }
    [
        chords("root", "Same root.", Rule::ROOT),
        chords("thirds", "Same root, and both or neither with a minor third.", Rule::THIRDS),
        chords("thirds_inv", "As thirds, and the same bass.", Rule::THIRDS.with_bass()),
        chords("triads", "Same root and notes up to the fifth.", Rule::TRIADS),
        chords("triads_inv", "As triads, and the same bass.", Rule::TRIADS.with_bass()),
        chords("tetrads", "Same root and notes within an octave.", Rule::TETRADS),
        chords("tetrads_inv", "As tetrads, and the same bass.", Rule::TETRADS.with_bass()),
        chords("majmin", "As triads; counts references maj, min and N only.", Rule::MAJMIN),
        chords("majmin_inv", "As majmin, and the same bass.", Rule::MAJMIN.with_bass()),
        chords(
            "sevenths",
            "As tetrads; counts references maj, min, maj7, 7, min7 and N only.",
            Rule::SEVENTHS,
        ),
        chords("sevenths_inv", "As sevenths, and the same bass.", Rule::SEVENTHS.with_bass()),
        chords("mirex", "Three notes in common, or both N.", Rule::Mirex),
        segments(
            "underseg",
            "1 less the share of time outside the longest piece of each estimated chord, cut where the \
             reference changes: low where changes are missed.",
            What::Undersegmentation,
        ),
        segments(
            "overseg",
            "1 less the share of time outside the longest piece of each reference chord, cut where the \
             estimate changes: low where there are changes too many.",
            What::Oversegmentation,
        ),
        segments("seg", "The lower of underseg and overseg.", What::Segmentation),
    ]
};

/// What a metric found, over one song or many.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// How many of the counted seconds are right. For segmentation, the value times these seconds.
    pub right_s: f64,
    /// How many seconds the metric counts: the weight of a song in the mean over a corpus.
    pub counted_s: f64,
}

impl Score {
    /// The share that is right, from 0 to 1; `None` where nothing is counted.
    pub fn value(self) -> Option<f64> {
        (self.counted_s > 0.0).then(|| self.right_s / self.counted_s)
    }

    /// A value that holds for so many seconds.
    fn of(value: f64, seconds: f64) -> Self {
        Self { right_s: value * seconds, counted_s: seconds }
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.right_s += other.right_s;
        self.counted_s += other.counted_s;
    }
}

/// The scores of all metrics. The sum of those of songs is that of the corpus: its values are means
/// weighted by the seconds that each song counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ChordScores([Score; COUNT]);

impl ChordScores {
    /// The score of the metric of that name; `None` if there is no such metric.
    pub fn get(&self, name: &str) -> Option<Score> {
        self.iter().find(|(metric, _)| metric.name == name).map(|(_, score)| score)
    }

    /// All scores, in the order of [`CHORD_METRICS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static ChordMetric, Score)> {
        CHORD_METRICS.iter().zip(self.0)
    }
}

impl AddAssign for ChordScores {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, score)| *sum += score);
    }
}

impl Sum for ChordScores {
    fn sum<I: Iterator<Item = Self>>(songs: I) -> Self {
        songs.fold(Self::default(), |mut sum, song| {
            sum += song;
            sum
        })
    }
}

/// Scores a song's estimated chords against its reference. An empty estimate is all `N`; against an
/// empty reference nothing is counted.
///
/// # Errors
/// A label is no chord symbol; a time is not finite, or greater than 1e9; a chord ends before it begins;
/// two chords of one side overlap by more than a microsecond. The message names the side, the chord and the remedy.
pub fn chord_score(reference: &[ChordSpan<'_>], estimate: &[ChordSpan<'_>]) -> Result<ChordScores> {
    let (reference, estimate) = (read("reference", reference)?, read("estimate", estimate)?);
    let (Some(first), Some(last)) = (reference.first(), reference.last()) else {
        return Ok(ChordScores::default());
    };
    let (from, to) = (first.start_s, last.end_s);
    let estimate = fitted(estimate, from, to);
    let pieces = aligned(&reference, &estimate);
    let (reference, estimate) = (joined(&reference), joined(&estimate));
    let over = 1.0 - fragmentation(&reference, &estimate);
    let under = 1.0 - fragmentation(&estimate, &reference);
    Ok(ChordScores(CHORD_METRICS.each_ref().map(|metric| match &metric.what {
        What::Chords(rule) => share(&pieces, rule),
        What::Oversegmentation => Score::of(over, to - from),
        What::Undersegmentation => Score::of(under, to - from),
        What::Segmentation => Score::of(over.min(under), to - from),
    })))
}

/// The seconds that a rule counts, and those that it finds right, of pieces with their lengths,
/// references and estimates.
fn share(pieces: &[(f64, Code, Code)], rule: &Rule) -> Score {
    let mut score = Score::default();
    for (seconds, reference, estimate) in pieces {
        if let Some(right) = rule.compare(reference, estimate) {
            score += Score::of(f64::from(u8::from(right)), *seconds);
        }
    }
    score
}

#[cfg(test)]
mod tests;
