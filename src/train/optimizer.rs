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
/// Rows of an embedding table that a batch does not touch keep their values and state (lazy
/// updates), so that a step costs what the batch costs, not what the catalogue costs. Adam corrects
/// its bias by the global step, as PyTorch's `SparseAdam` does. L2 regularisation `λ‖θ‖²` adds
/// `2λθ` to the gradient of what the batch touches.
#[derive(Debug, Clone)]
pub struct Optimizer {
    kind: OptimizerKind,
    learning_rate: f32,
    reg: f32,
    step: u32,
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;

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
                let step = self.step.max(1) as i32;
                let correction1 = 1.0 - BETA1.powi(step);
                let correction2 = (1.0 - BETA2.powi(step)).sqrt();
                let rate = rate / correction1;
                for (((value, &grad), m), v) in values.iter_mut().zip(grad).zip(first).zip(second) {
                    let grad = grad + decay * *value;
                    *m = BETA1 * *m + (1.0 - BETA1) * grad;
                    *v = BETA2 * *v + (1.0 - BETA2) * grad * grad;
                    *value -= rate * *m / (v.sqrt() / correction2 + 1e-8);
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
    fn unknown_names_are_refused_with_the_choices() {
        let message = OptimizerKind::parse("adamw").unwrap_err().to_string();
        assert!(message.contains("sgd, adam, adagrad"), "{message}");
    }
}
