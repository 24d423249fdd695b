//! Made-up music for tests and examples: a chord progression as sound, from a seed, without samples
//! or a soundfont, so that no audio need be kept.
//!
//! A note is a sum of harmonics, `Σ_h a_h · e^(−t(1 + (h−1)/2)/τ) · sin(2π h f t + φ_h)`, with a short
//! attack and release. A bass plays the chord's bass note from C2 up, the other notes lie above C3.
//! Strokes and drums follow patterns of eighths. Every chord is struck where it begins, so that its
//! label is true of what sounds.

use std::f64::consts::TAU;

use crate::data::chords::{Chord, Harmony};
use crate::error::{Error, Result, excerpt};

/// The most samples that are rendered: a gigabyte.
const SAMPLES_MAX: f64 = 268_435_456.0;
/// The loudest sample; full scale is 1.
const PEAK: f32 = 0.8;
/// How long notes take to begin and to end.
const ATTACK_S: f64 = 0.004;
const RELEASE_S: f64 = 0.02;
/// The lowest notes of bass and chord, as MIDI numbers: C2 and C3.
const BASS_FROM: i32 = 36;
const CHORD_FROM: i32 = 48;

/// How notes sound.
#[derive(Debug, Clone, Copy)]
pub struct Timbre {
    /// The strength of each harmonic, the fundamental first.
    pub harmonics: &'static [f64],
    /// The time in which the fundamental falls to 1/e; infinite for notes that do not decay.
    pub decay_s: f64,
}

/// How a progression is played.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Its name.
    pub name: &'static str,
    /// How notes sound.
    pub timbre: Timbre,
    /// Quarters a minute.
    pub tempo: f64,
    /// What is struck on each eighth of a bar: `f` bass and chord, `b` bass, `c` chord, `a` the next
    /// note of the chord alone, `-` nothing.
    pub strokes: &'static str,
    /// The drums on each eighth of a bar: `k` kick, `s` snare, `h` hi-hat, `-` none. Empty for no
    /// drums.
    pub drums: &'static str,
}

const PIANO: Timbre = Timbre { harmonics: &[1.0, 0.5, 0.25, 0.15, 0.1, 0.05], decay_s: 1.2 };
const PLUCKED: Timbre = Timbre { harmonics: &[1.0, 0.7, 0.5, 0.3, 0.25, 0.15, 0.1], decay_s: 0.5 };
const ORGAN: Timbre = Timbre { harmonics: &[1.0, 0.6, 0.1, 0.4, 0.05], decay_s: f64::INFINITY };
const REED: Timbre = Timbre { harmonics: &[1.0, 0.1, 0.35, 0.1, 0.2], decay_s: f64::INFINITY };

/// Styles that differ in what is heard of a genre.
pub static STYLES: [Style; 5] = [
    Style { name: "ballad", timbre: PIANO, tempo: 72.0, strokes: "f-a-a-a-", drums: "" },
    Style { name: "rock", timbre: PLUCKED, tempo: 126.0, strokes: "fcccfccc", drums: "khshkhsh" },
    Style { name: "reggae", timbre: PLUCKED, tempo: 76.0, strokes: "b-c-b-c-", drums: "h-k-h-kh" },
    Style { name: "waltz", timbre: REED, tempo: 160.0, strokes: "b-c-c-", drums: "" },
    Style { name: "hymn", timbre: ORGAN, tempo: 60.0, strokes: "f-------", drums: "" },
];

impl Style {
    /// The style of that name; `None` if there is no such style.
    pub fn named(name: &str) -> Option<Self> {
        STYLES.iter().find(|style| style.name == name).copied()
    }
}

/// Renders chords, each a symbol with its length in seconds, as mono samples from −1 to 1. The same
/// seed gives the same samples; another one other loudness, phases, tuning by some cents and noise.
/// `N` and `X` are silent but for drums.
///
/// # Errors
/// A symbol is no chord, a length is negative or not finite, or the sound would be too long; the rate
/// is not from 4,000 to 384,000 samples a second; the tempo is not from 20 to 400.
pub fn render(chords: &[(&str, f64)], style: &Style, rate: u32, seed: u64) -> Result<Vec<f32>> {
    let tempo = style.tempo;
    if !(4_000..=384_000).contains(&rate) || !(20.0..=400.0).contains(&tempo) {
        return Err(Error::data(format!(
            "cannot render at {rate} samples a second and {tempo} quarters a minute; allowed are \
             4000 to 384000 and 20 to 400"
        )));
    }
    let (mut time, mut edges) = (0.0, vec![0.0]);
    for &(label, seconds) in chords {
        time += seconds;
        if !(seconds >= 0.0 && time * f64::from(rate) <= SAMPLES_MAX) {
            return Err(Error::data(format!(
                "chord '{}' of {seconds} s cannot be rendered: lengths are 0 or more, and \
                 {SAMPLES_MAX} samples in all",
                excerpt(label)
            )));
        }
        edges.push(time);
    }
    let length = (time * f64::from(rate)).round() as usize;
    let mut band = Band { sound: vec![0.0; length], rate: f64::from(rate), random: Random(seed) };
    for (&(label, _), edges) in chords.iter().zip(edges.windows(2)) {
        if let (Chord::Notes(harmony), &[from, to]) = (Chord::parse(label)?, edges) {
            band.chord(&harmony, from, to, style);
        }
    }
    let eighths = (0..).map(|at| f64::from(at) * 30.0 / tempo);
    let hits = eighths.take_while(|&at| at < time).zip(style.drums.chars().cycle());
    hits.for_each(|(at, drum)| band.drum(drum, at));
    let loudest = band.sound.iter().fold(f32::MIN_POSITIVE, |most, sample| most.max(sample.abs()));
    band.sound.iter_mut().for_each(|sample| *sample *= PEAK / loudest);
    Ok(band.sound)
}

/// A WAV file of mono samples, 16 bits each; what is beyond −1 to 1 is clipped.
///
/// # Errors
/// There are more samples than such a file can hold.
pub fn wav(samples: &[f32], rate: u32) -> Result<Vec<u8>> {
    let bytes = u32::try_from(samples.len() * 2).ok().filter(|&bytes| bytes < u32::MAX - 36);
    let too_long = || format!("{} samples do not fit a WAV file; cut them", samples.len());
    let bytes = bytes.ok_or_else(|| Error::data(too_long()))?;
    let mut file = Vec::with_capacity(samples.len() * 2 + 44);
    file.extend([*b"RIFF", (bytes + 36).to_le_bytes(), *b"WAVE", *b"fmt "].concat());
    // PCM on one channel, samples and bytes a second, bytes and bits a sample.
    let format = [16, 1 | 1 << 16, rate, rate.saturating_mul(2), 2 | 16 << 16];
    file.extend(format.map(u32::to_le_bytes).concat());
    file.extend([*b"data", bytes.to_le_bytes()].concat());
    for sample in samples {
        file.extend(((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes());
    }
    Ok(file)
}

/// What plays.
struct Band {
    sound: Vec<f32>,
    rate: f64,
    random: Random,
}

impl Band {
    /// The sample at a time.
    fn sample(&self, seconds: f64) -> usize {
        ((seconds * self.rate).round() as usize).min(self.sound.len())
    }

    /// Plays a chord between two times, in seconds.
    fn chord(&mut self, harmony: &Harmony, from: f64, to: f64, style: &Style) {
        let root = CHORD_FROM + harmony.root.pitch_class();
        let notes: Vec<i32> = harmony.degrees.iter().map(|one| root + one.semitones()).collect();
        let bass = BASS_FROM + harmony.bass_note().pitch_class();
        let eighth = 30.0 / style.tempo;
        // A stroke at `from`, and those of the pattern from there to `to`.
        let first = (from / eighth).floor() as usize + 1;
        let pattern = style.strokes.chars().cycle().enumerate().skip(first);
        let timed = pattern.map(|(at, stroke)| (at as f64 * eighth, stroke));
        let timed = timed.take_while(|&(time, _)| time < to - RELEASE_S);
        let mut strokes = vec![(from, 'f')];
        strokes.extend(timed.filter(|&(_, stroke)| stroke != '-'));
        for (at, &(time, stroke)) in strokes.iter().enumerate() {
            // A note lasts until its own voice is struck again.
            let ends = |voices: &str| {
                let next = strokes.iter().skip(at + 1).find(|(_, next)| voices.contains(*next));
                next.map_or(to, |&(time, _)| time)
            };
            if "fb".contains(stroke) {
                self.note(bass, time, ends("fb"), 0.5, &style.timbre);
            }
            let (skipped, struck) = match stroke {
                'a' => (at % notes.len().max(1), 1),
                'b' => (0, 0),
                _ => (0, notes.len()),
            };
            for &note in notes.iter().skip(skipped).take(struck) {
                self.note(note, time, ends("fc"), 0.5, &style.timbre);
            }
        }
    }

    /// Plays a note, given as a MIDI number, between two times.
    fn note(&mut self, midi: i32, from: f64, to: f64, level: f64, timbre: &Timbre) {
        let (start, end) = (self.sample(from), self.sample(to));
        let tuning = self.random.around(0.03);
        let frequency = 440.0 * ((f64::from(midi) - 69.0 + tuning) / 12.0).exp2();
        let level = level * (1.0 + self.random.around(0.15));
        let (attack, release) = (ATTACK_S * self.rate, RELEASE_S * self.rate);
        let mut sum = vec![0.0; end.saturating_sub(start)];
        for (overtone, strength) in timbre.harmonics.iter().enumerate() {
            let turn = TAU * frequency * (overtone + 1) as f64 / self.rate;
            if turn > 0.45 * TAU {
                break;
            }
            // A point that circles and nears the centre; its height is the sound.
            let fall = (-(1.0 + overtone as f64 / 2.0) / (timbre.decay_s * self.rate)).exp();
            let (cos, sin) = (fall * turn.cos(), fall * turn.sin());
            let phase = self.random.around(TAU / 2.0);
            let (mut x, mut y) = (level * strength * phase.cos(), level * strength * phase.sin());
            for sample in &mut sum {
                *sample += y;
                (x, y) = (x * cos - y * sin, x * sin + y * cos);
            }
        }
        for (at, (out, sample)) in self.sound.iter_mut().skip(start).zip(&sum).enumerate() {
            let gain = (at as f64 / attack).min((sum.len() - at) as f64 / release).min(1.0);
            *out += (gain * sample) as f32;
        }
    }

    /// Plays a drum: a burst of noise, dark for the snare, bright for the hi-hat; a kick falls in pitch.
    fn drum(&mut self, drum: char, at: f64) {
        let start = self.sample(at);
        let (level, decay_s) = match drum {
            'k' => (1.2, 0.08),
            's' => (0.5, 0.07),
            'h' => (0.25, 0.02),
            _ => return,
        };
        let (mut before, mut phase) = (0.0, 0.0_f64);
        let length = (6.0 * decay_s * self.rate) as usize;
        for (at, out) in self.sound.iter_mut().skip(start).take(length).enumerate() {
            let fall = (-(at as f64) / (decay_s * self.rate)).exp();
            let noise = self.random.around(1.0);
            phase += TAU * (45.0 + 100.0 * fall * fall) / self.rate;
            let wave = match drum {
                'k' => phase.sin() + 0.02 * noise,
                's' => 0.5 * (noise + before),
                _ => 0.5 * (noise - before),
            };
            before = noise;
            *out += (level * fall * wave) as f32;
        }
    }
}

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    /// A number from −`most` to `most`.
    fn around(&mut self, most: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        most * (((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    }
}

#[cfg(test)]
#[path = "synth_tests.rs"]
mod tests;
