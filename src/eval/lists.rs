//! What lists of recommendations are like, whatever was played next.
//!
//! Most figures are means over lists (or over what a list is made of: pairs, songs with a value);
//! coverage and the Gini index look at all lists together. `docs/metrics.md` has every formula.

use crate::data::{Dataset, Field, MISSING};

/// The share of all plays that the songs of the short head have; all others are the tail.
const HEAD_PERCENT: u64 = 80;

/// A property of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMetric {
    /// The share of the songs that are in any list.
    Coverage,
    /// How unequally often songs are in lists: 0 all alike, near 1 a few songs only.
    Gini,
    /// How often the songs were played in training.
    MeanPopularity,
    /// The share of songs outside the most played, which together have 80 % of the plays.
    TailShare,
    /// The information in a song, `−log2` of its share of the plays.
    Novelty,
    /// How many times as popular the songs are as those the model was told, less 1.
    PopularityLift,
    /// How unlike the songs are, over all pairs: 1 less the share of values of a field in common.
    Diversity(usize),
    /// The share of songs that have a value of a field in common with a song higher in the list.
    Repetition(usize),
}

impl ListMetric {
    /// The names of all, for the option `metrics`.
    pub const NAMES: &'static [&'static str] = &[
        "coverage",
        "gini",
        "mean_popularity",
        "tail_share",
        "novelty",
        "popularity_lift",
        "diversity",
        "repetition",
    ];

    /// The metrics of a name: one, or one for each of `fields` song fields.
    pub fn named(name: &str, fields: usize) -> Vec<Self> {
        match name {
            "coverage" => vec![Self::Coverage],
            "gini" => vec![Self::Gini],
            "mean_popularity" => vec![Self::MeanPopularity],
            "tail_share" => vec![Self::TailShare],
            "novelty" => vec![Self::Novelty],
            "popularity_lift" => vec![Self::PopularityLift],
            "diversity" => (0..fields).map(Self::Diversity).collect(),
            "repetition" => (0..fields).map(Self::Repetition).collect(),
            _ => Vec::new(),
        }
    }

    /// The name in results; those of a field say which.
    pub fn name(self, fields: &[Field]) -> String {
        let of = |name: &str, field: usize| format!("{name}({})", fields[field].name);
        match self {
            Self::Coverage => "coverage".to_owned(),
            Self::Gini => "gini".to_owned(),
            Self::MeanPopularity => "mean_popularity".to_owned(),
            Self::TailShare => "tail_share".to_owned(),
            Self::Novelty => "novelty".to_owned(),
            Self::PopularityLift => "popularity_lift".to_owned(),
            Self::Diversity(field) => of("diversity", field),
            Self::Repetition(field) => of("repetition", field),
        }
    }

    /// What is subtracted from the ratio of the totals.
    pub fn less(self) -> f64 {
        if self == Self::PopularityLift { 1.0 } else { 0.0 }
    }
}

/// What is known of the songs in lists.
pub struct Lister<'a> {
    dataset: &'a Dataset,
    /// The fields of the model's songs that lists are measured in.
    pub fields: &'a [Field],
    /// How many songs could be in lists.
    songs: usize,
    /// Which songs are in the tail.
    tail: Vec<bool>,
    plays: u64,
}

impl<'a> Lister<'a> {
    /// Prepares figures of lists that `songs` songs could be in, measured in fields of the model's
    /// songs.
    pub fn new(dataset: &'a Dataset, fields: &'a [Field], songs: usize) -> Self {
        let counts = &dataset.play_counts;
        let plays: u64 = counts.iter().map(|&plays| u64::from(plays)).sum();
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|&song| std::cmp::Reverse(counts[song]));
        let (mut tail, mut before) = (vec![true; counts.len()], 0);
        for song in order {
            if before * 100 >= plays * HEAD_PERCENT {
                break;
            }
            tail[song] = false;
            before += u64::from(counts[song]);
        }
        Self { dataset, fields, songs, tail, plays }
    }

    /// What a list adds to a metric that is a mean: to the total and to what that is divided by.
    /// `told` is the mean popularity of the songs that the model was told, if there were any.
    pub fn add(&self, metric: ListMetric, list: &[u32], told: Option<f64>) -> (f64, f64) {
        let total = |value: &dyn Fn(usize) -> f64| -> f64 {
            list.iter().map(|&song| value(song as usize)).sum()
        };
        let plays = |song: usize| f64::from(self.dataset.play_counts[song]);
        let mean = |total: f64| {
            if list.is_empty() { (0.0, 0.0) } else { (total / list.len() as f64, 1.0) }
        };
        match metric {
            // Of all lists together: `coverage` and `gini`.
            ListMetric::Coverage | ListMetric::Gini => (0.0, 0.0),
            ListMetric::MeanPopularity => mean(total(&plays)),
            ListMetric::TailShare => mean(total(&|song| f64::from(u8::from(self.tail[song])))),
            ListMetric::Novelty => {
                mean(total(&|song| (self.plays.max(1) as f64 / plays(song).max(1.0)).log2()))
            }
            ListMetric::PopularityLift => match told {
                Some(told) if !list.is_empty() => (mean(total(&plays)).0, told),
                _ => (0.0, 0.0),
            },
            ListMetric::Diversity(field) => diversity(&self.fields[field], list),
            ListMetric::Repetition(field) => repetition(&self.fields[field], list),
        }
    }

    /// A metric of all lists together; NaN where nothing could be in them.
    pub fn of_all<'l>(&self, metric: ListMetric, lists: impl Iterator<Item = &'l [u32]>) -> f64 {
        let mut counts = vec![0_u64; self.dataset.songs.len()];
        lists.flatten().for_each(|&song| counts[song as usize] += 1);
        match metric {
            ListMetric::Coverage => {
                counts.iter().filter(|&&count| count > 0).count() as f64 / self.songs as f64
            }
            _ => gini(&mut counts, self.songs),
        }
    }
}

/// The mean number of plays in training; `None` without songs.
pub(super) fn popularity(dataset: &Dataset, songs: &[u32]) -> Option<f64> {
    let plays = songs.iter().map(|&song| f64::from(dataset.play_counts[song as usize]));
    (!songs.is_empty()).then(|| plays.sum::<f64>() / songs.len() as f64)
}

/// The Gini index of how often each of `songs` songs is in a list; those without a count never are.
fn gini(counts: &mut [u64], songs: usize) -> f64 {
    counts.sort_unstable();
    let total: u64 = counts.iter().sum();
    // Songs that could not be in lists have no count either: the largest counts are the songs'.
    let counts = &counts[counts.len() - songs.min(counts.len())..];
    let ranked = (1..).zip(counts);
    let sum: f64 = ranked
        .map(|(rank, &count)| (2.0 * f64::from(rank) - songs as f64 - 1.0) * count as f64)
        .sum();
    sum / (songs as f64 * total as f64)
}

/// The values of a song; none if they are missing.
fn values(field: &Field, song: u32) -> &[u32] {
    let codes = field.codes_of(song);
    if codes == [MISSING] { &[] } else { codes }
}

/// Over pairs of songs with values: 1 less the shared part of all values of the two (Jaccard).
fn diversity(field: &Field, list: &[u32]) -> (f64, f64) {
    let known: Vec<&[u32]> =
        list.iter().map(|&song| values(field, song)).filter(|values| !values.is_empty()).collect();
    let (mut unlike, mut pairs) = (0.0, 0.0);
    for (at, a) in known.iter().enumerate() {
        for b in &known[..at] {
            let shared = a.iter().filter(|value| b.contains(value)).count();
            unlike += 1.0 - shared as f64 / (a.len() + b.len() - shared) as f64;
            pairs += 1.0;
        }
    }
    if pairs == 0.0 { (0.0, 0.0) } else { (unlike / pairs, 1.0) }
}

/// Of the songs with values, those that share one with a song before them.
fn repetition(field: &Field, list: &[u32]) -> (f64, f64) {
    let known: Vec<&[u32]> =
        list.iter().map(|&song| values(field, song)).filter(|values| !values.is_empty()).collect();
    let repeats = (0..known.len()).filter(|&at| {
        known[..at].iter().any(|before| before.iter().any(|value| known[at].contains(value)))
    });
    let repeats = repeats.count() as f64;
    if known.is_empty() { (0.0, 0.0) } else { (repeats / known.len() as f64, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Codes, Encoding, Plays};

    /// Five songs, played 8, 2, 1, 1 and 0 times, of artists a, a, b, none and c, with tags.
    fn dataset() -> Dataset {
        let labels =
            |labels: &str| Encoding::Categories(labels.chars().map(String::from).collect());
        Dataset {
            song_fields: vec![
                Field {
                    name: "artist".into(),
                    encoding: labels("abc"),
                    codes: Codes::One(vec![1, 1, 2, MISSING, 3]),
                },
                Field {
                    name: "tags".into(),
                    encoding: labels("xyz"),
                    codes: Codes::Many {
                        offsets: vec![0, 2, 3, 5, 6, 7],
                        values: vec![1, 2, 1, 2, 3, MISSING, 3],
                    },
                },
            ],
            play_counts: vec![8, 2, 1, 1, 0],
            ..Dataset::of_plays(Plays::default(), 5)
        }
    }

    #[track_caller]
    fn check(metric: ListMetric, list: &[u32], told: Option<f64>, expected: (f64, f64)) {
        let data = dataset();
        let got = Lister::new(&data, &data.song_fields, 5).add(metric, list, told);
        let same = (got.0 - expected.0).abs() < 1e-12 && got.1 == expected.1;
        assert!(same, "{metric:?} of {list:?}: {got:?}, expected {expected:?}");
    }

    #[test]
    fn figures_of_one_list_by_hand() {
        check(ListMetric::MeanPopularity, &[0, 2, 4], None, (3.0, 1.0));
        // 8 + 2 of 12 plays are the first to reach 80 %.
        check(ListMetric::TailShare, &[0, 1, 2, 4], None, (0.5, 1.0));
        // A song without plays counts as played once.
        check(ListMetric::Novelty, &[0, 4], None, ((1.5_f64.log2() + 12_f64.log2()) / 2.0, 1.0));
        check(ListMetric::PopularityLift, &[0, 1], Some(2.0), (5.0, 2.0));
        check(ListMetric::PopularityLift, &[0, 1], None, (0.0, 0.0));
        // a a, a b, a b; song 3 has no artist.
        check(ListMetric::Diversity(0), &[0, 3, 1, 2], None, (2.0 / 3.0, 1.0));
        check(ListMetric::Repetition(0), &[0, 3, 1, 2], None, (1.0 / 3.0, 1.0));
        // {x y} {x}: half in common; {x y} {y z}: a third; {x} {y z}: nothing.
        check(ListMetric::Diversity(1), &[0, 1, 2], None, ((0.5 + 2.0 / 3.0 + 1.0) / 3.0, 1.0));
        check(ListMetric::Repetition(1), &[1, 2, 0, 4], None, (0.5, 1.0));
        check(ListMetric::Diversity(0), &[0], None, (0.0, 0.0));
        for metric in [ListMetric::MeanPopularity, ListMetric::Repetition(0), ListMetric::Novelty] {
            check(metric, &[], None, (0.0, 0.0));
        }
    }

    #[test]
    fn figures_of_all_lists_by_hand() {
        let data = dataset();
        let lists: [&[u32]; 3] = [&[0, 1], &[0, 2], &[0]];
        let of = |metric, songs| Lister::new(&data, &[], songs).of_all(metric, lists.into_iter());
        assert_eq!(of(ListMetric::Coverage, 5), 0.6);
        // Counts 0 0 1 1 3: (0·1 + 2·1 + 4·3) / (5·5).
        assert!((of(ListMetric::Gini, 5) - 14.0 / 25.0).abs() < 1e-12);
        // Of four candidates: 0 1 1 3.
        assert!((of(ListMetric::Gini, 4) - (-1.0 + 1.0 + 9.0) / 20.0).abs() < 1e-12);
        assert!(Lister::new(&data, &[], 5).of_all(ListMetric::Gini, [].into_iter()).is_nan());
    }

    #[test]
    fn names_are_those_of_the_option() {
        let data = dataset();
        for name in ListMetric::NAMES {
            let metrics = ListMetric::named(name, 2);
            assert!(metrics.iter().all(|metric| metric.name(&data.song_fields).starts_with(name)));
            assert!(!metrics.is_empty(), "{name}");
        }
        assert_eq!(ListMetric::Diversity(1).name(&data.song_fields), "diversity(tags)");
    }
}
