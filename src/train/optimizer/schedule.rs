//! How the learning rate changes while a training goes on.

use std::f64::consts::PI;

use crate::error::{Error, Result};

/// The course of the learning rate after its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleKind {
    /// Always the same.
    Constant,
    /// Falls evenly to 0.
    Linear,
    /// Falls to 0 along half a cosine: slowly, fast, slowly (Loshchilov & Hutter 2017, without
    /// restarts).
    Cosine,
}

impl ScheduleKind {
    /// The values of the option `schedule`.
    pub const NAMES: &'static [&'static str] = &["constant", "linear", "cosine"];

    /// The schedule of that name.
    ///
    /// # Errors
    /// A name that is not among [`ScheduleKind::NAMES`].
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "constant" => Ok(Self::Constant),
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            _ => Err(Error::data(format!(
                "unknown schedule '{name}'; use one of {}",
                Self::NAMES.join(", ")
            ))),
        }
    }
}

/// A schedule over the steps of a training. It depends on nothing but the number of the step, so
/// that a resumed training goes on as if it had not been interrupted.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    kind: ScheduleKind,
    warmup: f64,
    steps: f64,
}

impl Schedule {
    /// A schedule that rises to the full rate over `warmup` of `steps` steps.
    pub fn new(kind: ScheduleKind, warmup: f64, steps: f64) -> Self {
        Self { kind, warmup, steps }
    }

    /// The share of the learning rate that counts in a step (from 1). Steps beyond the last one
    /// planned keep its share, which is never 0.
    pub fn share(&self, step: u32) -> f64 {
        let step = f64::from(step);
        if step < self.warmup {
            return step / self.warmup;
        }
        let left = (self.steps - self.warmup).max(1.0);
        let done = ((step - 1.0 - self.warmup).clamp(0.0, left - 1.0)) / left;
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => 1.0 - done,
            ScheduleKind::Cosine => (1.0 + (PI * done).cos()) / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares<const N: usize>(kind: ScheduleKind, warmup: f64, steps: f64) -> [f64; N] {
        let schedule = Schedule::new(kind, warmup, steps);
        std::array::from_fn(|step| schedule.share(step as u32 + 1))
    }

    #[test]
    fn the_rate_rises_and_then_falls() {
        assert_eq!(shares(ScheduleKind::Constant, 0.0, 4.0), [1.0; 5]);
        assert_eq!(shares(ScheduleKind::Constant, 2.0, 4.0), [0.5, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(shares(ScheduleKind::Linear, 0.0, 4.0), [1.0, 0.75, 0.5, 0.25, 0.25]);
        assert_eq!(shares(ScheduleKind::Linear, 2.0, 4.0), [0.5, 1.0, 1.0, 0.5, 0.5]);
        let cosine: [f64; 4] = shares(ScheduleKind::Cosine, 0.0, 4.0);
        let expected = [1.0, (1.0 + 0.5_f64.sqrt()) / 2.0, 0.5, (1.0 - 0.5_f64.sqrt()) / 2.0];
        assert!(cosine.iter().zip(expected).all(|(got, e)| (got - e).abs() < 1e-12), "{cosine:?}");
    }

    #[test]
    fn a_warmup_may_outlast_the_training() {
        assert_eq!(shares(ScheduleKind::Linear, 8.0, 4.0), [0.125, 0.25, 0.375, 0.5]);
    }

    #[test]
    fn names_are_read_and_others_refused() {
        for name in ScheduleKind::NAMES {
            assert!(ScheduleKind::parse(name).is_ok());
        }
        let message = ScheduleKind::parse("step").unwrap_err().to_string();
        assert!(message.contains("constant, linear, cosine"), "{message}");
    }
}
