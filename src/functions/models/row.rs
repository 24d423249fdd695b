//! A row of `models()`.

use crate::functions::contract::{Column, SqlType, Value};
use crate::functions::loaded::VALIDATION_METRICS;
use crate::store::ModelRow;

/// What `models` says about a version of a model.
pub(super) fn columns() -> Vec<Column> {
    let columns = [
        ("database", SqlType::Varchar, "The database that it is stored in."),
        ("name", SqlType::Varchar, "What it is called."),
        ("version", SqlType::BigInt, "Its number among those of its name, from 1."),
        ("kind", SqlType::Varchar, "Which model it is: train_<kind> made it."),
        ("status", SqlType::Varchar, "complete, or interrupted if its training was stopped."),
        ("is_default", SqlType::Boolean, "Whether functions ask it when no model is named."),
        (
            "options",
            SqlType::Varchar,
            "What it was trained with, as JSON: what was given, and the defaults that applied beside it; those \
             that the data decide are left out.",
        ),
        ("fields", SqlType::List(Box::new(SqlType::Varchar)), "The columns of songs it uses."),
        ("users", SqlType::BigInt, "How many users it knows."),
        ("songs", SqlType::BigInt, "How many songs it knows."),
        ("plays", SqlType::BigInt, "How many plays it was trained on."),
        ("rejected_plays", SqlType::BigInt, "How many plays were left out, for a NULL in them."),
        ("best_epoch", SqlType::BigInt, "The epoch that was kept."),
        ("metrics", metrics_type(), "On the validation plays, after that epoch."),
        ("bytes", SqlType::BigInt, "The size of its file."),
        ("seed", SqlType::BigInt, "The seed of its training."),
        ("device", SqlType::Varchar, "Where it was trained: cpu or cuda."),
        ("fingerprint", SqlType::Varchar, "Of the data it was trained on."),
        ("segue_version", SqlType::Varchar, "The Segue that trained it."),
        ("duckdb_version", SqlType::Varchar, "The DuckDB that trained it."),
        ("format", SqlType::BigInt, "The version of its file's format."),
        ("created_at", SqlType::Timestamp, "When it was stored."),
    ];
    columns.map(|(name, sql_type, doc)| Column::documented(name, sql_type, doc)).into()
}

/// The values of [`columns`].
pub(super) fn values(row: ModelRow) -> Vec<Value> {
    let fields = row.fields.iter().map(|field| text(field)).collect();
    let metrics = VALIDATION_METRICS.map(|name| {
        let metric = row.metrics.iter().find(|(found, _)| found == name);
        (name.to_owned(), metric.map_or(Value::Null, |&(_, value)| Value::Float(value)))
    });
    vec![
        text(&row.database),
        text(&row.name),
        Value::Int(row.version),
        text(&row.kind),
        text(row.status()),
        Value::Bool(row.is_default),
        text(&row.options_json),
        Value::List(fields),
        Value::Int(row.users),
        Value::Int(row.songs),
        Value::Int(row.plays),
        Value::Int(row.rejected),
        row.best_epoch.map_or(Value::Null, Value::Int),
        Value::Struct(metrics.into()),
        Value::Int(row.bytes),
        Value::Int(row.seed),
        text(&row.device),
        text(&row.fingerprint),
        text(&row.segue_version),
        text(&row.duckdb_version),
        Value::Int(row.format),
        Value::Timestamp(row.created_at),
    ]
}

fn metrics_type() -> SqlType {
    SqlType::Struct(VALIDATION_METRICS.map(|name| (name.to_owned(), SqlType::Double)).into())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
