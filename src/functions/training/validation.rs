//! Held-out plays that a training is measured on after every epoch.

use std::sync::Arc;

use super::options::column_names;
use crate::control::Control;
use crate::data::{Dataset, TestPlays};
use crate::error::{Error, Result};
use crate::eval::{
    Asked, Cases, Examinee, Measure, Opponents, Pass, Protocol, Repeats, Rules, Targets, Ties,
};
use crate::functions::loaded::{OnThreads, VALIDATION_METRICS};
use crate::store::{self, TestRequest};
use crate::threads::Threads;
use crate::train::{Model, Options, Validate};

/// The metric that chooses the best epoch.
///
/// # Errors
/// There is no such metric.
pub(super) fn watched(function: &str, options: &Options) -> Result<Measure> {
    let metric = options.text("metric").unwrap_or_default();
    Measure::parse(metric).ok_or_else(|| {
        let message = format!(
            "must be a metric with the length of the list, such as 'recall_at_20' or 'ndcg@10', or \
             mrr, map or auc over the whole ranking; got '{metric}'"
        );
        Error::option(function, "metric", message)
    })
}

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
    let Some(plays) = options.text("validation") else { return Ok(None) };
    let columns = column_names(options);
    let request =
        TestRequest { function, option: "validation", plays, columns, ..Default::default() };
    let plays = store::read_test_plays(conn, &request, &[dataset], control)?;
    threads.run(|| plays.finish(control)).map(Some)
}

/// Measures a model on held-out plays, as `evaluate` does by default but for `repeats`: the metrics that
/// are columns of the result, and the one that is watched.
pub(super) fn validation(
    dataset: Arc<Dataset>,
    plays: Arc<TestPlays>,
    watched: Measure,
    repeats: Repeats,
    threads: Threads,
    control: Control,
) -> Validate {
    let protocol = Protocol::suited(&plays);
    let asked = Asked { protocol, targets: Targets::Every, skip_unknown: false };
    let rules = Rules { repeats, ties: Ties::Pessimistic, kept: 0 };
    let known = plays.known(&dataset);
    let mut measures: Vec<Measure> =
        VALIDATION_METRICS.into_iter().filter_map(Measure::parse).collect();
    if !VALIDATION_METRICS.contains(&watched.name().as_str()) {
        measures.push(watched);
    }
    Box::new(move |model: &dyn Model| {
        let model = &OnThreads { model, threads: threads.clone() };
        let cases = Cases::new(&plays, &[&known], asked);
        if cases.list.is_empty() {
            return Err(Error::data(
                "the option 'validation' has no session with two plays and no user of the training, \
                 so there is nothing to predict; give plays with longer sessions",
            ));
        }
        let models = [Examinee { model, dataset: &dataset, known: &known }];
        let mut pass = Pass::new(&models, 0, &cases, &Opponents::All, rules);
        while threads.run(|| pass.step())? {
            control.check()?;
        }
        let places = pass.finish();
        let mean = |measure: &Measure| (measure.name(), places.mean(measure));
        Ok(measures.iter().map(mean).collect())
    })
}
