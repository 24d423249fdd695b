//! What is known of sound files from earlier, and where what is heard in them goes.
//!
//! Two tables of the analyst's own: the results' (one row a chord, or a song), and the ledger, with one
//! row a file and table of results. A file of the same size and time of change that was listened to with the same
//! options is done; what is stored of a song is replaced when it is listened to anew.

use std::collections::{HashMap, HashSet};

use duckdb::arrow::array::RecordBatch;
use duckdb::{Connection, params};

use super::names::quote;
use super::relation::Relation;
use super::rows::{Cell, rows};
use super::sound_files::{self, SoundFile, is_unchanged, song_column};
use super::sound_rows::{LEDGER, ledger_rows};
use super::syntax::{Shape, shape};
use crate::control::Control;
use crate::error::{Error, Result};

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// `ok`, `partial`, `corrupt` …
    pub status: String,
    /// Why it is not `ok`.
    pub error: Option<String>,
    /// Rows or frames that were stored of it.
    pub count: i64,
    /// Samples per second.
    pub rate: Option<i64>,
    /// How long the file says that it is, in seconds.
    pub declared_s: Option<f64>,
    /// How much of it was decoded, in seconds.
    pub decoded_s: f64,
}

/// What is to be listened for, and where it goes.
#[derive(Debug, Clone)]
pub struct SoundTask {
    /// The function, for messages.
    pub function: String,
    /// What is done with each file, options and all: other texts are other tasks.
    pub task: String,
    /// The table of results.
    pub into: String,
    /// The ledger.
    pub files: String,
    /// The columns of the results beside the song, with their types.
    pub columns: &'static [(&'static str, &'static str)],
}

/// Where rows wait on their way into a table.
const STAGED: &str = "segue_staged";

/// A task's tables, and the connection that writes them.
pub struct SoundStore {
    conn: Connection,
    task: SoundTask,
    /// Both tables as SQL names them.
    into: String,
    ledger: String,
}

/// A table as SQL names it.
///
/// # Errors
/// The text is no name.
fn table(function: &str, option: &str, text: &str) -> Result<String> {
    match shape(text.trim()) {
        Shape::Name(parts) => {
            Ok(parts.iter().map(|part| quote(part)).collect::<Vec<_>>().join("."))
        }
        _ => Err(Error::option(function, option, "must be the name of a table, such as chords")),
    }
}

/// The name of a table in the same database and schema as another.
pub fn beside(table: &str, name: &str) -> String {
    match shape(table.trim()) {
        Shape::Name(mut parts) if parts.len() > 1 => {
            parts.pop();
            let quoted = parts.iter().map(|part| quote(part)).chain([name.to_owned()]);
            quoted.collect::<Vec<_>>().join(".")
        }
        _ => name.to_owned(),
    }
}

impl SoundTask {
    /// Checks the names of the tables and, of those that exist, the columns; changes nothing.
    ///
    /// # Errors
    /// No table's name; a table that lacks a column, or whose songs have ids of another kind.
    pub fn check(&self, conn: &Connection, relation: &Relation) -> Result<()> {
        let (_, song_type) = song_column(relation);
        for (option, name, columns) in
            [("output", &self.into, self.columns), ("files", &self.files, LEDGER)]
        {
            let table = table(&self.function, option, name)?;
            let Ok(found) = rows(conn, &format!("DESCRIBE FROM {table}"), []) else { continue };
            let found: Vec<[String; 2]> = found
                .into_iter()
                .map(|row| [0, 1].map(|at| row.get(at).cloned().unwrap_or(Cell::Null).text()))
                .collect();
            let is_song = |[name, _]: &&[String; 2]| name.eq_ignore_ascii_case("song_id");
            if let Some([_, other]) = found.iter().find(is_song)
                && song_type == "VARCHAR"
                && other != "VARCHAR"
            {
                let message = format!(
                    "names a table, {name}, whose song_id is {other}, and the files' are VARCHAR; give \
                     another name, or files with a song_id"
                );
                return Err(Error::option(&self.function, option, message));
            }
            let wanted = std::iter::once("song_id").chain(columns.iter().map(|(name, _)| *name));
            for wanted in wanted {
                if !found.iter().any(|[name, _]| name.eq_ignore_ascii_case(wanted)) {
                    let message = format!(
                        "names a table, {name}, that has no column {wanted}; give another name, or one \
                         of a table that is not there yet"
                    );
                    return Err(Error::option(&self.function, option, message));
                }
            }
        }
        Ok(())
    }
}

impl SoundStore {
    /// Makes the tables that are not there yet.
    ///
    /// # Errors
    /// The database is read-only, or has something else by these names.
    pub fn new(conn: Connection, task: SoundTask, relation: &Relation) -> Result<Self> {
        let into = table(&task.function, "output", &task.into)?;
        let ledger = table(&task.function, "files", &task.files)?;
        let (_, song_type) = song_column(relation);
        for (table, columns) in [(&into, task.columns), (&ledger, LEDGER)] {
            let columns: Vec<String> =
                columns.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
            conn.execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {table} (song_id {song_type}, {})",
                columns.join(", ")
            ))?;
        }
        Ok(Self { conn, task, into, ledger })
    }

    /// The relation's files, the largest first, so that none of them is alone at the end, with what the
    /// ledger knows of them.
    ///
    /// # Errors
    /// The relation cannot be read; the analyst stops the statement.
    pub fn files(&self, relation: &Relation, control: &Control) -> Result<Vec<SoundFile>> {
        let mut files = sound_files::list(&self.conn, relation, control)?;
        self.remember(&mut files)?;
        files.sort_by_key(|file| std::cmp::Reverse(file.size));
        Ok(files)
    }

    /// Fills in what the ledger knows of files as they are.
    fn remember(&self, files: &mut [SoundFile]) -> Result<()> {
        let known = rows(
            &self.conn,
            &format!(
                "SELECT song_id::VARCHAR, path, size, epoch_us(modified_at), status, error, count, \
                 sample_rate, declared_s, decoded_s FROM {} WHERE task = ? AND output = ?",
                self.ledger
            ),
            [&self.task.task, &self.task.into],
        )?;
        let mut by_file = HashMap::new();
        for row in known {
            let text = |at: usize| row[at].clone().text();
            let number = |at: usize| Some(row[at].number()).filter(|number| !number.is_nan());
            let heard = Heard {
                status: text(4),
                error: Some(text(5)).filter(|text| !text.is_empty()),
                count: row[6].integer().unwrap_or(0),
                rate: row[7].integer(),
                declared_s: number(8),
                decoded_s: number(9).unwrap_or(0.0),
            };
            by_file.insert((text(0), text(1), row[2].integer()), (row[3].integer(), heard));
        }
        // Whoever empties the table of results wants them anew.
        let stored = format!("SELECT DISTINCT song_id::VARCHAR FROM {}", self.into);
        let stored: HashSet<String> = rows(&self.conn, &stored, [])?
            .into_iter()
            .filter_map(|row| row.into_iter().next().map(Cell::text))
            .collect();
        for file in files.iter_mut().filter(|file| file.size.is_some()) {
            let known = by_file.remove(&(file.song.clone(), file.path.clone(), file.size));
            let known = known.filter(|(then, _)| is_unchanged(*then, file.modified));
            let known = known.map(|(_, heard)| heard);
            file.known = known.filter(|known| known.count == 0 || stored.contains(&file.song));
        }
        Ok(())
    }

    /// Stores what was heard, all or nothing: `results` has a column song_id of texts, and the task's
    /// columns.
    ///
    /// # Errors
    /// The tables cannot be written.
    pub fn store(&self, heard: &[(&SoundFile, &Heard)], results: &RecordBatch) -> Result<()> {
        let transaction = self.conn.unchecked_transaction()?;
        self.append(&ledger_rows(heard, &self.task)?, LEDGER)?;
        for table in [&self.into, &self.ledger] {
            // What another task put there is gone, too, so that nobody takes it for done. What was heard
            // in a file that cannot be had now stays: it may come back.
            let same = match *table == self.ledger {
                true => "AND l.output = s.output",
                false => "AND s.status NOT IN ('not_found', 'forbidden')",
            };
            transaction.execute_batch(&format!(
                "DELETE FROM {table} l USING temp.{STAGED} s WHERE l.song_id::VARCHAR = s.song_id {same}"
            ))?;
        }
        self.insert(&self.ledger, LEDGER)?;
        if results.num_rows() > 0 {
            self.append(results, self.task.columns)?;
            self.insert(&self.into, self.task.columns)?;
        }
        transaction.execute_batch(&format!("DROP TABLE temp.{STAGED}"))?;
        Ok(transaction.commit()?)
    }

    /// Puts rows into a new staging table, ids as texts: whatever type they have in the other table,
    /// an appender need not know.
    fn append(&self, rows: &RecordBatch, columns: &[(&str, &str)]) -> Result<()> {
        let columns: Vec<String> = columns
            .iter()
            .map(|(name, sql_type)| match *sql_type {
                // Microseconds.
                "TIMESTAMP" => format!("{name} BIGINT"),
                _ => format!("{name} {sql_type}"),
            })
            .collect();
        self.conn.execute_batch(&format!(
            "CREATE OR REPLACE TEMP TABLE {STAGED} (song_id VARCHAR, {})",
            columns.join(", ")
        ))?;
        let mut appender = self.conn.appender_to_catalog_and_db(STAGED, "temp", "main")?;
        appender.append_record_batch(rows.clone())?;
        Ok(appender.flush()?)
    }

    fn insert(&self, table: &str, columns: &[(&str, &str)]) -> Result<()> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|(name, sql_type)| match *sql_type {
                "TIMESTAMP" => format!("make_timestamp({name})"),
                _ => (*name).to_owned(),
            })
            .collect();
        self.conn.execute(
            &format!(
                "INSERT INTO {table} (song_id, {}) SELECT song_id, {} FROM temp.{STAGED}",
                names.join(", "),
                values.join(", ")
            ),
            params![],
        )?;
        Ok(())
    }
}
