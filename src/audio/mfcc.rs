//! Mel-frequency cepstral coefficients, as librosa's `feature.mfcc` with its defaults: the orthonormal
//! DCT-II of a mel spectrogram in dB, of which what is 80 dB below the file's loudest is cut off.

use super::mel::{Frames, MelOptions, mel_spectrogram, power_to_db};
use crate::error::{Error, Result};

/// How far below the loudest band of the file others are told apart, in dB.
const TOP_DB: f32 = 80.0;

/// Which coefficients; the defaults are librosa's.
#[derive(Debug, Clone, PartialEq)]
pub struct MfccOptions {
    /// The number of coefficients, at most that of mel bands.
    pub n_mfcc: usize,
    /// The spectrogram that they are computed from.
    pub mel: MelOptions,
}

impl Default for MfccOptions {
    fn default() -> Self {
        Self { n_mfcc: 20, mel: MelOptions::default() }
    }
}

/// The coefficients of `samples`, (frames, n_mfcc).
///
/// # Errors
/// No or more coefficients than mel bands, and those of [`mel_spectrogram`].
pub fn mfcc(samples: &[f32], options: &MfccOptions) -> Result<Frames> {
    let MfccOptions { n_mfcc, mel: MelOptions { n_mels, .. } } = *options;
    if n_mfcc == 0 || n_mfcc > n_mels {
        let message = format!("{n_mfcc} coefficients are not between 1 and the {n_mels} mel bands");
        return Err(Error::data(message));
    }
    let mut levels = mel_spectrogram(samples, &options.mel)?;
    power_to_db(&mut levels.values, 1.0, Some(TOP_DB));
    let basis = cosines(n_mfcc, n_mels);
    let mut values = Vec::with_capacity(levels.rows().len() * n_mfcc);
    for row in levels.rows() {
        values.extend(basis.chunks_exact(n_mels).map(|cosine| product(cosine, row)));
    }
    Ok(Frames { values, width: n_mfcc })
}

/// The basis of the orthonormal DCT-II, (n_mfcc, n_mels).
fn cosines(n_mfcc: usize, n_mels: usize) -> Vec<f32> {
    let step = std::f64::consts::PI / n_mels as f64;
    let value = |k: usize, n: usize| {
        let norm = if k == 0 { 1.0 } else { 2.0 } / n_mels as f64;
        (norm.sqrt() * (step * (n as f64 + 0.5) * k as f64).cos()) as f32
    };
    (0..n_mfcc).flat_map(|k| (0..n_mels).map(move |n| value(k, n))).collect()
}

/// A product of vectors, summed in lanes.
fn product(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (left, right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f32 = rest.map(|(left, right)| left * right).sum();
    for (left, right) in left.zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_is_orthonormal() {
        let basis = cosines(40, 40);
        for (i, left) in basis.chunks(40).enumerate() {
            for (j, right) in basis.chunks(40).enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product(left, right) - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn silence_has_the_floor_as_its_first_coefficient_and_no_others() {
        let silence = mfcc(&[0.0; 1000], &MfccOptions::default()).unwrap();
        assert_eq!((silence.rows().len(), silence.width), (2, 20));
        for row in silence.rows() {
            assert!((row[0] + 100.0 * 128_f32.sqrt()).abs() < 1e-3);
            assert!(row[1..].iter().all(|value| value.abs() < 1e-3));
        }
    }

    #[test]
    fn numbers_of_coefficients_that_cannot_be_are_errors() {
        for n_mfcc in [0, 129] {
            let options = MfccOptions { n_mfcc, ..MfccOptions::default() };
            let message = mfcc(&[0.5; 100], &options).unwrap_err().to_string();
            assert!(message.contains("the 128 mel bands"), "{message}");
        }
        assert!(mfcc(&[], &MfccOptions::default()).is_err());
        assert!(mfcc(&[f32::NAN], &MfccOptions::default()).is_err());
    }
}
