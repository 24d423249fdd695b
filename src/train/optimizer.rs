//! Optimisers over host arrays, dense or row by row.

use crate::error::{Error, Result};

/// The update rules, by their SQL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Stochastic gradient descent without momentum.
    Sgd,
    /// Adam (Kingma & Ba 2015), β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    Adam,
    /// Adagrad (Duchi et al. 2011), ε = 1e-10.
    Adagrad,
}

impl OptimizerKind {
    /// The values of the option `optimizer`.
    pub const NAMES: &'static [&'static str] = &["sgd", "adam", "adagrad"];

    /// The optimiser of that name.
    ///
    /// # Errors
    /// A name that is not among [`OptimizerKind::NAMES`].
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "sgd" => Ok(Self::Sgd),
            "adam" => Ok(Self::Adam),
            "adagrad" => Ok(Self::Adagrad),
            _ => Err(Error::data(format!(
                "unknown optimizer '{name}'; use one of {}",
                Self::NAMES.join(", ")
            ))),
        }
    }

    /// How many state arrays of the size of the parameter the rule keeps.
    pub fn slots(self) -> usize {
        match self {
            Self::Sgd => 0,
            Self::Adam => 2,
            Self::Adagrad => 1,
        }
    }
}

/// An update rule with its step counter.
///
/// A step costs what the batch costs, not what the catalogue costs: rows of an embedding table that
/// a batch does not touch wait, and [`Optimizer::catch_up`] applies what the steps in between would
/// have done to them when they are next needed. With SGD and Adagrad that is nothing. Adam moves a
/// row on its momentum for some 50 steps after its last gradient, and skipping that (as "lazy" and
/// "sparse" Adams do) leaves rare songs with a tenth of their update.
///
/// L2 regularisation `λ‖θ‖²` adds `2λθ` to the gradient of what the batch touches.
#[derive(Debug, Clone)]
pub struct Optimizer {
    kind: OptimizerKind,
    learning_rate: f32,
    reg: f32,
    step: u32,
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// After so many steps without a gradient nothing of the momentum is left: 0.9²⁰⁰ < 1e-9.
const MOMENTUM_STEPS: u32 = 200;

impl Optimizer {
    /// An optimiser before its first step.
    pub fn new(kind: OptimizerKind, learning_rate: f64, reg: f64) -> Self {
        Self { kind, learning_rate: learning_rate as f32, reg: reg as f32, step: 0 }
    }

    /// The update rule.
    pub fn kind(&self) -> OptimizerKind {
        self.kind
    }

    /// How many steps were begun.
    pub fn step(&self) -> u32 {
        self.step
    }

    /// Takes back a step counter, to resume.
    pub fn set_step(&mut self, step: u32) {
        self.step = step;
    }

    /// Begins a step: call once per batch, before its updates.
    pub fn begin_step(&mut self) {
        self.step += 1;
    }

    /// Adam's step size and root of the second moment's correction, at a step.
    fn adam_rate(&self, step: u32) -> (f32, f32) {
        let step = step.max(1) as i32;
        let rate = self.learning_rate / (1.0 - BETA1.powi(step));
        (rate, (1.0 - BETA2.powi(step)).sqrt())
    }

    /// Brings a row that had its last gradient in step `since` to the state it has after the
    /// latest begun step, had every step updated it with a gradient of 0. Equals dense Adam but
    /// for ε, which counts as it does in the first of the skipped steps.
    pub fn catch_up(&self, since: u32, values: &mut [f32], state: [&mut [f32]; 2]) {
        let skipped = self.step.saturating_sub(since);
        if self.kind != OptimizerKind::Adam || skipped == 0 {
            return;
        }
        let decay = BETA1 / BETA2.sqrt();
        let (mut factor, mut total) = (1.0_f32, 0.0_f32);
        for step in since + 1..=since + skipped.min(MOMENTUM_STEPS) {
            factor *= decay;
            let (rate, correction2) = self.adam_rate(step);
            total += factor * rate * correction2;
        }
        let epsilon = EPSILON * self.adam_rate(since + 1).1;
        let skipped = skipped.min(1 << 20) as i32;
        let (decay1, decay2) = (BETA1.powi(skipped), BETA2.powi(skipped));
        let [first, second] = state;
        for ((value, m), v) in values.iter_mut().zip(first).zip(second) {
            *value -= total * *m / (v.sqrt() + epsilon);
            // Denormal numbers would slow every later operation on the row.
            *m = if m.abs() < 1e-30 { 0.0 } else { *m * decay1 };
            *v *= decay2;
        }
    }

    /// Updates `values` in place; `grad` and each of the kind's `state` slices have its length.
    pub fn update(&self, values: &mut [f32], grad: &[f32], state: [&mut [f32]; 2]) {
        let (rate, decay) = (self.learning_rate, 2.0 * self.reg);
        let [first, second] = state;
        match self.kind {
            OptimizerKind::Sgd => {
                for (value, &grad) in values.iter_mut().zip(grad) {
                    *value -= rate * (grad + decay * *value);
                }
            }
            OptimizerKind::Adagrad => {
                for ((value, &grad), sum) in values.iter_mut().zip(grad).zip(first) {
                    let grad = grad + decay * *value;
                    *sum += grad * grad;
                    *value -= rate * grad / (sum.sqrt() + 1e-10);
                }
            }
            OptimizerKind::Adam => {
                let (rate, correction2) = self.adam_rate(self.step);
                for (((value, &grad), m), v) in values.iter_mut().zip(grad).zip(first).zip(second) {
                    let grad = grad + decay * *value;
                    *m = BETA1 * *m + (1.0 - BETA1) * grad;
                    *v = BETA2 * *v + (1.0 - BETA2) * grad * grad;
                    *value -= rate * *m / (v.sqrt() / correction2 + EPSILON);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two steps on f(x) = x² from x = 1, by hand.
    fn two_steps(kind: OptimizerKind, reg: f64) -> f32 {
        let mut optimizer = Optimizer::new(kind, 0.1, reg);
        let (mut x, mut a, mut b) = ([1.0_f32], [0.0_f32], [0.0_f32]);
        for _ in 0..2 {
            optimizer.begin_step();
            let grad = [2.0 * x[0]];
            optimizer.update(&mut x, &grad, [&mut a, &mut b]);
        }
        x[0]
    }

    #[test]
    fn sgd_by_hand() {
        assert!((two_steps(OptimizerKind::Sgd, 0.0) - 0.64).abs() < 1e-6);
        // With λ = 0.5 the gradient is 3x.
        assert!((two_steps(OptimizerKind::Sgd, 0.5) - 0.49).abs() < 1e-6);
    }

    #[test]
    fn adagrad_by_hand() {
        // 1 - 0.1 · 2/2 = 0.9; then 0.9 - 0.1 · 1.8/√(4 + 3.24)
        let expected = 0.9 - 0.1 * 1.8 / (4.0_f32 + 3.24).sqrt();
        assert!((two_steps(OptimizerKind::Adagrad, 0.0) - expected).abs() < 1e-6);
    }

    #[test]
    fn adam_by_hand() {
        // The first step has the size of the learning rate: 0.9; gradient 1.8 follows.
        let m = (0.9_f32 * 0.2 + 0.1 * 1.8) / (1.0 - 0.81);
        let v = (0.999_f32 * 0.004 + 0.001 * 3.24) / (1.0 - 0.998_001);
        let expected = 0.9 - 0.1 * m / v.sqrt();
        assert!((two_steps(OptimizerKind::Adam, 0.0) - expected).abs() < 1e-4);
    }

    #[test]
    fn a_row_that_catches_up_equals_one_that_every_step_updated() {
        let gradients = [0.7_f32, 0.0, 0.0, -0.4, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0];
        let mut dense = Optimizer::new(OptimizerKind::Adam, 0.1, 0.0);
        let (mut x, mut a, mut b) = ([1.0_f32], [0.0_f32], [0.0_f32]);
        let (mut y, mut c, mut d, mut since) = ([1.0_f32], [0.0_f32], [0.0_f32], 0);
        for grad in gradients {
            if grad != 0.0 {
                dense.catch_up(since, &mut y, [&mut c, &mut d]);
            }
            dense.begin_step();
            dense.update(&mut x, &[grad], [&mut a, &mut b]);
            if grad != 0.0 {
                dense.update(&mut y, &[grad], [&mut c, &mut d]);
                since = dense.step();
            }
        }
        dense.catch_up(since, &mut y, [&mut c, &mut d]);
        assert!((x[0] - y[0]).abs() < 1e-5, "{x:?} {y:?}");
        assert!((a[0] - c[0]).abs() < 1e-6 && (b[0] - d[0]).abs() < 1e-6);
        // What a lazy optimiser leaves out is not small.
        let (mut z, mut e, mut f) = ([1.0_f32], [0.0_f32], [0.0_f32]);
        let mut lazy = Optimizer::new(OptimizerKind::Adam, 0.1, 0.0);
        for grad in gradients {
            lazy.begin_step();
            if grad != 0.0 {
                lazy.update(&mut z, &[grad], [&mut e, &mut f]);
            }
        }
        assert!((x[0] - z[0]).abs() > 0.05, "{x:?} {z:?}");
    }

    #[test]
    fn unknown_names_are_refused_with_the_choices() {
        let message = OptimizerKind::parse("adamw").unwrap_err().to_string();
        assert!(message.contains("sgd, adam, adagrad"), "{message}");
    }
}
