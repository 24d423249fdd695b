//! Options that several models have, declared once: the same name means the same everywhere.
//!
//! A model takes one over as it is, or with its own default:
//! `params::EPOCHS.with_default(Default::Int(100))`. The default of some hangs on options that stand
//! before them ([`Default::Depends`]); their documentation says how.

use super::{Default, Kind, Options, Param, Setting};
use crate::data::{Dataset, Incidence};

/// A share of something, below 1.
pub const RATE: Kind = Kind::Float { min: 0.0, max: 0.95 };

/// The model as its paper prints it.
pub const PAPER: Param =
    Param::new("paper", Kind::Bool, Default::Bool(false), "The model as printed.");

/// The default of an option: one value for the model as its paper prints it, another otherwise.
pub fn by_paper<T: Into<Setting>>(options: &Options, printed: T, otherwise: T) -> Option<Setting> {
    Some(if options.bool("paper") { printed.into() } else { otherwise.into() })
}

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

/// The dropout rate.
pub const DROPOUT: Param =
    Param::new("dropout", RATE, Default::Float(0.2), "Share of activations set to 0 in training.");

/// The temperature of cosines.
pub const TEMPERATURE: Param = Param::new(
    "temperature",
    Kind::Float { min: 0.001, max: 100.0 },
    Default::Absent,
    "If given, scores are cosines of code and song, divided by it; by default they are products. A \
     model with biases adds the song's in both cases.",
);

/// Whether songs have biases.
pub const BIAS: Param = Param::new(
    "bias",
    Kind::Bool,
    Default::Bool(false),
    "Whether a song has a bias in its scores, which says how popular it is whatever came before.",
);

/// What [`TEMPERATURE`] was given.
pub fn temperature(options: &Options) -> Option<f64> {
    options.has("temperature").then(|| options.float("temperature"))
}

/// Whose taste a vector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A user's.
    User,
    /// A session's.
    Session,
}

/// Whose taste is learned.
pub const PER: Param = Param::new(
    "per",
    Kind::Choice(&["user", "session"]),
    Default::Text("user"),
    "Whose taste is learned: a vector for each user, or for each session, whose songs then speak \
     for a listener.",
);

impl Per {
    /// What [`PER`] was given; users where a model has no such option.
    pub fn new(options: &Options) -> Self {
        if options.text("per") == Some("session") { Self::Session } else { Self::User }
    }

    /// Who played what: users, or sessions in their place.
    pub fn incidence(self, dataset: &Dataset) -> Incidence {
        let (plays, songs) = (&dataset.plays, dataset.songs.len());
        match self {
            Self::User => Incidence::by_user(plays, songs),
            Self::Session => Incidence::new(plays, songs),
        }
    }
}
