//! The macros on mock functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use duckdb::Connection;

use super::super::{OpenOptions, Session};
use super::rows;
use crate::error::Error;
use crate::functions::mock::{constant, param, registry, scalar, table};
use crate::functions::{Column, Registry, ScalarFunction, SqlType, Value, options_from_struct};
use crate::store::MACROS;
use crate::train::{Default, Kind, Param};

const OPTIONS: [Param; 6] = [
    param("n", Kind::Int { min: 1, max: 1000 }, Default::Int(10)),
    param("model", Kind::Text, Default::Absent),
    param("version", Kind::Int { min: 1, max: i64::MAX }, Default::Absent),
    param("repeats", Kind::Choice(&["allow", "exclude", "only"]), Default::Text("allow")),
    param("candidates", Kind::Relation, Default::Absent),
    param("key", Kind::Text, Default::Absent),
];

fn item_type() -> SqlType {
    let field = |name: &str, sql_type| (name.to_owned(), sql_type);
    SqlType::List(Box::new(SqlType::Struct(vec![
        field("rank", SqlType::BigInt),
        field("song_id", SqlType::Varchar),
        field("score", SqlType::Double),
        field("source", SqlType::Varchar),
    ])))
}

/// `n` songs numbered from 1, with a source that tells which user and options were seen.
fn items(n: usize, source: &str) -> Value {
    let item = |rank: usize| {
        let field = |name: &str, value| (name.to_owned(), value);
        Value::Struct(vec![
            field("rank", Value::Int(rank as i64)),
            field("song_id", Value::Text(format!("00000000-0000-0000-0000-00000000000{rank}"))),
            field("score", Value::Float(1.0 / rank as f64)),
            field("source", Value::Text(source.to_owned())),
        ])
    };
    Value::List((1..=n).map(item).collect())
}

/// The functions under the macros, for a model whose ids have the given types. `calls` counts the
/// vectors that `segue_recommend` gets.
pub(super) fn mock(
    user_type: &'static str,
    song_type: &'static str,
    calls: &Arc<AtomicUsize>,
) -> Registry {
    let calls = calls.clone();
    let store = [
        param("model", Kind::Text, Default::Absent),
        param("version", Kind::Int { min: 1, max: i64::MAX }, Default::Absent),
    ];
    let function = param("function", Kind::Text, Default::Required);
    let types = table("segue_types", &[function, store[0], store[1]], &[], move |call| {
        let model = call.options.text("model").unwrap_or("harm");
        if !["harm"].contains(&model) {
            return Err(Error::model(format!("no model '{model}'")));
        }
        let columns = vec![
            Column::new("__user", SqlType::Named(user_type.into())),
            Column::new("__song", SqlType::Named(song_type.into())),
            Column::new("__model", SqlType::Varchar),
            Column::new("__version", SqlType::BigInt),
            Column::new("__key", SqlType::Varchar),
        ];
        let model = Value::Text(call.options.text("model").unwrap_or("default").into());
        let row = vec![Value::Null, Value::Null, model, Value::Int(1), Value::Null];
        Ok(constant(columns, vec![row]))
    });
    let attention = table("segue_field_attention", &store, &[], |_| {
        let columns = vec![
            Column::new("__user_id", SqlType::Varchar),
            Column::new("__field", SqlType::Varchar),
            Column::new("__weight", SqlType::Double),
        ];
        let row = |user: &str| {
            vec![Value::Text(user.into()), Value::Text("artist".into()), Value::Float(0.5)]
        };
        Ok(constant(columns, vec![row("1"), row("2")]))
    });
    let recommend = scalar(
        "segue_recommend",
        &[SqlType::Varchar, SqlType::Any],
        item_type(),
        move |_, arguments, rows| {
            calls.fetch_add(1, Ordering::SeqCst);
            (0..rows)
                .map(|row| {
                    let options = options_from_struct("recommend", &OPTIONS, &arguments[1][row])?;
                    let Value::Text(user) = &arguments[0][row] else { return Ok(Value::Null) };
                    let model = options.text("model").unwrap_or("default");
                    let repeats = options.text("repeats").unwrap_or("?");
                    Ok(items(options.count("n"), &format!("{user} {model} {repeats}")))
                })
                .collect()
        },
    );
    let sessionize = scalar(
        "segue_sessionize",
        &[SqlType::Varchar, SqlType::BigInt, SqlType::Any],
        SqlType::Varchar,
        |_, _, rows| Ok(vec![Value::Text("SELECT 1 AS session_id".into()); rows]),
    );
    registry(vec![types, attention], vec![recommend, next_songs(), score(), sessionize])
}

fn next_songs() -> Arc<dyn ScalarFunction> {
    scalar(
        "segue_next_songs",
        &[SqlType::List(Box::new(SqlType::Varchar)), SqlType::Varchar, SqlType::Any],
        item_type(),
        |_, arguments, rows| {
            (0..rows)
                .map(|row| {
                    let Value::List(songs) = &arguments[0][row] else { return Ok(Value::Null) };
                    let user = &arguments[1][row];
                    Ok(items(1, &format!("{songs:?} {user:?}")))
                })
                .collect()
        },
    )
}

fn score() -> Arc<dyn ScalarFunction> {
    scalar(
        "segue_score",
        &[SqlType::Varchar, SqlType::Varchar, SqlType::Any],
        SqlType::Double,
        |_, arguments, rows| {
            let score = |row: usize| match (&arguments[0][row], &arguments[1][row]) {
                (Value::Text(user), Value::Text(song)) => {
                    Value::Float(format!("{user}.{song}").parse().unwrap_or(-1.0))
                }
                _ => Value::Null,
            };
            Ok((0..rows).map(score).collect())
        },
    )
}

fn session(user_type: &'static str, song_type: &'static str) -> Session {
    let registry = mock(user_type, song_type, &Arc::default());
    open(&registry)
}

/// With a table whose columns have every name that a macro could capture.
fn open(registry: &Registry) -> Session {
    let session = Session::open(None, &OpenOptions::default(), registry, MACROS).unwrap();
    let users = "CREATE TABLE users AS SELECT i AS user_id, i * 10 AS rank, 's' || i AS song_id, \
                 i AS score, i AS source, i + 100 AS n, i + 200 AS model, i + 300 AS \"user\", \
                 i AS version, i AS __user, i AS __song, i AS __row FROM range(1, 4) t(i)";
    session.connection().execute_batch(users).unwrap();
    session
}

pub(super) fn error(connection: &Connection, sql: &str) -> String {
    rows(connection, sql).expect_err(sql)
}

pub(super) const SONG: &str = "00000000-0000-0000-0000-000000000001";

#[test]
fn recommend_takes_positional_and_named_arguments() {
    let session = session("BIGINT", "UUID");
    let found = |sql: &str| rows(session.connection(), sql).unwrap();
    let columns = "SELECT column_name || ' ' || column_type FROM (DESCRIBE FROM recommend(42))";
    assert_eq!(found(columns), ["rank BIGINT", "song_id UUID", "score DOUBLE", "source VARCHAR"]);
    assert_eq!(found("SELECT rank FROM recommend(42)").len(), 10);
    let ranks = "SELECT rank || ' ' || song_id FROM recommend(42, 2)";
    assert_eq!(found(ranks), [format!("1 {SONG}"), format!("2 {}", SONG.replace("01", "02"))]);
    for (call, seen) in [
        ("recommend(42, 1)", "42 default allow"),
        ("recommend(42, n := 1, model := 'harm')", "42 harm allow"),
        ("recommend(42, 1, repeats := 'only', model := NULL, version := NULL)", "42 default only"),
        ("recommend(user := 42, n := 1)", "42 default allow"),
        ("recommend((SELECT max(user_id) FROM users), 1)", "3 default allow"),
        ("(SELECT max(user_id) AS who FROM users), recommend(who, 1)", "3 default allow"),
    ] {
        assert_eq!(found(&format!("SELECT source FROM {call}")), [seen], "{call}");
    }
}

#[test]
fn macros_work_in_a_read_only_database_and_another_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let registry = mock("INTEGER", "UUID", &Arc::default());
    for read_only in [false, true] {
        let options = OpenOptions { read_only };
        let session = Session::open(Some(&path), &options, &registry, MACROS).unwrap();
        if !read_only {
            session.connection().execute_batch("CREATE SCHEMA other").unwrap();
        }
        session.connection().execute_batch("USE other").unwrap();
        let found = rows(session.connection(), "SELECT source FROM recommend(42, 1)").unwrap();
        assert_eq!(found, ["42 default allow"]);
    }
}

#[test]
fn ids_pass_through_the_type_of_the_models_ids() {
    let seen = |session: &Session, id: &str| {
        let sql = format!("SELECT source FROM recommend({id}, 1)");
        rows(session.connection(), &sql).unwrap()[0].replace(" default allow", "")
    };
    let integers = session("INTEGER", "UUID");
    for (id, expected) in [
        ("42::BIGINT", "42"),
        ("42::UTINYINT", "42"),
        ("'042'", "42"),
        ("42.0", "42"),
        // Not convertible, hence unknown: the model decides.
        ("5000000000", "5000000000"),
        ("'abc'", "abc"),
        ("'b5c3a5e2-0000-4000-8000-00000000000f'::UUID", "b5c3a5e2-0000-4000-8000-00000000000f"),
    ] {
        assert_eq!(seen(&integers, id), expected, "{id}");
    }
    let uuids = session("UUID", "UUID");
    let upper = "'B5C3A5E2-0000-4000-8000-00000000000F'";
    assert_eq!(seen(&uuids, upper), "b5c3a5e2-0000-4000-8000-00000000000f");
    assert_eq!(seen(&uuids, "42"), "42");
    assert_eq!(seen(&session("VARCHAR", "UUID"), "'042'"), "042");
}

#[test]
fn a_lateral_call_sees_each_row_whatever_its_columns_are_called() {
    let session = session("INTEGER", "UUID");
    let check = |from: &str, column: &str| {
        let sql = format!(
            "SELECT r.source = {column} || ' default allow' AND r.rank = 1 FROM {from} \
             ORDER BY users.user_id"
        );
        let found = rows(session.connection(), &sql);
        assert_eq!(
            found.as_deref(),
            Ok(["true", "true", "true"].map(String::from).as_slice()),
            "{from}"
        );
    };
    for column in [
        "user_id", "rank", "song_id", "score", "source", "n", "model", "version", "__user",
        "__song", "__row",
    ] {
        check(&format!("users, recommend({column}, 1) r"), &format!("users.{column}"));
        check(
            &format!("users, LATERAL recommend(users.{column}, 1) r"),
            &format!("users.{column}"),
        );
    }
    check("users LEFT JOIN LATERAL recommend(user_id, 1) r ON true", "user_id");
    check("users JOIN recommend(user_id, 2) r ON r.rank = 1", "user_id");
    // Without its table, DuckDB itself takes "user" for the current user.
    check("users, recommend(users.\"user\", 1) r", "users.\"user\"");
    let found = rows(session.connection(), "SELECT count(*) FROM users, recommend(user_id, 4)");
    assert_eq!(found.unwrap(), ["12"]);
}

#[test]
fn a_lateral_call_gets_whole_vectors() {
    let calls = Arc::new(AtomicUsize::new(0));
    let session = open(&mock("BIGINT", "UUID", &calls));
    let sql = "SELECT count(DISTINCT source) FROM range(5000) t(i), recommend(i, 3)";
    assert_eq!(rows(session.connection(), sql).unwrap(), ["5000"]);
    let calls = calls.load(Ordering::SeqCst);
    assert!(calls <= 10, "{calls} calls for 5000 users");
}

#[test]
fn explain_and_prepare_do_not_call() {
    let calls = Arc::new(AtomicUsize::new(0));
    let session = open(&mock("BIGINT", "UUID", &calls));
    let connection = session.connection();
    connection
        .execute_batch(
            "EXPLAIN FROM recommend(42); PREPARE literal AS SELECT source FROM recommend(42, 1); \
             PREPARE parameters AS SELECT source FROM recommend(?, n := ?, model := ?)",
        )
        .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    for executions in 1..=2 {
        connection.execute_batch("EXECUTE literal").unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), executions, "results are not frozen");
    }
    connection.execute_batch("EXECUTE parameters(7, 3, 'harm')").unwrap();
    let error = connection.execute_batch("EXECUTE parameters(7, 3, 'x')").unwrap_err().to_string();
    assert!(error.contains("no model 'x'"), "{error}");
    let mut statement = connection.prepare("SELECT source FROM recommend(?, 1)").unwrap();
    for user in [1, 2] {
        let source: String = statement.query_row([user], |row| row.get(0)).unwrap();
        assert_eq!(source, format!("{user} default allow"));
    }
}

#[test]
fn null_users_have_no_rows_and_null_options_are_errors() {
    let session = session("INTEGER", "UUID");
    let connection = session.connection();
    let found = |sql: &str| rows(connection, sql).unwrap();
    assert_eq!(found("FROM recommend(NULL)"), [""; 0]);
    let some_null = "SELECT id || ' ' || coalesce(source, '-') FROM (VALUES (1), (NULL)) t(id)";
    assert_eq!(found(&format!("{some_null}, recommend(id, 1)")), ["1 1 default allow"]);
    assert!(error(connection, "FROM recommend(1, NULL)").contains("option 'n' must not be NULL"));
    let message = error(connection, "FROM recommend(1, repeats := NULL)");
    assert!(message.contains("recommend: option 'repeats' must not be NULL"), "{message}");
    for (call, expected) in [
        ("recommend(1, 0)", "recommend: option 'n' must be a whole number from 1 to 1000; got 0"),
        ("recommend(1, repeats := 'alow')", "did you mean 'allow'?"),
        ("recommend(1, model := 'x')", "no model 'x'"),
        ("recommend(1, version := 'x')", "option 'version' must be a whole number of at least 1"),
        ("recommend(1, modle := 'x')", "Candidate macros"),
        ("recommend()", "Candidate macros"),
        ("users, recommend(user_id, model := model)", "only supports literals"),
    ] {
        let message = error(connection, &format!("FROM {call}"));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn next_songs_takes_lists() {
    let session = session("INTEGER", "UUID");
    let found =
        |from: &str| rows(session.connection(), &format!("SELECT source FROM {from}")).unwrap();
    let nobody = "Null";
    let source = |songs: &str, user: &str| [format!("{songs} {user}")];
    assert_eq!(found("next_songs([12, 99])"), source("[Text(\"12\"), Text(\"99\")]", nobody));
    assert_eq!(found("next_songs([], 3)"), source("[]", nobody));
    let upper = "next_songs(['AAAAAAAA-0000-0000-0000-000000000001', NULL], user := '07')";
    assert_eq!(
        found(upper),
        source("[Text(\"aaaaaaaa-0000-0000-0000-000000000001\"), Null]", "Text(\"7\")")
    );
    assert_eq!(found("next_songs(NULL)"), [""; 0]);
    let lateral = "(SELECT __user, \"user\" FROM users WHERE user_id = 2) u, \
                   next_songs([__user], user := u.\"user\")";
    assert_eq!(found(lateral), source("[Text(\"2\")]", "Text(\"302\")"));
}

#[test]
fn score_is_an_expression() {
    let session = session("INTEGER", "UUID");
    let found = |sql: &str| rows(session.connection(), sql).unwrap();
    assert_eq!(found("SELECT score(user_id, __user) FROM users"), ["1.1", "2.2", "3.3"]);
    assert_eq!(found("SELECT user_id FROM users WHERE score(user_id, __user) > 3"), ["3"]);
    assert_eq!(found("SELECT score(1, song := 2, model := 'harm')"), ["1.2"]);
    assert_eq!(found("SELECT score(NULL, 2) IS NULL"), ["true"]);
}

#[test]
fn field_attention_keeps_the_type_of_users() {
    let session = session("INTEGER", "UUID");
    let found = |sql: &str| rows(session.connection(), sql).unwrap();
    for call in ["()", "('harm')", "(model := 'harm', version := 1)", "(NULL)"] {
        let sql = format!("SELECT user_id || field || weight FROM field_attention{call}");
        assert_eq!(found(&sql), ["1artist0.5", "2artist0.5"]);
    }
    assert_eq!(found("SELECT DISTINCT typeof(user_id) FROM field_attention()"), ["INTEGER"]);
    let join = "SELECT count(*) FROM users JOIN field_attention() USING (user_id)";
    assert_eq!(found(join), ["2"]);
    assert!(error(session.connection(), "FROM field_attention('x')").contains("no model 'x'"));
}
