//! Parameters before training, and the memory that a training takes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::streams;
use super::windows::{Window, inputs, windows};
use super::{BIASES, Batching, Config, Design, OUTPUTS, SONGS};
use crate::data::Dataset;
use crate::train::{Initial, Memory, Optimizer, Parameters};

/// The tables of songs, `(V, width)`.
fn tables(songs: usize, design: &Design) -> Vec<Initial> {
    let Config { embedding_size, deviation, tied, bias, .. } = design.config;
    let mut tables = vec![Initial::normal(SONGS, &[songs, embedding_size], deviation)];
    if !tied {
        tables.push(Initial::normal(OUTPUTS, &[songs, design.encoder.width()], deviation));
    }
    if bias {
        tables.push(Initial::normal(BIASES, &[songs, 1], 0.0));
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
    let mut add = |initial: &Initial| {
        parameters.add(initial.name.clone(), &initial.shape, initial.draw(&mut rng));
    };
    tables(dataset.songs.len(), design).iter().for_each(&mut add);
    let network = design.encoder.parameters();
    network.iter().for_each(&mut add);
    (parameters, network.into_iter().map(|initial| initial.name).collect())
}

/// What a step looks at, at most, and what is kept beside it.
struct Sizes {
    /// Predictions.
    targets: u64,
    /// Positions, padding included.
    positions: u64,
    /// Positions of a sequence.
    length: u64,
    /// Bytes of the index of all predictions.
    index: u64,
}

impl Sizes {
    fn new(dataset: &Dataset, config: &Config) -> Self {
        let windows = windows(dataset, config.max_length, 1.0);
        let (count, plays) = (windows.len() as u64, inputs(&windows) as u64);
        let rows = config.rows(windows.len());
        match config.batching {
            Batching::Streams { steps } => {
                let steps = steps as u64;
                let targets = (streams::count(dataset, rows) as u64 * steps).min(plays);
                // Places, resets, and the sessions in their order.
                let index = plays * 5 + count * WINDOW;
                Self { targets, positions: targets, length: steps, index }
            }
            Batching::Windows { .. } => {
                let rows = count.min(rows as u64);
                let targets = (rows * (plays / count.max(1) + 1)).min(plays);
                let longest = windows.iter().map(|window| window.length as u64).max().unwrap_or(0);
                // As `batches` bounds it.
                let positions = (2 * targets.max(longest)).min(rows * longest).max(targets);
                // All, the latest, an epoch's order and its batches.
                Self { targets, positions, length: longest, index: 4 * count * WINDOW }
            }
        }
    }
}

const WINDOW: u64 = size_of::<Window>() as u64;

/// The memory of a training: parameters and optimiser state are exact, a step's tensors are those
/// of a usual batch, once forward and once for the gradients.
pub fn memory(dataset: &Dataset, design: &Design) -> Memory {
    let config = &design.config;
    let songs = dataset.songs.len();
    let count = |all: &[Initial]| all.iter().map(|initial| initial.count() as u64).sum::<u64>();
    let tables = tables(songs, design);
    let (network, songs) = (count(&design.encoder.parameters()), songs as u64);
    let weights = 4 * (count(&tables) + network);
    let width: usize = tables.iter().map(|table| table.shape[1]).sum();
    let Sizes { targets, positions, length, index } = Sizes::new(dataset, config);
    let candidates = config.objective.candidates(targets, songs);
    let distinct = (candidates + 2 * targets).min(songs);
    let numbers = design.encoder.numbers(positions, length)
        + 3 * positions * (config.embedding_size + design.encoder.width()) as u64
        // The rows of the tables, joined to their biases, and what the loss makes of them.
        + 5 * distinct * width as u64
        // Scores are held some rows at a time (`nn::Loss::mean_of_products`).
        + 3 * (targets * candidates).min((64 * candidates).max(1 << 18));
    Memory {
        weights,
        optimizer: weights * config.optimizer.slots() as u64,
        step: 4 * 2 * (numbers + network) + index,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::train::sequence::Recurrent;
    use crate::train::sequence::windows::tests::dataset;
    use crate::train::{LossKind, Objective, OptimizerConfig, Options};

    fn config(embedding_size: usize, batching: Batching) -> Config {
        Config {
            embedding_size,
            deviation: 0.1,
            max_length: 1000,
            batch_size: Some(4),
            batching,
            tied: true,
            bias: true,
            temperature: None,
            objective: Objective::of(LossKind::Softmax),
            optimizer: OptimizerConfig::new(&Options::default()).unwrap(),
            seed: 1,
        }
    }

    #[test]
    fn memory_is_counted_not_taken() {
        // Terabytes of parameters.
        let size = 1 << 16;
        let gru = Recurrent { inputs: size, size, layers: 50, input_dropout: 0.0, dropout: 0.0 };
        let config = config(size, Batching::WINDOWS);
        let design = Design { config, encoder: Arc::new(gru) };
        let (size, songs) = (size as u64, 30);
        let layer = 2 * (size + 1) * 3 * size;
        let memory = memory(&dataset(&[10, 20]), &design);
        assert_eq!(memory.weights, 4 * (songs * (size + 1) + 50 * layer));
        assert_eq!(memory.optimizer, 2 * memory.weights);
    }

    #[test]
    fn a_batch_has_room_for_the_longest_window() {
        let sizes = |lengths: &[usize], batching| {
            let sizes = Sizes::new(&dataset(lengths), &config(4, batching));
            (sizes.targets, sizes.positions, sizes.length)
        };
        assert_eq!(sizes(&[5; 8], Batching::WINDOWS), (20, 20, 4));
        assert_eq!(sizes(&[5, 5, 5, 5, 5, 5, 5, 805], Batching::WINDOWS), (420, 1608, 804));
        assert_eq!(sizes(&[5, 5, 1], Batching::Streams { steps: 2 }), (4, 4, 2));
    }

    #[test]
    fn small_data_have_small_batches() {
        let rows = |batch_size, windows| {
            Config { batch_size, ..config(4, Batching::WINDOWS) }.rows(windows)
        };
        assert_eq!([10, 5_000, 100_000].map(|windows| rows(None, windows)), [16, 25, 128]);
        assert_eq!(rows(Some(7), 100_000), 7);
    }

    #[test]
    fn the_order_of_sessions_counts_as_data() {
        let timed = dataset(&[10, 20]);
        let plays = crate::data::Plays { session_ranks: Vec::new(), ..timed.plays.clone() };
        let untimed = Dataset { plays, ..timed.clone() };
        assert_eq!(timed.bytes() - untimed.bytes(), 2 * 4);
    }
}
