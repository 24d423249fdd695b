//! Models that score pairs of a user and a song, once for all of them: examples, negatives, loss,
//! steps, and scores of the whole catalogue.
//!
//! Such a model embeds users and songs, has a network turn the embeddings of a pair into a logit, and
//! learns by binary cross-entropy to tell pairs that were played from pairs that were not, as in
//! neural collaborative filtering (He et al., WWW 2017). The networks differ; each is a [`Network`],
//! and a model file consists of one, of its options and of its line in the registry.
//!
//! A network sees users and songs before it sees pairs: what either side brings along is computed
//! once for each user and each song of a batch, and in answers once for each song of the catalogue.
//! A step costs what its batch costs: of the embedding tables, only the rows that occur are looked at
//! and updated.

mod batch;
mod catalogue;
mod content;
mod initial;
mod learner;
mod listeners;
mod scorer;
mod shares;
#[cfg(test)]
mod tests;
mod tower;

use std::sync::Arc;

use candle_core::{Device, Tensor};

pub use catalogue::Catalogue;
pub use initial::memory;
pub use tower::Tower;

use super::params::{self, Per};
use super::{
    Artifact, Default, Initial, Kind, Model, OptimizerConfig, Options, Param, Training, Weights,
    objective,
};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::{Dropout, Meetings};

/// Whose embeddings a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those of users, or of sessions in their place.
    Users,
    /// Those of songs.
    Songs,
}

/// An embedding table, `(users, width)` or `(songs, width)`.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name among the weights.
    pub name: &'static str,
    /// Whose embeddings it holds.
    pub of: Side,
    /// The size of an embedding.
    pub width: usize,
    /// The standard deviation of its numbers before training.
    pub deviation: f32,
}

/// Pairs of users and songs, each side as [`Network::users`] and [`Network::songs`] left it.
pub struct Pairs {
    /// What users bring along, `(U, ·)` each.
    pub users: Vec<Tensor>,
    /// What songs bring along, `(S, ·)` each.
    pub songs: Vec<Tensor>,
    /// Which rows of these meet (B).
    pub at: Meetings,
    /// The songs of the rows of `songs`, as indices of the data set (S).
    pub ids: Vec<u32>,
}

impl Pairs {
    /// A part of what users bring along, for each pair `(B, ·)`.
    ///
    /// # Errors
    /// There is no such part.
    pub fn user(&self, part: usize) -> Result<Tensor> {
        gather(&self.users, part, &self.at.users)
    }

    /// A part of what songs bring along, for each pair `(B, ·)`.
    ///
    /// # Errors
    /// There is no such part.
    pub fn song(&self, part: usize) -> Result<Tensor> {
        gather(&self.songs, part, &self.at.songs)
    }
}

fn gather(parts: &[Tensor], part: usize, at: &[u32]) -> Result<Tensor> {
    let rows =
        parts.get(part).ok_or_else(|| Error::Compute(format!("pairs have no part {part}")))?;
    Ok(rows.index_select(&Tensor::from_slice(at, at.len(), rows.device())?, 0)?)
}

/// A network over pairs. `weights` are its parameters by name, in training and in answers; of a table
/// they hold the rows at hand.
pub trait Network: Send + Sync {
    /// Its embedding tables, in the order in which they are drawn.
    fn tables(&self) -> Vec<Table>;

    /// Its other parameters before training, in the order in which they are drawn.
    fn parameters(&self) -> Vec<Initial>;

    /// What users bring along before they meet songs, `(U, ·)` each, from the rows of the users'
    /// tables.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    fn users(&self, weights: &Weights) -> Result<Vec<Tensor>>;

    /// What songs bring along before they meet users, `(S, ·)` each, from the rows of the songs'
    /// tables; `ids` are the songs as indices of the data set.
    ///
    /// # Errors
    /// As [`Network::users`].
    fn songs(&self, weights: &Weights, ids: &[u32]) -> Result<Vec<Tensor>>;

    /// The logits of pairs (B).
    ///
    /// # Errors
    /// As [`Network::users`].
    fn logits(&self, weights: &Weights, pairs: &Pairs, dropout: &mut Dropout<'_>)
    -> Result<Tensor>;

    /// The logits of the network's parts, each of which learns for itself in the first
    /// [`Config::apart`] epochs.
    ///
    /// # Errors
    /// As [`Network::users`].
    fn parts(
        &self,
        weights: &Weights,
        pairs: &Pairs,
        dropout: &mut Dropout<'_>,
    ) -> Result<Vec<Tensor>> {
        Ok(vec![self.logits(weights, pairs, dropout)?])
    }

    /// Whether it knows more of a song than who played it, so that songs without plays have scores
    /// of their own. Then the songs' tables have one row more, which speaks for these.
    fn knows_content(&self) -> bool {
        false
    }

    /// Whether it makes something of songs' content, in [`Network::content`].
    fn makes_content(&self) -> bool {
        false
    }

    /// What is made of songs' content alone `(S, C)`; [`Network::songs`] finds it among the weights
    /// as [`CONTENT`]. Models are stored with that of all songs, so that answers need no content.
    /// `None` where songs are scored by what the data set says of them, or by their id alone.
    ///
    /// # Errors
    /// As [`Network::users`].
    fn content(&self, _weights: &Weights, _ids: &[u32]) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// A way of its own, exact but faster, to score all songs for a user; `weights` hold the whole
    /// tables of songs. By default songs pass through [`Network::logits`] tile by tile.
    ///
    /// # Errors
    /// As [`Network::users`].
    fn catalogue(&self, _weights: &Weights) -> Result<Option<Box<dyn Catalogue>>> {
        Ok(None)
    }

    /// About how many numbers a forward pass keeps for so many pairs, users and songs.
    fn numbers(&self, pairs: u64, users: u64, songs: u64) -> u64;
}

/// The name among the weights of what [`Network::content`] returned.
pub const CONTENT: &str = "content";

/// Everything about a pair model but its network.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose taste is learned.
    pub per: Per,
    /// Pairs per step, negatives included; by default as many as suit the data, see
    /// [`Config::rows`].
    pub batch_size: Option<usize>,
    /// Pairs that were not played, for each that was.
    pub negatives: usize,
    /// The share of songs that training takes for songs without plays, in networks that know
    /// content.
    pub song_dropout: f64,
    /// In so many first epochs the network's parts learn apart.
    pub apart: usize,
    /// How gradients become updates.
    pub optimizer: OptimizerConfig,
    /// Where all randomness comes from.
    pub seed: u64,
}

/// The option `batch_size` of pair models.
pub const BATCH_SIZE: Param = Param {
    default: Default::Absent,
    doc: "Pairs per step, played ones and negatives; default a 300th of all, from 64 to 1,024, so \
          that a small data set's epoch has steps enough.",
    ..params::BATCH_SIZE
};

/// The option `negatives` of pair models.
pub const NEGATIVES: Param = Param {
    default: Default::Int(4),
    doc: "Songs that the user did not play, for each that they did; drawn anew every epoch, each song \
          that anybody played as likely as another.",
    ..objective::NEGATIVES
};

/// The option `song_dropout`, of models that know what songs are.
pub const SONG_DROPOUT: Param = Param::new(
    "song_dropout",
    Kind::Float { min: 0.0, max: 0.95 },
    Default::Float(0.1),
    "Share of the songs whose id is hidden in training, so that songs without plays, which have none, \
     are scored by their content as it was learned.",
);

impl Config {
    /// Reads the options; those that a model does not declare are off.
    ///
    /// # Errors
    /// Options of the optimiser that do not go together.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            per: Per::new(options),
            batch_size: options.has("batch_size").then(|| options.count("batch_size")),
            negatives: options.count("negatives").max(1),
            song_dropout: options.float("song_dropout"),
            apart: 0,
            optimizer: OptimizerConfig::new(options)?,
            seed: options.int("seed").unwrap_or(0) as u64,
        })
    }

    /// Played pairs per step, where there are so many of them.
    pub fn rows(&self, played: usize) -> usize {
        let group = 1 + self.negatives;
        let pairs = self.batch_size.unwrap_or((played * group / 300).clamp(64, 1_024));
        pairs.div_ceil(group)
    }

    /// Pairs per step of so many played ones.
    pub fn pairs(&self, rows: usize) -> u64 {
        rows as u64 * (1 + self.negatives as u64)
    }
}

/// A pair model's choices, as a model file makes them from its options.
#[derive(Clone)]
pub struct Design {
    /// All but the network.
    pub config: Config,
    /// The network.
    pub network: Arc<dyn Network>,
}

/// Begins a training.
///
/// # Errors
/// There are no plays.
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
