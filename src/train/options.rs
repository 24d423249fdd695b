//! Named options: their declaration, their validated values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in `min..=max`.
    Int {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A number in `min..=max`, finite.
    Float {
        /// Smallest value allowed.
        min: f64,
        /// Largest value allowed.
        max: f64,
    },
    /// One of a few names.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// A list of texts, such as column names.
    TextList,
    /// A non-empty list of whole numbers in `min..=max`.
    IntList {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A table, view, or query in parentheses.
    Relation,
    /// An id of any SQL type, as text.
    Id,
    /// A list of ids, as texts.
    IdList,
    /// An interval of time longer than 0, as microseconds: macros convert it.
    Interval,
    /// A moment of the type that times have in the tables, as text.
    Time,
    /// A length of time: an interval, as text, or a number where times are numbers.
    Length,
    /// Named values of any type, which the function checks itself.
    Struct,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text, choice or relation.
    Text(String),
    /// A list of whole numbers.
    IntList(Vec<i64>),
    /// A list of texts.
    TextList(Vec<String>),
    /// A list of anything, within a struct; never stored.
    #[serde(skip)]
    List(Vec<Setting>),
    /// Named values in the order in which they were given; never stored.
    #[serde(skip)]
    Struct(Vec<(String, Setting)>),
}

/// The default of an option, in a form that a constant can hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// The option must be given.
    Required,
    /// Without the option something else applies; the documentation says what.
    Absent,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text or choice.
    Text(&'static str),
    /// A list of whole numbers.
    IntList(&'static [i64]),
}

/// One documented option of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Param {
    /// Its name in SQL.
    pub name: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// What applies when it is not given.
    pub default: Default,
    /// One or two sentences for the manual.
    pub doc: &'static str,
}

impl Param {
    /// Declares an option.
    pub const fn new(name: &'static str, kind: Kind, default: Default, doc: &'static str) -> Self {
        Self { name, kind, default, doc }
    }

    /// The same option with another default.
    #[must_use]
    pub const fn with_default(self, default: Default) -> Self {
        Self { default, ..self }
    }
}

/// Validated option values by name; options without a value and without a default are absent.
#[derive(Debug, Clone, std::default::Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, Setting>);

impl Options {
    /// The options a function gets when none is given.
    pub fn defaults(params: &[Param]) -> Self {
        let values = params.iter().filter_map(|param| {
            let setting = match param.default {
                Default::Required | Default::Absent => return None,
                Default::Bool(value) => Setting::Bool(value),
                Default::Int(value) => Setting::Int(value),
                Default::Float(value) => Setting::Float(value),
                Default::Text(value) => Setting::Text(value.to_owned()),
                Default::IntList(values) => Setting::IntList(values.to_vec()),
            };
            Some((param.name.to_owned(), setting))
        });
        Self(values.collect())
    }

    /// Sets an option; the value must already be valid.
    pub fn set(&mut self, name: &str, setting: Setting) {
        self.0.insert(name.to_owned(), setting);
    }

    /// The value of an option, if it has one.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    /// Whether the option has a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A truth value; absent counts as `false`.
    pub fn bool(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Setting::Bool(true)))
    }

    /// A whole number, if the option has a value.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Setting::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A size or count; 0 where absent.
    pub fn count(&self, name: &str) -> usize {
        self.int(name).and_then(|value| usize::try_from(value).ok()).unwrap_or(0)
    }

    /// A number; 0 where absent.
    pub fn float(&self, name: &str) -> f64 {
        match self.0.get(name) {
            Some(Setting::Float(value)) => *value,
            Some(Setting::Int(value)) => *value as f64,
            _ => 0.0,
        }
    }

    /// A text, choice, relation or id, if the option has a value.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Setting::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// A list of texts, if the option has a value.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(Setting::TextList(values)) => Some(values),
            _ => None,
        }
    }

    /// A list of whole numbers; empty where absent.
    pub fn ints(&self, name: &str) -> &[i64] {
        match self.0.get(name) {
            Some(Setting::IntList(values)) => values,
            _ => &[],
        }
    }
}
