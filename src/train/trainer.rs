//! The training loop: epochs, validation, early stopping, the best epoch.

use std::time::Instant;

use super::{Model, Training, Weights};
use crate::control::Control;
use crate::error::{Error, Result};

/// What one epoch brought.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss per example.
    pub train_loss: f64,
    /// Validation metrics by name; empty without validation data.
    pub metrics: Vec<(String, f64)>,
    /// Wall-clock time of training, without validation.
    pub seconds: f64,
    /// Training plays per second of that time.
    pub plays_per_second: f64,
}

/// Measures a model on validation data: named metrics, higher is better.
pub type Validate = Box<dyn FnMut(&dyn Model) -> Result<Vec<(String, f64)>> + Send>;

/// When to stop, and what to watch.
pub struct Plan {
    /// Epochs at most.
    pub epochs: usize,
    /// Training plays per epoch, for the speed report.
    pub plays: usize,
    /// Epochs without improvement of the watched metric before training stops.
    pub patience: usize,
    /// Measures each epoch.
    pub validate: Option<Validate>,
    /// The metric that chooses the best epoch.
    pub watch: String,
}

/// A model as it was after its best epoch.
pub struct Best {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The model.
    pub model: Box<dyn Model>,
    score: f64,
}

/// One training from its first epoch to its best model.
pub struct Fit {
    training: Box<dyn Training>,
    plan: Plan,
    control: Control,
    reports: Vec<EpochReport>,
    best: Option<Best>,
    state: Weights,
    finished: bool,
}

impl Fit {
    /// Prepares a training; nothing runs yet.
    pub fn new(training: Box<dyn Training>, plan: Plan, control: Control) -> Self {
        Self {
            training,
            plan,
            control,
            reports: Vec::new(),
            best: None,
            state: Weights::new(),
            finished: false,
        }
    }

    /// Goes on after the epochs of an interrupted training: `state` as [`Fit::state`] gave it,
    /// `best` the model of its best epoch.
    ///
    /// # Errors
    /// The state does not fit the model.
    pub fn resume(
        &mut self,
        state: Weights,
        reports: Vec<EpochReport>,
        best: Box<dyn Model>,
        best_epoch: usize,
    ) -> Result<()> {
        self.training.restore(&state)?;
        let score = reports
            .iter()
            .find(|report| report.epoch == best_epoch)
            .map_or(f64::NEG_INFINITY, |report| self.score(report));
        self.best = Some(Best { epoch: best_epoch, model: best, score });
        self.reports = reports;
        self.state = state;
        self.finished = self.is_done();
        Ok(())
    }

    /// Runs the next epoch; `None` once training is over.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when stopped: what the running epoch learned is lost, earlier epochs
    /// stay. A loss that is not finite: training diverged.
    pub fn next_epoch(&mut self) -> Result<Option<EpochReport>> {
        if self.finished {
            return Ok(None);
        }
        let epoch = self.reports.len() + 1;
        let start = Instant::now();
        let train_loss = self.training.epoch(epoch, &self.control)?;
        let seconds = start.elapsed().as_secs_f64();
        if !train_loss.is_finite() {
            return Err(Error::Compute(format!(
                "training diverged in epoch {epoch} (the loss is {train_loss}); lower \
                 learning_rate or raise reg"
            )));
        }
        let model = self.training.model()?;
        let metrics = match &mut self.plan.validate {
            Some(validate) => validate(model.as_ref())?,
            None => self.training.metrics(&self.control)?,
        };
        let plays_per_second = self.plan.plays as f64 / seconds.max(1e-9);
        let report = EpochReport { epoch, train_loss, metrics, seconds, plays_per_second };
        let score = self.score(&report);
        // Without metrics every epoch is taken for better than the one before.
        if report.metrics.is_empty() || self.best.as_ref().is_none_or(|best| score > best.score) {
            self.best = Some(Best { epoch, model, score });
        }
        self.state = self.training.state()?;
        self.reports.push(report.clone());
        self.finished = self.is_done();
        Ok(Some(report))
    }

    /// Whether no epoch is left to run.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// The epochs so far.
    pub fn reports(&self) -> &[EpochReport] {
        &self.reports
    }

    /// The best model so far; `None` before the first epoch's end.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// What is needed to go on later, as of the last finished epoch.
    pub fn state(&self) -> &Weights {
        &self.state
    }

    fn score(&self, report: &EpochReport) -> f64 {
        report
            .metrics
            .iter()
            .find(|(name, _)| *name == self.plan.watch)
            .map_or(f64::NEG_INFINITY, |&(_, value)| value)
    }

    fn is_done(&self) -> bool {
        let epochs = self.reports.len();
        let stale = self.best.as_ref().map_or(0, |best| epochs - best.epoch);
        let is_measured = self.reports.last().is_some_and(|last| !last.metrics.is_empty());
        epochs >= self.plan.epochs || (is_measured && stale >= self.plan.patience)
    }
}
