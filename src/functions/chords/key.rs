//! `estimate_key`: the key of a progression.

use super::{CHORDS, ChordFunction, Lenient, chords};
use crate::data::chords::estimate_key;
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "estimate_key",
    parameters: &[CHORDS],
    returns: || SqlType::Varchar,
    value: "The key, such as C:maj or A:min; NULL where no chord sounds.",
    description: "The key that a progression is most likely in, by the algorithm of Krumhansl and \
                  Schmuckler: the one whose profile (Krumhansl and Kessler 1982) correlates best with \
                  how often each of the twelve notes is in the chords, all of which count alike.",
    example: "SELECT estimate_key(['C', 'Am', 'F', 'G7', 'C']);\n\
              SELECT song_id, estimate_key(list(chord ORDER BY position)) FROM chords GROUP BY song_id",
    lenient: Some(Lenient {
        name: "try_estimate_key",
        description: "As estimate_key, but NULL where one of the texts is no chord symbol.",
        example: "SELECT try_estimate_key(['C', 'H7'])",
    }),
    compute,
};

fn compute(arguments: &[&Value]) -> Result<Value> {
    let key = estimate_key(&chords(arguments, 0)?);
    Ok(key.map_or(Value::Null, |key| Value::Text(key.to_string())))
}
