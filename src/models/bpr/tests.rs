//! BPR by hand and on planted tastes.

use std::sync::Arc;

use candle_core::Device;

use super::SPEC;
use crate::control::Control;
use crate::data::Dataset;
use crate::train::{Context, Model, Options, Setting, Training};

fn dataset(histories: &[&[u32]], songs: usize) -> Arc<Dataset> {
    Arc::new(Dataset::of_histories(histories, songs))
}

fn options(settings: &[(&str, Setting)]) -> Options {
    let mut options = Options::defaults(SPEC.params);
    options.set("embedding_size", Setting::Int(4));
    options.set("seed", Setting::Int(1));
    for (name, setting) in settings {
        options.set(name, setting.clone());
    }
    SPEC.resolve(&options)
}

fn text(value: &str) -> Setting {
    Setting::Text(value.into())
}

fn start(dataset: &Arc<Dataset>, options: &Options) -> Box<dyn Training> {
    (SPEC.start)(dataset.clone(), options, &Device::Cpu).unwrap()
}

fn scores(model: &dyn Model, user: Option<u32>, songs: &[u32], count: usize) -> Vec<f32> {
    let mut out = vec![0.0; count];
    model.score_all(&[Context { user, songs, continues: false }], &mut out).unwrap();
    out
}

/// Even users play even songs, odd users odd ones; songs 10 and 11 are played by nobody. Each user
/// leaves out one song of their kind.
fn tastes() -> Arc<Dataset> {
    let histories: Vec<Vec<u32>> = (0..40)
        .map(|user| (0..10).filter(|song| song % 2 == user % 2 && *song != user % 10).collect())
        .collect();
    let histories: Vec<&[u32]> = histories.iter().map(Vec::as_slice).collect();
    dataset(&histories, 12)
}

/// How many songs of the other kind, or that nobody played, are above one that the user played; of
/// each kind, users 0 and 1 left out the first song.
fn wrong(scores: &[f32], kind: usize) -> usize {
    let own = (2..10).filter(|song| song % 2 == kind).map(|song| scores[song]);
    let lowest = own.fold(f32::INFINITY, f32::min);
    (0..12).filter(|song| song % 2 != kind || *song > 9).filter(|&s| scores[s] >= lowest).count()
}

#[test]
fn tastes_are_found_with_every_rule_and_every_sampling() {
    let dataset = tastes();
    for (optimizer, rate) in [("adam", 0.02), ("adagrad", 0.2), ("sgd", 0.2)] {
        for sampling in ["pairs", "plays", "users"] {
            for per in ["user", "session"] {
                let options = options(&[
                    ("optimizer", text(optimizer)),
                    ("learning_rate", Setting::Float(rate)),
                    ("sampling", text(sampling)),
                    ("per", text(per)),
                    ("hardest_of", Setting::Int(2)),
                    ("batch_size", Setting::Int(16)),
                ]);
                let mut training = start(&dataset, &options);
                let losses: Vec<f64> = (1..=30)
                    .map(|epoch| training.epoch(epoch, &Control::default()).unwrap())
                    .collect();
                assert!(losses[29] < losses[0] / 2.0, "{optimizer} {sampling} {per}: {losses:?}");
                let model = training.model().unwrap();
                for user in [0, 1] {
                    let songs = [user as u32 + 2, user as u32 + 4];
                    let known = scores(model.as_ref(), Some(user as u32), &songs, 12);
                    let unknown = scores(model.as_ref(), None, &songs, 12);
                    assert_eq!(wrong(&known, user), 0, "{optimizer} {sampling} {per}: {known:?}");
                    assert_eq!(wrong(&unknown, user), 0, "{optimizer} {sampling} {per}");
                    assert_eq!(known == unknown, per == "session");
                }
            }
        }
    }
}

#[test]
fn a_step_follows_the_slope_of_the_loss() {
    // User 0 played song 0, so that song 1 is the only negative, and the reverse.
    let dataset = dataset(&[&[0], &[1]], 2);
    let options = options(&[
        ("optimizer", text("sgd")),
        ("learning_rate", Setting::Float(0.5)),
        ("batch_size", Setting::Int(2)),
    ]);
    let mut training = start(&dataset, &options);
    let tables = |training: &dyn Training| {
        let weights = training.model().unwrap().weights().unwrap();
        ["users", "songs", "bias"].map(|name| weights[name].to_vec2::<f32>().unwrap())
    };
    let [users, songs, bias] = tables(training.as_ref());
    let loss = training.epoch(1, &Control::default()).unwrap();
    let after = tables(training.as_ref());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let (mut expected, mut total) = ([users.clone(), songs.clone(), bias.clone()], 0.0);
    for (user, (own, other)) in [(0, 1), (1, 0)].into_iter().enumerate() {
        let score = |song: usize| dot(&users[user], &songs[song]) + bias[song][0];
        let margin = score(own) - score(other);
        total += f64::from((1.0 + (-margin).exp()).ln()) / 2.0;
        let pull = 0.5 / (1.0 + margin.exp());
        for d in 0..4 {
            expected[0][user][d] += pull * (songs[own][d] - songs[other][d]);
            expected[1][own][d] += pull * users[user][d];
            expected[1][other][d] -= pull * users[user][d];
        }
        expected[2][own][0] += pull;
        expected[2][other][0] -= pull;
    }
    assert!((loss - total).abs() < 1e-6, "{loss} {total}");
    for (got, expected) in after.iter().flatten().flatten().zip(expected.iter().flatten().flatten())
    {
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
}

#[test]
fn who_played_everything_teaches_nothing_and_harms_nothing() {
    let dataset = dataset(&[&[0, 1]], 2);
    let mut training = start(&dataset, &options(&[]));
    let before = training.model().unwrap().weights().unwrap();
    assert_eq!(training.epoch(1, &Control::default()).unwrap(), 0.0);
    let after = training.model().unwrap().weights().unwrap();
    for (name, tensor) in &before {
        assert_eq!(tensor.to_vec2::<f32>().unwrap(), after[name].to_vec2::<f32>().unwrap());
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_by_name() {
    let mut training = start(&tastes(), &options(&[]));
    training.epoch(1, &Control::default()).unwrap();
    let weights = training.model().unwrap().weights().unwrap();
    let other = dataset(&[&[0, 1]], 2);
    let message = super::scorer::Bpr::new(other, weights, &Device::Cpu).err().unwrap().to_string();
    assert!(message.contains("'songs'") && message.contains("expected 2"), "{message}");
}
