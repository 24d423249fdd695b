//! Functions of chord symbols and progressions: a file each, which holds one [`ChordFunction`].

mod key;
mod ngrams;
mod parse;
mod render;
mod roman;
mod score;
mod similarity;
mod simplify;
mod transpose;

use std::sync::Arc;

use super::arguments::checked;
use super::contract::{
    Argument, Category, Column, Docs, Execution, Results, ScalarDocs, ScalarFunction, SqlType,
    Value,
};
use super::manual;
use crate::data::chords::Chord;
use crate::error::{Error, Result};
use crate::store::Caller;
use crate::train::{Default, Kind, Param};

/// All of them, in the order of the manual.
const FUNCTIONS: [&ChordFunction; 9] = [
    &parse::SPEC,
    &simplify::SPEC,
    &transpose::SPEC,
    &roman::SPEC,
    &key::SPEC,
    &ngrams::SPEC,
    &similarity::SPEC,
    &score::SPEC,
    &render::SPEC,
];

/// A function in expressions that needs nothing but its arguments.
struct ChordFunction {
    name: &'static str,
    /// All parameters; those that have a default stand last.
    parameters: &'static [Param],
    returns: fn() -> SqlType,
    /// What its value is, in a sentence for the manual.
    value: &'static str,
    description: &'static str,
    example: &'static str,
    /// The form that gives NULL where this one fails on what is no chord symbol or key.
    lenient: Option<Lenient>,
    /// The value for arguments that are not NULL and fit their parameters; there are fewer than
    /// parameters where the call leaves some out.
    compute: fn(&[&Value]) -> Result<Value>,
}

/// Of a form `try_…`.
struct Lenient {
    name: &'static str,
    description: &'static str,
    example: &'static str,
}

/// Every form of every function: with and without optional parameters, strict and lenient.
pub(super) fn all() -> Vec<Arc<dyn ScalarFunction>> {
    let mut forms: Vec<Arc<dyn ScalarFunction>> = Vec::new();
    for is_lenient in [false, true] {
        for spec in FUNCTIONS.into_iter().filter(|spec| !is_lenient || spec.lenient.is_some()) {
            let required = |param: &&Param| param.is_required();
            let required = spec.parameters.iter().filter(required).count();
            for parameters in required..=spec.parameters.len() {
                forms.push(Arc::new(Form { spec, parameters, is_lenient }));
            }
        }
    }
    forms
}

/// One form of a function.
#[derive(Clone, Copy)]
struct Form {
    spec: &'static ChordFunction,
    /// How many parameters it takes.
    parameters: usize,
    is_lenient: bool,
}

impl Form {
    fn lenient(&self) -> Option<&'static Lenient> {
        self.spec.lenient.as_ref().filter(|_| self.is_lenient)
    }
}

impl ScalarFunction for Form {
    fn name(&self) -> &'static str {
        self.lenient().map_or(self.spec.name, |lenient| lenient.name)
    }

    fn parameters(&self) -> Vec<SqlType> {
        let params = &self.spec.parameters[..self.parameters];
        params.iter().map(|param| manual::sql_type(param.kind)).collect()
    }

    fn returns(&self) -> SqlType {
        (self.spec.returns)()
    }

    fn volatile(&self) -> bool {
        false
    }

    fn docs(&self) -> Option<ScalarDocs> {
        if self.parameters < self.spec.parameters.len() {
            return None;
        }
        let spec = self.spec;
        let (description, example) = match self.lenient() {
            Some(lenient) => (lenient.description, lenient.example),
            None => (spec.description, spec.example),
        };
        Some(ScalarDocs {
            parameters: spec.parameters,
            options: &[],
            value: Column::documented(self.name(), self.returns(), spec.value),
            docs: Docs { category: Category::Chords, description, example },
        })
    }

    fn start(&self, _: &Caller) -> Arc<dyn Execution> {
        Arc::new(*self)
    }
}

impl Execution for Form {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let constant = arguments.iter().all(|argument| matches!(argument, Argument::Same(_)));
        let values = if constant && rows > 0 {
            vec![self.value(arguments, 0)?; rows]
        } else {
            (0..rows).map(|row| self.value(arguments, row)).collect::<Result<_>>()?
        };
        results.values(&values);
        Ok(())
    }
}

impl Form {
    /// The value of a row; NULL if an argument is.
    fn value(&self, arguments: &[Argument], row: usize) -> Result<Value> {
        let values: Vec<&Value> = arguments.iter().map(|argument| &argument[row]).collect();
        if values.contains(&&Value::Null) {
            return Ok(Value::Null);
        }
        for (param, value) in self.spec.parameters.iter().zip(&values) {
            // DuckDB has seen to the types of all others.
            if matches!(param.kind, Kind::Choice(_) | Kind::Int { .. }) {
                checked(param, value)
                    .map_err(|message| Error::option(self.name(), param.name, message))?;
            }
        }
        match ((self.spec.compute)(&values), &self.spec.lenient) {
            (Err(Error::Data(_)), Some(_)) if self.is_lenient => Ok(Value::Null),
            (Err(Error::Data(message)), Some(Lenient { name: remedy, .. })) => {
                let name = self.name();
                Err(Error::Data(format!("{name}: {message}; {remedy} gives NULL instead")))
            }
            (Err(Error::Data(message)), None) => {
                Err(Error::Data(format!("{}: {message}", self.name())))
            }
            (result, _) => result,
        }
    }
}

/// The symbol that most functions take.
const CHORD: Param = Param::new(
    "chord",
    Kind::Text,
    Default::Required,
    "A chord symbol in Harte's syntax (C:maj6(9)/3), or as lead sheets and Chordino write it \
     (Am7, Bbmaj7/D, F#m7b5); N for no chord, X for one that nobody could name.",
);
/// The progression that some functions take.
const CHORDS: Param = Param::new(
    "chords",
    Kind::TextList,
    Default::Required,
    "Chord symbols, first to last, such as list(chord ORDER BY position); NULLs among them are \
     passed over.",
);

/// An argument that is a text.
fn text<'a>(arguments: &[&'a Value], place: usize) -> &'a str {
    match arguments.get(place) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// An argument that is a whole number; 0 for any other.
fn int(arguments: &[&Value], place: usize) -> i64 {
    match arguments.get(place) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    }
}

/// An argument that is a list of texts, without NULLs.
fn texts<'a>(arguments: &[&'a Value], place: usize) -> impl Iterator<Item = &'a str> {
    let list = match arguments.get(place) {
        Some(Value::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

/// An argument that is a list of chord symbols.
///
/// # Errors
/// One of them is none; the message names it.
fn chords(arguments: &[&Value], place: usize) -> Result<Vec<Chord>> {
    texts(arguments, place).map(Chord::parse).collect()
}
