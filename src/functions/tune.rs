//! `tune`: trains a model with many options and keeps the one that does best on validation plays.
//!
//! Grid search, random search and successive halving, in which epochs are the resource: all trials
//! train a few, the better part goes on. Whatever a trial brought is stored as it ends, so that
//! the same statement goes on where it was stopped.

mod search;
mod space;

use std::sync::Arc;

use search::Search;
use space::Space;

use super::arguments::{candidates, options_from_struct};
use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::training::{self, COMMON, PLAYS, Task};
use crate::error::{Error, Result};
use crate::models;
use crate::train::{Default, Kind, ModelSpec, Options, Param};

const FUNCTION: &str = "tune";

/// `tune(plays, train := 'harm', space := {…}, validation := …)`.
pub struct Tune;

/// Which model is trained.
pub(super) const TRAIN: Param = Param::new(
    "train",
    Kind::Text,
    Default::Required,
    "The kind of model: harm for what train_harm trains.",
);
/// What all trainings have in common.
pub(super) const OPTIONS: Param = Param::new(
    "options",
    Kind::Struct,
    Default::Absent,
    "Options of the model that are the same for all trainings, such as {epochs: 20}.",
);

const OWN: &[Param] = &[
    TRAIN,
    Param::new(
        "space",
        Kind::Struct,
        Default::Required,
        "The options to search, each with a list of values or, for numbers, a range: \
         {embedding_size: [32, 64], learning_rate: {min: 1e-4, max: 1e-2, log: true}}.",
    ),
    OPTIONS,
    Param::new(
        "trials",
        Kind::Int { min: 1, max: 100_000 },
        Default::Absent,
        "How many points are drawn at random by the seed; without it, all combinations.",
    ),
    Param::new(
        "halving",
        Kind::Bool,
        Default::Bool(false),
        "Whether all trials train a few epochs first, and only the better part goes on, again and \
         again, until the last train them all.",
    ),
    Param::new(
        "reduction",
        Kind::Int { min: 2, max: 100 },
        Default::Int(2),
        "With halving, how many times as many epochs the next round has, and how many times as few \
         trials.",
    ),
    Param::new(
        "min_epochs",
        Kind::Int { min: 1, max: 100_000 },
        Default::Absent,
        "With halving, the epochs of the first round; without it, such that one trial is left in \
         the last.",
    ),
];

impl TableFunction for Tune {
    fn name(&self) -> String {
        FUNCTION.into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![PLAYS]
    }

    fn named(&self) -> Vec<Param> {
        // Without validation plays there is nothing to choose by.
        let required = |param: &Param| match param.name {
            "validation" => Param { default: Default::Required, ..*param },
            _ => *param,
        };
        OWN.iter().copied().chain(COMMON.iter().map(required)).collect()
    }

    fn columns(&self) -> Vec<Column> {
        columns(SqlType::Any)
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Evaluate,
            description: "Trains a model with many options and keeps the best, judged by \
                          validation plays alone: one row a trial, or, with halving, one for \
                          each round that a trial is in. A trial that fails says why and ends \
                          nothing. What is done is stored: the same statement goes on where it was \
                          stopped.",
            example: "FROM tune('train_plays', train := 'item_knn', validation := 'test_plays',\n          \
                      space := {neighbors: [20, 100], shrinkage: {min: 1, max: 100, log: true}},\n          \
                      trials := 3, model := 'tuned')",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let spec = kind(FUNCTION, &call.options)?;
        let options = fixed(FUNCTION, spec, &call.options)?;
        let space = Space::new(FUNCTION, spec, &given(&call.options, "space"))?;
        if let Some(name) = space.names().find(|name| is_given(&call.options, name)) {
            let message = format!("has {name}, which is in options, too; give it once");
            return Err(Error::option(FUNCTION, "space", message));
        }
        if call.options.bool("halving") && !spec.iterative {
            let message =
                format!("needs epochs, but train_{} fits its model in one step", spec.name);
            return Err(Error::option(FUNCTION, "halving", message));
        }
        let trials = call.options.int("trials").and_then(|trials| usize::try_from(trials).ok());
        let seed = call.options.int("seed").unwrap_or(0).unsigned_abs();
        let points = space.points(FUNCTION, trials, seed)?;
        let task = Task {
            spec,
            function: FUNCTION.to_owned(),
            model: call.options.text("model").unwrap_or(spec.name).to_owned(),
            options,
            caller: call.caller.clone(),
        };
        training::check(&task)?;
        let columns = columns(space.sql_type());
        let (space, points) = (Arc::new(space), Arc::new(points));
        Ok(Binding {
            columns,
            start: Box::new(move || Ok(Box::new(Search::new(&task, space.clone(), &points)))),
        })
    }
}

/// The kind of model that option `train` names.
///
/// # Errors
/// There is none of the name.
pub(super) fn kind(function: &str, options: &Options) -> Result<&'static ModelSpec> {
    let name = options.text("train").unwrap_or_default();
    let plain = name.strip_prefix("train_").unwrap_or(name);
    models::find(plain).filter(|spec| !models::is_listener(spec.name)).ok_or_else(|| {
        let names: Vec<&str> = models::REGISTRY.iter().map(|spec| spec.name).collect();
        let message =
            format!("is '{name}', which is no kind of model; {}", candidates(plain, &names));
        Error::option(function, "train", message)
    })
}

/// The options of every training with those of the model, from the struct `options` or by default.
///
/// # Errors
/// One of them is not the model's, or has a wrong type or range.
pub(super) fn fixed(function: &str, spec: &ModelSpec, options: &Options) -> Result<Options> {
    let params = [spec.inputs, spec.params].concat();
    let is_common = |param: &&Param| is_given(options, param.name);
    if let Some(common) = COMMON.iter().find(is_common) {
        let message = format!("must not have {}: it is an option beside options", common.name);
        return Err(Error::option(function, "options", message));
    }
    let mut all = options_from_struct(function, &params, &given(options, "options"))?;
    for (name, setting) in &options.0 {
        all.set(name, setting.clone());
    }
    Ok(all)
}

/// An option as it was given; NULL for one that was not.
pub(super) fn given(options: &Options, name: &str) -> Value {
    options.get(name).map_or(Value::Null, Value::from)
}

/// Whether the struct `options` has the option.
fn is_given(options: &Options, name: &str) -> bool {
    match given(options, "options") {
        Value::Struct(fields) => fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)),
        _ => false,
    }
}

fn columns(point: SqlType) -> Vec<Column> {
    vec![
        Column::documented("trial", SqlType::BigInt, "The number of the trial, from 1."),
        Column::documented(
            "round",
            SqlType::BigInt,
            "The round of successive halving, from 1; 1 without halving.",
        ),
        Column::documented("options", point, "The trial's options in the space: a STRUCT."),
        Column::documented(
            "value",
            SqlType::Double,
            "The validation metric of its best epoch; NULL if it failed.",
        ),
        Column::documented("epochs", SqlType::BigInt, "How many epochs it was trained."),
        Column::documented("best_epoch", SqlType::BigInt, "Its best epoch."),
        Column::documented("seconds", SqlType::Double, "How long its epochs took, all together."),
        Column::documented(
            "status",
            SqlType::Varchar,
            "complete; paused after a round, with epochs left; stored, for a trial that an earlier \
             statement ran; or failed.",
        ),
        Column::documented(
            "note",
            SqlType::Varchar,
            "Why it failed, or that it is the best so far and where its model is stored.",
        ),
    ]
}
