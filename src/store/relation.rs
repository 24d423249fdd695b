//! Relation arguments: the name of a table or view, a query in parentheses, or a file.

use duckdb::Connection;

use super::macros;
use super::names::{alternatives, literal, quote, quote_if_needed, similar};
use super::rows::{Cell, rows};
use super::syntax::{Shape, calls, shape, starts_query};
use crate::error::{Error, Result};

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its SQL type as DESCRIBE writes it.
    pub sql_type: String,
}

/// A relation that exists: its text for FROM and its columns. No row of it was read.
#[derive(Debug, Clone)]
pub struct Relation {
    /// How messages call it: its name, or the option that holds the query.
    pub label: String,
    /// What to write after FROM.
    pub from: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The function that was called, for messages.
    pub function: String,
}

impl Relation {
    /// Finds the relation that `text` names; `function` and `option` say whose argument it is.
    ///
    /// # Errors
    /// The text is empty or no relation, or DuckDB cannot find or bind what it names.
    pub fn resolve(conn: &Connection, function: &str, option: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::option(
                function,
                option,
                "is empty: give the name of a table or view, or a query in parentheses",
            ));
        }
        let shape = shape(text);
        if shape == Shape::BrokenQuery {
            return Err(Error::option(
                function,
                option,
                format!(
                    "is no complete query: in {text} a parenthesis, quote or comment does not end \
                     where it should, or there is a semicolon; give one query in one pair of \
                     parentheses, such as '(FROM plays WHERE …)'"
                ),
            ));
        }
        if matches!(shape, Shape::Query | Shape::Call) && calls(text, "getvariable") {
            return Err(Error::option(
                function,
                option,
                "calls getvariable, but variables are your connection's and NULL to functions; \
                 write the value into the text, e.g. format('(FROM plays WHERE played_at < \
                 ''{}'')', getvariable('cut')), or read it from a table",
            ));
        }
        let mut failure = None;
        for from in candidates(text, &shape) {
            match describe(conn, &from) {
                Ok(columns) => {
                    let label = if shape == Shape::Query { option } else { text };
                    let (label, function) = (label.to_owned(), function.to_owned());
                    return Ok(Self { label, from, columns, function });
                }
                // What is no file either says more than what is no table.
                Err(error) if failure.is_none() || !is_missing(&error) => failure = Some(error),
                Err(_) => {}
            }
        }
        let failure = failure.unwrap_or_default();
        Err(explain(conn, function, option, text, &shape, &failure))
    }

    /// The column of a name, whatever its case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The names of all columns, for messages.
    pub fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }

    /// A data error about this relation.
    pub fn error(&self, message: impl AsRef<str>) -> Error {
        Error::data(format!("{}: {}", self.function, message.as_ref()))
    }
}

/// The name of a relation that is given without a schema, as any table or view may be called.
pub fn unqualified(text: &str) -> Option<String> {
    let text = text.trim();
    match shape(text) {
        Shape::Name(parts) => <[String; 1]>::try_from(parts).ok().map(|[name]| name),
        Shape::Other if !starts_query(text) => Some(text.to_owned()),
        _ => None,
    }
}

/// What the text may mean, most likely first.
fn candidates(text: &str, shape: &Shape) -> Vec<String> {
    let whole = quote(text);
    match shape {
        Shape::Query => vec![format!("{text} AS __segue_relation")],
        Shape::Call | Shape::File => vec![text.to_owned(), whole],
        Shape::Name(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| quote(part)).collect();
            let name = parts.join(".");
            if name == whole { vec![name] } else { vec![name, whole] }
        }
        Shape::Other | Shape::BrokenQuery => vec![whole],
    }
}

/// The columns, or DuckDB's message.
fn describe(conn: &Connection, from: &str) -> std::result::Result<Vec<Column>, String> {
    let sql = format!("DESCRIBE SELECT * FROM {from}");
    let mut found = rows(conn, &sql, []).map_err(|error| error.to_string());
    if found.as_ref().is_err_and(|message| macros::are_meant(message)) {
        // A query that gives columns to Segue's macros, or leaves out what their functions need.
        // Few do, so connections do not have them from the start, which takes milliseconds.
        if macros::define(conn).is_ok() {
            found = rows(conn, &sql, []).map_err(|error| error.to_string());
        }
    }
    let mut rows = found?;
    let columns = rows.iter_mut().map(|row| {
        let mut cells = row.drain(..).map(Cell::text);
        let (name, sql_type) = (cells.next(), cells.next());
        Column { name: name.unwrap_or_default(), sql_type: sql_type.unwrap_or_default() }
    });
    Ok(columns.collect())
}

/// Whether DuckDB says that there is no such table, schema or database.
fn is_missing(message: &str) -> bool {
    (message.starts_with("Catalog Error") || message.starts_with("Binder Error: Catalog"))
        && message.contains("does not exist")
        && !lacks_function(message)
}

/// Whether DuckDB says that there is no such function or macro.
fn lacks_function(message: &str) -> bool {
    message.contains("Function with name") && message.contains("does not exist")
}

/// DuckDB's message on one line, without its drawing of the statement.
pub(super) fn one_line(message: &str) -> String {
    let message = message.split("\n\nLINE").next().unwrap_or(message);
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn explain(
    conn: &Connection,
    function: &str,
    option: &str,
    text: &str,
    shape: &Shape,
    failure: &str,
) -> Error {
    const UNSEEN: &str = "functions see neither TEMP tables nor tables created in a transaction \
                          that is not committed, nor data frames and other objects of the client: \
                          make it a normal table (CREATE TABLE plays AS FROM df), or COMMIT first";
    let is_name = !matches!(shape, Shape::Query | Shape::Call | Shape::File);
    if is_name && starts_query(text) {
        return Error::option(
            function,
            option,
            format!("is a query without parentheses; write '({})'", text.replace('\'', "''")),
        );
    }
    if is_name && is_missing(failure) {
        return Error::data(format!(
            "{function}: there is no table or view {}{}; {UNSEEN}",
            literal(text),
            did_you_mean(conn, text)
        ));
    }
    let message = one_line(failure);
    let hint = if is_missing(failure) { format!("; {UNSEEN}") } else { String::new() };
    Error::data(format!("{function}: {option} := {} failed: {message}{hint}", literal(text)))
}

/// Tables and views whose names are near, or all if there are only a few.
fn did_you_mean(conn: &Connection, text: &str) -> String {
    // Of several relations of one name, one of the current database comes first.
    let sql = "SELECT DISTINCT ON (name) name, database_name, schema_name FROM (
            SELECT table_name AS name, database_name, schema_name
            FROM duckdb_tables() WHERE NOT internal
            UNION ALL
            SELECT view_name, database_name, schema_name FROM duckdb_views() WHERE NOT internal)
        WHERE schema_name <> 'segue'
        ORDER BY name, database_name <> current_database(), database_name, schema_name";
    // The list is a courtesy: without it the message still stands.
    let found = rows(conn, sql, []).unwrap_or_default();
    let found: Vec<Vec<String>> =
        found.into_iter().map(|row| row.into_iter().map(Cell::text).collect()).collect();
    let names: Vec<&str> = found.iter().map(|row| row[0].as_str()).collect();
    let wanted = text.rsplit('.').next().unwrap_or(text).trim_matches('"');
    let near = similar(wanted, names.iter().copied());
    let shown = |wanted: &&str| {
        let row = found.iter().find(|row| row[0] == *wanted);
        row.map_or_else(String::new, |row| reachable(conn, &row[0], &row[1], &row[2]))
    };
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(shown).collect();
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        return format!("; did you mean {}?", alternatives(&near));
    }
    match names.len() {
        0 => "; the database has no table that functions can see".to_owned(),
        1..=8 => {
            let names: Vec<String> = names.iter().map(shown).collect();
            format!(" (there are: {})", names.join(", "))
        }
        _ => String::new(),
    }
}

/// A relation's name as the caller must write it: with schema or database unless it is on the
/// search path.
fn reachable(conn: &Connection, name: &str, database: &str, schema: &str) -> String {
    if describe(conn, &quote(name)).is_ok() {
        return name.to_owned();
    }
    let [database, schema, name] = [database, schema, name].map(quote_if_needed);
    let short = [format!("{schema}.{name}"), format!("{database}.{name}")];
    let short = short.into_iter().find(|short| describe(conn, short).is_ok());
    short.unwrap_or_else(|| format!("{database}.{schema}.{name}"))
}

#[cfg(test)]
#[path = "relation_tests.rs"]
mod tests;
