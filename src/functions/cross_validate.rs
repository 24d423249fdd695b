//! `cross_validate`: trains and evaluates a model on every fold.
//!
//! A fold is what an analyst would type: `train_…` on the training part of `split_folds`, `evaluate` on
//! the test part. So folds have all that trainings and evaluations have.

use std::sync::Arc;

use duckdb::Connection;

use super::arguments::options_from_struct;
use super::contract::{Binding, Call, Category, Column, Docs, Rows, SqlType, TableFunction, Value};
use super::evaluate::Evaluate;
use super::sql_value::sql;
use super::training::{self, COMMON, PLAYS, Task, column_names};
use super::tune::{OPTIONS, TRAIN, fixed, given, kind};
use crate::error::{Error, Result};
use crate::store::{self, PlaysColumns, interruptible, literal, quote};
use crate::train::{Default, Kind, Param, Setting};

const FUNCTION: &str = "cross_validate";

/// `cross_validate(plays, train := 'harm', folds := 5)`.
pub struct CrossValidate;

const OWN: &[Param] = &[
    TRAIN,
    OPTIONS,
    Param::new("folds", Kind::Int { min: 2, max: 1000 }, Default::Int(5), "How many folds."),
    Param::new(
        "by",
        Kind::Choice(&["play", "user", "session"]),
        Default::Absent,
        "What is drawn into folds; without it, sessions where the plays have them, else plays.",
    ),
    Param::new(
        "validation",
        Kind::Bool,
        Default::Bool(false),
        "Whether the next fold's test is held out, too, to choose the best epoch by.",
    ),
    Param::new(
        "k",
        Kind::IntList { min: 1, max: 1_000_000 },
        Default::IntList(&[10, 20]),
        "Lengths of the list of recommendations.",
    ),
    Param::new(
        "evaluation",
        Kind::Struct,
        Default::Absent,
        "Further options of evaluate, such as {targets: 'last'}.",
    ),
    Param::new(
        "model",
        Kind::Text,
        Default::Absent,
        "Keeps the folds' models under this name with the fold's number: 'cv' as 'cv_1' and so on. \
         Without it they are dropped as soon as they are evaluated.",
    ),
];

/// Options of every training that folds decide themselves.
const REPLACED: [&str; 3] = ["validation", "model", "retrain"];

impl TableFunction for CrossValidate {
    fn name(&self) -> String {
        FUNCTION.into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![PLAYS]
    }

    fn named(&self) -> Vec<Param> {
        let common = COMMON.iter().filter(|param| !REPLACED.contains(&param.name));
        OWN.iter().chain(common).copied().collect()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented(
                "fold",
                SqlType::Varchar,
                "The fold, from 1; mean and sd (the sample's standard deviation) over all folds \
                 after the last.",
            ),
            Column::documented("metric", SqlType::Varchar, "The metric, as evaluate names it."),
            Column::documented(
                "k",
                SqlType::BigInt,
                "The length of the list; NULL where the whole ranking counts.",
            ),
            Column::documented("value", SqlType::Double, "The metric on the fold's test plays."),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "k-fold cross-validation: trains a model for each fold of split_folds \
                          and evaluates it on the fold's test plays. Rows come fold by fold.",
            example: "FROM cross_validate('plays', train := 'item_knn', folds := 3, k := [10],\n                    \
                      options := {neighbors: 50})",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let spec = kind(FUNCTION, &call.options)?;
        // Every fold's training checks the same again, but then the first would have run.
        let mut options = fixed(FUNCTION, spec, &call.options)?;
        options.0.remove("validation");
        let name = call.options.text("model").unwrap_or(FUNCTION);
        training::check(&Task {
            spec,
            function: FUNCTION.to_owned(),
            model: name.to_owned(),
            options,
            caller: call.caller.clone(),
        })?;
        let evaluation = given(&call.options, "evaluation");
        options_from_struct(FUNCTION, &Evaluate.named(), &evaluation)?;
        let folds = Arc::new(Folds::new(spec.name, call)?);
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || Ok(Box::new(Run::new(folds.clone())))),
        })
    }
}

/// What the folds have in common.
struct Folds {
    call: Call,
    count: usize,
    /// The relation with all folds, as SQL writes it after FROM.
    parts: String,
    /// The function that trains, and its options but the relations and the name.
    train: String,
    arguments: String,
    /// Options of `evaluate`.
    evaluation: String,
}

impl Folds {
    fn new(kind: &str, call: &Call) -> Result<Self> {
        let options = &call.options;
        let plays = options.text("plays").unwrap_or_default();
        let columns = PlaysColumns::find(
            &call.caller.connect()?,
            FUNCTION,
            "plays",
            plays,
            &column_names(options),
        )?;
        let by = match options.text("by") {
            Some("session") => columns.need_session().map(|_| "session")?,
            Some(by) => by,
            None if columns.session.is_some() => "session",
            None => "play",
        };
        let mut split = vec![
            literal(plays),
            format!("folds := {}", options.count("folds")),
            format!("by := {}", literal(by)),
            format!("validation := {}", options.bool("validation")),
            format!("seed := {}", options.int("seed").unwrap_or(0)),
        ];
        let names = ["user", "song", "time", "session"];
        let column = |name: &&str| options.get(name).map(|setting| argument(name, setting));
        let columns: Vec<String> = names.iter().filter_map(column).collect();
        split.extend(columns.iter().cloned());
        let fields = |name: &str| match options.get(name) {
            Some(Setting::Struct(fields)) => fields.clone(),
            _ => Vec::new(),
        };
        let common = COMMON.iter().filter(|param| !REPLACED.contains(&param.name));
        let common = common
            .filter_map(|param| Some((param.name.to_owned(), options.get(param.name)?.clone())));
        let train = common.chain(fields("options")).map(|(name, value)| argument(&name, &value));
        let evaluation = [("k".to_owned(), Setting::IntList(options.ints("k").to_vec()))];
        let evaluation = evaluation
            .into_iter()
            .chain(fields("evaluation"))
            .map(|(name, value)| argument(&name, &value));
        Ok(Self {
            call: call.clone(),
            count: options.count("folds"),
            parts: format!("split_folds({})", split.join(", ")),
            train: format!("train_{kind}"),
            arguments: train.collect::<Vec<_>>().join(", "),
            evaluation: evaluation.chain(columns).collect::<Vec<_>>().join(", "),
        })
    }

    /// A part of a fold, as an argument.
    fn part(&self, fold: usize, split: &str) -> String {
        literal(&format!(
            "(SELECT * EXCLUDE (fold, split) FROM {} WHERE fold = {fold} AND split = '{split}')",
            self.parts
        ))
    }

    /// The name of a fold's model.
    fn model(&self, fold: usize) -> String {
        format!("{}_{fold}", self.call.options.text("model").unwrap_or(FUNCTION))
    }

    /// Trains and evaluates one fold: metric, length of the list, value.
    fn run(&self, fold: usize) -> Result<Vec<Measured>> {
        let conn = self.call.caller.connect()?;
        let model = self.model(fold);
        let validation = match self.call.options.bool("validation") {
            true => format!(", validation := {}", self.part(fold, "validation")),
            false => String::new(),
        };
        let before: Vec<i64> = versions(&conn, &model)?;
        let keeps = self.call.options.has("model");
        // A model that is dropped later must be one of this very statement.
        let retrain = if keeps { "" } else { ", retrain := true" };
        let train = format!(
            "SELECT count(*) FROM {}({}, model := {}{validation}{retrain}, {})",
            self.train,
            self.part(fold, "train"),
            literal(&model),
            self.arguments
        );
        let evaluate = format!(
            "SELECT metric, CAST(k AS BIGINT), CAST(value AS DOUBLE) FROM evaluate({}, {}, {})",
            literal(&model),
            self.part(fold, "test"),
            self.evaluation
        );
        let interrupter = conn.interrupt_handle();
        let measured = interruptible(
            &self.call.caller.control,
            || interrupter.interrupt(),
            || {
                conn.query_row(&train, [], |_| Ok(()))?;
                measure(&conn, &evaluate)
            },
        );
        if !keeps {
            // Also what is left of a fold that was stopped or failed.
            for version in versions(&conn, &model)?.into_iter().filter(|v| !before.contains(v)) {
                store::drop_model(&conn, FUNCTION, &model, Some(version))?;
            }
        }
        measured
    }
}

/// The versions of a model.
fn versions(conn: &Connection, model: &str) -> Result<Vec<i64>> {
    Ok(store::versions(conn, model)?.into_iter().map(|row| row.version).collect())
}

/// A metric, the length of the list, and the value.
type Measured = (String, Option<i64>, Option<f64>);

fn measure(conn: &Connection, sql: &str) -> Result<Vec<Measured>> {
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

/// A named argument as SQL writes it.
fn argument(name: &str, setting: &Setting) -> String {
    format!("{} := {}", quote(name), sql(setting))
}

/// A cross-validation under way: a fold a call, then the summary.
struct Run {
    folds: Arc<Folds>,
    next: usize,
    measured: Vec<Vec<Measured>>,
}

impl Run {
    fn new(folds: Arc<Folds>) -> Self {
        Self { folds, next: 1, measured: Vec::new() }
    }
}

impl Rows for Run {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        let (fold, count) = (self.next, self.folds.count);
        self.next += 1;
        let row = |fold: &str, metric: &str, k: Option<i64>, value: Option<f64>| {
            vec![
                Value::Text(fold.to_owned()),
                Value::Text(metric.to_owned()),
                k.map_or(Value::Null, Value::Int),
                value.map_or(Value::Null, Value::Float),
            ]
        };
        if fold > count + 1 {
            return Ok(Vec::new());
        }
        if fold == count + 1 {
            let mut rows = Vec::new();
            for (place, (metric, k, _)) in self.measured[0].iter().enumerate() {
                let values: Vec<f64> =
                    self.measured.iter().filter_map(|fold| fold.get(place)?.2).collect();
                let (mean, sd) = mean_and_sd(&values);
                rows.push(row("mean", metric, *k, mean));
                rows.push(row("sd", metric, *k, sd));
            }
            rows.sort_by_key(|row| row[0] == Value::Text("sd".to_owned()));
            return Ok(rows);
        }
        let measured = self.folds.run(fold).map_err(|error| match error {
            Error::Interrupted => error,
            other => Error::Database(format!("{FUNCTION}: fold {fold} of {count}: {other}")),
        })?;
        let label = fold.to_string();
        let rows =
            measured.iter().map(|(metric, k, value)| row(&label, metric, *k, *value)).collect();
        self.measured.push(measured);
        Ok(rows)
    }
}

/// The mean and the standard deviation of a sample.
fn mean_and_sd(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (Some(mean), (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}
