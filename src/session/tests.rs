//! Sessions on mock functions: opening, closing, and the macros of `recommend.sql`.

use super::*;
use crate::functions::mock::{constant, param, registry, scalar, table};
use crate::functions::{Column, SqlType, Value, options_from_struct};
use crate::train::{Default, Kind, Param};

const MACROS: &str = include_str!("../../sql/macros/recommend.sql");

const OPTIONS: [Param; 5] = [
    param("n", Kind::Int { min: 1, max: 1000 }, Default::Int(10)),
    param("model", Kind::Text, Default::Absent),
    param("version", Kind::Int { min: 1, max: i64::MAX }, Default::Absent),
    param("repeats", Kind::Choice(&["allow", "exclude", "only"]), Default::Text("allow")),
    param("candidates", Kind::Relation, Default::Absent),
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

/// The functions under the macros, for a model whose ids have the given types.
fn mock(user_type: &'static str, song_type: &'static str) -> Registry {
    let store = [
        param("model", Kind::Text, Default::Absent),
        param("version", Kind::Int { min: 1, max: i64::MAX }, Default::Absent),
    ];
    let types = table("segue_types", &store, &[], move |call| {
        let model = call.options.text("model").unwrap_or("harm");
        if !["harm"].contains(&model) {
            return Err(Error::model(format!("no model '{model}'")));
        }
        let columns = vec![
            Column::new("__user", SqlType::Named(user_type.into())),
            Column::new("__song", SqlType::Named(song_type.into())),
        ];
        Ok(constant(columns, vec![vec![Value::Null, Value::Null]]))
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
        |_, arguments, rows| {
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
    let next_songs = scalar(
        "segue_next_songs",
        &[SqlType::List(Box::new(SqlType::Varchar)), SqlType::Any],
        item_type(),
        |_, arguments, rows| {
            (0..rows)
                .map(|row| {
                    let source = format!("{:?} {:?}", arguments[0][row], arguments[1][row]);
                    Ok(items(2, &source))
                })
                .collect()
        },
    );
    let score = scalar(
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
    );
    registry(vec![types, attention], vec![recommend, next_songs, score])
}

fn session(user_type: &'static str, song_type: &'static str) -> Session {
    Session::open(None, &OpenOptions::default(), &mock(user_type, song_type), &[MACROS]).unwrap()
}

/// Every row of a query as text, or the error.
fn rows(connection: &Connection, sql: &str) -> std::result::Result<Vec<String>, String> {
    let text = |error: duckdb::Error| error.to_string();
    let sql = format!("SELECT CAST(__all AS VARCHAR) FROM ({sql}) AS __all");
    let mut statement = connection.prepare(&sql).map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(text)? {
        found.push(row.get::<_, Option<String>>(0).map_err(text)?.unwrap_or("NULL".into()));
    }
    Ok(found)
}

#[test]
fn explore() {
    let session = session("INTEGER", "UUID");
    let c = session.connection();
    c.execute_batch("CREATE TABLE users AS SELECT i AS user_id, i*10 AS rank, 's' || i AS song_id, i AS score, i AS source, i+100 AS n, i+200 AS model, i+300 AS \"user\" FROM range(1,4) t(i)").unwrap();
    for q in std::fs::read_to_string("/tmp/q.sql").unwrap().lines().filter(|l| !l.trim().is_empty())
    {
        if let Some(q) = q.strip_prefix('!') {
            eprintln!("!{q}\n   -> {:?}", c.execute_batch(q).err().map(|e| e.to_string()));
        } else {
            eprintln!("{q}\n   -> {:?}", rows(c, q));
        }
    }
}
