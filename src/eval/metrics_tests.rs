//! Metrics by hand, and ties by trying all orders.

use super::*;

fn measure(name: &str) -> Measure {
    Measure::parse(name).unwrap()
}

#[track_caller]
fn check(name: &str, places: &[Place], right: u32, candidates: u32, expected: f64) {
    let got = measure(name).value(&Outcome { places, right, candidates });
    assert!((got - expected).abs() < 1e-12, "{name} of {places:?}: {got}, expected {expected}");
}

/// A right answer with a rank of its own.
fn at(rank: u32) -> Place {
    Place { before: rank - 1, tied: 1, right: 1 }
}

#[test]
fn one_right_answer_by_hand() {
    for (name, of_third) in [
        ("recall@2", 0.0),
        ("recall@3", 1.0),
        ("hit_rate@3", 1.0),
        ("precision@2", 0.0),
        ("precision@10", 0.1),
        ("mrr@2", 0.0),
        ("mrr@3", 1.0 / 3.0),
        ("mrr", 1.0 / 3.0),
        ("ndcg@3", 0.5),
        ("ndcg@2", 0.0),
        ("map@3", 1.0 / 3.0),
        ("map", 1.0 / 3.0),
        // Of the four wrong answers, two stand behind it.
        ("auc", 0.5),
    ] {
        check(name, &[at(3)], 1, 5, of_third);
        check(name, &[], 1, 5, 0.0);
    }
}

#[test]
fn several_right_answers_by_hand() {
    // Ranks 1, 3 and 6 of 8, and one that the model does not know.
    let places = [at(1), at(3), at(6)];
    let log = |rank: f64| 1.0 / (rank + 1.0).log2();
    for (name, expected) in [
        ("recall@3", 2.0 / 4.0),
        ("recall@8", 3.0 / 4.0),
        ("hit_rate@1", 1.0),
        ("precision@3", 2.0 / 3.0),
        ("mrr@5", 1.0),
        ("ndcg@3", (1.0 + log(3.0)) / (1.0 + log(2.0) + log(3.0))),
        ("ndcg@8", (1.0 + log(3.0) + log(6.0)) / (1.0 + log(2.0) + log(3.0) + log(4.0))),
        ("map@3", (1.0 + 2.0 / 3.0) / 3.0),
        ("map", (1.0 + 2.0 / 3.0 + 3.0 / 6.0) / 4.0),
        // Five wrong answers: five behind the first, four behind the second, two behind the third.
        ("auc", (5.0 + 4.0 + 2.0) / 20.0),
    ] {
        check(name, &places, 4, 8, expected);
    }
}

#[test]
fn ties_by_hand() {
    // One song is better; the right answer and three wrong ones are equal: ranks 2 to 5.
    let tied = Place { before: 1, tied: 4, right: 1 };
    let cases = [
        (Ties::Pessimistic, 5.0, 0.2, 0.0),
        (Ties::Mean, 3.5, (1.0 / 2.0 + 1.0 / 3.0 + 1.0 / 4.0 + 1.0 / 5.0) / 4.0, 0.5),
        (Ties::Optimistic, 2.0, 0.5, 1.0),
    ];
    for (ties, rank, mrr, recall) in cases {
        let places = [ties.apply(tied)];
        let outcome = Outcome { places: &places, right: 1, candidates: 6 };
        assert_eq!(outcome.rank(), Some(rank), "{ties:?}");
        check("mrr", &places, 1, 6, mrr);
        check("recall@3", &places, 1, 6, recall);
        check("hit_rate@3", &places, 1, 6, recall);
    }
    // All songs equal: half of all pairs are in order.
    check("auc", &[Place { before: 0, tied: 6, right: 2 }], 2, 6, 0.5);
}

#[test]
fn a_right_answer_beyond_the_list_counts_plain_zero() {
    let places = [Place { before: 20, tied: 1, right: 1 }];
    let outcome = Outcome { places: &places, right: 1, candidates: 30 };
    for metric in METRICS.iter().filter(|metric| metric.of_lists) {
        let value = Measure { metric, k: Some(20) }.value(&outcome);
        assert!(value == 0.0 && value.is_sign_positive(), "{} {value}", metric.name);
    }
}

/// All ways to choose `count` of the numbers below `of`.
fn choices(count: u32, of: u32) -> Vec<Vec<u32>> {
    let subsets = (0_u32..1 << of).filter(|subset| subset.count_ones() == count);
    subsets.map(|subset| (0..of).filter(|at| subset >> at & 1 == 1).collect()).collect()
}

#[test]
fn the_mean_of_ties_is_that_over_all_orders() {
    // Three right answers in a tie of five after two others, then two in a tie of four.
    let places = [Place { before: 2, tied: 5, right: 3 }, Place { before: 8, tied: 4, right: 2 }];
    let (right, candidates) = (6, 14);
    for metric in METRICS {
        for measure in Measure::of(metric, &[1, 3, 4, 6, 8, 9, 10, 12, 20]) {
            let (mut sum, mut orders) = (0.0, 0.0);
            for first in choices(3, 5) {
                for second in choices(2, 4) {
                    let ranks = first.iter().map(|at| 3 + at).chain(second.iter().map(|at| 9 + at));
                    let order: Vec<Place> = ranks.map(at).collect();
                    let outcome = Outcome { places: &order, right, candidates };
                    sum += measure.value(&outcome);
                    orders += 1.0;
                }
            }
            let got = measure.value(&Outcome { places: &places, right, candidates });
            let expected = sum / orders;
            assert!((got - expected).abs() < 1e-12, "{}: {got}, {expected}", measure.name());
        }
    }
}

#[test]
fn long_ties_are_summed_as_short_ones() {
    for (before, count) in [(0, 1), (0, 5000), (3, 300), (255, 1), (256, 1), (257, 3000), (9999, 2)]
    {
        let direct: f64 = (1..=count).map(|at| 1.0 / f64::from(before + at)).sum();
        let got = harmonic(before, count);
        assert!((got - direct).abs() < 1e-13 * direct.max(1.0), "{before} {count}: {got} {direct}");
    }
    assert_eq!(harmonic(7, 0), 0.0);
}

#[test]
fn measures_have_two_spellings() {
    for text in ["ndcg@10", "ndcg_at_10", "NDCG@10"] {
        assert_eq!(measure(text).name(), "ndcg_at_10");
    }
    assert_eq!(measure("hit_rate_at_5").name(), "hit_rate_at_5");
    assert_eq!(measure("mrr").name(), "mrr");
    for wrong in ["", "ndcg", "recall", "auc@10", "ndcg@0", "ndcg@ten", "ndcg@", "rank@3"] {
        assert!(Measure::parse(wrong).is_none(), "{wrong}");
    }
}
