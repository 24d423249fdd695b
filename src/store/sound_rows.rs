//! What was heard, as rows on their way into tables.

use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use duckdb::arrow::datatypes::{DataType, Field, Schema};

use super::sound_files::SoundFile;
use super::sound_tables::SoundTask;
use super::sounds::Heard;
use crate::error::{Error, Result};

/// The columns of the ledger beside the song.
pub(super) const LEDGER: &[(&str, &str)] = &[
    ("path", "VARCHAR"),
    ("task", "VARCHAR"),
    ("output", "VARCHAR"),
    ("size", "BIGINT"),
    ("modified_at", "TIMESTAMP"),
    ("status", "VARCHAR"),
    ("error", "VARCHAR"),
    ("count", "BIGINT"),
    ("sample_rate", "BIGINT"),
    ("declared_s", "DOUBLE"),
    ("decoded_s", "DOUBLE"),
];

/// Rows of the ledger.
///
/// # Errors
/// As [`record`].
pub(super) fn ledger_rows(heard: &[(&SoundFile, &Heard)], task: &SoundTask) -> Result<RecordBatch> {
    let texts = |of: &dyn Fn(&SoundFile, &Heard) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(heard.iter().map(|(file, heard)| of(file, heard))))
    };
    let whole = |of: &dyn Fn(&SoundFile, &Heard) -> Option<i64>| -> ArrayRef {
        Arc::new(Int64Array::from_iter(heard.iter().map(|(file, heard)| of(file, heard))))
    };
    let numbers = |of: &dyn Fn(&Heard) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(heard.iter().map(|(_, heard)| of(heard))))
    };
    let columns = vec![
        texts(&|file, _| Some(file.song.clone())),
        texts(&|file, _| Some(file.path.clone())),
        texts(&|_, _| Some(task.task.clone())),
        texts(&|_, _| Some(task.into.clone())),
        whole(&|file, _| file.size),
        whole(&|file, _| file.modified),
        texts(&|_, heard| Some(heard.status.clone())),
        texts(&|_, heard| heard.error.clone()),
        whole(&|_, heard| Some(heard.count)),
        whole(&|_, heard| heard.rate),
        numbers(&|heard| heard.declared_s),
        numbers(&|heard| Some(heard.decoded_s)),
    ];
    let names = std::iter::once("song_id").chain(LEDGER.iter().map(|(name, _)| *name));
    record(names, columns)
}

/// Columns under names.
///
/// # Errors
/// Columns of different lengths.
pub fn record<'n>(
    names: impl Iterator<Item = &'n str>,
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch> {
    let field = |(name, column): (&str, &ArrayRef)| {
        let data_type: DataType = column.data_type().clone();
        Field::new(name, data_type, true)
    };
    let fields: Vec<Field> = names.zip(&columns).map(field).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::Database(error.to_string()))
}
