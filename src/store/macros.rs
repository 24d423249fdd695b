//! The macros: for a connection, and beside the models of a database.
//!
//! DuckDB's table functions take constants only; a macro around a scalar function takes columns,
//! too. TEMP macros belong to one connection. So that other connections have them as well, a
//! database with models keeps the same macros in its schema `main`, from its first model to its last.

use duckdb::{Connection, params};

use super::catalogue::Catalogue;
use super::names::quote;
use super::rows::{Cell, rows};
use crate::error::Result;

/// How every text of a macro begins, after its comment.
const CREATE: &str = "CREATE OR REPLACE TEMP MACRO ";

/// What a comment on a macro says that a Segue stored, before the version.
const TAG: &str = "Segue ";

/// A macro of Segue.
#[derive(Debug, Clone, Copy)]
pub struct Macro {
    /// Its name.
    pub name: &'static str,
    /// Whether it gives a table; otherwise it is an expression.
    pub is_table: bool,
    /// Whether databases keep it beside their models.
    is_kept: bool,
    text: &'static str,
}

/// All macros.
pub const MACROS: &[Macro] = &[
    Macro {
        name: "recommend",
        is_table: true,
        is_kept: true,
        text: include_str!("../../sql/macros/recommend.sql"),
    },
    Macro {
        name: "next_songs",
        is_table: true,
        is_kept: true,
        text: include_str!("../../sql/macros/next_songs.sql"),
    },
    Macro {
        name: "score",
        is_table: false,
        is_kept: true,
        text: include_str!("../../sql/macros/score.sql"),
    },
    Macro {
        name: "field_attention",
        is_table: true,
        is_kept: true,
        text: include_str!("../../sql/macros/field_attention.sql"),
    },
    Macro {
        name: "sessionize",
        is_table: true,
        // It takes constants only, which the function of its name does, too; and EXPORT DATABASE
        // writes the parameter `time` without quotes, so that IMPORT DATABASE would fail.
        is_kept: false,
        text: include_str!("../../sql/macros/sessionize.sql"),
    },
];

impl Macro {
    /// The statement that makes it on one connection, where it goes before all others of its name.
    pub fn temp_sql(&self) -> String {
        format!("{CREATE}{}", self.rest())
    }

    /// The name and all that follows in its text.
    fn rest(&self) -> &'static str {
        self.text.split_once(CREATE).map_or("", |(_, rest)| rest.trim_end())
    }

    /// As statements name it in a database.
    fn place(&self, database: &str) -> String {
        let kind = if self.is_table { "MACRO TABLE" } else { "MACRO" };
        format!("{kind} {}.main.{}", quote(database), self.name)
    }
}

/// Makes the TEMP macros of a connection.
///
/// # Errors
/// The functions behind the macros are not registered.
pub(super) fn define(conn: &Connection) -> Result<()> {
    MACROS.iter().try_for_each(|found| Ok(conn.execute_batch(&found.temp_sql())?))
}

/// Whether DuckDB's message complains of a function that has the name of a macro.
pub(super) fn are_meant(message: &str) -> bool {
    let binding = message.starts_with("Binder Error") || message.starts_with("Catalog Error");
    binding && MACROS.iter().any(|one| message.contains(one.name))
}

/// Puts into `main` what is missing there or comes from another version, and returns the names
/// that somebody else's macros have; call in a transaction, after the tables were created.
///
/// It looks once per version of Segue, which a comment on the table of models remembers: DuckDB
/// takes some 0.1 s to list its functions, and a macro that somebody removed does not come back.
///
/// # Errors
/// The database takes no macros, or another transaction makes them at the same time.
pub(super) fn store(catalogue: &Catalogue<'_>) -> Result<Vec<&'static str>> {
    let done = format!("{TAG}{}", env!("CARGO_PKG_VERSION"));
    if catalogue.comment()? == done {
        return Ok(Vec::new());
    }
    let mut foreign = Vec::new();
    for (one, standing) in standings(catalogue)? {
        match standing {
            Standing::Missing | Standing::Outdated => catalogue.conn.execute_batch(&format!(
                "CREATE OR REPLACE MACRO {}.main.{};
                 COMMENT ON {} IS '{done}, dropped with the last model'",
                quote(&catalogue.database),
                one.rest().trim_end_matches(';'),
                one.place(&catalogue.database)
            ))?,
            Standing::Current => {}
            Standing::Foreign => foreign.push(one.name),
        }
    }
    catalogue.set_comment(&done)?;
    Ok(foreign)
}

/// Removes what [`store`] put into `main`; call in a transaction.
///
/// # Errors
/// Another transaction changes the macros at the same time.
pub(super) fn remove(catalogue: &Catalogue<'_>) -> Result<()> {
    for (one, standing) in standings(catalogue)? {
        if matches!(standing, Standing::Current | Standing::Outdated) {
            catalogue.conn.execute_batch(&format!("DROP {}", one.place(&catalogue.database)))?;
        }
    }
    catalogue.set_comment("")
}

/// What a database has in the place of a macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing.
    Missing,
    /// The macro of this version.
    Current,
    /// The macro of another version, or of this one without its tag.
    Outdated,
    /// A macro of somebody else's.
    Foreign,
}

/// Ours are tagged by a comment, which goes when somebody replaces the macro, and also when a
/// database is exported and imported: hence a text that equals ours counts, too.
fn standings(catalogue: &Catalogue<'_>) -> Result<Vec<(&'static Macro, Standing)>> {
    let list = "SELECT function_name, function_type = 'table_macro', comment,
         macro_definition || parameters::VARCHAR FROM duckdb_functions()
         WHERE database_name = ? AND schema_name = 'main' AND function_type LIKE '%macro'";
    let found = rows(catalogue.conn, list, params![catalogue.database])?;
    let matching = |rows: &[Vec<Cell>], one: &Macro| {
        let row = rows.iter().find(|row| {
            matches!(&row[0], Cell::Text(name) if name.eq_ignore_ascii_case(one.name))
                && row[1].is_true() == one.is_table
        });
        row.map(|row| (row[2].clone().text(), row[3].clone().text()))
    };
    let mut ours = None;
    let mut standings = Vec::new();
    for one in MACROS.iter().filter(|one| one.is_kept) {
        let standing = match matching(&found, one) {
            None => Standing::Missing,
            Some((comment, _)) if comment.starts_with(TAG) => {
                let version = comment[TAG.len()..].split(',').next();
                let same = version == Some(env!("CARGO_PKG_VERSION"));
                if same { Standing::Current } else { Standing::Outdated }
            }
            Some((_, definition)) => {
                if ours.is_none() {
                    define(catalogue.conn)?;
                    ours = Some(rows(catalogue.conn, list, ["temp"])?);
                }
                let own = ours.as_deref().and_then(|ours| matching(ours, one));
                let same = own.is_some_and(|(_, own)| own == definition);
                if same { Standing::Outdated } else { Standing::Foreign }
            }
        };
        standings.push((one, standing));
    }
    Ok(standings)
}

#[cfg(test)]
#[path = "macros_tests.rs"]
pub(super) mod tests;
