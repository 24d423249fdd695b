//! A relation of chords → [`Chords`].

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::columns::ColumnNames;
use super::pieces::{Kind, Pieces, Rows};
use super::relation::Relation;
use crate::control::Control;
use crate::data::{ChordReading, Chords, ChordsBuilder, Id, Interner, Vocab};
use crate::error::Result;

const CHORDS: Kind = Kind {
    piece: "chord",
    pieces: &["chord", "chords", "symbol", "label"],
    place: "position",
    may_lack_places: false,
    places: &["position", "pos", "start_s", "start", "start_time", "time"],
    sql_type: "VARCHAR",
    rows: |sql_type| match sql_type {
        text if is_text(text) => Some(Rows::Pieces),
        list if list.strip_suffix("[]").is_some_and(is_text) => Some(Rows::Songs),
        _ => None,
    },
    types: "chords are VARCHAR with one row a chord, or VARCHAR[] with one row a song",
    plural: "chords",
    needs: "a chord and a position",
    lacks: "song, chord or position is NULL",
};

fn is_text(sql_type: &str) -> bool {
    sql_type == "VARCHAR" || sql_type.starts_with("ENUM(") && sql_type.ends_with(')')
}

/// What is read of a relation of chords.
#[derive(Debug)]
pub(super) struct ChordsPlan {
    pub pieces: Pieces,
    reading: ChordReading,
}

impl ChordsPlan {
    /// Finds the columns.
    ///
    /// # Errors
    /// There is none for song, chord or position, or one of a wrong type.
    pub(super) fn new(
        relation: Relation,
        names: &ColumnNames,
        reading: ChordReading,
    ) -> Result<Self> {
        Ok(Self { pieces: Pieces::new(relation, names, &CHORDS)?, reading })
    }
}

/// Chords as they were read, songs as codes.
pub(super) struct RawChords {
    plan: ChordsPlan,
    builder: ChordsBuilder,
    rejected: usize,
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
        let Pieces { relation, expressions, .. } = &plan.pieces;
        arrow::read(conn, relation, expressions, control, |batch| {
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
            return Err(plan.pieces.no_row());
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
        let relation = &plan.pieces.relation;
        let label = &relation.label;
        plan.pieces.note(rejected, builder.len(), notes);
        let chords = builder.finish(ranks).map_err(|song| plan.pieces.same_place(vocab, song))?;
        chords.read_as(plan.reading).map_err(|error| {
            relation.error(format!(
                "{label}: {error}; leave such rows out with WHERE try_chord_parse(…) IS NOT NULL, \
                 or read texts as they are, with vocabulary := 'given' and no common_key"
            ))
        })
    }
}

#[cfg(test)]
#[path = "chords_tests.rs"]
mod tests;
