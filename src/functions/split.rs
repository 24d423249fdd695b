//! Splits: the plays of a relation with a column that says what each is for.
//!
//! Every function writes one query with window functions and leaves the work to DuckDB: columns of
//! any type come through, and what does not fit into memory is spilled.
//!
//! What holds for all of them:
//! - All rows come back, in their order, which is time for plays that have none. What a training
//!   would leave out (a NULL user, song, session or time) has the part NULL.
//! - The same play (user, song and time) is never in two parts. Plays of one user at the same time
//!   have no order: which of them is the last is left to chance, the same chance each time.
//! - Chance is an MD5 of the seed and the play, so that a split depends neither on threads nor on
//!   the order of rows, machine or version.

mod cut;
mod folds;
mod leakage;
mod options;
mod per_user;
mod windows;

pub(super) use folds::check_folds;

use super::contract::{Call, Column, QueryFunction, SqlType};
use super::training::column_names;
use crate::error::Result;
use crate::store::PlaysColumns;

/// The functions, in the order of the manual.
pub(super) fn all() -> Vec<QueryFunction> {
    vec![
        per_user::leave_one_out(),
        per_user::last(),
        per_user::ratio(),
        cut::time(),
        windows::windows(),
        cut::sessions(),
        cut::users(),
        folds::folds(),
        leakage::check_leakage(),
    ]
}

/// A call of a split: its plays, and a connection that sees what the caller sees.
struct Split {
    conn: duckdb::Connection,
    plays: PlaysColumns,
}

impl Split {
    /// Finds the plays, which must not have the columns that the split adds.
    fn new(function: &str, call: &Call, adds: &[&str]) -> Result<Self> {
        let conn = call.caller.connect()?;
        let (text, names) =
            (call.options.text("plays").unwrap_or_default(), column_names(&call.options));
        let plays = PlaysColumns::find(&conn, function, "plays", text, &names)?;
        for name in adds {
            if plays.relation.column(name).is_some() {
                return Err(plays.relation.error(format!(
                    "the relation has a column {name} already; leave it out with a query, e.g. \
                     '(SELECT * EXCLUDE ({name}) FROM …)'"
                )));
            }
        }
        Ok(Self { conn, plays })
    }

    /// The rows with their number, as `__segue_row`, and further columns: each its SQL and name.
    fn numbered(&self, columns: &[(&str, &str)]) -> String {
        let columns: Vec<String> =
            columns.iter().map(|(sql, name)| format!(", {sql} AS {name}")).collect();
        let from = &self.plays.relation.from;
        format!("(SELECT *, row_number() OVER () AS __segue_row{} FROM {from})", columns.concat())
    }

    /// SQL for the user of a row that a training would read; NULL for others.
    fn usable_user(&self) -> String {
        format!("CASE WHEN {} THEN {} END", self.plays.is_usable(), self.plays.user)
    }

    /// What makes a play the same as another: the user, the song, and the time if there is one.
    fn identity(&self) -> Vec<&str> {
        let PlaysColumns { user, song, time, .. } = &self.plays;
        [Some(user), Some(song), time.as_ref()].into_iter().flatten().map(String::as_str).collect()
    }
}

/// SQL for a number that the seed and the values of some columns draw.
fn chance(seed: i64, columns: &[&str]) -> String {
    format!("md5_number_lower(concat_ws(chr(31), {seed}, {}))", columns.join(", "))
}

/// SQL for the part of a row: the first of these conditions that holds, else training.
fn part(unusable: &str, test: &str, validation: &str) -> String {
    format!(
        "CASE WHEN {unusable} THEN NULL WHEN {test} THEN 'test' \
         WHEN {validation} THEN 'validation' ELSE 'train' END AS split"
    )
}

/// The columns of every split, for the manual.
fn columns(fold: Option<&'static str>) -> Vec<Column> {
    let mut columns = vec![Column::documented("*", SqlType::Any, "The columns of the plays.")];
    columns.extend(fold.map(|doc| Column::documented("fold", SqlType::BigInt, doc)));
    columns.push(Column::documented(
        "split",
        SqlType::Varchar,
        "train, validation or test; NULL for rows that a training leaves out.",
    ));
    columns
}
