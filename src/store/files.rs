//! Models as files of their own: a model's archive, byte for byte.

use duckdb::Connection;

use super::archive::{Archive, unpack};
use super::catalogue::{Catalogue, Content};
use super::host::Caller;
use super::host_files::{Files, write_error};
use super::lookup::{archive, versions};
use super::names::literal;
use super::new_model::NewModel;
use super::shelf::ModelRow;
use super::tensors::refuse_foreign;
use crate::error::{Error, Result};

/// Writes a model's archive into a file, in DuckDB's way: a file that was there is replaced at the
/// end in one step, and of a new one nothing is left after an error.
///
/// # Errors
/// There is a file and `overwrite` is not given; the path is forbidden or cannot be written; the
/// model is gone.
pub fn export(
    caller: &Caller,
    function: &str,
    model: &ModelRow,
    path: &str,
    overwrite: bool,
) -> Result<()> {
    let files = files(caller, function)?;
    let target = files.expand(path);
    if !overwrite && files.exists(function, &target)? {
        return Err(Error::Database(format!(
            "{function}: '{path}' exists; give overwrite := true to replace it, or another path"
        )));
    }
    let conn = caller.connect()?;
    let catalogue = Catalogue::of(&conn, &model.database);
    // One transaction, so that what is written is what was checked.
    catalogue.transaction(|| {
        let parts = catalogue.parts(&model.name, model.version, Content::Archive)?;
        if parts.iter().map(|part| part.bytes).sum::<i64>() != model.bytes {
            return Err(Error::model(format!(
                "{function}: version {} of model '{}' is gone or damaged: drop it and train it again",
                model.version, model.name
            )));
        }
        // A branch a part: they run one after the other, and the file is written with one part in
        // memory. One scan would put up to 2,048 parts into a vector.
        let selects: Vec<String> = parts.iter().map(|part| part.select.clone()).collect();
        let sql = format!(
            "COPY ({}) TO {} (FORMAT blob, COMPRESSION 'none')",
            selects.join(" UNION ALL "),
            literal(&target)
        );
        conn.execute_batch(&sql).map_err(|error| write_error(function, path, &error.into()))
    })
}

/// Reads a model from a file, which may be anything.
///
/// # Errors
/// The file is missing, forbidden, no Segue model, damaged, or from a newer Segue.
pub fn import(caller: &Caller, function: &str, path: &str) -> Result<Archive> {
    let files = files(caller, function)?;
    let control = &caller.control;
    let named = |error: Error| match error {
        Error::Model(message) => Error::Model(format!("{function}: {message}")),
        other => other,
    };
    let bytes = files.read(function, &files.expand(path), control, |start, size| {
        refuse_foreign(path, start, size).map_err(named)
    })?;
    unpack(path, &bytes).map_err(named)
}

/// The whole of a file.
///
/// # Errors
/// It is missing, cannot be read or does not fit into memory ([`Error::Data`]); DuckDB's settings
/// forbid it; the analyst stops the statement.
pub fn read_file(caller: &Caller, function: &str, path: &str) -> Result<Vec<u8>> {
    let files = files(caller, function)?;
    files.read(function, &files.expand(path), &caller.control, |_, _| Ok(()))
}

/// The version that is this very model, file and all.
///
/// # Errors
/// The tables cannot be read.
pub fn find_same(conn: &Connection, model: &NewModel) -> Result<Option<ModelRow>> {
    let bytes = model.archive.len() as i64;
    for row in versions(conn, &model.name)? {
        let alike =
            row.kind == model.kind && row.fingerprint == model.fingerprint && row.bytes == bytes;
        // A version that is damaged is no reason not to import it again.
        if alike && archive(conn, &row).is_ok_and(|stored| stored == model.archive) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn files<'c>(caller: &'c Caller, function: &str) -> Result<&'c Files> {
    caller.files.as_deref().ok_or_else(|| {
        Error::Database(format!("{function}: DuckDB gives no access to its file system here"))
    })
}
