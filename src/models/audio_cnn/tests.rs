//! The networks against torchvision's golden numbers (`tests/golden/vgg16.py`), and whole trainings.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::*;
use crate::audio::tiles::{SIDE, Tile};
use crate::control::Control;
use crate::data::{
    Codes, Dataset, Encoding, Field, Keys, MISSING, NumberKind, Plays, TilesBuilder, Vocab,
};
use crate::models::audio_cnn::network::{Network, VECTOR};
use crate::train::{Options, Setting, Training};

/// Numbers between −1 and 1 from their places, as the script makes them.
fn spread(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    (1..=count as u64).map(move |place| {
        let x = ((place + (seed << 20)) as u32).wrapping_mul(2_654_435_761);
        let x = (x ^ (x >> 16)).wrapping_mul(2_246_822_519);
        f64::from(x ^ (x >> 13)) / f64::from(1_u32 << 31) - 1.0
    })
}

#[test]
fn vgg16_equals_torchvisions() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vgg16.json");
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap();
    let mut weights = Weights::new();
    for initial in Network::Vgg16.parameters(2) {
        let Some(layer) = initial.name.strip_prefix("features.") else { continue };
        let (layer, kind) = layer.split_once('.').unwrap();
        let layer: u64 = layer.parse().unwrap();
        let (seed, scale) = match kind {
            "weight" => (layer, (6.0 / (9 * initial.shape[1]) as f64).sqrt()),
            _ => (100 + layer, 0.1),
        };
        let values: Vec<f32> = spread(seed, initial.count()).map(|x| (scale * x) as f32).collect();
        let tensor = Tensor::from_vec(values, initial.shape.as_slice(), &Device::Cpu).unwrap();
        weights.insert(initial.name, tensor);
    }
    assert_eq!(weights.len(), 26);
    let picture: Vec<f32> = spread(200, 3 * SIDE * SIDE).map(|x| x as f32).collect();
    let picture = Tensor::from_vec(picture, (1, 3, SIDE, SIDE), &Device::Cpu).unwrap();
    let vector = Network::Vgg16.vectors(&weights, &picture).unwrap();
    let vector: Vec<f32> = vector.squeeze(0).unwrap().to_vec1().unwrap();
    let golden: Vec<f64> = serde_json::from_value(golden["vector"].clone()).unwrap();
    assert_eq!((vector.len(), golden.len()), (VECTOR, VECTOR));
    let apart = vector.iter().zip(&golden).map(|(ours, golden)| (f64::from(*ours) - golden).abs());
    let (apart, peak) = (apart.fold(0.0, f64::max), golden.iter().copied().fold(0.0, f64::max));
    assert!(peak > 0.1 && apart < 1e-4 * peak.max(1.0), "{apart} of {peak}");
}

/// Songs with two tiles each: bright below and dark above in one genre, the other way round in the
/// other; noise everywhere. The last song has no genre, the one before no tiles.
fn dataset(songs: usize) -> Dataset {
    let mut builder = TilesBuilder::default();
    for song in (0..songs).filter(|&song| song + 2 != songs) {
        for tile in 0..2 {
            let noise = spread((7 * song + tile) as u64, SIDE * SIDE);
            let pixels = noise.enumerate().flat_map(|(at, noise)| {
                let is_below = at / SIDE >= SIDE / 2;
                let level = if is_below == (song % 2 == 0) { 160.0 } else { 60.0 };
                [(level + 50.0 * noise) as u8; 3]
            });
            let tile_of = Tile { pixels: pixels.collect() };
            builder.push(song as u32, tile as i64, &tile_of.png().unwrap());
        }
    }
    let ranks: Vec<u32> = (0..songs as u32).collect();
    let mut dataset = Dataset::of_plays(Plays::default(), songs);
    let genre = |song: usize| if song + 1 == songs { MISSING } else { 1 + song as u32 % 2 };
    dataset.song_fields = vec![Field {
        name: "genre".into(),
        encoding: Encoding::Categories(vec!["low".into(), "high".into()]),
        codes: Codes::One((0..songs).map(genre).collect()),
    }];
    dataset.tiles = Some(builder.finish(&ranks).unwrap());
    dataset
}

fn options(settings: &[(&str, Setting)]) -> Options {
    let mut options = Options::defaults(SPEC.params);
    options.set("seed", Setting::Int(1));
    settings.iter().for_each(|(name, setting)| options.set(name, setting.clone()));
    SPEC.resolve(&options)
}

fn training(dataset: Dataset, options: &Options) -> Result<Box<dyn Training>> {
    (SPEC.start)(Arc::new(dataset), options, &Device::Cpu)
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn the_small_network_learns_hears_and_goes_on_where_it_stopped() {
    let options = options(&[("validation_share", Setting::Float(0.25))]);
    let (control, data) = (Control::default(), dataset(18));
    let mut whole = training(data.clone(), &options).unwrap();
    assert_eq!(whole.examples(), Some(2 * 12));
    let losses: Vec<f64> = (1..=6).map(|epoch| whole.epoch(epoch, &control).unwrap()).collect();
    assert!(losses[5] < 0.3 * losses[0], "{losses:?}");
    let metrics = whole.metrics(&control).unwrap();
    assert_eq!(metrics[1], ("accuracy".to_owned(), 1.0));
    assert!(metrics[0].0 == "log_likelihood" && (-0.5..0.0).contains(&metrics[0].1), "{metrics:?}");
    // Bit for bit, from the state after the second epoch.
    let mut first = training(data.clone(), &options).unwrap();
    for epoch in 1..=2 {
        first.epoch(epoch, &control).unwrap();
    }
    let mut resumed = training(data.clone(), &options).unwrap();
    resumed.restore(&first.state().unwrap()).unwrap();
    let again: Vec<f64> = (3..=6).map(|epoch| resumed.epoch(epoch, &control).unwrap()).collect();
    assert_eq!(again, losses[2..]);
    // As it is stored.
    let weights = whole.model().unwrap().weights().unwrap();
    let artifact = Artifact { dataset: Arc::new(data.clone()), options, weights };
    let stored = (SPEC.load)(&artifact, &Device::Cpu).unwrap();
    let message = message(stored.score_all(&[], &mut []));
    assert!(message.contains("recommends none"), "{message}");
    let hearing = Hearing::new(&artifact, &Device::Cpu).unwrap();
    let heard = hearing.hear(&data, &[16, 17], &control).unwrap();
    assert!(heard[0].is_none());
    let heard = heard[1].as_ref().unwrap();
    assert_eq!((heard.vector.len(), hearing.genres[heard.genre].as_str()), (512, "high"));
    let probabilities: f64 = heard.log_probabilities.iter().map(|log| log.exp()).sum();
    assert!(heard.log_probabilities[1] > 0.5_f64.ln() && (probabilities - 1.0).abs() < 1e-6);
}

#[test]
fn frozen_convolutions_keep_what_they_begin_with() {
    let options =
        options(&[("frozen", Setting::Int(2)), ("validation_share", Setting::Float(0.0))]);
    let mut training = training(dataset(6), &options).unwrap();
    let mut given = training.state().unwrap();
    given.retain(|name, _| name.starts_with("features.") && !name.contains(':'));
    let other = (&given["features.0.bias"] + 0.25).unwrap();
    given.insert("features.0.bias".into(), other);
    training.begin_with(&given).unwrap();
    training.epoch(1, &Control::default()).unwrap();
    let weights = training.model().unwrap().weights().unwrap();
    let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (name, before) in &given {
        let same = flat(before) == flat(&weights[name]);
        assert_eq!(same, name.contains(".0.") || name.contains(".3."), "{name}");
    }
    assert!(training.metrics(&Control::default()).unwrap().is_empty());
    let message_of = message(training.begin_with(&Weights::new()));
    assert!(message_of.contains("features.0.weight") && message_of.contains("torchvision"));
    let nan = Tensor::full(f32::NAN, &[16], &Device::Cpu).unwrap();
    let kept = given.insert("features.0.bias".into(), nan).unwrap();
    assert!(message(training.begin_with(&given)).contains("'features.0.bias' of the weights"));
    given.insert("features.0.bias".into(), kept);
    let wide = Tensor::zeros((64, 3, 3, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    given.insert("features.0.weight".into(), wide);
    assert!(message(training.begin_with(&given)).contains("[16, 3, 3, 3]"));
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let usual = || options(&[]);
    let of = |change: &dyn Fn(&mut Dataset)| {
        let mut data = dataset(6);
        change(&mut data);
        message(training(data, &usual()))
    };
    let field = |encoding, codes| Field { name: "style".into(), encoding, codes };
    let buckets = || Encoding::Buckets { bounds: vec![1.0], kind: NumberKind::Plain };
    let one = || Codes::One(vec![1; 6]);
    let names = || Encoding::Categories(vec!["a".into()]);
    let many = || Codes::Many { offsets: (0..=6).collect(), values: vec![1; 6] };
    assert!(of(&|data| data.song_fields.clear()).contains("label := "));
    let message_of = of(&|data| data.song_fields = vec![field(buckets(), one())]);
    assert!(message_of.contains("'style' is a column of numbers"), "{message_of}");
    let message_of = of(&|data| data.song_fields = vec![field(names(), many())]);
    assert!(message_of.contains("'style' is a column of lists"), "{message_of}");
    let message_of = of(&|data| data.song_fields = vec![field(names(), one())]);
    assert!(message_of.contains("are of 1 genre,"), "{message_of}");
    let frozen = options(&[("frozen", Setting::Int(5))]);
    assert!(message(training(dataset(6), &frozen)).contains("the 4 convolutions"));
    // A picture that is none is named when it is looked at.
    let mut data = dataset(6);
    data.songs = Vocab::new("VARCHAR", Keys::Texts("abcdef".chars().map(String::from).collect()));
    let mut builder = TilesBuilder::default();
    (0..6).for_each(|song| builder.push(song, 0, b"no picture"));
    data.tiles = Some(builder.finish(&[0, 1, 2, 3, 4, 5]).unwrap());
    let mut training = training(data, &usual()).unwrap();
    let message = message(training.epoch(1, &Control::default()));
    assert!(message.starts_with("tile 1 of song ") && message.contains("no PNG"), "{message}");
    let stopped = Control::default();
    stopped.stop();
    assert!(training.epoch(1, &stopped).is_err());
}

/// The gradient of a step is that of all its tiles, however many are looked at together.
#[test]
fn a_step_sums_up_what_it_looks_at() {
    let data = dataset(6);
    let all = options(&[
        ("batch_size", Setting::Int(100)),
        ("dropout", Setting::Float(0.0)),
        ("validation_share", Setting::Float(0.0)),
    ]);
    let loss = |repeats: usize| {
        // As many tiles again and again make a step of several parts with the same mean.
        let mut data = data.clone();
        let tiles = data.tiles.take().unwrap();
        let mut builder = TilesBuilder::default();
        for song in 0..6_u32 {
            let own: Vec<usize> = tiles.of(song).collect();
            for (at, &tile) in own.iter().cycle().take(repeats * own.len()).enumerate() {
                builder.push(song, at as i64, tiles.file(tile));
            }
        }
        data.tiles = Some(builder.finish(&[0, 1, 2, 3, 4, 5]).unwrap());
        let mut training = training(data, &all).unwrap();
        (1..=3).map(|epoch| training.epoch(epoch, &Control::default()).unwrap()).collect::<Vec<_>>()
    };
    // Eight tiles are one part, 96 are two.
    for (one, two) in loss(1).into_iter().zip(loss(12)) {
        assert!((one - two).abs() < 1e-3 * (1.0 + one.abs()), "{one} {two}");
    }
}

#[test]
fn a_share_of_every_genre_is_held_out_at_least_one_song() {
    for (share, expected) in [(0.0, None), (0.01, Some(2 * 14)), (0.5, Some(2 * 8))] {
        let options = options(&[("validation_share", Setting::Float(share))]);
        let training = training(dataset(18), &options).unwrap();
        // 16 songs have a genre and tiles, eight of each.
        assert_eq!(training.examples(), expected.or(Some(2 * 16)), "{share}");
    }
}

#[test]
fn memory_counts_pictures() {
    let need = |network: &str| {
        let options = options(&[("network", Setting::Text(network.into()))]);
        (SPEC.memory)(&dataset(6), &options).unwrap()
    };
    let (small, large) = (need("small"), need("vgg16"));
    assert_eq!(large.weights, 4 * (14_714_688 + 512 * 2 + 2));
    assert!(large.step > 50 * small.step, "{small:?} {large:?}");
}
