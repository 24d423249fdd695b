//! Whitening: a spectrum less its surroundings, in units of their spread.
//!
//! `μ` is a mean over 19 bins (half an octave) under a Hamming window, `σ = √(mean of (x − μ)²)` under
//! the same one, and `x` becomes `max(0, x − μ) / σ`; where `σ` is 0 it stays what it is. At the first
//! and last nine bins, where the window does not fit, `μ` and `σ` are those of the nearest bin where it
//! does.

use std::f64::consts::TAU;

use super::log_frequency::{BINS, LogSpectrum};

/// The bins of the window.
const TAPS: usize = 19;
/// The bins at either end without a window of their own.
const EDGE: usize = TAPS / 2;

/// The window.
pub struct Whitening {
    taps: [f32; TAPS],
}

impl Whitening {
    /// The window, a symmetric Hamming one whose sum is 1.
    pub fn new() -> Self {
        let hamming: [f64; TAPS] =
            std::array::from_fn(|n| 0.54 - 0.46 * (TAU * n as f64 / (TAPS - 1) as f64).cos());
        let sum: f64 = hamming.iter().sum();
        Self { taps: hamming.map(|tap| (tap / sum) as f32) }
    }

    /// The whitened spectrum.
    pub fn apply(&self, spectrum: &LogSpectrum) -> LogSpectrum {
        let mut centred = *spectrum;
        for (value, mean) in centred.iter_mut().zip(self.mean(spectrum)) {
            *value -= mean;
        }
        let variance = self.mean(&centred.map(|value| value * value));
        let mut out = *spectrum;
        for ((value, centred), variance) in out.iter_mut().zip(centred).zip(variance) {
            if variance > 0.0 {
                *value = centred.max(0.0) / variance.sqrt();
            }
        }
        out
    }

    /// The mean around each bin.
    fn mean(&self, values: &LogSpectrum) -> LogSpectrum {
        let mut out = [0.0; BINS];
        let inner = &mut out[EDGE..BINS - EDGE];
        for (shift, tap) in self.taps.iter().enumerate() {
            for (mean, value) in inner.iter_mut().zip(&values[shift..]) {
                *mean += tap * value;
            }
        }
        let (first, last) = (out[EDGE], out[BINS - EDGE - 1]);
        out[..EDGE].fill(first);
        out[BINS - EDGE..].fill(last);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_symmetric_and_sums_to_one() {
        let taps = Whitening::new().taps;
        assert!((taps.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((0..TAPS).all(|n| (taps[n] - taps[TAPS - 1 - n]).abs() < 1e-8));
        // Hamming: 0.08 at the ends, 1 in the middle.
        assert!((taps[0] / taps[EDGE] - 0.08).abs() < 1e-6);
    }

    #[test]
    fn silence_stays_and_loudness_does_not_matter() {
        let whitening = Whitening::new();
        assert_eq!(whitening.apply(&[0.0; BINS]), [0.0; BINS]);
        let spectrum: LogSpectrum = std::array::from_fn(|bin| ((bin * bin) % 17) as f32);
        let (soft, loud) =
            (whitening.apply(&spectrum), whitening.apply(&spectrum.map(|value| value * 1024.0)));
        assert!(soft.iter().zip(loud).all(|(soft, loud)| (soft - loud).abs() < 1e-5));
        assert!(soft.iter().all(|value| *value >= 0.0) && soft.iter().any(|value| *value > 1.0));
    }

    #[test]
    fn one_peak_by_hand() {
        let whitening = Whitening::new();
        let mut spectrum = [0.0; BINS];
        spectrum[100] = 1.0;
        let peak = |spectrum: &LogSpectrum| {
            let taps = whitening.taps.map(f64::from);
            // The mean is the tap at that distance; beyond the window nothing is left of the peak.
            let mean = |bin: i32| taps.get((bin + 9 - 100) as usize).copied().unwrap_or(0.0);
            let centred = |bin: i32| f64::from(spectrum[bin as usize]) - mean(bin);
            let variance: f64 =
                (0..19).map(|n| taps[n as usize] * centred(100 + n - 9).powi(2)).sum();
            centred(100) / variance.sqrt()
        };
        let whitened = whitening.apply(&spectrum);
        assert!((f64::from(whitened[100]) - peak(&spectrum)).abs() < 1e-5, "{}", whitened[100]);
        // Around it the mean is more than what is there; far away nothing spreads.
        assert_eq!((whitened[95], whitened[120]), (0.0, 0.0));
    }

    #[test]
    fn edges_use_the_nearest_window() {
        let spectrum: LogSpectrum = std::array::from_fn(|bin| bin as f32);
        let mean = Whitening::new().mean(&spectrum);
        assert!((mean[0] - 9.0).abs() < 1e-4 && mean[8] == mean[9] && mean[0] == mean[9]);
        assert!((mean[255] - 246.0).abs() < 1e-3 && mean[247] == mean[246]);
    }
}
