//! The macros where none is at hand: their statements, and functions of constants in their place.

use std::sync::Arc;

use super::contract::{
    Argument, Binding, Call, Category, Column, Docs, Execution, Results, ScalarFunction, SqlType,
    TableFunction, Value,
};
use super::recommend::Score;
use super::rows::Once;
use crate::error::Result;
use crate::store::{Caller, MACROS, Macro};
use crate::train::Param;

/// `score(user, song)`, `score(user, song, model)` or `score(user, song, model, version)`, by the
/// number of its options.
pub struct LiteralScore(pub usize);

impl ScalarFunction for LiteralScore {
    fn name(&self) -> &'static str {
        "score"
    }

    fn parameters(&self) -> Vec<SqlType> {
        let mut parameters = vec![SqlType::Id, SqlType::Id];
        parameters.extend([SqlType::Any, SqlType::Any].into_iter().take(self.0));
        parameters
    }

    fn returns(&self) -> SqlType {
        Score.returns()
    }

    fn volatile(&self) -> bool {
        Score.volatile()
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Packing(Score.start(caller)))
    }
}

/// Packs the options as the macro does.
struct Packing(Arc<dyn Execution>);

impl Execution for Packing {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let pack = |row: usize| {
            let given = ["model", "version"].into_iter().zip(&arguments[2..]);
            Value::Struct(given.map(|(name, values)| (name.into(), values[row].clone())).collect())
        };
        let same = arguments[2..].iter().all(|argument| matches!(argument, Argument::Same(_)));
        let options = match same {
            true => Argument::Same(pack(0)),
            false => Argument::Each((0..rows).map(pack).collect()),
        };
        let [users, songs] = [0, 1].map(|place| arguments[place].clone());
        self.0.call(&[users, songs, options], rows, results)
    }
}

/// `segue_macros()`: the statements that make the macros of a connection.
pub struct Macros;

impl TableFunction for Macros {
    fn name(&self) -> String {
        "segue_macros".into()
    }

    fn positional(&self) -> Vec<Param> {
        Vec::new()
    }

    fn named(&self) -> Vec<Param> {
        Vec::new()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::documented("name", SqlType::Varchar, "The macro's name."),
            Column::documented("sql", SqlType::Varchar, "The statement that makes it."),
        ]
    }

    fn docs(&self) -> Option<Docs> {
        Some(Docs {
            category: Category::Help,
            description: "The statements that give a connection the macros recommend, next_songs, \
                          score, field_attention and sessionize, for calls with columns where no \
                          model is stored: in read-only databases and other catalogues.",
            example: "FROM segue_macros()",
        })
    }

    fn bind(&self, _: &Call) -> Result<Binding> {
        let rows = || {
            let row =
                |one: &Macro| vec![Value::Text(one.name.to_owned()), Value::Text(one.temp_sql())];
            Ok(MACROS.iter().map(row).collect())
        };
        Ok(Binding { columns: self.columns(), start: Box::new(move || Ok(Once::boxed(rows))) })
    }
}
