//! Chords from sound, as Chordino finds them.
//!
//! Mauch & Dixon, "Approximate note transcription for the improved identification of difficult chords",
//! ISMIR 2010, with the constants of the Vamp plugin's current version, so that labels agree with the
//! plugin's and with those of the Python package chord-extractor, which runs it. Mono sound is cut into
//! frames; of each come in turn
//!
//! | stage | shape | file |
//! |---|---|---|
//! | magnitudes of the spectrum | 8,192 | `spectrum` |
//! | over log-frequency, three bins to a semitone | 256 | `log_frequency` |
//! | shifted by the tuning of the whole recording | 256 | `tuning` |
//! | less its surroundings | 256 | `whitening` |
//! | levels of notes, by non-negative least squares | 84 | `notes`, `nnls` |
//! | chroma of bass and treble | 24 | `chroma` |
//! | likelihoods of chords | 217 | `templates`, `labels` |
//!
//! and the likeliest sequence of chords (`viterbi`). Spectra and arrays are f32, as the plugin's; sums
//! where it matters and the least squares are f64. Beside the samples, 1.3 kB are held for a frame,
//! which is a sixth of the samples' memory.
//!
//! Deviations from the plugin: samples that are no numbers count as silence, times are not rounded to
//! nanoseconds, and with `silence` a silent frame has no chord. The plugin, for which all chords are then
//! equally likely, hears in silence what was heard last or is heard next, since a chord that stays is
//! likelier than one that changes.

mod chroma;
mod labels;
mod log_frequency;
mod nnls;
mod notes;
mod spectrum;
mod templates;
#[cfg(test)]
mod tests;
mod tuning;
mod viterbi;
mod whitening;

use std::borrow::Cow;
use std::ops::RangeInclusive;

pub use chroma::Chroma;
pub use labels::Syntax;
pub use log_frequency::LogSpectrum;
pub use notes::NoteLevels;
pub use spectrum::{BLOCK, HOP, frame_time_s};
pub use tuning::Tuning;

use crate::error::{Error, Result};
use chroma::ChromaMap;
use log_frequency::LogFrequencyMap;
use notes::Notes;
use spectrum::{Spectrum, frames};
use templates::Templates;
use viterbi::Viterbi;
use whitening::Whitening;

/// The sample rates, in Hz, that chords are found at.
pub const RATES: RangeInclusive<u32> = 4_000..=384_000;

/// A sample rate with options, by the tool that uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Chordino's own settings at 44,100 Hz, which find more chords and more exact times, but no chord in
    /// silence.
    #[default]
    Chordino,
    /// Those of the Python package chord-extractor: 22,050 Hz and a roll-on of 1 %.
    ChordExtractor,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::Chordino, Self::ChordExtractor];

    /// The name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chordino => "chordino",
            Self::ChordExtractor => "chord_extractor",
        }
    }

    /// The sample rate in Hz that the sound is brought to first.
    pub fn rate(self) -> u32 {
        match self {
            Self::Chordino => 44_100,
            Self::ChordExtractor => 22_050,
        }
    }

    /// The options.
    pub fn options(self) -> Options {
        let is_exact = self == Self::ChordExtractor;
        let rollon = if is_exact { 1.0 } else { 0.0 };
        Options { rollon, silence: !is_exact, ..Options::default() }
    }
}

/// How chords are found and written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// The share of a frame's energy, in percent, that is removed at its lowest frequencies: from 0,
    /// nothing, to less than 100.
    pub rollon: f64,
    /// Whether frames in which nothing is louder than some −66 dB of full scale have no chord.
    pub silence: bool,
    /// How chords are written.
    pub syntax: Syntax,
    /// Whether the first span begins at 0 instead of the middle of the first frame.
    pub from_start: bool,
}

/// A chord from the time on at which it is first heard.
#[derive(Debug, Clone, PartialEq)]
pub struct ChordChange {
    /// The chord; `N` for none.
    pub label: String,
    /// The middle of the first frame, in seconds.
    pub start_s: f64,
}

/// A chord from a time to a later one.
#[derive(Debug, Clone, PartialEq)]
pub struct ChordSpan {
    /// The chord; `N` for none.
    pub label: String,
    /// The middle of its first frame, in seconds.
    pub start_s: f64,
    /// The start of the next chord or the end of the sound, in seconds.
    pub end_s: f64,
}

/// What was found on the way, frame by frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The tuning of the recording.
    pub tuning: Tuning,
    /// The spectra over log-frequency, in thirds of semitones from a third below A0.
    pub log_frequency: Vec<LogSpectrum>,
    /// The same in tune.
    pub tuned: Vec<LogSpectrum>,
    /// The same less their surroundings.
    pub whitened: Vec<LogSpectrum>,
    /// The levels of the notes, from A0.
    pub notes: Vec<NoteLevels>,
    /// Chroma: twelve pitch classes from A in the bass and twelve in the treble.
    pub chroma: Vec<Chroma>,
    /// The chords.
    pub labels: Vec<String>,
}

/// Finds chords in mono sound of one sample rate. It can be used by several threads at once.
pub struct Chordino {
    rate: u32,
    options: Options,
    labels: Vec<String>,
    spectrum: Spectrum,
    map: LogFrequencyMap,
    whitening: Whitening,
    notes: Notes,
    chroma: ChromaMap,
    templates: Templates,
}

impl Chordino {
    /// Prepares for a sample rate in Hz.
    ///
    /// # Errors
    /// The sample rate is not one of [`RATES`], or `rollon` is not from 0 to less than 100.
    pub fn new(rate: u32, options: Options) -> Result<Self> {
        if !RATES.contains(&rate) {
            let (low, high) = (RATES.start(), RATES.end());
            return Err(Error::data(format!(
                "chords cannot be found at {rate} samples a second; resample to 44100 (allowed: {low} \
                 to {high})"
            )));
        }
        if !(0.0..100.0).contains(&options.rollon) {
            return Err(Error::data(format!(
                "a roll-on of {} % is not allowed; give a number from 0 to less than 100",
                options.rollon
            )));
        }
        let labels = labels::labels(options.syntax)?;
        let map = LogFrequencyMap::new(rate);
        Ok(Self {
            rate,
            options,
            labels,
            spectrum: Spectrum::new(map.reads(), options.rollon),
            map,
            whitening: Whitening::new(),
            notes: Notes::new(),
            chroma: ChromaMap::new(),
            templates: Templates::new(),
        })
    }

    /// The changes of chords, as the plugin gives them: the first frame's, which is always `N`, each
    /// change, and `N` at the last frame. Nothing for no samples.
    pub fn changes(&self, samples: &[f32]) -> Vec<ChordChange> {
        let path = self.path(samples);
        let mut changes = self.runs(&path);
        if let Some(last) = path.len().checked_sub(1) {
            changes.push(ChordChange { label: "N".to_owned(), start_s: self.time_s(last) });
        }
        changes
    }

    /// The chords as spans without gaps, the last one up to the end of the sound. None is empty and none
    /// has the same chord as the next. Nothing for a sound that ends before the middle of its first
    /// frame, unless `from_start`.
    pub fn extract(&self, samples: &[f32]) -> Vec<ChordSpan> {
        let duration_s = samples.len() as f64 / f64::from(self.rate);
        let mut starts = self.runs(&self.path(samples));
        if let Some(first) = starts.first_mut().filter(|_| self.options.from_start) {
            first.start_s = 0.0;
        }
        // The middle of the last frames is beyond the end.
        starts.retain(|change| change.start_s < duration_s);
        let mut ends: Vec<f64> = starts.iter().skip(1).map(|change| change.start_s).collect();
        ends.push(duration_s);
        let span = |(ChordChange { label, start_s }, end_s)| ChordSpan { label, start_s, end_s };
        starts.into_iter().zip(ends).map(span).collect()
    }

    /// All that is found on the way.
    pub fn analyse(&self, samples: &[f32]) -> Analysis {
        let log_frequency = self.log_frequency(samples);
        let tuning = Tuning::estimate(&log_frequency);
        let (mut tuned, mut whitened) = (Vec::new(), Vec::new());
        let (mut notes, mut chroma) = (Vec::new(), Vec::new());
        let path = self.decode(&log_frequency, |frame| {
            tuned.push(frame.tuned);
            whitened.push(frame.whitened);
            notes.push(frame.notes);
            chroma.push(frame.chroma);
        });
        let labels = path.iter().map(|&state| self.label(state).to_owned()).collect();
        Analysis { tuning, log_frequency, tuned, whitened, notes, chroma, labels }
    }

    /// The spectra over log-frequency of all frames.
    fn log_frequency(&self, samples: &[f32]) -> Vec<LogSpectrum> {
        let samples = finite(samples);
        let mut spectrum = self.spectrum.clone();
        let count = frames(samples.len());
        let from = |frame: usize| samples.get(frame * HOP..).unwrap_or_default();
        let pairs = (0..count).step_by(2).flat_map(|frame| {
            spectrum.of(from(frame), from(frame + 1)).map(|magnitudes| self.map.apply(magnitudes))
        });
        pairs.take(count).collect()
    }

    /// The likeliest states of spectra over log-frequency; `see` is shown each frame.
    fn decode(&self, spectra: &[LogSpectrum], mut see: impl FnMut(Frame)) -> Vec<u8> {
        let tuning = Tuning::estimate(spectra);
        let mut levels = self.notes.clone();
        let mut viterbi = Viterbi::new(spectra.len());
        for spectrum in spectra {
            let tuned = tuning.shift(spectrum);
            let whitened = self.whitening.apply(&tuned);
            let notes = levels.explain(&whitened);
            let chroma = self.chroma.of(&notes);
            let is_silent = self.options.silence && spectrum.iter().all(|&level| level == 0.0);
            viterbi.push(&match is_silent {
                true => templates::no_chord_for_certain(),
                false => self.templates.log_likelihoods(&chroma),
            });
            see(Frame { tuned, whitened, notes, chroma });
        }
        viterbi.finish()
    }

    /// The state of each frame.
    fn path(&self, samples: &[f32]) -> Vec<u8> {
        self.decode(&self.log_frequency(samples), |_| ())
    }

    /// Where labels begin. Two kinds of chords can have one label, between which nothing changes.
    fn runs(&self, path: &[u8]) -> Vec<ChordChange> {
        let mut changes: Vec<ChordChange> = Vec::new();
        for (frame, &state) in path.iter().enumerate() {
            let label = self.label(state);
            if changes.last().is_none_or(|last| last.label != label) {
                changes.push(ChordChange { label: label.to_owned(), start_s: self.time_s(frame) });
            }
        }
        changes
    }

    fn label(&self, state: u8) -> &str {
        self.labels.get(usize::from(state)).map_or("N", String::as_str)
    }

    fn time_s(&self, frame: usize) -> f64 {
        frame_time_s(frame, self.rate)
    }
}

/// The stages of a frame after the first.
struct Frame {
    tuned: LogSpectrum,
    whitened: LogSpectrum,
    notes: NoteLevels,
    chroma: Chroma,
}

/// The samples, with 0 for all that are no numbers or infinite.
fn finite(samples: &[f32]) -> Cow<'_, [f32]> {
    match samples.iter().all(|sample| sample.is_finite()) {
        true => Cow::Borrowed(samples),
        false => {
            let zeroed = |&sample: &f32| if sample.is_finite() { sample } else { 0.0 };
            Cow::Owned(samples.iter().map(zeroed).collect())
        }
    }
}
