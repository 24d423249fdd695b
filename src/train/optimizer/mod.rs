//! Optimisers over host arrays, dense or row by row.

mod adam;
mod config;
mod schedule;
#[cfg(test)]
mod tests;

use adam::{BETA1, BETA2, EPSILON, Numbers};
pub use config::{
    CLIP, LEARNING_RATE, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, OPTIMIZER, OptimizerConfig,
    OptimizerKind, REG, SCHEDULE, WARMUP,
};
pub use schedule::{Schedule, ScheduleKind};

/// An update rule with its step counter.
///
/// A step costs what the batch costs, not what the catalogue costs: rows of an embedding table that
/// a batch does not touch wait, and [`Optimizer::catch_up`] applies what the steps in between would
/// have done to them when they are next needed. Adam moves a row on its momentum for some 50 steps
/// after its last gradient, and skipping that (as "lazy" and "sparse" Adams do) leaves rare songs
/// with a tenth of their update; the momentum of SGD and Adagrad does the same.
///
/// Momentum is the classical one with the learning rate inside (`v ← μv − ηg`, `θ ← θ + v`), where
/// `g` is what the rule makes of the gradient, as in GRU4Rec.
///
/// L2 regularisation `λ‖θ‖²` adds `2λθ` to the gradient of what the batch touches, after clipping.
/// With Adam, whose steps do not know the size of a gradient, numbers whose data say little then run to 0
/// at the full learning rate `η`, however small λ is; AdamW takes `ηλθ` off them instead.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    schedule: Schedule,
    /// How many steps were begun.
    step: u32,
    /// The learning rate of the running step; with Adam, over the first moment's correction.
    rate: f32,
    /// One over the root of Adam's correction of the second moment in the running step.
    correction: f32,
    /// What weight decay leaves of a number in the running step; 1 but with AdamW.
    kept: f32,
    /// What clipping leaves of the running step's gradient.
    scale: f32,
    /// For Adam, how far each step's moments have carried a row without further gradients, in
    /// units of `m/√v`: `Σ_t (β₁/√β₂)^(t−s) · rate_t` for step `s`, over the steps since.
    carried: Vec<f32>,
}

/// After so many steps without a gradient nothing of Adam's momentum is left: 0.9²⁰⁰ < 1e-9.
const MOMENTUM_STEPS: usize = 200;
/// Smaller moments become 0.
const TINY: f32 = 1e-30;

/// Denormal numbers would slow every later operation a hundredfold: a number whose gradient stays 0, as
/// behind a rectifier that no longer lets anything through, has them for moments after some steps.
#[inline(always)]
fn flushed(x: f32) -> f32 {
    if x.abs() < TINY { 0.0 } else { x }
}

impl Optimizer {
    /// An optimiser before its first step. How many steps an epoch has matters to the schedule
    /// alone.
    pub fn new(config: &OptimizerConfig, steps_per_epoch: usize) -> Self {
        let steps = steps_per_epoch as f64;
        let schedule =
            Schedule::new(config.schedule, config.warmup * steps, config.epochs as f64 * steps);
        let (rate, correction, kept, scale) = (0.0, 1.0, 1.0, 1.0);
        let (config, step, carried) = (config.clone(), 0, vec![0.0]);
        Self { config, schedule, step, rate, correction, kept, scale, carried }
    }

    /// How many state arrays of the size of the parameter the rule keeps.
    pub fn slots(&self) -> usize {
        self.config.slots()
    }

    /// Whether a row moves in steps that do not touch it.
    pub fn moves_resting_rows(&self) -> bool {
        self.config.kind.has_moments() || self.config.momentum > 0.0
    }

    /// How many steps were begun.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Takes back a step counter, to resume.
    pub fn set_step(&mut self, step: u32) {
        self.step = 0;
        self.carried.truncate(1);
        (0..step).for_each(|_| self.advance());
    }

    /// Begins a step: call once per batch, before its updates. `norm` gives the length of the
    /// whole gradient, and is asked only if gradients are clipped.
    pub fn begin_step(&mut self, norm: impl FnOnce() -> f64) {
        self.advance();
        self.scale = if self.config.clip.is_finite() {
            (self.config.clip / norm().max(self.config.clip)) as f32
        } else {
            1.0
        };
    }

    fn advance(&mut self) {
        self.step += 1;
        self.rate = (self.config.learning_rate * self.schedule.share(self.step)) as f32;
        if !self.config.kind.has_moments() {
            return;
        }
        if self.config.kind == OptimizerKind::AdamW {
            self.kept = (1.0 - f64::from(self.rate) * self.config.reg).max(0.0) as f32;
        }
        let step = self.step.min(i32::MAX as u32) as i32;
        let correction = (1.0 - BETA2.powi(step)).sqrt();
        (self.rate, self.correction) = (self.rate / (1.0 - BETA1.powi(step)), 1.0 / correction);
        let mut carries = self.rate * correction;
        for carried in self.carried.iter_mut().rev().take(MOMENTUM_STEPS) {
            carries *= BETA1 / BETA2.sqrt();
            *carried += carries;
        }
        self.carried.push(0.0);
    }

    /// Brings a row that had its last gradient in step `since` to the state it has after the
    /// latest begun step, had every step updated it with a gradient of 0. Equals dense updates,
    /// but for Adam's ε, which counts as it does in the first of the skipped steps.
    pub fn catch_up(&self, since: u32, values: &mut [f32], state: [&mut [f32]; 2]) {
        let skipped = self.step.saturating_sub(since);
        if skipped == 0 || !self.moves_resting_rows() {
            return;
        }
        let power = skipped.min(1 << 20) as i32;
        let [first, second] = state;
        if !self.config.kind.has_moments() {
            let momentum = self.config.momentum as f32;
            let left = momentum.powi(power);
            // μ + μ² + … over the skipped steps.
            let carried = momentum * (1.0 - left) / (1.0 - momentum);
            let velocity = if self.config.kind == OptimizerKind::Sgd { first } else { second };
            for (value, v) in values.iter_mut().zip(velocity) {
                *value += carried * *v;
                *v = flushed(*v * left);
            }
            return;
        }
        let carried = self.carried.get(since as usize).copied().unwrap_or(0.0);
        let next = since.saturating_add(1).min(i32::MAX as u32) as i32;
        let epsilon = EPSILON * (1.0 - BETA2.powi(next)).sqrt();
        let (decay1, decay2) = (BETA1.powi(power), BETA2.powi(power));
        let numbers = Numbers { values, first, second };
        adam::Rest { numbers, carried, epsilon, fade: [decay1, decay2] }.run();
    }

    /// Updates `values` in place; `grad` and each of the rule's `state` slices have its length.
    pub fn update(&self, values: &mut [f32], grad: &[f32], state: [&mut [f32]; 2]) {
        let (rate, scale, decay) = (self.rate, self.scale, 2.0 * self.config.reg as f32);
        let momentum = self.config.momentum as f32;
        let [first, second] = state;
        match self.config.kind {
            OptimizerKind::Sgd if momentum > 0.0 => {
                for ((value, &grad), velocity) in values.iter_mut().zip(grad).zip(first) {
                    let step = rate * (scale * grad + decay * *value);
                    *velocity = flushed(momentum * *velocity - step);
                    *value += *velocity;
                }
            }
            OptimizerKind::Sgd => {
                for (value, &grad) in values.iter_mut().zip(grad) {
                    *value -= rate * (scale * grad + decay * *value);
                }
            }
            OptimizerKind::Adagrad if momentum > 0.0 => {
                for (((value, &grad), sum), velocity) in
                    values.iter_mut().zip(grad).zip(first).zip(second)
                {
                    let grad = scale * grad + decay * *value;
                    *sum += grad * grad;
                    let step = rate * grad / (sum.sqrt() + 1e-10);
                    *velocity = flushed(momentum * *velocity - step);
                    *value += *velocity;
                }
            }
            OptimizerKind::Adagrad => {
                for ((value, &grad), sum) in values.iter_mut().zip(grad).zip(first) {
                    let grad = scale * grad + decay * *value;
                    *sum += grad * grad;
                    *value -= rate * grad / (sum.sqrt() + 1e-10);
                }
            }
            OptimizerKind::Adam | OptimizerKind::AdamW => {
                let decay = if self.config.kind == OptimizerKind::AdamW { 0.0 } else { decay };
                let (correction, kept) = (self.correction, self.kept);
                let numbers = Numbers { values, first, second };
                adam::Step { numbers, grad, rate, correction, scale, decay, kept }.run();
            }
        }
    }
}
