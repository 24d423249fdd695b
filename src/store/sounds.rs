//! What is known of sound files from earlier, and where what is heard in them goes.
//!
//! Two tables of the analyst's own: the results' (one row a chord, or a song), and the ledger, with one
//! row a file and table of results. A file of the same size and time of change that was listened to with the same
//! options is done; what is stored of a song is replaced when it is listened to anew.

use std::collections::{HashMap, HashSet};

use duckdb::arrow::array::RecordBatch;
use duckdb::{Connection, params};

use super::relation::Relation;
use super::rows::{Cell, rows};
use super::sound_files::{SoundFile, is_unchanged, song_column};
use super::sound_rows::{LEDGER, ledger_rows};
use super::sound_tables::SoundTask;
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

impl SoundStore {
    /// Makes the tables that are not there yet, both or none.
    ///
    /// # Errors
    /// The database is read-only, or has something else by these names.
    pub fn new(conn: Connection, task: SoundTask, relation: &Relation) -> Result<Self> {
        let targets = task.targets()?;
        let (_, song_type) = song_column(relation);
        let transaction = conn.unchecked_transaction()?;
        for target in &targets {
            let columns: Vec<String> = target
                .columns
                .iter()
                .map(|(name, sql_type)| format!("{name} {sql_type}"))
                .collect();
            let create = format!(
                "CREATE TABLE IF NOT EXISTS {} (song_id {song_type}, {})",
                target.sql,
                columns.join(", ")
            );
            transaction
                .execute_batch(&create)
                .map_err(|error| task.refused(target, "made", &error.into()))?;
        }
        transaction.commit()?;
        let [into, ledger] = targets.map(|target| target.sql);
        Ok(Self { conn, task, into, ledger })
    }

    /// Fills in what the ledger knows of files as they are.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub fn remember(&self, files: &mut [SoundFile]) -> Result<()> {
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
        self.write(heard, results).map_err(|error| {
            let SoundTask { function, into, files, .. } = &self.task;
            let (error, remedy) = (error.to_string(), "the options 'output' and 'files'");
            let reason = error.lines().next().unwrap_or_default();
            Error::Database(format!(
                "{function}: what was heard cannot be stored in {into} and {files}: {reason}; change \
                 them, or name others with {remedy}"
            ))
        })
    }

    fn write(&self, heard: &[(&SoundFile, &Heard)], results: &RecordBatch) -> Result<()> {
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
