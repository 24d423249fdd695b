//! Models of song sequences, once for all of them: batches, loss, steps, and scores.
//!
//! Such a model embeds the songs of a session, has a network turn what was played so far into a
//! code, and scores a song by the product of the code with the song's output embedding. The
//! networks differ; each is an [`Encoder`], and a model file consists of one, of its options and of
//! its line in the registry.
//!
//! A step costs what its batch costs: of the embedding tables, only the rows of the songs that
//! occur in the batch, as inputs, targets or negatives, are looked at and updated.

mod batch;
#[cfg(test)]
pub mod golden_tests;
mod initial;
mod learner;
mod recurrent;
mod scorer;
mod streams;
mod windows;

use std::sync::Arc;

use candle_core::{Device, Tensor};

pub use initial::memory;
pub use recurrent::Recurrent;

use super::{
    Artifact, Default, Initial, Model, Objective, OptimizerConfig, Param, Training, Weights, params,
};
use crate::data::Dataset;
use crate::error::Result;
use crate::nn::Dropout;

/// A batch of song sequences, as a network sees it. They begin at the first position; what follows
/// the last song of a sequence is padding, of any value, and must not reach the positions before it.
pub struct Sequences {
    /// The embedded songs, `(B, L, D)`.
    pub inputs: Tensor,
    /// How many songs each sequence has, from 1 to L (B).
    pub lengths: Vec<usize>,
    /// What a recurrent network goes on from, where sequences go on from an earlier batch.
    pub carried: Option<Carried>,
}

/// States between batches.
pub struct Carried {
    /// Before the first position, of each layer `(B, H)`; the network leaves those after the last.
    pub states: Vec<Tensor>,
    /// Before which positions `(B, L)` states begin anew.
    pub resets: Vec<bool>,
}

/// A network over sequences.
pub trait Encoder: Send + Sync {
    /// Its parameters before training, in the order in which they are drawn.
    fn parameters(&self) -> Vec<Initial>;

    /// The width of its codes (H).
    fn width(&self) -> usize;

    /// The sizes of the states that it carries from batch to batch; empty for a network without.
    fn states(&self) -> Vec<usize> {
        Vec::new()
    }

    /// The codes `(B, L, H)`: at each position, of what was played up to there. `weights` are the
    /// parameters by name, in training and in scoring.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    fn encode(
        &self,
        weights: &Weights,
        sequences: &mut Sequences,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor>;

    /// About how many numbers a forward pass keeps for `places` positions in sequences of
    /// `length`.
    fn numbers(&self, places: u64, length: u64) -> u64;
}

/// How sessions become batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batching {
    /// Windows of sessions, all positions at once.
    Windows {
        /// The share of a window's inputs that are left out.
        item_dropout: f64,
        /// The last epochs look at the latest sessions alone: how many epochs, and which share of
        /// the sessions.
        recent: (usize, f64),
    },
    /// Sessions end to end in parallel streams, with carried states, so many plays of each at a
    /// time.
    Streams {
        /// Plays of each stream in a step, through which gradients flow back.
        steps: usize,
    },
}

impl Batching {
    /// Whole windows of all sessions.
    pub const WINDOWS: Self = Self::Windows { item_dropout: 0.0, recent: (0, 1.0) };
}

/// Everything about a sequence model but its network.
#[derive(Debug, Clone)]
pub struct Config {
    /// D, the size of the input embeddings.
    pub embedding_size: usize,
    /// The standard deviation of embeddings before training.
    pub deviation: f32,
    /// L, the latest songs that are looked at.
    pub max_length: usize,
    /// Sequences per step; by default as many as suit the data, see [`Config::rows`].
    pub batch_size: Option<usize>,
    /// How sessions become batches.
    pub batching: Batching,
    /// Whether songs have one embedding, as input and as output; then D is the network's width.
    pub tied: bool,
    /// Whether songs have a bias in their scores.
    pub bias: bool,
    /// If given, scores are cosines, divided by it; a bias is added on top.
    pub temperature: Option<f64>,
    /// Loss and negatives.
    pub objective: Objective,
    /// How gradients become updates.
    pub optimizer: OptimizerConfig,
    /// Where all randomness comes from.
    pub seed: u64,
}

/// The option `batch_size` of models that read windows.
pub const WINDOWS_PER_STEP: Param = Param {
    default: Default::Absent,
    doc: "Windows of sessions per step; default a 200th of all, from 16 to 128, so that a small data \
          set's epoch has steps enough.",
    ..params::BATCH_SIZE
};

impl Config {
    /// Sequences per step, where there are so many windows: what `batch_size` says, by default a
    /// 200th, from 16 to 128. Fewer steps an epoch would leave small data sets under-trained.
    pub fn rows(&self, windows: usize) -> usize {
        self.batch_size.unwrap_or((windows / 200).clamp(16, 128))
    }
}

/// A sequence model's choices, as a model file makes them from its options.
#[derive(Clone)]
pub struct Design {
    /// All but the network.
    pub config: Config,
    /// The network.
    pub encoder: Arc<dyn Encoder>,
}

/// Begins a training.
///
/// # Errors
/// No session has two plays, so that nothing can be predicted.
pub fn start(dataset: Arc<Dataset>, design: Design, device: &Device) -> Result<Box<dyn Training>> {
    Ok(Box::new(learner::Learner::new(dataset, design, device)?))
}

/// Builds a model from what was stored.
///
/// # Errors
/// A tensor is missing or does not fit the data set.
pub fn load(artifact: &Artifact, design: Design, device: &Device) -> Result<Box<dyn Model>> {
    let (dataset, weights) = (artifact.dataset.clone(), artifact.weights.clone());
    Ok(Box::new(scorer::Scorer::new(dataset, design, weights, device)?))
}

/// Rows scaled to length 1: products of such codes and embeddings are their cosines.
fn unit(rows: &Tensor) -> Result<Tensor> {
    let length = (rows.sqr()?.sum_keepdim(1)? + 1e-12)?.sqrt()?;
    Ok(rows.broadcast_div(&length)?)
}

/// The input embeddings `(V, D)`.
const SONGS: &str = "song";
/// The output embeddings `(V, H)`, where they are not the input's.
const OUTPUTS: &str = "output";
/// The biases `(V, 1)`.
const BIASES: &str = "output.bias";
