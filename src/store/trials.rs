//! What the trials of a search brought, so that none is run twice: their epochs, without a model.

use duckdb::{Connection, params};

use super::archive::EpochRow;
use super::catalogue::{Catalogue, map_literal};
use super::lookup::epoch_row;
use super::place::locate;
use super::rows::{Cell, lookup, rows};
use crate::error::Result;

/// One trial: a training of a kind of model, with its options and data as trainings are told apart.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The kind in the registry.
    pub kind: &'a str,
    /// The options, as JSON.
    pub options_json: &'a str,
    /// The fingerprint of the data.
    pub fingerprint: &'a str,
}

/// The epochs that are stored of a trial, in the database that the name of a model means. `is_same` says
/// whether options are the trial's, however an earlier version wrote them.
///
/// # Errors
/// The tables cannot be read.
pub fn trial(
    conn: &Connection,
    model: &str,
    trial: Trial<'_>,
    is_same: &dyn Fn(&str) -> bool,
) -> Result<Vec<EpochRow>> {
    let catalogue = Catalogue::of(conn, &locate(conn, model)?.database);
    let found = epochs(&catalogue, trial);
    match found {
        Err(_) if !has_table(&catalogue)? => return Ok(Vec::new()),
        Ok(found) if found.is_empty() => {}
        found => return found,
    }
    let table = catalogue.table("trials");
    let sql = format!("SELECT DISTINCT options FROM {table} WHERE kind = ? AND fingerprint = ?");
    let others = lookup(conn, &sql, params![trial.kind, trial.fingerprint])?;
    let mut others = others.into_iter().flatten().map(Cell::text);
    match others.find(|options| is_same(options)) {
        Some(options) => epochs(&catalogue, Trial { options_json: &options, ..trial }),
        None => Ok(Vec::new()),
    }
}

fn epochs(catalogue: &Catalogue<'_>, trial: Trial<'_>) -> Result<Vec<EpochRow>> {
    let sql = format!(
        "SELECT epoch, train_loss, map_keys(metrics), map_values(metrics), seconds, plays_per_second
         FROM {} WHERE kind = ? AND options = ? AND fingerprint = ? ORDER BY epoch",
        catalogue.table("trials")
    );
    let key = params![trial.kind, trial.options_json, trial.fingerprint];
    Ok(lookup(catalogue.conn, &sql, key)?.into_iter().map(epoch_row).collect())
}

/// Stores the epochs of a trial in place of those that were there.
///
/// # Errors
/// The database is read-only or full.
pub fn save_trial(
    conn: &Connection,
    model: &str,
    trial: Trial<'_>,
    epochs: &[EpochRow],
) -> Result<()> {
    let catalogue = Catalogue::of(conn, &locate(conn, model)?.database);
    let table = catalogue.table("trials");
    catalogue.transaction(|| {
        catalogue.create()?;
        conn.execute(
            &format!("DELETE FROM {table} WHERE kind = ? AND options = ? AND fingerprint = ?"),
            params![trial.kind, trial.options_json, trial.fingerprint],
        )?;
        for row in epochs {
            let metrics = map_literal(&row.metrics);
            conn.execute(
                &format!("INSERT INTO {table} VALUES (?, ?, ?, ?, ?, {metrics}, ?, ?)"),
                params![
                    trial.kind,
                    trial.options_json,
                    trial.fingerprint,
                    row.epoch,
                    row.train_loss,
                    row.seconds,
                    row.plays_per_second
                ],
            )?;
        }
        Ok(())
    })
}

/// Whether a search was ever stored.
fn has_table(catalogue: &Catalogue<'_>) -> Result<bool> {
    let sql = "SELECT 1 FROM duckdb_tables()
        WHERE database_name = ? AND schema_name = 'segue' AND table_name = 'trials'";
    Ok(!rows(catalogue.conn, sql, params![catalogue.database])?.is_empty())
}
