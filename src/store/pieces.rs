//! Relations that hold songs piece by piece, in an order: chords, frames of features.
//!
//! They have one row a piece, ordered by a column of positions or of times, or one row a song, with a
//! LIST of pieces.

use super::columns::{ColumnNames, Role, time_expression};
use super::ids::{id_expression, id_type};
use super::names::quote;
use super::relation::{Column, Relation};
use crate::data::Vocab;
use crate::error::{Error, Result};

/// What a kind of pieces looks like in SQL.
#[derive(Debug)]
pub(super) struct Kind {
    /// What a piece is called in errors, and in the names of columns that they propose.
    pub piece: &'static str,
    /// Names of the column of pieces; the first that is there counts.
    pub pieces: &'static [&'static str],
    /// What a place is called.
    pub place: &'static str,
    /// Names of the column of places; the first that is there counts.
    pub places: &'static [&'static str],
    /// Whether a relation may lack that column, having one piece a song.
    pub may_lack_places: bool,
    /// The type of a piece.
    pub sql_type: &'static str,
    /// Whether a type is that of one piece, or, with [`Rows::Songs`], of the pieces of a song.
    pub rows: fn(&str) -> Option<Rows>,
    /// The types that will do, in an error.
    pub types: &'static str,
    /// What several pieces are called.
    pub plural: &'static str,
    /// What a row needs beside its song.
    pub needs: &'static str,
    /// Why a row is left out.
    pub lacks: &'static str,
}

/// What has a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Pieces,
    Songs,
}

/// What is read of such a relation.
#[derive(Debug)]
pub(super) struct Pieces {
    pub relation: Relation,
    pub song: Column,
    /// SQL for song, piece and place.
    pub expressions: [String; 3],
    kind: &'static Kind,
}

impl Pieces {
    /// Finds the columns.
    ///
    /// # Errors
    /// There is none for song, piece or place, or one of a wrong type.
    pub(super) fn new(
        mut relation: Relation,
        names: &ColumnNames,
        kind: &'static Kind,
    ) -> Result<Self> {
        // A name given for plays holds here too, but need not exist here.
        let given = names.get(Role::Song).filter(|name| relation.column(name).is_some());
        let song = relation.need_column(Role::Song, given)?;
        id_type(&relation, &song)?;
        let piece = need(&relation, kind.pieces, kind.piece)?;
        let (name, sql_type) = (quote(&piece.name), kind.sql_type);
        let place = match (kind.rows)(&piece.sql_type) {
            Some(Rows::Pieces)
                if kind.may_lack_places
                    && kind.places.iter().all(|name| relation.column(name).is_none()) =>
            {
                "0".to_owned()
            }
            Some(Rows::Pieces) => {
                let column = need(&relation, kind.places, kind.place)?;
                time_expression(&relation, &column)?
            }
            Some(Rows::Songs) => {
                let song = quote(&song.name);
                relation.from = format!(
                    "(SELECT {song}, unnest(CAST({name} AS {sql_type}[])) AS {name}, \
                     generate_subscripts(CAST({name} AS {sql_type}[]), 1) AS __place FROM {})",
                    relation.from
                );
                "__place".to_owned()
            }
            None => {
                return Err(relation.error(format!(
                    "{} of {} is of type {}, but {}",
                    piece.name, relation.label, piece.sql_type, kind.types
                )));
            }
        };
        let expressions = [id_expression(&song), format!("CAST({name} AS {sql_type})"), place];
        Ok(Self { relation, song, expressions, kind })
    }

    /// The error of a relation without a usable row.
    pub(super) fn no_row(&self) -> Error {
        let (label, needs) = (&self.relation.label, self.kind.needs);
        self.relation.error(format!("{label} has no row with a song, {needs}; there must be one"))
    }

    /// The error of a song that has two pieces at one place.
    pub(super) fn same_place(&self, vocab: &Vocab, song: u32) -> Error {
        self.relation.error(format!(
            "{} has two {} at one position of song {}; number them in a query, or keep one row each",
            self.relation.label,
            self.kind.plural,
            vocab.text(song)
        ))
    }

    /// Notes how many pieces were not usable, beside those that were.
    pub(super) fn note(&self, rejected: usize, usable: usize, notes: &mut Vec<String>) {
        if rejected > 0 {
            let Kind { plural, lacks, .. } = self.kind;
            let (total, label) = (rejected + usable, &self.relation.label);
            notes.push(format!("{rejected} of {total} {plural} in {label} were left out: {lacks}"));
        }
    }
}

/// The first of these columns that is there.
fn need(relation: &Relation, names: &[&str], what: &str) -> Result<Column> {
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
