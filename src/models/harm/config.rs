//! HARM's options, resolved.

use crate::error::{Error, Result};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE, MOMENTUM, OPTIMIZER, OptimizerConfig, OptimizerKind,
    Options, Param, REG, SCHEDULE, WARMUP,
};

/// How the fields of a song are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// By each user's own query (eq. 1–2).
    User,
    /// By one learned query for all users: a control.
    Constant,
    /// All alike: a control.
    Mean,
}

/// What training minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Negative sampling (eq. 9).
    Negative,
    /// Cross-entropy over the target and sampled songs, corrected for how they were drawn.
    SampledSoftmax,
    /// Cross-entropy over all songs (eq. 6–8).
    Softmax,
}

/// Everything that shapes the network and its training.
#[derive(Debug, Clone)]
pub struct Config {
    pub embedding_size: usize,
    pub max_length: usize,
    pub attention: Attention,
    pub key_bias: bool,
    pub residual: bool,
    pub loss: Loss,
    pub negatives: usize,
    pub pool: usize,
    pub alpha: f64,
    pub logq: bool,
    pub user_dropout: f64,
    pub song_dropout: f64,
    pub dropout: f64,
    pub optimizer: OptimizerConfig,
    pub batch_size: usize,
    pub seed: u64,
    /// Scale of the initial embeddings.
    pub init: f32,
    /// Initial bias of the query layer.
    pub query_bias: f32,
}

/// The most numbers in `W_U`, which has `L·D²`: 1 GB, and as much again for each of Adam's moments.
const OUTPUT_MAX: usize = 1 << 28;

const RATE: Kind = Kind::Float { min: 0.0, max: 0.95 };

/// HARM's options. Where the default depends on `paper`, both are documented.
pub const PARAMS: &[Param] = &[
    Param::new(
        "paper",
        Kind::Bool,
        Default::Bool(false),
        "The model as printed: no key bias, no residual connection, no dropout of ids, negative sampling, plain SGD.",
    ),
    Param::new(
        "epochs",
        Kind::Int { min: 1, max: 100_000 },
        Default::Int(10),
        "Passes over the training plays, at most.",
    ),
    Param::new(
        "batch_size",
        Kind::Int { min: 1, max: 1_000_000 },
        Default::Int(256),
        "Predictions per step.",
    ),
    Param::new(
        "embedding_size",
        Kind::Int { min: 1, max: 4096 },
        Default::Int(32),
        "D, the size of every embedding.",
    ),
    Param::new(
        "max_length",
        Kind::Int { min: 1, max: 10_000 },
        Default::Int(20),
        "L, the latest songs of a session that are looked at.",
    ),
    Param {
        doc: "Step size; default 0.005 with adam, 0.05 with adagrad, 0.5 with sgd.",
        ..LEARNING_RATE
    },
    Param {
        default: Default::Absent,
        doc: "Update rule; default adam, with paper sgd.",
        ..OPTIMIZER
    },
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
    Param::new(
        "dropout",
        RATE,
        Default::Absent,
        "Share of the inputs to self-attention set to 0 in training; default 0.1, with paper 0.",
    ),
    Param::new(
        "attention",
        Kind::Choice(&["user", "constant", "mean"]),
        Default::Text("user"),
        "Who weighs the fields: each user, one constant query learned for all, or nobody (plain mean); the last two are controls.",
    ),
    Param::new(
        "loss",
        Kind::Choice(&["negative", "sampled_softmax", "softmax"]),
        Default::Absent,
        "What is minimised; default sampled_softmax, with paper negative.",
    ),
    Param::new(
        "negatives",
        Kind::Int { min: 1, max: 100_000 },
        Default::Int(20),
        "k of negative sampling: how much the negatives of one play count.",
    ),
    Param::new(
        "pool",
        Kind::Int { min: 1, max: 10_000_000 },
        Default::Int(512),
        "Songs drawn per batch, shared by its plays, to estimate the sum over negatives.",
    ),
    Param::new(
        "alpha",
        Kind::Float { min: 0.0, max: 2.0 },
        Default::Float(1.0),
        "Exponent on the play counts of the distribution that negatives are drawn from.",
    ),
    Param::new(
        "correction",
        Kind::Choice(&["none", "logq"]),
        Default::Text("none"),
        "logq adds the log noise probability back when ranking after negative sampling.",
    ),
    Param::new(
        "key_bias",
        Kind::Bool,
        Default::Absent,
        "A learned vector per field added to its attention keys; default true, with paper false.",
    ),
    Param::new(
        "residual",
        Kind::Bool,
        Default::Absent,
        "A residual connection around self-attention; default true, with paper false.",
    ),
    Param::new(
        "user_dropout",
        RATE,
        Default::Absent,
        "Share of predictions trained as the unknown user; default 0.6, with paper 0.",
    ),
    Param::new(
        "song_dropout",
        RATE,
        Default::Absent,
        "Share of songs whose id is replaced by the unknown song's in a batch; default 0.4, with paper 0.",
    ),
];

impl Config {
    /// Fills in what depends on `paper` and on other options.
    ///
    /// # Errors
    /// Options of the optimiser that do not go together; `W_U` would be too large.
    pub fn new(options: &Options) -> Result<Self> {
        let (d, l) = (options.count("embedding_size"), options.count("max_length"));
        if d.saturating_mul(d).saturating_mul(l) > OUTPUT_MAX {
            return Err(Error::data(format!(
                "embedding_size := {d} with max_length := {l} needs a matrix of {d} x {d} x {l} \
                 numbers, and {OUTPUT_MAX} are allowed; lower one of them"
            )));
        }
        let paper = options.bool("paper");
        let or = |name: &str, default: bool| {
            if options.has(name) { options.bool(name) } else { default }
        };
        let rate = |name: &str, default: f64| {
            if !options.has(name) { default } else { options.float(name) }
        };
        let optimizer = if paper { OptimizerKind::Sgd } else { OptimizerKind::Adam };
        let optimizer = OptimizerConfig::new(options, optimizer, |kind| match kind {
            OptimizerKind::Sgd => 0.5,
            OptimizerKind::Adam => 0.005,
            OptimizerKind::Adagrad => 0.05,
        })?;
        let embedding_size = options.count("embedding_size");
        let loss = match options.text("loss").unwrap_or(if paper {
            "negative"
        } else {
            "sampled_softmax"
        }) {
            "negative" => Loss::Negative,
            "softmax" => Loss::Softmax,
            "sampled_softmax" => Loss::SampledSoftmax,
            other => return Err(Error::data(format!("unknown loss '{other}'"))),
        };
        Ok(Self {
            embedding_size,
            max_length: options.count("max_length"),
            attention: match options.text("attention") {
                Some("constant") => Attention::Constant,
                Some("mean") => Attention::Mean,
                _ => Attention::User,
            },
            key_bias: or("key_bias", !paper),
            residual: or("residual", !paper),
            loss,
            negatives: options.count("negatives"),
            pool: options.count("pool"),
            alpha: options.float("alpha"),
            logq: options.text("correction") == Some("logq"),
            user_dropout: rate("user_dropout", if paper { 0.0 } else { 0.6 }),
            song_dropout: rate("song_dropout", if paper { 0.0 } else { 0.4 }),
            dropout: rate("dropout", if paper { 0.0 } else { 0.1 }),
            optimizer,
            batch_size: options.count("batch_size"),
            seed: options.int("seed").unwrap_or(0) as u64,
            init: 1.0 / (embedding_size as f32).sqrt(),
            query_bias: if paper { 0.0 } else { 0.1 },
        })
    }
}
