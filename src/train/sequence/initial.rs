//! Parameters before training, and the memory that a training takes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::windows::windows;
use super::{BIASES, Batching, Config, Design, OUTPUTS, SONGS};
use crate::data::Dataset;
use crate::nn;
use crate::train::{Memory, Optimizer, Parameters};

/// A parameter before training.
pub struct Initial {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Initial {
    /// All values the same.
    pub fn constant(name: impl Into<String>, shape: &[usize], value: f32) -> Self {
        let values = vec![value; shape.iter().product()];
        Self { name: name.into(), shape: shape.to_vec(), values }
    }

    /// Values from a normal distribution around 0.
    pub fn normal(
        name: impl Into<String>,
        shape: &[usize],
        deviation: f32,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let values = nn::normals(rng, shape.iter().product(), deviation);
        Self { name: name.into(), shape: shape.to_vec(), values }
    }
}

/// Of the tables of songs: name, width and deviation.
fn tables(design: &Design) -> Vec<(&'static str, usize, f32)> {
    let Config { embedding_size, deviation, tied, bias, .. } = design.config;
    let mut tables = vec![(SONGS, embedding_size, deviation)];
    if !tied {
        tables.push((OUTPUTS, design.encoder.width(), deviation));
    }
    if bias {
        tables.push((BIASES, 1, 0.0));
    }
    tables
}

/// All parameters before training, and the names of those that are not tables of songs.
pub fn initial(
    dataset: &Dataset,
    design: &Design,
    steps_per_epoch: usize,
) -> (Parameters, Vec<String>) {
    let mut rng = ChaCha8Rng::seed_from_u64(design.config.seed);
    let mut parameters = Parameters::new(Optimizer::new(&design.config.optimizer, steps_per_epoch));
    for (name, width, deviation) in tables(design) {
        let songs = dataset.songs.len();
        parameters.add(name, &[songs, width], nn::normals(&mut rng, songs * width, deviation));
    }
    let mut dense = Vec::new();
    for Initial { name, shape, values } in design.encoder.parameters(&mut rng) {
        parameters.add(name.clone(), &shape, values);
        dense.push(name);
    }
    (parameters, dense)
}

/// The memory of a training: parameters and optimiser state are exact, a step's tensors are those
/// of a usual batch, once forward and once for the gradients.
pub fn memory(dataset: &Dataset, design: &Design) -> Memory {
    let config = &design.config;
    let songs = dataset.songs.len() as u64;
    let width: usize = tables(design).iter().map(|(_, width, _)| width).sum();
    let network = design.encoder.parameters(&mut ChaCha8Rng::seed_from_u64(0));
    let network: u64 = network.iter().map(|initial| initial.values.len() as u64).sum();
    let weights = 4 * (songs * width as u64 + network);
    let windows = windows(dataset, config.max_length, 1.0);
    let rows = (config.batch_size as u64).min(windows.len() as u64);
    let (places, length) = match config.batching {
        Batching::Streams { steps } => (config.batch_size as u64 * steps as u64, steps as u64),
        Batching::Windows { .. } => {
            let plays: u64 = windows.iter().map(|window| window.length as u64).sum();
            let longest = windows.iter().map(|window| window.length as u64).max();
            (rows * (plays / (windows.len() as u64).max(1) + 1), longest.unwrap_or(0))
        }
    };
    let places = places.min(dataset.plays.songs.len() as u64);
    let candidates = config.objective.candidates(places, songs);
    let distinct = (candidates + 2 * places).min(songs);
    let numbers = design.encoder.numbers(places, length)
        + 3 * places * (config.embedding_size + design.encoder.width()) as u64
        + 2 * distinct * width as u64
        // Scores are held some rows at a time (`nn::Loss::mean_of_products`).
        + 3 * (places * candidates).min((64 * candidates).max(1 << 18));
    Memory {
        weights,
        optimizer: weights * config.optimizer.slots() as u64,
        step: 4 * 2 * (numbers + network),
    }
}
