//! The traits a model implements.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::options::{Options, Param};
use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};

/// Who asks for recommendations, after which songs.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The user, if known to the model.
    pub user: Option<u32>,
    /// The songs of the running session, oldest first; may be empty.
    pub songs: &'a [u32],
    /// Whether these begin with the user's latest session of the training plays, which then is not
    /// a past one.
    pub continues: bool,
}

/// Named tensors in a stable order: weights, or the state of an interrupted training.
pub type Weights = BTreeMap<String, Tensor>;

/// A parameter by its name.
///
/// # Errors
/// There is none of that name.
pub fn weight(weights: &Weights, name: &str) -> Result<Tensor> {
    weights.get(name).cloned().ok_or_else(|| {
        Error::model(format!("the stored model has no tensor '{name}'; train it again"))
    })
}

/// A trained model.
pub trait Model: Send + Sync {
    /// Scores every song for each context.
    ///
    /// `out` has shape `(contexts.len(), songs)`, row-major. A song that the model cannot score
    /// gets negative infinity, never NaN; higher is better. Zeros alone say that the model knows
    /// nothing of the context: then the most played songs answer.
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()>;

    /// Scores, for each context, at least the songs asked for in its turn, to save what the others
    /// would cost. Like [`Model::score_all`], but other songs may have any score but NaN.
    fn score_some(
        &self,
        contexts: &[Context<'_>],
        _songs: &[Vec<u32>],
        out: &mut [f32],
    ) -> Result<()> {
        self.score_all(contexts, out)
    }

    /// The learned tensors, to be stored.
    fn weights(&self) -> Result<Weights>;

    /// The mean weight a user's attention gives to each song field, over the given songs; `None`
    /// for a model without such attention. Order as [`Model::attention_fields`].
    fn field_attention(&self, _user: Option<u32>, _songs: &[u32]) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// The weight that a listener's attention gives to each place of a song's chords, which are
    /// repeated in order, and cut, to as many places as the model has; none for a song without
    /// chords. `None` for a model without such attention, and of a listener of whom it knows nothing.
    fn chord_attention(&self, _context: &Context<'_>, _song: u32) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// The names of the fields that [`Model::field_attention`] weighs.
    fn attention_fields(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A training under way.
pub trait Training: Send {
    /// Runs epoch `epoch` (from 1) and returns the mean loss per example (NaN is an error, named
    /// by the caller). All randomness derives from the seed and `epoch`, so that a resumed
    /// training equals an uninterrupted one.
    fn epoch(&mut self, epoch: usize, control: &Control) -> Result<f64>;

    /// The model as it is now, with its own copy of the weights.
    fn model(&self) -> Result<Box<dyn Model>>;

    /// Whether an epoch is large pieces of work that threads can share; otherwise it gets one thread.
    fn is_parallel(&self) -> bool {
        false
    }

    /// Takes tensors that were learned elsewhere as initial values, before the first epoch.
    ///
    /// # Errors
    /// They are not this model's.
    fn begin_with(&mut self, _weights: &Weights) -> Result<()> {
        Err(Error::data("weights are of no use to this model"))
    }

    /// Measures the model as it is now on what the training itself holds out: named metrics, higher is
    /// better, the first of which chooses the best epoch. None where it holds out nothing, as trainings do
    /// that are measured on validation plays.
    ///
    /// # Errors
    /// The analyst stops the statement.
    fn metrics(&self, _control: &Control) -> Result<Vec<(String, f64)>> {
        Ok(Vec::new())
    }

    /// How many examples an epoch has, where they are not the plays.
    fn examples(&self) -> Option<usize> {
        None
    }

    /// Everything needed to go on later: weights and optimiser state. Empty for models that are
    /// fitted in one step.
    fn state(&self) -> Result<Weights> {
        Ok(Weights::new())
    }

    /// Takes back what [`Training::state`] gave.
    fn restore(&mut self, _state: &Weights) -> Result<()> {
        Ok(())
    }
}

/// What a stored model is made of.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Users, songs, fields and histories as in training.
    pub dataset: Arc<Dataset>,
    /// The options of the training, resolved.
    pub options: Options,
    /// The learned tensors.
    pub weights: Weights,
}

/// The memory that a training takes beside its data set, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// The learned tensors.
    pub weights: u64,
    /// What the optimiser keeps for them.
    pub optimizer: u64,
    /// What one step, or a fit in one step, makes and drops again.
    pub step: u64,
}

/// Estimates the memory of a training, from sizes and resolved options alone.
pub type Estimate = fn(&Dataset, &Options) -> Result<Memory>;

/// Begins a training on a data set, with resolved options of the model, on a device.
pub type Start = fn(Arc<Dataset>, &Options, &Device) -> Result<Box<dyn Training>>;

/// Builds a model from what was stored.
pub type Load = fn(&Artifact, &Device) -> Result<Box<dyn Model>>;

/// One model of the registry: a constant in the model's file.
pub struct ModelSpec {
    /// The name: `train_<name>` trains it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// A statement that trains it.
    pub example: &'static str,
    /// What it reads beside plays, songs and users: relations, and how they are read.
    pub inputs: &'static [Param],
    /// Its options, beyond those that every training has.
    pub params: &'static [Param],
    /// Whether training runs over epochs; otherwise one step fits the model.
    pub iterative: bool,
    /// Estimates the memory of a training.
    pub memory: Estimate,
    /// Begins a training.
    pub start: Start,
    /// Builds the model from the store.
    pub load: Load,
}

impl ModelSpec {
    /// Options with what is not given filled in, as memory, trainings and models read them. Left open is
    /// what the data decide, and what is not there unless it is given.
    pub fn resolve(&self, options: &Options) -> Options {
        options.resolved(self.inputs.iter().chain(self.params))
    }
}
