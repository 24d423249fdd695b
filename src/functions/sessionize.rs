//! `sessionize`: a relation's rows with a session each.
//!
//! A scalar function writes the SQL, and DuckDB runs it where the macro `sessionize` stands
//! (`query(…)`): any columns of any type come through, filters are pushed down, and the caller's
//! TEMP tables can be used if their columns have the usual names.

use std::sync::Arc;

use super::arguments::options_from_struct;
use super::contract::{Argument, Docs, Execution, Results, ScalarFunction, SqlType, Value};
use super::training::{TIME, USER, column_names};
use crate::error::{Error, Result};
use crate::store::{self, Caller, Relation, Role};
use crate::train::Param;

/// `segue_sessionize(relation, gap, options)`: the query that adds `session_id`.
pub struct Sessionize;

const OPTIONS: &[Param] = &[USER, TIME];

impl ScalarFunction for Sessionize {
    fn name(&self) -> &'static str {
        "segue_sessionize"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::Varchar, SqlType::BigInt, SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        SqlType::Varchar
    }

    /// Its result is a constant of the statement, which `query` needs when it is bound.
    fn volatile(&self) -> bool {
        false
    }

    fn docs(&self) -> Docs {
        Docs {
            description: "The plays with a column session_id: a new session begins with a user's \
                          first play and after every gap of more than 30 minutes, or as given.",
            example: "FROM sessionize('plays', gap := INTERVAL 30 MINUTES)",
        }
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Queries(caller.clone()))
    }
}

struct Queries(Caller);

impl Execution for Queries {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let of_row = |row| {
            let [relation, gap, options] = [0, 1, 2].map(|place| &arguments[place][row]);
            query(&self.0, relation, gap, options).map(Value::Text)
        };
        results.values(&(0..rows).map(of_row).collect::<Result<Vec<_>>>()?);
        Ok(())
    }
}

fn query(caller: &Caller, relation: &Value, gap: &Value, options: &Value) -> Result<String> {
    let function = "sessionize";
    let Value::Text(relation) = relation else {
        return Err(Error::option(function, "plays", "must not be NULL; name a relation"));
    };
    let gap = match gap {
        Value::Int(microseconds) if *microseconds > 0 => *microseconds,
        Value::Null => {
            let message = "must be an interval such as INTERVAL 30 MINUTES, not NULL";
            return Err(Error::option(function, "gap", message));
        }
        _ => {
            let message = "must be longer than 0; give an interval such as INTERVAL 30 MINUTES";
            return Err(Error::option(function, "gap", message));
        }
    };
    let names = column_names(&options_from_struct(function, OPTIONS, options)?);
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
