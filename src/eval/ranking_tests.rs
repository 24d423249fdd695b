//! Ranks, ties, songs that cannot be ranked, and who is ranked among whom.

use super::*;
use crate::data::{Dataset, Keys, Plays, SongSets, TestPlays, Vocab};
use crate::eval::{Asked, Draw, ListMetric, Lister, Protocol, Sampler, Source, Targets, answer};
use crate::train::{Model, Weights};

/// Scores song `i` as `-|i - last|`, so that the last song itself is best.
struct Near(usize);

impl Model for Near {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        for (scores, context) in out.chunks_exact_mut(self.0).zip(contexts) {
            let last = context.songs.last().copied().unwrap_or(0) as f32;
            for (song, score) in scores.iter_mut().enumerate() {
                *score = -(song as f32 - last).abs();
            }
        }
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(Weights::new())
    }
}

struct Broken;

impl Model for Broken {
    fn score_all(&self, _: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        out.fill(f32::NAN);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(Weights::new())
    }
}

/// A model that knows nothing.
struct Silent;

impl Model for Silent {
    fn score_all(&self, _: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        out.fill(0.0);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(Weights::new())
    }
}

fn vocab(keys: impl Iterator<Item = i64>) -> Vocab {
    Vocab::new("BIGINT", Keys::Integers(keys.collect()))
}

/// One user, 7, who played song 4 then 3; songs 0 to 4 or more.
fn dataset(songs: usize) -> Dataset {
    Dataset { users: vocab(7..8), ..Dataset::of_sessions(&[[4, 3]], songs) }
}

/// One session of a user; song 9 is unknown where a model has fewer.
fn test_plays(user: i64, songs: &[u32]) -> TestPlays {
    TestPlays {
        users: vocab(user..user + 1),
        songs: vocab(0..10),
        plays: Plays::in_order(songs.to_vec(), vec![0, songs.len() as u64], vec![0, 1]),
        has_users: true,
        has_sessions: true,
        history: None,
        negatives: None,
        candidates: None,
        rejected: 0,
        notes: Vec::new(),
    }
}

const EVERY: Asked =
    Asked { protocol: Protocol::Session, targets: Targets::Every, skip_unknown: false };
const RULES: Rules = Rules { repeats: Repeats::Allow, ties: Ties::Pessimistic, kept: 0 };

fn pass(model: &dyn Model, data: &Dataset, test: &TestPlays, asked: Asked, rules: Rules) -> Places {
    let known = test.known(data);
    let cases = Cases::new(test, &[&known], asked);
    let models = [Examinee { model, dataset: data, known: &known }];
    let opponents = test.negatives.clone().map_or(Opponents::All, Opponents::Given);
    let mut pass = Pass::new(&models, 0, &cases, &opponents, rules);
    while pass.step().unwrap() {}
    pass.finish()
}

fn ranks(test: &TestPlays, asked: Asked, rules: Rules) -> Vec<Option<f64>> {
    let places = pass(&Near(5), &dataset(5), test, asked, rules);
    (0..places.len()).map(|case| places.outcome(case).rank()).collect()
}

#[test]
fn ties_rank_last_or_first_or_in_the_middle() {
    // After 0 comes 1: second. After 1 comes 0, tied with 2: second or third.
    let test = test_plays(1, &[0, 1, 0]);
    for (ties, tied) in [(Ties::Pessimistic, 3.0), (Ties::Mean, 2.5), (Ties::Optimistic, 2.0)] {
        assert_eq!(ranks(&test, EVERY, Rules { ties, ..RULES }), [Some(2.0), Some(tied)]);
    }
}

#[test]
fn where_a_model_knows_nothing_the_most_played_songs_are_ranked_and_recommended() {
    let data = Dataset { play_counts: vec![0, 2, 0, 7, 1], ..dataset(5) };
    let places = pass(&Silent, &data, &test_plays(1, &[0, 1, 4]), EVERY, RULES);
    let ranks: Vec<_> = (0..places.len()).map(|case| places.outcome(case).rank()).collect();
    assert_eq!(ranks, [Some(2.0), Some(3.0)]);
    let (mut scores, songs) = ([f32::NAN; 5], &[0][..]);
    let context = Context { user: None, songs, continues: false };
    let sources = answer(&Silent, &data, &[context], Repeats::Allow, &mut scores).unwrap();
    assert_eq!(
        (sources.as_slice(), scores),
        (&[Source::Popularity][..], [0.0, 2.0, 0.0, 7.0, 1.0])
    );
}

#[test]
fn unknown_songs_have_no_rank() {
    assert_eq!(ranks(&test_plays(1, &[2, 9, 2]), EVERY, RULES), [None, Some(1.0)]);
}

#[test]
fn songs_heard_before_are_no_candidates_if_so_wished() {
    let exclude = Rules { repeats: Repeats::Exclude, ..RULES };
    let history = Asked { protocol: Protocol::History, ..EVERY };
    // 3 was heard; without 4 and 3, song 2 is nearest to 3.
    assert_eq!(ranks(&test_plays(7, &[3, 2]), history, exclude), [None, Some(1.0)]);
    let only = Rules { repeats: Repeats::Only, ..RULES };
    assert_eq!(ranks(&test_plays(7, &[4, 2]), history, only), [Some(2.0), None]);
    // So are those of a history.
    let mut test = test_plays(7, &[1, 2]);
    test.history = Some(Plays::in_order(vec![0, 1], vec![0, 2], vec![0, 1]));
    assert_eq!(ranks(&test, history, exclude), [None, Some(1.0)]);
}

#[test]
fn candidates_are_ranked_among_themselves() {
    let mut test = test_plays(1, &[2, 4]);
    test.candidates = Some(vec![0, 1, 4]);
    // Tied with 0, behind 1.
    assert_eq!(ranks(&test, EVERY, RULES), [Some(3.0)]);
    let places = pass(&Near(5), &dataset(5), &test, EVERY, Rules { kept: 9, ..RULES });
    assert_eq!((places.outcome(0).candidates, places.list(0)), (3, &[1, 0, 4][..]));
}

#[test]
fn right_answers_are_ranked_among_given_songs() {
    let mut test = test_plays(1, &[2, 4, 1]);
    // 1 is no wrong answer where it is the right one.
    let sets = SongSets::new(1, vec![(0, 0), (0, 1), (0, 9)]).only(|song| song < 5);
    test.negatives = Some(sets.clone());
    // After 2, song 4 ties with 0 and is behind 1; after 4, song 1 is before 0.
    assert_eq!(ranks(&test, EVERY, RULES), [Some(3.0), Some(1.0)]);
    let known = test.known(&dataset(5));
    let cases = Cases::new(&test, &[&known], EVERY);
    assert_eq!(Opponents::Given(sets).suffix(&cases), "@neg");
    let sets = SongSets::new(1, vec![(0, 0), (0, 3)]);
    assert_eq!(Opponents::Given(sets).suffix(&cases), "@2neg");
}

#[test]
fn several_right_answers_share_places() {
    // After 2: song 1 and 3 are right and equal, 4 is right and equal to 0.
    let remaining = Asked { targets: Targets::Remaining, ..EVERY };
    let test = test_plays(1, &[2, 3, 1, 4]);
    let rules = Rules { ties: Ties::Mean, ..RULES };
    let places = pass(&Near(5), &dataset(5), &test, remaining, rules);
    let expected = [Place { before: 1, tied: 2, right: 2 }, Place { before: 3, tied: 2, right: 1 }];
    assert_eq!(places.outcome(0).places, expected);
    assert_eq!((places.outcome(0).right, places.outcome(0).candidates), (3, 5));
}

#[test]
fn a_score_that_is_no_number_is_an_error_even_if_the_answer_is_unknown() {
    for test in [test_plays(7, &[0, 1]), test_plays(7, &[0, 9])] {
        let data = dataset(5);
        let known = test.known(&data);
        let cases = Cases::new(&test, &[&known], EVERY);
        let models = [Examinee { model: &Broken, dataset: &data, known: &known }];
        let mut pass = Pass::new(&models, 0, &cases, &Opponents::All, RULES);
        assert!(pass.step().unwrap_err().to_string().contains("learning_rate"));
    }
}

/// The songs drawn for every case of a test.
fn drawn(test: &TestPlays, data: &[Dataset], count: usize, draw: Draw, seed: u64) -> Vec<Vec<u32>> {
    let known: Vec<_> = data.iter().map(|data| test.known(data)).collect();
    let cases = Cases::new(test, &known.iter().collect::<Vec<_>>(), EVERY);
    let models: Vec<Examinee<'_>> = data
        .iter()
        .zip(&known)
        .map(|(dataset, known)| Examinee { model: &Broken, dataset, known })
        .collect();
    let sampler = Sampler::new(&cases, &models, count, draw, seed);
    (0..cases.list.len()).map(|case| sampler.draw(&cases, case, models.len() - 1)).collect()
}

#[test]
fn wrong_answers_are_drawn_among_songs_never_heard() {
    let test = test_plays(7, &[0, 1, 2]);
    let data = [dataset(9)];
    let first = drawn(&test, &data, 3, Draw::Uniform, 1);
    assert_eq!(first, drawn(&test, &data, 3, Draw::Uniform, 1));
    assert_ne!(first, drawn(&test, &data, 3, Draw::Uniform, 2));
    assert_eq!(first.len(), 2);
    for mut songs in drawn(&test, &data, 99, Draw::Uniform, 1) {
        // All that are left: not those of the test, not 3 and 4 of the training.
        songs.sort_unstable();
        assert_eq!(songs, [5, 6, 7, 8]);
    }
    // By their plays, none are left: 3 and 4 were heard.
    assert_eq!(drawn(&test, &data, 3, Draw::Popularity, 1), vec![Vec::<u32>::new(); 2]);
    // A model that knows fewer songs bounds what is drawn for another.
    let mut both = drawn(&test, &[dataset(6), dataset(9)], 99, Draw::Uniform, 1);
    both.dedup();
    assert_eq!(both, [vec![5]]);
}

#[test]
fn songs_are_drawn_by_their_plays() {
    let test = test_plays(1, &[0; 4001]);
    let mut data = dataset(9);
    data.play_counts = vec![5, 0, 0, 0, 1, 0, 0, 2, 7];
    let mut seen = [0.0_f64; 9];
    for songs in drawn(&test, &[data.clone()], 1, Draw::Popularity, 4) {
        seen[songs[0] as usize] += 1.0 / 4000.0;
    }
    for (got, expected) in seen.iter().zip([0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.2, 0.7]) {
        assert!((got - expected).abs() < 0.03, "{seen:?}");
    }
    // One so popular that it is always drawn again, and heard: the others are found all the same.
    data.play_counts[0] = 4_000_000_000;
    for mut songs in drawn(&test_plays(1, &[0, 0]), &[data], 3, Draw::Popularity, 4) {
        songs.sort_unstable();
        assert_eq!(songs, [4, 7, 8]);
    }
}

/// Scores each context, a case's number as a song, as the golden numbers do.
struct Golden(Vec<Vec<f32>>);

impl Model for Golden {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        for (scores, context) in out.chunks_exact_mut(self.0[0].len()).zip(contexts) {
            scores.copy_from_slice(&self.0[context.songs[0] as usize]);
        }
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(Weights::new())
    }
}

fn numbers<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &serde_json::Value) -> Vec<T> {
    let number = |value: &serde_json::Value| T::try_from(value.as_u64().unwrap()).unwrap();
    value.as_array().unwrap().iter().map(number).collect()
}

/// `tests/golden/metrics.py`, which fed the same scores to ranx and RecBole.
#[test]
fn metrics_are_those_of_other_implementations() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/golden/metrics.json")).unwrap();
    let rows = golden["scores"].as_array().unwrap();
    // Multiples of 1/1024, no two alike: as exact here as there.
    let row =
        |row| numbers::<u16>(row).into_iter().map(|score| f32::from(score) / 1024.0).collect();
    let model = Golden(rows.iter().map(row).collect());
    let songs = model.0[0].len();
    let mut data = dataset(songs);
    data.play_counts = numbers(&golden["plays"]);
    // A listener for each case, who plays the case's number and then the right answers.
    let right: Vec<Vec<u32>> =
        golden["right"].as_array().unwrap().iter().map(numbers::<u32>).collect();
    let (mut plays, mut offsets) = (Vec::new(), vec![0]);
    for (case, right) in (0..).zip(&right) {
        plays.push(case);
        plays.extend(right);
        offsets.push(plays.len() as u64);
    }
    let test = TestPlays {
        users: vocab(100..100 + right.len() as i64),
        songs: vocab(0..songs as i64),
        plays: Plays::in_order(plays, offsets, (0..=right.len() as u32).collect()),
        ..test_plays(1, &[])
    };
    let known = test.known(&data);
    let remaining = Asked { targets: Targets::Remaining, ..EVERY };
    let mut cases = Cases::new(&test, &[&known], remaining);
    // Of each listener the case with all right answers.
    cases.list.dedup_by_key(|case| case.user);
    let models = [Examinee { model: &model, dataset: &data, known: &known }];
    let rules = Rules { kept: 25, ..RULES };
    let mut pass = Pass::new(&models, 0, &cases, &Opponents::All, rules);
    while pass.step().unwrap() {}
    let places = pass.finish();
    assert_eq!(places.len(), right.len());
    for (name, values) in golden["cases"].as_object().unwrap() {
        let measure = Measure::parse(name).unwrap();
        for (case, value) in values.as_array().unwrap().iter().enumerate() {
            let (got, expected) = (measure.value(&places.outcome(case)), value.as_f64().unwrap());
            assert!((got - expected).abs() < 1e-12, "{name} of case {case}: {got}, {expected}");
        }
    }
    let lister = Lister::new(&data, &[], songs);
    for (name, value) in golden["lists"].as_object().unwrap() {
        let (metric, k) = name.split_once('@').unwrap();
        let (metric, k) = (ListMetric::named(metric, 0)[0], k.parse::<usize>().unwrap());
        let lists = (0..places.len()).map(|case| &places.list(case)[..k]);
        let got = match metric {
            ListMetric::MeanPopularity => {
                let total: f64 = lists.map(|list| lister.add(metric, list, None).0).sum();
                total / places.len() as f64
            }
            _ => lister.of_all(metric, lists),
        };
        assert!((got - value.as_f64().unwrap()).abs() < 1e-9, "{name}: {got}, {value}");
    }
}

/// Remembers which songs it was asked for, and scores no others.
struct Frugal(std::sync::Mutex<Vec<Vec<u32>>>);

impl Model for Frugal {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        Near(out.len() / contexts.len()).score_all(contexts, out)
    }

    fn score_some(
        &self,
        contexts: &[Context<'_>],
        songs: &[Vec<u32>],
        out: &mut [f32],
    ) -> Result<()> {
        let mut all = vec![0.0; out.len()];
        self.score_all(contexts, &mut all)?;
        out.fill(f32::NEG_INFINITY);
        let width = out.len() / contexts.len();
        for (number, songs) in songs.iter().enumerate() {
            songs
                .iter()
                .map(|&song| number * width + song as usize)
                .for_each(|at| out[at] = all[at]);
        }
        self.0.lock().unwrap().extend_from_slice(songs);
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        Ok(Weights::new())
    }
}

#[test]
fn a_model_is_asked_for_no_more_songs_than_are_ranked() {
    let asked_for = |test: &TestPlays, rules: Rules| {
        let (frugal, data) = (Frugal(Default::default()), dataset(5));
        let places = pass(&frugal, &data, test, EVERY, rules);
        let plain = pass(&Near(5), &data, test, EVERY, rules);
        assert_eq!(places.len(), plain.len());
        for case in 0..places.len() {
            assert_eq!(places.outcome(case).rank(), plain.outcome(case).rank());
            assert_eq!(places.list(case), plain.list(case));
        }
        frugal.0.into_inner().unwrap()
    };
    let mut test = test_plays(1, &[2, 4, 1]);
    assert!(asked_for(&test, RULES).is_empty());
    test.candidates = Some(vec![1, 4, 9]);
    assert_eq!(asked_for(&test, Rules { kept: 2, ..RULES }), [[1, 4], [1, 4]]);
    test.candidates = None;
    test.negatives = Some(SongSets::new(1, vec![(0, 0), (0, 1), (0, 3)]));
    assert_eq!(asked_for(&test, RULES), [vec![0, 1, 3, 4], vec![0, 1, 3]]);
    assert!(asked_for(&test, Rules { kept: 2, ..RULES }).is_empty());
}
