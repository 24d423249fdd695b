//! The options of the optimiser, declared once for all models that are trained in steps.

use super::ScheduleKind;
use crate::error::{Error, Result};
use crate::train::options::{Default, Kind, Options, Param};

/// The update rules, by their SQL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Stochastic gradient descent.
    Sgd,
    /// Adam (Kingma & Ba 2015), β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization",
    /// ICLR 2019): a share of each number is taken off beside the step, whatever the gradient's size.
    AdamW,
    /// Adagrad (Duchi et al. 2011), ε = 1e-10.
    Adagrad,
}

impl OptimizerKind {
    /// The values of the option `optimizer`.
    pub const NAMES: &'static [&'static str] = &["sgd", "adam", "adamw", "adagrad"];

    /// The optimiser of that name.
    ///
    /// # Errors
    /// A name that is not among [`OptimizerKind::NAMES`].
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "sgd" => Ok(Self::Sgd),
            "adam" => Ok(Self::Adam),
            "adamw" => Ok(Self::AdamW),
            "adagrad" => Ok(Self::Adagrad),
            _ => Err(Error::data(format!(
                "unknown optimizer '{name}'; use one of {}",
                Self::NAMES.join(", ")
            ))),
        }
    }

    /// What the option `optimizer` says; Adam where a model has no such option.
    ///
    /// # Errors
    /// As [`OptimizerKind::parse`].
    pub fn of(options: &Options) -> Result<Self> {
        options.text("optimizer").map_or(Ok(Self::Adam), Self::parse)
    }

    /// Whether steps are Adam's, with moments that carry a number on.
    pub fn has_moments(self) -> bool {
        matches!(self, Self::Adam | Self::AdamW)
    }
}

/// The option `optimizer`; a model sets its default.
pub const OPTIMIZER: Param = Param::new(
    "optimizer",
    Kind::Choice(OptimizerKind::NAMES),
    Default::Text("adam"),
    "How gradients become updates: plain gradient descent, Adam, Adam with decoupled weight decay, \
     or Adagrad.",
);

/// The option `learning_rate`; a model sets its default.
pub const LEARNING_RATE: Param = Param::new(
    "learning_rate",
    Kind::Float { min: 1e-9, max: 100.0 },
    Default::Float(0.001),
    "Step size.",
);

/// The option `learning_rate` where what suits hangs on `optimizer`, which stands before it.
pub const LEARNING_RATE_BY_OPTIMIZER: Param = Param {
    default: Default::Depends(|options| {
        let has_moments = OptimizerKind::of(options).ok()?.has_moments();
        Some(if has_moments { 0.001 } else { 0.05 }.into())
    }),
    doc: "Step size; default 0.001 with adam and adamw, 0.05 with sgd and adagrad.",
    ..LEARNING_RATE
};

/// The option `momentum`.
pub const MOMENTUM: Param = Param::new(
    "momentum",
    Kind::Float { min: 0.0, max: 0.999 },
    Default::Float(0.0),
    "The share of each update that sgd and adagrad repeat in the next; adam and adamw have a momentum \
     of their own.",
);

/// The option `reg`.
pub const REG: Param = Param::new(
    "reg",
    Kind::Float { min: 0.0, max: 100.0 },
    Default::Float(0.0),
    "λ of the L2 penalty λ‖θ‖² on the parameters a batch touches; with adamw the share of them, times \
     the learning rate, that each step takes off.",
);

/// The option `clip`.
pub const CLIP: Param = Param::new(
    "clip",
    Kind::Float { min: 1e-9, max: 1e9 },
    Default::Absent,
    "The longest gradient of a step, as the norm over all parameters: longer ones are scaled to it. \
     By default none is.",
);

/// The option `schedule`.
pub const SCHEDULE: Param = Param::new(
    "schedule",
    Kind::Choice(ScheduleKind::NAMES),
    Default::Text("constant"),
    "The course of the learning rate: constant, or from its full size to 0 over all epochs, in a line \
     or along half a cosine.",
);

/// The option `warmup`.
pub const WARMUP: Param = Param::new(
    "warmup",
    Kind::Float { min: 0.0, max: 100_000.0 },
    Default::Float(0.0),
    "Epochs, or a part of one, over which the learning rate rises from 0 to its full size.",
);

/// How a model's gradients become updates.
#[derive(Debug, Clone)]
pub struct OptimizerConfig {
    /// The update rule.
    pub kind: OptimizerKind,
    /// The step size.
    pub learning_rate: f64,
    /// The share of an update that the next one repeats; 0 with Adam and AdamW.
    pub momentum: f64,
    /// λ of the L2 penalty; of the decay with AdamW.
    pub reg: f64,
    /// The longest gradient of a step; infinite where none is cut.
    pub clip: f64,
    /// The course of the learning rate.
    pub schedule: ScheduleKind,
    /// Epochs until the full learning rate.
    pub warmup: f64,
    /// Epochs over which the schedule runs.
    pub epochs: usize,
}

impl OptimizerConfig {
    /// Reads the options. Those that a model does not declare are off.
    ///
    /// # Errors
    /// A momentum for Adam or AdamW; an unknown name.
    pub fn new(options: &Options) -> Result<Self> {
        let config = Self {
            kind: OptimizerKind::of(options)?,
            learning_rate: options.float("learning_rate"),
            momentum: options.float("momentum"),
            reg: options.float("reg"),
            clip: if options.has("clip") { options.float("clip") } else { f64::INFINITY },
            schedule: options
                .text("schedule")
                .map_or(Ok(ScheduleKind::Constant), ScheduleKind::parse)?,
            warmup: options.float("warmup"),
            epochs: options.count("epochs"),
        };
        if config.kind.has_moments() && config.momentum > 0.0 {
            let name = if config.kind == OptimizerKind::Adam { "adam" } else { "adamw" };
            return Err(Error::data(format!(
                "momentum := {} does not go with optimizer := '{name}', which has a momentum of its \
                 own; leave it out, or use sgd or adagrad",
                config.momentum
            )));
        }
        Ok(config)
    }

    /// How many state arrays of the size of the parameter the rule keeps.
    pub fn slots(&self) -> usize {
        let velocity = usize::from(self.momentum > 0.0);
        match self.kind {
            OptimizerKind::Sgd => velocity,
            OptimizerKind::Adagrad => 1 + velocity,
            OptimizerKind::Adam | OptimizerKind::AdamW => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Setting;

    fn config(settings: &[(&str, Setting)]) -> Result<OptimizerConfig> {
        let adagrad = OPTIMIZER.with_default(Default::Text("adagrad"));
        let rate = LEARNING_RATE_BY_OPTIMIZER;
        let given = settings.iter().map(|(name, setting)| ((*name).to_owned(), setting.clone()));
        let params = [adagrad, rate, MOMENTUM, REG, CLIP, SCHEDULE, WARMUP];
        OptimizerConfig::new(&Options(given.collect()).resolved(&params))
    }

    #[test]
    fn what_is_not_given_is_the_models_default() {
        let default = config(&[]).unwrap();
        assert_eq!((default.kind, default.learning_rate), (OptimizerKind::Adagrad, 0.05));
        assert_eq!((default.slots(), default.clip), (1, f64::INFINITY));
        let given = [("optimizer", Setting::Text("sgd".into())), ("momentum", Setting::Float(0.5))];
        let given = config(&given).unwrap();
        assert_eq!((given.kind, given.learning_rate, given.slots()), (OptimizerKind::Sgd, 0.05, 1));
        let adam = config(&[("optimizer", Setting::Text("adam".into()))]).unwrap();
        assert_eq!((adam.kind, adam.learning_rate), (OptimizerKind::Adam, 0.001));
        let both = config(&[("momentum", Setting::Float(0.5))]).unwrap();
        assert_eq!(both.slots(), 2);
    }

    #[test]
    fn adam_takes_no_momentum() {
        for name in ["adam", "adamw"] {
            let optimizer = ("optimizer", Setting::Text(name.into()));
            let message = config(&[optimizer, ("momentum", Setting::Float(0.5))]).unwrap_err();
            let message = message.to_string();
            let expected = format!("momentum := 0.5 does not go with optimizer := '{name}'");
            assert!(message.contains(&expected) && message.contains("leave it out"), "{message}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_choices() {
        let message = OptimizerKind::parse("lamb").unwrap_err().to_string();
        assert!(message.contains("sgd, adam, adamw, adagrad"), "{message}");
    }
}
