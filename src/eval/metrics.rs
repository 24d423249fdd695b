//! Ranking metrics of cases with any number of right answers.
//!
//! What a model did in a case is an [`Outcome`]: the [`Place`]s of the right answers, from the best.
//! Songs of equal score share a place. A metric is the expected value over all orders of such songs
//! (McSherry & Najork, "Computing information retrieval performance measures efficiently in the
//! presence of tied scores", ECIR 2008), computed exactly; a [tie rule](Ties) that puts the right
//! answers last or first among their equals narrows the places before.

use crate::error::{Error, Result};

/// Where right answers of one score stand: somewhere in `before + 1 ..= before + tied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How many candidates score higher.
    pub before: u32,
    /// How many candidates have this score, the right answers among them.
    pub tied: u32,
    /// How many right answers have it; at least 1.
    pub right: u32,
}

/// Who stands first among candidates of equal score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The wrong answers: a model that cannot tell songs apart gains nothing.
    Pessimistic,
    /// Nobody: metrics are expected values over all orders.
    Mean,
    /// The right answers.
    Optimistic,
}

impl Ties {
    /// The values of the option `ties`.
    pub const NAMES: &'static [&'static str] = &["pessimistic", "mean", "optimistic"];

    /// The rule of that name.
    ///
    /// # Errors
    /// A name that is not among [`Ties::NAMES`].
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "pessimistic" => Ok(Self::Pessimistic),
            "mean" => Ok(Self::Mean),
            "optimistic" => Ok(Self::Optimistic),
            _ => Err(Error::data(format!(
                "unknown value '{name}' for ties; use one of {}",
                Self::NAMES.join(", ")
            ))),
        }
    }

    /// The place with the order that the rule leaves open.
    pub fn apply(self, place: Place) -> Place {
        let Place { before, tied, right } = place;
        match self {
            Self::Pessimistic => Place { before: before + tied - right, tied: right, right },
            Self::Mean => place,
            Self::Optimistic => Place { before, tied: right, right },
        }
    }
}

/// What a model did in one case.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The places of the right answers that were ranked, best first.
    pub places: &'a [Place],
    /// How many right answers there are, ranked or not; at least 1.
    pub right: u32,
    /// How many candidates were ranked.
    pub candidates: u32,
}

impl Outcome<'_> {
    /// The expected rank of the best right answer, from 1; `None` if none was ranked.
    pub fn rank(&self) -> Option<f64> {
        let first = self.places.first()?;
        // The least of c numbers out of 1 … n is (n + 1) / (c + 1) on average.
        Some(f64::from(first.before) + f64::from(first.tied + 1) / f64::from(first.right + 1))
    }
}

/// A metric of one case, over the first `k` songs or, where `k` is `None`, all that were ranked.
/// Right answers that were not ranked are misses.
pub struct Metric {
    /// Its name in SQL.
    pub name: &'static str,
    /// Whether it is reported over lists.
    pub of_lists: bool,
    /// Whether it is reported over the whole ranking.
    pub of_ranking: bool,
    /// The value of one case.
    pub value: fn(outcome: &Outcome<'_>, k: Option<usize>) -> f64,
}

/// Every metric, in the order in which they are reported.
pub static METRICS: &[Metric] = &[
    Metric { name: "recall", of_lists: true, of_ranking: false, value: recall },
    Metric { name: "hit_rate", of_lists: true, of_ranking: false, value: hit_rate },
    Metric { name: "precision", of_lists: true, of_ranking: false, value: precision },
    Metric { name: "mrr", of_lists: true, of_ranking: true, value: reciprocal_rank },
    Metric { name: "ndcg", of_lists: true, of_ranking: false, value: ndcg },
    Metric { name: "map", of_lists: true, of_ranking: true, value: average_precision },
    Metric { name: "auc", of_lists: false, of_ranking: true, value: auc },
];

/// A metric at a length of the list.
#[derive(Clone, Copy)]
pub struct Measure {
    /// What is measured.
    pub metric: &'static Metric,
    /// Over how many songs; `None` is the whole ranking.
    pub k: Option<usize>,
}

impl Measure {
    /// The measures of a metric over lists of the given lengths, and over the whole ranking where it
    /// is reported so.
    pub fn of(metric: &'static Metric, lengths: &[usize]) -> Vec<Self> {
        let lists = lengths.iter().filter(|_| metric.of_lists).map(|&k| Some(k));
        lists.chain(metric.of_ranking.then_some(None)).map(|k| Self { metric, k }).collect()
    }

    /// The measures of all metrics.
    pub fn all(lengths: &[usize]) -> Vec<Self> {
        METRICS.iter().flat_map(|metric| Self::of(metric, lengths)).collect()
    }

    /// Reads `ndcg@10`, `ndcg_at_10` or `mrr`; `None` if there is no such measure.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, k) = match text.split_once('@').or_else(|| text.rsplit_once("_at_")) {
            Some((name, k)) => (name, Some(k.parse().ok().filter(|&k| k > 0)?)),
            None => (text.as_str(), None),
        };
        let metric = METRICS.iter().find(|metric| metric.name == name)?;
        let exists = if k.is_some() { metric.of_lists } else { metric.of_ranking };
        exists.then_some(Self { metric, k })
    }

    /// The name as a column: `ndcg_at_10`, or `mrr` over the whole ranking.
    pub fn name(&self) -> String {
        match self.k {
            Some(k) => format!("{}_at_{k}", self.metric.name),
            None => self.metric.name.to_owned(),
        }
    }

    /// The value of one case.
    pub fn value(&self, outcome: &Outcome<'_>) -> f64 {
        (self.metric.value)(outcome, self.k)
    }
}

impl Place {
    /// How many of the tied places lie within the first `k`.
    fn within(&self, k: Option<usize>) -> u32 {
        match k {
            Some(k) => {
                let k = u32::try_from(k).unwrap_or(u32::MAX);
                self.tied.min(k.saturating_sub(self.before))
            }
            None => self.tied,
        }
    }

    /// The chance that a certain one of the tied places has a right answer.
    fn density(&self) -> f64 {
        f64::from(self.right) / f64::from(self.tied)
    }
}

/// The expected number of right answers within the first `k`.
fn hits(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    // Not `sum`, which is −0 for nothing.
    outcome.places.iter().fold(0.0, |sum, place| sum + f64::from(place.within(k)) * place.density())
}

/// The share of the right answers that are within the first `k`.
fn recall(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    hits(outcome, k) / f64::from(outcome.right)
}

/// The share of the first `k` that are right answers.
fn precision(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    hits(outcome, k) / k.unwrap_or(outcome.candidates as usize).max(1) as f64
}

/// 1 if any right answer is within the first `k`, else 0.
fn hit_rate(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    let Some(first) = outcome.places.first() else { return 0.0 };
    let within = first.within(k);
    if within == first.tied {
        return 1.0;
    }
    // All right answers of this score stand behind the first k: C(tied − within, right) of
    // C(tied, right) orders.
    let misses = (0..first.right).map(|at| {
        let (outside, tied) = (first.tied - within, first.tied);
        f64::from(outside.saturating_sub(at)) / f64::from(tied - at)
    });
    1.0 - misses.product::<f64>()
}

/// One over the rank of the first right answer, 0 if it is not within the first `k`.
fn reciprocal_rank(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    let Some(first) = outcome.places.first() else { return 0.0 };
    let (tied, right, within) = (first.tied, first.right, first.within(k));
    if right == 1 {
        return first.density() * harmonic(first.before, within);
    }
    // The chance that the first of the right answers is number `at` of the tied.
    let (mut chance, mut expected) = (first.density(), 0.0);
    for at in 1..=within.min(tied - right + 1) {
        expected += chance / f64::from(first.before + at);
        chance *= f64::from(tied + 1 - at - right) / f64::from((tied - at).max(1));
    }
    expected
}

/// Discounted cumulative gain, `Σ 1 / log2(rank + 1)` over the right answers within the first `k`,
/// as a share of the best possible.
fn ndcg(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    let discounts = |before: u32, count: u32| -> f64 {
        (1..=count).map(|at| 1.0 / (f64::from(before + at) + 1.0).log2()).sum()
    };
    let gain = outcome.places.iter().fold(0.0, |gain, place| match place.within(k) {
        0 => gain,
        within => gain + place.density() * discounts(place.before, within),
    });
    gain / discounts(0, ideal_hits(outcome, k))
}

/// The mean, over the right answers, of the precision at their ranks; 0 for those that are not
/// within the first `k`. The best possible is 1, also where there are more than `k` right answers.
fn average_precision(outcome: &Outcome<'_>, k: Option<usize>) -> f64 {
    let (mut sum, mut earlier) = (0.0, 0.0);
    for place in outcome.places {
        let within = place.within(k);
        let others = if place.tied > 1 {
            f64::from(place.right - 1) / f64::from(place.tied - 1)
        } else {
            0.0
        };
        // If number `at` of the tied is right, (at − 1) · others more are so before it, on average:
        // Σ (earlier + 1 + (at − 1) · others) / (before + at).
        let reciprocals = harmonic(place.before, within);
        let ahead = f64::from(within) - (f64::from(place.before) + 1.0) * reciprocals;
        sum += place.density() * ((earlier + 1.0) * reciprocals + others * ahead);
        earlier += f64::from(place.right);
    }
    sum / f64::from(ideal_hits(outcome, k))
}

/// How many right answers the best possible list of `k` songs has.
fn ideal_hits(outcome: &Outcome<'_>, k: Option<usize>) -> u32 {
    k.and_then(|k| u32::try_from(k).ok()).map_or(outcome.right, |k| k.min(outcome.right))
}

/// The chance that a right answer stands before a wrong one, both drawn at random; a right answer
/// that is not ranked stands behind all. Where there is no wrong one, the share that is ranked.
fn auc(outcome: &Outcome<'_>, _: Option<usize>) -> f64 {
    let ranked: u32 = outcome.places.iter().map(|place| place.right).sum();
    let wrong = f64::from(outcome.candidates - ranked);
    if wrong == 0.0 {
        return f64::from(ranked) / f64::from(outcome.right);
    }
    let (mut pairs, mut earlier) = (0.0, 0);
    for place in outcome.places {
        let ahead = f64::from(place.before - earlier) + f64::from(place.tied - place.right) / 2.0;
        pairs += f64::from(place.right) * (wrong - ahead);
        earlier += place.right;
    }
    pairs / (f64::from(outcome.right) * wrong)
}

/// `1/(before + 1) + … + 1/(before + count)`.
fn harmonic(before: u32, count: u32) -> f64 {
    /// From here on the series below is exact to the last digit.
    const LARGE: u32 = 256;
    let end = u64::from(before) + u64::from(count);
    let summed = if before < LARGE { count.min(LARGE - before) } else { count.min(1) };
    let reciprocals = (1..=summed).map(|at| 1.0 / (f64::from(before) + f64::from(at)));
    // Not `sum`, which is −0 for nothing.
    let sum = reciprocals.fold(0.0, |sum, x| sum + x);
    let start = u64::from(before) + u64::from(summed);
    if start == end {
        return sum;
    }
    // H(n) = ln n + γ + 1/2n − 1/12n² + 1/120n⁴ − …
    let rest = |n: f64| 0.5 / n - 1.0 / (12.0 * n * n) + 1.0 / (120.0 * n.powi(4));
    let (start, end) = (start as f64, end as f64);
    sum + ((end - start) / start).ln_1p() + rest(end) - rest(start)
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
