//! `evaluate`: how high a model ranks what listeners really played next.

mod attributes;
mod compare;
pub(super) mod exam;
mod measured;
mod options;
mod users;

pub use compare::CompareModels;
pub use users::EvaluateUsers;
pub(super) use users::evaluate_users;

use std::sync::Arc;

use attributes::{PROPERTIES, Properties, buckets};
use exam::Exam;
use measured::{Measured, asks_for_fields};
use options::{
    ASKED, CONFIDENCE, K, METRICS_OPTION, MODEL, SAMPLES, TEST, opponents, resampling, rules,
};

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::load;
use super::recommend::VERSION;
use super::rows::Once;
use crate::error::{Error, Result};
use crate::eval::{By, Figure, Lister, Slice, slices, summarize};
use crate::train::Param;

/// `evaluate(model, test, k := […])`.
pub struct Evaluate;

impl TableFunction for Evaluate {
    fn name(&self) -> String {
        "evaluate".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![MODEL, TEST]
    }

    fn named(&self) -> Vec<Param> {
        [&[K, METRICS_OPTION, VERSION, SAMPLES, CONFIDENCE], ASKED, PROPERTIES].concat()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented(
                "metric",
                SqlType::Varchar,
                "The metric; docs/metrics.md has the formulas. Names such as recall@99neg are of \
                 rankings among that many songs, and compare only with their like.",
            ),
            Column::documented(
                "k",
                SqlType::BigInt,
                "The length of the list; NULL where the whole ranking counts.",
            ),
            Column::documented("value", SqlType::Double, "The metric's mean over the cases."),
            Column::documented(
                "lower",
                SqlType::Double,
                "Where the bootstrap interval of the value begins; NULL where there is none.",
            ),
            Column::documented("upper", SqlType::Double, "Where it ends."),
            Column::documented("cases", SqlType::BigInt, "How many predictions there were."),
            Column::documented(
                "users",
                SqlType::BigInt,
                "How many listeners they are of, each resampled as a whole; without users, sessions.",
            ),
            Column::documented(
                "unknown_songs",
                SqlType::BigInt,
                "How many of the predicted plays were of songs that the model does not know.",
            ),
            Column::documented("ties", SqlType::Varchar, "Where songs of the same score stand."),
            Column::documented(
                "slice",
                SqlType::Varchar,
                "The value or range of the property that by names; NULL where it is missing.",
            ),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "How high a model ranks what was played next: among all songs, or, if so \
                          asked, among a few. With by, one row for each value of a property.",
            example: "FROM evaluate('harm', 'test_plays', k := [10, 20]);\n\
                      FROM evaluate('harm', 'test_plays', k := 10, targets := 'last', negatives := 99);\n\
                      FROM evaluate('harm', 'test_plays', k := 20, metrics := ['recall'], by := 'gender')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let options = &call.options;
        let (name, version) = (options.text("model"), options.int("version"));
        let loaded = load(&call.caller, "evaluate", name, version)?;
        let version = loaded.row.version;
        let conn = call.caller.connect()?;
        Properties::check(&conn, "evaluate", options, &loaded.dataset)?;
        Exam::check("evaluate", call, &[loaded.into()])?;
        let call = Arc::new(call.clone());
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let call = call.clone();
                Ok(Once::boxed(move || rows(&call, version)))
            }),
        })
    }
}

fn rows(call: &Call, version: i64) -> Result<Vec<Vec<Value>>> {
    let options = &call.options;
    let loaded = load(&call.caller, "evaluate", options.text("model"), Some(version))?;
    let exam = Exam::read("evaluate", call, vec![loaded.clone().into()])?;
    let (conn, control) = (call.caller.connect()?, &call.caller.control);
    let (data, threads) = (&loaded.dataset, &exam.threads);
    let properties = Properties::read(&conn, "evaluate", options, data, threads, control)?;
    drop(conn);
    let (models, cases) = (exam.examinees(), exam.cases()?);
    let opponents = opponents("evaluate", options, &cases, &models)?;
    let measured = Measured::new("evaluate", options)?;
    let rules = rules(options, measured.kept())?;
    if properties.song_fields.is_empty() && asks_for_fields(options) {
        let message = "asks for diversity or repetition, which are measured in fields of songs, and the \
                       model has none; say what songs are with songs := '…'";
        return Err(Error::option("evaluate", "metrics", message));
    }
    let places = exam.rank(&models, 0, &cases, &opponents, rules)?;
    let by = properties.by();
    if let (Some(By::User(..)), false) = (&by, exam.test.has_users) {
        let message = "is an attribute of users, but the test has no user column";
        return Err(Error::option("evaluate", "by", message));
    }
    let parts = match by {
        Some(by) => slices(by, buckets(options), &cases, &places, &models[0]),
        None => vec![Slice { label: None, members: (0..places.len() as u32).collect() }],
    };
    let fields = &properties.song_fields;
    let figures = measured.figures(fields.len());
    let lister = Lister::new(data, fields, cases.rankable(&models[0]));
    let suffix = opponents.suffix(&cases);
    let mut rows = Vec::new();
    for part in parts {
        let (resampling, members) = (resampling(options), &part.members);
        let summary = threads
            .run(|| summarize(&cases, &places, &lister, &figures, members, resampling, control))?;
        for (figure, (value, interval)) in figures.iter().zip(&summary.values) {
            let (name, k) = match figure {
                Figure::Rank(measure) => (measure.metric.name.to_owned(), measure.k),
                Figure::List { metric, k } => (metric.name(fields), Some(*k)),
            };
            rows.push(vec![
                Value::Text(name + &suffix),
                k.map_or(Value::Null, |k| Value::Int(k as i64)),
                number(*value),
                number(interval.map_or(f64::NAN, |interval| interval.0)),
                number(interval.map_or(f64::NAN, |interval| interval.1)),
                Value::Int(summary.cases as i64),
                Value::Int(summary.users as i64),
                Value::Int(cases.unknown as i64),
                Value::Text(options.text("ties").unwrap_or_default().to_owned()),
                part.label.clone().map_or(Value::Null, Value::Text),
            ]);
        }
    }
    Ok(rows)
}

/// A figure; NULL where there is nothing to reckon it from.
fn number(value: f64) -> Value {
    if value.is_nan() { Value::Null } else { Value::Float(value) }
}
