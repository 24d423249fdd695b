//! Mock functions in a real DuckDB.

mod scalars;
mod tables;

use duckdb::Connection;

use super::super::contract::{Registry, Value};
use crate::session::{OpenOptions, Session};

/// A database in memory with the given functions.
fn session(registry: &Registry) -> Session {
    Session::open(None, &OpenOptions::default(), registry, &[]).unwrap()
}

/// The first column of every row as text, or the error.
fn column(connection: &Connection, sql: &str) -> Result<Vec<String>, String> {
    let text = |error: duckdb::Error| error.to_string();
    let mut statement = connection.prepare(sql).map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(text)? {
        let cell: duckdb::types::Value = row.get(0).map_err(text)?;
        found.push(match cell {
            duckdb::types::Value::Null => "NULL".to_owned(),
            duckdb::types::Value::Text(text) => text,
            duckdb::types::Value::BigInt(number) => number.to_string(),
            other => format!("{other:?}"),
        });
    }
    Ok(found)
}

/// The error of a statement that must fail.
fn error(connection: &Connection, sql: &str) -> String {
    column(connection, sql).expect_err(sql)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
