//! `chord_roman`: the chord as a numeral in a key.

use super::{CHORD, ChordFunction, Lenient, text};
use crate::data::chords::{Chord, Key, roman};
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "chord_roman",
    parameters: &[
        CHORD,
        Param::new(
            "key",
            Kind::Text,
            Default::Required,
            "A major or minor key: Bb, A:min, Am or F# minor.",
        ),
    ],
    returns: || SqlType::Varchar,
    value: "The numeral, in lower case for chords with a minor third, and what it does not say: ii7, \
            bVII, viiø7, V7(b9)/3. N and X stay as they are.",
    description: "A chord as a roman numeral in a key. Degrees count in the key's own scale, in minor \
                  the natural one: F is VI in A minor, and G#dim is #vii°.",
    example: "SELECT chord_roman('Dm7', 'C');\n\
              WITH keys AS (\n    \
                  SELECT song_id, estimate_key(list(chord ORDER BY position)) AS key FROM chords GROUP BY song_id\n\
              )\n\
              SELECT song_id, position, chord_roman(chord, key) FROM chords JOIN keys USING (song_id)",
    lenient: Some(Lenient {
        name: "try_chord_roman",
        description: "As chord_roman, but NULL for what is no chord symbol or no key.",
        example: "SELECT try_chord_roman('H7', 'C')",
    }),
    compute,
};

fn compute(arguments: &[&Value]) -> Result<Value> {
    let (chord, key) = (Chord::parse(text(arguments, 0))?, Key::parse(text(arguments, 1))?);
    Ok(Value::Text(roman(&chord, key)))
}
