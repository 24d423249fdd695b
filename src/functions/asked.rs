//! What one execution of a statement looks up: once, for all its rows and threads.

use std::sync::{Arc, Mutex, PoisonError};

use super::arguments::options_from_struct;
use super::contract::{Argument, Value};
use super::loaded::{self, Loaded};
use crate::error::Result;
use crate::store::{Caller, ModelRow};
use crate::train::{Options, Param};

/// How many different options are remembered: one in nearly every statement.
const KEPT: usize = 8;

/// The name and version of a model, as options say them.
type Wanted = (Option<String>, Option<i64>);

/// The models that an execution asks, and what it made of its options.
///
/// Two threads that need the same thing wait for each other, instead of looking it up twice.
pub(super) struct Asked<T> {
    /// The view of whoever runs the statement.
    pub caller: Caller,
    /// The function, for messages.
    pub function: &'static str,
    params: &'static [Param],
    /// What names and versions mean, once and for all: a training that ends meanwhile changes
    /// nothing.
    found: Mutex<Vec<(Wanted, ModelRow)>>,
    /// The latest options and what was made of them.
    prepared: Mutex<Vec<(Value, Arc<T>)>>,
}

impl<T> Asked<T> {
    /// Nothing looked up yet.
    pub(super) fn new(caller: &Caller, function: &'static str, params: &'static [Param]) -> Self {
        let (caller, found, prepared) = (caller.clone(), Mutex::default(), Mutex::default());
        Self { caller, function, params, found, prepared }
    }

    /// The model that options name.
    ///
    /// # Errors
    /// The model is unknown, damaged, or written by a newer Segue.
    pub(super) fn model(&self, options: &Options) -> Result<Arc<Loaded>> {
        // No other model ever has the key, and whoever gave it has just looked the model up.
        if let Some(key) = options.text("key")
            && let Some(kept) = loaded::kept(&self.caller, self.function, key)?
        {
            return Ok(kept);
        }
        let (name, version) = (options.text("model"), options.int("version"));
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = found.iter().find(|((n, v), _)| n.as_deref() == name && *v == version);
        let row = match known {
            Some((_, row)) => row.clone(),
            None => {
                let row = loaded::find(
                    &self.caller.connect()?,
                    &self.caller,
                    self.function,
                    name,
                    version,
                )?;
                found.push(((name.map(str::to_owned), version), row.clone()));
                row
            }
        };
        loaded::open(&self.caller, self.function, row)
    }

    /// What `prepare` makes of options, which it gets checked.
    ///
    /// # Errors
    /// The options are wrong, or `prepare` fails.
    pub(super) fn prepared(
        &self,
        options: &Value,
        prepare: impl FnOnce(&Options) -> Result<T>,
    ) -> Result<Arc<T>> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = prepared.iter().find(|(given, _)| given == options) {
            return Ok(known.clone());
        }
        let new = Arc::new(prepare(&options_from_struct(self.function, self.params, options)?)?);
        if prepared.len() == KEPT {
            prepared.remove(0);
        }
        prepared.push((options.clone(), new.clone()));
        Ok(new)
    }
}

/// Rows by their options, which are the same for all rows of nearly every call.
pub(super) fn by_options(options: &Argument, rows: usize) -> Vec<(&Value, Vec<usize>)> {
    let mut groups: Vec<(&Value, Vec<usize>)> = Vec::new();
    for row in 0..rows {
        let given = &options[row];
        // One value of all rows is one place in memory.
        match groups.iter_mut().find(|(other, _)| std::ptr::eq(*other, given) || *other == given) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((given, vec![row])),
        }
    }
    groups
}
