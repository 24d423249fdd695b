//! `progression_similarity`: how alike two progressions are.

use super::{CHORDS, ChordFunction, Lenient, chords};
use crate::data::chords::similarity;
use crate::error::Result;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "progression_similarity",
    parameters: &[
        Param { name: "a", ..CHORDS },
        Param { name: "b", doc: "Chord symbols to compare with.", ..CHORDS },
        Param::new(
            "transposition_invariant",
            Kind::Bool,
            Default::Bool(true),
            "Whether progressions in different keys can be equal: the best of all twelve \
             transpositions counts.",
        ),
    ],
    returns: || SqlType::Double,
    value: "From 0 to 1, which equal progressions have.",
    description: "How alike two progressions are: one less the cost of the best alignment as a share \
                  of the longer one's length. A pair of chords costs one less the share of notes that \
                  both have among those of either (Jaccard), a chord without partner costs 1. DuckDB 1.5 takes \
                  transposition_invariant := false as well as false alone; DuckDB 2.0 takes no names here.",
    example: "SELECT progression_similarity(['C', 'F', 'G'], ['D', 'G', 'A7']);\n\
              SELECT progression_similarity(['C', 'F', 'G'], ['D', 'G', 'A7'], false)",
    lenient: Some(Lenient {
        name: "try_progression_similarity",
        description: "As progression_similarity, but NULL where one of the texts is no chord symbol.",
        example: "SELECT try_progression_similarity(['C', 'F', 'G'], ['D', 'H'])",
    }),
    compute,
};

fn compute(arguments: &[&Value]) -> Result<Value> {
    let (a, b) = (chords(arguments, 0)?, chords(arguments, 1)?);
    let invariant = arguments.get(2) != Some(&&Value::Bool(false));
    Ok(Value::Float(similarity(&a, &b, invariant)))
}
