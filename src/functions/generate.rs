//! `generate_listening` and `create_listening_tables`: the four listening tables, made up or empty.

mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::contract::{Binding, Call, Category, Column, Docs, Rows, SqlType, TableFunction, Value};
use crate::data::generate::{
    Aspect, ListeningPlan, PLAYS_MAX, SONGS_MAX, SONGS_MIN, USERS_MAX, generate_with,
};
use crate::error::Result;
use crate::train::{Default, Kind, Options, Param};
use tables::Destination;

const SCHEMA: Param = Param::new(
    "schema",
    Kind::Text,
    Default::Absent,
    "The schema, of the current database, in which the tables are created; it must exist. Without \
     it, the current schema.",
);

/// `CALL generate_listening(…)`: makes up plays, songs, users and chords.
pub struct GenerateListening;

impl TableFunction for GenerateListening {
    fn name(&self) -> String {
        "generate_listening".to_owned()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        let count = |min, max: usize| Kind::Int { min, max: max as i64 };
        let share = Kind::Float { min: 0.0, max: 1.0 };
        vec![
            Param::new("users", count(1, USERS_MAX), Default::Int(200), "How many users."),
            Param::new(
                "songs",
                count(SONGS_MIN as i64, SONGS_MAX),
                Default::Int(600),
                "How many songs.",
            ),
            Param::new(
                "plays",
                count(1, PLAYS_MAX),
                Default::Int(12_000),
                "How many plays of all users together; at least one a user.",
            ),
            Param::new(
                "seed",
                Kind::Int { min: 0, max: i64::MAX },
                Default::Int(1),
                "The same options and seed give the same data.",
            ),
            Param::new(
                "aspects",
                Kind::TextList,
                Default::Absent,
                "What users care for, one aspect a user by age and gender: any of artist, genre, \
                 tags, chords. Without it, all four.",
            ),
            Param::new(
                "noise",
                share,
                Default::Float(0.15),
                "Share of plays drawn from all songs by popularity alone.",
            ),
            SCHEMA,
            Param::new(
                "replace",
                Kind::Bool,
                Default::Bool(false),
                "Whether tables of the same names are replaced; without it they are an error.",
            ),
        ]
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Data,
            description: "Creates the tables plays, songs, users and chords with made-up data of \
                          a known structure: every user follows one aspect of songs, which \
                          depends on age and gender. Returns the rows of each table.",
            example: "CALL generate_listening(users := 200, songs := 600, plays := 12000)",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let plan = plan(&call.options)?;
        let replace = call.options.bool("replace");
        binding(call, move |call| {
            let connection = call.caller.connect()?;
            let destination = Destination::find(&connection, call.options.text("schema"))?;
            // Before the work, so that a table in the way is reported at once.
            destination.check("generate_listening", &connection, replace)?;
            let control = &call.caller.control;
            let listening = generate_with(&plan, control)?;
            destination.write(&connection, &listening, replace, control)
        })
    }
}

/// `CALL create_listening_tables()`: the same tables without rows.
pub struct CreateListeningTables;

impl TableFunction for CreateListeningTables {
    fn name(&self) -> String {
        "create_listening_tables".to_owned()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        vec![SCHEMA]
    }

    fn columns(&self) -> Vec<Column> {
        columns()
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Data,
            description: "Creates the tables plays, songs, users and chords without rows, with \
                          the columns that Segue's functions find by themselves. None of them is \
                          needed: every function takes any table or query.",
            example: "CALL create_listening_tables()",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        binding(call, |call| {
            let connection = call.caller.connect()?;
            let destination = Destination::find(&connection, call.options.text("schema"))?;
            destination.check("create_listening_tables", &connection, false)?;
            destination.create_empty(&connection)
        })
    }
}

/// The plan that the options describe, checked.
fn plan(options: &Options) -> Result<ListeningPlan> {
    let mut plan = ListeningPlan {
        users: options.count("users"),
        songs: options.count("songs"),
        plays: options.count("plays"),
        seed: options.count("seed") as u64,
        noise: options.float("noise"),
        ..ListeningPlan::default()
    };
    if let Some(names) = options.texts("aspects") {
        plan.aspects = names.iter().map(|name| name.parse::<Aspect>()).collect::<Result<_>>()?;
    }
    plan.check()?;
    Ok(plan)
}

fn columns() -> Vec<Column> {
    vec![
        Column::documented("table_name", SqlType::Varchar, "A table that was created."),
        Column::documented("rows", SqlType::BigInt, "How many rows it has."),
    ]
}

/// A table's name and its number of rows.
type Created = (&'static str, usize);

/// Binds a call that creates tables when its rows are read, and returns a row a table.
fn binding<W>(call: &Call, work: W) -> Result<Binding>
where
    W: Fn(&Call) -> Result<Vec<Created>> + Send + Sync + 'static,
{
    let (call, work) = (call.clone(), Arc::new(work));
    Ok(Binding {
        columns: columns(),
        start: Box::new(move || {
            Ok(Box::new(Report { call: call.clone(), work: Arc::clone(&work), done: false }))
        }),
    })
}

/// Does the work with the first row that is asked for.
struct Report<W> {
    call: Call,
    work: Arc<W>,
    done: bool,
}

impl<W> Rows for Report<W>
where
    W: Fn(&Call) -> Result<Vec<Created>> + Send + Sync,
{
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(Vec::new());
        }
        let created = (self.work)(&self.call)?;
        let row = |(name, rows): Created| vec![Value::Text(name.into()), Value::Int(rows as i64)];
        Ok(created.into_iter().map(row).collect())
    }
}
