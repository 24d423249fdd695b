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
use crate::store::{self, ArchiveMeta, Caller, EpochRow, ModelRow, Saved};
use crate::threads::Threads;
use crate::train::{Artifact, Context, Model, ModelSpec, Options, Weights};

/// A model from the store. Clones share everything.
#[derive(Clone)]
pub(super) struct Loaded {
    /// What the store says about it.
    pub row: Arc<ModelRow>,
    /// Users, songs, fields and histories.
    pub dataset: Arc<Dataset>,
    /// The model, which computes on the threads that the caller may have.
    pub model: Arc<dyn Model>,
}

impl Loaded {
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
    let row = find(&caller.connect()?, caller, function, name, version)?;
    open(caller, function, row)
}

/// Loads a model that was found.
///
/// # Errors
/// The model is gone, damaged, recommends nothing, or is of a kind that this Segue does not have; a
/// setting is wrong.
pub(super) fn open(caller: &Caller, function: &str, row: ModelRow) -> Result<Arc<Loaded>> {
    if models::is_listener(&row.kind) {
        return Err(Error::model(format!(
            "{function}: model '{0}' hears songs and recommends none; give its vectors to train_harm, \
             with audio := '(FROM audio_vectors(''tiles'', model := ''{0}''))'",
            row.name
        )));
    }
    let threads = settings::threads(caller, function)?;
    let kept = caller.host.cached(&row.cache_key(), || read(&caller.connect()?, row, &threads))?;
    Ok(on_threads(&kept, threads))
}

/// The model of a [`ModelRow::cache_key`], if it is at hand.
///
/// # Errors
/// A setting is wrong.
pub(super) fn kept(caller: &Caller, function: &str, key: &str) -> Result<Option<Arc<Loaded>>> {
    let Some(kept) = caller.host.kept::<Loaded>(key) else { return Ok(None) };
    Ok(Some(on_threads(&kept, settings::threads(caller, function)?)))
}

fn on_threads(kept: &Loaded, threads: Threads) -> Arc<Loaded> {
    let model = Arc::new(OnThreads { model: kept.model.clone(), threads });
    Arc::new(Loaded { model, ..kept.clone() })
}

fn read(conn: &duckdb::Connection, row: ModelRow, threads: &Threads) -> Result<Loaded> {
    let artifact = artifact(conn, &row)?;
    let model = build(&row, &artifact, threads)?.into();
    Ok(Loaded { row: Arc::new(row), dataset: artifact.dataset, model })
}

/// What a model was stored as.
///
/// # Errors
/// The model is gone or damaged.
pub(super) fn artifact(conn: &duckdb::Connection, row: &ModelRow) -> Result<Artifact> {
    let bytes = store::archive(conn, row)?;
    let archive = store::unpack(&row.name, &bytes)?;
    let (dataset, weights) = (Arc::new(archive.dataset), archive.weights);
    let options = options_of(spec(row)?, &row.name, &row.options_json)?;
    Ok(Artifact { dataset, options, weights })
}

/// The model that was stored so.
///
/// # Errors
/// It is of a kind that this Segue does not have; weights, options and data do not fit together.
pub(super) fn build(
    row: &ModelRow,
    artifact: &Artifact,
    threads: &Threads,
) -> Result<Box<dyn Model>> {
    // A model trained on a GPU answers on the CPU where there is none.
    let device = device::open(&row.device).unwrap_or(Device::Cpu);
    let spec = spec(row)?;
    threads.run(|| (spec.load)(artifact, &device))
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

    fn score_some(
        &self,
        contexts: &[Context<'_>],
        songs: &[Vec<u32>],
        out: &mut [f32],
    ) -> Result<()> {
        self.threads.run(|| self.model.score_some(contexts, songs, out))
    }

    fn weights(&self) -> Result<Weights> {
        self.threads.run(|| self.model.weights())
    }

    fn field_attention(&self, user: Option<u32>, songs: &[u32]) -> Result<Option<Vec<f32>>> {
        self.threads.run(|| self.model.field_attention(user, songs))
    }

    fn chord_attention(&self, context: &Context<'_>, song: u32) -> Result<Option<Vec<f32>>> {
        self.threads.run(|| self.model.chord_attention(context, song))
    }

    fn attention_fields(&self) -> Vec<String> {
        self.model.attention_fields()
    }
}

/// The registry's entry for a stored model.
pub(super) fn spec(row: &ModelRow) -> Result<&'static ModelSpec> {
    kind(&row.name, &row.kind)
}

fn kind(name: &str, kind: &str) -> Result<&'static ModelSpec> {
    models::find(kind).ok_or_else(|| {
        Error::model(format!(
            "model '{name}' is of kind '{kind}', which this version of Segue does not have; \
             update Segue"
        ))
    })
}

/// The options of a stored model as they apply: earlier versions of Segue stored them as they were given.
fn options_of(spec: &ModelSpec, name: &str, options_json: &str) -> Result<Options> {
    let options = serde_json::from_str(options_json).map_err(|error| {
        Error::model(format!(
            "the options of model '{name}' cannot be read ({error}); train it again"
        ))
    })?;
    Ok(spec.resolve(&options))
}

/// Builds the model of an archive that may come from anywhere and lets it score all songs once,
/// to see whether it can be used; returns its dataset and weights.
///
/// # Errors
/// Its kind is unknown, or its options, weights and data do not fit together.
pub(super) fn try_out(
    meta: &ArchiveMeta,
    dataset: Dataset,
    weights: Weights,
    threads: &Threads,
) -> Result<(Arc<Dataset>, Weights)> {
    let spec = kind(&meta.name, &meta.kind)?;
    let options = options_of(spec, &meta.name, &meta.options_json)?;
    let artifact = Artifact { dataset: Arc::new(dataset), options, weights };
    threads.run(|| {
        let model = (spec.load)(&artifact, &Device::Cpu)?;
        if models::is_listener(spec.name) {
            return Ok(());
        }
        let dataset = &artifact.dataset;
        let user = (!dataset.users.is_empty()).then_some(0);
        let songs = user.map_or(&[][..], |user| dataset.plays.history(user));
        let context = Context { user, songs, continues: false };
        model.score_all(&[context], &mut vec![0.0; dataset.songs.len()])
    })?;
    Ok((artifact.dataset, artifact.weights))
}

/// Where a model was stored just now, and whether it is what `recommend` answers with when no
/// model is named.
///
/// # Errors
/// The tables cannot be read.
pub(super) fn stored_note(
    conn: &duckdb::Connection,
    caller: &Caller,
    function: &str,
    name: &str,
    saved: &Saved,
) -> Result<String> {
    let mut note = format!("stored as '{name}' version {}", saved.version);
    let stored = store::find(conn, function, Some(name), Some(saved.version))?;
    let is_default = match settings::default_model(caller) {
        // The setting may name what is not there.
        Some(_) => find(conn, caller, function, None, None)
            .is_ok_and(|row| row.cache_key() == stored.cache_key()),
        None => stored.is_default,
    };
    if is_default {
        note += ", now the default model";
        if store::current_database(conn)? != stored.database {
            note += &format!(" of database '{}'", stored.database);
        }
    }
    if let Some(database) = store::unattached(conn, name)? {
        note += &format!("; the dot is part of the name, for no database '{database}' is attached");
    }
    if let Some(first) = saved.foreign_macros.first() {
        note += &format!(
            "; left your own {} in schema main, which goes before Segue's: write system.{first}(…) for that",
            saved.foreign_macros.join(", ")
        );
    }
    Ok(note)
}

/// The validation metrics that are columns of every training's result.
pub(super) const VALIDATION_METRICS: [&str; 3] = ["recall_at_20", "ndcg_at_20", "mrr"];

/// What the columns of an epoch are.
pub(super) struct Shown {
    metrics: &'static [&'static str],
    metric_doc: &'static str,
    pace: &'static str,
    pace_doc: &'static str,
    /// The metric that chooses the best epoch, where no option says so.
    pub watch: Option<&'static str>,
}

const RECOMMENDER: Shown = Shown {
    metrics: &VALIDATION_METRICS,
    metric_doc: "On the validation plays; NULL without them.",
    pace: "plays_per_second",
    pace_doc: "How fast it was; NULL for models fitted in one step.",
    watch: None,
};
const LISTENER: Shown = Shown {
    metrics: &["log_likelihood", "accuracy"],
    metric_doc: "On the songs held out: the mean log-probability of their genres, which chooses the best \
                 epoch, and the share whose genre is heard; NULL where none are held out.",
    pace: "tiles_per_second",
    pace_doc: "How fast it was.",
    watch: Some("log_likelihood"),
};

/// What is shown of an epoch of a kind of model.
pub(super) fn shown(kind: &str) -> &'static Shown {
    if models::is_listener(kind) { &LISTENER } else { &RECOMMENDER }
}

/// The columns that describe an epoch.
pub(super) fn epoch_columns(shown: &Shown) -> Vec<Column> {
    let mut columns = vec![
        Column::documented("epoch", SqlType::BigInt, "The number of the epoch, from 1."),
        Column::documented(
            "train_loss",
            SqlType::Double,
            "What training minimises, its mean over the epoch; NULL for models fitted in one step.",
        ),
    ];
    let metric = |&name: &&'static str| Column::documented(name, SqlType::Double, shown.metric_doc);
    columns.extend(shown.metrics.iter().map(metric));
    columns.push(Column::documented("seconds", SqlType::Double, "How long the epoch took."));
    columns.push(Column::documented(shown.pace, SqlType::Double, shown.pace_doc));
    columns
}

/// The values of [`epoch_columns`].
pub(super) fn epoch_values(row: &EpochRow, iterative: bool, shown: &Shown) -> Vec<Value> {
    // Digits that say nothing would push the columns that matter off the screen.
    let rounded = |value: f64, scale: f64| Value::Float((value * scale).round() / scale);
    // A model fitted in one step minimises nothing.
    let loss = if iterative { rounded(row.train_loss, 1e6) } else { Value::Null };
    let mut values = vec![Value::Int(row.epoch), loss];
    values.extend(shown.metrics.iter().map(|&name| {
        let metric = row.metrics.iter().find(|(found, _)| found == name);
        metric.map_or(Value::Null, |&(_, value)| rounded(value, 1e6))
    }));
    values.push(rounded(row.seconds, 1e3));
    // A large network hears less than one tile a second.
    let scale = if row.plays_per_second < 100.0 { 100.0 } else { 1.0 };
    values.push(if iterative { rounded(row.plays_per_second, scale) } else { Value::Null });
    values
}
