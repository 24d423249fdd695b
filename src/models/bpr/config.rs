//! The options of BPR, and the model that they describe.

use crate::error::Result;
use crate::train::params::{self, Per};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, OPTIMIZER, OptimizerConfig, Options,
    Param, REG, SCHEDULE, WARMUP, objective,
};

/// What an epoch goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Every song that a user played, once.
    Pairs,
    /// Every play.
    Plays,
    /// As many draws as there are pairs: a user, then one of their songs.
    Users,
}

/// Everything that shapes the model and its training.
#[derive(Debug, Clone)]
pub struct Config {
    pub per: Per,
    pub sampling: Sampling,
    pub embedding_size: usize,
    /// Pairs per step; by default as many as suit the data, see [`Config::rows`].
    pub batch_size: Option<usize>,
    pub hardest_of: usize,
    pub alpha: f64,
    pub optimizer: OptimizerConfig,
    pub seed: u64,
}

/// The options.
pub const PARAMS: &[Param] = &[
    params::EPOCHS.with_default(Default::Int(50)),
    Param {
        doc: "Pairs of a played and another song per step; default a 200th of all, from 64 to 512, \
              so that a small data set's epoch has steps enough.",
        ..params::BATCH_SIZE.with_default(Default::Absent)
    },
    Param { doc: "D, the size of the vectors of users and songs.", ..params::EMBEDDING_SIZE },
    OPTIMIZER,
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
    params::PER,
    Param::new(
        "sampling",
        Kind::Choice(&["pairs", "plays", "users"]),
        Default::Text("pairs"),
        "What an epoch goes through: every song that a user played once, every play, or draws that \
         give each user the same weight.",
    ),
    Param::new(
        "hardest_of",
        Kind::Int { min: 1, max: 1_000 },
        Default::Int(8),
        "The other song of a pair is the one with the highest score among so many drawn; 1 is the \
         paper's.",
    ),
    Param {
        doc: "Exponent on the play counts of the distribution that other songs are drawn from; 0 is \
              uniform.",
        ..objective::ALPHA.with_default(Default::Float(0.0))
    },
];

impl Config {
    /// Pairs per step, where there are so many: what `batch_size` says, by default a 200th, from 64 to
    /// 512.
    pub fn rows(&self, pairs: usize) -> usize {
        self.batch_size.unwrap_or((pairs / 200).clamp(64, 512))
    }

    /// Reads the options.
    ///
    /// # Errors
    /// Options of the optimiser that do not go together.
    pub fn new(options: &Options) -> Result<Self> {
        let sampling = match options.text("sampling") {
            Some("plays") => Sampling::Plays,
            Some("users") => Sampling::Users,
            _ => Sampling::Pairs,
        };
        Ok(Self {
            per: Per::new(options),
            sampling,
            embedding_size: options.count("embedding_size"),
            batch_size: options.has("batch_size").then(|| options.count("batch_size")),
            hardest_of: options.count("hardest_of"),
            alpha: options.float("alpha"),
            optimizer: OptimizerConfig::new(options)?,
            seed: options.int("seed").unwrap_or(0) as u64,
        })
    }
}
