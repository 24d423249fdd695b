//! Initial values of parameters.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// One draw from the standard normal distribution (Box–Muller).
pub fn normal(rng: &mut ChaCha8Rng) -> f32 {
    // 1 - u lies in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

/// `n` draws from a normal distribution with mean 0 and the given standard deviation.
pub fn normals(rng: &mut ChaCha8Rng, n: usize, deviation: f32) -> Vec<f32> {
    (0..n).map(|_| deviation * normal(rng)).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn draws_have_the_deviation_asked_for() {
        let draws = normals(&mut ChaCha8Rng::seed_from_u64(1), 20_000, 0.5);
        let mean = draws.iter().sum::<f32>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.02 && (variance - 0.25).abs() < 0.02, "{mean} {variance}");
    }
}
