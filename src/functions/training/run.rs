//! One execution of a training statement.

use super::task::{Job, Task, epoch_row, report};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::functions::contract::{Rows, Value};
use crate::functions::loaded::{epoch_values, shown, stored_note};
use crate::store::{self, ModelRow};
use crate::train::EpochReport;

/// A training statement being executed.
pub(in crate::functions) struct Run {
    task: Task,
    stage: Stage,
    /// The version that was found or stored.
    version: Option<i64>,
}

enum Stage {
    /// Nothing was read yet.
    New,
    /// Epochs run.
    Training(Box<Job>),
    /// All rows were given.
    Done,
}

impl Run {
    /// Prepares an execution; nothing is read yet.
    pub(in crate::functions) fn new(task: Task) -> Self {
        Self { task, stage: Stage::New, version: None }
    }

    /// Trains to the end, unless that is done; the version that has the model.
    ///
    /// # Errors
    /// As the statement.
    pub(in crate::functions) fn complete(mut self) -> Result<i64> {
        while !self.next()?.is_empty() {}
        self.version.ok_or_else(|| Error::Compute("no epoch was finished".into()))
    }

    fn control(&self) -> &Control {
        &self.task.caller.control
    }

    /// Tells whoever waits for rows how far training is.
    fn announce(&self, news: String) {
        self.task.caller.host.announce(Some(format!("{}: {news}", self.task.function)));
    }

    /// Reads the data; finds what is stored of this very training, or begins it.
    fn begin(&mut self) -> Result<Vec<Vec<Value>>> {
        let conn = self.task.caller.connect()?;
        let data = self.task.read(&conn)?;
        let stored = self.task.stored(&conn, &data)?;
        if let Some(row) = stored.as_ref().filter(|row| row.complete) {
            return self.replay(&conn, row);
        }
        let job = self.task.begin(&conn, &data, stored.as_ref())?;
        let mut rows = Vec::new();
        if let Some((_, version)) = job.resumed {
            let note = format!("trained before the interruption, as version {version}");
            rows = job.fit.reports().iter().map(|r| self.row(r, "resumed", &note)).collect();
        }
        self.announce(format!("epoch {}", job.fit.reports().len() + 1));
        self.stage = Stage::Training(Box::new(job));
        Ok(rows)
    }

    /// The stored history of a finished training, told apart from a new one by its status.
    fn replay(&mut self, conn: &duckdb::Connection, row: &ModelRow) -> Result<Vec<Vec<Value>>> {
        self.stage = Stage::Done;
        self.version = Some(row.version);
        let epochs = store::history(conn, row)?;
        let last = epochs.len();
        let note = format!(
            "found: the same training is stored as '{}' version {} (retrain := true trains again)",
            self.task.model, row.version
        );
        let rows = epochs.into_iter().enumerate().map(|(at, epoch)| {
            let note = if at + 1 == last { note.as_str() } else { "" };
            self.row(&report(epoch), "stored", note)
        });
        Ok(rows.collect())
    }

    fn row(&self, report: &EpochReport, status: &str, note: &str) -> Vec<Value> {
        let spec = self.task.spec;
        let mut values = epoch_values(&epoch_row(report), spec.iterative, shown(spec.name));
        values.push(Value::Text(status.to_owned()));
        values.push(if note.is_empty() { Value::Null } else { Value::Text(note.to_owned()) });
        values
    }

    /// Trains one epoch; stores the model after the last.
    fn epoch(&mut self) -> Result<Vec<Vec<Value>>> {
        let Stage::Training(job) = &mut self.stage else { return Ok(Vec::new()) };
        let report = match job.next_epoch() {
            Ok(Some(report)) => report,
            // Resumed after its last epoch: all that was missing was the end.
            Ok(None) => {
                self.finish()?;
                return Ok(Vec::new());
            }
            Err(Error::Interrupted) => return Err(self.interrupted()),
            Err(error) => {
                self.stage = Stage::Done;
                return Err(error.within(&self.task.function));
            }
        };
        if !job.fit.finished() {
            self.announce(format!("epoch {}, after {}", report.epoch + 1, summary(&report)));
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
        let saved = match self.task.save(&job, true) {
            Ok(saved) => saved,
            Err(error) => {
                // What was trained is not given up: dropping the execution tries once more.
                self.stage = Stage::Training(job);
                return Err(error);
            }
        };
        self.version = Some(saved.version);
        let conn = self.task.caller.connect()?;
        let mut note =
            stored_note(&conn, &self.task.caller, &self.task.function, &self.task.model, &saved)?;
        drop(conn);
        if self.control().check().is_err() {
            // Stopped too late: the row that says so is not shown any more.
            self.task.caller.host.leave_note(format!(
                "{}: the training was complete and is {note}",
                self.task.function
            ));
        }
        if let Some(best) = job.fit.best()
            && best.epoch != job.fit.reports().len()
        {
            note += &format!("; epoch {} was the best and is kept", best.epoch);
        }
        let warning = self.task.warning(&job)?;
        for remark in warning.iter().chain(&job.data.dataset.notes) {
            note += "; ";
            note += remark;
        }
        Ok(note)
    }

    /// Keeps the best epoch of a training that was stopped, and says so in words.
    fn stop(&mut self) -> Result<String> {
        let function = self.task.function.clone();
        let Some((version, best)) = self.keep()? else {
            return Ok(format!(
                "{function}: stopped before a new epoch was finished; nothing was stored"
            ));
        };
        Ok(format!(
            "{function}: stopped; epoch {best}, the best so far, is kept as '{}' version \
             {version}, marked interrupted; run the same statement to resume",
            self.task.model
        ))
    }

    /// Stores the best epoch as a version; `None` if there is no new one.
    fn keep(&mut self) -> Result<Option<(i64, usize)>> {
        let Stage::Training(job) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(None);
        };
        let saved = self.task.keep(&job)?;
        Ok(saved.zip(job.fit.best()).map(|(saved, best)| (saved.version, best.epoch)))
    }

    /// The error of a stopped training; also left as a note, for DuckDB may report its own.
    fn interrupted(&mut self) -> Error {
        let message = self.stop().unwrap_or_else(|error| error.to_string());
        self.task.caller.host.leave_note(message.clone());
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
        self.task.caller.host.announce(None);
    }
}

/// An epoch in one line.
fn summary(report: &EpochReport) -> String {
    let mut line = format!("epoch {}  train_loss {:.4}", report.epoch, report.train_loss);
    for (name, value) in &report.metrics {
        line += &format!("  {name} {value:.4}");
    }
    line + &format!("  {:.1} s", report.seconds)
}
