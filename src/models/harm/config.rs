//! HARM's options, and the model that they describe.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE, LossKind, MOMENTUM, OPTIMIZER, Objective, OptimizerConfig,
    OptimizerKind, Options, Param, REG, SCHEDULE, WARMUP, objective, params,
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

/// Everything that shapes the network and its training.
#[derive(Debug, Clone)]
pub struct Config {
    pub embedding_size: usize,
    pub max_length: usize,
    pub attention: Attention,
    pub key_bias: bool,
    pub residual: bool,
    pub objective: Objective,
    /// Whether the log noise probability is added back when ranking.
    pub noise_prior: bool,
    /// Whether the vectors of audio are trained.
    pub fine_tune: bool,
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

const UNLESS_PAPER: Default = Default::Depends(|options| params::by_paper(options, false, true));

/// HARM's options. Where the default depends on `paper`, both are documented.
pub const PARAMS: &[Param] = &[
    Param::new(
        "paper",
        Kind::Bool,
        Default::Bool(false),
        "The model as printed: no key bias, no residual connection, no dropout of ids, negative sampling, plain SGD.",
    ),
    params::EPOCHS,
    params::BATCH_SIZE,
    params::EMBEDDING_SIZE.with_default(Default::Int(32)),
    params::MAX_LENGTH.with_default(Default::Int(20)),
    Param {
        default: Default::Depends(|options| params::by_paper(options, "sgd", "adam")),
        doc: "Update rule; default adam, with paper sgd.",
        ..OPTIMIZER
    },
    Param {
        default: Default::Depends(|options| {
            let rate = match OptimizerKind::of(options).ok()? {
                OptimizerKind::Sgd => 0.5,
                OptimizerKind::Adam | OptimizerKind::AdamW => 0.005,
                OptimizerKind::Adagrad => 0.05,
            };
            Some(rate.into())
        }),
        doc: "Step size; default 0.005 with adam and adamw, 0.05 with adagrad, 0.5 with sgd.",
        ..LEARNING_RATE
    },
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
    Param {
        default: Default::Depends(|options| params::by_paper(options, 0.0, 0.1)),
        doc: "Share of the inputs to self-attention set to 0 in training; default 0.1, with paper 0.",
        ..params::DROPOUT
    },
    Param::new(
        "attention",
        Kind::Choice(&["user", "constant", "mean"]),
        Default::Text("user"),
        "Who weighs the fields: each user, one constant query learned for all, or nobody (plain mean); the last two are controls.",
    ),
    Param {
        kind: Kind::Choice(&[
            "negative",
            "bce",
            "gbce",
            "sampled_softmax",
            "softmax",
            "bpr",
            "bpr_max",
            "top1",
            "top1_max",
        ]),
        doc: "What is minimised; default sampled_softmax over a pool of songs, with paper negative, \
              the printed negative sampling; bce is the same but that a target is never its own \
              negative; gbce calibrates it; softmax takes all songs; bpr, bpr_max, top1 and top1_max \
              rank the target against the pool.",
        default: Default::Depends(|options| {
            params::by_paper(options, "negative", "sampled_softmax")
        }),
        ..objective::LOSS
    },
    Param {
        default: Default::Int(20),
        doc: "k of negative, bce and gbce: how much the negatives of one play count.",
        ..objective::NEGATIVES
    },
    objective::POOL.with_default(Default::Int(512)),
    objective::ALPHA.with_default(Default::Float(1.0)),
    objective::IN_BATCH,
    objective::LOGQ,
    objective::CALIBRATION,
    objective::SCORE_REG,
    Param::new(
        "correction",
        Kind::Choice(&["none", "logq"]),
        Default::Text("none"),
        "logq adds the log noise probability back when ranking after negative sampling.",
    ),
    Param::new(
        "key_bias",
        Kind::Bool,
        UNLESS_PAPER,
        "A learned vector per field added to its attention keys; default true, with paper false.",
    ),
    Param::new(
        "residual",
        Kind::Bool,
        UNLESS_PAPER,
        "A residual connection around self-attention; default true, with paper false.",
    ),
    Param::new(
        "fine_tune",
        Kind::Bool,
        Default::Bool(false),
        "Whether the vectors of audio are trained, too, from what they are given as; by default only the \
         map from them to embeddings is. It needs audio.",
    ),
    Param::new(
        "user_dropout",
        params::RATE,
        Default::Depends(|options| params::by_paper(options, 0.0, 0.6)),
        "Share of predictions trained as the unknown user; default 0.6, with paper 0.",
    ),
    Param::new(
        "song_dropout",
        params::RATE,
        Default::Depends(|options| params::by_paper(options, 0.0, 0.4)),
        "Share of songs whose id is replaced by the unknown song's in a batch; default 0.4, with paper 0.",
    ),
];

impl Config {
    /// The configuration for what was read.
    ///
    /// # Errors
    /// As [`Self::new`]; options of what was not read.
    pub fn of(dataset: &Dataset, options: &Options) -> Result<Self> {
        let config = Self::new(options)?;
        if config.fine_tune && dataset.features.is_none() {
            return Err(Error::data(
                "fine_tune := true has no vectors to train; give them with the option 'audio', such as \
                 audio := 'audio_vectors', or leave fine_tune out",
            ));
        }
        Ok(config)
    }

    /// Reads the options.
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
        // As the defaults were chosen, on the songs that a training with them favours.
        let objective = Objective { correct_targets: true, ..Objective::new(options)? };
        Ok(Self {
            embedding_size: d,
            max_length: l,
            attention: match options.text("attention") {
                Some("constant") => Attention::Constant,
                Some("mean") => Attention::Mean,
                _ => Attention::User,
            },
            key_bias: options.bool("key_bias"),
            residual: options.bool("residual"),
            objective,
            noise_prior: objective.loss == LossKind::Negative
                && options.text("correction") == Some("logq"),
            fine_tune: options.bool("fine_tune"),
            user_dropout: options.float("user_dropout"),
            song_dropout: options.float("song_dropout"),
            dropout: options.float("dropout"),
            optimizer: OptimizerConfig::new(options)?,
            batch_size: options.count("batch_size"),
            seed: options.int("seed").unwrap_or(0) as u64,
            init: 1.0 / (d as f32).sqrt(),
            query_bias: if paper { 0.0 } else { 0.1 },
        })
    }
}
