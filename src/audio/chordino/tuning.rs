//! The tuning of a recording, and spectra shifted as if it were in tune.
//!
//! With three bins to a semitone, the phase of a period of three bins says how far notes are from the
//! middle one: `t = atan2(Σ_b m_b sin(2πb/3), Σ_b m_b cos(2πb/3)) / 2π` semitones, where `m_b` sums all
//! frames and bins `b, b + 3, …` of the lowest 54 semitones. Then a spectrum is read `3t` bins higher,
//! between bins by linear interpolation.

use std::f64::consts::TAU;

use super::log_frequency::{BINS, LogSpectrum};

/// The bins of a semitone.
const SEMITONE: usize = 3;
/// The bins that the tuning is estimated from.
const ESTIMATED: usize = 54 * SEMITONE;
/// The bins that a shifted spectrum has; the others are 0, for there is nothing to read.
const SHIFTED: std::ops::Range<usize> = 2..253;

/// How far a recording is above 440 Hz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// In semitones, from −½ to ½.
    pub semitones: f64,
}

impl Tuning {
    /// The tuning of a recording; 0 of one without any sound.
    pub fn estimate(spectra: &[LogSpectrum]) -> Self {
        let mut sums = [0.0f64; SEMITONE];
        for spectrum in spectra {
            for thirds in spectrum[..ESTIMATED].chunks_exact(SEMITONE) {
                for (sum, &value) in sums.iter_mut().zip(thirds) {
                    *sum += f64::from(value);
                }
            }
        }
        let angle = |b: usize| TAU * b as f64 / SEMITONE as f64;
        let part = |wave: fn(f64) -> f64| -> f64 {
            sums.iter().enumerate().map(|(b, sum)| sum * wave(angle(b))).sum()
        };
        Self { semitones: part(f64::sin).atan2(part(f64::cos)) / TAU }
    }

    /// The frequency of A4 in Hz.
    pub fn hz(self) -> f64 {
        440.0 * (self.semitones / 12.0).exp2()
    }

    /// A spectrum in tune.
    pub fn shift(self, spectrum: &LogSpectrum) -> LogSpectrum {
        let bins = self.semitones * SEMITONE as f64;
        // −2 to 1, so that no bin read below is out of bounds.
        let whole = bins.floor();
        let fraction = (bins - whole) as f32;
        let start = (SHIFTED.start as f64 + whole) as usize;
        let (low, high) = (&spectrum[start..], &spectrum[start + 1..]);
        let mut out = [0.0; BINS];
        for ((value, low), high) in out[SHIFTED].iter_mut().zip(low).zip(high) {
            *value = low * (1.0 - fraction) + high * fraction;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spectrum with a value at each of so many bins.
    fn spectrum(bins: impl IntoIterator<Item = usize>) -> LogSpectrum {
        let mut out = [0.0; BINS];
        bins.into_iter().for_each(|bin| out[bin] = 1.0);
        out
    }

    #[test]
    fn notes_at_the_middle_bin_are_in_tune() {
        let tuning = Tuning::estimate(&[spectrum([3, 60, 159])]);
        assert_eq!((tuning.semitones, tuning.hz()), (0.0, 440.0));
        let plain: LogSpectrum = std::array::from_fn(|bin| bin as f32);
        let shifted = tuning.shift(&plain);
        assert_eq!(
            (&shifted[2..253], &shifted[..2], &shifted[253..]),
            (&plain[2..253], &[0.0; 2][..], &[0.0; 3][..])
        );
    }

    #[test]
    fn notes_between_bins_are_moved_to_the_middle() {
        for (bin, semitones) in [(61, 1.0 / 3.0), (62, -1.0 / 3.0)] {
            let sharp = spectrum([bin]);
            let tuning = Tuning::estimate(&[[0.0; BINS], sharp]);
            assert!((tuning.semitones - semitones).abs() < 1e-12, "{tuning:?}");
            let shifted = tuning.shift(&sharp);
            let note = if bin == 61 { 60 } else { 63 };
            assert!((shifted[note] - 1.0).abs() < 1e-6, "{:?}", &shifted[58..65]);
        }
        // Half a semitone off: the wave's zero.
        let tuning = Tuning::estimate(&[spectrum([61, 62])]);
        assert!((tuning.semitones.abs() - 0.5).abs() < 1e-12, "{tuning:?}");
        assert!(
            (tuning.shift(&spectrum([61, 62]))[if tuning.semitones > 0.0 { 60 } else { 63 }] - 1.0)
                .abs()
                < 1e-6
        );
    }

    #[test]
    fn high_notes_and_silence_say_nothing() {
        for spectra in [&[][..], &[[0.0; BINS]], &[spectrum([163, 200])]] {
            assert_eq!(Tuning::estimate(spectra).semitones, 0.0);
        }
    }

    #[test]
    fn shifts_of_half_a_semitone_stay_in_bounds() {
        for semitones in [-0.5, 0.5, 0.0, 0.499_999] {
            let shifted = Tuning { semitones }.shift(&[1.0; BINS]);
            assert!(shifted[2..253].iter().all(|value| (value - 1.0).abs() < 1e-6));
        }
    }
}
