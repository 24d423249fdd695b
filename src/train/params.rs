//! Options that several models have, declared once: the same name means the same everywhere.
//!
//! A model takes one over as it is, or with its own default:
//! `Param { default: Default::Int(100), ..params::EPOCHS }`. [`Default::Absent`] stands for a
//! default that hangs on other options; then the model's documentation of it says which.

use super::{Default, Kind, OptimizerKind, Param};

/// A share of something, below 1.
pub const RATE: Kind = Kind::Float { min: 0.0, max: 0.95 };

/// The model as its paper prints it.
pub const PAPER: Param =
    Param::new("paper", Kind::Bool, Default::Bool(false), "The model as printed.");

/// Passes over the plays.
pub const EPOCHS: Param = Param::new(
    "epochs",
    Kind::Int { min: 1, max: 100_000 },
    Default::Int(10),
    "Passes over the training plays, at most.",
);

/// What a step rests on.
pub const BATCH_SIZE: Param = Param::new(
    "batch_size",
    Kind::Int { min: 1, max: 1_000_000 },
    Default::Int(256),
    "Predictions per step.",
);

/// The size of embeddings.
pub const EMBEDDING_SIZE: Param = Param::new(
    "embedding_size",
    Kind::Int { min: 1, max: 4096 },
    Default::Int(64),
    "D, the size of every embedding.",
);

/// The songs looked at.
pub const MAX_LENGTH: Param = Param::new(
    "max_length",
    Kind::Int { min: 1, max: 10_000 },
    Default::Int(50),
    "L, the latest songs of a session that are looked at.",
);

/// The step size.
pub const LEARNING_RATE: Param = Param::new(
    "learning_rate",
    Kind::Float { min: 1e-9, max: 100.0 },
    Default::Float(0.001),
    "Step size.",
);

/// The update rule.
pub const OPTIMIZER: Param = Param::new(
    "optimizer",
    Kind::Choice(OptimizerKind::NAMES),
    Default::Text("adam"),
    "Update rule.",
);

/// The L2 penalty.
pub const REG: Param = Param::new(
    "reg",
    Kind::Float { min: 0.0, max: 100.0 },
    Default::Float(0.0),
    "λ of the L2 penalty λ‖θ‖² on the parameters a batch touches.",
);

/// The dropout rate.
pub const DROPOUT: Param =
    Param::new("dropout", RATE, Default::Float(0.2), "Share of activations set to 0 in training.");
