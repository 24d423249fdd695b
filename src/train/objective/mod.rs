//! What a training minimises: the loss, and the negatives that a batch's targets are held against.
//!
//! All examples of a batch share one pool of negatives, since a matrix product with 2,000 songs
//! costs about as much as 50 songs of its own for each example. The pool is drawn from the songs
//! that were played, with probability proportional to `plays^alpha`, and may contain the batch's own
//! targets as well. A song counts as often as it was drawn:
//!
//! - `bce` and `gbce` mean `negatives` negatives for each target, k·E[log σ(−n)]; the pool
//!   estimates that expectation, each draw counting `negatives / draws`.
//! - `sampled_softmax` estimates the sum over all songs: each draw counts 1 over the number of times
//!   that the song was expected to be drawn (the logQ correction; Bengio & Senécal 2008), to the power
//!   of `logq`. The target itself is in the sum for certain and needs no correction.
//! - `bpr` and `top1` take the mean over the pool, `bpr_max` and `top1_max` weigh it by its softmax.

mod sampler;

pub use sampler::{NegativeSampler, Pool};

use super::{Default, Kind, Options, Param};
use crate::error::{Error, Result};

/// The losses by their SQL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossKind {
    /// `bce` where a target that is drawn as a negative counts as one, too (HARM, eq. 9).
    Negative,
    /// Binary cross-entropy with k negatives.
    Bce,
    /// Binary cross-entropy, calibrated.
    Gbce,
    /// Cross-entropy over the pool.
    SampledSoftmax,
    /// Cross-entropy over all songs.
    Softmax,
    /// Bayesian personalised ranking.
    Bpr,
    /// BPR-max.
    BprMax,
    /// TOP1.
    Top1,
    /// TOP1-max.
    Top1Max,
}

/// The option `loss`; a model may have another default.
pub const LOSS: Param = Param::new(
    "loss",
    Kind::Choice(LossKind::NAMES),
    Default::Text("sampled_softmax"),
    "What is minimised: bce or gbce over `negatives` songs, sampled_softmax over a pool of songs, \
     softmax over all, or the rankings bpr, bpr_max, top1 and top1_max over the pool.",
);
/// The option `negatives`.
pub const NEGATIVES: Param = Param::new(
    "negatives",
    Kind::Int { min: 1, max: 100_000 },
    Default::Int(1),
    "k of bce and gbce: how much the negatives of one play count.",
);
/// The option `pool`.
pub const POOL: Param = Param::new(
    "pool",
    Kind::Int { min: 1, max: 10_000_000 },
    Default::Int(2048),
    "Songs drawn per batch, which its plays share as negatives.",
);
/// The option `alpha`.
pub const ALPHA: Param = Param::new(
    "alpha",
    Kind::Float { min: 0.0, max: 2.0 },
    Default::Float(0.5),
    "Exponent on the play counts of the distribution that negatives are drawn from; 0 is uniform.",
);
/// The option `in_batch`.
pub const IN_BATCH: Param = Param::new(
    "in_batch",
    Kind::Bool,
    Default::Bool(false),
    "Take the targets of a batch's other plays as negatives, too.",
);
/// The option `logq`.
pub const LOGQ: Param = Param::new(
    "logq",
    Kind::Float { min: 0.0, max: 1.0 },
    Default::Float(1.0),
    "How far sampled_softmax corrects for how negatives are drawn: 0 not at all, 1 fully.",
);
/// The option `calibration`.
pub const CALIBRATION: Param = Param::new(
    "calibration",
    Kind::Float { min: 0.0, max: 1.0 },
    Default::Float(0.75),
    "t of gbce: 0 is bce, 1 calibrates scores fully.",
);
/// The option `score_reg`.
pub const SCORE_REG: Param = Param::new(
    "score_reg",
    Kind::Float { min: 0.0, max: 100.0 },
    Default::Float(1.0),
    "λ of bpr_max: the penalty on the negatives' scores.",
);

impl LossKind {
    /// The values of the option `loss`.
    pub const NAMES: &'static [&'static str] =
        &["bce", "gbce", "sampled_softmax", "softmax", "bpr", "bpr_max", "top1", "top1_max"];

    /// The loss of that name, or `negative`.
    ///
    /// # Errors
    /// Another name.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "negative" => Self::Negative,
            "bce" => Self::Bce,
            "gbce" => Self::Gbce,
            "sampled_softmax" => Self::SampledSoftmax,
            "softmax" => Self::Softmax,
            "bpr" => Self::Bpr,
            "bpr_max" => Self::BprMax,
            "top1" => Self::Top1,
            "top1_max" => Self::Top1Max,
            _ => {
                return Err(Error::data(format!(
                    "unknown loss '{name}'; use one of {}",
                    Self::NAMES.join(", ")
                )));
            }
        })
    }
}

/// A loss and how its negatives are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The loss.
    pub loss: LossKind,
    /// k of `bce` and `gbce`.
    pub negatives: usize,
    /// Songs drawn per batch.
    pub pool: usize,
    /// Exponent on the play counts.
    pub alpha: f64,
    /// Whether the batch's targets are negatives, too.
    pub in_batch: bool,
    /// How far `sampled_softmax` corrects for the draws.
    pub logq: f64,
    /// Whether it corrects the target as if it had been drawn, too, which favours rare songs.
    pub correct_targets: bool,
    /// t of `gbce`.
    pub calibration: f64,
    /// λ of `bpr_max`.
    pub score_reg: f64,
}

impl Objective {
    /// Reads the options.
    ///
    /// # Errors
    /// An unknown loss.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            loss: LossKind::parse(options.text("loss").unwrap_or_default())?,
            negatives: options.count("negatives"),
            pool: options.count("pool"),
            alpha: options.float("alpha"),
            in_batch: options.bool("in_batch"),
            logq: options.float("logq"),
            correct_targets: false,
            calibration: options.float("calibration"),
            score_reg: options.float("score_reg"),
        })
    }

    /// At most so many distinct negatives meet the `targets` of a batch, from `songs`: for estimates
    /// of memory.
    pub fn candidates(&self, targets: u64, songs: u64) -> u64 {
        let own = if self.in_batch { targets } else { 0 };
        if self.loss == LossKind::Softmax { songs } else { songs.min(self.pool as u64 + own) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Setting;

    impl Objective {
        /// The options' own defaults, with a loss.
        pub fn of(loss: LossKind) -> Self {
            let params = [LOSS, NEGATIVES, POOL, ALPHA, IN_BATCH, LOGQ, CALIBRATION, SCORE_REG];
            Self { loss, ..Self::new(&Options::defaults(&params)).unwrap() }
        }
    }

    #[test]
    fn unknown_losses_are_refused_with_the_choices() {
        let mut options = Options::default();
        options.set("loss", Setting::Text("hinge".into()));
        let message = Objective::new(&options).unwrap_err().to_string();
        assert!(message.contains("'hinge'") && message.contains("bpr_max"), "{message}");
    }
}
