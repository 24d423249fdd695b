//! `chord_transpose`: the chord so many semitones higher.

use super::{CHORD, ChordFunction, Lenient, int, text};
use crate::data::chords::transpose_symbol;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "chord_transpose",
    parameters: &[
        CHORD,
        Param::new(
            "semitones",
            Kind::Int { min: i64::MIN, max: i64::MAX },
            Default::Required,
            "How many semitones up, or down if negative; whole octaves change nothing.",
        ),
    ],
    returns: || SqlType::Varchar,
    value: "The chord in the syntax in which it was given.",
    description: "A chord some semitones higher. Its root gets the usual name, Db major but C# minor; \
                  a bass that is a note keeps its distance in letters.",
    example: "SELECT chord_transpose('Bbmaj7/D', 2);\n\
              SELECT song_id, position, chord_transpose(chord, 5) AS chord FROM chords",
    lenient: Some(Lenient {
        name: "try_chord_transpose",
        description: "As chord_transpose, but NULL for what is no chord symbol.",
        example: "SELECT try_chord_transpose('H7', 2)",
    }),
    compute: |arguments| transpose_symbol(text(arguments, 0), int(arguments, 1)).map(Value::Text),
};
