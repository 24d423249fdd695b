//! Checks the arguments of a SQL call against their declarations.
//!
//! Everything here runs when a statement is bound, so that a wrong argument fails before any work.
//! DuckDB's own casts are too lenient (`epochs := 2.7` would be rounded), hence all parameters are
//! declared as ANY and judged here.

use super::contract::Value;
use crate::error::{Error, Result, excerpt};
use crate::suggest::closest;
use crate::train::{Default, Kind, Options, Param, Setting};

#[cfg(test)]
mod tests;

/// What an argument that is NULL means where the option has no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// An error, as for every other option.
    Error,
    /// As if the argument were not given: for functions behind macros, which cannot leave an
    /// argument out.
    Absent,
}

/// Validates the arguments of `function`, where `given` is the value of a parameter if the call
/// has one, and fills in the defaults.
///
/// # Errors
/// The first argument that is missing, NULL, or of a wrong type or range, by name.
pub(super) fn options(
    function: &str,
    params: &[Param],
    null: Null,
    mut given: impl FnMut(&Param) -> Option<Value>,
) -> Result<Options> {
    let mut options = Options::defaults(params);
    for param in params {
        match given(param) {
            Some(Value::Null) if null == Null::Absent && !is_stated(param.default) => {}
            Some(value) => options.set(param.name, setting(function, param, &value)?),
            None if param.is_required() => {
                let message = format!("is missing; give {}", allowed(param.kind));
                return Err(Error::option(function, param.name, message));
            }
            None => {}
        }
    }
    Ok(options)
}

/// Whether the manual states the default, or a call without it is refused: NULL is not that value.
fn is_stated(default: Default) -> bool {
    !matches!(default, Default::Absent | Default::Depends(_))
}

/// Validates options that come packed in a STRUCT, as the macros pack them. A NULL field of an
/// option without a default counts as not given, since a macro cannot leave an argument out.
///
/// # Errors
/// An argument that is missing, NULL, or of a wrong type or range, by name; also a value that is no
/// STRUCT, and a field that is no option, with the nearest name.
pub fn options_from_struct(function: &str, params: &[Param], value: &Value) -> Result<Options> {
    let fields = match value {
        Value::Struct(fields) => fields.as_slice(),
        Value::Null => &[],
        other => {
            let message = format!("must be a struct such as {{n: 10}}; got {}", describe(other));
            return Err(Error::option(function, "options", message));
        }
    };
    for (name, _) in fields {
        if !params.iter().any(|param| param.name.eq_ignore_ascii_case(name)) {
            let names: Vec<&str> = params.iter().map(|param| param.name).collect();
            let message = format!("does not exist; {}", candidates(name, &names));
            return Err(Error::option(function, name, message));
        }
    }
    options(function, params, Null::Absent, |param| {
        let field = fields.iter().find(|(name, _)| param.name.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.clone())
    })
}

/// Validates a value that comes as text, as those of settings do.
///
/// # Errors
/// What is wrong and what is allowed, to follow the name.
pub(super) fn from_text(param: &Param, text: &str) -> std::result::Result<Setting, String> {
    let number = match param.kind {
        Kind::Int { .. } => text.parse().ok().map(Value::Int),
        _ => None,
    };
    checked(param, &number.unwrap_or_else(|| Value::Text(text.to_owned())))
}

fn setting(function: &str, param: &Param, value: &Value) -> Result<Setting> {
    checked(param, value).map_err(|message| Error::option(function, param.name, message))
}

/// The names among which the caller can choose, with a guess at the one that was meant.
pub fn candidates(given: &str, names: &[&str]) -> String {
    let listed: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let listed = listed.join(", ");
    match closest(given, names.iter().copied()) {
        Some(name) => format!("did you mean '{name}'? Possible: {listed}"),
        None => format!("possible: {listed}"),
    }
}

/// Validates one value.
///
/// # Errors
/// What is wrong and what is allowed, to follow the name.
pub(super) fn checked(param: &Param, value: &Value) -> std::result::Result<Setting, String> {
    if *value == Value::Null {
        return Err(null_message(param));
    }
    match param.kind {
        Kind::Bool => match value {
            Value::Bool(value) => Ok(Setting::Bool(*value)),
            other => Err(expected(param.kind, other)),
        },
        Kind::Int { min, max } => whole(param.kind, min, max, value).map(Setting::Int),
        Kind::Float { min, max } => number(param.kind, min, max, value).map(Setting::Float),
        Kind::Choice(names) => choice(names, value).map(Setting::Text),
        Kind::Text => text(param.kind, value).map(Setting::Text),
        Kind::Relation => match text(param.kind, value)? {
            name if name.trim().is_empty() => {
                Err(format!("must be {}; got an empty text", allowed(param.kind)))
            }
            name => Ok(Setting::Text(name)),
        },
        Kind::TextList => texts(value).map(Setting::TextList),
        Kind::IntList { min, max } => wholes(min, max, value).map(Setting::IntList),
        Kind::Id => id(value).map(Setting::Text),
        Kind::IdList => ids(value).map(Setting::TextList),
        Kind::Interval => match value {
            Value::Int(microseconds) if *microseconds > 0 => Ok(Setting::Int(*microseconds)),
            Value::Int(microseconds) => {
                Err(format!("must be {}; got {microseconds} microseconds", allowed(param.kind)))
            }
            other => Err(expected(param.kind, other)),
        },
        Kind::Time => match value {
            Value::Text(_) | Value::Int(_) | Value::Float(_) => id(value).map(Setting::Text),
            other => Err(expected(param.kind, other)),
        },
        Kind::Struct => match value {
            Value::Struct(fields) if !fields.is_empty() => Setting::try_from(value)
                .map_err(|name| format!("must not have NULL in it, as {name} has")),
            other => Err(expected(param.kind, other)),
        },
        Kind::Length => match value {
            Value::Text(text) => Ok(Setting::Text(text.clone())),
            Value::Int(_) | Value::Float(_) => {
                number(param.kind, f64::MIN_POSITIVE, f64::MAX, value).map(Setting::Float)
            }
            other => Err(expected(param.kind, other)),
        },
    }
}

fn null_message(param: &Param) -> String {
    if param.kind == Kind::Interval {
        // What is no interval comes from the macro as NULL, too.
        return format!("must be {}", allowed(param.kind));
    }
    let remedy = match default_literal(param) {
        Some(literal) => format!("leave it out for the default ({literal})"),
        None if param.is_required() => format!("give {}", allowed(param.kind)),
        None => "leave it out instead".to_owned(),
    };
    format!("must not be NULL; {remedy}")
}

/// The default as SQL writes it, if there is one.
pub(super) fn default_literal(param: &Param) -> Option<String> {
    Some(match param.default {
        Default::Required | Default::Absent | Default::Depends(_) => return None,
        Default::Int(value) if param.kind == Kind::Interval => interval_literal(value),
        Default::Bool(value) => value.to_string(),
        Default::Int(value) => value.to_string(),
        Default::Float(value) => value.to_string(),
        Default::Text(value) => format!("'{value}'"),
        Default::IntList(values) => format!("{values:?}"),
    })
}

/// An interval in the largest unit that fits.
fn interval_literal(microseconds: i64) -> String {
    const UNITS: [(&str, i64); 4] = [
        ("HOURS", 3_600_000_000),
        ("MINUTES", 60_000_000),
        ("SECONDS", 1_000_000),
        ("MICROSECONDS", 1),
    ];
    let fits = UNITS.into_iter().find(|(_, size)| microseconds % size == 0);
    let (unit, size) = fits.unwrap_or(UNITS[3]);
    format!("INTERVAL {} {unit}", microseconds / size)
}

/// What values a kind allows, to follow "must be".
pub(super) fn allowed(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max } => format!("a whole number{}", integer_range(min, max)),
        Kind::Float { min, max } => format!("a number{}", float_range(min, max)),
        Kind::Choice(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
            format!("one of {}", names.join(", "))
        }
        Kind::Text => "a text".to_owned(),
        Kind::TextList => "a list of texts, such as ['artist', 'genre']".to_owned(),
        Kind::IntList { min, max } => {
            format!("a non-empty list of whole numbers{}", integer_range(min, max))
        }
        Kind::Relation => "a table, a view, or a query in parentheses, as text".to_owned(),
        Kind::Id => "an id, such as 42 or 'abc'".to_owned(),
        Kind::IdList => "a list of ids, such as [12, 99, 7]".to_owned(),
        Kind::Interval => "an interval longer than 0, such as INTERVAL 30 MINUTES".to_owned(),
        Kind::Struct => "a struct, such as {epochs: 20}".to_owned(),
        Kind::Time => "a time as in the plays, such as DATE '2024-01-31'".to_owned(),
        Kind::Length => "an interval longer than 0, such as INTERVAL 30 DAYS, or a number where \
                         times are numbers"
            .to_owned(),
    }
}

fn integer_range(min: i64, max: i64) -> String {
    match (min, max) {
        (i64::MIN, i64::MAX) => String::new(),
        (min, i64::MAX) => format!(" of at least {min}"),
        (i64::MIN, max) => format!(" of at most {max}"),
        (min, max) => format!(" from {min} to {max}"),
    }
}

fn float_range(min: f64, max: f64) -> String {
    match (min > f64::MIN, max < f64::MAX) {
        (false, false) => String::new(),
        (true, false) => format!(" of at least {min}"),
        (false, true) => format!(" of at most {max}"),
        (true, true) => format!(" from {min} to {max}"),
    }
}

fn expected(kind: Kind, value: &Value) -> String {
    format!("must be {}; got {}", allowed(kind), describe(value))
}

/// A given value, as an error repeats it.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => format!("the text '{}'", excerpt(value)),
        Value::Timestamp(_) => "a timestamp".to_owned(),
        Value::Blob(_) => "a blob".to_owned(),
        Value::List(_) | Value::Floats(_) => "a list".to_owned(),
        Value::Struct(_) => "a struct".to_owned(),
    }
}

fn whole(kind: Kind, min: i64, max: i64, value: &Value) -> std::result::Result<i64, String> {
    let whole = match value {
        Value::Int(value) => Some(*value),
        // 2.0 is 2; the bounds are where every whole f64 still has an exact i64.
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e18 => Some(*value as i64),
        _ => None,
    };
    match whole {
        Some(whole) if (min..=max).contains(&whole) => Ok(whole),
        _ => Err(wrong_number(kind, value)),
    }
}

fn number(kind: Kind, min: f64, max: f64, value: &Value) -> std::result::Result<f64, String> {
    let number = match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => return Err(wrong_number(kind, value)),
    };
    if number.is_finite() && (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(expected(kind, value))
    }
}

fn wrong_number(kind: Kind, value: &Value) -> String {
    match value {
        // Integers beyond 64 bits arrive as text, too; their fault is the range.
        Value::Text(text) if text.parse::<i128>().is_ok_and(|n| i64::try_from(n).is_err()) => {
            format!("must be {}; got {text}", allowed(kind))
        }
        Value::Text(text) if text.parse::<f64>().is_ok() => {
            format!("{}; give a number: {text} without quotes", expected(kind, value))
        }
        Value::Text(_) => format!("{}; give a number", expected(kind, value)),
        _ => expected(kind, value),
    }
}

fn choice(names: &'static [&'static str], value: &Value) -> std::result::Result<String, String> {
    let Value::Text(given) = value else { return Err(expected(Kind::Choice(names), value)) };
    match names.iter().find(|name| name.eq_ignore_ascii_case(given)) {
        Some(name) => Ok((*name).to_owned()),
        None => {
            let message = expected(Kind::Choice(names), value);
            Err(match closest(given, names.iter().copied()) {
                Some(name) => format!("{message}; did you mean '{name}'?"),
                None => message,
            })
        }
    }
}

fn text(kind: Kind, value: &Value) -> std::result::Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        other => Err(expected(kind, other)),
    }
}

fn texts(value: &Value) -> std::result::Result<Vec<String>, String> {
    let elements = match value {
        Value::List(elements) => elements.as_slice(),
        single => std::slice::from_ref(single),
    };
    let is_list = matches!(value, Value::List(_));
    let element = |(place, element): (usize, &Value)| match element {
        Value::Text(text) => Ok(text.clone()),
        other if is_list => Err(element_message(Kind::TextList, place, other)),
        other => Err(expected(Kind::TextList, other)),
    };
    elements.iter().enumerate().map(element).collect()
}

fn wholes(min: i64, max: i64, value: &Value) -> std::result::Result<Vec<i64>, String> {
    let kind = Kind::IntList { min, max };
    match value {
        Value::List(elements) if elements.is_empty() => {
            Err(format!("must be {}; got an empty list", allowed(kind)))
        }
        Value::List(elements) => elements
            .iter()
            .enumerate()
            .map(|(place, element)| {
                whole(kind, min, max, element).map_err(|_| element_message(kind, place, element))
            })
            .collect(),
        single => whole(kind, min, max, single).map(|single| vec![single]),
    }
}

/// `place` counts from 0, the message from 1, as SQL does.
fn element_message(kind: Kind, place: usize, element: &Value) -> String {
    format!("must be {}; element {} is {}", allowed(kind), place + 1, describe(element))
}

fn id(value: &Value) -> std::result::Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(value.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(expected(Kind::Id, other)),
    }
}

fn ids(value: &Value) -> std::result::Result<Vec<String>, String> {
    let Value::List(elements) = value else { return Err(expected(Kind::IdList, value)) };
    elements
        .iter()
        .enumerate()
        .map(|(place, element)| {
            id(element).map_err(|_| element_message(Kind::IdList, place, element))
        })
        .collect()
}
