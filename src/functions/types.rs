//! What the macros need to know about a model: the types of its ids, and its version.

use super::contract::{Binding, Call, Column, Docs, SqlType, TableFunction, Value};
use super::loaded::{find, load};
use super::recommend::{MODEL, VERSION};
use super::rows::Once;
use super::settings;
use crate::data::Vocab;
use crate::error::Result;
use crate::train::{Default, Kind, Param};

const FUNCTION: Param =
    Param::new("function", Kind::Text, Default::Required, "The macro that asks, for its errors.");

/// `segue_types(function, model, version)`: what the macros know of a model. The types are those
/// of the statement; the version is looked up by each execution, and holds for all of its rows.
pub struct Types;

impl TableFunction for Types {
    fn name(&self) -> String {
        "segue_types".into()
    }

    fn positional(&self) -> Vec<Param> {
        vec![FUNCTION, MODEL, VERSION]
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    /// They are those of the model.
    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }

    fn docs(&self) -> Option<Docs> {
        None
    }

    /// In the macros this one row stands for all the songs that a listener gets. Told so, DuckDB
    /// streams the songs through its join with the listeners, in place of holding them all.
    fn cardinality(&self) -> Option<u64> {
        Some(1000)
    }

    fn bind(&self, call: &Call) -> Result<Binding> {
        let (model, version) = (call.options.text("model"), call.options.int("version"));
        let function = call.options.text("function").unwrap_or_default();
        let loaded = load(&call.caller, function, model, version)?;
        let named = |vocab: &Vocab| SqlType::Named(vocab.sql_type().to_owned());
        let (caller, options) = (call.caller.clone(), call.options.clone());
        Ok(Binding {
            columns: vec![
                Column::new("__user", named(&loaded.dataset.users)),
                Column::new("__song", named(&loaded.dataset.songs)),
                Column::new("__model", SqlType::Varchar),
                Column::new("__version", SqlType::BigInt),
                Column::new("__key", SqlType::Varchar),
            ],
            start: Box::new(move || {
                let (caller, options) = (caller.clone(), options.clone());
                Ok(Once::boxed(move || {
                    let (model, version) = (options.text("model"), options.int("version"));
                    let function = options.text("function").unwrap_or_default();
                    let name = model.or_else(|| settings::default_model(&caller));
                    let row = find(&caller.connect()?, &caller, function, model, version)?;
                    Ok(vec![vec![
                        Value::Null,
                        Value::Null,
                        Value::Text(name.unwrap_or(&row.name).to_owned()),
                        Value::Int(row.version),
                        Value::Text(row.cache_key()),
                    ]])
                }))
            }),
        })
    }
}
