//! What the caller has SET.

use std::collections::BTreeMap;

use super::names::literal;
use crate::error::{Error, Result};

/// Settings without which the same value means something else.
const CHANGE_MEANING: &[&str] = &["TimeZone", "Calendar"];

/// Settings as they were when the statement was bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Values by name, as DuckDB prints them.
    values: BTreeMap<String, String>,
    /// Those of the caller's session that nested connections take over.
    inherited: Vec<(String, String)>,
}

impl Settings {
    /// The value of a setting; `None` if it has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Says what value a setting has.
    pub fn set(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// Whether nothing can be SET any more, on any connection.
    pub fn is_locked(&self) -> bool {
        self.get("lock_configuration") == Some("true")
    }

    /// Has nested connections take over a setting, so that their queries mean what they would mean
    /// to the caller.
    pub fn inherit(&mut self, name: &str, value: String) {
        self.inherited.push((name.to_owned(), value));
    }

    /// The statements that make a connection take over what it is to inherit.
    ///
    /// # Errors
    /// The configuration is locked, and without a setting of the session a time would mean another.
    pub(super) fn statements(&self) -> Result<String> {
        if self.is_locked() {
            let named = |name: &&&str| self.inherited.iter().any(|(other, _)| other == **name);
            return match CHANGE_MEANING.iter().find(named) {
                Some(name) => Err(Error::Database(format!(
                    "the configuration is locked (lock_configuration), so Segue's connection cannot \
                     take over {name} from this session: RESET it, or SET GLOBAL {name}, before the \
                     configuration is locked"
                ))),
                None => Ok(String::new()),
            };
        }
        let set =
            |(name, value): &(String, String)| format!("SET SESSION {name} = {};", literal(value));
        Ok(self.inherited.iter().map(set).collect())
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(values: I) -> Self {
        Self { values: values.into_iter().collect(), inherited: Vec::new() }
    }
}
