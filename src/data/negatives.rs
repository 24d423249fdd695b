//! Drawing songs by popularity.

use rand::Rng;

/// Draws songs with probability proportional to `plays^alpha`, in constant time per draw (alias
/// method).
#[derive(Debug, Clone)]
pub struct PopularitySampler {
    accept: Vec<f32>,
    alias: Vec<u32>,
    log_probabilities: Vec<f32>,
}

impl PopularitySampler {
    /// Prepares draws from the given play counts.
    ///
    /// `alpha` 1 is the distribution of plays, 0 is uniform over the songs that were played.
    /// Songs without plays are never drawn; their log probability is that of a song played once.
    pub fn new(play_counts: &[u32], alpha: f64) -> Self {
        let weight = |plays: u32| if plays == 0 { 0.0 } else { f64::from(plays).powf(alpha) };
        let total: f64 = play_counts.iter().map(|&plays| weight(plays)).sum();
        let n = play_counts.len();
        let mut scaled: Vec<f64> =
            play_counts.iter().map(|&plays| weight(plays) * n as f64 / total).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|&i| scaled[i] < 1.0);
        let mut accept = vec![1.0_f32; n];
        let mut alias: Vec<u32> = (0..n as u32).collect();
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            accept[low] = scaled[low] as f32;
            alias[low] = high as u32;
            scaled[high] -= 1.0 - scaled[low];
            if scaled[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        // What rounding left over in `small` would otherwise be drawn although never played.
        if let Some(best) = (0..n).max_by_key(|&i| play_counts[i]) {
            for &i in &small {
                if play_counts[i] == 0 {
                    accept[i] = 0.0;
                    alias[i] = best as u32;
                }
            }
        }
        let log_probabilities =
            play_counts.iter().map(|&plays| (weight(plays.max(1)) / total).ln() as f32).collect();
        Self { accept, alias, log_probabilities }
    }

    /// Draws one song.
    pub fn draw(&self, rng: &mut impl Rng) -> u32 {
        let i = rng.random_range(0..self.accept.len());
        if rng.random::<f32>() < self.accept[i] { i as u32 } else { self.alias[i] }
    }

    /// The natural logarithm of a song's probability per draw.
    pub fn log_probability(&self, song: u32) -> f32 {
        self.log_probabilities[song as usize]
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn frequencies(counts: &[u32], alpha: f64, draws: usize) -> Vec<f64> {
        let sampler = PopularitySampler::new(counts, alpha);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut seen = vec![0.0; counts.len()];
        for _ in 0..draws {
            seen[sampler.draw(&mut rng) as usize] += 1.0 / draws as f64;
        }
        seen
    }

    #[test]
    fn draws_follow_the_play_counts() {
        let seen = frequencies(&[1, 0, 7, 2], 1.0, 100_000);
        for (got, expected) in seen.iter().zip([0.1, 0.0, 0.7, 0.2]) {
            assert!((got - expected).abs() < 0.01, "{seen:?}");
        }
        assert_eq!(seen[1], 0.0);
    }

    #[test]
    fn alpha_zero_is_uniform_over_played_songs() {
        let seen = frequencies(&[5, 0, 900, 1], 0.0, 100_000);
        for (got, expected) in seen.iter().zip([1.0, 0.0, 1.0, 1.0]) {
            assert!((got - expected / 3.0).abs() < 0.01, "{seen:?}");
        }
    }

    #[test]
    fn log_probabilities_are_those_of_the_draws() {
        let sampler = PopularitySampler::new(&[1, 3], 1.0);
        assert!((sampler.log_probability(1) - 0.75_f32.ln()).abs() < 1e-6);
    }
}
