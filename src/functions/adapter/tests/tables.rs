//! Table functions: arguments, life of an execution, panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::super::contract::{Binding, Column, Rows, SqlType, TableFunction, Value};
use super::super::super::mock::{FnRows, constant, param, registry, table};
use super::{column, error, session, text};
use crate::error::{Error, Result};
use crate::store::ID_TYPES;
use crate::train::{Default, Kind, Param};

const PARAMS: [Param; 8] = [
    param("n", Kind::Int { min: 1, max: 1000 }, Default::Int(10)),
    param("rate", Kind::Float { min: 0.0, max: 1.0 }, Default::Float(0.5)),
    param("repeats", Kind::Choice(&["allow", "only"]), Default::Text("allow")),
    param("fields", Kind::TextList, Default::Absent),
    param("k", Kind::IntList { min: 1, max: 100 }, Default::IntList(&[5, 10])),
    param("paper", Kind::Bool, Default::Bool(false)),
    param("model", Kind::Text, Default::Absent),
    param("user", Kind::Id, Default::Absent),
];
const PLAYS: Param = param("plays", Kind::Relation, Default::Required);

fn number() -> Vec<Column> {
    vec![Column::new("i", SqlType::BigInt)]
}

fn binding(start: impl Fn() -> Result<Box<dyn Rows>> + Send + Sync + 'static) -> Binding {
    Binding { columns: number(), start: Box::new(start) }
}

/// `echo(plays, …)`: one row with the options as they arrived.
fn echo() -> Arc<dyn TableFunction> {
    table("echo", &[PLAYS], &PARAMS, |call| {
        let options = serde_json::to_string(&call.options).unwrap();
        Ok(constant(vec![Column::new("options", SqlType::Varchar)], vec![vec![text(&options)]]))
    })
}

/// Counts what happens in the life of an execution.
#[derive(Clone, Default)]
struct Counts {
    started: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

struct Counted {
    counts: Counts,
    left: usize,
}

impl Rows for Counted {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        self.counts.asked.fetch_add(1, Ordering::SeqCst);
        if self.left == 0 {
            return Ok(Vec::new());
        }
        self.left -= 1;
        Ok(vec![vec![Value::Int(self.left as i64)]])
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counts {
    /// `count_down()`: rows 999, 998, …, 0, one per batch.
    fn function(&self) -> Arc<dyn TableFunction> {
        let counts = self.clone();
        table("count_down", &[], &[], move |_| {
            let counts = counts.clone();
            Ok(binding(move || {
                counts.started.fetch_add(1, Ordering::SeqCst);
                Ok(Box::new(Counted { counts: counts.clone(), left: 1000 }))
            }))
        })
    }

    fn get(&self) -> (usize, usize, usize) {
        let get = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (get(&self.started), get(&self.asked), get(&self.dropped))
    }
}

#[test]
fn arguments_arrive_checked_with_defaults() {
    let session = session(&registry(vec![echo()], vec![]));
    let options = |call: &str| column(session.connection(), &format!("FROM {call}")).unwrap();
    let defaults =
        r#"{"k":[5,10],"n":10,"paper":false,"plays":"plays","rate":0.5,"repeats":"allow"}"#;
    assert_eq!(options("echo('plays')"), [defaults]);
    // A bare word is the name of a table.
    assert_eq!(options("echo(plays)"), [defaults]);
    assert_eq!(
        options(
            "echo('(FROM plays)', n := 2.0, rate := 0.1::FLOAT, repeats := 'only', \
             fields := 'artist', k := [1, 2::UTINYINT], paper := true, model := 'h', \
             user := 'b5c3a5e2-0000-0000-0000-000000000000'::UUID)"
        ),
        [
            r#"{"fields":["artist"],"k":[1,2],"model":"h","n":2,"paper":true,"plays":"(FROM plays)","rate":0.1,"repeats":"only","user":"b5c3a5e2-0000-0000-0000-000000000000"}"#
        ]
    );
    let user = |id: &str| options(&format!("echo('p', user := {id})"))[0].clone();
    assert!(user("170141183460469231731687303715884105727").contains("884105727\""));
    assert!(user("DATE '2014-01-02'").ends_with(r#""user":"2014-01-02"}"#));
    assert!(user("'a'::ENUM('a', 'b')").ends_with(r#""user":"a"}"#));
    assert!(user("1::UBIGINT").ends_with(r#""user":"1"}"#));
}

#[test]
fn wrong_arguments_fail_at_bind() {
    let session = session(&registry(vec![echo()], vec![]));
    let error = |call: &str| error(session.connection(), &format!("EXPLAIN FROM {call}"));
    assert!(error("echo('p', n := 2.7)").contains("from 1 to 1000; got 2.7"));
    assert!(error("echo('p', n := '20')").contains("give a number: 20 without quotes"));
    assert!(error("echo('p', k := [5, 2.5])").contains("element 2 is 2.5"));
    assert!(error("echo('p', k := {a: 1})").contains("got a struct"));
    assert!(error("echo('p', fields := ['a']::VARCHAR[1])").contains("an ARRAY cannot be"));
    assert!(error("echo('p', fields := MAP {'a': 1})").contains("a MAP cannot be"));
    for param in PARAMS {
        let message = error(&format!("echo('p', \"{}\" := NULL)", param.name));
        let expected = format!("echo: option '{}' must not be NULL", param.name);
        assert!(message.contains(&expected), "{message}");
    }
    assert!(error("echo(NULL)").contains("echo: option 'plays' must not be NULL"));
    // DuckDB itself judges names and numbers of arguments.
    let message = error("echo('p', modle := 'h')");
    assert!(message.contains("Invalid named parameter \"modle\" for function echo"), "{message}");
    assert!(message.contains("model"), "{message}");
    assert!(error("echo()").contains("No function matches"));
}

#[test]
fn a_prepared_parameter_is_checked_when_it_is_known() {
    let session = session(&registry(vec![echo()], vec![]));
    let connection = session.connection();
    connection.execute_batch("PREPARE p AS FROM echo(?, n := ?)").unwrap();
    assert!(column(connection, "EXECUTE p('a', 7)").unwrap()[0].contains(r#""n":7"#));
    assert!(error(connection, "EXECUTE p('a', 0)").contains("from 1 to 1000; got 0"));
    assert!(error(connection, "EXECUTE p('a', NULL)").contains("must not be NULL"));
}

#[test]
fn each_execution_starts_once_and_is_dropped() {
    let counts = Counts::default();
    let session = session(&registry(vec![counts.function()], vec![]));
    let connection = session.connection();
    connection.execute_batch("EXPLAIN FROM count_down()").unwrap();
    let mut statement = connection.prepare("SELECT count(*) FROM count_down()").unwrap();
    assert_eq!(counts.get(), (0, 0, 0), "EXPLAIN and PREPARE do not start");
    for executions in 1..=2 {
        let count: i64 = statement.query_row([], |row| row.get(0)).unwrap();
        assert_eq!(count, 1000);
        assert_eq!(counts.get(), (executions, executions * 1001, executions));
    }
    connection.execute_batch("CALL count_down()").unwrap();
    assert_eq!(counts.get(), (3, 3003, 3));
}

#[test]
fn a_limit_drops_the_rows_before_the_statement_ends() {
    let counts = Counts::default();
    let session = session(&registry(vec![counts.function()], vec![]));
    let mut statement = session.connection().prepare("FROM count_down() LIMIT 2").unwrap();
    let rows: usize = statement.stream_arrow([]).unwrap().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 2);
    let (started, asked, dropped) = counts.get();
    assert_eq!((started, dropped), (1, 1), "dropped while the statement lives");
    assert!(asked <= 4, "asked {asked} times for 2 rows");
}

#[test]
fn an_abandoned_stream_is_dropped_by_the_next_statement() {
    let counts = Counts::default();
    let session = session(&registry(vec![counts.function()], vec![]));
    // Else DuckDB's threads run ahead of the reader, as far as the machine lets them.
    session.connection().execute_batch("SET SESSION streaming_buffer_size = '1B'").unwrap();
    let mut statement = session.connection().prepare("FROM count_down()").unwrap();
    let mut batches = statement.stream_arrow([]).unwrap();
    assert!(batches.next().is_some());
    drop(batches);
    drop(statement);
    let (_, asked, _) = counts.get();
    assert!(asked <= 10, "asked {asked} times for one row");
    // DuckDB keeps the query until the connection is used or closed; no more rows are asked for.
    session.connection().execute_batch("SELECT 1").unwrap();
    assert_eq!(counts.get(), (1, asked, 1));
}

#[test]
fn large_batches_come_in_chunks() {
    let big = table("big", &[], &[], |_| {
        Ok(constant(number(), (0..5000).map(|i| vec![Value::Int(i)]).collect()))
    });
    let session = session(&registry(vec![big], vec![]));
    let sums = "SELECT count(*) + sum(i) FROM big() WHERE i >= 0";
    assert_eq!(
        column(session.connection(), &format!("SELECT ({sums})::BIGINT")).unwrap(),
        [(5000 + 4999 * 5000 / 2).to_string()]
    );
}

#[test]
fn errors_and_panics_become_sql_errors() {
    let stages = ["bind", "start", "next"];
    let failing = |name, act: fn(&str) -> Result<()>| {
        let stage = param("stage", Kind::Text, Default::Required);
        table(name, &[stage], &[], move |call| {
            let stage = call.options.text("stage").unwrap_or_default().to_owned();
            if stage == "bind" {
                act("bind")?;
            }
            Ok(binding(move || {
                if stage == "start" {
                    act("start")?;
                }
                let stage = stage.clone();
                Ok(Box::new(FnRows(move || {
                    if stage == "next" {
                        act("next")?;
                    }
                    Ok(Vec::new())
                })))
            }))
        })
    };
    let panics = failing("panics", |stage| panic!("no {stage}"));
    let fails = failing("fails", |stage| Err(Error::data(format!("no\0 {stage}"))));
    let session = session(&registry(vec![panics, fails], vec![]));
    for stage in stages {
        let message = error(session.connection(), &format!("FROM panics('{stage}')"));
        let expected = format!("internal error in panics: no {stage}; please report it");
        assert!(message.contains(&expected), "{message}");
        let message = error(session.connection(), &format!("FROM fails('{stage}')"));
        assert!(message.contains(&format!("no\u{FFFD} {stage}")), "{message}");
    }
    assert_eq!(column(session.connection(), "FROM panics('never')").unwrap(), [""; 0]);
}

struct PanicsInDrop(bool);

impl Rows for PanicsInDrop {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if self.0 { Ok(vec![vec![Value::Int(1)]]) } else { Ok(Vec::new()) }
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("no drop");
    }
}

#[test]
fn a_panic_in_a_destructor_ends_there() {
    let function = |name, endless| {
        table(name, &[], &[], move |_| Ok(binding(move || Ok(Box::new(PanicsInDrop(endless))))))
    };
    let session =
        session(&registry(vec![function("endless", true), function("empty", false)], vec![]));
    let connection = session.connection();
    assert_eq!(column(connection, "FROM endless() LIMIT 1").unwrap(), ["1"]);
    assert!(error(connection, "FROM empty()").contains("internal error in empty: no drop"));
    assert_eq!(column(connection, "SELECT 'alive'").unwrap(), ["alive"]);
}

#[test]
fn every_result_type_is_written() {
    let list = SqlType::List(Box::new(SqlType::Struct(vec![
        ("a".into(), SqlType::BigInt),
        ("b".into(), SqlType::List(Box::new(SqlType::Varchar))),
    ])));
    let item = |a, b| Value::Struct(vec![("a".into(), a), ("b".into(), b)]);
    let floats = SqlType::List(Box::new(SqlType::Float));
    let columns = [
        (SqlType::Boolean, Value::Bool(true), "true"),
        (SqlType::BigInt, Value::Int(-3), "-3"),
        (SqlType::Float, Value::Float(0.5), "0.5"),
        (SqlType::Double, Value::Int(2), "2.0"),
        (SqlType::Varchar, text("a string longer than twelve"), "a string longer than twelve"),
        (SqlType::Timestamp, Value::Timestamp(0), "1970-01-01 00:00:00"),
        (SqlType::Blob, Value::Blob(vec![0, b'a', 0xff]), r"\x00a\xFF"),
        (floats.clone(), Value::Floats(vec![0.5, -1.0]), "[0.5, -1.0]"),
        (
            SqlType::List(Box::new(floats)),
            Value::List(vec![Value::Floats(vec![0.5]), Value::Null, Value::Floats(Vec::new())]),
            "[[0.5], NULL, []]",
        ),
        (
            list,
            Value::List(vec![
                item(Value::Int(1), Value::List(vec![text("x"), Value::Null])),
                Value::Null,
                item(Value::Null, Value::Null),
            ]),
            "[{'a': 1, 'b': [x, NULL]}, NULL, {'a': NULL, 'b': NULL}]",
        ),
    ];
    for (sql_type, value, printed) in columns {
        let function = table("typed", &[], &[], move |_| {
            let columns = vec![Column::new("c", sql_type.clone())];
            Ok(constant(columns, vec![vec![value.clone()], vec![Value::Null], vec![value.clone()]]))
        });
        let session = session(&registry(vec![function], vec![]));
        let rows = column(session.connection(), "SELECT c::VARCHAR FROM typed()").unwrap();
        assert_eq!(rows, [printed, "NULL", printed]);
    }
}

#[test]
fn typed_nulls_have_every_type_an_id_can_have() {
    let names = ID_TYPES.into_iter().chain(["DECIMAL(18,3)", "ENUM('a', 'it''s')"]);
    let name = param("name", Kind::Text, Default::Required);
    let function = table("typed", &[name], &[], |call| {
        let name = call.options.text("name").unwrap_or_default().to_owned();
        Ok(constant(vec![Column::new("c", SqlType::Named(name))], vec![vec![Value::Null]]))
    });
    let session = session(&registry(vec![function], vec![]));
    let connection = session.connection();
    for name in names {
        let sql = format!("SELECT typeof(c) FROM typed('{}')", name.replace('\'', "''"));
        assert_eq!(column(connection, &sql).unwrap(), [name]);
    }
    for name in ["INTEGER[]", "STRUCT(a INTEGER)", "MAP(INTEGER, INTEGER)", "NOTYPE", "DECIMAL(x)"]
    {
        let message = error(connection, &format!("FROM typed('{name}')"));
        assert!(
            message.contains(&format!("typed: ids of type {name} are not supported")),
            "{message}"
        );
    }
}

#[test]
fn a_result_that_does_not_fit_is_an_error() {
    let wrong = table("wrong", &[], &[], |_| Ok(constant(number(), vec![vec![text("x")]])));
    let narrow = table("narrow", &[], &[], |_| Ok(constant(number(), vec![vec![]])));
    let session = session(&registry(vec![wrong, narrow], vec![]));
    assert!(
        error(session.connection(), "FROM wrong()").contains("internal error in wrong: column i")
    );
    assert!(
        error(session.connection(), "FROM narrow()").contains("a row of 0 values for 1 columns")
    );
}

#[test]
fn nested_connections_resolve_names_as_the_caller_does() {
    let count = table("count_rows", &[PLAYS], &[], |call| {
        let connection = call.caller.connect()?;
        let plays = call.options.text("plays").unwrap_or_default();
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {plays}"), [], |row| row.get(0))?;
        Ok(constant(number(), vec![vec![Value::Int(count)]]))
    });
    let folder = tempfile::tempdir().unwrap();
    let session = session(&registry(vec![count], vec![]));
    let connection = session.connection();
    connection
        .execute_batch(&format!(
            "CREATE TABLE plays AS FROM range(1); CREATE SCHEMA \"it's\"; \
             CREATE TABLE \"it's\".plays AS FROM range(2); CREATE SCHEMA late; \
             CREATE TABLE late.other AS FROM range(3); ATTACH '{}' AS \"my db\"; \
             CREATE TABLE \"my db\".plays AS FROM range(4); CREATE SCHEMA \"my db\".s; \
             CREATE TABLE \"my db\".s.plays AS FROM range(5)",
            folder.path().join("y.db").display()
        ))
        .unwrap();
    let counted = |setting: &str, table: &str| {
        connection.execute_batch(setting).unwrap();
        column(connection, &format!("FROM count_rows('{table}')")).unwrap()[0].clone()
    };
    assert_eq!(counted("", "plays"), "1");
    assert_eq!(counted("USE \"it's\"", "plays"), "2");
    assert_eq!(counted("SET search_path = 'late,main'", "other"), "3");
    assert_eq!(counted("SET search_path = 'late,main'", "plays"), "1");
    assert_eq!(counted("USE \"my db\"", "plays"), "4");
    assert_eq!(counted("USE \"my db\".s", "plays"), "5");
    assert_eq!(counted("USE memory", "plays"), "1");
    assert_eq!(counted("RESET search_path", "plays"), "1");
    assert_eq!(counted("SET schema = 'late'", "other"), "3");
}
