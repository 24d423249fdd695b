//! The tables that what is heard goes into: what they are called, and whether they can be.

use duckdb::Connection;

use super::catalogue::Catalogue;
use super::names::quote;
use super::place::attached;
use super::relation::Relation;
use super::rows::{Cell, rows};
use super::sound_files::song_column;
use super::sound_rows::LEDGER;
use super::syntax::{Shape, shape};
use crate::error::{Error, Result};

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

/// One of a task's tables.
pub(super) struct Target<'t> {
    /// The option that names it.
    pub(super) option: &'static str,
    /// Its name as it was given.
    name: &'t str,
    /// Its name as SQL has it.
    pub(super) sql: String,
    /// The parts of its name.
    parts: Vec<String>,
    /// Its columns beside the song.
    pub(super) columns: &'static [(&'static str, &'static str)],
}

impl SoundTask {
    /// The tables of results and of files.
    ///
    /// # Errors
    /// A text that is no name; both are one.
    pub(super) fn targets(&self) -> Result<[Target<'_>; 2]> {
        let target = |option, name, columns| match shape(str::trim(name)) {
            Shape::Name(parts) => {
                let quoted: Vec<String> = parts.iter().map(|part| quote(part)).collect();
                Ok(Target { option, name, sql: quoted.join("."), parts, columns })
            }
            _ => {
                let message = "must be the name of a table, such as chords";
                Err(Error::option(&self.function, option, message))
            }
        };
        let into = target("output", self.into.as_str(), self.columns)?;
        let files = target("files", self.files.as_str(), LEDGER)?;
        if into.sql.eq_ignore_ascii_case(&files.sql) {
            let message = format!(
                "names {}, the table that remembers the files; give another name, or another one for \
                 the files with the option 'files'",
                into.name
            );
            return Err(Error::option(&self.function, into.option, message));
        }
        Ok([into, files])
    }

    /// Checks the names of the tables, their databases and, of those that exist, what they are and their
    /// columns; changes nothing.
    ///
    /// # Errors
    /// No table's name; a database that takes no writes; a view; a table that lacks a column, or whose
    /// songs have ids of another kind.
    pub fn check(&self, conn: &Connection, relation: &Relation) -> Result<()> {
        let targets = self.targets()?;
        let databases = [self.database(conn, &targets[0])?, self.database(conn, &targets[1])?];
        if databases[0] != databases[1] {
            let message = format!(
                "names a table of database {}, and the results go into {}; DuckDB writes into one \
                 database at a time, so give both tables in the same",
                databases[1], databases[0]
            );
            return Err(Error::option(&self.function, targets[1].option, message));
        }
        let (_, song_type) = song_column(relation);
        targets.iter().try_for_each(|target| self.check_existing(conn, target, &song_type))
    }

    /// The database that a table is in, or is to be.
    fn database(&self, conn: &Connection, target: &Target<'_>) -> Result<String> {
        let wrong = |message: String| Err(Error::option(&self.function, target.option, message));
        let name = target.name;
        let catalogue = match &target.parts[..] {
            [first, _, ..] if first.eq_ignore_ascii_case("temp") => {
                return wrong(format!(
                    "names a TEMP table, {name}, which only the connection that made it has; give \
                     the name of one that stays"
                ));
            }
            [first, _, ..] => match attached(conn, first)? {
                Some(database) => Catalogue::of(conn, &database),
                None => Catalogue::new(conn)?,
            },
            _ => Catalogue::new(conn)?,
        };
        if catalogue.is_read_only()? {
            return wrong(format!(
                "names a table, {name}, of database {}, which is read-only; open it for writing, or \
                 name a table of another database, such as other.{}",
                catalogue.database,
                target.parts.last().map_or(name, String::as_str)
            ));
        }
        Ok(catalogue.database)
    }

    /// Whether what has the name already can take the rows.
    fn check_existing(
        &self,
        conn: &Connection,
        target: &Target<'_>,
        song_type: &str,
    ) -> Result<()> {
        let wrong = |message: String| Err(Error::option(&self.function, target.option, message));
        let (name, sql) = (target.name, &target.sql);
        let Ok(found) = rows(conn, &format!("DESCRIBE FROM {sql}"), []) else { return Ok(()) };
        if conn.prepare(&format!("DELETE FROM {sql} WHERE false")).is_err() {
            return wrong(format!(
                "names {name}, which is no table but a view, so that nothing can be stored in it; \
                 give another name"
            ));
        }
        let found: Vec<[String; 2]> = found
            .into_iter()
            .map(|row| [0, 1].map(|at| row.get(at).cloned().unwrap_or(Cell::Null).text()))
            .collect();
        let is_song = |[name, _]: &&[String; 2]| name.eq_ignore_ascii_case("song_id");
        if let Some([_, other]) = found.iter().find(is_song)
            && song_type == "VARCHAR"
            && other != "VARCHAR"
        {
            return wrong(format!(
                "names a table, {name}, whose song_id is {other}, and the files' are VARCHAR; give \
                 another name, or files with a song_id"
            ));
        }
        let wanted = std::iter::once("song_id").chain(target.columns.iter().map(|(name, _)| *name));
        for wanted in wanted {
            if !found.iter().any(|[name, _]| name.eq_ignore_ascii_case(wanted)) {
                return wrong(format!(
                    "names a table, {name}, that has no column {wanted}; give another name, or one \
                     of a table that is not there yet"
                ));
            }
        }
        Ok(())
    }

    /// The error of a table that DuckDB refuses, with what it says.
    pub(super) fn refused(&self, target: &Target<'_>, doing: &str, error: &Error) -> Error {
        let error = error.to_string();
        let reason = error.lines().next().unwrap_or_default();
        let message =
            format!("names {}, which cannot be {doing}: {reason}; give another name", target.name);
        Error::option(&self.function, target.option, message)
    }
}
