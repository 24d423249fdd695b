//! How loud each note is: a spectrum over log-frequency explained by notes with overtones.
//!
//! Note `i` is MIDI note `21 + i`. Its spectrum is a sum over the overtones `h = 1 … 20` of amplitude
//! `0.7^(h−1)`, each a raised cosine three bins wide around bin `3 (i + 1) + 36 log2 h`, counted from
//! 0. The loudness of the notes is the non-negative least squares solution (Mauch & Dixon,
//! "Approximate note transcription for the improved identification of difficult chords", ISMIR 2010),
//! over the notes whose own three bins are not silent.

use std::f64::consts::TAU;
use std::ops::Range;

use super::log_frequency::{BINS, LogSpectrum};
use super::nnls::NonNegative;

/// The notes, from A0.
pub const NOTES: usize = 84;
/// The overtones of a note, with the fundamental.
const OVERTONES: usize = 20;
/// The amplitude of an overtone, in parts of that of the one below.
const DECAY: f64 = 0.7;
/// The width of an overtone in bins.
const WIDTH: f64 = 3.0;
/// The bins of an octave.
const OCTAVE: f64 = 36.0;

/// One loudness for each note.
pub type NoteLevels = [f32; NOTES];

/// Explains spectra by notes.
#[derive(Clone)]
pub struct Notes {
    /// For each note, the bins where it sounds, with amplitudes.
    spectra: Vec<Vec<(usize, f64)>>,
    solver: NonNegative<NOTES>,
}

impl Notes {
    /// Computes the spectra of the notes.
    pub fn new() -> Self {
        let dense: Vec<[f64; BINS]> = (0..NOTES).map(note_spectrum).collect();
        let dot = |a: &[f64; BINS], b: &[f64; BINS]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        let mut gram = Box::new([[0.0; NOTES]; NOTES]);
        for (row, a) in gram.iter_mut().zip(&dense) {
            for (entry, b) in row.iter_mut().zip(&dense) {
                *entry = dot(a, b);
            }
        }
        let sparse = |spectrum: &[f64; BINS]| {
            spectrum.iter().copied().enumerate().filter(|(_, value)| *value > 0.0).collect()
        };
        Self { spectra: dense.iter().map(sparse).collect(), solver: NonNegative::new(gram) }
    }

    /// The levels of the notes in a whitened spectrum.
    pub fn explain(&mut self, spectrum: &LogSpectrum) -> NoteLevels {
        let mut right = [0.0; NOTES];
        let allowed =
            std::array::from_fn(|note| spectrum[own_bins(note)].iter().any(|value| *value > 0.0));
        for ((right, note), _) in
            right.iter_mut().zip(&self.spectra).zip(allowed).filter(|(_, allowed)| *allowed)
        {
            *right = note.iter().map(|&(bin, value)| f64::from(spectrum[bin]) * value).sum();
        }
        self.solver.solve(&right, &allowed).map(|level| level as f32)
    }
}

/// The bins of a note's fundamental.
fn own_bins(note: usize) -> Range<usize> {
    3 * note + 2..3 * note + 5
}

/// The spectrum of a note at level 1.
fn note_spectrum(note: usize) -> [f64; BINS] {
    let mut out = [0.0; BINS];
    for overtone in 0..OVERTONES {
        let centre = 3.0 * (note as f64 + 1.0) + OCTAVE * (overtone as f64 + 1.0).log2();
        let amplitude = DECAY.powi(overtone as i32);
        let first = (centre - WIDTH / 2.0).ceil().max(0.0) as usize;
        for (bin, value) in out.iter_mut().enumerate().skip(first).take(WIDTH as usize + 1) {
            let distance = bin as f64 - centre;
            if distance.abs() <= WIDTH / 2.0 {
                *value += amplitude * (0.5 + 0.5 * (TAU * distance / WIDTH).cos());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_sounds_at_its_fundamental_and_overtones() {
        let spectrum = note_spectrum(0);
        // Raised cosine of width 3: 1 in the middle, ¼ one bin away.
        for (bin, value) in [(1, 0.0), (2, 0.25), (3, 1.0), (4, 0.25), (39, 0.7), (38, 0.175)] {
            assert!((spectrum[bin] - value).abs() < 1e-12, "{bin}: {}", spectrum[bin]);
        }
        // The highest note has its fundamental alone, with both neighbours.
        let highest = note_spectrum(NOTES - 1);
        assert_eq!(highest.iter().filter(|value| **value > 0.0).count(), 3);
        assert_eq!(own_bins(NOTES - 1), 251..254);
    }

    #[test]
    fn sums_of_notes_are_taken_apart() {
        let mut notes = Notes::new();
        let chord = [(12, 1.0), (40, 0.5), (44, 2.0), (47, 0.25)];
        let mut spectrum = [0.0; BINS];
        for (note, level) in chord {
            for (out, value) in spectrum.iter_mut().zip(note_spectrum(note)) {
                *out += (level * value) as f32;
            }
        }
        let levels = notes.explain(&spectrum);
        for (note, level) in levels.iter().enumerate() {
            let expected = chord.iter().find(|(i, _)| *i == note).map_or(0.0, |(_, level)| *level);
            assert!((f64::from(*level) - expected).abs() < 1e-5, "{note}: {level}");
        }
    }

    #[test]
    fn silence_and_lone_overtones_have_no_notes() {
        let mut notes = Notes::new();
        assert_eq!(notes.explain(&[0.0; BINS]), [0.0; NOTES]);
        let mut spectrum = [0.0; BINS];
        // Above the fundamental of the highest note.
        spectrum[255] = 1.0;
        assert_eq!(notes.explain(&spectrum), [0.0; NOTES]);
    }
}
