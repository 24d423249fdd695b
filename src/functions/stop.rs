//! `segue_stop()`: the way to stop what DuckDB does not stop by itself.

use super::contract::{Binding, Call, Category, Column, Docs, SqlType, TableFunction, Value};
use super::rows::Once;
use crate::error::Result;
use crate::train::Param;

/// Stops all work of Segue's functions on this database.
pub struct Stop;

impl TableFunction for Stop {
    fn name(&self) -> String {
        "segue_stop".into()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column::documented("note", SqlType::Varchar, "What happens now.")]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Train,
            description: "Stops, from another connection, what Segue's functions are doing for this \
                          database: a training keeps its best epoch, and the same statement goes on \
                          with it. A client's own interrupt reaches a training between two epochs \
                          only.",
            example: "CALL segue_stop()",
        })
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let host = call.caller.host.clone();
        Ok(Binding {
            columns: self.columns(),
            start: Box::new(move || {
                let host = host.clone();
                Ok(Once::boxed(move || {
                    host.control().stop();
                    Ok(vec![vec![Value::Text(
                        "running work stops within a second or so".to_owned(),
                    )]])
                }))
            }),
        })
    }
}
