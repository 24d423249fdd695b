//! `chord_score`: how well estimated chords agree with a reference.

use super::{ChordFunction, Lenient};
use crate::error::{Error, Result};
use crate::eval::{CHORD_METRICS, ChordSpan, Share, chord_score};
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

const SPANS: &str = "Chords with their times: a LIST of STRUCTs with chord, start_s and end_s, such as \
                     extract_chords gives, or list({chord, start_s, end_s}) of a table.";

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "chord_score",
    parameters: &[
        Param::new("reference", Kind::Struct, Default::Required, SPANS),
        Param::new("estimate", Kind::Struct, Default::Required, "The chords to judge, likewise."),
    ],
    returns,
    value: "For each metric of mir_eval the share of right seconds among those that it counts, NULL \
            where it counts none; and in seconds how many it counts, which is a song's weight in the mean \
            over many.",
    description: "How well chords agree with a reference, as MIREX judges (Pauwels and Peeters 2013) and \
                  mir_eval computes it: root, thirds, triads, tetrads, majmin, sevenths, with _inv the \
                  bass as well, mirex, and the segmentation.",
    example: "SELECT chord_score([{chord: 'C', start_s: 0, end_s: 2}, {chord: 'G7', start_s: 2, end_s: 4}],\n    \
                                 [{chord: 'C', start_s: 0, end_s: 3}, {chord: 'G', start_s: 3, end_s: 4}]).majmin",
    lenient: Some(Lenient {
        name: "try_chord_score",
        description: "As chord_score, but NULL where a chord is no chord symbol or times are in disorder.",
        example: "SELECT try_chord_score([{chord: 'H', start_s: 0, end_s: 2}], [{chord: 'C', start_s: 0, end_s: 2}])",
    }),
    compute,
};

fn returns() -> SqlType {
    let fields = |sql_type: &dyn Fn() -> SqlType| -> Vec<(String, SqlType)> {
        CHORD_METRICS.iter().map(|metric| (metric.name.to_owned(), sql_type())).collect()
    };
    let mut all = fields(&|| SqlType::Double);
    all.push(("seconds".to_owned(), SqlType::Struct(fields(&|| SqlType::Double))));
    SqlType::Struct(all)
}

fn compute(arguments: &[&Value]) -> Result<Value> {
    let reference = spans("reference", arguments.first())?;
    let estimate = spans("estimate", arguments.get(1))?;
    let scores = chord_score(&reference, &estimate)?;
    let fields = |value: &dyn Fn(Share) -> Value| -> Vec<(String, Value)> {
        scores.iter().map(|(metric, score)| (metric.name.to_owned(), value(score))).collect()
    };
    let mut all = fields(&|score| score.value().map_or(Value::Null, Value::Float));
    let seconds = fields(&|score| Value::Float(score.counted_s));
    all.push(("seconds".to_owned(), Value::Struct(seconds)));
    Ok(Value::Struct(all))
}

/// The chords of an argument.
fn spans<'a>(name: &str, argument: Option<&&'a Value>) -> Result<Vec<ChordSpan<'a>>> {
    let wrong = |what: &str| {
        let message = format!(
            "must be a list of chords such as {{chord: 'C', start_s: 0, end_s: 2}}; {what}"
        );
        Error::option("chord_score", name, message)
    };
    let Some(Value::List(list)) = argument else { return Err(wrong("this is none")) };
    let span = |value: &'a Value| {
        let Value::Struct(fields) = value else {
            return Err(wrong("one of its elements is no STRUCT"));
        };
        let field = |wanted: &[&str]| {
            let is_wanted = |(name, _): &&(String, Value)| {
                wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
            };
            fields.iter().find(is_wanted).map(|(_, value)| value)
        };
        let number = |wanted: &[&str]| match field(wanted) {
            Some(Value::Float(number)) => Ok(*number),
            Some(Value::Int(number)) => Ok(*number as f64),
            _ => Err(wrong(&format!("one of them has no number {}", wanted[0]))),
        };
        let Some(Value::Text(label)) = field(&["chord", "label", "symbol"]) else {
            return Err(wrong("one of them has no text chord"));
        };
        let (start_s, end_s) = (number(&["start_s", "start"])?, number(&["end_s", "end"])?);
        Ok(ChordSpan { label, start_s, end_s })
    };
    list.iter().map(span).collect()
}
