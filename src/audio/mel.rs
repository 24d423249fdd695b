//! Mel spectrograms, as librosa's `feature.melspectrogram` with its defaults: powers of centred frames
//! under a Hann window, summed by triangles that are equally wide in mel.
//!
//! Slaney's mel scale (Auditory Toolbox, 1998) is linear below 1,000 Hz, 3/200 mel per Hz, and
//! logarithmic above, 27 mel per factor of 6.4. Each triangle is divided by half its width in Hz, so that
//! all have the same area.

use super::spectrum::{Framing, Stft};
use crate::error::{Error, Result};

/// Mels per Hz below [`BREAK_HZ`].
const MEL_PER_HZ: f64 = 3.0 / 200.0;
/// Where the scale becomes logarithmic.
const BREAK_HZ: f64 = 1000.0;
/// 1 / mels per natural logarithm of the frequency above.
const LOG_STEP: f64 = 0.068_751_777_420_949_12; // ln 6.4 / 27
/// The largest number of mel bands.
const MELS_MAX: usize = 4096;
/// The largest spectrogram, 2 GiB.
const VALUES_MAX: usize = 1 << 29;
/// Powers below are taken for this, 10⁻¹⁰, in dB.
pub const POWER_MIN: f32 = 1e-10;

/// Which mel spectrogram; the defaults are librosa's.
#[derive(Debug, Clone, PartialEq)]
pub struct MelOptions {
    /// Samples per second.
    pub rate: u32,
    /// Samples per frame, an even number.
    pub n_fft: usize,
    /// Samples from one frame to the next.
    pub hop_length: usize,
    /// The number of mel bands.
    pub n_mels: usize,
    /// The lowest frequency, in Hz.
    pub fmin: f64,
    /// The highest frequency, in Hz; half the rate if not given.
    pub fmax: Option<f64>,
}

impl Default for MelOptions {
    fn default() -> Self {
        Self { rate: 22050, n_fft: 2048, hop_length: 512, n_mels: 128, fmin: 0.0, fmax: None }
    }
}

/// A matrix with a row for each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    /// (frames, width), row by row.
    pub values: Vec<f32>,
    /// The length of a row, one at least.
    pub width: usize,
}

impl Frames {
    /// The rows.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }
}

/// Triangles over the bins of a spectrum.
pub struct MelBank {
    /// Each triangle's first bin, and where its weights begin and end.
    bands: Vec<(usize, std::ops::Range<usize>)>,
    weights: Vec<f32>,
}

impl MelBank {
    /// # Errors
    /// No or too many bands, or frequencies that do not increase from 0 to half the rate at most.
    pub fn new(options: &MelOptions) -> Result<Self> {
        let MelOptions { n_mels, n_fft, fmin, .. } = *options;
        let rate = f64::from(options.rate);
        let fmax = options.fmax.unwrap_or(rate / 2.0);
        if n_mels == 0 || n_mels > MELS_MAX {
            let message = format!("{n_mels} mel bands are not between 1 and {MELS_MAX}");
            return Err(Error::data(message));
        }
        if !(0.0 <= fmin && fmin < fmax && fmax <= rate / 2.0) {
            let message = format!(
                "frequencies from {fmin} to {fmax} Hz do not increase within 0 to {} Hz, half the rate",
                rate / 2.0
            );
            return Err(Error::data(message));
        }
        let (low, high) = (mel(fmin), mel(fmax));
        let step = (high - low) / (n_mels + 1) as f64;
        let edge = |i: usize| hertz(low + step * i as f64);
        let bin_hz = rate / n_fft as f64;
        let (mut bands, mut weights) = (Vec::with_capacity(n_mels), Vec::new());
        for band in 0..n_mels {
            let (left, middle, right) = (edge(band), edge(band + 1), edge(band + 2));
            let first = ((left / bin_hz).floor() as usize).min(n_fft / 2);
            let last = ((right / bin_hz).ceil() as usize).min(n_fft / 2);
            let begin = weights.len();
            weights.extend((first..=last).map(|bin| {
                let at = bin as f64 * bin_hz;
                let height = ((at - left) / (middle - left)).min((right - at) / (right - middle));
                (height.max(0.0) * 2.0 / (right - left)) as f32
            }));
            bands.push((first, begin..weights.len()));
        }
        Ok(Self { bands, weights })
    }

    /// Sums `power`, (n_fft / 2 + 1), into `out`, (n_mels).
    pub fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (out, (first, range)) in out.iter_mut().zip(&self.bands) {
            let weights = self.weights.get(range.clone()).unwrap_or_default();
            let power = power.get(*first..).unwrap_or_default();
            *out = weights.iter().zip(power).map(|(weight, power)| weight * power).sum();
        }
    }
}

/// The mel spectrogram of `samples` in powers, (frames, n_mels).
///
/// # Errors
/// No samples, one that is not finite or so loud that its power is not, or an option out of its range.
pub fn mel_spectrogram(samples: &[f32], options: &MelOptions) -> Result<Frames> {
    let mut stft = Stft::new(options.n_fft, options.hop_length, Framing::Centred)?;
    let bank = MelBank::new(options)?;
    check(samples)?;
    let mut power = vec![0.0; stft.bins()];
    let mut values = matrix(stft.frames(samples.len()), options.n_mels)?;
    for (index, row) in values.chunks_exact_mut(options.n_mels).enumerate() {
        stft.power(samples, index, &mut power)?;
        bank.apply(&power, row);
    }
    check_power(&values)?;
    Ok(Frames { values, width: options.n_mels })
}

/// Zeros for so many frames, (frames, width).
pub(super) fn matrix(frames: usize, width: usize) -> Result<Vec<f32>> {
    match frames.checked_mul(width).filter(|&count| count <= VALUES_MAX) {
        Some(count) => Ok(vec![0.0; count]),
        None => Err(Error::data(format!(
            "{frames} frames of {width} bands are too many at once; raise hop_length"
        ))),
    }
}

/// Refuses samples of which there is no spectrogram.
pub(super) fn check(samples: &[f32]) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::data("there are no samples, hence no spectrum"));
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::data(format!("sample {at} is {}, no finite number", samples[at]))),
    }
}

/// Refuses powers that are beyond f32.
pub(super) fn check_power(values: &[f32]) -> Result<()> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::data("samples are too loud for their powers to be numbers; full scale is 1"))
}

/// Powers to dB in place, as librosa's `power_to_db`: 10 log₁₀ of the power over `reference`, powers
/// below 10⁻¹⁰ as that, and what is more than `top_db` below the loudest as that much below.
pub fn power_to_db(values: &mut [f32], reference: f32, top_db: Option<f32>) {
    let reference = 10.0 * reference.max(POWER_MIN).log10();
    let mut loudest = f32::NEG_INFINITY;
    for value in values.iter_mut() {
        *value = 10.0 * value.max(POWER_MIN).log10() - reference;
        loudest = loudest.max(*value);
    }
    if let Some(top_db) = top_db {
        let floor = loudest - top_db;
        values.iter_mut().for_each(|value| *value = value.max(floor));
    }
}

fn mel(hertz: f64) -> f64 {
    if hertz < BREAK_HZ {
        hertz * MEL_PER_HZ
    } else {
        BREAK_HZ * MEL_PER_HZ + (hertz / BREAK_HZ).ln() / LOG_STEP
    }
}

fn hertz(mel: f64) -> f64 {
    let above = mel - BREAK_HZ * MEL_PER_HZ;
    if above < 0.0 { mel / MEL_PER_HZ } else { BREAK_HZ * (above * LOG_STEP).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_linear_then_logarithmic() {
        assert!((LOG_STEP - 6.4_f64.ln() / 27.0).abs() < 1e-15);
        for (hz, expected) in [(0.0, 0.0), (200.0, 3.0), (1000.0, 15.0), (6400.0, 42.0)] {
            assert!((mel(hz) - expected).abs() < 1e-12);
            assert!((hertz(expected) - hz).abs() < 1e-9);
        }
    }

    #[test]
    fn triangles_have_one_area() {
        let options = MelOptions { n_fft: 1 << 16, n_mels: 40, ..MelOptions::default() };
        let bank = MelBank::new(&options).unwrap();
        let bin_hz = 22050.0 / 65536.0;
        for (_, range) in &bank.bands {
            let area = bank.weights[range.clone()].iter().sum::<f32>() * bin_hz;
            assert!((area - 1.0).abs() < 1e-3, "{area}");
        }
    }

    #[test]
    fn silence_is_zero_and_its_decibels_are_the_floor() {
        let mut silence = mel_spectrogram(&[0.0; 3000], &MelOptions::default()).unwrap();
        assert_eq!((silence.rows().len(), silence.width), (6, 128));
        assert!(silence.values.iter().all(|&power| power == 0.0));
        power_to_db(&mut silence.values, 1.0, Some(80.0));
        assert!(silence.values.iter().all(|&level| level == -100.0));
    }

    #[test]
    fn decibels_by_hand() {
        let mut values = [1.0, 100.0, 1e-12, 0.0];
        power_to_db(&mut values, 10.0, None);
        assert_eq!(values, [-10.0, 10.0, -110.0, -110.0]);
        power_to_db(&mut [], 1.0, Some(80.0));
        let mut values = [1.0, 1e-9];
        power_to_db(&mut values, 1.0, Some(80.0));
        assert_eq!(values, [0.0, -80.0]);
    }

    #[test]
    fn options_and_samples_that_cannot_be_are_errors() {
        let usual = MelOptions::default;
        let cases = [
            (MelOptions { n_mels: 0, ..usual() }, "mel bands"),
            (MelOptions { n_mels: 5000, ..usual() }, "mel bands"),
            (MelOptions { fmin: -1.0, ..usual() }, "do not increase"),
            (MelOptions { fmin: f64::NAN, ..usual() }, "do not increase"),
            (MelOptions { fmax: Some(11026.0), ..usual() }, "half the rate"),
            (MelOptions { fmin: 500.0, fmax: Some(500.0), ..usual() }, "do not increase"),
            (MelOptions { rate: 0, ..usual() }, "do not increase"),
            (MelOptions { n_fft: 0, ..usual() }, "even"),
            (MelOptions { hop_length: 0, ..usual() }, "hop"),
        ];
        for (options, part) in cases {
            let message = mel_spectrogram(&[0.5], &options).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for (samples, part) in [
            (vec![], "no samples"),
            (vec![0.0, f32::NAN], "sample 1 is NaN"),
            (vec![f32::INFINITY], "sample 0 is inf"),
            (vec![1e30; 100], "too loud"),
        ] {
            let message = mel_spectrogram(&samples, &usual()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(matrix(1 << 20, 4096).unwrap_err().to_string().contains("hop_length"));
        assert!(matrix(usize::MAX, 2).is_err());
        assert_eq!(mel_spectrogram(&[0.5], &usual()).unwrap().rows().len(), 1);
        // More bands than bins leave some without any.
        let many = MelOptions { n_fft: 64, n_mels: 512, ..usual() };
        assert!(mel_spectrogram(&[0.5; 100], &many).is_ok());
    }
}
