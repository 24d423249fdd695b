//! `render_chords`: a progression as sound.

use super::{CHORDS, ChordFunction, Lenient, int, text, texts};
use crate::audio::synth::{STYLES, Style, render, wav};
use crate::error::{Error, Result};
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

/// Samples a second.
const RATE: u32 = 44_100;

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "render_chords",
    parameters: &[
        CHORDS,
        Param::new(
            "style",
            Kind::Choice(&["ballad", "rock", "reggae", "waltz", "hymn"]),
            Default::Text("ballad"),
            "Instrument and rhythm.",
        ),
        Param::new(
            "seconds",
            Kind::Float { min: 0.0, max: 3_600.0 },
            Default::Float(2.0),
            "How long each chord sounds.",
        ),
        Param::new(
            "seed",
            Kind::Int { min: 0, max: i64::MAX },
            Default::Int(0),
            "Another one gives other loudness, tuning by some cents, and noise.",
        ),
    ],
    returns: || SqlType::Blob,
    value: "A WAV file: mono, 16 bits, 44,100 samples a second.",
    description: "A progression as sound, to listen to, and to try with what listens. Write it with COPY \
                  … (FORMAT blob).",
    example: "COPY (SELECT render_chords(['C', 'Am', 'F', 'G7'])) TO 'song.wav' (FORMAT blob);\n\
              SELECT octet_length(render_chords(['Dm7', 'G7', 'Cmaj7'], 'waltz', 1.5, 42))",
    lenient: Some(Lenient {
        name: "try_render_chords",
        description: "As render_chords, but NULL where one of the texts is no chord symbol.",
        example: "SELECT try_render_chords(['H7'])",
    }),
    compute,
};

fn compute(arguments: &[&Value]) -> Result<Value> {
    let style = match text(arguments, 1) {
        "" => STYLES[0],
        name => Style::named(name).ok_or_else(|| {
            Error::option("render_chords", "style", format!("is no style: {name}"))
        })?,
    };
    let seconds = match arguments.get(2) {
        Some(Value::Float(seconds)) => *seconds,
        Some(Value::Int(seconds)) => *seconds as f64,
        _ => 2.0,
    };
    let chords: Vec<(&str, f64)> = texts(arguments, 0).map(|chord| (chord, seconds)).collect();
    let samples = render(&chords, &style, RATE, int(arguments, 3) as u64)?;
    Ok(Value::Blob(wav(&samples, RATE)?))
}
