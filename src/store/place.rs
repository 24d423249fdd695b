//! Which database a model's name means: `'harm'` the current one, `'music.harm'` the attached `music`.

use duckdb::{Connection, params};

use super::catalogue::Catalogue;
use super::names::quote_if_needed;
use super::rows::{Cell, rows};
use crate::error::Result;

/// A model's name and the database in which it is, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The database's name, not quoted.
    pub database: String,
    /// The model's name within the database.
    pub name: String,
}

/// What `text` names. The part before a dot is an attached database, if there is one of that name
/// (in double quotes, where it holds a dot or a quote itself) and the current database has no model
/// of the whole name.
///
/// # Errors
/// The tables cannot be read.
pub fn locate(conn: &Connection, text: &str) -> Result<Place> {
    let current = Catalogue::new(conn)?;
    if let Some((prefix, name)) = split(text)
        && !current.names()?.iter().any(|other| other == text)
        && let Some(database) = attached(conn, &prefix)?
    {
        return Ok(Place { database, name });
    }
    Ok(Place { database: current.database, name: text.to_owned() })
}

/// The name of the caller's current database.
///
/// # Errors
/// DuckDB cannot tell.
pub fn current_database(conn: &Connection) -> Result<String> {
    Ok(Catalogue::new(conn)?.database)
}

/// The names of the databases that hold models, in order.
pub(super) fn databases(conn: &Connection) -> Result<Vec<String>> {
    let found = rows(
        conn,
        "SELECT database_name FROM duckdb_tables()
         WHERE schema_name = 'segue' AND table_name IN ('models', 'names')
         GROUP BY database_name HAVING count(*) = 2 ORDER BY database_name",
        [],
    )?;
    Ok(found.into_iter().flatten().map(Cell::text).collect())
}

/// A model of another database as functions are to be given it: `music.harm`.
pub(super) fn qualified(database: &str, name: &str) -> String {
    format!("{}.{name}", quote_if_needed(database))
}

/// The database that `text`, a model of the current database, seems to name, but that is not
/// attached. Not every dot stands after a database: `v1.2` and `my best.model` seem to name none.
///
/// # Errors
/// DuckDB cannot tell.
pub fn unattached(conn: &Connection, text: &str) -> Result<Option<String>> {
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    match split(text) {
        Some((database, name)) if is_word(&database) && is_word(&name) => {
            Ok(attached(conn, &database)?.is_none().then_some(database))
        }
        _ => Ok(None),
    }
}

/// The database of a name, whatever its case.
pub(super) fn attached(conn: &Connection, name: &str) -> Result<Option<String>> {
    let found = rows(
        conn,
        "SELECT database_name FROM duckdb_databases()
         WHERE NOT internal AND lower(database_name) = lower(?)",
        params![name],
    )?;
    Ok(found.into_iter().flatten().next().map(Cell::text))
}

/// What stands before and after the first dot outside double quotes; quotes around either go.
fn split(text: &str) -> Option<(String, String)> {
    let mut quoted = false;
    let dot = text.char_indices().find_map(|(at, character)| {
        quoted ^= character == '"';
        (character == '.' && !quoted).then_some(at)
    })?;
    let (database, name) = (unquote(&text[..dot]), unquote(&text[dot + 1..]));
    (!database.is_empty() && !name.is_empty()).then_some((database, name))
}

fn unquote(part: &str) -> String {
    let inner = part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| part.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_splits_at_the_first_dot_outside_quotes() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(split("music.harm"), pair("music", "harm"));
        assert_eq!(split("\"my db\".harm"), pair("my db", "harm"));
        assert_eq!(split("\"a.\"\"b\".\"x.y\""), pair("a.\"b", "x.y"));
        assert_eq!(split("music.my model v1.2"), pair("music", "my model v1.2"));
        for text in ["harm", "\"a.b\"", ".harm", "music.", "\"open.harm", ""] {
            assert_eq!(split(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_counts_if_it_is_attached() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("ATTACH ':memory:' AS music; ATTACH ':memory:' AS \"my db\"").unwrap();
        let place = |text: &str| {
            let place = locate(&conn, text).unwrap();
            format!("{} | {}", place.database, place.name)
        };
        assert_eq!(place("harm"), "memory | harm");
        assert_eq!(place("music.harm"), "music | harm");
        assert_eq!(place("MUSIC.harm"), "music | harm");
        assert_eq!(place("\"my db\".v1.2"), "my db | v1.2");
        assert_eq!(place("v1.2"), "memory | v1.2");
        assert_eq!(place("temp.harm"), "memory | temp.harm");
        assert_eq!(qualified("my db", "harm"), "\"my db\".harm");
        // A model of the whole name is meant first.
        conn.execute_batch(
            "CREATE SCHEMA segue; CREATE TABLE segue.models (name VARCHAR);
             CREATE TABLE segue.names (name VARCHAR); INSERT INTO segue.names VALUES ('music.harm')",
        )
        .unwrap();
        assert_eq!(place("music.harm"), "memory | music.harm");
        assert_eq!(databases(&conn).unwrap(), ["memory"]);
    }
}
