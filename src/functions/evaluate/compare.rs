//! `compare_models`: whether one model is better than another, and how sure that is.

use std::sync::Arc;

use super::exam::Exam;
use super::measured::Measured;
use super::options::{ASKED, CONFIDENCE, K, METRICS_OPTION, TEST, opponents, resampling, rules};
use crate::error::{Error, Result};
use crate::eval::{Comparison, compare, holm};
use crate::functions::contract::{
    Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value,
};
use crate::functions::loaded::{Loaded, load};
use crate::functions::rows::Once;
use crate::train::{Default, Kind, Param};

/// `compare_models(a, b, test, k := […])`.
pub struct CompareModels;

const NAME: &str = "compare_models";

const VERSIONS: [Param; 2] = [
    Param::new(
        "version_a",
        Kind::Int { min: 1, max: i64::MAX },
        Default::Absent,
        "The first model's version; without it the one in use, else the latest.",
    ),
    Param::new(
        "version_b",
        Kind::Int { min: 1, max: i64::MAX },
        Default::Absent,
        "The second model's version.",
    ),
];

impl TableFunction for CompareModels {
    fn name(&self) -> String {
        NAME.into()
    }

    fn positional(&self) -> Vec<Param> {
        let model = |name, doc| Param::new(name, Kind::Text, Default::Required, doc);
        vec![model("a", "The first model's name."), model("b", "The second model's name."), TEST]
    }

    fn named(&self) -> Vec<Param> {
        let samples = Param::new(
            "samples",
            Kind::Int { min: 1, max: 1_000_000 },
            Default::Int(10_000),
            "How many times listeners are resampled for the intervals, and the models swapped for \
             the p-values.",
        );
        [&[K, METRICS_OPTION], &VERSIONS[..], &[samples, CONFIDENCE], ASKED].concat()
    }

    fn columns(&self) -> Vec<Column> {
        let number = |name, doc| Column::documented(name, SqlType::Double, doc);
        let count = |name, doc| Column::documented(name, SqlType::BigInt, doc);
        vec![
            Column::documented("metric", SqlType::Varchar, "The metric, as evaluate names it."),
            count("k", "The length of the list; NULL where the whole ranking counts."),
            number("a", "The first model's mean over the cases."),
            number("b", "The second model's."),
            number("difference", "The first less the second."),
            number("lower", "Where the bootstrap interval of the difference begins."),
            number("upper", "Where it ends."),
            number(
                "p_value",
                "How likely a difference as large is if the models are equally good, for this row \
                 alone: of a paired randomisation test, two-sided.",
            ),
            number("p_holm", "The same, corrected for the number of rows (Holm)."),
            count("wins", "In how many cases the first model is better."),
            count("losses", "In how many the second is."),
            count("draws", "In how many both are equal."),
            count("cases", "How many predictions both were asked for."),
            count("users", "How many listeners they are of; without users, sessions."),
            Column::documented("ties", SqlType::Varchar, "Where songs of the same score stand."),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "Two models on the very same predictions, metric by metric: both means, \
                          their difference with its interval and p-values, and how often which is \
                          better. A model that does not know a song misses it.",
            example: "FROM compare_models('harm', 'harm', 'test_plays', version_a := 2,\n                    \
                      version_b := 1, k := 20)",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let models =
            load_both(call, [call.options.int("version_a"), call.options.int("version_b")])?;
        if let Some(name) = Measured::new(NAME, &call.options)?.lists.first() {
            let message = format!("names '{name}', of which there is no value for each case");
            return Err(Error::option(NAME, "metrics", message));
        }
        let versions = [&models[0], &models[1]].map(|model| Some(model.row.version));
        Exam::check(NAME, call, &models.map(Into::into))?;
        let call = Arc::new(call.clone());
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let call = call.clone();
                Ok(Once::boxed(move || rows(&call, versions)))
            }),
        })
    }
}

fn load_both(call: &Call, [a, b]: [Option<i64>; 2]) -> Result<[Arc<Loaded>; 2]> {
    let load = |name: &str, version| load(&call.caller, NAME, call.options.text(name), version);
    Ok([load("a", a)?, load("b", b)?])
}

fn rows(call: &Call, versions: [Option<i64>; 2]) -> Result<Vec<Vec<Value>>> {
    let options = &call.options;
    let models = load_both(call, versions)?;
    let exam = Exam::read(NAME, call, models.map(Into::into).into())?;
    let (models, cases) = (exam.examinees(), exam.cases()?);
    let opponents = opponents(NAME, options, &cases, &models)?;
    let rules = rules(options, 0)?;
    let rank = |number| exam.rank(&models, number, &cases, &opponents, rules);
    let (a, b) = (rank(0)?, rank(1)?);
    let measures = Measured::new(NAME, options)?.measures;
    let resampling = resampling(options);
    let (compared, users) =
        exam.threads.run(|| compare(&cases, [&a, &b], &measures, resampling, &exam.control))?;
    let p_values: Vec<f64> = compared.iter().map(|compared| compared.p_value).collect();
    let suffix = opponents.suffix(&cases);
    let row = |((measure, compared), p_holm): ((&_, &Comparison), f64)| {
        let crate::eval::Measure { metric, k } = measure;
        let bound = |bound: Option<f64>| bound.map_or(Value::Null, Value::Float);
        let count = |count: usize| Value::Int(count as i64);
        vec![
            Value::Text(format!("{}{suffix}", metric.name)),
            k.map_or(Value::Null, count),
            Value::Float(compared.a),
            Value::Float(compared.b),
            Value::Float(compared.a - compared.b),
            bound(compared.interval.map(|interval| interval.0)),
            bound(compared.interval.map(|interval| interval.1)),
            Value::Float(compared.p_value),
            Value::Float(p_holm),
            count(compared.wins[0]),
            count(compared.wins[1]),
            count(compared.wins[2]),
            count(cases.list.len()),
            count(users),
            Value::Text(options.text("ties").unwrap_or_default().to_owned()),
        ]
    };
    Ok(measures.iter().zip(&compared).zip(holm(&p_values)).map(row).collect())
}
