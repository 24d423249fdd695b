//! HARM's parameters before training, and the memory that a training takes.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::Values::{Constant, LastBlock, Normal, Vectors};
use super::audio::{Audio, MAP, VECTORS};
use super::config::{Attention, Config};
use crate::data::Dataset;
use crate::nn;
use crate::train::{Memory, Optimizer, Parameters};

/// A parameter: its name, its shape, and its values before training.
struct Initial {
    name: String,
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    /// Drawn from a normal distribution of this deviation.
    Normal(f32),
    /// All the same.
    Constant(f32),
    /// The vectors of audio.
    Vectors,
    /// Blocks of zeros, the last one the identity: the user code starts as the latest song.
    LastBlock,
}

/// All parameters, in the order in which they are drawn.
fn parameters(dataset: &Dataset, config: &Config) -> Vec<Initial> {
    let (d, l) = (config.embedding_size, config.max_length);
    let fields = fields(dataset);
    let mut all = Vec::new();
    let mut add = |name: String, shape: &[usize], values| {
        all.push(Initial { name, shape: shape.to_vec(), values });
    };
    add("field.0".into(), &[dataset.songs.len() + 1, d], Normal(config.init));
    for (j, field) in dataset.song_fields.iter().enumerate() {
        add(format!("field.{}", j + 1), &[field.cardinality(), d], Normal(config.init));
    }
    if let Some(features) = &dataset.features {
        let a = features.coefficients;
        add(MAP.into(), &[a + 2, d], Normal(config.init / (a as f32).sqrt()));
        if config.fine_tune {
            add(VECTORS.into(), &[dataset.songs.len(), a], Vectors);
        }
    }
    if config.attention == Attention::User {
        let width = (1 + dataset.user_fields.len()) * d;
        add("user.0".into(), &[dataset.users.len() + 1, d], Normal(config.init));
        for (j, field) in dataset.user_fields.iter().enumerate() {
            add(format!("user.{}", j + 1), &[field.cardinality(), d], Normal(config.init));
        }
        add("query.weight".into(), &[d, width], Normal(1.0 / (width as f32).sqrt()));
    }
    if config.key_bias && config.attention != Attention::Mean {
        add("field_key".into(), &[fields, d], Normal(0.0));
    }
    add("position".into(), &[l, d], Normal(0.0));
    for side in ["self.q", "self.k"] {
        add(format!("{side}.weight"), &[d, d], Normal(1.0 / (d as f32).sqrt()));
        add(format!("{side}.bias"), &[l, d], Normal(0.0));
    }
    if config.attention != Attention::Mean {
        add("query.bias".into(), &[d], Constant(config.query_bias));
    }
    // W_U: as printed it is drawn like the other weights.
    let drawn = Normal(1.0 / ((l * d) as f32).sqrt());
    let output = if config.residual { LastBlock } else { drawn };
    add("output.weight".into(), &[d, l * d], output);
    all
}

/// How many fields a song has, its id and audio included.
fn fields(dataset: &Dataset) -> usize {
    1 + dataset.song_fields.len() + usize::from(dataset.features.is_some())
}

/// Initial parameters, all drawn from the seed.
pub fn initial(dataset: &Dataset, config: &Config, steps_per_epoch: usize) -> Parameters {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let optimizer = Optimizer::new(&config.optimizer, steps_per_epoch);
    let mut all = Parameters::new(optimizer);
    for Initial { name, shape, values } in parameters(dataset, config) {
        let count = shape.iter().product();
        let values = match values {
            Normal(deviation) => nn::normals(&mut rng, count, deviation),
            Constant(value) => vec![value; count],
            LastBlock => last_block(shape[0], count),
            Vectors => dataset.features.as_ref().map_or_else(Vec::new, |f| Audio::new(f).vectors),
        };
        all.add(name, &shape, values);
    }
    all
}

/// `(rows, count / rows)`, the last `rows` columns the identity.
fn last_block(rows: usize, count: usize) -> Vec<f32> {
    let (mut values, width) = (vec![0.0; count], count / rows);
    for row in 0..rows {
        values[(row + 1) * width - rows + row] = 1.0;
    }
    values
}

/// The memory of a training: parameters and optimiser state are exact, a step's tensors are counted
/// as `Learner::loss` makes them for a usual batch, once forward and once for the gradients.
pub fn memory(dataset: &Dataset, config: &Config) -> Memory {
    let numbers = |initial: &Initial| initial.shape.iter().product::<usize>() as u64;
    let all = parameters(dataset, config);
    let weights = all.iter().map(numbers).sum::<u64>() * 4;
    let is_table = |initial: &&Initial| {
        ["field.", "user.", VECTORS].iter().any(|p| initial.name.starts_with(p))
    };
    let tables = all.iter().filter(is_table).map(numbers).sum::<u64>() * 4;
    let contexts = Contexts::new(dataset, config.max_length as u64);
    let (d, l) = (config.embedding_size as u64, contexts.longest);
    let (songs, fields) = (dataset.songs.len() as u64, fields(dataset) as u64);
    let b = contexts.count.min(config.batch_size as u64);
    let negatives = config.objective.candidates(b, songs);
    // A place for each song of a context, and one for its target.
    let places = b + b * contexts.songs / contexts.count.max(1);
    let distinct = (places + negatives).min(songs);
    let forward = fields * (3 * distinct * d + 2 * b * negatives)
        + 2 * places * d
        + 14 * b * l * d
        + 4 * b * l * l
        + 5 * b * negatives;
    Memory {
        weights,
        optimizer: weights * config.optimizer.slots() as u64,
        step: 2 * (forward * 4 + weights - tables),
    }
}

/// The contexts of all predictions, cut to the songs that are looked at.
#[derive(Default)]
struct Contexts {
    count: u64,
    songs: u64,
    longest: u64,
}

impl Contexts {
    fn new(dataset: &Dataset, max_length: u64) -> Self {
        let mut contexts = Self::default();
        for bounds in dataset.plays.session_offsets.windows(2) {
            let count = (bounds[1] - bounds[0]).saturating_sub(1);
            let longest = count.min(max_length);
            contexts.count += count;
            // One song, two songs, …, and then always as many.
            contexts.songs += longest * (longest + 1) / 2 + (count - longest) * longest;
            contexts.longest = contexts.longest.max(longest);
        }
        contexts
    }
}
