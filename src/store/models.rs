//! Models in the caller's databases: saved whole, chosen, dropped.

use std::time::{SystemTime, UNIX_EPOCH};

use duckdb::{Connection, params};

use super::catalogue::{Catalogue, Content, list_literal, map_literal};
use super::macros;
use super::new_model::NewModel;
use super::place::locate;
use super::rows::rows;
use super::shelf::{ModelRow, Shelf};
use super::tensors::{FORMAT_VERSION, refuse_newer};
use crate::error::{Error, Result};

/// Fails if no model can be stored or changed where `name` means.
///
/// # Errors
/// The database is read-only.
pub fn check_writable(conn: &Connection, function: &str, name: &str) -> Result<()> {
    writable(conn, function, &locate(conn, name)?.database).map(|_| ())
}

fn writable<'c>(conn: &'c Connection, function: &str, database: &str) -> Result<Catalogue<'c>> {
    let catalogue = Catalogue::of(conn, database);
    if !catalogue.is_read_only()? {
        return Ok(catalogue);
    }
    Err(Error::Database(format!(
        "{function}: database '{}' is read-only, so its models cannot be changed; open it without \
         the read-only option, or USE another database",
        catalogue.database
    )))
}

/// What [`save`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The model's version.
    pub version: i64,
    /// Names of macros that Segue would have put beside its first model, had somebody else not
    /// taken them.
    pub foreign_macros: Vec<&'static str>,
}

/// Stores a model: the whole model or, on any error, nothing of it.
///
/// It takes the place of an interrupted model of the same name, kind, options and data, and of the one
/// that its training went on from, whose options an earlier version of Segue may have written
/// otherwise; it keeps the version if that is the latest; but not if it is interrupted itself and cannot be
/// resumed, as an imported one. Otherwise its version is one more than the name's highest ever.
///
/// # Errors
/// The database is read-only or full.
pub fn save(conn: &Connection, model: &NewModel) -> Result<Saved> {
    let place = locate(conn, &model.name)?;
    let name = place.name.as_str();
    let catalogue = writable(conn, &format!("train_{}", model.kind), &place.database)?;
    catalogue.transaction(|| {
        catalogue.create()?;
        let foreign_macros = macros::store(&catalogue)?;
        let version = next_version(&catalogue, name, model)?;
        insert_model(&catalogue, name, model, version)?;
        let history = catalogue.table("training_history");
        for row in &model.epochs {
            conn.execute(
                &format!(
                    "INSERT INTO {history} VALUES (?, ?, ?, ?, {}, ?, ?)",
                    map_literal(&row.metrics)
                ),
                params![
                    name,
                    version,
                    row.epoch,
                    row.train_loss,
                    row.seconds,
                    row.plays_per_second
                ],
            )?;
        }
        catalogue.write(name, version, Content::Archive, &model.archive)?;
        if let Some(state) = &model.resume {
            catalogue.write(name, version, Content::Resume, state)?;
        }
        Ok(Saved { version, foreign_macros: foreign_macros.clone() })
    })
}

/// Settles the version, and removes the interrupted model whose place is taken. Every save writes
/// the name's row, so that of two at once one fails and is tried again.
fn next_version(catalogue: &Catalogue<'_>, name: &str, model: &NewModel) -> Result<i64> {
    let (conn, names) = (catalogue.conn, catalogue.table("names"));
    let last =
        rows(conn, &format!("SELECT last_version FROM {names} WHERE name = ?"), params![name])?;
    let Some(last) = last.into_iter().flatten().find_map(|cell| cell.integer()) else {
        let sql = format!("INSERT INTO {names} VALUES (?, 1, NULL, false)");
        conn.execute(&sql, params![name])?;
        return Ok(1);
    };
    let interrupted = rows(
        conn,
        &format!(
            "SELECT version FROM {} WHERE name = ? AND kind = ? AND (options = ? OR version = ?)
             AND fingerprint = ? AND status = 'interrupted' AND ?",
            catalogue.table("models")
        ),
        params![
            name,
            model.kind,
            model.options_json,
            model.resumed,
            model.fingerprint,
            model.complete || model.resume.is_some()
        ],
    )?;
    let mut version = last + 1;
    for replaced in interrupted.into_iter().flatten().filter_map(|cell| cell.integer()) {
        catalogue.remove(name, replaced)?;
        if replaced == last {
            version = last;
        }
    }
    let sql = format!("UPDATE {names} SET last_version = ? WHERE name = ?");
    conn.execute(&sql, params![version, name])?;
    Ok(version)
}

fn insert_model(
    catalogue: &Catalogue<'_>,
    name: &str,
    model: &NewModel,
    version: i64,
) -> Result<()> {
    let best = model.epochs.iter().rfind(|row| model.best_epoch.is_none_or(|e| row.epoch == e));
    let metrics = best.map_or(&[][..], |row| row.metrics.as_slice());
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as i64);
    let sql = format!(
        "INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {}, {}, ?, ?, ?, ?, version(),
         make_timestamp(?))",
        catalogue.table("models"),
        list_literal(&model.fields),
        map_literal(metrics)
    );
    catalogue.conn.execute(
        &sql,
        params![
            name,
            version,
            model.kind,
            if model.complete { "complete" } else { "interrupted" },
            model.options_json,
            model.seed,
            model.device,
            model.fingerprint,
            model.plays,
            model.users,
            model.songs,
            model.rejected,
            model.best_epoch,
            model.archive.len() as i64,
            FORMAT_VERSION,
            env!("CARGO_PKG_VERSION"),
            now
        ],
    )?;
    Ok(())
}

/// Removes a version of a model, or all of them, and returns how many.
///
/// # Errors
/// There is no such model, or the database is read-only.
pub fn drop_model(
    conn: &Connection,
    function: &str,
    name: &str,
    version: Option<i64>,
) -> Result<i64> {
    let place = locate(conn, name)?;
    let name = place.name.as_str();
    let catalogue = writable(conn, function, &place.database)?;
    catalogue.transaction(|| {
        let shelf = Shelf::read(Catalogue::of(conn, &place.database))?;
        let (all, dropped) = shelf.versions(function, name, version)?;
        for row in &dropped {
            catalogue.remove(name, row.version)?;
        }
        let names = catalogue.table("names");
        if dropped.len() == all {
            conn.execute(&format!("DELETE FROM {names} WHERE name = ?"), params![name])?;
        } else {
            let sql = format!(
                "UPDATE {names} SET chosen_version = nullif(chosen_version, ?) WHERE name = ?"
            );
            conn.execute(&sql, params![version, name])?;
        }
        if dropped.len() == shelf.models.len() {
            macros::remove(&catalogue)?;
        }
        Ok(dropped.len() as i64)
    })
}

/// Makes a model the default; without a version its latest complete one, also after later
/// trainings.
///
/// # Errors
/// There is no such model, it is interrupted or from a newer Segue, or the database is read-only.
pub fn use_model(
    conn: &Connection,
    function: &str,
    name: &str,
    version: Option<i64>,
) -> Result<ModelRow> {
    let place = locate(conn, name)?;
    let name = place.name.as_str();
    let catalogue = writable(conn, function, &place.database)?;
    catalogue.transaction(|| {
        let mut shelf = Shelf::read(Catalogue::of(conn, &place.database))?;
        if version.is_none() {
            shelf.chosen.retain(|(chosen, _)| chosen != name);
        }
        let mut row = shelf.find(function, Some(name), version)?.clone();
        refuse_newer(name, row.format)?;
        if !row.recommends() {
            return Err(Error::model(format!(
                "{function}: model '{name}' hears songs and recommends none, so it cannot be the default; \
                 give its vectors to train_harm, and choose that"
            )));
        }
        if !row.complete {
            return Err(Error::model(format!(
                "{function}: version {} of model '{name}' is interrupted and cannot be the \
                 default; run its training again to finish it",
                row.version
            )));
        }
        let names = catalogue.table("names");
        let sql = format!("UPDATE {names} SET is_default = false WHERE is_default AND name <> ?");
        conn.execute(&sql, params![name])?;
        let sql =
            format!("UPDATE {names} SET is_default = true, chosen_version = ? WHERE name = ?");
        conn.execute(&sql, params![version, name])?;
        row.is_default = true;
        Ok(row)
    })
}

#[cfg(test)]
#[path = "models_tests.rs"]
mod tests;
