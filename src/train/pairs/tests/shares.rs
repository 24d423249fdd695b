//! Steps in shares, against the same step in one piece.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

use super::{Product, SONGS, design, tastes};
use crate::control::Control;
use crate::nn::{self, Dropout, Meetings};
use crate::threads::Threads;
use crate::train::Weights;
use crate::train::pairs::content::Content;
use crate::train::pairs::shares::{Step, at_most, count};
use crate::train::pairs::{CONTENT, Design, Network, Pairs, start};
use crate::train::params::Per;

/// Variables of a network, by name; the songs' table has a row for each of these.
fn variables(hears: bool, ids: &[u32]) -> Vec<(&'static str, Var)> {
    let var = |rows: usize, seed: usize| {
        let values = (0..rows * 4).map(|at| ((at * 37 + seed * 11) % 19) as f32 / 19.0 - 0.4);
        Var::from_vec(values.collect::<Vec<_>>(), (rows, 4), &Device::Cpu).unwrap()
    };
    let bias = Var::from_vec(vec![0.3_f32], 1, &Device::Cpu).unwrap();
    let mut variables = vec![("user", var(5, 1)), ("song", var(ids.len(), 2)), ("bias", bias)];
    if hears {
        variables.push(("map", var(2, 3)));
    }
    variables
}

/// More songs than a piece of content has.
fn songs() -> Vec<u32> {
    (0..150).map(|row| row * 5 % SONGS as u32).collect()
}

fn meetings(songs: usize) -> (Meetings, Arc<Vec<f32>>) {
    let at = Meetings {
        users: (0..60).map(|pair| pair / 12).collect(),
        songs: (0..60).map(|pair| pair * 7 % songs as u32).collect(),
    };
    (at, Arc::new((0..60).map(|pair| f32::from(u8::from(pair % 4 == 0))).collect()))
}

/// The sum of all gradients with respect to each variable.
fn sums(variables: &[(&'static str, Var)], gradients: &[GradStore]) -> Vec<Vec<f32>> {
    let sum = |(_, var): &(&str, Var)| {
        let mut sum = vec![0.0; var.elem_count()];
        for gradient in gradients.iter().filter_map(|all| all.get(var)) {
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            sum.iter_mut().zip(gradient).for_each(|(to, x)| *to += x);
        }
        sum
    };
    variables.iter().map(sum).collect()
}

fn named(variables: &[(&'static str, Var)]) -> Weights {
    variables.iter().map(|(name, var)| ((*name).to_owned(), var.as_tensor().clone())).collect()
}

/// The loss, the range of logits, and the gradients of a step in so many shares.
fn in_shares(hears: bool, shares: usize) -> (f64, (f32, f32), Vec<Vec<f32>>) {
    let (network, ids) = (Product { hears, scale: 1.5, numbers: 1, spare: 0 }, songs());
    let variables = variables(hears, &ids);
    let mut weights = named(&variables);
    let content = Content::new(&network, &weights, &ids, &Device::Cpu).unwrap();
    if let Some(content) = &content {
        weights.insert(CONTENT.into(), content.all());
    }
    let (users, songs) = (network.users(&weights).unwrap(), network.songs(&weights, &ids).unwrap());
    let (at, labels) = meetings(ids.len());
    let pairs = Pairs { users, songs, at, ids };
    let (network, weights, pairs, labels) = (&network, &weights, &pairs, &labels);
    let step = Step { network, weights, pairs, labels, apart: false, seed: 1, stream: 1 };
    let mut outcome = step.learn(shares).unwrap();
    if let Some(content) = content {
        outcome.gradients.extend(content.hand_on(&outcome.gradients).unwrap());
    }
    assert_eq!(outcome.ranges.len(), 1);
    (outcome.loss, outcome.ranges[0], sums(&variables, &outcome.gradients))
}

/// The same of the step as one graph.
fn in_one_graph(hears: bool) -> (f64, (f32, f32), Vec<Vec<f32>>) {
    let (network, ids) = (Product { hears, scale: 1.5, numbers: 1, spare: 0 }, songs());
    let variables = variables(hears, &ids);
    let mut weights = named(&variables);
    if let Some(content) = network.content(&weights, &ids).unwrap() {
        weights.insert(CONTENT.into(), content);
    }
    let (users, songs) = (network.users(&weights).unwrap(), network.songs(&weights, &ids).unwrap());
    let (at, labels) = meetings(ids.len());
    let pairs = Pairs { users, songs, at, ids };
    let logits = network.logits(&weights, &pairs, &mut Dropout::off()).unwrap();
    let loss = nn::binary_cross_entropy(&logits, &labels).unwrap();
    let range = |tensor: Tensor| tensor.to_scalar::<f32>().unwrap();
    let range = (range(logits.min(0).unwrap()), range(logits.max(0).unwrap()));
    let gradients = vec![loss.backward().unwrap()];
    (f64::from(loss.to_scalar::<f32>().unwrap()), range, sums(&variables, &gradients))
}

#[test]
fn shares_add_up_to_the_whole() {
    for hears in [false, true] {
        let (loss, range, expected) = in_one_graph(hears);
        assert!(expected.iter().all(|gradient| gradient.iter().any(|x| x.abs() > 1e-3)));
        for shares in [1, 2, 7, 60] {
            let (other, other_range, gradients) = in_shares(hears, shares);
            assert!((loss - other).abs() < 1e-6, "{loss} {other}");
            assert!((range.0 - other_range.0).abs() + (range.1 - other_range.1).abs() < 1e-5);
            for (expected, got) in expected.iter().flatten().zip(gradients.iter().flatten()) {
                assert!((expected - got).abs() < 1e-6, "{shares} shares: {expected} {got}");
            }
        }
    }
}

#[test]
fn large_batches_have_shares_and_small_ones_have_none() {
    let shares = |numbers: u64, pairs: u64| {
        count(&Product { hears: false, scale: 1.0, numbers, spare: 0 }, pairs)
    };
    assert_eq!([64, 1024].map(|pairs| shares(10, pairs)), [1, 1]);
    assert_eq!([64, 256, 1024, 4096].map(|pairs| shares(2_000, pairs)), [1, 1, 3, 15]);
    assert_eq!([64, 256, 1024, 1 << 20].map(|pairs| shares(100_000, pairs)), [1, 2, 8, 16]);
    assert_eq!([(3, 64), (3, 300), (3, 1024), (1, 1024)].map(|(s, p)| at_most(s, p)), [1, 2, 3, 1]);
}

#[test]
fn what_each_share_has_gradients_of_is_small_beside_its_pairs() {
    let shares =
        |spare: usize| count(&Product { hears: false, scale: 1.0, numbers: 2_048, spare }, 1024);
    assert_eq!([0, 100_000, 200_000, 300_000].map(shares), [4, 4, 2, 1]);
}

#[test]
fn a_training_is_the_same_on_one_thread_and_on_three() {
    let trained = |threads: usize| {
        let Design { mut config, .. } = design(Per::User, true, 1.0);
        config.batch_size = Some(480);
        let network = Arc::new(Product { hears: true, scale: 1.0, numbers: 10_000, spare: 0 });
        assert_eq!(count(network.as_ref(), 480), 3);
        Threads::own(threads).unwrap().run(|| {
            let design = Design { config, network };
            let mut training = start(tastes(), design, &Device::Cpu).unwrap();
            let losses: Vec<f64> =
                (1..4).map(|epoch| training.epoch(epoch, &Control::default()).unwrap()).collect();
            let weights = training.model().unwrap().weights().unwrap();
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            (losses, weights.values().map(values).collect::<Vec<_>>())
        })
    };
    assert_eq!(trained(1), trained(3));
}
