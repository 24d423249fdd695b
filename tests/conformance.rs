//! What every model of the registry must do, whatever it learns.

#[path = "conformance/options.rs"]
mod options;
mod support;

use std::sync::Arc;

use candle_core::Device;
use segue::control::Control;
use segue::data::{Chords, Codes, Dataset, Encoding, Features, Field, Keys, Plays, Vocab};
use segue::models::REGISTRY;
use segue::train::{
    Artifact, Context, Kind, Model, ModelSpec, Options, Setting, Training, Weights,
};

const SONGS: u32 = 30;

fn field(name: &str, codes: Codes, values: usize) -> Field {
    let values = (0..values).map(|i| format!("{name}{i:02}")).collect();
    Field { name: name.into(), encoding: Encoding::Categories(values), codes }
}

/// Two frames of three coefficients for each song but the first, which has none.
fn features() -> Features {
    let offsets = std::iter::once(0).chain((0..SONGS).map(|song| 2 * u64::from(song))).collect();
    let values = (0..(SONGS - 1) * 6).map(|i| (i as f32).sin()).collect();
    Features { coefficients: 3, offsets, values }
}

/// Three chords for each song but the first, which has none.
fn chords() -> Chords {
    let offsets = std::iter::once(0).chain((0..SONGS).map(|song| 3 * u64::from(song))).collect();
    let codes = (0..(SONGS - 1) * 3).map(|i| i * i % 7).collect();
    Chords { symbols: (0..7).map(|code| format!("chord {code}")).collect(), offsets, codes }
}

/// Sessions that go round the songs: after song `i` comes song `i + 1`. Songs have an artist and
/// tags, users a country; the last user and the last song have no plays.
fn cycle(sessions_per_user: usize, users: usize) -> Dataset {
    let (mut songs, mut session_offsets, mut user_sessions) = (Vec::new(), vec![0], vec![0]);
    for user in 0..users {
        for session in 0..sessions_per_user {
            let first = (user * 7 + session * 3) as u32;
            songs.extend((first..first + 8).map(|song| song % (SONGS - 1)));
            session_offsets.push(songs.len() as u64);
        }
        user_sessions.push(session_offsets.len() as u32 - 1);
    }
    user_sessions.push(session_offsets.len() as u32 - 1);
    let plays = Plays::in_order(songs, session_offsets, user_sessions);
    let mut play_counts = vec![0; SONGS as usize];
    plays.songs.iter().for_each(|&song| play_counts[song as usize] += 1);
    let artists = Codes::One((0..SONGS).map(|song| song % 5).collect());
    let tags = Codes::Many {
        offsets: (0..=SONGS).map(|song| song * 2).collect(),
        values: (0..SONGS).flat_map(|song| [1 + song % 3, 1 + (song + 1) % 3]).collect(),
    };
    let countries = Codes::One((0..=users as u32).map(|user| user % 3).collect());
    Dataset {
        users: Vocab::new("BIGINT", Keys::Integers((0..=users as i64).collect())),
        songs: Vocab::new("BIGINT", Keys::Integers((0..i64::from(SONGS)).collect())),
        user_fields: vec![field("country", countries, 2)],
        song_fields: vec![field("artist", artists, 4), field("tags", tags, 3)],
        chords: Some(Arc::new(chords())),
        features: Some(features()),
        tiles: None,
        plays,
        play_counts,
        has_sessions: true,
        rejected: 0,
        notes: Vec::new(),
        fingerprint: String::new(),
    }
}

/// A model's defaults, made small; those that depend on others are left open.
fn options(spec: &ModelSpec, seed: i64) -> Options {
    let mut options = Options::defaults(spec.params);
    let small = [
        ("embedding_size", 16),
        ("batch_size", 64),
        ("epochs", 12),
        ("pool", 32),
        ("frames", 10),
        ("content_size", 8),
    ];
    for (name, value) in small {
        if spec.params.iter().any(|param| param.name == name) {
            options.set(name, Setting::Int(value));
        }
    }
    options.set("seed", Setting::Int(seed));
    options
}

fn start(spec: &ModelSpec, dataset: &Arc<Dataset>, options: &Options) -> Box<dyn Training> {
    (spec.start)(dataset.clone(), &spec.resolve(options), &Device::Cpu)
        .unwrap_or_else(|error| panic!("{}: {error}", spec.name))
}

fn fit(spec: &ModelSpec, dataset: &Arc<Dataset>, options: &Options) -> Box<dyn Model> {
    let mut training = start(spec, dataset, options);
    let epochs = if spec.iterative { options.count("epochs") } else { 1 };
    for epoch in 1..=epochs {
        training.epoch(epoch, &Control::default()).unwrap();
    }
    training.model().unwrap()
}

fn scores(model: &dyn Model, contexts: &[Context<'_>]) -> Vec<f32> {
    let mut out = vec![f32::NAN; contexts.len() * SONGS as usize];
    model.score_all(contexts, &mut out).unwrap();
    out
}

fn contexts() -> Vec<Context<'static>> {
    vec![
        Context { user: Some(0), songs: &[3, 4, 5], continues: false },
        Context { user: None, songs: &[10], continues: false },
        Context { user: Some(6), songs: &[29, 29], continues: false },
        Context { user: Some(0), songs: &[], continues: false },
        Context {
            user: Some(2),
            songs: &[
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                24,
            ],
            continues: false,
        },
    ]
}

fn bits(weights: &Weights) -> Vec<(String, Vec<u8>)> {
    let bytes = |tensor: &candle_core::Tensor| {
        let flat = tensor.flatten_all().unwrap();
        match flat.to_vec1::<f32>() {
            Ok(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Err(_) => flat.to_vec1::<u32>().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    };
    weights.iter().map(|(name, tensor)| (name.clone(), bytes(tensor))).collect()
}

#[test]
fn every_song_is_scored_for_every_context() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY {
        let model = fit(spec, &dataset, &options(spec, 1));
        let all = scores(model.as_ref(), &contexts());
        assert!(all.iter().all(|score| score.is_finite()), "{}: {all:?}", spec.name);
    }
}

#[test]
fn a_batch_scores_as_its_contexts_one_by_one() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY {
        let model = fit(spec, &dataset, &options(spec, 1));
        let all = scores(model.as_ref(), &contexts());
        for (i, context) in contexts().iter().enumerate() {
            let one = scores(model.as_ref(), &[*context]);
            let row = &all[i * SONGS as usize..(i + 1) * SONGS as usize];
            assert_eq!(one, row, "{}: context {i} alone and in a batch", spec.name);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_does_not() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY {
        let weights = |seed| bits(&fit(spec, &dataset, &options(spec, seed)).weights().unwrap());
        let first = weights(1);
        assert!(!first.is_empty(), "{}", spec.name);
        assert!(first == weights(1), "{}: the same seed gave other weights", spec.name);
        assert_eq!(spec.iterative, first != weights(2), "{}: does the seed matter?", spec.name);
    }
}

#[test]
fn a_loaded_model_scores_as_the_trained_one() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY {
        let options = spec.resolve(&options(spec, 1));
        let model = fit(spec, &dataset, &options);
        let weights = model.weights().unwrap();
        let artifact = Artifact { dataset: dataset.clone(), options, weights };
        let loaded = (spec.load)(&artifact, &Device::Cpu).unwrap();
        assert_eq!(
            scores(model.as_ref(), &contexts()),
            scores(loaded.as_ref(), &contexts()),
            "{}",
            spec.name
        );
    }
}

#[test]
fn a_resumed_training_equals_an_uninterrupted_one() {
    let dataset = Arc::new(cycle(4, 6));
    let control = Control::default();
    for spec in REGISTRY.iter().filter(|spec| spec.iterative) {
        let options = options(spec, 3);
        let mut whole = start(spec, &dataset, &options);
        whole.epoch(1, &control).unwrap();
        let state = whole.state().unwrap();
        let loss = whole.epoch(2, &control).unwrap();
        let mut resumed = start(spec, &dataset, &options);
        resumed.restore(&state).unwrap();
        assert_eq!(resumed.epoch(2, &control).unwrap().to_bits(), loss.to_bits(), "{}", spec.name);
        let weights = |training: &dyn Training| bits(&training.model().unwrap().weights().unwrap());
        assert!(weights(whole.as_ref()) == weights(resumed.as_ref()), "{}", spec.name);
    }
}

/// Mean reciprocal rank of the next song on the cycle, behind songs of equal score.
fn mrr(model: &dyn Model) -> f64 {
    let cases = SONGS - 4;
    let reciprocal = |first: u32| {
        let songs = [first, first + 1, first + 2];
        let all = scores(model, &[Context { user: None, songs: &songs, continues: false }]);
        let (better, equal) = segue::nn::compare(&all, all[first as usize + 3]);
        1.0 / f64::from(better + equal)
    };
    (0..cases).map(reciprocal).sum::<f64>() / f64::from(cases)
}

#[test]
fn whoever_looks_at_the_session_beats_popularity_on_a_cycle() {
    let dataset = Arc::new(cycle(12, 12));
    let popularity = segue::models::find("popularity").unwrap();
    let floor = mrr(fit(popularity, &dataset, &options(popularity, 1)).as_ref());
    for spec in REGISTRY.iter().filter(|spec| spec.name != "popularity") {
        let mut options = options(spec, 1);
        if spec.params.iter().any(|param| param.name == "per") {
            // All users play all songs: what they share says nothing.
            options.set("per", Setting::Text("session".into()));
        }
        let reached = mrr(fit(spec, &dataset, &options).as_ref());
        assert!(reached > 1.5 * floor, "{}: {reached}, popularity {floor}", spec.name);
    }
}

#[test]
fn one_user_one_session_two_songs_are_enough() {
    let mut dataset = cycle(1, 1);
    dataset.plays.songs.truncate(2);
    dataset.plays.session_offsets = vec![0, 2];
    let dataset = Arc::new(dataset);
    for spec in REGISTRY {
        let model = fit(spec, &dataset, &options(spec, 1));
        let songs = [0];
        let all =
            scores(model.as_ref(), &[Context { user: Some(0), songs: &songs, continues: false }]);
        assert!(all.iter().all(|score| score.is_finite()), "{}", spec.name);
    }
}

#[test]
fn sessions_of_one_play_are_learned_from_or_refused_with_a_reason() {
    let mut dataset = cycle(1, 1);
    dataset.plays.songs.truncate(1);
    dataset.plays.session_offsets = vec![0, 1];
    let dataset = Arc::new(dataset);
    for spec in REGISTRY {
        let options = spec.resolve(&options(spec, 1));
        if let Err(error) = (spec.start)(dataset.clone(), &options, &Device::Cpu) {
            let message = error.to_string();
            assert!(message.contains("session_id"), "{}: {message}", spec.name);
        }
    }
}

/// The bytes of tensors.
fn held(tensors: &Weights) -> u64 {
    let bytes = |tensor: &candle_core::Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
    tensors.values().map(bytes).sum::<usize>() as u64
}

#[test]
fn the_memory_of_a_training_is_estimated() {
    let dataset = Arc::new(cycle(12, 12));
    // Which songs are played together is not known before it is counted.
    let near = |estimate: u64, actual: u64| estimate >= actual / 2 && estimate <= actual * 5;
    for spec in REGISTRY {
        for (name, value) in [("embedding_size", 64), ("max_length", 5), ("neighbors", 3)] {
            let mut options = options(spec, 1);
            if options.has(name) {
                options.set(name, Setting::Int(value));
            }
            let memory = (spec.memory)(&dataset, &spec.resolve(&options)).unwrap();
            let mut training = start(spec, &dataset, &options);
            training.epoch(1, &Control::default()).unwrap();
            let weights = held(&training.model().unwrap().weights().unwrap());
            assert!(near(memory.weights, weights), "{}: {memory:?}, {weights}", spec.name);
            let state = held(&training.state().unwrap());
            let resumable = if spec.iterative { memory.weights + memory.optimizer } else { 0 };
            assert!(near(resumable, state), "{}: {memory:?}, {state}", spec.name);
            assert!(memory.step > 0, "{}", spec.name);
        }
    }
}

#[test]
fn a_stop_ends_training_before_the_next_batch() {
    let dataset = Arc::new(cycle(4, 6));
    let control = Control::default();
    control.stop();
    for spec in REGISTRY {
        let outcome = start(spec, &dataset, &options(spec, 1)).epoch(1, &control);
        assert!(matches!(outcome, Err(segue::Error::Interrupted)), "{}", spec.name);
    }
}

fn is_valid(kind: Kind, value: &Setting) -> bool {
    match (kind, value) {
        (Kind::Bool, Setting::Bool(_)) => true,
        (Kind::Int { min, max }, Setting::Int(value)) => (min..=max).contains(value),
        (Kind::Float { min, max }, Setting::Float(value)) => (min..=max).contains(value),
        (Kind::Choice(names), Setting::Text(value)) => names.contains(&value.as_str()),
        (Kind::IntList { min, max }, Setting::IntList(values)) => {
            !values.is_empty() && values.iter().all(|value| (min..=max).contains(value))
        }
        _ => false,
    }
}

#[test]
fn options_are_documented_and_their_defaults_valid() {
    for spec in REGISTRY {
        assert!(spec.summary.ends_with('.') && spec.example.contains(spec.name), "{}", spec.name);
        for param in spec.params {
            assert!(param.doc.ends_with('.'), "{}.{}: {}", spec.name, param.name, param.doc);
            let defaults = spec.resolve(&Options::default());
            let inside = defaults.get(param.name).is_none_or(|value| is_valid(param.kind, value));
            assert!(inside, "{}.{}", spec.name, param.name);
        }
    }
}

#[test]
fn damaged_weights_are_refused_by_name() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY.iter().filter(|spec| spec.name != "popularity") {
        let options = spec.resolve(&options(spec, 1));
        let artifact = Artifact { dataset: dataset.clone(), options, weights: Weights::new() };
        let message = (spec.load)(&artifact, &Device::Cpu).err().unwrap().to_string();
        assert!(message.contains("no tensor"), "{}: {message}", spec.name);
    }
}
