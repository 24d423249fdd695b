//! The negatives of a batch, drawn once for all its examples, and how much each counts.

use std::collections::HashMap;

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::{LossKind, Objective};
use crate::data::{Dataset, PopularitySampler};
use crate::error::Result;
use crate::nn::{ABSENT, Loss, Shared};

/// Draws the negatives of batches.
#[derive(Debug, Clone)]
pub struct NegativeSampler {
    objective: Objective,
    draws: PopularitySampler,
    /// The distribution of targets.
    targets: PopularitySampler,
    songs: usize,
    /// How many songs can be drawn.
    played: usize,
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
            played: dataset.play_counts.iter().filter(|&&plays| plays > 0).count(),
        }
    }

    /// The loss as a function of scores.
    fn loss(&self) -> Loss {
        let Objective { calibration, negatives, score_reg, .. } = self.objective;
        match self.objective.loss {
            LossKind::Negative | LossKind::Bce => Loss::Logistic { beta: 1.0 },
            LossKind::Gbce => {
                Loss::Logistic { beta: Loss::calibration(calibration, negatives, self.played) }
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
    use crate::data::Plays;

    fn sampler(objective: Objective) -> NegativeSampler {
        let dataset =
            Dataset { play_counts: vec![1, 0, 7, 2], ..Dataset::of_plays(Plays::default(), 4) };
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
}
