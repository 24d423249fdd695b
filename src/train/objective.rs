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

use std::collections::HashMap;

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::{Default, Kind, Options, Param};
use crate::data::{Dataset, PopularitySampler};
use crate::error::{Error, Result};
use crate::nn::{ABSENT, Loss, Shared};

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

/// The option `loss`; the default hangs on the model.
pub const LOSS: Param = Param::new(
    "loss",
    Kind::Choice(LossKind::NAMES),
    Default::Absent,
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
    /// The defaults of the shared options, with a loss.
    pub const fn of(loss: LossKind) -> Self {
        Self {
            loss,
            negatives: 1,
            pool: 2048,
            alpha: 0.5,
            in_batch: false,
            logq: 1.0,
            correct_targets: false,
            calibration: 0.75,
            score_reg: 1.0,
        }
    }

    /// What the options say, and `otherwise` what they do not.
    ///
    /// # Errors
    /// An unknown loss.
    pub fn new(options: &Options, otherwise: Self) -> Result<Self> {
        let float = |name: &str, value: f64| {
            if options.has(name) { options.float(name) } else { value }
        };
        let count = |name: &str, value: usize| {
            if options.has(name) { options.count(name) } else { value }
        };
        let loss = options.text("loss").map(LossKind::parse).transpose()?;
        let in_batch = options.has("in_batch").then(|| options.bool("in_batch"));
        Ok(Self {
            loss: loss.unwrap_or(otherwise.loss),
            negatives: count("negatives", otherwise.negatives),
            pool: count("pool", otherwise.pool),
            alpha: float("alpha", otherwise.alpha),
            in_batch: in_batch.unwrap_or(otherwise.in_batch),
            logq: float("logq", otherwise.logq),
            correct_targets: otherwise.correct_targets,
            calibration: float("calibration", otherwise.calibration),
            score_reg: float("score_reg", otherwise.score_reg),
        })
    }

    /// At most so many distinct negatives meet the `targets` of a batch, from `songs`: for estimates
    /// of memory.
    pub fn candidates(&self, targets: u64, songs: u64) -> u64 {
        let own = if self.in_batch { targets } else { 0 };
        if self.loss == LossKind::Softmax { songs } else { songs.min(self.pool as u64 + own) }
    }
}

/// Draws the negatives of batches.
#[derive(Debug, Clone)]
pub struct NegativeSampler {
    objective: Objective,
    draws: PopularitySampler,
    /// The distribution of targets.
    targets: PopularitySampler,
    songs: usize,
}

/// The negatives of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Distinct songs, ascending (N).
    pub songs: Vec<u32>,
    /// How often each was drawn (N).
    drawn: Vec<u32>,
    /// How many targets of the batch are among the draws.
    targets: usize,
}

impl NegativeSampler {
    /// Prepares draws from a data set.
    pub fn new(dataset: &Dataset, objective: Objective) -> Self {
        Self {
            objective,
            draws: PopularitySampler::new(&dataset.play_counts, objective.alpha),
            targets: PopularitySampler::new(&dataset.play_counts, 1.0),
            songs: dataset.songs.len(),
        }
    }

    /// The loss as a function of scores.
    fn loss(&self) -> Loss {
        let Objective { calibration, negatives, score_reg, .. } = self.objective;
        match self.objective.loss {
            LossKind::Negative | LossKind::Bce => Loss::Logistic { beta: 1.0 },
            LossKind::Gbce => {
                Loss::Logistic { beta: Loss::calibration(calibration, negatives, self.songs) }
            }
            LossKind::SampledSoftmax | LossKind::Softmax => Loss::Softmax,
            LossKind::Bpr => Loss::Bpr,
            LossKind::BprMax => Loss::BprMax { reg: score_reg as f32 },
            LossKind::Top1 => Loss::Top1,
            LossKind::Top1Max => Loss::Top1Max,
        }
    }

    /// Draws the negatives of a batch with the given targets.
    pub fn draw(&self, targets: &[u32], rng: &mut ChaCha8Rng) -> Pool {
        if self.objective.loss == LossKind::Softmax {
            let songs: Vec<u32> = (0..self.songs as u32).collect();
            return Pool { drawn: vec![1; songs.len()], songs, targets: 0 };
        }
        let mut draws: Vec<u32> = (0..self.objective.pool).map(|_| self.draws.draw(rng)).collect();
        let own = if self.objective.in_batch { targets } else { &[] };
        draws.extend_from_slice(own);
        draws.sort_unstable();
        let chunks = draws.chunk_by(|a, b| a == b);
        let (songs, drawn) = chunks.map(|same| (same[0], same.len() as u32)).unzip();
        Pool { songs, drawn, targets: own.len() }
    }

    /// The loss's mean over P examples, a scalar: `positives` `(P)` are the scores of the `targets`,
    /// `negatives` `(P, N)` those of the pool.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn mean(
        &self,
        pool: &Pool,
        targets: &[u32],
        positives: &Tensor,
        negatives: &Tensor,
    ) -> Result<Tensor> {
        self.loss().mean(positives, negatives, &self.shared(pool, targets))
    }

    /// As [`NegativeSampler::mean`], where scores are products of `codes` `(P, H)` with `embeddings`
    /// `(S, H)`, whose first rows are the pool's, and `rows` (P) say which are the targets'.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn mean_of_products(
        &self,
        pool: &Pool,
        targets: &[u32],
        rows: &[u32],
        codes: &Tensor,
        embeddings: &Tensor,
    ) -> Result<Tensor> {
        let shared = self.shared(pool, targets);
        self.loss().mean_of_products(codes, embeddings, rows, &shared)
    }

    /// How the negatives count against the targets of P examples.
    fn shared(&self, pool: &Pool, targets: &[u32]) -> Shared {
        let draws = (self.objective.pool + pool.targets) as f64;
        let pairs = || pool.songs.iter().zip(pool.drawn.iter().map(|&drawn| f64::from(drawn)));
        let weights = match self.objective.loss {
            LossKind::Negative | LossKind::Bce | LossKind::Gbce => {
                let share = self.objective.negatives as f64 / draws;
                pairs().map(|(_, drawn)| share * drawn).collect()
            }
            LossKind::SampledSoftmax => {
                let logq = self.objective.logq;
                pairs().map(|(&song, drawn)| drawn / self.expected(pool, song).powf(logq)).collect()
            }
            LossKind::Bpr | LossKind::Top1 => pairs().map(|(_, drawn)| drawn / draws).collect(),
            LossKind::Softmax | LossKind::BprMax | LossKind::Top1Max => {
                pairs().map(|(_, drawn)| drawn).collect()
            }
        };
        if self.objective.loss == LossKind::Negative {
            return Shared { weights, own: vec![ABSENT; targets.len()], offsets: Vec::new() };
        }
        let places: HashMap<u32, u32> =
            pool.songs.iter().enumerate().map(|(at, &song)| (song, at as u32)).collect();
        let own = targets.iter().map(|song| places.get(song).copied().unwrap_or(ABSENT)).collect();
        let Objective { loss, logq, correct_targets, .. } = self.objective;
        let offsets = if loss == LossKind::SampledSoftmax && correct_targets {
            targets.iter().map(|&song| -logq * self.expected(pool, song).ln()).collect()
        } else {
            Vec::new()
        };
        Shared { weights, own, offsets }
    }

    /// How often a song was expected to be drawn.
    fn expected(&self, pool: &Pool, song: u32) -> f64 {
        let probability =
            |sampler: &PopularitySampler| f64::from(sampler.log_probability(song)).exp();
        self.objective.pool as f64 * probability(&self.draws)
            + pool.targets as f64 * probability(&self.targets)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::data::{Keys, Plays, Vocab};

    fn sampler(objective: Objective) -> NegativeSampler {
        let play_counts = vec![1, 0, 7, 2];
        let dataset = Dataset {
            users: Vocab::new("BIGINT", Keys::Integers(Vec::new())),
            songs: Vocab::new("BIGINT", Keys::Integers((0..4).collect())),
            user_fields: Vec::new(),
            song_fields: Vec::new(),
            plays: Plays::default(),
            play_counts,
            has_sessions: true,
            rejected: 0,
            notes: Vec::new(),
            fingerprint: String::new(),
        };
        NegativeSampler::new(&dataset, objective)
    }

    #[test]
    fn the_pool_estimates_the_sum_over_all_songs() {
        for in_batch in [false, true] {
            let objective = Objective {
                alpha: 0.5,
                pool: 40,
                in_batch,
                ..Objective::of(LossKind::SampledSoftmax)
            };
            let sampler = sampler(objective);
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut sums = [0.0; 4];
            for _ in 0..2000 {
                // Targets follow the plays, as in training.
                let targets: Vec<u32> = (0..20).map(|_| sampler.targets.draw(&mut rng)).collect();
                let pool = sampler.draw(&targets, &mut rng);
                let shared = sampler.shared(&pool, &targets);
                for (&song, weight) in pool.songs.iter().zip(&shared.weights) {
                    sums[song as usize] += weight / 2000.0;
                }
                for (target, own) in targets.iter().zip(shared.own) {
                    assert!(own == ABSENT || pool.songs[own as usize] == *target);
                    assert!(!in_batch || own != ABSENT);
                }
            }
            for (sum, expected) in sums.iter().zip([1.0, 0.0, 1.0, 1.0]) {
                assert!((sum - expected).abs() < 0.03, "{in_batch}: {sums:?}");
            }
        }
    }

    #[test]
    fn the_pool_stands_for_k_negatives() {
        for (loss, expected) in
            [(LossKind::Gbce, 5.0), (LossKind::Bpr, 1.0), (LossKind::Top1Max, 30.0)]
        {
            let objective = Objective { negatives: 5, pool: 30, ..Objective::of(loss) };
            let sampler = sampler(objective);
            let pool = sampler.draw(&[], &mut ChaCha8Rng::seed_from_u64(1));
            assert!(pool.songs.is_sorted() && !pool.songs.contains(&1));
            let total: f64 = sampler.shared(&pool, &[]).weights.iter().sum();
            assert!((total - expected).abs() < 1e-9, "{loss:?}: {total}");
        }
    }

    #[test]
    fn full_softmax_takes_every_song_and_the_printed_loss_spares_none() {
        let full = sampler(Objective::of(LossKind::Softmax));
        let pool = full.draw(&[2], &mut ChaCha8Rng::seed_from_u64(1));
        let shared = full.shared(&pool, &[2]);
        assert_eq!((pool.songs, shared.weights), (vec![0, 1, 2, 3], vec![1.0; 4]));
        assert_eq!(shared.own, [2]);
        let printed = sampler(Objective::of(LossKind::Negative));
        let pool = printed.draw(&[2], &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(printed.shared(&pool, &[2]).own, [ABSENT]);
    }

    #[test]
    fn options_say_what_differs_from_the_models_own_defaults() {
        use crate::train::Setting;
        let mut options = Options::default();
        options.set("loss", Setting::Text("gbce".into()));
        options.set("negatives", Setting::Int(256));
        let otherwise = Objective { alpha: 0.0, ..Objective::of(LossKind::Bce) };
        let got = Objective::new(&options, otherwise).unwrap();
        let expected = Objective { loss: LossKind::Gbce, negatives: 256, ..otherwise };
        assert_eq!(got, expected);
        options.set("loss", Setting::Text("hinge".into()));
        let message = Objective::new(&options, otherwise).unwrap_err().to_string();
        assert!(message.contains("'hinge'") && message.contains("bpr_max"), "{message}");
    }
}
