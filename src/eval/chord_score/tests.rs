//! Scores by hand, mir_eval's fixtures where they are, and the golden numbers of
//! `tests/golden/chord_score.py`, which are mir_eval's of annotations made up there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

fn span(label: &str, start_s: f64, end_s: f64) -> ChordSpan<'_> {
    ChordSpan { label, start_s, end_s }
}

fn scores(reference: &[ChordSpan<'_>], estimate: &[ChordSpan<'_>]) -> ChordScores {
    chord_score(reference, estimate).unwrap()
}

#[track_caller]
fn check(scores: &ChordScores, expected: &[(&str, f64)]) {
    for &(name, expected) in expected {
        let got = scores.get(name).unwrap().value().unwrap();
        assert!((got - expected).abs() < 1e-12, "{name}: {got}, expected {expected}");
    }
}

/// Names of metrics by what they say of one pair of chords: right, and not counted.
fn verdicts(reference: &str, estimate: &str) -> (String, String) {
    let scores = scores(&[span(reference, 0.0, 1.0)], &[span(estimate, 0.0, 1.0)]);
    let named = |value: Option<f64>| {
        let of_chords = scores.iter().filter(|(metric, _)| !metric.name.ends_with("seg"));
        let names = of_chords.filter(|(_, score)| score.value() == value);
        names.map(|(metric, _)| metric.name).collect::<Vec<_>>().join(" ")
    };
    (named(Some(1.0)), named(None))
}

const ALL: &str = "root thirds thirds_inv triads triads_inv tetrads tetrads_inv majmin majmin_inv \
                   sevenths sevenths_inv mirex";

#[test]
fn chords_are_compared_by_the_rules() {
    let no_vocabulary = "majmin majmin_inv sevenths sevenths_inv";
    for (reference, estimate, right, not_counted) in [
        ("C:maj", "C", ALL, ""),
        ("C#:min7", "Dbm7", ALL, ""),
        ("N", "N", ALL, ""),
        ("N", "C", "", ""),
        ("C", "N", "", ""),
        ("C", "G", "", ""),
        // The seventh is beyond a triad.
        ("C:maj", "C:7", "root thirds thirds_inv triads triads_inv majmin majmin_inv mirex", ""),
        // Degrees from the octave on do not count.
        ("C:9", "C:7", ALL, ""),
        ("C:7(13)", "C:7", ALL, ""),
        // Another bass …
        ("C/3", "C", "root thirds triads tetrads majmin sevenths mirex", ""),
        // … which is a note of its own, beside the triad or within its range.
        ("C/b7", "C:7", "root thirds triads tetrads majmin sevenths mirex", ""),
        (
            "C/6",
            "C/6",
            "root thirds thirds_inv triads triads_inv tetrads tetrads_inv majmin majmin_inv mirex",
            "sevenths sevenths_inv",
        ),
        ("C/2", "C", "root thirds mirex", no_vocabulary),
        // Another third, another fifth.
        ("A:min", "A", "root", ""),
        ("A:dim", "A:min", "root thirds thirds_inv", no_vocabulary),
        ("A:min", "A:dim", "root thirds thirds_inv", ""),
        ("C:sus4", "C", "root thirds thirds_inv", no_vocabulary),
        // Three notes in common.
        ("C", "A:min7", "mirex", ""),
        ("C:maj6", "A:min7", "mirex", "sevenths sevenths_inv"),
        // Fewer than three notes, of which no estimate can have three.
        (
            "C:5",
            "C:5",
            "root thirds thirds_inv triads triads_inv tetrads tetrads_inv",
            "majmin majmin_inv sevenths sevenths_inv mirex",
        ),
        ("C", "C:5", "root thirds thirds_inv", ""),
        // What nobody could name.
        ("X", "C", "", ALL),
        ("X", "X", "", ALL),
        ("C", "X", "mirex", ""),
        ("N", "X", "root mirex", ""),
    ] {
        let got = verdicts(reference, estimate);
        assert_eq!(got, (right.to_owned(), not_counted.to_owned()), "{reference} {estimate}");
    }
}

#[test]
fn pieces_count_by_their_length() {
    let reference =
        [span("C", 0.0, 4.0), span("X", 4.0, 5.0), span("D:dim", 5.0, 7.0), span("N", 7.0, 8.0)];
    let estimate = [span("C", 0.0, 3.0), span("C:7", 3.0, 5.0), span("D:min", 5.0, 8.0)];
    let scores = scores(&reference, &estimate);
    check(
        &scores,
        &[
            // Of seven seconds: the X is not counted.
            ("root", 6.0 / 7.0),
            ("thirds", 6.0 / 7.0),
            ("triads", 4.0 / 7.0),
            ("tetrads", 3.0 / 7.0),
            // Of five: neither is D:dim.
            ("majmin", 4.0 / 5.0),
            ("sevenths", 3.0 / 5.0),
            ("mirex", 4.0 / 7.0),
        ],
    );
    let seconds = |name| scores.get(name).unwrap().counted_s;
    assert_eq!((seconds("root"), seconds("majmin"), seconds("seg")), (7.0, 5.0, 8.0));
}

#[test]
fn segmentation_by_hand() {
    // C (4 s), G (4 s) against C (3 s), G (5 s): the boundary at 4 cuts 1 s off the estimate's G,
    // that at 3 as much off the reference's C.
    let reference = [span("C", 0.0, 4.0), span("G", 4.0, 8.0)];
    let estimate = [span("C", 0.0, 3.0), span("G", 3.0, 8.0)];
    let moved = scores(&reference, &estimate);
    check(&moved, &[("underseg", 7.0 / 8.0), ("overseg", 7.0 / 8.0), ("seg", 7.0 / 8.0)]);
    // One chord for all: what changes is missed.
    let one = scores(&reference, &[span("C", 0.0, 8.0)]);
    check(&one, &[("underseg", 0.5), ("overseg", 1.0), ("seg", 0.5)]);
    // A change too many; of the same chord it is none.
    let cut = [span("C", 0.0, 4.0), span("G", 4.0, 7.0), span("D", 7.0, 8.0)];
    check(&scores(&reference, &cut), &[("underseg", 1.0), ("overseg", 7.0 / 8.0)]);
    let same = [span("C", 0.0, 1.0), span("C:maj", 1.0, 4.0), span("G", 4.0, 8.0)];
    check(&scores(&reference, &same), &[("underseg", 1.0), ("overseg", 1.0), ("seg", 1.0)]);
    // Here degrees from the octave on count: G:9 is another chord than G:7.
    let ninth = [span("C", 0.0, 4.0), span("G:7", 4.0, 7.0), span("G:9", 7.0, 8.0)];
    check(&scores(&reference, &ninth), &[("overseg", 7.0 / 8.0)]);
}

#[test]
fn the_estimate_is_cut_and_filled_to_the_reference() {
    let reference = [span("N", 1.0, 2.0), span("C", 2.0, 4.0), span("N", 4.0, 5.0)];
    let right: Vec<(&str, f64)> = CHORD_METRICS.iter().map(|metric| (metric.name, 1.0)).collect();
    check(&scores(&reference, &[span("C", 2.0, 4.0)]), &right);
    let longer = [span("N", -3.0, 2.0), span("C", 2.0, 4.0), span("N", 4.0, 9.0)];
    check(&scores(&reference, &longer), &right);
    let beyond = [span("G", 0.0, 1.0), span("C", 2.0, 4.0), span("G", 5.0, 9.0)];
    check(&scores(&reference, &beyond), &right);
    let elsewhere =
        [&[][..], &[span("C", 0.0, 1.0)], &[span("C", 0.0, 0.5)], &[span("C", 8.0, 9.0)]];
    for estimate in elsewhere {
        check(&scores(&reference, estimate), &[("root", 0.5), ("overseg", 1.0), ("seg", 0.5)]);
    }
}

#[test]
fn a_chord_lasts_until_the_next() {
    let reference = [span("C", 0.0, 3.0), span("G", 4.0, 8.0)];
    let estimate = [span("C", 0.0, 2.0), span("G", 5.0, 6.0)];
    // C until 5 against C until 4, then N from 6.
    check(&scores(&reference, &estimate), &[("root", 5.0 / 8.0), ("tetrads", 5.0 / 8.0)]);
}

#[test]
fn order_and_spans_of_no_length_do_not_matter() {
    let reference = [span("C", 0.0, 4.0), span("G", 4.0, 8.0)];
    let estimate = [span("C", 0.0, 3.0), span("G:7", 3.0, 6.0), span("D", 6.0, 8.0)];
    let shuffled =
        [estimate[2], span("E", 1.0, 1.0), estimate[0], span("E", 8.0, 8.0), estimate[1]];
    assert_eq!(scores(&reference, &estimate), scores(&reference, &shuffled));
    let swapped = [reference[1], span("N", 0.0, 0.0), reference[0]];
    assert_eq!(scores(&reference, &estimate), scores(&swapped, &estimate));
}

#[test]
fn where_nothing_is_counted_there_is_no_value() {
    for reference in [&[][..], &[span("C", 2.0, 2.0)]] {
        let none = scores(reference, &[span("C", 0.0, 1.0)]);
        assert!(none.iter().all(|(_, score)| score.value().is_none() && score.counted_s == 0.0));
    }
    let unknown = scores(&[span("X", 0.0, 2.0)], &[span("C", 0.0, 2.0)]);
    assert_eq!((unknown.get("root").unwrap().value(), unknown.get("accuracy")), (None, None));
    check(&unknown, &[("seg", 1.0)]);
}

#[test]
fn the_sum_of_songs_is_the_corpus() {
    let good = scores(&[span("C", 0.0, 3.0)], &[span("C", 0.0, 3.0)]);
    let bad = scores(&[span("C", 0.0, 1.0)], &[span("G", 0.0, 1.0)]);
    let outside = scores(&[span("C:sus4", 0.0, 6.0)], &[span("C", 0.0, 6.0)]);
    let corpus: ChordScores = [good, bad, outside].into_iter().sum();
    check(&corpus, &[("majmin", 0.75), ("root", 0.9), ("seg", 1.0)]);
    assert_eq!(corpus.get("majmin").unwrap(), Score { right_s: 3.0, counted_s: 4.0 });
}

#[test]
fn errors_name_the_chord_and_the_remedy() {
    let good = [span("C", 0.0, 4.0)];
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    for (spans, message) in [
        (
            vec![span("C", 0.0, 1.0), span("H:maj", 1.0, 2.0)],
            "chord 2: 'H:maj' is no chord symbol: it does not begin with a note from A to G; chords \
             are written as Am7, Bbmaj7/D or C:maj6(9)/3, no chord as N, and one that nobody could \
             name as X",
        ),
        (
            vec![span("C", nan, 1.0)],
            "chord 1 ('C') starts at NaN s; times are numbers of seconds, of at most 1000000000; \
             correct it or leave the chord out",
        ),
        (
            vec![span("C", 0.0, infinite)],
            "chord 1 ('C') ends at inf s; times are numbers of seconds, of at most 1000000000; \
             correct it or leave the chord out",
        ),
        (
            vec![span("G", 2.5, 1.0)],
            "chord 1 ('G', 2.5 s to 1 s) ends before it starts; correct its times",
        ),
        // The places are those of what was given.
        (
            vec![span("G", 2.0, 4.0), span("C", 0.0, 2.5)],
            "chord 2 ('C', 0 s to 2.5 s) overlaps chord 1 ('G', 2 s to 4 s); let a chord end where \
             the next one starts",
        ),
    ] {
        for (side, result) in
            [("reference", chord_score(&spans, &good)), ("estimate", chord_score(&good, &spans))]
        {
            assert_eq!(result.unwrap_err().to_string(), format!("{side} {message}"));
        }
    }
    // Rounding is forgiven.
    scores(&[span("C", 0.0, 1.0 + 1e-9), span("G", 1.0, 2.0)], &good);
}

#[test]
fn any_finite_times_and_texts_are_scored_or_refused() {
    let times = [-1e9, -1.0, -0.0, 0.0, 1e-300, 1.0, 1e9, f64::MAX, f64::MIN, f64::NAN];
    let labels = ["N", "C", "X", "C:maj(b9)/b1", "", "♯", "C:(", "Cb13/B", "C/0", "C:1(*1)/b2"];
    for (at, &start) in times.iter().enumerate() {
        for (other, &end) in times.iter().enumerate() {
            let span = span(labels[(at * 3 + other) % labels.len()], start, end);
            for estimate in [&[span][..], &[]] {
                let Ok(scores) = chord_score(&[span], estimate) else { continue };
                let values = scores.iter().filter_map(|(_, score)| score.value());
                assert!(values.into_iter().all(|value| (0.0..=1.0).contains(&value)), "{span:?}");
            }
        }
    }
}

/// The largest difference from a JSON object of mir_eval's scores, which are 0 where ours are none.
fn difference(scores: &ChordScores, expected: &Value) -> f64 {
    let of_metric = |(metric, score): (&ChordMetric, Score)| {
        (score.value().unwrap_or(0.0) - expected[metric.name].as_f64().unwrap()).abs()
    };
    scores.iter().map(of_metric).fold(0.0, f64::max)
}

/// A list of `[label, start, end]`.
fn listed(spans: &Value) -> Vec<ChordSpan<'_>> {
    let one = |item: &'_ Value| (item[1].as_f64().unwrap(), item[2].as_f64().unwrap());
    let items = spans.as_array().unwrap().iter();
    items.map(|item| span(item[0].as_str().unwrap(), one(item).0, one(item).1)).collect()
}

#[test]
fn golden_numbers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/chord_score.json");
    let golden: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for (at, case) in cases.iter().enumerate() {
        let scores = scores(&listed(&case["reference"]), &listed(&case["estimate"]));
        let difference = difference(&scores, &case["scores"]);
        assert!(difference < 1e-12, "case {at}: {difference}");
        for (name, seconds) in case["counted"].as_object().unwrap() {
            let counted = scores.get(name).unwrap().counted_s;
            assert!((counted - seconds.as_f64().unwrap()).abs() < 1e-9, "case {at}: {name}");
        }
    }
}

/// The lines of a `.lab` file: start, end, label; comments begin with `#`.
fn lab(text: &str) -> Vec<ChordSpan<'_>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let mut fields = line.split_whitespace();
            let mut time = || fields.next().unwrap().parse::<f64>().unwrap();
            let (start, end) = (time(), time());
            span(fields.next().unwrap(), start, end)
        })
        .collect()
}

/// The ten pairs of mir_eval's own tests, with the scores published there.
#[test]
fn mir_eval_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        ["../shared", "shared"].map(|shared| root.join(shared).join("data/mir_eval_chord"));
    let Some(folder) = folders.iter().find(|folder| folder.exists()) else {
        eprintln!("left out: there is no {}", folders[0].display());
        return;
    };
    let read = |name: String| fs::read_to_string(PathBuf::from(folder).join(name)).unwrap();
    let mut worst = 0.0_f64;
    for at in 0..10 {
        let [reference, estimate] = ["ref", "est"].map(|side| read(format!("{side}{at:02}.lab")));
        let expected = serde_json::from_str(&read(format!("output{at:02}.json"))).unwrap();
        let difference = difference(&scores(&lab(&reference), &lab(&estimate)), &expected);
        assert!(difference < 1e-6, "pair {at}: {difference}");
        worst = worst.max(difference);
    }
    eprintln!("largest difference of all scores of ten pairs: {worst:.1e}");
}
