//! `chord_simplify`: the chord of a smaller vocabulary.

use super::{CHORD, ChordFunction, Lenient, text};
use crate::data::chords::{Chord, Vocabulary};
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "chord_simplify",
    parameters: &[
        CHORD,
        Param::new(
            "vocabulary",
            Kind::Choice(Vocabulary::NAMES),
            Default::Required,
            "majmin, major and minor triads; majmin7, these and the sevenths 7, maj7 and min7; \
             sevenths, these and dim, aug, sus4, sus2, maj6, min6, minmaj7, dim7 and hdim7; full, all \
             chords, with basses.",
        ),
    ],
    returns: || SqlType::Varchar,
    value: "The chord in Harte's syntax; X where the vocabulary has none for it.",
    description: "The chord of a vocabulary that a chord counts as, without its bass, except in full. In \
                  majmin and majmin7 chords count by their third and seventh, if their fifth is \
                  perfect, as in the simplified labels of the McGill Billboard corpus; of the others, \
                  such as dim and sus4, X is left.",
    example: "SELECT chord_simplify('Am9/G', 'majmin7');\n\
              SELECT chord_simplify(chord, 'majmin') AS triad, count(*) FROM chords GROUP BY triad",
    lenient: Some(Lenient {
        name: "try_chord_simplify",
        description: "As chord_simplify, but NULL for what is no chord symbol.",
        example: "SELECT try_chord_simplify('H7', 'majmin')",
    }),
    compute,
};

fn compute(arguments: &[&Value]) -> Result<Value> {
    let chord = Chord::parse(text(arguments, 0))?;
    let vocabulary = Vocabulary::parse(text(arguments, 1)).unwrap_or(Vocabulary::Full);
    Ok(Value::Text(vocabulary.simplify(&chord).to_string()))
}
