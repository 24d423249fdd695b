//! How good a model's rankings are, and how rankings are made from scores.
//!
//! An evaluation is made of [`Cases`], what is asked; a [`Pass`], which ranks the right answers of
//! all cases in one go over the scores of each; and [`Measure`]s of the [`Places`] they got.

mod answer;
mod cases;
mod chord_score;
mod compare;
mod intervals;
mod lists;
mod metrics;
mod opponents;
mod ranking;
mod slices;
mod summary;

pub use answer::{Repeats, Source, answer, contexts_at_once, settle};
pub use cases::{Asked, Case, Cases, Protocol, Targets};
pub use chord_score::{
    CHORD_METRICS, ChordMetric, ChordScores, ChordSpan, Score as Share, chord_score,
};
pub use compare::{Comparison, compare};
pub use intervals::{Resampling, holm};
pub use lists::{ListMetric, Lister};
pub use metrics::{METRICS, Measure, Metric, Outcome, Place, Ties};
pub use opponents::{Draw, Examinee, Opponents, Sampler, wrong};
pub use ranking::{Pass, Places, Rules};
pub use slices::{By, Slice, slices};
pub use summary::{Figure, Summary, summarize};
