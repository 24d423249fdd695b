//! A search under way: one trial after the other, round by round.

use std::collections::VecDeque;
use std::sync::Arc;

use duckdb::Connection;

use super::space::{Point, Space};
use crate::error::{Error, Result};
use crate::functions::contract::{Rows, Value};
use crate::functions::loaded::stored_note;
use crate::functions::training::{Data, Job, Task};
use crate::store::EpochRow;

/// A statement that searches.
pub(super) struct Search {
    space: Arc<Space>,
    trials: Vec<Candidate>,
    /// The most epochs of a trial in each round.
    rounds: Vec<usize>,
    round: usize,
    /// The trials of this round that are still to run.
    queue: VecDeque<usize>,
    /// Those that ran in this round, with their metric.
    ranking: Vec<(usize, f64)>,
    data: Option<Data>,
    best: Option<Best>,
}

/// One trial: a point, and the training there.
struct Candidate {
    point: Point,
    task: Task,
}

/// The best trial of the last round so far.
struct Best {
    trial: usize,
    value: f64,
    /// Its training, if it ran in this statement.
    job: Option<Job>,
}

/// What a trial brought in a round.
struct Outcome {
    epochs: Vec<EpochRow>,
    status: &'static str,
    note: String,
    job: Option<Job>,
}

impl Search {
    /// A search among these points; nothing is read yet.
    pub(super) fn new(task: &Task, space: Arc<Space>, points: &[Point]) -> Self {
        let candidate = |point: &Point| {
            let mut task = task.clone();
            space.apply(point, &mut task.options);
            Candidate { point: point.clone(), task }
        };
        let trials: Vec<Candidate> = points.iter().map(candidate).collect();
        Self {
            rounds: rounds(task, &trials),
            queue: (0..trials.len()).collect(),
            trials,
            space,
            round: 0,
            ranking: Vec::new(),
            data: None,
            best: None,
        }
    }

    fn is_last_round(&self) -> bool {
        self.round + 1 == self.rounds.len()
    }

    /// Runs a trial to the end of the round; its row.
    fn trial(&mut self, at: usize) -> Result<Vec<Value>> {
        let task = &self.trials[at].task;
        let conn = task.caller.connect()?;
        let data = match self.data.take() {
            Some(data) => data,
            None => task.read(&conn)?,
        };
        self.data = Some(data.clone());
        let mut outcome = match self.run(&conn, at, &data) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                // What an earlier round kept of it.
                self.trials[at].task.forget(&conn, &data)?;
                let (status, note) = ("failed", error.to_string());
                Outcome { epochs: Vec::new(), status, note, job: None }
            }
            outcome => outcome?,
        };
        let best = self.trials[at].task.best_of(&outcome.epochs);
        let round = self.round;
        if let Some((_, value)) = best {
            self.ranking.push((at, value));
            if self.is_last_round() {
                self.judge(&conn, &data, at, value, &mut outcome)?;
            }
        }
        if self.queue.is_empty() {
            self.end_round(&conn, &data, &mut outcome)?;
        }
        let seconds: f64 = outcome.epochs.iter().map(|row| row.seconds).sum();
        let (epoch, value) = best.unzip();
        Ok(vec![
            Value::Int(at as i64 + 1),
            Value::Int(round as i64 + 1),
            self.space.value(&self.trials[at].point),
            value.map_or(Value::Null, |value| Value::Float((value * 1e6).round() / 1e6)),
            Value::Int(outcome.epochs.len() as i64),
            epoch.map_or(Value::Null, Value::Int),
            Value::Float((seconds * 1e3).round() / 1e3),
            Value::Text(outcome.status.to_owned()),
            if outcome.note.is_empty() { Value::Null } else { Value::Text(outcome.note) },
        ])
    }

    /// What the trial brought before, or brings now.
    fn run(&self, conn: &Connection, at: usize, data: &Data) -> Result<Outcome> {
        let task = &self.trials[at].task;
        let epochs = self.rounds[self.round].min(task.epochs());
        if self.round > 0 || !task.options.bool("retrain") {
            let mut known = task.tried(conn, data)?;
            if known.len() >= epochs || task.is_over(&known) {
                known.truncate(epochs);
                let (status, note) = ("stored", String::new());
                return Ok(Outcome { epochs: known, status, note, job: None });
            }
        }
        let stored = task.unfinished(conn, data)?;
        let mut job = task.begin(conn, data, stored.as_ref())?;
        self.train(&mut job, at, epochs)?;
        let mut known = job.epochs();
        task.remember(conn, data, &known)?;
        // One that goes on after an earlier statement may be further than its rivals.
        known.truncate(epochs);
        let paused = !self.is_last_round() && !job.fit.finished();
        if !self.is_last_round() {
            // What the next round goes on with.
            task.keep(&job)?;
        }
        let status = if paused { "paused" } else { "complete" };
        Ok(Outcome { epochs: known, status, note: String::new(), job: Some(job) })
    }

    /// Trains up to a number of epochs. What a stopped training has learned is kept.
    fn train(&self, job: &mut Job, at: usize, epochs: usize) -> Result<()> {
        let task = &self.trials[at].task;
        while !job.fit.finished() && job.fit.reports().len() < epochs {
            let (trial, epoch) = (at + 1, job.fit.reports().len() + 1);
            let news =
                format!("{}: trial {trial} of {}, epoch {epoch}", task.function, self.trials.len());
            task.caller.host.announce(Some(news));
            if let Err(error) = job.next_epoch() {
                if matches!(error, Error::Interrupted) {
                    task.keep(job)?;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes a trial of the last round the best one if it is; of the others no weights are kept.
    fn judge(
        &mut self,
        conn: &Connection,
        data: &Data,
        at: usize,
        value: f64,
        outcome: &mut Outcome,
    ) -> Result<()> {
        if self.best.as_ref().is_some_and(|best| value <= best.value) {
            return self.trials[at].task.forget(conn, data);
        }
        if let Some(best) = self.best.take() {
            self.trials[best.trial].task.forget(conn, data)?;
        }
        if let Some(job) = &outcome.job {
            // Marked interrupted until the search is over, so that it is nobody's default.
            self.trials[at].task.keep(job)?;
        }
        outcome.note = "the best so far".to_owned();
        self.best = Some(Best { trial: at, value, job: outcome.job.take() });
        Ok(())
    }

    /// Chooses who is in the next round, or stores the best model after the last.
    fn end_round(&mut self, conn: &Connection, data: &Data, outcome: &mut Outcome) -> Result<()> {
        if self.is_last_round() {
            if let Some(note) = self.finish(conn, data)? {
                let before = if outcome.status == "failed" { outcome.note.as_str() } else { "" };
                let separator = if before.is_empty() { "" } else { "; " };
                outcome.note = format!("{before}{separator}{note}");
            }
            return Ok(());
        }
        let reduction =
            self.trials.first().map_or(2, |trial| trial.task.options.count("reduction"));
        // The better metric first; of equals, the earlier trial.
        self.ranking.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let left = self.ranking.len().div_ceil(reduction);
        for &(dropped, _) in &self.ranking[left..] {
            self.trials[dropped].task.forget(conn, data)?;
        }
        let mut chosen: Vec<usize> = self.ranking[..left].iter().map(|&(at, _)| at).collect();
        chosen.sort_unstable();
        self.queue = chosen.into();
        self.ranking.clear();
        self.round += 1;
        Ok(())
    }

    /// Stores the best model, unless it is; says where it is.
    fn finish(&mut self, conn: &Connection, data: &Data) -> Result<Option<String>> {
        let Some(Best { trial, job, .. }) = self.best.take() else { return Ok(None) };
        let task = &self.trials[trial].task;
        let which = format!("trial {} is the best", trial + 1);
        let job = match job {
            Some(job) => job,
            None => {
                if let Some(row) = task.stored(conn, data)?.filter(|row| row.complete) {
                    return Ok(Some(format!(
                        "{which}, found as '{}' version {}",
                        task.model, row.version
                    )));
                }
                // Its epochs were found, but its model is gone.
                let mut job = task.begin(conn, data, task.unfinished(conn, data)?.as_ref())?;
                self.train(&mut job, trial, task.epochs())?;
                job
            }
        };
        let saved = task.save(&job, true)?;
        let stored = stored_note(conn, &task.caller, &task.function, &task.model, &saved)?;
        let warning = task.warning(&job)?.map(|warning| format!("; {warning}")).unwrap_or_default();
        Ok(Some(format!("{which}, {stored}{warning}")))
    }

    /// Leaves a note of what remains of a search that was stopped, for DuckDB may report an error of
    /// its own, or none.
    fn leave_note(&self) -> Option<String> {
        let Candidate { task, .. } = self.trials.first()?;
        let note = format!(
            "{}: stopped; what the trials brought is kept: run the same statement to go on",
            task.function
        );
        task.caller.host.leave_note(note.clone());
        Some(note)
    }
}

impl Rows for Search {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        let Some(at) = self.queue.pop_front() else { return Ok(Vec::new()) };
        match self.trial(at) {
            Ok(row) => Ok(vec![row]),
            Err(Error::Interrupted) => {
                Err(self.leave_note().map_or(Error::Interrupted, Error::Database))
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        // Whoever asked takes no more rows: a LIMIT, or Ctrl-C between two trials.
        if self.data.is_some() && !self.queue.is_empty() {
            self.leave_note();
        }
        if let Some(Candidate { task, .. }) = self.trials.first() {
            task.caller.host.announce(None);
        }
    }
}

/// The epochs of each round, the last with all of them.
fn rounds(task: &Task, trials: &[Candidate]) -> Vec<usize> {
    let all = trials.iter().map(|trial| trial.task.epochs()).max().unwrap_or(1);
    if !task.options.bool("halving") {
        return vec![all];
    }
    let reduction = task.options.count("reduction").max(2);
    let mut first = task.options.count("min_epochs");
    if first == 0 {
        // So many rounds that one trial is left.
        let (mut left, mut epochs) = (trials.len(), all);
        while left > 1 && epochs > 1 {
            left = left.div_ceil(reduction);
            epochs = epochs.div_ceil(reduction);
        }
        first = epochs;
    }
    let mut rounds = vec![first.min(all)];
    while let Some(&last) = rounds.last().filter(|&&last| last < all) {
        rounds.push((last * reduction).min(all));
    }
    rounds
}
