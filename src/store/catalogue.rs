//! Schema `segue` of a database: its tables, how they are created, written and read.
//!
//! | table | one row for each |
//! |---|---|
//! | `models` | version of a model |
//! | `names` | name of a model: its last version number, and what `use_model` chose |
//! | `training_history` | epoch |
//! | `trials` | epoch of a trial of `tune`, whose model is not kept |
//! | `parts` | 64 MiB of a model's file or of an interrupted training's state |

use std::thread;
use std::time::Duration;

use duckdb::{Connection, params};

use super::names::{literal, quote};
use super::rows::{Cell, lookup, rows};
use crate::error::{Error, Result};

/// The size of a BLOB: smaller ones load with less memory, and DuckDB ends at 4 GiB.
const PART_BYTES: usize = 64 << 20;

/// How often a transaction is tried that meets another one.
const ATTEMPTS: u32 = 12;

/// What a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The model's file.
    Archive,
    /// The state from which an interrupted training goes on.
    Resume,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Resume => "resume",
        }
    }
}

/// A part of what is stored.
pub(super) struct Part {
    /// Its size.
    pub bytes: i64,
    /// The query whose one value it is.
    pub select: String,
}

/// The model tables of one database.
pub(super) struct Catalogue<'c> {
    pub conn: &'c Connection,
    /// The database's name, not quoted.
    pub database: String,
}

impl<'c> Catalogue<'c> {
    /// The tables of a database, whether they exist or not.
    pub(super) fn of(conn: &'c Connection, database: &str) -> Self {
        Self { conn, database: database.to_owned() }
    }

    /// The tables of the caller's current database.
    pub(super) fn new(conn: &'c Connection) -> Result<Self> {
        let mut cells = lookup(conn, "SELECT current_database()", [])?;
        let database = cells.pop().and_then(|mut row| row.pop()).map(Cell::text);
        Ok(Self { conn, database: database.unwrap_or_default() })
    }

    /// A table's full name: a database may be called `segue` too, so less would be ambiguous.
    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.segue.{name}", quote(&self.database))
    }

    /// Whether a model was ever stored.
    pub(super) fn exists(&self) -> Result<bool> {
        let found = rows(
            self.conn,
            "SELECT 1 FROM duckdb_tables()
             WHERE database_name = ? AND schema_name = 'segue' AND table_name = 'models'",
            params![self.database],
        )?;
        Ok(!found.is_empty())
    }

    /// The names of its models, in order.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        if !self.exists()? {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT name FROM {} ORDER BY name", self.table("names"));
        Ok(rows(self.conn, &sql, [])?.into_iter().flatten().map(Cell::text).collect())
    }

    /// Whether the database takes no writes.
    pub(super) fn is_read_only(&self) -> Result<bool> {
        let found = rows(
            self.conn,
            "SELECT readonly FROM duckdb_databases() WHERE database_name = ?",
            params![self.database],
        )?;
        Ok(found.into_iter().flatten().any(|cell| cell.is_true()))
    }

    /// Runs `work` in one transaction: all of it or, on any error, nothing. A transaction that
    /// meets another one is tried again.
    pub(super) fn transaction<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        for attempt in 1.. {
            self.conn.execute_batch("BEGIN")?;
            let result = work().and_then(|value| {
                self.conn.execute_batch("COMMIT")?;
                Ok(value)
            });
            match result {
                Err(error) => {
                    // A failed COMMIT has ended the transaction already.
                    let _ = self.conn.execute_batch("ROLLBACK");
                    if attempt >= ATTEMPTS || !is_conflict(&error) {
                        return Err(error);
                    }
                    thread::sleep(Duration::from_millis(u64::from(attempt * attempt)));
                }
                done => return done,
            }
        }
        Err(Error::Database("the transaction was never tried".into()))
    }

    /// Creates what does not exist yet.
    pub(super) fn create(&self) -> Result<()> {
        let (names, models) = (self.table("names"), self.table("models"));
        let (history, parts) = (self.table("training_history"), self.table("parts"));
        let trials = self.table("trials");
        self.conn.execute_batch(&format!(
            "CREATE SCHEMA IF NOT EXISTS {}.segue;
             CREATE TABLE IF NOT EXISTS {names} (
                 name VARCHAR PRIMARY KEY, last_version BIGINT NOT NULL,
                 chosen_version BIGINT, is_default BOOLEAN NOT NULL);
             CREATE TABLE IF NOT EXISTS {models} (
                 name VARCHAR NOT NULL, version BIGINT NOT NULL, kind VARCHAR NOT NULL,
                 status VARCHAR NOT NULL, options VARCHAR NOT NULL, seed BIGINT NOT NULL,
                 device VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
                 plays BIGINT NOT NULL, users BIGINT NOT NULL, songs BIGINT NOT NULL,
                 rejected BIGINT NOT NULL, fields VARCHAR[] NOT NULL,
                 metrics MAP(VARCHAR, DOUBLE) NOT NULL, best_epoch BIGINT,
                 bytes BIGINT NOT NULL, format BIGINT NOT NULL, segue_version VARCHAR NOT NULL,
                 duckdb_version VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL);
             CREATE TABLE IF NOT EXISTS {history} (
                 model VARCHAR NOT NULL, version BIGINT NOT NULL, epoch BIGINT NOT NULL,
                 train_loss DOUBLE, metrics MAP(VARCHAR, DOUBLE) NOT NULL,
                 seconds DOUBLE, plays_per_second DOUBLE);
             CREATE TABLE IF NOT EXISTS {trials} (
                 kind VARCHAR NOT NULL, options VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
                 epoch BIGINT NOT NULL, train_loss DOUBLE,
                 metrics MAP(VARCHAR, DOUBLE) NOT NULL, seconds DOUBLE, plays_per_second DOUBLE);
             CREATE TABLE IF NOT EXISTS {parts} (
                 model VARCHAR NOT NULL, version BIGINT NOT NULL, content VARCHAR NOT NULL,
                 part BIGINT NOT NULL, data BLOB NOT NULL);",
            quote(&self.database)
        ))?;
        Ok(())
    }

    /// The comment on the table of models; empty without one.
    pub(super) fn comment(&self) -> Result<String> {
        let found = rows(
            self.conn,
            "SELECT comment FROM duckdb_tables()
             WHERE database_name = ? AND schema_name = 'segue' AND table_name = 'models'",
            params![self.database],
        )?;
        Ok(found.into_iter().flatten().next().map(Cell::text).unwrap_or_default())
    }

    /// Sets the comment on the table of models.
    pub(super) fn set_comment(&self, comment: &str) -> Result<()> {
        let sql = format!("COMMENT ON TABLE {} IS {}", self.table("models"), literal(comment));
        Ok(self.conn.execute_batch(&sql)?)
    }

    /// Removes one version of a model, but not its name.
    pub(super) fn remove(&self, name: &str, version: i64) -> Result<()> {
        for (table, column) in
            [("models", "name"), ("training_history", "model"), ("parts", "model")]
        {
            let table = self.table(table);
            self.conn.execute(
                &format!("DELETE FROM {table} WHERE {column} = ? AND version = ?"),
                params![name, version],
            )?;
        }
        Ok(())
    }

    /// Stores bytes in parts.
    pub(super) fn write(
        &self,
        name: &str,
        version: i64,
        content: Content,
        bytes: &[u8],
    ) -> Result<()> {
        self.write_parts(name, version, content, bytes, PART_BYTES)
    }

    fn write_parts(
        &self,
        name: &str,
        version: i64,
        content: Content,
        bytes: &[u8],
        part_bytes: usize,
    ) -> Result<()> {
        let sql = format!("INSERT INTO {} VALUES (?, ?, ?, ?, ?)", self.table("parts"));
        let mut insert = self.conn.prepare(&sql)?;
        for (part, data) in bytes.chunks(part_bytes).enumerate() {
            insert.execute(params![name, version, content.name(), part as i64, data])?;
        }
        Ok(())
    }

    /// Reads bytes back; `None` if none were stored.
    pub(super) fn read(
        &self,
        name: &str,
        version: i64,
        content: Content,
    ) -> Result<Option<Vec<u8>>> {
        let parts = self.table("parts");
        let of_model = "WHERE model = ? AND version = ? AND content = ?";
        let count = rows(
            self.conn,
            &format!("SELECT count(*) FROM {parts} {of_model}"),
            params![name, version, content.name()],
        )?;
        let count = count.into_iter().flatten().find_map(|cell| cell.integer()).unwrap_or(0);
        // One by one: an Arrow batch of several parts may exceed its 2 GiB.
        let mut bytes = Vec::new();
        for part in 0..count {
            let found = rows(
                self.conn,
                &format!("SELECT data FROM {parts} {of_model} AND part = ?"),
                params![name, version, content.name(), part],
            )?;
            found.into_iter().flatten().for_each(|cell| bytes.append(&mut cell.bytes()));
        }
        Ok((count > 0).then_some(bytes))
    }

    /// The parts of what was stored, in order, for a statement that moves them.
    pub(super) fn parts(&self, name: &str, version: i64, content: Content) -> Result<Vec<Part>> {
        let stored = format!(
            "FROM {} WHERE model = {} AND version = {version} AND content = {}",
            self.table("parts"),
            literal(name),
            literal(content.name())
        );
        let numbers = rows(self.conn, &format!("SELECT part {stored} ORDER BY part"), [])?;
        let numbers = numbers.into_iter().flatten().filter_map(|cell| cell.integer());
        let part = |number: i64| {
            // One by one: a vector would hold many parts.
            let of_part = format!("{stored} AND part = {number}");
            let size = rows(self.conn, &format!("SELECT octet_length(data) {of_part}"), [])?;
            let bytes = size.into_iter().flatten().filter_map(|cell| cell.integer()).sum();
            Ok(Part { bytes, select: format!("SELECT data {of_part}") })
        };
        numbers.map(part).collect()
    }
}

/// Whether an error says that another transaction was faster.
fn is_conflict(error: &Error) -> bool {
    let message = error.to_string().to_lowercase();
    message.contains("conflict") || message.contains("duplicate key")
}

/// A MAP of numbers as SQL writes it, exactly.
pub(super) fn map_literal(entries: &[(String, f64)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| format!("{}: '{value}'::DOUBLE", literal(name)))
        .collect();
    format!("CAST(MAP {{{}}} AS MAP(VARCHAR, DOUBLE))", entries.join(", "))
}

/// A LIST of texts as SQL writes it.
pub(super) fn list_literal(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| literal(text)).collect();
    format!("CAST([{}] AS VARCHAR[])", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_through_parts() {
        let conn = Connection::open_in_memory().unwrap();
        let catalogue = Catalogue::new(&conn).unwrap();
        assert!(!catalogue.exists().unwrap());
        catalogue.create().unwrap();
        catalogue.create().unwrap();
        assert!(catalogue.exists().unwrap());
        let bytes: Vec<u8> = (0..=250).collect();
        catalogue.write_parts("m", 1, Content::Archive, &bytes, 7).unwrap();
        catalogue.write_parts("m", 2, Content::Archive, &[9], 7).unwrap();
        assert_eq!(catalogue.read("m", 1, Content::Archive).unwrap(), Some(bytes));
        assert_eq!(catalogue.read("m", 1, Content::Resume).unwrap(), None);
        catalogue.remove("m", 1).unwrap();
        assert_eq!(catalogue.read("m", 1, Content::Archive).unwrap(), None);
        assert_eq!(catalogue.read("m", 2, Content::Archive).unwrap(), Some(vec![9]));
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let conn = Connection::open_in_memory().unwrap();
        let catalogue = Catalogue::new(&conn).unwrap();
        let result: Result<()> = catalogue.transaction(|| {
            catalogue.create()?;
            Err(Error::model("no"))
        });
        assert!(result.is_err());
        assert!(!catalogue.exists().unwrap());
        assert!(conn.is_autocommit());
    }

    #[test]
    fn numbers_in_maps_are_exact() {
        let conn = Connection::open_in_memory().unwrap();
        let values = [0.1 + 0.2, f64::NAN, f64::INFINITY, 1e-300, -0.0];
        let entries: Vec<(String, f64)> =
            values.iter().enumerate().map(|(i, &value)| (format!("it's {i}"), value)).collect();
        let sql = format!("SELECT map_values({})", map_literal(&entries));
        let mut found = rows(&conn, &sql, []).unwrap();
        let found: Vec<u64> =
            found.remove(0).remove(0).list().iter().map(|cell| cell.number().to_bits()).collect();
        assert_eq!(found, values.map(f64::to_bits));
        let empty = format!("SELECT map_keys({}), {}", map_literal(&[]), list_literal(&[]));
        assert_eq!(rows(&conn, &empty, []).unwrap(), [[Cell::List(vec![]), Cell::List(vec![])]]);
    }
}
