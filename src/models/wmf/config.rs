//! The options of WMF, and the model that they describe.

use super::als::{Problem, Solver};
use crate::train::{Default, Kind, Options, Param, params};

/// Whose taste a vector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A user's.
    User,
    /// A session's.
    Session,
}

/// What `r`, how much is known of a user's liking for a song, comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// 1 for every song that was played.
    Binary,
    /// The logarithm of 1 + plays.
    LogPlays,
    /// How often it was played.
    Plays,
}

impl Confidence {
    /// `r` of a song that was played so often.
    pub fn of(self, plays: u32) -> f32 {
        match self {
            Self::Binary => 1.0,
            Self::LogPlays => (plays as f32).ln_1p(),
            Self::Plays => plays as f32,
        }
    }
}

/// Everything that shapes the model and its training.
#[derive(Debug, Clone)]
pub struct Config {
    pub per: Per,
    pub confidence: Confidence,
    pub problem: Problem,
    pub solver: Solver,
    /// The deviation of the initial numbers.
    pub deviation: f32,
    pub seed: u64,
}

/// The options.
pub const PARAMS: &[Param] = &[
    Param {
        doc: "Hu, Koren & Volinsky as printed: confidence := 'plays', alpha0 := 0.025 (α = 40), nu := 0, \
              reg := 10, solver := 'cholesky', where they are not given.",
        ..params::PAPER
    },
    Param {
        doc: "Sweeps, at most: all users are solved, then all songs.",
        ..params::EPOCHS.with_default(Default::Int(16))
    },
    Param { doc: "D, the size of the vectors of users and songs.", ..params::EMBEDDING_SIZE },
    Param::new(
        "alpha0",
        Kind::Float { min: 1e-6, max: 1e3 },
        Default::Depends(|options| params::by_paper(options, 0.025, 0.1)),
        "α₀, the weight of a song that a user did not play, beside 1 for one that they did: tune it and reg \
         first. Default 0.1, with paper 0.025.",
    ),
    Param::new(
        "reg",
        Kind::Float { min: 0.0, max: 1e6 },
        Default::Depends(|options| params::by_paper(options, 10.0, 0.015)),
        "The L2 penalty of a vector is reg · (its observed weight + alpha0 · those it could have met)^nu. \
         Default 0.015, with paper 10.",
    ),
    Param::new(
        "nu",
        Kind::Float { min: 0.0, max: 2.0 },
        Default::Depends(|options| params::by_paper(options, 0.0, 1.0)),
        "ν: with 1 the penalty of a vector grows with its plays, with 0 it is the same for all; then reg \
         must be larger. Default 1, with paper 0.",
    ),
    Param::new(
        "confidence",
        Kind::Choice(&["binary", "log_plays", "plays"]),
        Default::Depends(|options| params::by_paper(options, "plays", "binary")),
        "The weight of a song that a user played: 1; the logarithm of 1 + plays; or the number of plays. \
         Default binary, with paper plays.",
    ),
    Param::new(
        "solver",
        Kind::Choice(&["cg", "cholesky"]),
        Default::Depends(|options| params::by_paper(options, "cholesky", "cg")),
        "How a vector is solved: by cg_steps steps of conjugate gradients from where it stands, or exactly, \
         which costs about D / (2 · cg_steps) times as much. Default cg, with paper cholesky.",
    ),
    Param::new(
        "cg_steps",
        Kind::Int { min: 1, max: 1_000 },
        Default::Int(3),
        "Steps of conjugate gradients for a vector in a sweep.",
    ),
    Param::new(
        "sigma",
        Kind::Float { min: 1e-6, max: 100.0 },
        Default::Float(0.1),
        "σ: the numbers of the first vectors have deviation σ/√D.",
    ),
    Param::new(
        "per",
        Kind::Choice(&["user", "session"]),
        Default::Text("user"),
        "Whose taste is learned: a vector for each user, or for each session; then listeners are solved \
         from the songs of their running session.",
    ),
];

impl Config {
    /// Reads the options.
    pub fn new(options: &Options) -> Self {
        let size = options.count("embedding_size");
        let confidence = match options.text("confidence") {
            Some("log_plays") => Confidence::LogPlays,
            Some("plays") => Confidence::Plays,
            _ => Confidence::Binary,
        };
        let solver = match options.text("solver") {
            Some("cholesky") => Solver::Cholesky,
            _ => Solver::ConjugateGradient(options.count("cg_steps")),
        };
        Self {
            per: if options.text("per") == Some("session") { Per::Session } else { Per::User },
            confidence,
            problem: Problem {
                size,
                alpha0: options.float("alpha0") as f32,
                reg: options.float("reg") as f32,
                nu: options.float("nu") as f32,
            },
            solver,
            deviation: options.float("sigma") as f32 / (size as f32).sqrt(),
            seed: options.int("seed").unwrap_or(0) as u64,
        }
    }
}
