//! A relation of feature matrices → [`Features`].
//!
//! It has one row a frame, a LIST of its coefficients, ordered by a column; or one row a song, a LIST
//! of such LISTs.

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::chords::need;
use super::columns::{ColumnNames, Role, time_expression};
use super::ids::{id_expression, id_type};
use super::names::quote;
use super::relation::{Column, Relation};
use crate::control::Control;
use crate::data::{Features, FeaturesBuilder, Interner, Vocab};
use crate::error::Result;

/// Names of a column of coefficients; the first that is there counts.
const FEATURES: &[&str] = &["features", "mfcc", "mfccs", "coefficients", "values"];
/// Names of a column that orders the frames of a song; the first that is there counts.
const FRAME: &[&str] = &["frame", "position", "pos", "start_s", "start", "time"];
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

/// What is read of a relation of features.
#[derive(Debug)]
pub(super) struct FeaturesPlan {
    pub relation: Relation,
    pub song: Column,
    /// SQL for song, coefficients and position.
    expressions: [String; 3],
}

/// How deep lists of numbers are nested; 0 for what is none.
fn depth(sql_type: &str) -> usize {
    let (mut element, mut depth) = (sql_type, 0);
    while let Some((inner, _)) = element.strip_suffix(']').and_then(|t| t.rsplit_once('[')) {
        (element, depth) = (inner, depth + 1);
    }
    if NUMBERS.iter().any(|number| element.starts_with(number)) { depth } else { 0 }
}

impl FeaturesPlan {
    /// Finds the columns.
    ///
    /// # Errors
    /// There is none for song, coefficients or frame, or one of a wrong type.
    pub(super) fn new(mut relation: Relation, names: &ColumnNames) -> Result<Self> {
        // A name given for plays holds here too, but need not exist here.
        let given = names.get(Role::Song).filter(|name| relation.column(name).is_some());
        let song = relation.need_column(Role::Song, given)?;
        id_type(&relation, &song)?;
        let features = need(&relation, FEATURES, "features")?;
        let name = quote(&features.name);
        let position = match depth(&features.sql_type) {
            1 => {
                let column = need(&relation, FRAME, "frame")?;
                time_expression(&relation, &column)?
            }
            2 => {
                let song = quote(&song.name);
                relation.from = format!(
                    "(SELECT {song}, unnest(CAST({name} AS FLOAT[][])) AS {name}, \
                     generate_subscripts(CAST({name} AS FLOAT[][]), 1) AS __frame FROM {})",
                    relation.from
                );
                "__frame".to_owned()
            }
            _ => {
                return Err(relation.error(format!(
                    "{} of {} is of type {}, but features are FLOAT[] with one row a frame, or \
                     FLOAT[][] with one row a song",
                    features.name, relation.label, features.sql_type
                )));
            }
        };
        let expressions = [id_expression(&song), format!("CAST({name} AS FLOAT[])"), position];
        Ok(Self { relation, song, expressions })
    }
}

/// Frames as they were read, songs as codes.
pub(super) struct RawFeatures {
    plan: FeaturesPlan,
    builder: FeaturesBuilder,
    rejected: u64,
}

impl RawFeatures {
    /// Reads all rows; their songs join those met before.
    ///
    /// # Errors
    /// DuckDB fails; frames have different numbers of coefficients; no row is usable; the analyst
    /// stopped the statement.
    pub(super) fn read(
        conn: &Connection,
        plan: FeaturesPlan,
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
            return Err(plan.relation.error(format!(
                "{label} has no row with a song, a frame and its coefficients; there must be one"
            )));
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
        let label = &plan.relation.label;
        if rejected > 0 {
            notes.push(format!(
                "{rejected} of {} frames of {label} were left out: song, position or a coefficient is \
                 NULL or no finite number",
                rejected + builder.len() as u64
            ));
        }
        builder.finish(ranks).map_err(|song| {
            plan.relation.error(format!(
                "{label} has two frames at one position of song {}; number them in a query, or keep \
                 one row each",
                vocab.text(song)
            ))
        })
    }
}
