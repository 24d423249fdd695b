//! Values as SQL writes them.

use crate::store::{literal, quote};
use crate::train::Setting;

/// The value of an option, to be written into a statement.
pub(super) fn sql(setting: &Setting) -> String {
    let list = |values: Vec<String>| format!("[{}]", values.join(", "));
    match setting {
        Setting::Bool(value) => value.to_string(),
        Setting::Int(value) => value.to_string(),
        // With an exponent it is a DOUBLE, whatever its digits.
        Setting::Float(value) => format!("{value:e}"),
        Setting::Text(value) => literal(value),
        Setting::IntList(values) => list(values.iter().map(i64::to_string).collect()),
        Setting::TextList(values) => list(values.iter().map(|value| literal(value)).collect()),
        Setting::List(values) => list(values.iter().map(sql).collect()),
        Setting::Struct(fields) => {
            let field =
                |(name, value): &(String, Setting)| format!("{}: {}", quote(name), sql(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}
