//! One execution of a training statement.

use std::sync::Arc;

use super::memory;
use super::options::{identity, request};
use super::validation::{held_out, validation, watched};
use crate::control::Control;
use crate::data::Dataset;
use crate::device;
use crate::error::{Error, Result};
use crate::functions::contract::{Call, Rows, Value};
use crate::functions::loaded::{epoch_values, load, stored_note};
use crate::functions::settings;
use crate::store::{self, ArchiveMeta, EpochRow, ModelRow, NewModel, Saved};
use crate::threads::Threads;
use crate::train::{EpochReport, Fit, ModelSpec, Options, Plan};

/// A training statement being executed.
pub(super) struct Run {
    spec: &'static ModelSpec,
    call: Arc<Call>,
    stage: Stage,
}

enum Stage {
    /// Nothing was read yet.
    New,
    /// Epochs run.
    Training(Box<Job>),
    /// All rows were given.
    Done,
}

/// A training and what is stored with its model.
struct Job {
    fit: Fit,
    /// What it computes on.
    threads: Threads,
    dataset: Arc<Dataset>,
    identity: String,
    fingerprint: String,
    device: &'static str,
    /// Epochs that an earlier, interrupted execution trained.
    resumed: usize,
}

impl Run {
    /// Prepares an execution; nothing is read yet.
    pub(super) fn new(spec: &'static ModelSpec, call: Arc<Call>) -> Self {
        Self { spec, call, stage: Stage::New }
    }

    fn function(&self) -> String {
        format!("train_{}", self.spec.name)
    }

    fn model_name(&self) -> &str {
        self.call.options.text("model").unwrap_or(self.spec.name)
    }

    fn control(&self) -> &Control {
        &self.call.caller.control
    }

    /// Tells whoever waits for rows how far training is.
    fn announce(&self, news: String) {
        self.call.caller.host.announce(Some(format!("{}: {news}", self.function())));
    }

    /// Reads the data; finds what is stored of this very training, or begins it.
    fn begin(&mut self) -> Result<Vec<Vec<Value>>> {
        let (function, caller, options) = (self.function(), &self.call.caller, &self.call.options);
        let (conn, control) = (caller.connect()?, self.control());
        let threads = settings::threads(caller, &function)?;
        self.announce("reading plays".to_owned());
        let dataset = store::read_dataset(&conn, &request(&function, options), control)?;
        let dataset = Arc::new(threads.run(|| dataset.finish(control))?);
        let held_out = held_out(&conn, &function, options, &dataset, &threads, control)?;
        let device = device::open(&settings::device(caller, &function, options)?)?;
        let watched = watched(&function, options)?;
        let identity = identity(self.spec, options, device::name(&device), &watched.name());
        let identity = to_json(&identity)?;
        let fingerprint = match &held_out {
            Some(held_out) => format!("{}+{}", dataset.fingerprint, held_out.fingerprint()),
            None => dataset.fingerprint.clone(),
        };
        let find =
            if options.bool("retrain") { store::find_unfinished } else { store::find_trained };
        let mut stored = find(&conn, self.model_name(), self.spec.name, &identity, &fingerprint)?;
        if let Some(row) = stored.take_if(|row| row.complete) {
            return self.replay(&conn, &row);
        }
        let validate = held_out
            .map(|plays| validation(dataset.clone(), plays, watched, threads, control.clone()));
        let plan = Plan {
            epochs: if self.spec.iterative { options.count("epochs") } else { 1 },
            plays: dataset.plays.songs.len(),
            patience: options.count("patience"),
            validate,
            watch: watched.name(),
        };
        memory::check(&conn, &function, self.spec, options, &dataset, &device)?;
        let threads = settings::training_threads(caller, &function, self.spec.iterative)?;
        let training = threads
            .run(|| (self.spec.start)(dataset.clone(), options, &device))
            .map_err(|error| error.within(&function))?;
        let mut fit = Fit::new(training, plan, control.clone());
        let mut rows = Vec::new();
        if let Some(row) = &stored {
            self.resume(&conn, row, &mut fit, &threads)?;
            let note = format!("trained before the interruption, as version {}", row.version);
            rows = fit.reports().iter().map(|r| self.row(r, "resumed", &note)).collect();
        }
        let resumed = fit.reports().len();
        let device = device::name(&device);
        self.announce(format!("epoch {}", resumed + 1));
        let job = Job { fit, threads, dataset, identity, fingerprint, device, resumed };
        self.stage = Stage::Training(Box::new(job));
        Ok(rows)
    }

    /// The stored history of a finished training, told apart from a new one by its status.
    fn replay(&mut self, conn: &duckdb::Connection, row: &ModelRow) -> Result<Vec<Vec<Value>>> {
        self.stage = Stage::Done;
        let epochs = store::history(conn, row)?;
        let last = epochs.len();
        let note = format!(
            "found: the same training is stored as '{}' version {} (retrain := true trains again)",
            self.model_name(),
            row.version
        );
        let rows = epochs.into_iter().enumerate().map(|(at, epoch)| {
            let note = if at + 1 == last { note.as_str() } else { "" };
            self.row(&report(epoch), "stored", note)
        });
        Ok(rows.collect())
    }

    fn resume(
        &self,
        conn: &duckdb::Connection,
        row: &ModelRow,
        fit: &mut Fit,
        threads: &Threads,
    ) -> Result<()> {
        let Some(bytes) = store::resume(conn, row)? else { return Ok(()) };
        let state = store::unpack_tensors(&row.name, &bytes)?;
        let reports = store::history(conn, row)?.into_iter().map(report).collect();
        let name = Some(row.name.as_str());
        let loaded = load(&self.call.caller, &self.function(), name, Some(row.version))?;
        let best = row.best_epoch.and_then(|best| usize::try_from(best).ok()).unwrap_or(0);
        fit.resume(state, reports, loaded.rebuild(threads)?, best)
    }

    fn row(&self, report: &EpochReport, status: &str, note: &str) -> Vec<Value> {
        let mut values = epoch_values(&epoch_row(report), self.spec.iterative);
        values.push(Value::Text(status.to_owned()));
        values.push(if note.is_empty() { Value::Null } else { Value::Text(note.to_owned()) });
        values
    }

    /// Trains one epoch; stores the model after the last.
    fn epoch(&mut self) -> Result<Vec<Vec<Value>>> {
        let Stage::Training(job) = &mut self.stage else { return Ok(Vec::new()) };
        let Job { fit, threads, .. } = job.as_mut();
        let report = match threads.run(|| fit.next_epoch()) {
            Ok(Some(report)) => report,
            // Resumed after its last epoch: all that was missing was the end.
            Ok(None) => {
                self.finish()?;
                return Ok(Vec::new());
            }
            Err(Error::Interrupted) => return Err(self.interrupted()),
            Err(error) => {
                self.stage = Stage::Done;
                return Err(error.within(&self.function()));
            }
        };
        if !job.fit.finished() {
            self.announce(summary(&report));
            return Ok(vec![self.row(&report, "training", "")]);
        }
        let note = self.finish()?;
        Ok(vec![self.row(&report, "complete", &note)])
    }

    /// Stores the finished model; returns what the analyst should know about it.
    fn finish(&mut self) -> Result<String> {
        let Stage::Training(job) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(String::new());
        };
        let saved = match self.save(&job, true) {
            Ok(saved) => saved,
            Err(error) => {
                // What was trained is not given up: dropping the execution tries once more.
                self.stage = Stage::Training(job);
                return Err(error);
            }
        };
        let conn = self.call.caller.connect()?;
        let mut note =
            stored_note(&conn, &self.call.caller, &self.function(), self.model_name(), &saved)?;
        drop(conn);
        if self.control().check().is_err() {
            // Stopped too late: the row that says so is not shown any more.
            self.call.caller.host.leave_note(format!(
                "{}: the training was complete and is {note}",
                self.function()
            ));
        }
        if let Some(best) = job.fit.best()
            && best.epoch != job.fit.reports().len()
        {
            note += &format!("; epoch {} was the best and is kept", best.epoch);
        }
        for remark in &job.dataset.notes {
            note += "; ";
            note += remark;
        }
        Ok(note)
    }

    fn save(&self, job: &Job, complete: bool) -> Result<Saved> {
        let conn = self.call.caller.connect()?;
        let Some(best) = job.fit.best() else {
            return Err(Error::Compute("no epoch was finished".into()));
        };
        let resume = if complete { None } else { Some(store::pack_tensors(job.fit.state())?) };
        let epochs: Vec<EpochRow> = job.fit.reports().iter().map(epoch_row).collect();
        let meta = ArchiveMeta {
            name: store::locate(&conn, self.model_name())?.name,
            kind: self.spec.name.to_owned(),
            options_json: job.identity.clone(),
            seed: self.call.options.int("seed").unwrap_or(0),
            device: job.device.to_owned(),
            complete,
            epochs,
            best_epoch: Some(best.epoch as i64),
            fingerprint: job.fingerprint.clone(),
        };
        let archive = store::pack(&job.dataset, &best.model.weights()?, &meta)?;
        let mut new = NewModel::new(meta, &job.dataset, archive, resume);
        // In the file a model has no database.
        self.model_name().clone_into(&mut new.name);
        store::save(&conn, &new)
    }

    /// Keeps the best epoch of a training that was stopped, and says so in words.
    fn stop(&mut self) -> Result<String> {
        let function = self.function();
        let Some((version, best)) = self.keep()? else {
            return Ok(format!(
                "{function}: stopped before a new epoch was finished; nothing was stored"
            ));
        };
        Ok(format!(
            "{function}: stopped; epoch {best}, the best so far, is kept as '{}' version \
             {version}, marked interrupted; run the same statement to resume",
            self.model_name()
        ))
    }

    /// Stores the best epoch as a version; `None` if there is no new one.
    fn keep(&mut self) -> Result<Option<(i64, usize)>> {
        let Stage::Training(job) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(None);
        };
        let Some(best) = job.fit.best() else { return Ok(None) };
        if !self.spec.iterative || job.fit.reports().len() == job.resumed {
            return Ok(None);
        }
        Ok(Some((self.save(&job, false)?.version, best.epoch)))
    }

    /// The error of a stopped training; also left as a note, for DuckDB may report its own.
    fn interrupted(&mut self) -> Error {
        let message = self.stop().unwrap_or_else(|error| error.to_string());
        self.call.caller.host.leave_note(message.clone());
        Error::Database(message)
    }
}

impl Rows for Run {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if matches!(self.stage, Stage::New) {
            let rows = match self.begin() {
                Err(Error::Interrupted) => return Err(self.interrupted()),
                rows => rows?,
            };
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        self.epoch()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Whoever asked takes no more rows: a LIMIT, or Ctrl-C between two epochs.
        if matches!(self.stage, Stage::Training(_)) {
            self.interrupted();
        }
        self.call.caller.host.announce(None);
    }
}

fn to_json(options: &Options) -> Result<String> {
    serde_json::to_string(options).map_err(|error| Error::Model(error.to_string()))
}

/// An epoch in one line.
fn summary(report: &EpochReport) -> String {
    let mut line = format!("epoch {}  train_loss {:.4}", report.epoch, report.train_loss);
    for (name, value) in &report.metrics {
        line += &format!("  {name} {value:.4}");
    }
    line + &format!("  {:.1} s", report.seconds)
}

fn epoch_row(report: &EpochReport) -> EpochRow {
    EpochRow {
        epoch: report.epoch as i64,
        train_loss: report.train_loss,
        metrics: report.metrics.clone(),
        seconds: report.seconds,
        plays_per_second: report.plays_per_second,
    }
}

fn report(row: EpochRow) -> EpochReport {
    EpochReport {
        epoch: usize::try_from(row.epoch).unwrap_or(0),
        train_loss: row.train_loss,
        metrics: row.metrics,
        seconds: row.seconds,
        plays_per_second: row.plays_per_second,
    }
}
