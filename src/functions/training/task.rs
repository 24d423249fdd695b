//! One training of one model: read, found again or begun, resumed, stored.
//!
//! What statements make of it they decide themselves: `run` shows its epochs, `tune` many of them.

use std::sync::Arc;

use candle_core::Device;
use duckdb::Connection;

use super::initial::initial_weights;
use super::memory;
use super::options::{identity, is_same, request};
use super::validation::{held_out, validation, watched};
use crate::data::{Dataset, TestPlays};
use crate::device;
use crate::error::{Error, Result};
use crate::eval::{Measure, Repeats};
use crate::functions::loaded::{artifact, build, shown};
use crate::functions::settings;
use crate::store::{self, ArchiveMeta, Caller, EpochRow, ModelRow, NewModel, Saved, Trial};
use crate::threads::Threads;
use crate::train::{EpochReport, Fit, ModelSpec, Options, Plan, Weights, flat_listeners};

/// What is trained, for whom, and under which name it is stored.
#[derive(Clone)]
pub(in crate::functions) struct Task {
    /// The kind of model.
    pub spec: &'static ModelSpec,
    /// The function that was called, for messages.
    pub function: String,
    /// The name of the model.
    pub model: String,
    /// Options of every training, and of the model, as they were given: what these leave open is resolved
    /// where it counts, for it changes with those that `tune` tries or [`memory::check`] lowers.
    pub options: Options,
    /// Whoever called.
    pub caller: Caller,
}

/// What a training reads; trainings can share it.
#[derive(Clone)]
pub(in crate::functions) struct Data {
    /// The plays, songs and users.
    pub dataset: Arc<Dataset>,
    held_out: Option<Arc<TestPlays>>,
    /// What the model begins with, where that was learned elsewhere.
    initial: Option<Arc<Weights>>,
    /// Tells these data from others.
    pub fingerprint: String,
}

/// One listener in so many may have the same score for all songs.
const TOLERATED: usize = 10;

/// A training under way, and what is stored with its model.
pub(in crate::functions) struct Job {
    /// Its epochs.
    pub fit: Fit,
    /// What it was read from.
    pub data: Data,
    /// Epochs that an earlier execution trained, and the version it left.
    pub resumed: Option<(usize, i64)>,
    /// What it computes on.
    threads: Threads,
    identity: String,
    device: &'static str,
}

impl Task {
    /// Reads plays, songs, users and validation plays.
    ///
    /// # Errors
    /// They cannot be read; the analyst stopped the statement.
    pub(in crate::functions) fn read(&self, conn: &Connection) -> Result<Data> {
        let (function, caller, options) = (&self.function, &self.caller, &self.options);
        let control = &caller.control;
        let threads = settings::threads(caller, function)?;
        let rows = if options.has("tiles") { "tiles" } else { "plays" };
        caller.host.announce(Some(format!("{function}: reading {rows}")));
        let dataset = store::read_dataset(conn, &request(function, options), control)?;
        let dataset = Arc::new(threads.run(|| dataset.finish(control))?);
        let held_out = held_out(conn, function, options, &dataset, &threads, control)?;
        let mut fingerprint = dataset.fingerprint.clone();
        if let Some(held_out) = &held_out {
            fingerprint += &format!("+{}", held_out.fingerprint());
        }
        let initial = initial_weights(caller, function, options)?.map(|(weights, hash)| {
            fingerprint += &format!("+{hash:032x}");
            Arc::new(weights)
        });
        Ok(Data { dataset, held_out: held_out.map(Arc::new), initial, fingerprint })
    }

    /// What makes this training the same as another on the same data.
    ///
    /// # Errors
    /// The device cannot be had.
    pub(in crate::functions) fn identity(&self) -> Result<String> {
        let (device, watched) = (self.device()?, self.watch()?);
        let options = self.resolved();
        let identity = identity(self.spec, &options, device::name(&device), &watched);
        serde_json::to_string(&identity).map_err(|error| Error::Model(error.to_string()))
    }

    /// What is stored of this very training: the complete model, or the interrupted one; only the
    /// latter where the analyst wants it trained again.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub(in crate::functions) fn stored(
        &self,
        conn: &Connection,
        data: &Data,
    ) -> Result<Option<ModelRow>> {
        let again = self.options.bool("retrain");
        let find = if again { store::find_unfinished } else { store::find_trained };
        let identity = self.identity()?;
        let is_same = |stored: &str| is_same(self.spec, stored, &identity);
        find(conn, &self.model, self.spec.name, &is_same, &data.fingerprint)
    }

    /// The interrupted model of this very training, if that is the latest one.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub(in crate::functions) fn unfinished(
        &self,
        conn: &Connection,
        data: &Data,
    ) -> Result<Option<ModelRow>> {
        let identity = self.identity()?;
        let is_same = |stored: &str| is_same(self.spec, stored, &identity);
        store::find_unfinished(conn, &self.model, self.spec.name, &is_same, &data.fingerprint)
    }

    /// The epochs that a search stored of this very training.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub(in crate::functions) fn tried(
        &self,
        conn: &Connection,
        data: &Data,
    ) -> Result<Vec<EpochRow>> {
        let identity = self.identity()?;
        let is_same = |stored: &str| is_same(self.spec, stored, &identity);
        store::trial(conn, &self.model, self.as_trial(&identity, data), &is_same)
    }

    /// Stores epochs of this very training for later searches.
    ///
    /// # Errors
    /// The database is read-only or full.
    pub(in crate::functions) fn remember(
        &self,
        conn: &Connection,
        data: &Data,
        epochs: &[EpochRow],
    ) -> Result<()> {
        let identity = self.identity()?;
        store::save_trial(conn, &self.model, self.as_trial(&identity, data), epochs)
    }

    fn as_trial<'a>(&self, identity: &'a str, data: &'a Data) -> Trial<'a> {
        Trial { kind: self.spec.name, options_json: identity, fingerprint: &data.fingerprint }
    }

    /// Drops what [`Task::keep`] stored.
    ///
    /// # Errors
    /// The database is read-only.
    pub(in crate::functions) fn forget(&self, conn: &Connection, data: &Data) -> Result<()> {
        match self.unfinished(conn, data)? {
            Some(row) => {
                store::drop_model(conn, &self.function, &self.model, Some(row.version)).map(drop)
            }
            None => Ok(()),
        }
    }

    /// The best epoch and its metric; the first of equals. `None` without epochs or validation.
    pub(in crate::functions) fn best_of(&self, epochs: &[EpochRow]) -> Option<(i64, f64)> {
        let watched = self.watch().unwrap_or_default();
        let mut best: Option<(i64, f64)> = None;
        for row in epochs {
            let value = row.metrics.iter().find(|(name, _)| *name == watched).map(|(_, v)| *v);
            if let Some(value) = value.filter(|&value| best.is_none_or(|(_, best)| value > best)) {
                best = Some((row.epoch, value));
            }
        }
        best
    }

    /// Whether a training of these epochs trains no further.
    pub(in crate::functions) fn is_over(&self, epochs: &[EpochRow]) -> bool {
        let patience = self.options.int("patience").unwrap_or(i64::MAX);
        let last = epochs.last().map_or(0, |row| row.epoch);
        epochs.len() >= self.epochs()
            || self.best_of(epochs).is_some_and(|(best, _)| last - best >= patience)
    }

    /// The metric that chooses the best epoch.
    fn watched(&self) -> Result<Measure> {
        watched(&self.function, &self.options)
    }

    /// Its name; some kinds have one of their own.
    ///
    /// # Errors
    /// There is no such metric.
    pub(in crate::functions) fn watch(&self) -> Result<String> {
        match shown(self.spec.name).watch {
            Some(own) => Ok(own.to_owned()),
            None => Ok(self.watched()?.name()),
        }
    }

    /// Begins the training, or goes on with the interrupted one of `stored`.
    ///
    /// # Errors
    /// It does not fit into memory; the options or the stored state do not fit.
    pub(in crate::functions) fn begin(
        &self,
        conn: &Connection,
        data: &Data,
        stored: Option<&ModelRow>,
    ) -> Result<Job> {
        let (function, caller, options) = (&self.function, &self.caller, &self.options);
        let (device, threads) = (self.device()?, settings::threads(caller, function)?);
        let dataset = &data.dataset;
        let mut validate = None;
        if let Some(plays) = data.held_out.clone() {
            let repeats = options.text("repeats").map_or(Ok(Repeats::Allow), Repeats::parse)?;
            let (threads, control) = (threads.clone(), caller.control.clone());
            let (dataset, watched) = (dataset.clone(), self.watched()?);
            validate = Some(validation(dataset, plays, watched, repeats, threads, control));
        }
        memory::check(conn, function, self.spec, options, dataset, &device)?;
        let resolved = self.resolved();
        let start = || (self.spec.start)(dataset.clone(), &resolved, &device);
        let mut training = threads.run(start).map_err(|error| error.within(function))?;
        if let Some(initial) = &data.initial {
            training.begin_with(initial).map_err(|error| error.within(function))?;
        }
        let plan = Plan {
            epochs: self.epochs(),
            plays: training.examples().unwrap_or(dataset.plays.songs.len()),
            patience: options.count("patience"),
            validate,
            watch: self.watch()?,
        };
        let shared = !self.spec.iterative || training.is_parallel();
        let threads = settings::training_threads(caller, function, shared)?;
        let mut job = Job {
            fit: Fit::new(training, plan, caller.control.clone()),
            data: data.clone(),
            resumed: None,
            threads,
            identity: self.identity()?,
            device: device::name(&device),
        };
        if let Some(row) = stored {
            self.resume(conn, row, &mut job)?;
        }
        Ok(job)
    }

    /// The options as they apply.
    fn resolved(&self) -> Options {
        self.spec.resolve(&self.options)
    }

    /// How many epochs it has at most.
    pub(in crate::functions) fn epochs(&self) -> usize {
        if self.spec.iterative { self.options.count("epochs") } else { 1 }
    }

    fn device(&self) -> Result<Device> {
        device::open(&settings::device(&self.caller, &self.function, &self.options)?)
    }

    fn resume(&self, conn: &Connection, row: &ModelRow, job: &mut Job) -> Result<()> {
        let Some(bytes) = store::resume(conn, row)? else { return Ok(()) };
        let state = store::unpack_tensors(&row.name, &bytes)?;
        let reports: Vec<_> = store::history(conn, row)?.into_iter().map(report).collect();
        job.resumed = Some((reports.len(), row.version));
        let model = build(row, &artifact(conn, row)?, &job.threads)?;
        let best = row.best_epoch.and_then(|best| usize::try_from(best).ok()).unwrap_or(0);
        job.fit.resume(state, reports, model, best)
    }

    /// Stores the best epoch as a version: whole, or as what an interrupted training goes on with.
    ///
    /// # Errors
    /// No epoch was finished; the database is read-only or full.
    pub(in crate::functions) fn save(&self, job: &Job, complete: bool) -> Result<Saved> {
        let conn = self.caller.connect()?;
        let Some(best) = job.fit.best() else {
            return Err(Error::Compute("no epoch was finished".into()));
        };
        let resume = if complete { None } else { Some(store::pack_tensors(job.fit.state())?) };
        let meta = ArchiveMeta {
            name: store::locate(&conn, &self.model)?.name,
            kind: self.spec.name.to_owned(),
            options_json: job.identity.clone(),
            seed: self.options.int("seed").unwrap_or(0),
            device: job.device.to_owned(),
            complete,
            epochs: job.epochs(),
            best_epoch: Some(best.epoch as i64),
            fingerprint: job.data.fingerprint.clone(),
        };
        let archive = store::pack(&job.data.dataset, &best.model.weights()?, &meta)?;
        let mut new = NewModel::new(meta, &job.data.dataset, archive, resume);
        // In the file a model has no database.
        self.model.clone_into(&mut new.name);
        new.resumed = job.resumed.map(|(_, version)| version);
        store::save(&conn, &new)
    }

    /// What the analyst should know about the best model: that it tells songs apart for few listeners.
    ///
    /// # Errors
    /// It cannot score.
    pub(in crate::functions) fn warning(&self, job: &Job) -> Result<Option<String>> {
        // What is fitted in one step cannot get stuck; rules know few songs, though.
        let Some(best) = job.fit.best().filter(|_| self.spec.iterative) else { return Ok(None) };
        let (model, dataset) = (best.model.as_ref(), job.data.dataset.as_ref());
        let (flat, asked) = job.threads.run(|| flat_listeners(model, dataset))?;
        Ok((flat * TOLERATED > asked).then(|| {
            format!(
                "{flat} of {asked} listeners that were looked at have the same score for nearly all songs: \
                 the training is stuck; give another seed, more epochs, or, where the model has them, a lower \
                 learning_rate or reg"
            )
        }))
    }

    /// Stores what an interrupted training goes on with; `None` if there is nothing new.
    ///
    /// # Errors
    /// The database is read-only or full.
    pub(in crate::functions) fn keep(&self, job: &Job) -> Result<Option<Saved>> {
        let resumed = job.resumed.map_or(0, |(epochs, _)| epochs);
        if !self.spec.iterative || job.fit.reports().len() == resumed {
            return Ok(None);
        }
        self.save(job, false).map(Some)
    }
}

impl Job {
    /// Trains the next epoch; `None` once training is over.
    ///
    /// # Errors
    /// As [`Fit::next_epoch`].
    pub(in crate::functions) fn next_epoch(&mut self) -> Result<Option<EpochReport>> {
        let Self { fit, threads, .. } = self;
        threads.run(|| fit.next_epoch())
    }

    /// All epochs so far.
    pub(in crate::functions) fn epochs(&self) -> Vec<EpochRow> {
        self.fit.reports().iter().map(epoch_row).collect()
    }
}

/// An epoch as it is stored.
pub(super) fn epoch_row(report: &EpochReport) -> EpochRow {
    EpochRow {
        epoch: report.epoch as i64,
        train_loss: report.train_loss,
        metrics: report.metrics.clone(),
        seconds: report.seconds,
        plays_per_second: report.plays_per_second,
    }
}

/// An epoch that was stored.
pub(super) fn report(row: EpochRow) -> EpochReport {
    EpochReport {
        epoch: usize::try_from(row.epoch).unwrap_or(0),
        train_loss: row.train_loss,
        metrics: row.metrics,
        seconds: row.seconds,
        plays_per_second: row.plays_per_second,
    }
}
