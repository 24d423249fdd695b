//! Short-time spectra of real signals, frame by frame.
//!
//! `X[k] = Σ_n w[n] x[n] e^(−2πikn/N)` with w the periodic Hann window `½ − ½ cos(2πn/N)`, not
//! normalised, k = 0 … N/2. Computed in f32, by realfft.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::error::{Error, Result};

/// The largest frame.
const SIZE_MAX: usize = 1 << 20;

/// Where frames lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frame i has sample i · hop in its middle, with zeros before and behind the signal, as librosa's:
    /// 1 + ⌊samples / hop⌋ frames.
    Centred,
    /// Frame i begins at sample i · hop, as long as there is one, with zeros behind the signal, as Vamp
    /// plugins': ⌈samples / hop⌉ frames.
    FromStart,
}

/// Computes spectra of frames of one size; its buffers are used again and again.
pub struct Stft {
    size: usize,
    hop: usize,
    framing: Framing,
    window: Vec<f32>,
    fft: Arc<dyn RealToComplex<f32>>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Stft {
    /// For frames of `size` samples, `hop` samples apart.
    ///
    /// # Errors
    /// A size that is odd, 0 or above 2^20, or a hop of 0.
    pub fn new(size: usize, hop: usize, framing: Framing) -> Result<Self> {
        if size == 0 || !size.is_multiple_of(2) || size > SIZE_MAX {
            let message = format!("frames of {size} samples are not even and at most {SIZE_MAX}");
            return Err(Error::data(message));
        }
        if hop == 0 {
            return Err(Error::data(
                "frames 0 samples apart do not advance; give a hop of 1 or more",
            ));
        }
        let fft = RealFftPlanner::new().plan_fft_forward(size);
        let (frame, spectrum) = (fft.make_input_vec(), fft.make_output_vec());
        let scratch = fft.make_scratch_vec();
        Ok(Self { size, hop, framing, window: hann(size), fft, frame, spectrum, scratch })
    }

    /// How many frames so many samples have.
    pub fn frames(&self, samples: usize) -> usize {
        match self.framing {
            Framing::Centred => 1 + samples / self.hop,
            Framing::FromStart => samples.div_ceil(self.hop),
        }
    }

    /// The length of a spectrum, size / 2 + 1.
    pub fn bins(&self) -> usize {
        self.size / 2 + 1
    }

    /// The spectrum of frame `index` of `samples`, (bins).
    ///
    /// # Errors
    /// None in practice; the Fourier transform would say that its buffers do not fit.
    pub fn spectrum(&mut self, samples: &[f32], index: usize) -> Result<&[Complex<f32>]> {
        let start = index.saturating_mul(self.hop);
        let before = match self.framing {
            Framing::Centred => (self.size / 2).saturating_sub(start),
            Framing::FromStart => 0,
        };
        let start = match self.framing {
            Framing::Centred => start.saturating_sub(self.size / 2),
            Framing::FromStart => start,
        };
        let samples = samples.get(start..).unwrap_or_default();
        let before = before.min(self.size);
        let (zeros, rest) = self.frame.split_at_mut(before);
        let window = self.window.get(before..).unwrap_or_default();
        zeros.fill(0.0);
        let (filled, behind) = rest.split_at_mut(samples.len().min(rest.len()));
        for ((out, sample), weight) in filled.iter_mut().zip(samples).zip(window) {
            *out = sample * weight;
        }
        behind.fill(0.0);
        let done =
            self.fft.process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch);
        done.map_err(|error| Error::Compute(error.to_string()))?;
        Ok(&self.spectrum)
    }

    /// The squared magnitudes of frame `index` of `samples`, into `out` (bins).
    ///
    /// # Errors
    /// As [`Self::spectrum`].
    pub fn power(&mut self, samples: &[f32], index: usize, out: &mut [f32]) -> Result<()> {
        let spectrum = self.spectrum(samples, index)?;
        out.iter_mut().zip(spectrum).for_each(|(out, value)| *out = value.norm_sqr());
        Ok(())
    }

    /// The magnitudes of frame `index` of `samples`, into `out` (bins).
    ///
    /// # Errors
    /// As [`Self::spectrum`].
    pub fn magnitudes(&mut self, samples: &[f32], index: usize, out: &mut [f32]) -> Result<()> {
        let spectrum = self.spectrum(samples, index)?;
        out.iter_mut().zip(spectrum).for_each(|(out, value)| *out = value.norm_sqr().sqrt());
        Ok(())
    }
}

/// The periodic Hann window.
fn hann(size: usize) -> Vec<f32> {
    let step = 2.0 * std::f64::consts::PI / size as f64;
    (0..size).map(|n| (0.5 - 0.5 * (step * n as f64).cos()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, in f64.
    fn slow(samples: &[f32], first: i64, size: usize) -> Vec<f64> {
        let window = hann(size);
        let bin = |k: usize| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, weight) in window.iter().enumerate() {
                let at = usize::try_from(first + n as i64).ok();
                let sample = at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0);
                let value = f64::from(sample * weight);
                let angle = -2.0 * std::f64::consts::PI * (k * n) as f64 / size as f64;
                re += value * angle.cos();
                im += value * angle.sin();
            }
            f64::hypot(re, im)
        };
        (0..=size / 2).map(bin).collect()
    }

    fn noise(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * i * 7919 + i * 31) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn frames_are_those_of_the_definition() {
        for count in [0, 1, 5, 63, 64, 200] {
            let samples = noise(count);
            for (framing, shift) in [(Framing::Centred, 32), (Framing::FromStart, 0)] {
                let mut stft = Stft::new(64, 24, framing).unwrap();
                let frames = stft.frames(count);
                let expected =
                    if shift > 0 { 1 + count / 24 } else { (0..count).step_by(24).count() };
                assert_eq!(frames, expected);
                let (mut got, mut power) = (vec![0.0; stft.bins()], vec![0.0; stft.bins()]);
                for index in 0..frames + 10 {
                    stft.magnitudes(&samples, index, &mut got).unwrap();
                    stft.power(&samples, index, &mut power).unwrap();
                    let expected = slow(&samples, index as i64 * 24 - shift, 64);
                    for ((got, power), expected) in got.iter().zip(&power).zip(expected) {
                        assert!((f64::from(*got) - expected).abs() < 1e-5, "{count} {index}");
                        assert!((got * got - power).abs() < 1e-4);
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        for (size, hop, part) in
            [(0, 1, "even"), (3, 1, "even"), (1 << 21, 1, "at most"), (64, 0, "hop")]
        {
            let message = Stft::new(size, hop, Framing::Centred).err().unwrap().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
