//! WMF against its objective written out over all pairs, and on planted tastes.

use std::sync::Arc;

use candle_core::Device;

use super::SPEC;
use super::config::{Confidence, Config};
use super::observed::{Observed, counted};
use crate::control::Control;
use crate::data::Dataset;
use crate::train::{Context, Model, Options, Setting, Training, Weights};

fn dataset(histories: &[Vec<u32>], songs: usize) -> Arc<Dataset> {
    Arc::new(Dataset::of_histories(histories, songs))
}

/// Even users play even songs, odd users odd ones, some twice; user 40 plays nothing, and nobody plays
/// songs 10 and 11. Each user leaves out one song of their kind.
fn tastes() -> Arc<Dataset> {
    let mut histories: Vec<Vec<u32>> = (0..40)
        .map(|user| {
            let own = (0..10).filter(move |song| song % 2 == user % 2 && *song != user % 10);
            own.chain((0..10).filter(move |song| song % 2 == user % 2 && *song == user % 5 + 5))
                .filter(|song| *song != user % 10)
                .collect()
        })
        .collect();
    histories.push(Vec::new());
    dataset(&histories, 12)
}

fn options(settings: &[(&str, Setting)]) -> Options {
    let mut options = Options::defaults(SPEC.params);
    options.set("embedding_size", Setting::Int(5));
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

fn fit(dataset: &Arc<Dataset>, options: &Options, epochs: usize) -> (Box<dyn Training>, Vec<f64>) {
    let mut training = start(dataset, options);
    let epochs = 1..=epochs;
    let losses = epochs.map(|epoch| training.epoch(epoch, &Control::default()).unwrap()).collect();
    (training, losses)
}

fn scores(model: &dyn Model, user: Option<u32>, songs: &[u32], count: usize) -> Vec<f32> {
    let mut out = vec![0.0; count];
    model.score_all(&[Context { user, songs, continues: false }], &mut out).unwrap();
    out
}

fn table(weights: &Weights, name: &str) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f32>> = weights[name].to_vec2().unwrap();
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The objective over all pairs in f64, without the Gramian.
fn objective(dataset: &Dataset, config: &Config, users: &[Vec<f64>], songs: &[Vec<f64>]) -> f64 {
    let alpha0 = f64::from(config.problem.alpha0);
    let mut weight = vec![vec![0.0; songs.len()]; users.len()];
    for (user, weight) in weight.iter_mut().enumerate() {
        for (song, plays) in counted(dataset.plays.history(user as u32)) {
            weight[song as usize] = f64::from(config.confidence.of(plays));
        }
    }
    let pair = |user: usize, song: usize| {
        let (r, score) = (weight[user][song], dot(&users[user], &songs[song]));
        if r > 0.0 { (alpha0 + r) * (1.0 - score).powi(2) } else { alpha0 * score * score }
    };
    let pairs = (0..users.len()).flat_map(|user| (0..songs.len()).map(move |song| (user, song)));
    let error: f64 = pairs.map(|(user, song)| pair(user, song)).sum();
    let by_song: Vec<f64> =
        (0..songs.len()).map(|song| weight.iter().map(|row| row[song]).sum()).collect();
    let by_user: Vec<f64> = weight.iter().map(|row| row.iter().sum()).collect();
    let active = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count() as f64;
    let penalty = |sums: &[f64], others: f64, table: &[Vec<f64>]| -> f64 {
        let (reg, nu) = (f64::from(config.problem.reg), f64::from(config.problem.nu));
        let lambda = |sum: f64| reg * (sum + alpha0 * others).powf(nu);
        sums.iter().zip(table).map(|(&sum, x)| lambda(sum) * dot(x, x)).sum()
    };
    error + penalty(&by_user, active(&by_song), users) + penalty(&by_song, active(&by_user), songs)
}

/// What a training is like: options by name.
fn kinds() -> Vec<Options> {
    vec![
        options(&[]),
        options(&[("solver", text("cholesky")), ("confidence", text("log_plays"))]),
        options(&[("paper", Setting::Bool(true))]),
        options(&[("nu", Setting::Float(0.5)), ("confidence", text("plays"))]),
    ]
}

#[test]
fn the_loss_is_the_objective_over_all_pairs_and_falls() {
    let dataset = tastes();
    for options in kinds() {
        let (training, losses) = fit(&dataset, &options, 6);
        let weights = training.state().unwrap();
        let config = Config::new(&options);
        let pairs = Observed::new(&dataset.plays, &config).pairs() as f64;
        let expected =
            objective(&dataset, &config, &table(&weights, "users"), &table(&weights, "songs"));
        let last = losses[5] * pairs;
        assert!((last - expected).abs() < 1e-4 * expected, "{options:?}: {last} {expected}");
        assert!(losses.windows(2).all(|two| two[1] <= two[0] * (1.0 + 1e-6)), "{losses:?}");
    }
}

#[test]
fn a_sweep_leaves_the_songs_where_no_step_lowers_the_objective() {
    let dataset = tastes();
    for settings in [
        vec![("solver", text("cholesky"))],
        vec![("cg_steps", Setting::Int(40))],
        vec![("paper", Setting::Bool(true))],
    ] {
        let options = options(&settings);
        let weights = fit(&dataset, &options, 2).0.state().unwrap();
        let (users, songs) = (table(&weights, "users"), table(&weights, "songs"));
        let config = Config::new(&options);
        let here = objective(&dataset, &config, &users, &songs);
        for song in 0..12 {
            for d in 0..5 {
                for step in [-1e-3, 1e-3] {
                    let mut moved = songs.clone();
                    moved[song][d] += step;
                    let there = objective(&dataset, &config, &users, &moved);
                    assert!(
                        there >= here - 1e-7 * here,
                        "{settings:?} song {song}: {there} {here}"
                    );
                }
            }
        }
    }
}

#[test]
fn tastes_are_found_and_unplayed_songs_rank_last() {
    let dataset = tastes();
    for options in kinds() {
        let model = fit(&dataset, &options, 8).0.model().unwrap();
        for user in 0..10 {
            let scores = scores(model.as_ref(), Some(user), &[], 12);
            let own = (0..10).filter(|song| song % 2 == user as usize % 2).map(|song| scores[song]);
            let lowest = own.fold(f32::INFINITY, f32::min);
            let other = (0..10).filter(|song| song % 2 != user as usize % 2);
            assert!(other.into_iter().all(|song| scores[song] < lowest), "{options:?} {scores:?}");
            assert_eq!(scores[10], scores.iter().copied().fold(f32::INFINITY, f32::min));
        }
        // Of user 40, of nobody, and of nobody who played what nobody knows, nothing is known.
        for (user, songs) in [(Some(40), vec![]), (None, vec![]), (None, vec![11])] {
            assert_eq!(scores(model.as_ref(), user, &songs, 12), [0.0; 12]);
        }
    }
}

#[test]
fn who_is_unknown_is_solved_from_their_songs() {
    let dataset = tastes();
    let options = options(&[("solver", text("cholesky"))]);
    let (training, _) = fit(&dataset, &options, 30);
    let model = training.model().unwrap();
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2);
    let known = scores(model.as_ref(), Some(2), &[], 12);
    let played = dataset.plays.history(2);
    let stranger = scores(model.as_ref(), None, played, 12);
    assert!(near(&known, &stranger), "{known:?} {stranger:?}");
    // A session of songs that training knows of says nothing new, another one does.
    assert_eq!(scores(model.as_ref(), Some(2), &played[1..3], 12), known);
    let told = scores(model.as_ref(), Some(2), &[1, 3], 12);
    assert!(told[1] > known[1] + 0.1 && told[3] > known[3] + 0.1, "{told:?} {known:?}");
    let both: Vec<u32> = played.iter().copied().chain([1, 3]).collect();
    assert_eq!(scores(model.as_ref(), None, &both, 12), told);
    assert_eq!(scores(model.as_ref(), Some(2), &both, 12), told);
}

#[test]
fn plays_that_are_told_again_do_not_count_twice() {
    let dataset = tastes();
    let options = options(&[("confidence", text("plays"))]);
    let model = fit(&dataset, &options, 3).0.model().unwrap();
    let history = dataset.plays.history(5);
    let told: Vec<u32> = history.iter().copied().chain([2]).collect();
    let (new, all) =
        (scores(model.as_ref(), Some(5), &[2], 12), scores(model.as_ref(), Some(5), &told, 12));
    assert_eq!(new, all);
    assert_ne!(new, scores(model.as_ref(), Some(5), &[2, 2], 12));
}

#[test]
fn threads_change_nothing() {
    // More rows than a block of conjugate gradients and a part of the Gramian have.
    let histories: Vec<Vec<u32>> =
        (0..700).map(|user| (0..12).map(|i| (user * 7 + i * i * 3) % 300).collect()).collect();
    let dataset = dataset(&histories, 300);
    for solver in ["cg", "cholesky"] {
        let options = options(&[("solver", text(solver)), ("embedding_size", Setting::Int(20))]);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (training, losses) = fit(&dataset, &options, 2);
                (losses, table(&training.state().unwrap(), "songs"))
            })
        };
        assert_eq!(run(1), run(3), "{solver}");
    }
}

#[test]
fn plays_become_weights() {
    assert_eq!(counted(&[3, 1, 3, 3]), [(1, 1), (3, 3)]);
    let weights = [Confidence::Binary, Confidence::LogPlays, Confidence::Plays].map(|c| c.of(3));
    assert_eq!(weights, [1.0, 4.0_f32.ln(), 3.0]);
    let options = options(&[("confidence", text("plays"))]);
    let dataset = dataset(&[vec![1, 0, 1], vec![], vec![1]], 3);
    let observed = Observed::new(&dataset.plays, &Config::new(&options));
    let row = |observed: &Observed, at| {
        let row = observed.row(at);
        (row.columns.to_vec(), row.weights.to_vec())
    };
    assert_eq!(row(&observed, 0), (vec![0, 1], vec![1.0, 2.0]));
    assert_eq!(row(&observed, 1), (vec![], vec![]));
    let transposed = observed.transposed(3);
    assert_eq!(row(&transposed, 1), (vec![0, 2], vec![2.0, 1.0]));
    assert_eq!((transposed.rows(), transposed.active(), transposed.pairs()), (3, 2, 3));
    assert_eq!(transposed.transposed(3), observed);
}
