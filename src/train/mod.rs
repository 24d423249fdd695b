//! What a model is, and how one is trained.
//!
//! A model file implements [`Model`] (answers) and [`Training`] (learns) and exports one
//! [`ModelSpec`]. Validation metrics come in through a callback, so nothing here depends on `eval`.

mod distinct;
mod flatness;
mod initial;
pub mod inputs;
mod model;
pub mod objective;
mod optimizer;
mod options;
pub mod pairs;
mod parameters;
pub mod params;
pub mod sequence;
mod trainer;

pub use distinct::Distinct;
pub use flatness::flat_listeners;
pub use initial::Initial;
pub use model::{
    Artifact, Context, Estimate, Load, Memory, Model, ModelSpec, Start, Training, Weights, weight,
};
pub use objective::{LossKind, NegativeSampler, Objective, Pool};
pub use optimizer::{
    CLIP, LEARNING_RATE, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, OPTIMIZER, Optimizer,
    OptimizerConfig, OptimizerKind, REG, SCHEDULE, Schedule, ScheduleKind, WARMUP,
};
pub use options::{Default, Kind, Options, Param, Setting};
pub use parameters::{Parameters, StepVariables, Update};
pub use trainer::{Best, EpochReport, Fit, Plan, Validate};
