//! Frames of sound and their magnitude spectra.
//!
//! A frame is [`BLOCK`] samples under a periodic Hann window, `w_n = ½ − ½ cos(2πn / BLOCK)`; the next
//! one starts [`HOP`] samples later, whatever the sample rate. Frames start while there are samples,
//! and the last ones are padded with zeros. The spectrum is `|Σ_n w_n x_n e^{−2πikn/BLOCK}|` of
//! `k = 0 … BLOCK/2 − 1`, neither normalised nor in decibels. It is computed in f64 and given in f32:
//! whitening makes as much of the quietest octave as of the loudest, and with it of f32's rounding.
//!
//! Two frames are transformed at once, as real and imaginary part of one: with `Z` the transform of
//! `a + ib`, that of `a` is `(Z_k + Z̄_{−k}) / 2` and that of `b` is `(Z_k − Z̄_{−k}) / 2i`.

use std::borrow::Cow;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// The samples of a frame.
pub const BLOCK: usize = 16384;
/// The samples from the start of a frame to that of the next.
pub const HOP: usize = 2048;
/// The bins of a spectrum.
const BINS: usize = BLOCK / 2;
/// The square of the largest magnitude that counts: no sound within ±1 has more than half of it.
const POWER_MAX: f32 = (BLOCK * BLOCK) as f32;
/// A frame is silent where the squares of all magnitudes are less.
const SILENCE: f32 = 4.0;
/// A bin is removed by the roll-on when the energy up to so many bins above it is still too small.
const ROLLON_LEAD: usize = 2;

/// The number of frames of so many samples.
pub fn frames(samples: usize) -> usize {
    samples.div_ceil(HOP)
}

/// The time of a frame, its middle, in seconds.
pub fn frame_time_s(frame: usize, rate: u32) -> f64 {
    (frame * HOP + BLOCK / 2) as f64 / f64::from(rate)
}

/// A transform of pairs of frames, with what it needs in memory.
#[derive(Clone)]
pub struct Spectrum {
    fft: Arc<dyn Fft<f64>>,
    window: Vec<f64>,
    /// The share of a frame's energy that is removed from its lowest bins.
    rollon: f32,
    /// How many bins are given.
    keep: usize,
    /// The pair of frames as complex numbers, `(BLOCK)`, then their transform.
    pair: Vec<Complex64>,
    scratch: Vec<Complex64>,
    /// The squares of the magnitudes of both frames, `(BINS)`, of which `keep` become magnitudes.
    values: [Vec<f32>; 2],
}

impl Spectrum {
    /// Prepares the transform. Of each spectrum, the `keep` lowest bins are given. `rollon`, in percent
    /// of a frame's energy, is how much is removed at the lowest frequencies; 0 removes nothing.
    pub fn new(keep: usize, rollon: f64) -> Self {
        let fft = FftPlanner::new().plan_fft_forward(BLOCK);
        let step = std::f64::consts::TAU / BLOCK as f64;
        Self {
            window: (0..BLOCK).map(|n| 0.5 - 0.5 * (step * n as f64).cos()).collect(),
            rollon: (rollon / 100.0) as f32,
            keep: keep.min(BINS),
            pair: vec![Complex64::default(); BLOCK],
            scratch: vec![Complex64::default(); fft.get_inplace_scratch_len()],
            values: [vec![0.0; BINS], vec![0.0; BINS]],
            fft,
        }
    }

    /// The magnitudes of the lowest bins of the frames at the start of either sound, `(keep)`; all 0
    /// for a silent frame. Samples must be finite.
    pub fn of(&mut self, first: &[f32], second: &[f32]) -> [&[f32]; 2] {
        let (first, second) = (padded(first), padded(second));
        let samples = first.iter().zip(second.iter());
        for ((pair, weight), (a, b)) in self.pair.iter_mut().zip(&self.window).zip(samples) {
            *pair = Complex64::new(f64::from(*a) * weight, f64::from(*b) * weight);
        }
        self.fft.process_with_scratch(&mut self.pair, &mut self.scratch);

        // Without a roll-on, the upper bins are read only where the lower ones are silent.
        let read = if self.rollon > 0.0 { BINS } else { self.keep };
        self.separate(0, read);
        let [a, b] = [0, 1].map(|frame| is_silent(&self.values[frame][..read]));
        if a || b {
            self.separate(read, BINS);
        }
        let removed = self.removed_bins();
        for (values, removed) in self.values.iter_mut().zip(removed) {
            let removed = if is_silent(values) { BINS } else { removed }.min(self.keep);
            let (removed, kept) = values[..self.keep].split_at_mut(removed);
            removed.fill(0.0);
            kept.iter_mut().for_each(|value| *value = value.sqrt());
        }
        self.values.each_ref().map(|values| &values[..self.keep])
    }

    /// The squares of the magnitudes of both frames, for the bins from `start` to `end`.
    fn separate(&mut self, start: usize, end: usize) {
        if start >= end {
            return;
        }
        let [first, second] = &mut self.values;
        if start == 0 {
            // The sums of the frames, one in either part: nothing to take apart.
            let Complex64 { re, im } = self.pair[0];
            (first[0], second[0]) = (capped(re * re), capped(im * im));
        }
        let start = start.max(1);
        let mirrored = &self.pair[BLOCK - end + 1..BLOCK - start + 1];
        let values = first[start..end].iter_mut().zip(&mut second[start..end]);
        for ((a, b), (z, mirror)) in
            values.zip(self.pair[start..end].iter().zip(mirrored.iter().rev()))
        {
            let (re, im) = (z.re + mirror.re, z.im - mirror.im);
            *a = capped(0.25 * (re * re + im * im));
            let (re, im) = (z.im + mirror.im, mirror.re - z.re);
            *b = capped(0.25 * (re * re + im * im));
        }
    }

    /// How many of the lowest bins of both frames hold less than the share of their energy that the
    /// roll-on removes, counted from bin 2. Energies are summed in f32, one after the other: where the
    /// share is nearly reached, rounding decides, and so it does in the plugin.
    fn removed_bins(&self) -> [usize; 2] {
        if self.rollon <= 0.0 {
            return [0; 2];
        }
        let [first, second] = &self.values;
        // Both at once, as a sum waits for the one before.
        let sum = |(a, b), (x, y): (&f32, &f32)| (a + x, b + y);
        let (a, b) = first.iter().zip(second).fold((0.0, 0.0), sum);
        [(first, a), (second, b)].map(|(values, energy)| {
            let mut below = 0.0;
            let is_below = |value: &&f32| {
                below += **value;
                below < energy * self.rollon
            };
            values[ROLLON_LEAD..].iter().take_while(is_below).count()
        })
    }
}

/// A frame of samples, with zeros after the last.
fn padded(samples: &[f32]) -> Cow<'_, [f32]> {
    match samples.get(..BLOCK) {
        Some(frame) => Cow::Borrowed(frame),
        None => {
            let mut frame = samples.to_vec();
            frame.resize(BLOCK, 0.0);
            Cow::Owned(frame)
        }
    }
}

/// The square of a magnitude, at most that of the largest.
fn capped(power: f64) -> f32 {
    let power = power as f32;
    if power < POWER_MAX { power } else { POWER_MAX }
}

fn is_silent(powers: &[f32]) -> bool {
    powers.iter().all(|power| *power < SILENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(bin: f64, amplitude: f32) -> Vec<f32> {
        let step = std::f64::consts::TAU * bin / BLOCK as f64;
        (0..BLOCK).map(|n| amplitude * (step * n as f64).sin() as f32).collect()
    }

    /// The spectrum of one frame, once the first and once the second of a pair.
    fn alone(spectrum: &mut Spectrum, samples: &[f32]) -> Vec<f32> {
        let other = sine(700.0, 0.2);
        let first = spectrum.of(samples, &other)[0].to_vec();
        let second = spectrum.of(&other, samples)[1].to_vec();
        // The other frame leaves no trace but rounding.
        let apart = first.iter().zip(&second).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart <= 2e-6 * first.iter().copied().fold(1e3, f32::max), "{apart}");
        first
    }

    #[test]
    fn a_sine_on_a_bin_has_three_bins() {
        // A Hann window is three bins wide: a half, and a quarter to either side, of amplitude · BLOCK / 2.
        let magnitudes = alone(&mut Spectrum::new(BLOCK, 0.0), &sine(100.0, 0.5));
        assert_eq!(magnitudes.len(), BINS);
        for (bin, &magnitude) in magnitudes.iter().enumerate() {
            let expected = match bin {
                100 => 2048.0,
                99 | 101 => 1024.0,
                _ => 0.0,
            };
            assert!((magnitude - expected).abs() < 0.01, "{bin}: {magnitude}");
        }
    }

    #[test]
    fn the_transform_is_the_sum_of_its_definition() {
        let sound: Vec<f32> = (0..BLOCK / 2).map(|n| ((n * n) % 97) as f32 / 97.0 - 0.3).collect();
        let magnitudes = alone(&mut Spectrum::new(BLOCK, 0.0), &sound);
        for bin in [0, 1, 2, 1000, BINS - 1] {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in sound.iter().enumerate() {
                let turn = std::f64::consts::TAU / BLOCK as f64;
                let weighted = f64::from(*sample) * (0.5 - 0.5 * (turn * n as f64).cos());
                let angle = turn * ((n * bin) % BLOCK) as f64;
                (re, im) = (re + weighted * angle.cos(), im - weighted * angle.sin());
            }
            assert!((f64::from(magnitudes[bin]) - re.hypot(im)).abs() < 1e-3, "{bin}");
        }
    }

    #[test]
    fn frames_start_while_there_are_samples() {
        for (samples, expected) in [(0, 0), (1, 1), (HOP, 1), (HOP + 1, 2), (10 * HOP, 10)] {
            assert_eq!(frames(samples), expected);
        }
        assert!((frame_time_s(0, 22050) - 0.371_519_27).abs() < 1e-8);
        assert!((frame_time_s(3, 44100) - (3.0 * 2048.0 + 8192.0) / 44100.0).abs() < 1e-12);
    }

    #[test]
    fn silence_has_no_spectrum() {
        for rollon in [0.0, 1.0] {
            let mut spectrum = Spectrum::new(200, rollon);
            for samples in [vec![], vec![0.0; BLOCK], vec![1.0], sine(100.0, 1e-4)] {
                assert_eq!(alone(&mut spectrum, &samples), [0.0; 200]);
            }
            // The largest magnitude is a quarter of amplitude · BLOCK: 2.05, above the limit.
            assert!(alone(&mut spectrum, &sine(100.0, 5e-4))[100] > 2.0);
            // What is loud in bins that are not given is no silence.
            let mut both = sine(1000.0, 0.5);
            both.iter_mut().zip(sine(100.0, 1e-4)).for_each(|(out, value)| *out += value);
            assert_eq!(alone(&mut spectrum, &both)[100] > 0.3, rollon == 0.0);
        }
    }

    #[test]
    fn loud_sounds_are_capped() {
        let mut spectrum = Spectrum::new(200, 0.0);
        for amplitude in [100.0, 1e30, f32::MAX] {
            let [magnitudes, silence] = spectrum.of(&sine(100.0, amplitude), &[]);
            assert_eq!(magnitudes[100], BLOCK as f32);
            let mut both = magnitudes.iter().chain(silence);
            assert!(both.all(|magnitude| *magnitude <= BLOCK as f32));
        }
    }

    #[test]
    fn the_rollon_removes_bins_that_hold_too_little() {
        let (low, high) = (sine(10.0, 0.05), sine(50.0, 0.5));
        let tones: Vec<f32> = low.iter().zip(&high).map(|(a, b)| a + b).collect();
        // The low tone has 0.99 % of the energy; bin 49 reaches 1 %, so that those below 47 go.
        let kept = |rollon| {
            let magnitudes = alone(&mut Spectrum::new(100, rollon), &tones);
            magnitudes.iter().take_while(|magnitude| **magnitude == 0.0).count()
        };
        assert_eq!((kept(0.0), kept(1.0), kept(0.5)), (0, 47, 8));
        // Fewer bins than are removed.
        assert_eq!(alone(&mut Spectrum::new(20, 1.0), &tones), [0.0; 20]);
    }
}
