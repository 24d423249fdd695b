//! The tables plays, songs, users and chords: their definition, and how rows get into them.

use duckdb::types::{TimeUnit, Value as Sql};
use duckdb::{Appender, Connection, OptionalExt, params};

use super::Created;
use crate::control::Control;
use crate::data::generate::Listening;
use crate::error::{Error, Result};

/// Names and columns, in the order in which they are created.
const TABLES: [(&str, &str); 4] = [
    ("plays", "user_id BIGINT, song_id BIGINT, played_at TIMESTAMP, session_id BIGINT"),
    (
        "songs",
        "song_id BIGINT, title VARCHAR, artist VARCHAR, album VARCHAR, genre VARCHAR, \
         tags VARCHAR[], year INTEGER",
    ),
    ("users", "user_id BIGINT, age INTEGER, gender VARCHAR, country VARCHAR"),
    ("chords", "song_id BIGINT, position INTEGER, chord VARCHAR"),
];

/// Where songs wait with their tags as one text, since an appender takes no lists.
const STAGING: &str = "segue_staged_songs";
/// Stands between tags in the staging table; no tag has it.
const SEPARATOR: &str = "|";
/// Rows between two looks at whether the analyst wants to stop.
const CHECK_ROWS: usize = 8192;

/// The schema in which the tables go.
pub(super) struct Destination {
    database: String,
    schema: String,
}

impl Destination {
    /// The given schema of the connection's current database, or its current schema.
    ///
    /// # Errors
    /// No such schema; the database is read-only.
    pub(super) fn find(connection: &Connection, schema: Option<&str>) -> Result<Self> {
        let (database, current): (String, String) =
            connection.query_row("SELECT current_database(), current_schema()", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let wanted = schema.unwrap_or(&current);
        let found: Option<String> = connection
            .query_row(
                "SELECT schema_name FROM duckdb_schemas() \
                 WHERE database_name = ? AND lower(schema_name) = lower(?)",
                params![database, wanted],
                |row| row.get(0),
            )
            .optional()?;
        let Some(schema) = found else {
            return Err(Error::data(format!(
                "there is no schema '{wanted}' in database '{database}'; create it with CREATE \
                 SCHEMA, or leave out the option 'schema' to use '{current}'"
            )));
        };
        let read_only: bool = connection.query_row(
            "SELECT readonly FROM duckdb_databases() WHERE database_name = ?",
            [&database],
            |row| row.get(0),
        )?;
        if read_only {
            return Err(Error::Database(format!(
                "database '{database}' is read-only, so tables cannot be created in it; open it \
                 for writing, or go to another database with USE"
            )));
        }
        Ok(Self { database, schema })
    }

    /// Checks that the four names are free, or may be replaced, for the function `caller`.
    ///
    /// # Errors
    /// The first table or view in the way, by name.
    pub(super) fn check(&self, caller: &str, connection: &Connection, replace: bool) -> Result<()> {
        for (name, _) in TABLES {
            let Some(kind) = self.kind(connection, name)? else { continue };
            if replace && kind == "TABLE" {
                continue;
            }
            let remedy = match (caller, kind) {
                ("generate_listening", "TABLE") => "pass replace := true to replace it, or ",
                _ => "",
            };
            return Err(Error::data(format!(
                "{caller}: {} '{name}' exists already in schema '{}'; {remedy}rename or drop it, \
                 or name another schema with the option 'schema'",
                kind.to_lowercase(),
                self.schema
            )));
        }
        Ok(())
    }

    /// Creates the four tables without rows, all or none.
    ///
    /// # Errors
    /// Those of DuckDB.
    pub(super) fn create_empty(&self, connection: &Connection) -> Result<Vec<Created>> {
        let transaction = connection.unchecked_transaction()?;
        self.create(&transaction, false)?;
        transaction.commit()?;
        Ok(TABLES.map(|(name, _)| (name, 0)).to_vec())
    }

    /// Creates the four tables with the generated rows, all or none.
    ///
    /// # Errors
    /// Those of DuckDB; [`Error::Interrupted`] if `control` says so.
    pub(super) fn write(
        &self,
        connection: &Connection,
        listening: &Listening,
        replace: bool,
        control: &Control,
    ) -> Result<Vec<Created>> {
        let transaction = connection.unchecked_transaction()?;
        self.create(&transaction, replace)?;
        let plays = &listening.plays;
        let rows = plays.song_id.len();
        fill(self.appender(&transaction, "plays")?, rows, control, |to, i| {
            let played_at = Sql::Timestamp(TimeUnit::Microsecond, plays.played_at[i]);
            let (user, song) = (plays.user_id[i], plays.song_id[i]);
            to.append_row(params![user, song, played_at, plays.session_id[i]])
        })?;
        self.write_songs(&transaction, listening, control)?;
        let users = &listening.users;
        let rows = users.user_id.len();
        fill(self.appender(&transaction, "users")?, rows, control, |to, i| {
            let (gender, country) = (users.gender[i], users.country[i]);
            to.append_row(params![users.user_id[i], users.age[i], gender, country])
        })?;
        let chords = &listening.chords;
        fill(self.appender(&transaction, "chords")?, chords.len(), control, |to, i| {
            to.append_row(params![chords.song_id[i], chords.position[i], chords.chord(i)])
        })?;
        transaction.commit()?;
        let rows =
            [plays.song_id.len(), listening.songs.song_id.len(), users.age.len(), chords.len()];
        Ok(TABLES.iter().zip(rows).map(|((name, _), rows)| (*name, rows)).collect())
    }

    fn write_songs(
        &self,
        connection: &Connection,
        listening: &Listening,
        control: &Control,
    ) -> Result<()> {
        connection.execute_batch(&format!(
            "CREATE OR REPLACE TEMP TABLE {STAGING} (song_id BIGINT, title VARCHAR, \
             artist VARCHAR, album VARCHAR, genre VARCHAR, tags VARCHAR, year INTEGER)"
        ))?;
        let songs = &listening.songs;
        let staging = connection.appender_to_catalog_and_db(STAGING, "temp", "main")?;
        fill(staging, songs.song_id.len(), control, |to, i| {
            let tags = songs.tags[i].join(SEPARATOR);
            let (id, year) = (songs.song_id[i], songs.year[i]);
            to.append_row(params![
                id,
                songs.title[i],
                songs.artist[i],
                songs.album[i],
                songs.genre[i],
                tags,
                year
            ])
        })?;
        connection.execute_batch(&format!(
            "INSERT INTO {} SELECT * REPLACE (string_split(tags, '{SEPARATOR}') AS tags) \
             FROM temp.main.{STAGING} ORDER BY song_id; DROP TABLE temp.main.{STAGING}",
            self.qualified("songs")
        ))?;
        Ok(())
    }

    fn create(&self, connection: &Connection, replace: bool) -> Result<()> {
        let create = if replace { "CREATE OR REPLACE TABLE" } else { "CREATE TABLE" };
        for (name, columns) in TABLES {
            let name = self.qualified(name);
            connection.execute_batch(&format!("{create} {name} ({columns})"))?;
        }
        Ok(())
    }

    fn appender<'a>(&self, connection: &'a Connection, table: &str) -> Result<Appender<'a>> {
        Ok(connection.appender_to_catalog_and_db(table, &self.database, &self.schema)?)
    }

    /// Whether the name is taken, and by what: `TABLE` or `VIEW`.
    fn kind(&self, connection: &Connection, name: &str) -> Result<Option<&'static str>> {
        let found: Option<bool> = connection
            .query_row(
                "SELECT false FROM duckdb_tables() WHERE database_name = $1 \
                 AND schema_name = $2 AND lower(table_name) = $3 \
                 UNION ALL SELECT true FROM duckdb_views() WHERE database_name = $1 \
                 AND schema_name = $2 AND lower(view_name) = $3",
                params![self.database, self.schema, name],
                |row| row.get(0),
            )
            .optional()?;
        Ok(found.map(|is_view| if is_view { "VIEW" } else { "TABLE" }))
    }

    fn qualified(&self, table: &str) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        format!("{}.{}.{}", quoted(&self.database), quoted(&self.schema), quoted(table))
    }
}

/// Appends `rows` rows by their number and flushes them.
fn fill<'a>(
    mut appender: Appender<'a>,
    rows: usize,
    control: &Control,
    mut append: impl FnMut(&mut Appender<'a>, usize) -> duckdb::Result<()>,
) -> Result<()> {
    for row in 0..rows {
        if row.is_multiple_of(CHECK_ROWS) {
            control.check()?;
        }
        append(&mut appender, row)?;
    }
    Ok(appender.flush()?)
}
