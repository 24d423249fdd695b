//! Ranking metrics of cases with one right answer, the next song.
//!
//! Each metric is a pure function of the answer's rank and of the length `k` of the list. With one
//! right answer, recall is 1 or 0 and equals the hit rate (HARM's eq. 10, per case).

/// A metric of one case: `rank` is the answer's place from 1, or `None` if the model cannot rank
/// it at all, which counts as a miss; `k` is the length of the list, `None` the whole ranking.
pub struct Metric {
    /// Its name in SQL.
    pub name: &'static str,
    /// Whether it is also reported over the whole ranking.
    pub whole: bool,
    /// The value of one case.
    pub value: fn(rank: Option<usize>, k: Option<usize>) -> f64,
}

/// Every metric, in the order in which they are reported.
pub static METRICS: &[Metric] = &[
    Metric { name: "recall", whole: false, value: hit },
    Metric { name: "hit_rate", whole: false, value: hit },
    Metric { name: "mrr", whole: true, value: reciprocal_rank },
    Metric { name: "ndcg", whole: false, value: ndcg },
];

fn within(rank: Option<usize>, k: Option<usize>) -> Option<usize> {
    rank.filter(|&rank| k.is_none_or(|k| rank <= k))
}

/// 1 if the answer is in the list.
fn hit(rank: Option<usize>, k: Option<usize>) -> f64 {
    if within(rank, k).is_some() { 1.0 } else { 0.0 }
}

/// One over the answer's rank, 0 outside the list (HARM's eq. 11).
fn reciprocal_rank(rank: Option<usize>, k: Option<usize>) -> f64 {
    within(rank, k).map_or(0.0, |rank| 1.0 / rank as f64)
}

/// `1 / log2(rank + 1)`: with one right answer the ideal is 1.
fn ndcg(rank: Option<usize>, k: Option<usize>) -> f64 {
    within(rank, k).map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0).log2())
}

/// The mean of a metric over cases; NaN without cases.
pub fn mean(metric: &Metric, ranks: &[Option<usize>], k: Option<usize>) -> f64 {
    ranks.iter().map(|&rank| (metric.value)(rank, k)).sum::<f64>() / ranks.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, k: Option<usize>, expected: f64) {
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
        let got = mean(metric, &[Some(1), Some(3), Some(11), None], k);
        assert!((got - expected).abs() < 1e-12, "{name}@{k:?}: {got}, expected {expected}");
    }

    #[test]
    fn by_hand() {
        check("recall", Some(1), 0.25);
        check("recall", Some(3), 0.5);
        check("hit_rate", Some(10), 0.5);
        check("mrr", Some(10), (1.0 + 1.0 / 3.0) / 4.0);
        check("mrr", None, (1.0 + 1.0 / 3.0 + 1.0 / 11.0) / 4.0);
        check("ndcg", Some(2), 0.25);
        check("ndcg", Some(3), (1.0 + 0.5) / 4.0);
    }
}
