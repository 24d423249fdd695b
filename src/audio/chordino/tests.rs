//! Whole sounds, and the golden numbers of the plugin (`tests/golden/chordino.py`).

use std::f64::consts::TAU;

use serde_json::Value;

use super::*;

/// The notes of the golden sound's chords.
const CHORDS: [&[u32]; 7] = [
    &[36, 60, 64, 67],
    &[33, 57, 60, 64, 67],
    &[42, 57, 60, 62, 66],
    &[35, 57, 59, 62, 65],
    &[45, 60, 65, 69],
    &[40, 59, 63, 64, 68],
    &[36, 60, 64, 68],
];
/// The silence before them and the length of each, in seconds.
const LEAD_S: f64 = 0.5;
const LENGTH_S: f64 = 1.25;

/// The golden sound at a sample rate.
fn golden_sound(rate: f64) -> Vec<f32> {
    let count = (rate * (LEAD_S + LENGTH_S * CHORDS.len() as f64)) as usize;
    let mut state = 1u64;
    let mut noise = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        1e-3 * (state as f64 / f64::from(1 << 30) - 1.0)
    };
    let mut out: Vec<f64> = (0..count).map(|_| noise()).collect();
    for (place, chord) in CHORDS.iter().enumerate() {
        let start = (rate * (LEAD_S + LENGTH_S * place as f64)) as usize;
        let length = (rate * LENGTH_S) as usize;
        for (n, value) in out[start..].iter_mut().take(length).enumerate() {
            *value += chord.iter().map(|note| tone(*note, n as f64 / rate)).sum::<f64>();
        }
    }
    out.into_iter().map(|value| value as f32).collect()
}

/// Six harmonics of a note that fade away, 17 cents sharp.
fn tone(note: u32, t: f64) -> f64 {
    let frequency = 440.0 * ((f64::from(note) + 0.17 - 69.0) / 12.0).exp2();
    let wave = |h: u32| {
        let h = f64::from(h);
        0.06 * 0.6f64.powf(h - 1.0) * (TAU * h * frequency * t).sin() * (-1.5 * t).exp()
    };
    (1..=6).map(wave).sum()
}

fn golden() -> Value {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chordino.json");
    serde_json::from_str(&std::fs::read_to_string(place).unwrap()).unwrap()
}

/// (frame, label) of changes.
fn frames_of(changes: &[ChordChange], rate: u32) -> Vec<(u64, &str)> {
    let frame = |time: f64| ((time * f64::from(rate) - BLOCK as f64 / 2.0) / HOP as f64).round();
    changes.iter().map(|change| (frame(change.start_s) as u64, change.label.as_str())).collect()
}

/// Holds an array against the golden one, relative to its largest value.
fn assert_stage<const N: usize>(name: &str, case: &Value, ours: &[[f32; N]]) {
    let golden: Vec<Vec<f64>> = serde_json::from_value(case[name].clone()).unwrap();
    let frames: Vec<usize> = serde_json::from_value(case["frames"].clone()).unwrap();
    let peak = golden.iter().flatten().copied().fold(0.0, f64::max);
    for (frame, golden) in frames.iter().zip(&golden) {
        assert_eq!(golden.len(), N);
        for (place, (ours, golden)) in ours[*frame].iter().zip(golden).enumerate() {
            let apart = (f64::from(*ours) - golden).abs();
            assert!(apart <= 1e-4 * peak, "{name}, frame {frame}, {place}: {ours} {golden}");
        }
    }
}

#[test]
fn stages_and_labels_are_the_plugins() {
    for (name, case) in golden().as_object().unwrap() {
        let rate = case["rate"].as_u64().unwrap() as u32;
        let options = Options { rollon: case["rollon"].as_f64().unwrap(), ..Options::default() };
        let samples = golden_sound(f64::from(rate));
        assert_eq!(samples.len() as u64, case["samples"].as_u64().unwrap(), "{name}");
        let chordino = Chordino::new(rate, options).unwrap();
        let found = chordino.analyse(&samples);
        assert_eq!(found.labels.len() as u64, case["count"].as_u64().unwrap(), "{name}");
        assert!((found.tuning.semitones - 0.17).abs() < 0.05, "{name}: {:?}", found.tuning);
        assert_stage("logfreqspec", case, &found.log_frequency);
        assert_stage("tunedlogfreqspec", case, &found.whitened);
        assert_stage("semitonespectrum", case, &found.notes);
        assert_stage("bothchroma", case, &found.chroma);
        for (syntax, key) in [(Syntax::Chordino, "changes"), (Syntax::Harte, "harte")] {
            let golden: Vec<(u64, String)> = serde_json::from_value(case[key].clone()).unwrap();
            let changes =
                Chordino::new(rate, Options { syntax, ..options }).unwrap().changes(&samples);
            let golden: Vec<_> = golden.iter().map(|(at, label)| (*at, label.as_str())).collect();
            assert_eq!(frames_of(&changes, rate), golden, "{name}");
        }
    }
}

#[test]
fn profiles_are_the_golden_ones() {
    let golden = golden();
    for profile in Profile::ALL {
        let case = &golden[profile.name()];
        assert_eq!(case["rate"].as_u64().unwrap() as u32, profile.rate());
        assert_eq!(case["rollon"].as_f64().unwrap(), profile.options().rollon);
    }
}

#[test]
fn spans_follow_each_other_to_the_end() {
    let rate = 22_050;
    let samples = golden_sound(f64::from(rate));
    let duration_s = samples.len() as f64 / f64::from(rate);
    for from_start in [false, true] {
        let options = Options { from_start, ..Profile::ChordExtractor.options() };
        let chordino = Chordino::new(rate, options).unwrap();
        let (spans, changes) = (chordino.extract(&samples), chordino.changes(&samples));
        let labels: Vec<&str> = spans.iter().map(|span| span.label.as_str()).collect();
        assert_eq!(labels, ["N", "C", "Am7", "D7/F#", "Bm7b5", "F", "Emaj7", "Caug"]);
        let start_s = if from_start { 0.0 } else { 8192.0 / 22_050.0 };
        assert_eq!((spans[0].start_s, spans[7].end_s), (start_s, duration_s));
        assert!(spans.windows(2).all(|pair| pair[0].end_s == pair[1].start_s));
        assert!(spans.iter().all(|span| span.start_s < span.end_s));
        // All but the plugin's N at the last frame.
        assert!(
            spans.iter().zip(&changes).skip(1).all(|(span, change)| span.start_s == change.start_s)
        );
        assert_eq!((changes.len(), changes[8].label.as_str()), (9, "N"));
    }
}

/// The labels of the changes in a sound at 22,050 Hz.
fn heard(samples: &[f32]) -> Vec<String> {
    let chordino = Chordino::new(22_050, Profile::ChordExtractor.options()).unwrap();
    chordino.changes(samples).into_iter().map(|change| change.label).collect()
}

#[test]
fn little_or_nothing_to_hear_is_no_chord() {
    let mut state = 1u64;
    let noise: Vec<f32> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    })
    .take(66_150)
    .collect();
    assert!(heard(&[]).is_empty());
    // As the plugin does it: two rows at one time for one frame.
    for samples in [&[0.5][..], &[0.1; 2048], &[0.1; 2049], &[0.0; 44_100], &noise] {
        assert_eq!(heard(samples), ["N", "N"], "{}", samples.len());
    }
    let one = Chordino::new(22_050, Options::default()).unwrap().changes(&[0.5]);
    assert_eq!((one[0].start_s, one[1].start_s), (8192.0 / 22_050.0, 8192.0 / 22_050.0));
}

#[test]
fn silence_is_no_chord_unless_it_is_to_be_as_the_plugin_has_it() {
    let rate = 22_050;
    let chord = |t: f64| [60, 64, 67].iter().map(|&note| tone(note, t)).sum::<f64>() as f32;
    // Two seconds each: silence with the least dither, a chord, silence, and the chord again.
    let sound: Vec<f32> = (0..8 * rate)
        .map(|n| match (n / (2 * rate)) % 2 {
            0 => (n % 3 - 1) as f32 / 32768.0,
            _ => chord(f64::from(n % (2 * rate)) / f64::from(rate)),
        })
        .collect();
    let spans = |silence| {
        let options = Options { silence, from_start: true, ..Options::default() };
        Chordino::new(rate as u32, options).unwrap().extract(&sound)
    };
    let labels = |spans: &[ChordSpan]| -> Vec<String> {
        spans.iter().map(|span| span.label.clone()).collect()
    };
    let heard = spans(true);
    assert_eq!(labels(&heard), ["N", "C", "N", "C"]);
    // A frame of 0.74 s hears a chord before it begins and after it ended.
    for (span, start_s) in heard.iter().zip([0.0, 2.0, 4.0, 6.0]) {
        assert!((span.start_s - start_s).abs() < 0.38, "{span:?}");
    }
    let plugin = spans(false);
    assert_eq!(labels(&plugin), ["N", "C"]);
    assert!(plugin[0].end_s < 0.6, "{plugin:?}");
}

#[test]
fn spans_of_short_sounds() {
    let spans = |samples: &[f32], from_start| {
        let options = Options { from_start, ..Options::default() };
        Chordino::new(22_050, options).unwrap().extract(samples)
    };
    let silence = |end_s| ChordSpan { label: "N".into(), start_s: 0.0, end_s };
    assert_eq!(spans(&[], true), []);
    assert_eq!(spans(&[0.5; 8192], false), []);
    assert_eq!(spans(&[0.5; 2205], true), [silence(0.1)]);
    assert_eq!(spans(&[0.0; 22_050], true), [silence(1.0)]);
    assert_eq!(spans(&[0.0; 8193], false).len(), 1);
}

#[test]
fn samples_that_are_no_numbers_or_huge_do_not_break_it() {
    let sound: Vec<f32> =
        (0..66_150).map(|n| tone(48, f64::from(n) / 22_050.0 % 0.5) as f32 * 2.0).collect();
    let plain = heard(&sound);
    let mut broken = sound.clone();
    for (place, value) in [(5000, f32::NAN), (20_000, f32::INFINITY), (30_000, f32::NEG_INFINITY)] {
        broken[place] = value;
    }
    assert_eq!(heard(&broken).first().map(String::as_str), Some("N"));
    assert_eq!(heard(&vec![f32::NAN; 50_000]), ["N", "N"]);
    // Louder by a power of ten, below and beyond the cap.
    assert_eq!(heard(&sound.iter().map(|value| value * 10.0).collect::<Vec<_>>()), plain);
    for huge in [1e30, f32::MAX] {
        let loud: Vec<f32> = sound.iter().map(|value| value * huge).collect();
        assert_eq!(heard(&loud).last().map(String::as_str), Some("N"));
    }
}

#[test]
fn wrong_rates_and_rollons_are_errors() {
    for rate in [0, 1, 3_999, 384_001, u32::MAX] {
        let error = Chordino::new(rate, Options::default()).err().unwrap().to_string();
        assert!(error.contains(&rate.to_string()) && error.contains("resample"), "{error}");
    }
    for rollon in [-1.0, 100.0, f64::NAN, f64::INFINITY] {
        let error = Chordino::new(44_100, Options { rollon, ..Options::default() }).err().unwrap();
        assert!(error.to_string().contains("roll-on"), "{error}");
    }
    for rate in [4_000, 384_000] {
        let found = Chordino::new(rate, Options { rollon: 99.0, ..Options::default() }).unwrap();
        assert_eq!(found.changes(&golden_sound(8000.0)).first().unwrap().label, "N");
    }
}
