//! `evaluate`: how high a model ranks what listeners really played next.

mod exam;
mod options;

use std::sync::Arc;

use exam::Exam;
use options::{ASKED, K, METRICS_OPTION, TEST, measures, opponents, rules};

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::load;
use super::recommend::VERSION;
use super::rows::Once;
use crate::error::Result;
use crate::eval;
use crate::train::{Default, Kind, Param};

/// `evaluate(model, test, k := […])`.
pub struct Evaluate;

impl TableFunction for Evaluate {
    fn name(&self) -> String {
        "evaluate".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![
            Param::new(
                "model",
                Kind::Text,
                Default::Required,
                "The model's name, for one in another database with that in front: 'music.harm'.",
            ),
            TEST,
        ]
    }

    fn named(&self) -> Vec<Param> {
        [&[K, METRICS_OPTION, VERSION], ASKED].concat()
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
            Column::documented("cases", SqlType::BigInt, "How many predictions there were."),
            Column::documented(
                "unknown_songs",
                SqlType::BigInt,
                "How many plays were of songs that the model does not know.",
            ),
            Column::documented("ties", SqlType::Varchar, "Where songs of the same score stand."),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "How high a model ranks what was played next: among all songs, or, if so \
                          asked, among a few.",
            example: "FROM evaluate('harm', 'test_plays', k := [10, 20]);\n\
                      FROM evaluate('harm', 'test_plays', targets := 'last', negatives := 99)",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let options = &call.options;
        let (name, version) = (options.text("model"), options.int("version"));
        let loaded = load(&call.caller, "evaluate", name, version)?;
        let version = loaded.row.version;
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
    let exam = Exam::read("evaluate", call, vec![loaded.into()])?;
    let (models, cases) = (exam.examinees(), exam.cases()?);
    let opponents = opponents("evaluate", options, &cases, &models)?;
    let places = exam.rank(&models, 0, &cases, &opponents, rules(options, 0)?)?;
    let suffix = opponents.suffix(&cases);
    let row = |measure: eval::Measure| {
        vec![
            Value::Text(format!("{}{suffix}", measure.metric.name)),
            measure.k.map_or(Value::Null, |k| Value::Int(k as i64)),
            Value::Float(places.mean(&measure)),
            Value::Int(places.len() as i64),
            Value::Int(cases.unknown as i64),
            Value::Text(options.text("ties").unwrap_or_default().to_owned()),
        ]
    };
    Ok(measures("evaluate", options)?.into_iter().map(row).collect())
}
