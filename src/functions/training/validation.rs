//! Held-out plays that a training is measured on after every epoch.

use std::sync::Arc;

use super::options::column_names;
use crate::control::Control;
use crate::data::{Dataset, TestPlays};
use crate::error::{Error, Result};
use crate::eval::{self, Cases, METRICS, Protocol, Repeats, Targets};
use crate::functions::loaded::{OnThreads, validation_metric};
use crate::store;
use crate::threads::Threads;
use crate::train::{Model, Options, Validate};

/// The length of the lists that validation metrics look at.
const VALIDATION_K: usize = 20;

/// Reads the plays of the option `validation`, if it is given.
///
/// # Errors
/// They cannot be read; the analyst stopped the statement.
pub(super) fn held_out(
    conn: &duckdb::Connection,
    function: &str,
    options: &Options,
    dataset: &Dataset,
    threads: &Threads,
    control: &Control,
) -> Result<Option<TestPlays>> {
    let Some(relation) = options.text("validation") else { return Ok(None) };
    let (name, columns) = ("validation", column_names(options));
    let plays = store::read_test_plays(conn, function, name, relation, &columns, dataset, control)?;
    threads.run(|| plays.finish(dataset, control)).map(Some)
}

/// Measures a model on held-out plays, as `evaluate` does by default.
pub(super) fn validation(
    dataset: Arc<Dataset>,
    plays: Arc<TestPlays>,
    threads: Threads,
    control: Control,
) -> Validate {
    let protocol = if plays.has_sessions { Protocol::Session } else { Protocol::History };
    let cases =
        Cases { protocol, targets: Targets::Every, repeats: Repeats::Allow, skip_unknown: false };
    Box::new(move |model: &dyn Model| {
        let model = &OnThreads { model, threads: threads.clone() };
        let ranks = eval::ranks(model, &dataset, &plays, cases, &control)?.ranks;
        if ranks.is_empty() {
            return Err(Error::data(
                "the option 'validation' has no session with two plays, so there is nothing to \
                 predict; give plays with longer sessions",
            ));
        }
        let metrics = METRICS.iter().filter_map(|metric| {
            let (name, k) = validation_metric(metric.name, VALIDATION_K)?;
            Some((name.to_owned(), eval::mean(metric, &ranks, k)))
        });
        Ok(metrics.collect())
    })
}
