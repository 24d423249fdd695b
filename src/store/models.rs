//! Models in the caller's database: saved whole, found by name, dropped.

use std::time::{SystemTime, UNIX_EPOCH};

use duckdb::{Connection, params};

use super::archive::EpochRow;
use super::catalogue::{Catalogue, Content, list_literal, map_literal};
use super::new_model::NewModel;
use super::rows::{Cell, rows};
use super::shelf::{ModelRow, Shelf, metrics};
use super::tensors::{FORMAT_VERSION, refuse_newer};
use crate::error::{Error, Result};

/// Fails if no model can be stored in the caller's current database.
///
/// # Errors
/// It is read-only.
pub fn check_writable(conn: &Connection, function: &str) -> Result<()> {
    let catalogue = Catalogue::new(conn)?;
    if !catalogue.is_read_only()? {
        return Ok(());
    }
    Err(Error::Database(format!(
        "{function}: database '{}' is read-only, so its models cannot be changed; open it without \
         the read-only option, or USE another database",
        catalogue.database
    )))
}

/// Stores a model and returns its version: the whole model or, on any error, nothing of it.
///
/// It takes the place of an interrupted model of the same name, kind, options and data, whose
/// version it keeps if that is the latest; but not if it is interrupted itself and cannot be
/// resumed, as an imported one. Otherwise its version is one more than the name's highest ever.
///
/// # Errors
/// The database is read-only or full.
pub fn save(conn: &Connection, model: &NewModel) -> Result<i64> {
    check_writable(conn, &format!("train_{}", model.kind))?;
    let catalogue = Catalogue::new(conn)?;
    catalogue.transaction(|| {
        catalogue.create()?;
        let version = next_version(&catalogue, model)?;
        insert_model(&catalogue, model, version)?;
        let history = catalogue.table("training_history");
        for row in &model.epochs {
            conn.execute(
                &format!(
                    "INSERT INTO {history} VALUES (?, ?, ?, ?, {}, ?, ?)",
                    map_literal(&row.metrics)
                ),
                params![
                    model.name,
                    version,
                    row.epoch,
                    row.train_loss,
                    row.seconds,
                    row.plays_per_second
                ],
            )?;
        }
        catalogue.write(&model.name, version, Content::Archive, &model.archive)?;
        if let Some(state) = &model.resume {
            catalogue.write(&model.name, version, Content::Resume, state)?;
        }
        Ok(version)
    })
}

/// Settles the version, and removes the interrupted model whose place is taken. Every save writes
/// the name's row, so that of two at once one fails and is tried again.
fn next_version(catalogue: &Catalogue<'_>, model: &NewModel) -> Result<i64> {
    let (conn, names) = (catalogue.conn, catalogue.table("names"));
    let last = rows(
        conn,
        &format!("SELECT last_version FROM {names} WHERE name = ?"),
        params![model.name],
    )?;
    let Some(last) = last.into_iter().flatten().find_map(|cell| cell.integer()) else {
        let sql = format!("INSERT INTO {names} VALUES (?, 1, NULL, false)");
        conn.execute(&sql, params![model.name])?;
        return Ok(1);
    };
    let interrupted = rows(
        conn,
        &format!(
            "SELECT version FROM {} WHERE name = ? AND kind = ? AND options = ?
             AND fingerprint = ? AND status = 'interrupted' AND ?",
            catalogue.table("models")
        ),
        params![
            model.name,
            model.kind,
            model.options_json,
            model.fingerprint,
            model.complete || model.resume.is_some()
        ],
    )?;
    let mut version = last + 1;
    for replaced in interrupted.into_iter().flatten().filter_map(|cell| cell.integer()) {
        catalogue.remove(&model.name, replaced)?;
        if replaced == last {
            version = last;
        }
    }
    let sql = format!("UPDATE {names} SET last_version = ? WHERE name = ?");
    conn.execute(&sql, params![version, model.name])?;
    Ok(version)
}

fn insert_model(catalogue: &Catalogue<'_>, model: &NewModel, version: i64) -> Result<()> {
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
            model.name,
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

/// All models, by name and version.
///
/// # Errors
/// The tables cannot be read.
pub fn list(conn: &Connection) -> Result<Vec<ModelRow>> {
    Ok(Shelf::read(conn)?.models)
}

/// The model to use: without a name the default one, which is the one that [`use_model`] chose or
/// else the latest complete one; without a version the one that [`use_model`] chose or else the
/// latest complete one. An interrupted model is found by its version alone.
///
/// # Errors
/// There is none, or it was written by a newer Segue.
pub fn find(
    conn: &Connection,
    function: &str,
    name: Option<&str>,
    version: Option<i64>,
) -> Result<ModelRow> {
    let row = Shelf::read(conn)?.find(function, name, version)?.clone();
    refuse_newer(&row.name, row.format)?;
    Ok(row)
}

/// The model that the same training made before: the complete one if there is one, else the
/// interrupted one, which can be resumed.
///
/// # Errors
/// The tables cannot be read.
pub fn find_trained(
    conn: &Connection,
    name: &str,
    kind: &str,
    options_json: &str,
    fingerprint: &str,
) -> Result<Option<ModelRow>> {
    let same = same_training(conn, name, kind, options_json, fingerprint)?;
    Ok(same.into_iter().max_by_key(|row| (row.complete, row.version)))
}

/// The latest model of the same training if it was interrupted: what a training that asks for a new
/// model goes on with.
///
/// # Errors
/// The tables cannot be read.
pub fn find_unfinished(
    conn: &Connection,
    name: &str,
    kind: &str,
    options_json: &str,
    fingerprint: &str,
) -> Result<Option<ModelRow>> {
    let same = same_training(conn, name, kind, options_json, fingerprint)?;
    Ok(same.into_iter().max_by_key(|row| row.version).filter(|row| !row.complete))
}

fn same_training(
    conn: &Connection,
    name: &str,
    kind: &str,
    options_json: &str,
    fingerprint: &str,
) -> Result<Vec<ModelRow>> {
    let mut models = list(conn)?;
    models.retain(|row| {
        row.name == name
            && row.kind == kind
            && row.options_json == options_json
            && row.fingerprint == fingerprint
            && row.format <= FORMAT_VERSION
    });
    Ok(models)
}

/// The epochs of a model's training.
///
/// # Errors
/// The tables cannot be read.
pub fn history(conn: &Connection, model: &ModelRow) -> Result<Vec<EpochRow>> {
    let catalogue = Catalogue::new(conn)?;
    let found = rows(
        conn,
        &format!(
            "SELECT epoch, train_loss, map_keys(metrics), map_values(metrics), seconds,
             plays_per_second FROM {} WHERE model = ? AND version = ? ORDER BY epoch",
            catalogue.table("training_history")
        ),
        params![model.name, model.version],
    )?;
    let epochs = found.into_iter().map(|row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Cell::Null);
        EpochRow {
            epoch: next().integer().unwrap_or(0),
            train_loss: next().number(),
            metrics: metrics(next(), next()),
            seconds: next().number(),
            plays_per_second: next().number(),
        }
    });
    Ok(epochs.collect())
}

/// A model's file.
///
/// # Errors
/// It is gone or incomplete.
pub fn archive(conn: &Connection, model: &ModelRow) -> Result<Vec<u8>> {
    let bytes = Catalogue::new(conn)?.read(&model.name, model.version, Content::Archive)?;
    match bytes {
        Some(bytes) if bytes.len() as i64 == model.bytes => Ok(bytes),
        _ => Err(Error::model(format!(
            "version {} of model '{}' is gone or damaged: drop it and train it again",
            model.version, model.name
        ))),
    }
}

/// The state from which an interrupted training goes on, if it was stored.
///
/// # Errors
/// The tables cannot be read.
pub fn resume(conn: &Connection, model: &ModelRow) -> Result<Option<Vec<u8>>> {
    Catalogue::new(conn)?.read(&model.name, model.version, Content::Resume)
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
    check_writable(conn, function)?;
    let catalogue = Catalogue::new(conn)?;
    catalogue.transaction(|| {
        let shelf = Shelf::read(conn)?;
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
    check_writable(conn, function)?;
    let catalogue = Catalogue::new(conn)?;
    catalogue.transaction(|| {
        let mut shelf = Shelf::read(conn)?;
        if version.is_none() {
            shelf.chosen.retain(|(chosen, _)| chosen != name);
        }
        let mut row = shelf.find(function, Some(name), version)?.clone();
        refuse_newer(name, row.format)?;
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
