//! From what came of the cases to figures with their intervals.

use rayon::prelude::*;

use super::cases::Cases;
use super::intervals::{Ratio, Resampling, Units};
use super::lists::{ListMetric, Lister};
use super::metrics::Measure;
use super::ranking::Places;
use crate::control::Control;
use crate::error::Result;

/// How many cases are measured at once.
const BLOCK: usize = 4096;

/// What is reported.
#[derive(Clone, Copy)]
pub enum Figure {
    /// Where the right answers stand.
    Rank(Measure),
    /// What the lists of the first `k` songs are like.
    List {
        /// The property.
        metric: ListMetric,
        /// The length of the lists.
        k: usize,
    },
}

/// Figures of some cases.
pub struct Summary {
    /// How many cases there are.
    pub cases: usize,
    /// How many listeners they are of.
    pub users: usize,
    /// For each figure its value and, where there is one, its interval.
    pub values: Vec<(f64, Option<(f64, f64)>)>,
}

/// How a figure comes from the columns of [`Units`].
enum Source {
    Ratio(Ratio),
    /// It is of all lists together.
    AllLists(ListMetric, usize),
}

/// Sums up cases, given by number and in order; `lister` knows the songs in lists, where there are
/// figures of these. Coverage and the Gini index have no interval: resampled listeners have fewer
/// different lists than the real ones, so that it would not be around the value. Computes on the
/// rayon pool it is called in.
///
/// # Errors
/// The analyst stopped the statement.
pub fn summarize(
    cases: &Cases<'_>,
    places: &Places,
    lister: &Lister<'_>,
    figures: &[Figure],
    members: &[u32],
    resampling: Resampling,
    control: &Control,
) -> Result<Summary> {
    let (sources, columns) = sources(figures);
    let mut units = Units::new(columns);
    for block in members.chunks(BLOCK) {
        control.check()?;
        let row = |&case: &u32| row(places, lister, figures, case as usize);
        let rows: Vec<Vec<f64>> = block.par_iter().map(row).collect();
        for (&case, row) in block.iter().zip(&rows) {
            units.add(cases.list[case as usize].user, row);
        }
    }
    let ratio = |source: &Source| match source {
        Source::Ratio(ratio) => Some(*ratio),
        Source::AllLists(..) => None,
    };
    let ratios: Vec<Ratio> = sources.iter().filter_map(ratio).collect();
    let mut intervals = resampling.intervals(&units, &ratios, control)?.into_iter();
    let totals = units.sum();
    let value = |source: &Source| match *source {
        Source::Ratio(ratio) => (ratio.of(&totals), intervals.next().flatten()),
        Source::AllLists(metric, k) => {
            let lists = members.iter().map(|&case| first(places.list(case as usize), k));
            (lister.of_all(metric, lists), None)
        }
    };
    let values = sources.iter().map(value).collect();
    Ok(Summary { cases: members.len(), users: units.len(), values })
}

/// Which columns make up which figure, and how many there are; column 0 counts cases.
fn sources(figures: &[Figure]) -> (Vec<Source>, usize) {
    let mut columns = 1;
    let mut next = || {
        columns += 1;
        columns - 1
    };
    let source = |figure: &Figure| match *figure {
        Figure::Rank(_) => Source::Ratio(Ratio { numerator: next(), denominator: 0, less: 0.0 }),
        Figure::List { metric: metric @ (ListMetric::Coverage | ListMetric::Gini), k } => {
            Source::AllLists(metric, k)
        }
        Figure::List { metric, .. } => {
            let (numerator, denominator) = (next(), next());
            Source::Ratio(Ratio { numerator, denominator, less: metric.less() })
        }
    };
    let sources = figures.iter().map(source).collect();
    (sources, columns)
}

/// What a case adds to the columns.
fn row(places: &Places, lister: &Lister<'_>, figures: &[Figure], case: usize) -> Vec<f64> {
    let outcome = places.outcome(case);
    let mut row = vec![1.0];
    for figure in figures {
        match *figure {
            Figure::Rank(measure) => row.push(measure.value(&outcome)),
            Figure::List { metric: ListMetric::Coverage | ListMetric::Gini, .. } => {}
            Figure::List { metric, k } => {
                let list = first(places.list(case), k);
                let (total, count) = lister.add(metric, list, places.told_popularity(case));
                row.extend([total, count]);
            }
        }
    }
    row
}

fn first(list: &[u32], k: usize) -> &[u32] {
    &list[..k.min(list.len())]
}
