//! What all evaluations do: find the models, read the test, and rank.

use std::sync::Arc;

use super::options::{self, request};
use crate::control::Control;
use crate::data::{Dataset, Known, TestPlays};
use crate::error::{Error, Result};
use crate::eval::{Asked, Cases, Examinee, Opponents, Pass, Places, Rules};
use crate::functions::contract::Call;
use crate::functions::loaded::Loaded;
use crate::functions::settings;
use crate::store::{self, IdTypes};
use crate::threads::Threads;
use crate::train::Model;

/// A model and what it was trained on.
#[derive(Clone)]
pub(in crate::functions) struct Sitter {
    /// The model.
    pub model: Arc<dyn Model>,
    /// Its data.
    pub dataset: Arc<Dataset>,
}

impl From<Arc<Loaded>> for Sitter {
    fn from(loaded: Arc<Loaded>) -> Self {
        Self { model: loaded.model.clone(), dataset: loaded.dataset.clone() }
    }
}

/// Models and the test that they sit.
pub(in crate::functions) struct Exam {
    /// The function, for messages.
    pub function: String,
    /// What the test's relation is called.
    pub label: String,
    /// Who sits it.
    pub models: Vec<Sitter>,
    /// The plays to predict.
    pub test: TestPlays,
    /// What each model knows of the test.
    pub known: Vec<Known>,
    /// What is asked.
    pub asked: Asked,
    /// What stops it.
    pub control: Control,
    /// What is computed on.
    pub threads: Threads,
}

impl Exam {
    /// Finds out whether the call can be executed, and the types of the test's ids; reads no rows.
    ///
    /// # Errors
    /// Relations, columns or options are wrong or contradict each other.
    pub(super) fn check(function: &str, call: &Call, models: &[Sitter]) -> Result<IdTypes> {
        options::check(function, &call.options)?;
        let conn = call.caller.connect()?;
        let datasets: Vec<&Dataset> = models.iter().map(|model| model.dataset.as_ref()).collect();
        store::check_test_plays(&conn, &request(function, &call.options), &datasets)
    }

    /// Reads the test.
    ///
    /// # Errors
    /// As [`Exam::check`]; a relation cannot be read; the analyst stopped the statement.
    pub(super) fn read(function: &str, call: &Call, models: Vec<Sitter>) -> Result<Self> {
        let (conn, control) = (call.caller.connect()?, call.caller.control.clone());
        let datasets: Vec<&Dataset> = models.iter().map(|model| model.dataset.as_ref()).collect();
        let request = request(function, &call.options);
        let raw = store::read_test_plays(&conn, &request, &datasets, &control)?;
        let threads = settings::threads(&call.caller, function)?;
        let test = threads.run(|| raw.finish(&control))?;
        let known = datasets.iter().map(|dataset| test.known(dataset)).collect();
        let asked = options::asked(&call.options, &test);
        let (function, label) = (function.to_owned(), request.plays.to_owned());
        Ok(Self { function, label, models, test, known, asked, control, threads })
    }

    /// The models and what they know.
    pub(in crate::functions) fn examinees(&self) -> Vec<Examinee<'_>> {
        let all = self.models.iter().zip(&self.known);
        all.map(|(sitter, known)| Examinee {
            model: sitter.model.as_ref(),
            dataset: &sitter.dataset,
            known,
        })
        .collect()
    }

    /// What is asked.
    ///
    /// # Errors
    /// Nothing can be asked.
    pub(in crate::functions) fn cases(&self) -> Result<Cases<'_>> {
        let known: Vec<&Known> = self.known.iter().collect();
        let cases = Cases::new(&self.test, &known, self.asked);
        if !cases.list.is_empty() {
            return Ok(cases);
        }
        Err(Error::data(format!(
            "{}: option 'test': {} has no play to predict: each needs a play before it in its \
             session (or, with protocol := 'history', a user of the model){}{}",
            self.function,
            self.label,
            if self.asked.skip_unknown { ", of a song that the model knows" } else { "" },
            if self.test.candidates.is_some() { ", of a song among the candidates" } else { "" },
        )))
    }

    /// Has a model rank the right answers of all cases. The threads are taken for one batch at a
    /// time.
    ///
    /// # Errors
    /// The model fails or scores NaN; the analyst stopped the statement.
    pub(in crate::functions) fn rank<'a>(
        &self,
        models: &'a [Examinee<'a>],
        number: usize,
        cases: &'a Cases<'a>,
        opponents: &'a Opponents<'a>,
        rules: Rules,
    ) -> Result<Places> {
        let mut pass = Pass::new(models, number, cases, opponents, rules);
        while self.threads.run(|| pass.step())? {
            self.control.check()?;
        }
        Ok(pass.finish())
    }
}
