//! Plays and songs coded with the vocabularies of a model that exists already.

use duckdb::Connection;
use duckdb::arrow::array::Array;

use super::arrow::{self, Ids};
use super::columns::{ColumnNames, Role};
use super::ids::{id_expression, id_type, is_integer};
use super::plan::PlaysPlan;
use super::reader::RawPlays;
use super::relation::{Column, Relation};
use crate::control::Control;
use crate::data::{Dataset, Id, Interner, Keys, TestPlays, Vocab};
use crate::error::Result;

/// Finds out whether a relation can be read as plays, whatever the model; reads no rows.
///
/// # Errors
/// The relation or a column is missing or ambiguous.
pub fn check_plays(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    columns: &ColumnNames,
) -> Result<()> {
    let relation = Relation::resolve(conn, function, option, relation_text)?;
    PlaysPlan::new(relation, columns).map(drop)
}

/// Finds out whether test plays can be read for a model; reads no rows.
///
/// # Errors
/// The relation or a column is missing or ambiguous, or ids are of another kind than the model's.
pub fn check_test_plays(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    columns: &ColumnNames,
    dataset: &Dataset,
) -> Result<()> {
    plan(conn, function, option, relation_text, columns, dataset).map(drop)
}

/// Test plays as they were read, ids as codes.
pub struct RawTestPlays {
    plan: PlaysPlan,
    users: Interner,
    songs: Interner,
    plays: RawPlays,
}

/// Reads plays for a test; `option` is the name of the argument that holds the relation.
///
/// # Errors
/// As [`check_test_plays`]; no row is usable; the analyst stopped the statement.
pub fn read_test_plays(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    columns: &ColumnNames,
    dataset: &Dataset,
    control: &Control,
) -> Result<RawTestPlays> {
    let plan = plan(conn, function, option, relation_text, columns, dataset)?;
    let mut users = Interner::new(is_integer(&plan.listener().sql_type));
    let mut songs = Interner::new(is_integer(&plan.song.sql_type));
    let plays = RawPlays::read(conn, &plan, &mut users, &mut songs, control)?;
    Ok(RawTestPlays { plan, users, songs, plays })
}

impl RawTestPlays {
    /// Orders the plays and codes them as `dataset` does. Asks the database nothing, and sorts on
    /// the threads of the rayon pool it is called in.
    ///
    /// # Errors
    /// Too many plays; the analyst stopped the statement.
    pub fn finish(self, dataset: &Dataset, control: &Control) -> Result<TestPlays> {
        let (plan, raw) = (self.plan, self.plays);
        let (users, user_ranks) = self.users.finish(&plan.listener().sql_type);
        let (songs, song_ranks) = self.songs.finish(&plan.song.sql_type);
        let plays = raw.builder.finish(&user_ranks, &song_ranks, control)?;
        let known_users = if plan.user.is_some() {
            indices(&users, &dataset.users)
        } else {
            // A session of the test is nobody that the model knows, whatever its number.
            vec![None; users.len()]
        };
        let known_songs = indices(&songs, &dataset.songs);
        let code = |&song: &u32| known_songs[song as usize].unwrap_or(TestPlays::UNKNOWN_SONG);
        let session_users = known_users
            .iter()
            .enumerate()
            .flat_map(|(user, known)| plays.sessions_of(user as u32).map(move |_| *known));
        Ok(TestPlays {
            songs: plays.songs.iter().map(code).collect(),
            users: session_users.collect(),
            session_offsets: plays.session_offsets,
            has_sessions: plan.session.is_some(),
            rejected: raw.rejected,
            notes: raw.notes,
        })
    }
}

fn plan(
    conn: &Connection,
    function: &str,
    option: &str,
    text: &str,
    columns: &ColumnNames,
    dataset: &Dataset,
) -> Result<PlaysPlan> {
    let relation = Relation::resolve(conn, function, option, text)?;
    let plan = PlaysPlan::new(relation, columns)?;
    if let Some(user) = &plan.user {
        refuse_other_ids(&plan.relation, user, &dataset.users, "users")?;
    }
    refuse_other_ids(&plan.relation, &plan.song, &dataset.songs, "songs")?;
    Ok(plan)
}

/// Reads candidate songs: indices in the model, ascending, each once. Songs that the model does
/// not know are left out, as are NULLs.
///
/// The song column is found by its usual names; a relation with one column needs none.
///
/// # Errors
/// The relation or its song column is missing, or its ids are of another kind than the model's.
pub fn read_songs(
    conn: &Connection,
    function: &str,
    option: &str,
    relation_text: &str,
    vocab: &Vocab,
    control: &Control,
) -> Result<Vec<u32>> {
    let relation = Relation::resolve(conn, function, option, relation_text)?;
    let column = song_column(&relation)?.clone();
    id_type(&relation, &column)?;
    refuse_other_ids(&relation, &column, vocab, "songs")?;
    let mut songs = Vec::new();
    arrow::read(conn, &relation, &[id_expression(&column)], control, |batch| {
        let ids = Ids::new(&batch[0])?;
        let known = (0..batch[0].len()).filter_map(|row| index(vocab, ids.get(row)?));
        songs.extend(known);
        Ok(())
    })?;
    songs.sort_unstable();
    songs.dedup();
    Ok(songs)
}

/// The one column with a usual name of songs, or the only column.
fn song_column(relation: &Relation) -> Result<&Column> {
    let named: Vec<&Column> =
        relation.columns.iter().filter(|column| Role::Song.has_name(&column.name)).collect();
    match (named.as_slice(), relation.columns.as_slice()) {
        ([column], _) => Ok(column),
        ([], [column]) => Ok(column),
        (several, _) => Err(relation.error(format!(
            "{} has {} song column ({}); its columns are: {}; choose one in a query, e.g. \
             '(SELECT … AS song_id FROM …)'",
            relation.label,
            if several.is_empty() { "no" } else { "more than one" },
            Role::Song.names().join(", "),
            relation.column_names()
        ))),
    }
}

/// Texts never match integer ids, so a table with ids of the other kind would silently be unknown.
fn refuse_other_ids(relation: &Relation, column: &Column, vocab: &Vocab, what: &str) -> Result<()> {
    let integers = matches!(vocab.keys(), Keys::Integers(_));
    if vocab.is_empty() || integers == is_integer(&column.sql_type) {
        return Ok(());
    }
    Err(relation.error(format!(
        "{} of {} is of type {}, but the model's {what} have ids of type {}; cast it in a query, \
         e.g. '(SELECT * REPLACE (CAST({} AS {}) AS {}) FROM …)'",
        column.name,
        relation.label,
        column.sql_type,
        vocab.sql_type(),
        column.name,
        vocab.sql_type(),
        column.name
    )))
}

/// For each id of `from` its index in `to`.
fn indices(from: &Vocab, to: &Vocab) -> Vec<Option<u32>> {
    match from.keys() {
        Keys::Integers(ids) => ids.iter().map(|&id| to.find_integer(id)).collect(),
        Keys::Texts(ids) => ids.iter().map(|id| to.find(id)).collect(),
    }
}

fn index(vocab: &Vocab, id: Id<'_>) -> Option<u32> {
    match id {
        Id::Integer(id) => vocab.find_integer(id),
        Id::Text(id) => vocab.find(id),
    }
}

#[cfg(test)]
#[path = "test_plays_tests.rs"]
mod tests;
