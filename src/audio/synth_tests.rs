//! What is rendered has the notes, the times and the drums that it should have.

use super::*;

const RATE: u32 = 22_050;

fn style(name: &str) -> Style {
    Style::named(name).unwrap()
}

/// The power at a frequency, by Goertzel's algorithm on Hann-weighted samples.
fn power(sound: &[f32], frequency: f64) -> f64 {
    let turn = TAU * frequency / f64::from(RATE);
    let (mut one, mut two) = (0.0, 0.0);
    for (at, &sample) in sound.iter().enumerate() {
        let weight = 0.5 - 0.5 * (TAU * at as f64 / sound.len() as f64).cos();
        (one, two) = (weight * f64::from(sample) + 2.0 * turn.cos() * one - two, one);
    }
    one * one + two * two - 2.0 * turn.cos() * one * two
}

/// The share of each pitch class, from C, of the power at the notes from C3 to B5, in windows that
/// are short enough for notes some cents off.
fn chroma(sound: &[f32]) -> [f64; 12] {
    let mut chroma = [0.0; 12];
    for window in sound.chunks(RATE as usize * 2 / 5) {
        for midi in 48..84 {
            let frequency = 440.0 * (f64::from(midi - 69) / 12.0).exp2();
            chroma[midi as usize % 12] += power(window, frequency);
        }
    }
    let sum: f64 = chroma.iter().sum();
    chroma.map(|power| power / sum)
}

/// By how much neighbours differ, dark to bright.
fn brightness(sound: &[f32]) -> f64 {
    let steps: f64 = sound.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2)).sum();
    steps / energy(sound)
}

fn energy(sound: &[f32]) -> f64 {
    sound.iter().map(|&sample| f64::from(sample).powi(2)).sum()
}

#[test]
fn a_chord_has_its_energy_at_its_notes() {
    for style in &STYLES {
        let quiet = Style { drums: "", ..*style };
        for (chord, notes) in
            [("C", [0, 4, 7]), ("C:maj/3", [0, 4, 7]), ("F#m", [6, 9, 1]), ("Bdim", [11, 2, 5])]
        {
            let chroma = chroma(&render(&[(chord, 3.0)], &quiet, RATE, 1).unwrap());
            let share: f64 = notes.iter().map(|&note| chroma[note]).sum();
            // What is left are fifths and thirds among the overtones.
            assert!(share > 0.8, "{} {chord}: {chroma:.3?}", style.name);
            assert!(
                notes.iter().all(|&note| chroma[note] > 0.02),
                "{} {chord}: {chroma:.3?}",
                style.name
            );
        }
    }
    let seventh = chroma(&render(&[("G7", 2.0)], &style("hymn"), RATE, 1).unwrap());
    assert!(seventh[5] > 0.05, "{seventh:.3?}");
}

#[test]
fn the_bass_is_lowest() {
    for (chord, low, high) in [("C", 36, 40), ("C/E", 40, 36)] {
        let sound = render(&[(chord, 2.0)], &style("hymn"), RATE, 3).unwrap();
        let at = |midi: i32| power(&sound, 440.0 * (f64::from(midi - 69) / 12.0).exp2());
        assert!(at(low) > 100.0 * at(high), "{chord}");
    }
}

#[test]
fn chords_begin_and_end_at_their_times() {
    let chords = [("N", 0.5), ("C", 1.0), ("X", 0.25), ("G", 1.0)];
    for style in &STYLES {
        let quiet = Style { drums: "", ..*style };
        let sound = render(&chords, &quiet, RATE, 5).unwrap();
        assert_eq!(sound.len(), (2.75 * f64::from(RATE)).round() as usize);
        let part = |from: f64, to: f64| {
            let at = |time: f64| (time * f64::from(RATE)).round() as usize;
            &sound[at(from)..at(to)]
        };
        assert_eq!((energy(part(0.0, 0.5)), energy(part(1.5, 1.75))), (0.0, 0.0));
        assert!(energy(part(0.5, 0.55)) > 0.1 && energy(part(1.75, 1.8)) > 0.1);
        let loudest = sound.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!((loudest - PEAK).abs() < 1e-6);
        let (c, g) = (chroma(part(0.5, 1.5)), chroma(part(1.75, 2.75)));
        assert!(c[0] > 5.0 * c[2] && g[2] > 5.0 * g[0], "{c:.3?} {g:.3?}");
    }
}

#[test]
fn strokes_and_drums_follow_their_patterns() {
    // Eighths of 0.25 s: a plucked chord rings out before it is struck again.
    let strokes = Style { tempo: 120.0, strokes: "f--c----", drums: "", ..style("rock") };
    let sound = render(&[("C", 2.0)], &strokes, RATE, 1).unwrap();
    let eighths: Vec<f64> = sound.chunks(RATE as usize / 4).map(energy).collect();
    assert!(eighths[1] < eighths[0] && eighths[2] < eighths[1] && eighths[3] > 1.5 * eighths[2]);
    assert!(eighths[3..8].is_sorted_by(|a, b| a > b), "{eighths:?}");
    // Overtones die away first.
    let parts: Vec<f64> = sound.chunks(RATE as usize / 4).map(brightness).collect();
    assert!(parts[1] < 0.8 * parts[0] && parts[7] < 0.3 * parts[3], "{parts:?}");

    let drums = Style { tempo: 120.0, drums: "k-s-h---", ..style("rock") };
    let sound = render(&[("N", 2.0)], &drums, RATE, 1).unwrap();
    let eighths: Vec<&[f32]> = sound.chunks(RATE as usize / 4).collect();
    let [kick, snare, hat] = [0, 2, 4].map(|at| brightness(eighths[at]));
    assert!(kick < 0.1 && 0.5 < snare && snare < 1.5 && 2.0 < hat, "{kick} {snare} {hat}");
    assert_eq!(energy(eighths[6]), 0.0);
}

#[test]
fn the_seed_decides() {
    let chords = [("C", 0.5), ("N", 0.2), ("Am7", 0.5)];
    let of = |seed| render(&chords, &style("reggae"), 8_000, seed).unwrap();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn nothing_to_render_is_no_sound() {
    for style in &STYLES {
        assert!(render(&[], style, RATE, 1).unwrap().is_empty());
        assert!(render(&[("C", 0.0)], style, RATE, 1).unwrap().is_empty());
        // One sample, and fewer samples than a note needs to begin.
        assert_eq!(render(&[("C", 1e-4)], style, 8_000, 1).unwrap().len(), 1);
        assert_eq!(render(&[("C", 1e-3), ("G", 1e-3)], style, 8_000, 1).unwrap().len(), 16);
    }
    assert_eq!(render(&[("N", 0.1)], &style("hymn"), 8_000, 1).unwrap(), [0.0; 800]);
    let still = Style { strokes: "", ..style("hymn") };
    assert!(energy(&render(&[("C", 1.0)], &still, 8_000, 1).unwrap()) > 1.0);
}

#[test]
fn errors_name_what_is_wrong() {
    let error = |chords: &[(&str, f64)], tempo, rate| {
        let style = Style { tempo, ..style("rock") };
        render(chords, &style, rate, 1).unwrap_err().to_string()
    };
    assert!(error(&[("H", 1.0)], 60.0, RATE).starts_with("'H' is no chord symbol"));
    for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        let message = error(&[("C", 0.1), ("G", seconds)], 60.0, RATE);
        assert!(message.starts_with(&format!("chord 'G' of {seconds} s")), "{message}");
    }
    for (tempo, rate) in [(f64::NAN, RATE), (0.0, RATE), (60.0, 0), (60.0, u32::MAX)] {
        assert!(error(&[("C", 1.0)], tempo, rate).starts_with("cannot render at"));
    }
}

#[test]
fn wav_files_have_a_header_and_clipped_samples() {
    let file = wav(&[0.0, 1.0, -1.0, 2.0, 0.5, f32::NAN, f32::NEG_INFINITY], 44_100).unwrap();
    assert_eq!(file.len(), 44 + 14);
    assert_eq!(
        (&file[..4], &file[8..16], &file[36..40]),
        (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
    );
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!([4, 16, 24, 28, 40].map(number), [50, 16, 44_100, 88_200, 14]);
    assert_eq!(file[20..24], [1, 0, 1, 0]);
    assert_eq!(file[32..36], [2, 0, 16, 0]);
    let samples = file[44..].chunks(2).map(|pair| i16::from_le_bytes(pair.try_into().unwrap()));
    assert_eq!(samples.collect::<Vec<_>>(), [0, 32_767, -32_767, 32_767, 16_384, 0, -32_767]);
    assert_eq!(wav(&[], 8_000).unwrap().len(), 44);
}
