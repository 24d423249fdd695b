//! COAT against the golden numbers of an independent implementation (`tests/golden/coat.py`), its
//! catalogue against its pairs, and what it learns of songs that nobody played.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::*;
use crate::control::Control;
use crate::data::{Chords, Dataset};
use crate::nn::{self, Dropout, Meetings};
use crate::train::pairs::{Design, Pairs, Side};
use crate::train::sequence::golden_tests::{assert_close, flat, shape, values};
use crate::train::{Artifact, Context, Options, Setting, Weights};

/// Users with these songs, and songs with these chords.
fn dataset(plays: &[Vec<u32>], songs: &[Vec<u32>]) -> Dataset {
    let mut offsets = vec![0];
    for chords in songs {
        offsets.push(offsets[offsets.len() - 1] + chords.len() as u64);
    }
    let codes = songs.concat();
    let symbols = codes.iter().max().map_or(0, |&last| last + 1);
    let symbols = (0..symbols).map(|code| format!("chord {code}")).collect();
    Dataset {
        chords: Some(Arc::new(Chords { symbols, offsets, codes })),
        ..Dataset::of_histories(plays, songs.len())
    }
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/coat.json")).unwrap()
}

fn indices(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect()
}

/// The data of the golden numbers: all songs but one were played.
fn golden_dataset(golden: &Value) -> Dataset {
    let songs: Vec<Vec<u32>> = golden["songs"].as_array().unwrap().iter().map(indices).collect();
    let unplayed = golden["unplayed"].as_u64().unwrap() as u32;
    let played = (0..songs.len() as u32).filter(|&song| song != unplayed).collect();
    dataset(&[played, vec![0]], &songs)
}

/// The options of a case, and its weights as variables.
fn case(golden: &Value, case: &Value, dtype: DType) -> (Options, Vec<(String, Var)>) {
    let mut options = Options::defaults(SPEC.params);
    for name in ["embedding_size", "attention_size", "max_length"] {
        options.set(name, Setting::Int(golden[name].as_i64().unwrap()));
    }
    options.set("attention", Setting::Text(case["attention"].as_str().unwrap().into()));
    options.set("paper", Setting::Bool(case["paper"].as_bool().unwrap()));
    let vars = case["weights"].as_object().unwrap().iter().map(|(name, weight)| {
        let tensor = Tensor::from_vec(flat(weight), shape(weight), &Device::Cpu).unwrap();
        (name.clone(), Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap())
    });
    (SPEC.resolve(&options), vars.collect())
}

/// Logits of pairs through the network, as training has them; `rows` are the rows of the songs' table
/// that the songs of the pairs have.
fn logits(design: &Design, weights: &Weights, at: Meetings, ids: Vec<u32>, rows: &[u32]) -> Tensor {
    let network = design.network.as_ref();
    let mut weights = weights.clone();
    for table in network.tables().iter().filter(|table| table.of == Side::Songs) {
        let rows = Tensor::from_slice(rows, rows.len(), &Device::Cpu).unwrap();
        let rows = weights[table.name].index_select(&rows, 0).unwrap();
        weights.insert(table.name.into(), rows);
    }
    let users = network.users(&weights).unwrap();
    let songs = network.songs(&weights, &ids).unwrap();
    let pairs = Pairs { users, songs, at, ids };
    network.logits(&weights, &pairs, &mut Dropout::off()).unwrap()
}

fn forward(golden: &Value, expected: &Value, dtype: DType, tolerance: f64) {
    let (options, vars) = case(golden, expected, dtype);
    let weights: Weights =
        vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    let dataset = golden_dataset(golden);
    let design = config::design(&options, &dataset).unwrap();
    let (mut at, mut labels) = (Meetings::default(), Vec::new());
    let (mut ids, mut rows) = (Vec::new(), Vec::new());
    for pair in golden["pairs"].as_array().unwrap() {
        at.users.push(pair[0].as_u64().unwrap() as u32);
        at.songs.push(ids.len() as u32);
        ids.push(pair[1].as_u64().unwrap() as u32);
        let hidden = pair[2].as_bool().unwrap();
        rows.push(if hidden { dataset.songs.len() as u32 } else { ids[ids.len() - 1] });
        labels.push(pair[3].as_f64().unwrap() as f32);
    }
    let logits = logits(&design, &weights, at, ids, &rows);
    assert_close("logits", &values(&logits), &flat(&expected["logits"]), tolerance);
    let loss = nn::binary_cross_entropy(&logits, &Arc::new(labels)).unwrap();
    assert_close("loss", &values(&loss), &flat(&expected["loss"]), tolerance);
    let grads = loss.backward().unwrap();
    for (name, var) in &vars {
        let got = values(grads.get(var).unwrap());
        assert_close(name, &got, &flat(&expected["gradients"][name]), tolerance);
    }
}

#[test]
fn logits_loss_and_gradients_equal_the_golden_numbers() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        // The plain operations, and the fused ones.
        forward(&golden, case, DType::F64, 1e-10);
        forward(&golden, case, DType::F32, 2e-5);
    }
}

#[test]
fn a_stored_model_gives_the_golden_scores_and_weights() {
    let golden = golden();
    for expected in golden["cases"].as_array().unwrap() {
        let (options, vars) = case(&golden, expected, DType::F32);
        let weights = vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone()));
        let dataset = Arc::new(golden_dataset(&golden));
        let artifact = Artifact { dataset: dataset.clone(), options, weights: weights.collect() };
        let model = (SPEC.load)(&artifact, &Device::Cpu).unwrap();
        for user in 0..dataset.users.len() {
            let context = Context { user: Some(user as u32), songs: &[], continues: false };
            let mut got = vec![0.0; dataset.songs.len()];
            model.score_all(&[context], &mut got).unwrap();
            let got: Vec<f64> = got.into_iter().map(f64::from).collect();
            assert_close("scores", &got, &flat(&expected["catalogue"][user]), 2e-5);
            for song in 0..dataset.songs.len() {
                let weights = model.chord_attention(&context, song as u32).unwrap().unwrap();
                let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
                assert_close("beta", &weights, &flat(&expected["beta"][user][song]), 2e-5);
            }
        }
    }
}

#[test]
fn the_catalogue_scores_as_its_pairs() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    // Songs without chords among them, and more songs than go through the tower together.
    let mut song = || (0..rng.random_range(0..30)).map(|_| rng.random_range(0..9)).collect();
    let songs: Vec<Vec<u32>> = (0..1100).map(|_| song()).collect();
    assert!(songs.iter().any(Vec::is_empty));
    let count = songs.len() as u32;
    let dataset = Arc::new(dataset(&[(0..count - 50).collect(), vec![3]], &songs));
    // With a sharp attention, a song's weights are lost beside those of others but for a scale of its own.
    for (attention, sharp, digits) in
        [("user", 1.0, 1e-5), ("user", 40.0, 1e-3), ("mean", 1.0, 1e-5), ("sum", 1.0, 1e-5)]
    {
        let mut options = Options::defaults(SPEC.params);
        options.set("attention", Setting::Text(attention.into()));
        options.set("embedding_size", Setting::Int(8));
        options.set("max_length", Setting::Int(20));
        let options = SPEC.resolve(&options);
        let design = config::design(&options, &dataset).unwrap();
        let network = design.network.as_ref();
        let sizes = network.tables().into_iter().map(|table| {
            let rows = if table.of == Side::Users { 2 } else { count as usize + 1 };
            (table.name.to_owned(), vec![rows, table.width])
        });
        let sizes = sizes.chain(network.parameters().into_iter().map(|all| (all.name, all.shape)));
        let mut weights: Weights = sizes
            .map(|(name, shape)| {
                let numbers = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0_f32));
                let tensor = Tensor::from_vec(numbers.collect(), shape, &Device::Cpu).unwrap();
                (name, tensor)
            })
            .collect();
        if let Some(hidden) = weights.get_mut(network::HIDDEN) {
            *hidden = (&*hidden * sharp).unwrap();
        }
        let artifact = Artifact { dataset: dataset.clone(), options, weights: weights.clone() };
        let model = (SPEC.load)(&artifact, &Device::Cpu).unwrap();
        for user in 0..2 {
            let context = Context { user: Some(user), songs: &[], continues: false };
            let mut got = vec![0.0; count as usize];
            model.score_all(&[context], &mut got).unwrap();
            let (few, mut some) = (vec![1, 2, count - 1], vec![0.0; count as usize]);
            model.score_some(&[context], std::slice::from_ref(&few), &mut some).unwrap();
            for song in few.into_iter().map(|song| song as usize) {
                assert!((some[song] - got[song]).abs() < 1e-5, "{} {}", some[song], got[song]);
            }
            assert_eq!(some[0], f32::NEG_INFINITY);
            let at = Meetings { users: vec![user; count as usize], songs: (0..count).collect() };
            let row = |song| if song < count - 50 { song } else { count };
            let rows: Vec<u32> = (0..count).map(row).collect();
            let plain = logits(&design, &weights, at, (0..count).collect(), &rows);
            let got: Vec<f64> = got.into_iter().map(f64::from).collect();
            assert_close(attention, &got, &values(&plain), digits);
        }
    }
}

/// Songs of four chords each. Listeners of each of two groups play songs with one chord in the second
/// place: 0 or 1. The last 20 songs of 80 were played by nobody.
#[test]
fn songs_without_plays_are_told_apart_by_the_chord_that_a_user_likes() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let songs: Vec<Vec<u32>> = (0..80)
        .map(|song| {
            let mut chords: Vec<u32> = (0..4).map(|_| rng.random_range(0..6)).collect();
            chords[1] = song % 2;
            chords
        })
        .collect();
    let all = |user: u32| (0..30).map(move |i| 2 * i + user % 2);
    let plays: Vec<Vec<u32>> =
        (0..30).map(|user| all(user).filter(|_| rng.random_bool(0.5)).collect()).collect();
    let dataset = Arc::new(dataset(&plays, &songs));
    let mut options = Options::defaults(SPEC.params);
    options.set("embedding_size", Setting::Int(8));
    options.set("max_length", Setting::Int(8));
    options.set("batch_size", Setting::Int(64));
    options.set("learning_rate", Setting::Float(0.01));
    let options = SPEC.resolve(&options);
    let mut training = (SPEC.start)(dataset.clone(), &options, &Device::Cpu).unwrap();
    for epoch in 1..=20 {
        training.epoch(epoch, &Control::default()).unwrap();
    }
    let model = training.model().unwrap();
    let (mut right, mut weight) = (0, 0.0);
    for user in 0..30 {
        let context = Context { user: Some(user), songs: &[], continues: false };
        let mut scores = vec![0.0; 80];
        model.score_all(&[context], &mut scores).unwrap();
        let mean = |group: u32| (60..80).skip(group as usize).step_by(2).map(|s| scores[s]).sum();
        let (own, other): (f32, f32) = (mean(user % 2), mean(1 - user % 2));
        right += usize::from(own > other);
        let weights = model.chord_attention(&context, 70).unwrap().unwrap();
        weight += (weights[1] + weights[5]) / 30.0;
    }
    assert!(right >= 29, "{right} of 30 listeners");
    // Of 8 places, two have the chord.
    assert!(weight > 0.3, "weight {weight} on the planted places");
}
