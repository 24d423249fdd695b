//! A relation of feature matrices → [`Features`].

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::columns::ColumnNames;
use super::pieces::{Kind, Pieces, Rows};
use super::relation::Relation;
use crate::control::Control;
use crate::data::{Features, FeaturesBuilder, Interner, Vocab};
use crate::error::Result;

const FRAMES: Kind = Kind {
    piece: "features",
    pieces: &["features", "mfcc", "mfccs", "coefficients", "values"],
    place: "frame",
    may_lack_places: false,
    places: &["frame", "position", "pos", "start_s", "start", "time"],
    sql_type: "FLOAT[]",
    rows: |sql_type| match depth(sql_type) {
        1 => Some(Rows::Pieces),
        2 => Some(Rows::Songs),
        _ => None,
    },
    types: "features are FLOAT[] with one row a frame, or FLOAT[][] with one row a song",
    plural: "frames",
    needs: "a frame and its coefficients",
    lacks: "song, position or a coefficient is NULL or no finite number",
};

/// One vector a song, or frames, whose mean it is.
const VECTORS: Kind = Kind {
    piece: "vector",
    pieces: &["vector", "embedding", "features", "mfcc", "mfccs"],
    may_lack_places: true,
    types: "vectors are FLOAT[] with one row a song, and frames are as for features",
    ..FRAMES
};

/// How the types of numbers begin.
const NUMBERS: &[&str] = &[
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
];

/// How deep lists of numbers are nested; 0 for what is none.
fn depth(sql_type: &str) -> usize {
    let (mut element, mut depth) = (sql_type, 0);
    while let Some((inner, _)) = element.strip_suffix(']').and_then(|t| t.rsplit_once('[')) {
        (element, depth) = (inner, depth + 1);
    }
    if NUMBERS.iter().any(|number| element.starts_with(number)) { depth } else { 0 }
}

/// What is read of a relation of features, which `option` names.
///
/// # Errors
/// There is no column for song, coefficients or frame, or one of a wrong type.
pub(super) fn plan(option: &str, relation: Relation, names: &ColumnNames) -> Result<Pieces> {
    let kind = if option == "audio" { &VECTORS } else { &FRAMES };
    Pieces::new(relation, names, kind)
}

/// Frames as they were read, songs as codes.
pub(super) struct RawFeatures {
    plan: Pieces,
    builder: FeaturesBuilder,
    rejected: usize,
}

impl RawFeatures {
    /// Reads all rows; their songs join those met before.
    ///
    /// # Errors
    /// DuckDB fails; frames have different numbers of coefficients; no row is usable; the analyst
    /// stopped the statement.
    pub(super) fn read(
        conn: &Connection,
        plan: Pieces,
        songs: &mut Interner,
        control: &Control,
    ) -> Result<Self> {
        let (mut builder, mut rejected) = (FeaturesBuilder::default(), 0);
        let label = &plan.relation.label;
        arrow::read(conn, &plan.relation, &plan.expressions, control, |batch| {
            let (ids, positions) = (Ids::new(&batch[0])?, arrow::times(&batch[2])?);
            let frames = arrow::Vectors::new(&batch[1])?;
            for row in 0..positions.len() {
                match (ids.get(row), frames.get(row), positions.is_valid(row)) {
                    (Some(song), Some(frame), true) if !frame.is_empty() => {
                        let place = positions.value(row);
                        builder.push(songs.code(song), place, frame).map_err(|first| {
                            plan.relation.error(format!(
                                "{label} has frames of {first} coefficients and of {}; all must \
                                 have the same number",
                                frame.len()
                            ))
                        })?;
                    }
                    _ => rejected += 1,
                }
            }
            Ok(())
        })?;
        if builder.is_empty() {
            return Err(plan.no_row());
        }
        Ok(Self { plan, builder, rejected })
    }

    /// The features of all songs; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// Two frames of a song have the same position.
    pub(super) fn finish(
        self,
        vocab: &Vocab,
        ranks: &[u32],
        notes: &mut Vec<String>,
    ) -> Result<Features> {
        let Self { plan, builder, rejected } = self;
        plan.note(rejected, builder.len(), notes);
        builder.finish(ranks).map_err(|song| plan.same_place(vocab, song))
    }
}
