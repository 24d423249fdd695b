//! `chord_parse`: what a chord symbol means.

use super::{CHORD, ChordFunction, Lenient, text};
use crate::data::chords::Chord;
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "chord_parse",
    parameters: &[CHORD],
    returns,
    value: "The root as a note; the quality in Harte's syntax, equal for all spellings of a chord; its \
            notes in semitones above the root, ascending; and the bass as a note, which need not be \
            one of them. Of N and X the quality alone.",
    description: "Takes a chord symbol apart. Root, bass and quality keep their spelling (C# is not \
                  Db).",
    example: "SELECT chord_parse('Bbmaj7/D');\n\
              SELECT DISTINCT chord_parse(chord).quality FROM chords",
    lenient: Some(Lenient {
        name: "try_chord_parse",
        description: "As chord_parse, but NULL for what is no chord symbol.",
        example: "SELECT try_chord_parse('H7');\n\
                  SELECT chord FROM chords WHERE try_chord_parse(chord) IS NULL",
    }),
    compute,
};

fn returns() -> SqlType {
    let field = |name: &str, sql_type| (name.to_owned(), sql_type);
    SqlType::Struct(vec![
        field("root", SqlType::Varchar),
        field("quality", SqlType::Varchar),
        field("intervals", SqlType::List(Box::new(SqlType::BigInt))),
        field("bass", SqlType::Varchar),
    ])
}

fn compute(arguments: &[&Value]) -> Result<Value> {
    let chord = Chord::parse(text(arguments, 0))?;
    let (root, quality, intervals, bass) = match &chord {
        Chord::Notes(harmony) => {
            let mut intervals: Vec<i32> =
                harmony.degrees.iter().map(|degree| degree.semitones()).collect();
            intervals.sort_unstable();
            // Two degrees may sound alike, as #9 and b3 an octave up do not, but #2 and b3 do.
            intervals.dedup();
            let note = |note: String| Value::Text(note);
            (
                note(harmony.root.to_string()),
                harmony.quality(),
                intervals,
                note(harmony.bass_note().to_string()),
            )
        }
        other => (Value::Null, other.to_string(), Vec::new(), Value::Null),
    };
    let intervals = intervals.into_iter().map(|semitones| Value::Int(semitones.into())).collect();
    Ok(Value::Struct(vec![
        ("root".to_owned(), root),
        ("quality".to_owned(), Value::Text(quality)),
        ("intervals".to_owned(), Value::List(intervals)),
        ("bass".to_owned(), bass),
    ]))
}
