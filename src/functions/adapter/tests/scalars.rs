//! Scalar functions: vectors of every type in, NULLs, panics, the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::super::super::contract::{
    Argument, Execution, Lists, Results, ScalarFunction, SqlType, Value,
};
use super::super::super::mock::{registry, scalar};
use super::{column, error, session, text};
use crate::error::{Error, Result as SegueResult};
use crate::store::Caller;

/// `seen(any)`: the value as it arrived.
fn shown(sql: &str) -> Result<Vec<String>, String> {
    let show = scalar("seen", &[SqlType::Any], SqlType::Varchar, |_, arguments, rows| {
        Ok((0..rows).map(|row| text(&format!("{:?}", arguments[0][row]))).collect())
    });
    column(session(&registry(vec![], vec![show])).connection(), sql)
}

#[test]
fn every_type_is_read_as_constant_and_from_a_table() {
    let cases = [
        ("true", "Bool(true)"),
        ("7::TINYINT", "Int(7)"),
        ("-7::SMALLINT", "Int(-7)"),
        ("7::INTEGER", "Int(7)"),
        ("-9223372036854775807::BIGINT", "Int(-9223372036854775807)"),
        ("255::UTINYINT", "Int(255)"),
        ("65535::USMALLINT", "Int(65535)"),
        ("4294967295::UINTEGER", "Int(4294967295)"),
        ("18446744073709551615::UBIGINT", "Text(\"18446744073709551615\")"),
        ("-5::HUGEINT", "Int(-5)"),
        (
            "-170141183460469231731687303715884105727::HUGEINT",
            "Text(\"-170141183460469231731687303715884105727\")",
        ),
        ("5::UHUGEINT", "Int(5)"),
        ("0.1::FLOAT", "Float(0.1)"),
        ("0.1::DOUBLE", "Float(0.1)"),
        ("1.5::DECIMAL(3,1)", "Float(1.5)"),
        ("-12345.678::DECIMAL(18,3)", "Float(-12345.678)"),
        ("2.5::DECIMAL(38,10)", "Float(2.5)"),
        ("'short'", "Text(\"short\")"),
        ("'a string longer than twelve'", "Text(\"a string longer than twelve\")"),
        ("'ö'", "Text(\"ö\")"),
        ("'b'::ENUM('a', 'b')", "Text(\"b\")"),
        ("DATE '2014-01-02'", "Text(\"2014-01-02\")"),
        ("TIME '03:04:05'", "Text(\"03:04:05\")"),
        ("TIMESTAMP '2014-01-02 03:04:05'", "Text(\"2014-01-02 03:04:05\")"),
        ("INTERVAL 2 DAYS", "Text(\"2 days\")"),
        (
            "'b5c3a5e2-0000-4000-8000-00000000000f'::UUID",
            "Text(\"b5c3a5e2-0000-4000-8000-00000000000f\")",
        ),
        ("[1, NULL, 3]", "List([Int(1), Null, Int(3)])"),
        ("[]", "List([])"),
        ("[1, 2]::INTEGER[2]", "List([Int(1), Int(2)])"),
        ("[['a'], [], NULL]", "List([List([Text(\"a\")]), List([]), Null])"),
        (
            "{model: NULL, n: 10, l: [{x: 1.5}]}",
            "Struct([(\"model\", Null), (\"n\", Int(10)), (\"l\", List([Struct([(\"x\", \
             Float(1.5))])]))])",
        ),
        ("NULL", "Null"),
        ("NULL::VARCHAR", "Null"),
        ("NULL::INTEGER[]", "Null"),
    ];
    for (sql, expected) in cases {
        assert_eq!(shown(&format!("SELECT seen({sql})")).unwrap(), [expected], "{sql}");
        // NULLs between the values, so that rows and masks must be right.
        let table = format!(
            "SELECT seen(x) FROM range(5) t(i) LEFT JOIN \
             (SELECT j, {sql} AS x FROM (VALUES (0), (2), (4)) v(j)) ON i = j ORDER BY i"
        );
        assert_eq!(shown(&table).unwrap(), [expected, "Null", expected, "Null", expected], "{sql}");
    }
}

#[test]
fn structs_of_constants_and_columns_are_read() {
    let rows = shown(
        "SELECT seen({n: 10, i: i, s: 'user ' || i, none: NULL, l: [i, 0]}) \
         FROM range(3000) t(i) WHERE i % 1000 = 999 ORDER BY i",
    )
    .unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        rows[2],
        "Struct([(\"n\", Int(10)), (\"i\", Int(2999)), (\"s\", Text(\"user 2999\")), (\"none\", \
         Null), (\"l\", List([Int(2999), Int(0)]))])"
    );
}

#[test]
fn types_that_cannot_be_read_are_named() {
    let message = shown("SELECT seen(MAP {'a': 1})").unwrap_err();
    assert!(
        message.contains("seen: argument 1: values of type MAP are not supported"),
        "{message}"
    );
    let message = shown("SELECT seen([{a: 'x'::BLOB}])").unwrap_err();
    assert!(message.contains("BLOB"), "{message}");
}

#[test]
fn whole_vectors_come_and_go() {
    let item = SqlType::Struct(vec![("a".into(), SqlType::BigInt), ("b".into(), SqlType::Varchar)]);
    let returns = SqlType::List(Box::new(item));
    let repeat = scalar("items", &[SqlType::BigInt], returns, |_, arguments, rows| {
        let items = |row: usize| match arguments[0][row] {
            Value::Int(count) => Value::List(
                (0..count)
                    .map(|i| {
                        let b = text(&format!("item {i} of {count}"));
                        Value::Struct(vec![("a".into(), Value::Int(i)), ("b".into(), b)])
                    })
                    .collect(),
            ),
            _ => Value::Null,
        };
        Ok((0..rows).map(items).collect())
    });
    let session = session(&registry(vec![], vec![repeat]));
    let sql = "SELECT count(*)::BIGINT FROM (SELECT i, unnest(items(i % 11)) AS x \
               FROM range(5000) t(i)) WHERE x.b = 'item ' || x.a || ' of ' || (i % 11)";
    let expected: i64 = (0..5000).map(|i| i % 11).sum();
    assert_eq!(column(session.connection(), sql).unwrap(), [expected.to_string()]);
    let sql = "SELECT count(items(NULL))::BIGINT";
    assert_eq!(column(session.connection(), sql).unwrap(), ["0"]);
}

#[test]
fn errors_and_panics_become_sql_errors() {
    let panics =
        scalar("panics", &[SqlType::Any], SqlType::BigInt, |_, _, _| panic!("no {}", "call"));
    let fails = scalar("fails", &[], SqlType::BigInt, |_, _, _| Err(Error::model("no model 'x'")));
    let short = scalar("short", &[], SqlType::BigInt, |_, _, _| Ok(vec![]));
    let wrong = scalar("wrong", &[], SqlType::BigInt, |_, _, rows| Ok(vec![text("x"); rows]));
    let session = session(&registry(vec![], vec![panics, fails, short, wrong]));
    let error = |sql: &str| error(session.connection(), sql);
    assert!(
        error("SELECT panics(1)").contains("internal error in panics: no call; please report it")
    );
    assert!(error("SELECT fails()").contains("no model 'x'"));
    assert!(error("SELECT short()").contains("0 results for 1 rows"));
    assert!(error("SELECT wrong()").contains("internal error in wrong"));
    assert_eq!(column(session.connection(), "SELECT 'alive'").unwrap(), ["alive"]);
}

#[test]
fn nested_connections_resolve_names_as_the_caller_does() {
    let count =
        scalar("count_rows", &[SqlType::Varchar], SqlType::BigInt, |caller, arguments, rows| {
            let connection = caller.connect()?;
            let count = |row: usize| match &arguments[0][row] {
                Value::Text(table) => {
                    let sql = format!("SELECT count(*) FROM {table}");
                    Ok(Value::Int(connection.query_row(&sql, [], |row| row.get(0))?))
                }
                _ => Ok(Value::Null),
            };
            (0..rows).map(count).collect()
        });
    let session = session(&registry(vec![], vec![count]));
    let connection = session.connection();
    connection
        .execute_batch(
            "CREATE TABLE plays AS FROM range(1); CREATE SCHEMA s; CREATE TABLE s.plays AS FROM range(2)",
        )
        .unwrap();
    assert_eq!(column(connection, "SELECT count_rows('plays')").unwrap(), ["1"]);
    connection.execute_batch("USE s").unwrap();
    // A constant and a column: the latter copies the bound expression.
    let sql = "SELECT max(count_rows(t || '')) FROM (VALUES ('plays'), (NULL)) v(t)";
    assert_eq!(column(connection, sql).unwrap(), ["2"]);
    assert_eq!(column(connection, "SELECT count_rows('plays')").unwrap(), ["2"]);
}

/// `execution()`: the number of the execution, from 1.
struct Numbered(AtomicI64);

struct Number(i64);

impl ScalarFunction for Numbered {
    fn name(&self) -> &'static str {
        "execution"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        SqlType::BigInt
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, _caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Number(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

impl Execution for Number {
    fn call(&self, _: &[Argument], rows: usize, results: &mut dyn Results) -> SegueResult<()> {
        results.values(&vec![Value::Int(self.0); rows]);
        Ok(())
    }
}

#[test]
fn an_execution_is_one_for_all_rows_and_new_for_each_execute() {
    let session = session(&registry(vec![], vec![Arc::new(Numbered(AtomicI64::new(0)))]));
    let connection = session.connection();
    connection.execute_batch("CREATE TABLE many AS FROM range(500000) t(i)").unwrap();
    let mut statement = connection
        .prepare("SELECT min(n), max(n) FROM (SELECT execution(i) AS n FROM many)")
        .unwrap();
    for expected in 1..=3 {
        let found: (i64, i64) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, (expected, expected));
    }
    // Explaining is no execution, nor are rows that never come.
    column(connection, "EXPLAIN SELECT execution(i) FROM many").unwrap();
    column(connection, "SELECT execution(i) FROM many WHERE i < 0").unwrap();
    assert_eq!(column(connection, "SELECT execution(1)").unwrap(), ["4"]);
}

/// Lists that come in two parts, for rows out of order, and that do not fit where `fields` is not 1.
struct Parts(usize);

impl Execution for Parts {
    fn call(&self, _: &[Argument], rows: usize, results: &mut dyn Results) -> SegueResult<()> {
        for parity in [1, 0] {
            let mut lists = Lists::of(self.0);
            for row in (0..rows).filter(|row| row % 3 != 2 && row % 2 == parity).rev() {
                lists.lengths.push((row, row % 5));
                let elements = (0..row % 5).map(|at| Value::Int((row * 10 + at) as i64));
                lists.fields[0].extend(elements);
            }
            results.lists(&lists);
        }
        Ok(())
    }
}

/// `parts(i)`, with `Parts`.
struct InParts(usize);

impl ScalarFunction for InParts {
    fn name(&self) -> &'static str {
        "parts"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::BigInt]
    }

    fn returns(&self) -> SqlType {
        SqlType::List(Box::new(SqlType::Struct(vec![("x".into(), SqlType::BigInt)])))
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, _caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Parts(self.0))
    }
}

#[test]
fn lists_come_in_parts_and_rows_without_are_null() {
    let parts = |fields| session(&registry(vec![], vec![Arc::new(InParts(fields))]));
    let session = parts(1);
    let sql = "SELECT count(*)::BIGINT FROM (SELECT i, parts(i) AS p FROM range(1000) t(i)) \
               WHERE p IS NOT DISTINCT FROM CASE WHEN i % 3 = 2 THEN NULL \
               ELSE [{x: i * 10 + j} FOR j IN range(i % 5)] END";
    assert_eq!(column(session.connection(), sql).unwrap(), ["1000"]);
    let message = error(parts(2).connection(), "SELECT parts(1)");
    assert!(message.contains("internal error in parts"), "{message}");
}
