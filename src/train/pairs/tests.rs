//! Pair models on planted tastes, with a network that is a plain product.

mod shares;

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::{CONTENT, Config, Design, Network, Pairs, Side, Table, memory, start};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::Result;
use crate::nn::{self, Dropout};
use crate::train::params::Per;
use crate::train::{Context, Initial, Model, Options, Setting, Weights, weight};

/// `p·(q + content) + b`; users have a taste for even or for odd songs.
struct Product {
    /// Whether it knows which songs are even.
    hears: bool,
    /// What logits are multiplied by.
    scale: f64,
    /// How many numbers it says that a pair takes.
    numbers: u64,
    /// How many numbers it has that no pair looks at.
    spare: usize,
}

impl Network for Product {
    fn tables(&self) -> Vec<Table> {
        let table = |name, of| Table { name, of, width: 4, deviation: 0.1 };
        vec![table("user", Side::Users), table("song", Side::Songs)]
    }

    fn parameters(&self) -> Vec<Initial> {
        let bias = Initial::constant("bias", &[1], 0.0);
        let map = Initial::normal("map", &[2, 4], 0.5);
        let spare = Initial::constant("spare", &[self.spare], 0.0);
        if self.hears { vec![bias, spare, map] } else { vec![bias, spare] }
    }

    fn users(&self, weights: &Weights) -> Result<Vec<Tensor>> {
        Ok(vec![weight(weights, "user")?])
    }

    fn songs(&self, weights: &Weights, _: &[u32]) -> Result<Vec<Tensor>> {
        let songs = weight(weights, "song")?;
        if self.hears { Ok(vec![(songs + weight(weights, CONTENT)?)?]) } else { Ok(vec![songs]) }
    }

    fn logits(&self, weights: &Weights, pairs: &Pairs, _: &mut Dropout<'_>) -> Result<Tensor> {
        let products = nn::pair_dots(&pairs.users[0], &pairs.songs[0], &pairs.at)?;
        Ok((products.broadcast_add(&weight(weights, "bias")?)? * self.scale)?)
    }

    fn knows_content(&self) -> bool {
        self.hears
    }

    fn content(&self, weights: &Weights, ids: &[u32]) -> Result<Option<Tensor>> {
        let Some(map) = weights.get("map") else { return Ok(None) };
        let even: Vec<f32> =
            ids.iter().flat_map(|id| [(id % 2) as f32, 1.0 - (id % 2) as f32]).collect();
        Ok(Some(Tensor::from_vec(even, (ids.len(), 2), map.device())?.matmul(map)?))
    }

    fn numbers(&self, pairs: u64, users: u64, songs: u64) -> u64 {
        pairs * self.numbers + 4 * (users + songs)
    }
}

const SONGS: usize = 12;

/// Even users play even songs, odd users odd ones; songs 10 and 11 are played by nobody.
fn tastes() -> Arc<Dataset> {
    let history = |user: u32| {
        (0..10).filter(move |song| song % 2 == user % 2 && *song != user % 10).collect()
    };
    let histories: Vec<Vec<u32>> = (0..40).map(history).collect();
    Arc::new(Dataset::of_histories(&histories, SONGS))
}

fn design(per: Per, hears: bool, scale: f64) -> Design {
    let mut options = Options::default();
    options.set("epochs", Setting::Int(40));
    options.set("negatives", Setting::Int(2));
    options.set("seed", Setting::Int(1));
    options.set("song_dropout", Setting::Float(0.3));
    options.set("batch_size", Setting::Int(48));
    options.set("learning_rate", Setting::Float(0.02));
    let config = Config { per, ..Config::new(&options).unwrap() };
    Design { config, network: Arc::new(Product { hears, scale, numbers: 1, spare: 0 }) }
}

fn fit(design: Design) -> Box<dyn Model> {
    let mut training = start(tastes(), design, &Device::Cpu).unwrap();
    let losses: Vec<f64> =
        (1..=40).map(|epoch| training.epoch(epoch, &Control::default()).unwrap()).collect();
    assert!(losses[39] < losses[0] / 1.5, "{losses:?}");
    training.model().unwrap()
}

fn scores(model: &dyn Model, user: Option<u32>, songs: &[u32]) -> Vec<f32> {
    let mut out = vec![0.0; SONGS];
    model.score_all(&[Context { user, songs, continues: false }], &mut out).unwrap();
    out
}

/// How many of `others` are above the lowest played song of a kind.
fn wrong(scores: &[f32], kind: usize, others: impl Iterator<Item = usize>) -> usize {
    let own = (2..10).filter(|song| song % 2 == kind).map(|song| scores[song]);
    let lowest = own.fold(f32::INFINITY, f32::min);
    others.filter(|&song| scores[song] >= lowest).count()
}

#[test]
fn tastes_are_found_of_users_and_of_sessions() {
    for per in [Per::User, Per::Session] {
        let model = fit(design(per, false, 1.0));
        assert_eq!(model.weights().unwrap().contains_key("user"), per == Per::User);
        for user in [0_u32, 1] {
            let kind = user as usize;
            let others = || (0..12).filter(move |song| song % 2 != kind || *song > 9);
            let songs = [user + 2, user + 4];
            let known = scores(model.as_ref(), Some(user), &songs);
            let unknown = scores(model.as_ref(), None, &songs);
            assert_eq!(wrong(&known, kind, others()), 0, "{per:?} {known:?}");
            assert_eq!(wrong(&unknown, kind, others()), 0, "{per:?} {unknown:?}");
            assert_eq!(known == unknown, per == Per::Session);
        }
        assert_eq!(scores(model.as_ref(), None, &[11]), [0.0; SONGS]);
    }
}

#[test]
fn songs_without_plays_score_through_content() {
    let model = fit(design(Per::User, true, 1.0));
    for user in [0_u32, 1] {
        let scores = scores(model.as_ref(), Some(user), &[]);
        let (own, other) = (10 + user as usize, 11 - user as usize);
        assert!(scores[own] > scores[other] + 1.0, "{scores:?}");
        let others = (0..10).filter(|song| song % 2 != user as usize);
        assert!(others.into_iter().all(|song| scores[song] < scores[own]), "{scores:?}");
    }
    let content = &model.weights().unwrap()[CONTENT];
    assert_eq!(content.dims(), [SONGS, 4]);
}

#[test]
fn an_output_that_is_always_the_same_is_named() {
    let mut training = start(tastes(), design(Per::User, false, 0.0), &Device::Cpu).unwrap();
    let message = training.epoch(1, &Control::default()).unwrap_err().to_string();
    assert!(message.contains("stuck: in epoch 1") && message.contains("seed"), "{message}");
}

#[test]
fn memory_is_exact_in_what_is_learned() {
    let dataset = tastes();
    for (per, hears) in [(Per::User, true), (Per::Session, false)] {
        let design = design(per, hears, 1.0);
        let memory = memory(&dataset, &design);
        let training = start(dataset.clone(), design, &Device::Cpu).unwrap();
        let bytes = |weights: &Weights| -> usize {
            let named = weights.iter().filter(|(name, _)| *name != CONTENT);
            named.map(|(_, tensor)| 4 * tensor.elem_count()).sum()
        };
        let weights = bytes(&training.model().unwrap().weights().unwrap());
        assert_eq!(memory.weights, weights as u64);
        // One number is the step's.
        let state = bytes(&training.state().unwrap());
        assert_eq!(memory.weights + memory.optimizer, state as u64 - 4, "{per:?}");
    }
}
