//! A stored model with everything it answers from, loaded once and kept.

use std::ops::Deref;
use std::sync::Arc;

use candle_core::Device;

use super::contract::{Column, SqlType, Value};
use super::settings;
use crate::data::Dataset;
use crate::device;
use crate::error::{Error, Result};
use crate::models;
use crate::store::{self, Caller, EpochRow, ModelRow};
use crate::threads::Threads;
use crate::train::{Artifact, Context, Model, ModelSpec, Options, Weights};

/// A model from the store. Clones share everything.
#[derive(Clone)]
pub(super) struct Loaded {
    options: Arc<Options>,
    device: Device,
    /// What the store says about it.
    pub row: Arc<ModelRow>,
    /// Users, songs, fields and histories.
    pub dataset: Arc<Dataset>,
    /// The model, which computes on the threads that the caller may have.
    pub model: Arc<dyn Model>,
}

impl Loaded {
    /// Another copy of the model.
    ///
    /// # Errors
    /// Out of memory.
    pub(super) fn rebuild(&self, threads: &Threads) -> Result<Box<dyn Model>> {
        let (dataset, options) = (self.dataset.clone(), (*self.options).clone());
        let artifact = Artifact { dataset, options, weights: self.model.weights()? };
        let spec = spec(&self.row)?;
        threads.run(|| (spec.load)(&artifact, &self.device))
    }
}

/// Finds a model; `name` `None` is the one that the caller's settings name, else the default model.
///
/// # Errors
/// The model is unknown, or written by a newer Segue.
pub(super) fn find(
    conn: &duckdb::Connection,
    caller: &Caller,
    function: &str,
    name: Option<&str>,
    version: Option<i64>,
) -> Result<ModelRow> {
    match (name, settings::default_model(caller)) {
        (None, Some(set)) => {
            store::find(conn, function, Some(set), version).map_err(settings::blame_default_model)
        }
        (name, _) => store::find(conn, function, name, version),
    }
}

/// [`find`]s and loads a model.
///
/// # Errors
/// The model is unknown, damaged, or written by a newer Segue; a setting is wrong.
pub(super) fn load(
    caller: &Caller,
    function: &str,
    name: Option<&str>,
    version: Option<i64>,
) -> Result<Arc<Loaded>> {
    let threads = settings::threads(caller, function)?;
    let conn = caller.connect()?;
    let row = find(&conn, caller, function, name, version)?;
    let key = row.cache_key();
    let kept = caller.host.cached(&key, || read(&conn, row, &threads))?;
    let model = Arc::new(OnThreads { model: kept.model.clone(), threads });
    Ok(Arc::new(Loaded { model, ..(*kept).clone() }))
}

fn read(conn: &duckdb::Connection, row: ModelRow, threads: &Threads) -> Result<Loaded> {
    let bytes = store::archive(conn, &row)?;
    let archive = store::unpack(&row.name, &bytes)?;
    let (dataset, weights) = (Arc::new(archive.dataset), archive.weights);
    let artifact = Artifact { dataset, options: parse_options(&row)?, weights };
    // A model trained on a GPU answers on the CPU where there is none.
    let device = device::open(&row.device).unwrap_or(Device::Cpu);
    let spec = spec(&row)?;
    let model = threads.run(|| (spec.load)(&artifact, &device))?.into();
    let (row, options) = (Arc::new(row), Arc::new(artifact.options));
    Ok(Loaded { options, device, row, dataset: artifact.dataset, model })
}

/// A model that computes on certain threads. Each call takes them for one batch of contexts, so
/// that statements which share them take turns.
pub(super) struct OnThreads<M> {
    /// The model.
    pub model: M,
    /// Its threads.
    pub threads: Threads,
}

impl<'m, M: Deref<Target = dyn Model + 'm> + Send + Sync> Model for OnThreads<M> {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        self.threads.run(|| self.model.score_all(contexts, out))
    }

    fn weights(&self) -> Result<Weights> {
        self.threads.run(|| self.model.weights())
    }

    fn field_attention(&self, user: Option<u32>, songs: &[u32]) -> Result<Option<Vec<f32>>> {
        self.threads.run(|| self.model.field_attention(user, songs))
    }

    fn attention_fields(&self) -> Vec<String> {
        self.model.attention_fields()
    }
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
