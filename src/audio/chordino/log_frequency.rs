//! Spectra over the logarithm of frequency: [`BINS`] bins, three to a semitone.
//!
//! Bin `j` stands for `f_j = 440 · 2^((20 + j/3 − 69) / 12)` Hz, so that bin 3 is A0, MIDI note 21. The
//! weight of FFT bin `i` in bin `j` is a sum over the frequencies `f` around the FFT bin,
//!
//! ```text
//! Σ_f (½ + ½ cos(π(f/Δ − i))) · (½ + ½ cos(πu)) / (f · ln 2 / 36),   u = 36 log2(f / f_j), |u| ≤ 1
//! f = (i + m/80) Δ,  m = −80 … 79,  Δ = rate / 16384
//! ```
//!
//! a cosine window around each, with FFT bins the narrower, the higher they are.

use std::f64::consts::{LN_2, PI};

use super::spectrum::BLOCK;

/// The bins of a spectrum over log-frequency.
pub const BINS: usize = 256;
/// The bins of an octave.
const OCTAVE: f64 = 36.0;
/// The points that stand for an FFT bin, to either side.
const POINTS: i32 = 80;

/// One value for each bin.
pub type LogSpectrum = [f32; BINS];

/// The map from FFT bins, as sparse rows.
pub struct LogFrequencyMap {
    /// For each log-frequency bin, its lowest FFT bin, and where its weights end in `weights`.
    rows: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl LogFrequencyMap {
    /// The map for a sample rate in Hz.
    pub fn new(rate: u32) -> Self {
        let step = f64::from(rate) / BLOCK as f64;
        let (mut rows, mut weights) = (Vec::with_capacity(BINS), Vec::new());
        for bin in 0..BINS {
            let centre = centre_hz(bin);
            let reach = (1.0 / OCTAVE).exp2();
            let first = ((centre / reach / step).floor() as usize).max(1);
            let last = ((centre * reach / step).ceil() as usize + 1).min(BLOCK / 2 - 1);
            weights.extend((first..=last).map(|fft_bin| weight(fft_bin, step, centre) as f32));
            rows.push((first, weights.len()));
        }
        Self { rows, weights }
    }

    /// How many of the lowest FFT bins it reads.
    pub fn reads(&self) -> usize {
        let mut start = 0;
        let ends = self.rows.iter().map(|&(first, end)| {
            let length = end - start;
            start = end;
            first + length
        });
        ends.max().unwrap_or(0).min(BLOCK / 2)
    }

    /// The spectrum over log-frequency of FFT magnitudes, `(reads)`.
    pub fn apply(&self, magnitudes: &[f32]) -> LogSpectrum {
        let mut out = [0.0; BINS];
        let mut start = 0;
        for (value, &(first, end)) in out.iter_mut().zip(&self.rows) {
            let magnitudes = magnitudes.get(first..).unwrap_or_default();
            *value = dot(&self.weights[start..end], magnitudes);
            start = end;
        }
        out
    }
}

/// The frequency that a bin stands for, in Hz.
fn centre_hz(bin: usize) -> f64 {
    440.0 * ((20.0 + bin as f64 / 3.0 - 69.0) / 12.0).exp2()
}

/// The weight of an FFT bin, `step` Hz apart from the next, in the bin at `centre` Hz.
fn weight(fft_bin: usize, step: f64, centre: f64) -> f64 {
    let point = |m: i32| {
        let offset = f64::from(m) / f64::from(POINTS);
        let frequency = (fft_bin as f64 + offset) * step;
        let distance = OCTAVE * (frequency / centre).log2();
        if distance.is_nan() || distance.abs() > 1.0 {
            return 0.0;
        }
        raised_cosine(offset) * raised_cosine(distance) / (frequency * LN_2 / OCTAVE)
    };
    (-POINTS..POINTS).map(point).sum()
}

/// 1 at 0, 0 at ±1.
fn raised_cosine(x: f64) -> f64 {
    0.5 + 0.5 * (PI * x).cos()
}

/// The dot product of as many values as both have, in eight lanes, which the compiler makes vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let length = a.len().min(b.len());
    let (a, b) = (a[..length].chunks_exact(8), b[..length].chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_thirds_of_semitones_from_a_third_below_a0() {
        assert!((centre_hz(3) - 27.5).abs() < 1e-9);
        assert!((centre_hz(3 + 36) - 55.0).abs() < 1e-9);
        assert!((centre_hz(4) / centre_hz(3) - (1.0f64 / 36.0).exp2()).abs() < 1e-12);
    }

    #[test]
    fn the_map_has_as_many_weights_as_measured() {
        // audio.md: 5,753 weights that are not zero at 22,050 Hz.
        let map = LogFrequencyMap::new(22050);
        assert_eq!(map.weights.iter().filter(|weight| **weight != 0.0).count(), 5753);
        assert!(map.reads() < 3000, "{}", map.reads());
    }

    #[test]
    fn a_tone_is_found_at_its_bin() {
        for (rate, note) in [(22050u32, 57), (44100, 57), (48000, 60), (8000, 45)] {
            let frequency = centre_hz(note);
            let fft_bin = (frequency / f64::from(rate) * BLOCK as f64).round() as usize;
            let mut magnitudes = vec![0.0; BLOCK / 2];
            magnitudes[fft_bin] = 100.0;
            let spectrum = LogFrequencyMap::new(rate).apply(&magnitudes);
            let loudest = (0..BINS).max_by(|a, b| spectrum[*a].total_cmp(&spectrum[*b])).unwrap();
            assert!(loudest.abs_diff(note) <= 1, "{rate} {note} {loudest}");
        }
    }

    #[test]
    fn short_spectra_and_any_rate_are_no_danger() {
        for rate in [1, 100, 4000, 384_000, u32::MAX] {
            let map = LogFrequencyMap::new(rate);
            assert!(map.weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0));
            assert!(map.reads() <= BLOCK / 2);
            assert_eq!(map.apply(&[]), [0.0; BINS]);
            let spectrum = map.apply(&vec![1.0; map.reads()]);
            assert!(spectrum.iter().all(|value| value.is_finite()));
        }
    }
}
