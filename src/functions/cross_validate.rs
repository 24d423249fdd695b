//! `cross_validate`: trains and evaluates a model on every fold.
//!
//! A fold is what an analyst would type: `train_…` on the training part of `split_folds`, `evaluate` on
//! the test part. So folds have all that trainings and evaluations have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use duckdb::Connection;

use super::arguments::options_from_struct;
use super::contract::{Binding, Call, Category, Column, Docs, Rows, SqlType, TableFunction, Value};
use super::evaluate::Evaluate;
use super::split::check_folds;
use super::sql_value::sql;
use super::training::{self, COMMON, PLAYS, Task, column_names};
use super::tune::{OPTIONS, TRAIN, fixed, given, kind};
use crate::error::{Error, Result};
use crate::store::{self, PlaysColumns, interruptible, literal, quote};
use crate::train::{Default, Kind, Options, Param, Setting};

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
        "Further options of evaluate but for by and version, such as {targets: 'last'}.",
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

/// Options of `evaluate` that folds decide themselves, and what to do instead.
const REFUSED: [(&str, &str); 7] = [
    ("version", "each fold asks the model that it trained; leave it out"),
    (
        "by",
        "the folds' slices may differ; keep the models, as with model := 'cv', and evaluate each",
    ),
    ("k", "it is an option beside evaluation; give it there"),
    ("user", "it is an option beside evaluation; give it there"),
    ("song", "it is an option beside evaluation; give it there"),
    ("time", "it is an option beside evaluation; give it there"),
    ("session", "it is an option beside evaluation; give it there"),
];

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

    fn packed(&self) -> Vec<(&'static str, Vec<Param>)> {
        vec![("evaluation", Evaluate.named())]
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
        let task = Task {
            spec,
            function: FUNCTION.to_owned(),
            model: name.to_owned(),
            options,
            caller: call.caller.clone(),
        };
        training::check(&task)?;
        check_folds(FUNCTION, &call.options)?;
        check_evaluation(&call.options)?;
        let folds = Arc::new(Folds::new(task, call)?);
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || Ok(Box::new(Run::new(folds.clone())))),
        })
    }
}

/// Refuses options of `evaluate` that do not exist, are wrong, or are not to be had here.
fn check_evaluation(options: &Options) -> Result<()> {
    let evaluation = given(options, "evaluation");
    options_from_struct(FUNCTION, &Evaluate.named(), &evaluation)?;
    let Value::Struct(fields) = evaluation else { return Ok(()) };
    for (name, remedy) in REFUSED {
        if fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
            let message = format!("must not have {name}: {remedy}");
            return Err(Error::option(FUNCTION, "evaluation", message));
        }
    }
    Ok(())
}

/// What the folds have in common.
struct Folds {
    call: Call,
    count: usize,
    /// The relation with all folds, as SQL writes it after FROM.
    parts: String,
    /// A training of all plays.
    task: Task,
    /// The names of the folds' models, but for the number of the fold.
    name: String,
    /// Options of `evaluate`.
    evaluation: String,
}

impl Folds {
    fn new(mut task: Task, call: &Call) -> Result<Self> {
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
        let fields = match options.get("evaluation") {
            Some(Setting::Struct(fields)) => fields.clone(),
            _ => Vec::new(),
        };
        task.function = format!("train_{}", task.spec.name);
        // A model that is dropped later must be one of this very statement.
        task.options.set("retrain", Setting::Bool(!options.has("model")));
        let evaluation = [("k".to_owned(), Setting::IntList(options.ints("k").to_vec()))];
        let evaluation =
            evaluation.into_iter().chain(fields).map(|(name, value)| argument(&name, &value));
        Ok(Self {
            call: call.clone(),
            count: options.count("folds"),
            parts: format!("split_folds({})", split.join(", ")),
            task,
            name: options.text("model").map_or_else(name_of_its_own, str::to_owned),
            evaluation: evaluation.chain(columns).collect::<Vec<_>>().join(", "),
        })
    }

    /// A part of a fold: a query in parentheses.
    fn part(&self, fold: usize, split: &str) -> String {
        format!(
            "(SELECT * EXCLUDE (fold, split) FROM {} WHERE fold = {fold} AND split = '{split}')",
            self.parts
        )
    }

    /// The training of a fold.
    fn task(&self, fold: usize) -> Task {
        let mut task = self.task.clone();
        task.model = format!("{}_{fold}", self.name);
        let part = |split| Setting::Text(self.part(fold, split));
        task.options.set("plays", part("train"));
        if self.call.options.bool("validation") {
            task.options.set("validation", part("validation"));
        }
        task
    }

    /// Trains and evaluates one fold: metric, length of the list, value.
    fn run(&self, fold: usize) -> Result<Vec<Measured>> {
        let (conn, control) = (self.call.caller.connect()?, &self.call.caller.control);
        let task = self.task(fold);
        let model = task.model.clone();
        let before: Vec<i64> = versions(&conn, &model)?;
        let keeps = self.call.options.has("model");
        let measured = training::Run::new(task)
            .complete()
            .and_then(|version| self.evaluate(&conn, fold, &model, version));
        if !keeps {
            // Also what is left of a fold that was stopped or failed.
            for version in versions(&conn, &model)?.into_iter().filter(|v| !before.contains(v)) {
                store::drop_model(&conn, FUNCTION, &model, Some(version))?;
            }
            if control.check().is_err() {
                // In place of the training's, which speaks of what was dropped.
                let note = "stopped; with model := '…' what folds have trained is kept";
                self.call.caller.host.leave_note(format!("{FUNCTION}: {note}"));
            }
        }
        // A training that is stopped says so in an error of its own.
        control.check()?;
        measured
    }

    /// What a version of a fold's model makes of its test.
    fn evaluate(
        &self,
        conn: &Connection,
        fold: usize,
        model: &str,
        version: i64,
    ) -> Result<Vec<Measured>> {
        let evaluate = format!(
            "SELECT metric, CAST(k AS BIGINT), CAST(value AS DOUBLE) \
             FROM evaluate({}, {}, version := {version}, {})",
            literal(model),
            literal(&self.part(fold, "test")),
            self.evaluation
        );
        let interrupter = conn.interrupt_handle();
        let control = &self.call.caller.control;
        interruptible(control, || interrupter.interrupt(), || measure(conn, &evaluate))
    }
}

/// A name for models that are dropped: another one for each statement, lest they meet.
fn name_of_its_own() -> String {
    static STATEMENTS: AtomicU64 = AtomicU64::new(0);
    format!("{FUNCTION}_{}", STATEMENTS.fetch_add(1, Ordering::Relaxed))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_at_the_same_time_have_models_of_their_own() {
        assert_ne!(name_of_its_own(), name_of_its_own());
    }

    #[test]
    fn mean_and_sd_by_hand() {
        assert_eq!(mean_and_sd(&[1.0, 3.0]), (Some(2.0), Some(2.0_f64.sqrt())));
        assert_eq!(mean_and_sd(&[1.0]), (Some(1.0), None));
        assert_eq!(mean_and_sd(&[]), (None, None));
    }
}
