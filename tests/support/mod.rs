//! What the tests that speak SQL share: an engine on a database file, and values as text.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod extension;

use std::path::{Path, PathBuf};

use duckdb::arrow::datatypes::DataType;
use duckdb::types::Value;
use duckdb::{AccessMode, Config};
use segue::functions::{MACROS, registry};
use segue::session::{OpenOptions, Session};
use segue::{Error, Result};
use tempfile::TempDir;

/// What a statement gave: its column types, and its rows as DuckDB prints them.
pub struct Answer {
    /// One type a column.
    pub types: Vec<DataType>,
    /// Rows of text; NULL is `NULL`.
    pub rows: Vec<Vec<String>>,
}

/// Where Segue's functions come from.
#[derive(Debug, Clone)]
pub enum Kind {
    /// The shell's engine.
    Shell,
    /// A plain database of the linked DuckDB that loads this file.
    Extension(PathBuf),
}

/// An open database.
enum Database {
    Shell(Session),
    Extension(duckdb::Connection),
}

impl Database {
    fn open(kind: &Kind, path: &Path, read_only: bool) -> Result<Self> {
        match kind {
            Kind::Shell => {
                let options = OpenOptions { read_only };
                Ok(Self::Shell(Session::open(Some(path), &options, &registry(), MACROS)?))
            }
            Kind::Extension(file) => {
                let mode = if read_only { AccessMode::ReadOnly } else { AccessMode::ReadWrite };
                let config = Config::default().access_mode(mode)?.allow_unsigned_extensions()?;
                let connection = duckdb::Connection::open_with_flags(path, config)?;
                connection.execute_batch(&format!("LOAD '{}'", file.display()))?;
                Ok(Self::Extension(connection))
            }
        }
    }

    fn connection(&self) -> &duckdb::Connection {
        match self {
            Self::Shell(session) => session.connection(),
            Self::Extension(connection) => connection,
        }
    }

    fn close(self) -> Result<()> {
        match self {
            Self::Shell(session) => session.close(),
            Self::Extension(connection) => Ok(connection.close().map_err(|(_, error)| error)?),
        }
    }
}

/// A database file of its own, which lives as long as the engine, open with Segue in it.
pub struct Engine {
    // Dropped in this order: the database is closed before its folder goes.
    database: Option<Database>,
    printer: duckdb::Connection,
    kind: Kind,
    path: PathBuf,
    _folder: TempDir,
}

impl Engine {
    /// The shell's engine on a new database file.
    pub fn new() -> Result<Self> {
        Self::of(Kind::Shell)
    }

    /// An engine on a new database file.
    pub fn of(kind: Kind) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|e| Error::Database(e.to_string()))?;
        let path = folder.path().join("test.duckdb");
        Self::on(kind, folder, path)
    }

    fn on(kind: Kind, folder: TempDir, path: PathBuf) -> Result<Self> {
        let database = Some(Database::open(&kind, &path, false)?);
        let printer = duckdb::Connection::open_in_memory()?;
        Ok(Self { database, printer, kind, path, _folder: folder })
    }

    /// What sqllogictest calls it in `onlyif` and `skipif`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Shell => "shell",
            Kind::Extension(_) => "extension",
        }
    }

    /// Closes the database and opens it again: what is left is what was stored.
    pub fn restart(&mut self, read_only: bool) -> Result<()> {
        if let Some(database) = self.database.take() {
            database.close()?;
        }
        self.database = Some(Database::open(&self.kind, &self.path, read_only)?);
        Ok(())
    }

    /// Another engine, on a copy of the database as it is now. No result and no other connection
    /// of this engine may be in use.
    pub fn fork(&mut self) -> Result<Self> {
        let fork = || {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("test.duckdb");
            std::fs::copy(&self.path, &path).map(|_| (folder, path))
        };
        if let Some(database) = self.database.take() {
            database.close()?;
        }
        let (folder, path) = fork().map_err(|e| Error::Database(e.to_string()))?;
        self.database = Some(Database::open(&self.kind, &self.path, false)?);
        Self::on(self.kind.clone(), folder, path)
    }

    /// Another connection to the same open database.
    pub fn connect(&self) -> Result<duckdb::Connection> {
        Ok(self.connection()?.try_clone()?)
    }

    /// The first connection.
    pub fn connection(&self) -> Result<&duckdb::Connection> {
        let failed = || Error::Database("the last restart failed".into());
        Ok(self.database.as_ref().ok_or_else(failed)?.connection())
    }

    /// Runs one or more statements on the first or on another connection, and gives the last
    /// one's rows.
    pub fn run(&self, other: Option<&duckdb::Connection>, sql: &str) -> Result<Answer> {
        let connection = other.map_or_else(|| self.connection(), Ok)?;
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut values: Vec<Vec<Value>> = Vec::new();
        while let Some(row) = rows.next()? {
            values.push(
                (0..row.as_ref().column_count())
                    .map(|c| row.get(c))
                    .collect::<std::result::Result<_, _>>()?,
            );
        }
        drop(rows);
        let types = statement.schema().fields().iter().map(|f| f.data_type().clone()).collect();
        let text = |row: &Vec<Value>| row.iter().map(|value| self.text(value)).collect();
        Ok(Answer { types, rows: values.iter().map(text).collect::<Result<_>>()? })
    }

    /// A value as DuckDB prints it. Text inside nested values is not quoted: where a test needs
    /// that, its SQL casts to VARCHAR.
    fn text(&self, value: &Value) -> Result<String> {
        let list = |values: &[Value]| -> Result<String> {
            Ok(values.iter().map(|v| self.text(v)).collect::<Result<Vec<_>>>()?.join(", "))
        };
        Ok(match value {
            Value::Null => "NULL".into(),
            Value::Text(text) | Value::Enum(text) => text.clone(),
            Value::List(values) | Value::Array(values) => format!("[{}]", list(values)?),
            Value::Struct(fields) => {
                let field = |(name, value): &(String, Value)| -> Result<String> {
                    Ok(format!("'{name}': {}", self.text(value)?))
                };
                format!("{{{}}}", fields.iter().map(field).collect::<Result<Vec<_>>>()?.join(", "))
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(Value, Value)| -> Result<String> {
                    Ok(format!("{}={}", self.text(key)?, self.text(value)?))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Result<Vec<_>>>()?.join(", "))
            }
            Value::Union(value) => self.text(value)?,
            // DuckDB itself knows best how it writes floats, decimals, dates and so on.
            scalar => self.printer.query_row("SELECT ?::VARCHAR", [scalar], |row| row.get(0))?,
        })
    }
}
