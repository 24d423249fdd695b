//! What the trials of a search brought, so that none is run twice: their epochs, without a model.

use duckdb::{Connection, params};

use super::archive::EpochRow;
use super::catalogue::{Catalogue, map_literal};
use super::lookup::epoch_row;
use super::place::locate;
use super::rows::{lookup, rows};
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

/// The epochs that are stored of a trial, in the database that the name of a model means.
///
/// # Errors
/// The tables cannot be read.
pub fn trial(conn: &Connection, model: &str, trial: Trial<'_>) -> Result<Vec<EpochRow>> {
    let catalogue = Catalogue::of(conn, &locate(conn, model)?.database);
    let sql = format!(
        "SELECT epoch, train_loss, map_keys(metrics), map_values(metrics), seconds, plays_per_second
         FROM {} WHERE kind = ? AND options = ? AND fingerprint = ? ORDER BY epoch",
        catalogue.table("trials")
    );
    let key = params![trial.kind, trial.options_json, trial.fingerprint];
    match lookup(conn, &sql, key) {
        Err(_) if !has_table(&catalogue)? => Ok(Vec::new()),
        found => Ok(found?.into_iter().map(epoch_row).collect()),
    }
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
