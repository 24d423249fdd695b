//! How good a model's rankings are, and how rankings are made from scores.

mod answer;
mod metrics;
mod protocol;

pub use answer::{Repeats, Source, answer, contexts_at_once};
pub use metrics::{METRICS, Metric, mean};
pub use protocol::{Cases, Protocol, Ranks, Targets, ranks};
