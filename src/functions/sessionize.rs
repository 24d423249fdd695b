//! `sessionize`: a relation's rows with a session each.
//!
//! A scalar function writes the SQL, and DuckDB runs it where the macro `sessionize` stands
//! (`query(…)`): any columns of any type come through, filters are pushed down, and the caller's
//! TEMP tables can be used if their columns have the usual names.

use std::sync::Arc;

use super::arguments::options_from_struct;
use super::contract::{Argument, Execution, Results, ScalarFunction, SqlType, Value};
use super::training::{TIME, USER, column_names};
use crate::error::{Error, Result};
use crate::store::{self, Caller, Relation, Role};
use crate::train::{Default, Kind, Param};

/// `segue_sessionize(relation, options)`: the query that adds `session_id`.
pub struct Sessionize;

/// Whose plays, and when.
pub(super) const PLAYS: Param = Param::new(
    "plays",
    Kind::Relation,
    Default::Required,
    "The plays: a relation with columns for user and time.",
);
const GAP: Param = Param::new(
    "gap",
    Kind::Interval,
    Default::Int(30 * 60 * 1_000_000),
    "A longer time without a play ends a session.",
);
/// The options of `sessionize`.
pub(super) const OPTIONS: &[Param] = &[GAP, USER, TIME];

impl ScalarFunction for Sessionize {
    fn name(&self) -> &'static str {
        "segue_sessionize"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::Varchar, SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        SqlType::Varchar
    }

    /// Its result is a constant of the statement, which `query` needs when it is bound.
    fn volatile(&self) -> bool {
        false
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Queries(caller.clone()))
    }
}

struct Queries(Caller);

impl Execution for Queries {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let of_row = |row| query(&self.0, &arguments[0][row], &arguments[1][row]).map(Value::Text);
        results.values(&(0..rows).map(of_row).collect::<Result<Vec<_>>>()?);
        Ok(())
    }
}

fn query(caller: &Caller, relation: &Value, options: &Value) -> Result<String> {
    let function = "sessionize";
    let Value::Text(relation) = relation else {
        return Err(Error::option(function, "plays", "must not be NULL; name a relation"));
    };
    let options = options_from_struct(function, OPTIONS, options)?;
    let gap = options.count("gap");
    let names = column_names(&options);
    let conn = caller.connect()?;
    let relation = Relation::resolve(&conn, function, "plays", relation)?;
    let time = relation.need_column(Role::Time, names.get(Role::Time))?;
    let user = relation.need_column(Role::User, names.get(Role::User))?;
    if !time.sql_type.starts_with("TIMESTAMP") {
        let seconds = time.sql_type.ends_with("INT") || time.sql_type == "INTEGER";
        let cast = if seconds {
            format!("make_timestamp({} * 1000000)", time.name)
        } else {
            format!("CAST({} AS TIMESTAMP)", time.name)
        };
        return Err(relation.error(format!(
            "column {} is of type {}, but a gap needs a TIMESTAMP; cast it in a query, e.g. \
             '(SELECT * REPLACE ({cast} AS {}) FROM …)'",
            time.name, time.sql_type, time.name
        )));
    }
    if relation.column("session_id").is_some() {
        return Err(relation.error(
            "the relation has a column session_id already; leave it out with a query, e.g. \
             '(SELECT * EXCLUDE (session_id) FROM …)'",
        ));
    }
    let (user, time) = (store::quote(&user.name), store::quote(&time.name));
    // Rows of equal time belong to one session: the row that starts it is counted before them.
    // Numbers are dense and follow the order of user and time, so that the same plays give the same
    // sessions.
    Ok(format!(
        "SELECT * EXCLUDE (__starts), \
         sum(__starts) OVER (ORDER BY {user}, {time}, __starts DESC ROWS UNBOUNDED PRECEDING)::BIGINT AS session_id \
         FROM (SELECT *, CASE WHEN {time} - lag({time}) OVER __user <= to_microseconds({gap}) \
         THEN 0 ELSE 1 END AS __starts FROM {from} \
         WINDOW __user AS (PARTITION BY {user} ORDER BY {time}))",
        from = relation.from,
    ))
}
