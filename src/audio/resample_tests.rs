//! Resampling keeps what is heard, and its length is right.

use super::*;

fn sine(frequency: f64, rate: u32, count: usize) -> Vec<f32> {
    let step = 2.0 * std::f64::consts::PI * frequency / f64::from(rate);
    (0..count).map(|i| (step * i as f64).sin() as f32).collect()
}

/// The largest difference away from both ends, where what lies outside is not silent.
fn largest_difference(left: &[f32], right: &[f32], margin: usize) -> f32 {
    assert_eq!(left.len(), right.len());
    let inner = margin..left.len() - margin;
    inner.map(|i| (left[i] - right[i]).abs()).fold(0.0, f32::max)
}

const PAIRS: [(u32, u32); 9] = [
    (44100, 22050),
    (48000, 22050),
    (22050, 44100),
    (8000, 22050),
    (16000, 22050),
    (96000, 44100),
    (44101, 22050),
    (44100, 44099),
    (192_000, 11025),
];

#[test]
fn sines_in_the_pass_band_are_kept_and_others_are_gone() {
    for (from, to) in PAIRS {
        let nyquist = f64::from(from.min(to)) / 2.0;
        for part in [0.01, 0.3, 0.9] {
            let resampled = resample(&sine(nyquist * part, from, from as usize), from, to).unwrap();
            let expected = sine(nyquist * part, to, to as usize);
            let margin = 110 * to.div_ceil(from.min(to)) as usize;
            let difference = largest_difference(&resampled, &expected, margin);
            assert!(difference < 4e-6, "{from} to {to}, {part}: {difference}");
        }
        if f64::from(from) > 2.02 * nyquist {
            let resampled = resample(&sine(nyquist * 1.01, from, from as usize), from, to).unwrap();
            let left = largest_difference(&resampled, &vec![0.0; to as usize], 220);
            assert!(left < 3e-6, "{from} to {to}: {left}");
        }
    }
}

#[test]
fn lengths_are_rounded_up() {
    for (from, to) in PAIRS.into_iter().chain([(22050, 22050), (384_000, 1000), (1000, 384_000)]) {
        for count in [0_usize, 1, 2, 3, 147, 1000, 40_000] {
            let length = resample(&vec![0.5; count], from, to).unwrap().len() as u64;
            assert_eq!(length, (count as u64 * u64::from(to)).div_ceil(u64::from(from)));
        }
    }
}

#[test]
fn pieces_give_what_the_whole_gives() {
    for (from, to) in PAIRS.into_iter().chain([(22050, 22050)]) {
        let samples = sine(441.0, from, 50_000);
        let whole = resample(&samples, from, to).unwrap();
        for size in [1, 100, 1152, 20_000] {
            let (mut resampler, mut out) = (Resampler::new(from, to).unwrap(), Vec::new());
            samples.chunks(size).for_each(|piece| resampler.push(piece, &mut out));
            resampler.finish(&mut out);
            assert_eq!(out, whole, "{from} to {to}, pieces of {size}");
        }
    }
}

#[test]
fn the_filter_is_as_documented() {
    // At 2:1, in f64: 0.02 dB at most is lost up to 0.913, and 120 dB are gone from 1.0 on.
    let table = filter_phases(POWER_OF_2, 0.5, 400, 1);
    let gain = |frequency: f64| {
        let angle = std::f64::consts::PI * frequency / 2.0;
        let taps = table[..400].iter().enumerate();
        let (re, im) = taps.fold((0.0, 0.0), |(re, im), (i, &tap)| {
            let (sin, cos) = (angle * i as f64).sin_cos();
            (re + f64::from(tap) * cos, im + f64::from(tap) * sin)
        });
        20.0 * f64::hypot(re, im).log10()
    };
    assert_eq!(table[..400].iter().filter(|tap| tap.abs() > 0.0).count(), 389);
    assert!((0..=900).all(|part| gain(f64::from(part) / 1000.0).abs() < 0.02));
    assert!((1000..2000).all(|part| gain(f64::from(part) / 1000.0) < -120.0));
}

#[test]
fn an_impulse_stays_at_its_time() {
    let mut samples = vec![0.0; 4000];
    samples[2000] = 1.0;
    for (from, to) in [(44100, 22050), (48000, 22050), (22050, 44100)] {
        let out = resample(&samples, from, to).unwrap();
        let peak = (0..out.len()).max_by(|&a, &b| out[a].total_cmp(&out[b])).unwrap();
        let expected = 2000.0 * f64::from(to) / f64::from(from);
        assert!((peak as f64 - expected).abs() <= 0.5, "{from} to {to}: {peak}");
    }
}

#[test]
fn rates_out_of_range_are_errors() {
    for (from, to) in [(0, 22050), (22050, 0), (999, 22050), (44100, 384_001), (u32::MAX, 44100)] {
        let message = Resampler::new(from, to).err().unwrap().to_string();
        assert!(message.contains("between 1000 and 384000"), "{message}");
    }
}

#[test]
fn what_is_not_finite_stays_where_it_is() {
    let mut samples = vec![0.25; 10_000];
    samples[5000] = f32::NAN;
    let out = resample(&samples, 44100, 22050).unwrap();
    assert!(out[2500].is_nan());
    assert!(out[..2300].iter().chain(&out[2700..]).all(|value| value.is_finite()));
}
