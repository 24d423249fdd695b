//! `progression_ngrams`: the runs of chords in a progression.

use super::{CHORDS, ChordFunction, int, texts};
use crate::data::chords::ngrams;
use crate::functions::contract::{SqlType, Value};
use crate::train::{Default, Kind, Param};

pub(super) const SPEC: ChordFunction = ChordFunction {
    name: "progression_ngrams",
    parameters: &[
        CHORDS,
        Param::new(
            "n",
            Kind::Int { min: 1, max: i64::MAX },
            Default::Required,
            "How many chords follow each other in a run.",
        ),
    ],
    returns: || {
        let list = |element| SqlType::List(Box::new(element));
        list(list(SqlType::Varchar))
    },
    value: "The runs in order, each a list of texts as they were given; empty where there are fewer \
            than n chords.",
    description: "All runs of n chords that follow each other. Texts are not read as chords, so \
                  numerals do as well.",
    example: "SELECT progression_ngrams(['C', 'Am', 'F', 'G'], 2);\n\
              WITH songs AS (SELECT list(chord ORDER BY position) AS chords FROM chords GROUP BY song_id),\n\
              runs AS (SELECT unnest(progression_ngrams(chords, 3)) AS run FROM songs)\n\
              SELECT run, count(*) FROM runs GROUP BY run ORDER BY count(*) DESC, run LIMIT 5",
    lenient: None,
    compute: |arguments| {
        let chords: Vec<Value> =
            texts(arguments, 0).map(|text| Value::Text(text.to_owned())).collect();
        let n = usize::try_from(int(arguments, 1)).unwrap_or(usize::MAX);
        Ok(Value::List(ngrams(&chords, n).into_iter().map(Value::List).collect()))
    },
};
