//! A stored model with everything it answers from, loaded once and kept.

use std::sync::Arc;

use candle_core::Device;

use super::contract::{Column, SqlType, Value};
use crate::data::Dataset;
use crate::device;
use crate::error::{Error, Result};
use crate::models;
use crate::store::{self, Caller, EpochRow, ModelRow};
use crate::train::{Artifact, Model, ModelSpec, Options};

/// A model from the store.
pub(super) struct Loaded {
    options: Options,
    device: Device,
    /// What the store says about it.
    pub row: ModelRow,
    /// Users, songs, fields and histories.
    pub dataset: Arc<Dataset>,
    /// The model.
    pub model: Box<dyn Model>,
}

impl Loaded {
    /// Another copy of the model.
    ///
    /// # Errors
    /// Out of memory.
    pub(super) fn rebuild(&self) -> Result<Box<dyn Model>> {
        let (dataset, options) = (self.dataset.clone(), self.options.clone());
        let artifact = Artifact { dataset, options, weights: self.model.weights()? };
        (spec(&self.row)?.load)(&artifact, &self.device)
    }

    /// A score as SQL shows it; NULL for a song that the model cannot score.
    ///
    /// # Errors
    /// The score is NaN.
    pub(super) fn score(&self, score: f32) -> Result<Value> {
        if score.is_nan() {
            return Err(Error::Compute(format!(
                "model '{}' scores songs as NaN; train it again with a lower learning_rate",
                self.row.name
            )));
        }
        let score = f64::from(score);
        Ok(if score.is_finite() { Value::Float(score) } else { Value::Null })
    }
}

/// Finds and loads a model; `name` `None` is the default model.
///
/// # Errors
/// The model is unknown, damaged, or written by a newer Segue.
pub(super) fn load(
    caller: &Caller,
    function: &str,
    name: Option<&str>,
    version: Option<i64>,
) -> Result<Arc<Loaded>> {
    let row = store::find(&caller.connect()?, function, name, version)?;
    open(caller, row)
}

/// Loads a model that was found.
///
/// # Errors
/// The model is gone, damaged, or of a kind that this Segue does not have.
pub(super) fn open(caller: &Caller, row: ModelRow) -> Result<Arc<Loaded>> {
    caller.host.cached(&row.cache_key(), || read(&caller.connect()?, row))
}

fn read(conn: &duckdb::Connection, row: ModelRow) -> Result<Loaded> {
    let bytes = store::archive(conn, &row)?;
    let archive = store::unpack(&row.name, &bytes)?;
    let (dataset, weights) = (Arc::new(archive.dataset), archive.weights);
    let artifact = Artifact { dataset, options: parse_options(&row)?, weights };
    // A model trained on a GPU answers on the CPU where there is none.
    let device = device::open(&row.device).unwrap_or(Device::Cpu);
    let model = (spec(&row)?.load)(&artifact, &device)?;
    Ok(Loaded { options: artifact.options, device, row, dataset: artifact.dataset, model })
}

/// The registry's entry for a stored model.
pub(super) fn spec(row: &ModelRow) -> Result<&'static ModelSpec> {
    models::find(&row.kind).ok_or_else(|| {
        Error::model(format!(
            "model '{}' is of kind '{}', which this version of Segue does not have; update Segue",
            row.name, row.kind
        ))
    })
}

fn parse_options(row: &ModelRow) -> Result<Options> {
    serde_json::from_str(&row.options_json).map_err(|error| {
        Error::model(format!(
            "the options of model '{}' version {} cannot be read ({error}); train it again",
            row.name, row.version
        ))
    })
}

/// The names of the validation metrics, also columns of every training's result.
pub(super) const VALIDATION_METRICS: [&str; 3] = ["recall_at_20", "ndcg_at_20", "mrr"];

/// The column of a validation metric over lists of `k` songs, and the list length it looks at.
pub(super) fn validation_metric(metric: &str, k: usize) -> Option<(&'static str, Option<usize>)> {
    match metric {
        "recall" => Some(("recall_at_20", Some(k))),
        "ndcg" => Some(("ndcg_at_20", Some(k))),
        "mrr" => Some(("mrr", None)),
        _ => None,
    }
}

/// The columns that describe an epoch.
pub(super) fn epoch_columns() -> Vec<Column> {
    let mut columns =
        vec![Column::new("epoch", SqlType::BigInt), Column::new("train_loss", SqlType::Double)];
    columns.extend(VALIDATION_METRICS.map(|name| Column::new(name, SqlType::Double)));
    columns.push(Column::new("seconds", SqlType::Double));
    columns.push(Column::new("plays_per_second", SqlType::Double));
    columns
}

/// The values of [`epoch_columns`].
pub(super) fn epoch_values(row: &EpochRow, iterative: bool) -> Vec<Value> {
    // Digits that say nothing would push the columns that matter off the screen.
    let rounded = |value: f64, scale: f64| Value::Float((value * scale).round() / scale);
    // A model fitted in one step minimises nothing.
    let loss = if iterative { rounded(row.train_loss, 1e6) } else { Value::Null };
    let mut values = vec![Value::Int(row.epoch), loss];
    values.extend(VALIDATION_METRICS.map(|name| {
        let metric = row.metrics.iter().find(|(found, _)| found == name);
        metric.map_or(Value::Null, |&(_, value)| rounded(value, 1e6))
    }));
    values.push(rounded(row.seconds, 1e3));
    values.push(if iterative { rounded(row.plays_per_second, 1.0) } else { Value::Null });
    values
}
