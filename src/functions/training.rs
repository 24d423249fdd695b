//! `train_<model>`: one row per epoch, as it ends.
//!
//! Reading rows drives training. When nobody reads on (LIMIT, a dropped cursor, Ctrl-C), training
//! stops after the running epoch and the best epoch so far is kept as an interrupted model, which
//! the same statement resumes. A finished training is found, not repeated.

mod initial;
mod memory;
mod options;
mod run;
mod task;
mod validation;

pub(super) use options::{COMMON, PLAYS, SESSION, SONG, TIME, USER, column_names, of_every};
pub(super) use run::Run;
pub(super) use task::{Data, Job, Task};

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction};
use super::loaded::{epoch_columns, shown};
use super::settings;
use crate::device;
use crate::error::{Error, Result};
use crate::store;
use crate::train::{ModelSpec, Param};

/// The training function of one model.
pub struct Train(pub &'static ModelSpec);

impl TableFunction for Train {
    fn name(&self) -> String {
        format!("train_{}", self.0.name)
    }

    fn positional(&self) -> Vec<Param> {
        vec![options::PLAYS]
    }

    fn named(&self) -> Vec<Param> {
        options::COMMON.iter().chain(self.0.inputs).chain(self.0.params).copied().collect()
    }

    fn columns(&self) -> Vec<Column> {
        columns(self.0)
    }

    fn docs(&self) -> Option<Docs> {
        let (description, example) = (self.0.summary, self.0.example);
        Some(Docs { category: Category::Train, description, example })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let task = Task {
            spec: self.0,
            function: self.name(),
            model: call.options.text("model").unwrap_or(self.0.name).to_owned(),
            options: call.options.clone(),
            caller: call.caller.clone(),
        };
        check(&task)?;
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || Ok(Box::new(Run::new(task.clone())))),
        })
    }
}

/// The columns of a training's rows.
pub(super) fn columns(spec: &ModelSpec) -> Vec<Column> {
    let mut columns = epoch_columns(shown(spec.name));
    columns.push(Column::documented(
        "status",
        SqlType::Varchar,
        "training, and complete in the last row; stored or resumed for epochs of an earlier \
         statement.",
    ));
    columns.push(Column::documented(
        "note",
        SqlType::Varchar,
        "What else is to say; in the last row, where the model is stored.",
    ));
    columns
}

/// Checks what can be checked of a training before anything is read.
///
/// # Errors
/// The model cannot be stored under its name, a relation or column is missing, or an option or setting
/// is wrong.
pub(super) fn check(task: &Task) -> Result<()> {
    let Task { function, model, options, caller, .. } = task;
    let conn = caller.connect()?;
    if model.trim().is_empty() {
        let message = "is empty; give the model a name, or leave it out";
        return Err(Error::option(function, "model", message));
    }
    store::check_writable(&conn, function, model)?;
    task.watch()?;
    let request = options::request(function, options);
    store::check(&conn, &request)?;
    if let Some(validation) = options.text("validation") {
        store::check_plays(&conn, function, "validation", validation, &request.columns)?;
    }
    let device = settings::device(caller, function, options)?;
    device::open(&device).map_err(|error| error.within(function))?;
    settings::threads(caller, function).map(drop)
}
