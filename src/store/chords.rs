//! A relation of chords → [`Chords`].
//!
//! It has one row a chord, ordered by a column of positions or of times, or one row a song, with a
//! LIST of chords.

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::columns::{ColumnNames, Role, time_expression};
use super::ids::{id_expression, id_type};
use super::names::quote;
use super::relation::{Column, Relation};
use crate::control::Control;
use crate::data::{ChordReading, Chords, ChordsBuilder, Id, Interner, Vocab};
use crate::error::Result;

/// Names of a column of chord symbols; the first that is there counts.
const CHORD: &[&str] = &["chord", "chords", "symbol", "label"];
/// Names of a column that orders the chords of a song; the first that is there counts.
const POSITION: &[&str] = &["position", "pos", "start_s", "start", "start_time", "time"];

/// What is read of a relation of chords.
#[derive(Debug)]
pub(super) struct ChordsPlan {
    pub relation: Relation,
    pub song: Column,
    /// SQL for song, chord and position.
    expressions: [String; 3],
    reading: ChordReading,
}

impl ChordsPlan {
    /// Finds the columns.
    ///
    /// # Errors
    /// There is none for song, chord or position, or one of a wrong type.
    pub(super) fn new(
        mut relation: Relation,
        names: &ColumnNames,
        reading: ChordReading,
    ) -> Result<Self> {
        // A name given for plays holds here too, but need not exist here.
        let given = names.get(Role::Song).filter(|name| relation.column(name).is_some());
        let song = relation.need_column(Role::Song, given)?;
        id_type(&relation, &song)?;
        let chord = need(&relation, CHORD, "chord")?;
        let name = quote(&chord.name);
        let position = match chord.sql_type.as_str() {
            text if is_text(text) => {
                let column = need(&relation, POSITION, "position")?;
                time_expression(&relation, &column)?
            }
            list if list.strip_suffix("[]").is_some_and(is_text) => {
                let song = quote(&song.name);
                relation.from = format!(
                    "(SELECT {song}, unnest({name}) AS {name}, \
                     generate_subscripts({name}, 1) AS __position FROM {})",
                    relation.from
                );
                "__position".to_owned()
            }
            other => {
                return Err(relation.error(format!(
                    "{} of {} is of type {other}, but chords are VARCHAR with one row a chord, or \
                     VARCHAR[] with one row a song",
                    chord.name, relation.label
                )));
            }
        };
        let expressions = [id_expression(&song), format!("CAST({name} AS VARCHAR)"), position];
        Ok(Self { relation, song, expressions, reading })
    }
}

fn is_text(sql_type: &str) -> bool {
    sql_type == "VARCHAR" || sql_type.starts_with("ENUM(") && sql_type.ends_with(')')
}

/// The first of these columns that is there.
pub(super) fn need(relation: &Relation, names: &[&str], what: &str) -> Result<Column> {
    names.iter().find_map(|name| relation.column(name)).cloned().ok_or_else(|| {
        relation.error(format!(
            "{} has no {what} column ({}); its columns are: {}; name one in a query, e.g. \
             '(SELECT *, … AS {what} FROM …)'",
            relation.label,
            names.join(", "),
            relation.column_names()
        ))
    })
}

/// Chords as they were read, songs as codes.
pub(super) struct RawChords {
    plan: ChordsPlan,
    builder: ChordsBuilder,
    rejected: u64,
}

impl RawChords {
    /// Reads all rows; their songs join those met before.
    ///
    /// # Errors
    /// DuckDB fails; no row is usable; the analyst stopped the statement.
    pub(super) fn read(
        conn: &Connection,
        plan: ChordsPlan,
        songs: &mut Interner,
        control: &Control,
    ) -> Result<Self> {
        let (mut builder, mut rejected) = (ChordsBuilder::default(), 0);
        arrow::read(conn, &plan.relation, &plan.expressions, control, |batch| {
            let (ids, symbols) = (Ids::new(&batch[0])?, Ids::new(&batch[1])?);
            let positions = arrow::times(&batch[2])?;
            for row in 0..positions.len() {
                match (ids.get(row), symbols.get(row), positions.is_valid(row)) {
                    (Some(song), Some(Id::Text(symbol)), true) => {
                        builder.push(songs.code(song), positions.value(row), symbol.trim());
                    }
                    _ => rejected += 1,
                }
            }
            Ok(())
        })?;
        if builder.is_empty() {
            let label = &plan.relation.label;
            return Err(plan.relation.error(format!(
                "{label} has no row with a song, a chord and a position; there must be one"
            )));
        }
        Ok(Self { plan, builder, rejected })
    }

    /// The chords of all songs; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// Two chords of a song have the same position; a text is no chord symbol, where the reading needs
    /// one.
    pub(super) fn finish(
        self,
        vocab: &Vocab,
        ranks: &[u32],
        notes: &mut Vec<String>,
    ) -> Result<Chords> {
        let Self { plan, builder, rejected } = self;
        let label = &plan.relation.label;
        if rejected > 0 {
            notes.push(format!(
                "{rejected} of {} rows of {label} were left out: song, chord or position is NULL",
                rejected + builder.len() as u64
            ));
        }
        let chords = builder.finish(ranks).map_err(|song| {
            plan.relation.error(format!(
                "{label} has two chords at one position of song {}; number them in a query, or \
                 keep one row each",
                vocab.text(song)
            ))
        })?;
        chords.read_as(plan.reading).map_err(|error| {
            plan.relation.error(format!(
                "{label}: {error}; leave such rows out with WHERE try_chord_parse(…) IS NOT NULL, \
                 or read texts as they are, with vocabulary := 'given' and no common_key"
            ))
        })
    }
}

#[cfg(test)]
#[path = "chords_tests.rs"]
mod tests;
