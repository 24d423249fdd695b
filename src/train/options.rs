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
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// The option must be given.
    Required,
    /// Without the option there is nothing, or what the data make of it; the documentation says what.
    Absent,
    /// What the options that stand before it say; `None` where the data say it.
    Depends(fn(&Options) -> Option<Setting>),
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
#[derive(Debug, Clone, Copy)]
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

impl Default {
    /// The value, beside the options that stand before it.
    fn value(self, before: &Options) -> Option<Setting> {
        match self {
            Self::Required | Self::Absent => None,
            Self::Depends(default) => default(before),
            Self::Bool(value) => Some(value.into()),
            Self::Int(value) => Some(value.into()),
            Self::Float(value) => Some(value.into()),
            Self::Text(value) => Some(value.into()),
            Self::IntList(values) => Some(values.to_vec().into()),
        }
    }
}

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Setting {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Setting {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<i64>> for Setting {
    fn from(values: Vec<i64>) -> Self {
        Self::IntList(values)
    }
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

    /// Whether every call must give it.
    pub const fn is_required(&self) -> bool {
        matches!(self.default, Default::Required)
    }
}

/// Validated option values by name; options without a value and without a default are absent.
#[derive(Debug, Clone, std::default::Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, Setting>);

impl Options {
    /// The options a function gets when none is given; those that depend on others are open until
    /// they are [`resolved`](Self::resolved).
    pub fn defaults(params: &[Param]) -> Self {
        let stated = params.iter().filter(|param| !matches!(param.default, Default::Depends(_)));
        Self::default().resolved(stated)
    }

    /// These options with the defaults of those that are not given, in the order of `params`.
    #[must_use]
    pub fn resolved<'p>(&self, params: impl IntoIterator<Item = &'p Param>) -> Self {
        let mut all = self.clone();
        for param in params {
            if !all.has(param.name)
                && let Some(setting) = param.default.value(&all)
            {
                all.set(param.name, setting);
            }
        }
        all
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
