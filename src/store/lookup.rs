//! Models in the caller's databases, found by name, with what is stored of them.

use duckdb::{Connection, params};

use super::archive::EpochRow;
use super::catalogue::{Catalogue, Content};
use super::place::{current_database, databases, locate};
use super::rows::{Cell, rows};
use super::shelf::{ModelRow, Shelf, metrics};
use super::tensors::{FORMAT_VERSION, refuse_newer};
use crate::error::{Error, Result};

/// All models of all attached databases, by database, name and version. The default is that of the
/// current database.
///
/// # Errors
/// The tables cannot be read.
pub fn list(conn: &Connection) -> Result<Vec<ModelRow>> {
    let current = current_database(conn)?;
    let mut models = Vec::new();
    for database in databases(conn)? {
        let shelf = Shelf::read(Catalogue::of(conn, &database))?;
        models.extend(shelf.models.into_iter().map(|mut row| {
            row.is_default &= database == current;
            row
        }));
    }
    Ok(models)
}

/// The versions of a model, from the first.
///
/// # Errors
/// The tables cannot be read.
pub fn versions(conn: &Connection, name: &str) -> Result<Vec<ModelRow>> {
    let place = locate(conn, name)?;
    let mut models = Shelf::read(Catalogue::of(conn, &place.database))?.models;
    models.retain(|row| row.name == place.name);
    Ok(models)
}

/// The model to use; the name may say a database as in [`locate`]. Without a name it is the default
/// one: that which [`super::use_model`] chose, or else the latest complete one. Without a version it
/// is the version chosen, or else the latest complete one. An interrupted model is found by its
/// version alone.
///
/// # Errors
/// There is none, or it was written by a newer Segue.
pub fn find(
    conn: &Connection,
    function: &str,
    name: Option<&str>,
    version: Option<i64>,
) -> Result<ModelRow> {
    let place = name.map(|name| locate(conn, name)).transpose()?;
    let (catalogue, name) = match &place {
        Some(place) => (Catalogue::of(conn, &place.database), Some(place.name.as_str())),
        None => (Catalogue::new(conn)?, None),
    };
    let row = Shelf::read(catalogue)?.find(function, name, version)?.clone();
    refuse_newer(&row.name, row.format)?;
    Ok(row)
}

/// The model that the same training made before: the complete one if there is one, else the
/// interrupted one, which can be resumed. `is_same` says whether stored options are those of the training.
///
/// # Errors
/// The tables cannot be read.
pub fn find_trained(
    conn: &Connection,
    name: &str,
    kind: &str,
    is_same: &dyn Fn(&str) -> bool,
    fingerprint: &str,
) -> Result<Option<ModelRow>> {
    let same = same_training(conn, name, kind, is_same, fingerprint)?;
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
    is_same: &dyn Fn(&str) -> bool,
    fingerprint: &str,
) -> Result<Option<ModelRow>> {
    let same = same_training(conn, name, kind, is_same, fingerprint)?;
    Ok(same.into_iter().max_by_key(|row| row.version).filter(|row| !row.complete))
}

fn same_training(
    conn: &Connection,
    name: &str,
    kind: &str,
    is_same: &dyn Fn(&str) -> bool,
    fingerprint: &str,
) -> Result<Vec<ModelRow>> {
    let mut models = versions(conn, name)?;
    models.retain(|row| {
        row.kind == kind
            && is_same(&row.options_json)
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
    let catalogue = Catalogue::of(conn, &model.database);
    let found = rows(
        conn,
        &format!(
            "SELECT epoch, train_loss, map_keys(metrics), map_values(metrics), seconds,
             plays_per_second FROM {} WHERE model = ? AND version = ? ORDER BY epoch",
            catalogue.table("training_history")
        ),
        params![model.name, model.version],
    )?;
    Ok(found.into_iter().map(epoch_row).collect())
}

/// An epoch, from its number, loss, names and values of metrics, seconds and plays per second.
pub(super) fn epoch_row(row: Vec<Cell>) -> EpochRow {
    let mut row = row.into_iter();
    let mut next = || row.next().unwrap_or(Cell::Null);
    EpochRow {
        epoch: next().integer().unwrap_or(0),
        train_loss: next().number(),
        metrics: metrics(next(), next()),
        seconds: next().number(),
        plays_per_second: next().number(),
    }
}

/// A model's file.
///
/// # Errors
/// It is gone or incomplete.
pub fn archive(conn: &Connection, model: &ModelRow) -> Result<Vec<u8>> {
    let catalogue = Catalogue::of(conn, &model.database);
    let bytes = catalogue.read(&model.name, model.version, Content::Archive)?;
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
    let catalogue = Catalogue::of(conn, &model.database);
    catalogue.read(&model.name, model.version, Content::Resume)
}
