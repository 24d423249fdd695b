//! `evaluate_users`: what came of each case.
//!
//! Ids are to come back with the types they have in the test, which a row of ours cannot carry. So
//! [`EvaluateUsers`] gives them as text, and `evaluate_users` is a query that casts them.

use std::sync::Arc;

use super::exam::Exam;
use super::measured::Measured;
use super::options::{
    self, ASKED, METRICS_OPTION, MODEL, TEST, asked_count, joined, opponents, rules,
};
use crate::error::{Error, Result};
use crate::eval::{Case, Measure, Places};
use crate::functions::contract::{
    Binding, Call, Category, Column, Docs, QueryFunction, Rows, SqlType, TableFunction, Value,
};
use crate::functions::loaded::load;
use crate::functions::recommend::VERSION;
use crate::functions::sql_value::sql;
use crate::store;
use crate::train::{Default, Kind, Param, Setting};

const NAME: &str = "evaluate_users";

const POSITIONAL: &[Param] = &[MODEL, TEST];

const K: Param = Param::new(
    "k",
    Kind::IntList { min: 1, max: 1_000_000 },
    Default::IntList(&[10]),
    "Lengths of the list of recommendations.",
);

const NAMED: &[Param] = &joined::<{ 3 + asked_count() }>(&[&[K, METRICS_OPTION, VERSION], ASKED]);

/// Rows per batch, DuckDB's vector size.
const BATCH: usize = 2048;

/// `evaluate_users(model, test)`.
pub(in crate::functions) fn evaluate_users() -> QueryFunction {
    QueryFunction {
        name: NAME,
        positional: POSITIONAL,
        named: NAMED,
        columns: columns(SqlType::Any, &Measure::all(&[10]), ""),
        docs: Docs {
            category: Category::Evaluate,
            description: "What came of every prediction: which play it was, its rank and its \
                          metrics, to be joined, grouped and looked at. The means are those of \
                          evaluate.",
            example: "FROM evaluate_users('harm', 'test_plays') ORDER BY rank LIMIT 5",
        },
        query,
    }
}

/// The query that casts ids to the types they have in the test.
fn query(call: &Call) -> Result<String> {
    let options = &call.options;
    let (name, version) = (options.text("model"), options.int("version"));
    let loaded = load(&call.caller, NAME, name, version)?;
    let mut options = options.clone();
    options.set("version", Setting::Int(loaded.row.version));
    let types = Exam::check(NAME, call, &[loaded.into()])?;
    let given = |param: &Param| Some((param.name, sql(options.get(param.name)?)));
    let mut arguments: Vec<String> =
        POSITIONAL.iter().filter_map(given).map(|(_, value)| value).collect();
    let named = NAMED.iter().filter_map(given);
    arguments.extend(named.map(|(name, value)| format!("{} := {value}", store::quote(name))));
    Ok(format!(
        "SELECT * REPLACE (CAST(user_id AS {}) AS user_id, CAST(song_id AS {}) AS song_id) \
         FROM segue_{NAME}({})",
        types.users,
        types.songs,
        arguments.join(", ")
    ))
}

/// `segue_evaluate_users(model, test)`: the same with ids as text.
pub struct EvaluateUsers;

impl TableFunction for EvaluateUsers {
    fn name(&self) -> String {
        format!("segue_{NAME}")
    }

    fn positional(&self) -> Vec<Param> {
        POSITIONAL.to_vec()
    }

    fn named(&self) -> Vec<Param> {
        NAMED.to_vec()
    }

    fn columns(&self) -> Vec<Column> {
        columns(SqlType::Varchar, &Measure::all(&[10]), "")
    }

    fn docs(&self) -> Option<Docs> {
        None
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let options = &call.options;
        let loaded = load(&call.caller, NAME, options.text("model"), options.int("version"))?;
        Exam::check(NAME, call, &[loaded.into()])?;
        let measured = Measured::new(NAME, options)?;
        if let Some(name) = measured.lists.first() {
            let message = format!("names '{name}', of which there is no value for each case");
            return Err(Error::option(NAME, "metrics", message));
        }
        let suffix = options::suffix(options);
        let call = Arc::new(call.clone());
        Ok(Binding {
            columns: columns(SqlType::Varchar, &measured.measures, &suffix),
            start: Box::new(move || Ok(Box::new(PerCase { call: call.clone(), work: None }))),
        })
    }
}

fn columns(id: SqlType, measures: &[Measure], suffix: &str) -> Vec<Column> {
    let count = |name, doc| Column::documented(name, SqlType::BigInt, doc);
    let mut columns = vec![
        count("case_id", "The number of the prediction, by user and time, from 1."),
        Column::documented(
            "user_id",
            id.clone(),
            "Whose play it was, of the type that users have in the test; without users, the session.",
        ),
        count("session", "Which of the user's test sessions it was in, from 1."),
        count("position", "Which play of the session it was, from 1."),
        Column::documented("song_id", id, "The right answer; of several the one played first."),
        count("targets", "How many right answers there are."),
        count("candidates", "How many songs were ranked, the right answers among them."),
        Column::documented(
            "rank",
            SqlType::Double,
            "The rank of the right answer, of several the best; NULL if it was not ranked.",
        ),
    ];
    let metric = |measure: &Measure| {
        let doc = "The metric of this prediction; without a length, over the whole ranking.";
        Column::documented(measure.name() + suffix, SqlType::Double, doc)
    };
    columns.extend(measures.iter().map(metric));
    columns
}

/// One execution.
struct PerCase {
    call: Arc<Call>,
    work: Option<Work>,
}

/// What came of all cases, and how many of them were handed out.
struct Work {
    exam: Exam,
    /// Each with the play of its first right answer.
    cases: Vec<(Case, usize)>,
    places: Places,
    measures: Vec<Measure>,
    done: usize,
}

impl Work {
    fn new(call: &Call) -> Result<Self> {
        let options = &call.options;
        let loaded = load(&call.caller, NAME, options.text("model"), options.int("version"))?;
        let exam = Exam::read(NAME, call, vec![loaded.into()])?;
        let (cases, places) = {
            let (models, cases) = (exam.examinees(), exam.cases()?);
            let opponents = opponents(NAME, options, &cases, &models)?;
            let places = exam.rank(&models, 0, &cases, &opponents, rules(options, 0)?)?;
            let answered = cases.list.iter().map(|case| (*case, cases.answer(case)));
            (answered.collect(), places)
        };
        let measures = Measured::new(NAME, options)?.measures;
        Ok(Self { exam, cases, places, measures, done: 0 })
    }

    fn row(&self, number: usize) -> Vec<Value> {
        let ((case, answer), test) = (self.cases[number], &self.exam.test);
        let outcome = self.places.outcome(number);
        let count = |count: usize| Value::Int(count as i64);
        let mut row = vec![
            count(number + 1),
            Value::Text(test.users.text(case.user).into_owned()),
            count(case.session - test.plays.sessions_of(case.user).start + 1),
            count(answer - test.plays.session_offsets[case.session] as usize + 1),
            Value::Text(test.songs.text(test.plays.songs[answer]).into_owned()),
            Value::Int(i64::from(outcome.right)),
            Value::Int(i64::from(outcome.candidates)),
            outcome.rank().map_or(Value::Null, Value::Float),
        ];
        row.extend(self.measures.iter().map(|measure| Value::Float(measure.value(&outcome))));
        row
    }
}

impl Rows for PerCase {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        let work = match &mut self.work {
            Some(work) => work,
            none => none.insert(Work::new(&self.call)?),
        };
        let end = (work.done + BATCH).min(work.cases.len());
        let rows = (work.done..end).map(|number| work.row(number)).collect();
        work.done = end;
        Ok(rows)
    }
}
