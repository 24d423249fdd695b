//! `segue_functions`: the manual as a table.

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::manual::{Entry, Parameter, manual};
use super::registry::registry;
use super::rows::Once;
use crate::error::Result;
use crate::train::Param;

/// `segue_functions()`: one row for each function that users call.
pub struct Functions;

impl TableFunction for Functions {
    fn name(&self) -> String {
        "segue_functions".into()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented("name", SqlType::Varchar, "The function's name."),
            Column::documented(
                "category",
                SqlType::Varchar,
                "data, split, train, recommend, understand, evaluate, chords, audio, models or help.",
            ),
            Column::documented(
                "kind",
                SqlType::Varchar,
                "As in duckdb_functions(): table and table_macro stand in FROM, and a table_macro \
                 takes columns, too; macro stands in expressions.",
            ),
            Column::documented("description", SqlType::Varchar, "What it does."),
            Column::documented("example", SqlType::Varchar, "Statements that show it."),
            Column::documented(
                "signature",
                SqlType::Varchar,
                "A call with all parameters; optional ones show their default or stand in brackets.",
            ),
            Column::documented(
                "parameters",
                SqlType::List(Box::new(fields(&PARAMETER))),
                "What it takes. A parameter has a position, can be passed by_name, or both; allowed \
                 says in words what values it takes.",
            ),
            Column::documented(
                "columns",
                SqlType::List(Box::new(fields(&COLUMN))),
                "What it returns; of a macro in expressions, its value. ANY is a type that follows \
                 the tables, * all columns of a relation.",
            ),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Help,
            description: "Every function of Segue, with its parameters, result columns and an \
                          example.",
            example: "SELECT name, description FROM segue_functions() WHERE category = 'recommend';\n\
                      SELECT unnest(parameters, recursive := true)\n\
                      FROM segue_functions() WHERE name = 'train_harm'",
        })
    }

    fn bind(&self, _call: &Call) -> Result<Binding> {
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(|| {
                Ok(Once::boxed(|| Ok(manual(&registry()).iter().map(row).collect())))
            }),
        })
    }
}

/// The fields of an element of `parameters`.
const PARAMETER: [(&str, SqlType); 8] = [
    ("name", SqlType::Varchar),
    ("type", SqlType::Varchar),
    ("position", SqlType::BigInt),
    ("by_name", SqlType::Boolean),
    ("required", SqlType::Boolean),
    ("default_value", SqlType::Varchar),
    ("allowed", SqlType::Varchar),
    ("description", SqlType::Varchar),
];

/// The fields of an element of `columns`.
const COLUMN: [(&str, SqlType); 3] =
    [("name", SqlType::Varchar), ("type", SqlType::Varchar), ("description", SqlType::Varchar)];

fn fields(fields: &[(&str, SqlType)]) -> SqlType {
    let owned = fields.iter().map(|(name, sql_type)| ((*name).to_owned(), sql_type.clone()));
    SqlType::Struct(owned.collect())
}

/// A STRUCT of the given fields.
fn record(fields: &[(&str, SqlType)], values: Vec<Value>) -> Value {
    Value::Struct(fields.iter().map(|(name, _)| (*name).to_owned()).zip(values).collect())
}

fn row(entry: &Entry) -> Vec<Value> {
    vec![
        text(&entry.name),
        text(entry.docs.category.name()),
        text(entry.kind.name()),
        text(entry.docs.description),
        text(entry.docs.example),
        text(&entry.signature()),
        Value::List(entry.parameters.iter().map(parameter).collect()),
        Value::List(entry.columns.iter().map(column).collect()),
    ]
}

fn parameter(parameter: &Parameter) -> Value {
    let values = vec![
        text(parameter.param.name),
        text(&parameter.sql_type().to_string()),
        parameter.position.map_or(Value::Null, |position| Value::Int(position as i64)),
        Value::Bool(parameter.by_name),
        Value::Bool(parameter.is_required()),
        parameter.default_value().map_or(Value::Null, Value::Text),
        text(&parameter.allowed()),
        text(parameter.param.doc),
    ];
    record(&PARAMETER, values)
}

fn column(column: &Column) -> Value {
    record(&COLUMN, vec![text(&column.name), text(&column.sql_type.to_string()), text(column.doc)])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
