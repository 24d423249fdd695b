//! Two models' answers to the same questions.

use super::cases::Cases;
use super::intervals::{Ratio, Resampling, Units};
use super::metrics::Measure;
use super::ranking::Places;
use crate::control::Control;
use crate::error::Result;

/// How two models compare in one measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The mean of the first.
    pub a: f64,
    /// The mean of the second.
    pub b: f64,
    /// The interval of the mean difference.
    pub interval: Option<(f64, f64)>,
    /// How likely a difference as large is by chance.
    pub p_value: f64,
    /// In how many cases the first is better, the second is better, and both are equal.
    pub wins: [usize; 3],
}

/// Compares what came of the same cases, measure by measure; and how many listeners there are.
/// Computes on the rayon pool it is called in.
///
/// # Errors
/// The analyst stopped the statement.
pub fn compare(
    cases: &Cases<'_>,
    [a, b]: [&Places; 2],
    measures: &[Measure],
    resampling: Resampling,
    control: &Control,
) -> Result<(Vec<Comparison>, usize)> {
    // Cases, then the differences.
    let mut units = Units::new(1 + measures.len());
    let mut sums = vec![(0.0, 0.0); measures.len()];
    let mut wins = vec![[0; 3]; measures.len()];
    let mut row = vec![1.0; 1 + measures.len()];
    for (number, case) in cases.list.iter().enumerate() {
        let (ours, theirs) = (a.outcome(number), b.outcome(number));
        for (at, measure) in measures.iter().enumerate() {
            let (ours, theirs) = (measure.value(&ours), measure.value(&theirs));
            sums[at].0 += ours;
            sums[at].1 += theirs;
            let won = if ours > theirs { 0 } else { 1 + usize::from(ours == theirs) };
            wins[at][won] += 1;
            row[1 + at] = ours - theirs;
        }
        units.add(case.user, &row);
    }
    let ratios: Vec<Ratio> = (1..=measures.len())
        .map(|numerator| Ratio { numerator, denominator: 0, less: 0.0 })
        .collect();
    let intervals = resampling.intervals(&units, &ratios, control)?;
    let p_values = resampling.p_values(&units, control)?;
    let count = cases.list.len() as f64;
    let comparison = |at: usize| Comparison {
        a: sums[at].0 / count,
        b: sums[at].1 / count,
        interval: intervals[at],
        p_value: p_values[1 + at],
        wins: wins[at],
    };
    Ok(((0..measures.len()).map(comparison).collect(), units.len()))
}
