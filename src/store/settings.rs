//! What the caller has SET.

use std::collections::BTreeMap;

use super::names::literal;

/// Values of settings by name, as DuckDB prints them, as they were when the statement was bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<String, String>,
    /// The names of those that nested connections take over.
    inherited: Vec<String>,
}

impl Settings {
    /// Has nested connections take over a setting, so that functions that their queries call find
    /// it as the caller made it.
    pub fn inherit(&mut self, name: &str) {
        self.inherited.push(name.to_owned());
    }

    /// The statements that make a connection take over what it is to inherit.
    pub(super) fn statements(&self) -> String {
        let set = |name: &String| {
            let value = self.get(name).unwrap_or_default();
            format!("SET SESSION {name} = {};", literal(value))
        };
        self.inherited.iter().map(set).collect()
    }

    /// The value of a setting; `None` if it has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self { values: values.into_iter().collect(), inherited: Vec::new() }
    }
}
