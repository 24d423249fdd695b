//! The options of GMF and NeuMF, and the model that they describe.

use std::sync::Arc;

use super::cnn::LEAST_FRAMES;
use super::content::{Content, Frames};
use super::network::{Heard, NeuMf};
use crate::data::{Dataset, Features};
use crate::error::Result;
use crate::train::pairs::{self, Config, Design, Tower};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, Memory, OPTIMIZER, OptimizerKind,
    Options, Param, REG, SCHEDULE, Setting, WARMUP, params,
};

const PAPER: Param = Param {
    doc: "The model as printed: batches of 256 pairs, Adam without weight decay; what songs contain counts the same for all users.",
    ..params::PAPER
};
const EPOCHS: Param = params::EPOCHS.with_default(Default::Int(20));
const FACTORS: Param =
    Param { doc: "D, the size of the embeddings that are multiplied.", ..params::EMBEDDING_SIZE };
/// Batches as many as suit the data, but for the paper's.
const BATCH_SIZE: Param = Param {
    default: Default::Depends(|options| options.bool("paper").then_some(Setting::Int(256))),
    ..pairs::BATCH_SIZE
};
const RULE: Param = Param {
    default: Default::Depends(|options| params::by_paper(options, "adam", "adamw")),
    doc: "How gradients become updates: plain gradient descent, Adam, Adam with decoupled weight decay, \
          or Adagrad; default adamw, with paper adam.",
    ..OPTIMIZER
};
const PENALTY: Param = Param {
    // The more factors there are, the sooner they learn their examples by heart.
    default: Default::Depends(|options| match OptimizerKind::of(options).ok()? {
        OptimizerKind::AdamW => Some((options.float("embedding_size") / 200.0).into()),
        _ => Some(0.0.into()),
    }),
    doc: "With adamw the share of the parameters a batch touches, times the learning rate, that a step takes \
          off, default D / 200; otherwise λ of the L2 penalty λ‖θ‖² on them, default 0.",
    ..REG
};
const LAYERS: Param = Param::new(
    "layers",
    Kind::IntList { min: 1, max: 65_536 },
    Default::Depends(|options| {
        let size = options.int("embedding_size")?;
        let ours = vec![size, (size + 1) / 2, (size + 3) / 4];
        params::by_paper(options, vec![4 * size, 2 * size, size], ours)
    }),
    "Widths of the perceptron's layers, first to last; default [D, D/2, D/4], with paper [4 D, 2 D, D]. \
     Its embeddings have half the first width.",
);
const DROPOUT: Param = Param {
    default: Default::Float(0.0),
    doc: "Share of what the perceptron's layers pass on that is set to 0 in training.",
    ..params::DROPOUT
};
const PRETRAINED: Param = Param::new(
    "pretrained",
    Kind::Int { min: 0, max: 100_000 },
    Default::Int(0),
    "So many of the epochs, the first ones, train the matrix factorisation and the perceptron each for \
     itself; then they are joined, half and half, and trained on together.",
);

const FRAMES: Param = Param::new(
    "frames",
    Kind::Int { min: LEAST_FRAMES as i64, max: 10_000 },
    Default::Int(64),
    "T, the frames of a song that the network sees: a song is cut into so many stretches, each of which \
     is the mean of its frames.",
);
const CONTENT_SIZE: Param = Param::new(
    "content_size",
    Kind::Int { min: 1, max: 4096 },
    Default::Int(32),
    "C, the size of the code that is made of a song's features.",
);

const INIT_STD: Param = Param::new(
    "init_std",
    Kind::Float { min: 1e-6, max: 10.0 },
    Default::Float(0.01),
    "The standard deviation of the embeddings before training. Products of small numbers have small \
     gradients, so that reg may pull them to 0 for good with optimizer := 'adam'.",
);

/// The options of GMF.
pub const GMF_PARAMS: &[Param] = &[
    PAPER,
    EPOCHS,
    BATCH_SIZE,
    Param { doc: "D, the size of the embeddings of users and songs.", ..params::EMBEDDING_SIZE },
    pairs::NEGATIVES,
    params::PER,
    INIT_STD,
    RULE,
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    PENALTY,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The options of NeuMF.
pub const NEUMF_PARAMS: &[Param] = &[
    PAPER,
    EPOCHS,
    BATCH_SIZE,
    FACTORS,
    LAYERS,
    DROPOUT,
    PRETRAINED,
    pairs::NEGATIVES,
    params::PER,
    INIT_STD,
    RULE,
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    PENALTY,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The options of NeuMF with what songs contain.
pub const CONTENT_PARAMS: &[Param] = &[
    PAPER,
    EPOCHS,
    BATCH_SIZE,
    FACTORS,
    LAYERS,
    DROPOUT,
    PRETRAINED,
    FRAMES,
    CONTENT_SIZE,
    pairs::SONG_DROPOUT,
    pairs::NEGATIVES,
    params::PER,
    INIT_STD,
    RULE,
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    PENALTY,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The perceptron that the options describe.
fn tower(options: &Options) -> Tower {
    let layers: Vec<usize> = options.ints("layers").iter().map(|&width| width as usize).collect();
    let inputs = 2 * layers.first().map_or(1, |width| (width / 2).max(1));
    Tower { name: "mlp", widths: [vec![inputs], layers].concat() }
}

/// What makes codes of what songs contain, from its frames and the size of the codes.
pub type Encode = fn(Arc<Frames>, usize) -> Arc<dyn Content>;

/// NeuMF with what songs contain; without features, to answer from stored codes.
///
/// # Errors
/// Options of the optimiser that do not go together.
pub fn with_content(
    features: Option<&Features>,
    options: &Options,
    encode: Encode,
) -> Result<Design> {
    let frames = Frames::new(features, options.count("frames"));
    let content = encode(Arc::new(frames), options.count("content_size"));
    design(options, true, Some(Heard { content, by_user: !options.bool("paper") }))
}

/// The memory of a training of NeuMF with what songs contain; looks at no frame.
///
/// # Errors
/// As [`with_content`].
pub fn content_memory(dataset: &Dataset, options: &Options, encode: Encode) -> Result<Memory> {
    let (features, count) = (dataset.features.as_ref(), options.count("frames"));
    let frames = Frames::sizes(features, count);
    let numbers = dataset.songs.len() * count * frames.coefficients;
    let content = encode(Arc::new(frames), options.count("content_size"));
    let heard = Heard { content, by_user: !options.bool("paper") };
    let memory = pairs::memory(dataset, &design(options, true, Some(heard))?);
    let codes = 4 * (dataset.songs.len() * options.count("content_size")) as u64;
    Ok(Memory { weights: memory.weights + codes, step: memory.step + 4 * numbers as u64, ..memory })
}

/// The model that the options describe: with a perceptron beside the matrix factorisation or not,
/// and with what songs contain or not.
///
/// # Errors
/// Options of the optimiser that do not go together.
pub fn design(options: &Options, perceptron: bool, heard: Option<Heard>) -> Result<Design> {
    let pretrained = options.count("pretrained");
    let config = Config { apart: pretrained, ..Config::new(options)? };
    let network = NeuMf {
        factors: options.count("embedding_size"),
        tower: perceptron.then(|| tower(options)),
        heard,
        deviation: options.float("init_std") as f32,
        dropout: options.float("dropout"),
        share: if pretrained > 0 { 0.5 } else { 1.0 },
    };
    Ok(Design { config, network: Arc::new(network) })
}
