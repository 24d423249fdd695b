//! SQL values as JSON values.
//!
//! Unlike DuckDB's CLI, which writes `NaN` and `Infinity`, the output is always valid JSON: these
//! become `null`. Decimals and 128-bit integers are numbers with all their digits.

use duckdb::arrow::array::{Array, AsArray};
use duckdb::arrow::datatypes::DataType;
use duckdb::core::LogicalTypeId as Id;

use super::nested::{list_value, union_member};
use super::{Formatter, SqlType, is_null};

/// Appends one value.
pub(super) fn write(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    if is_null(array, row) {
        return out.push_str("null");
    }
    match array.data_type() {
        DataType::Struct(_) => {
            let members = array.as_struct();
            let items = sql_type.children.iter().zip(members.columns()).enumerate();
            object(out, items, |out, (i, ((name, member_type), member))| {
                // The members of an unnamed struct are numbered.
                let name = if name.is_empty() { (i + 1).to_string() } else { name.clone() };
                key(out, &name);
                write(formatter, out, member_type, member.as_ref(), row);
            });
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (Some(key_type), Some(value_type)) = (sql_type.child(0), sql_type.child(1)) else {
                return out.push_str("{}");
            };
            object(out, 0..entries.len(), |out, i| {
                let name = formatter.text(key_type, entries.column(0).as_ref(), i);
                key(out, &name.unwrap_or_default());
                write(formatter, out, value_type, entries.column(1).as_ref(), i);
            });
        }
        DataType::Union(_, _) => {
            object(out, union_member(sql_type, array, row), |out, (name, ty, member, row)| {
                key(out, name);
                write(formatter, out, ty, member.as_ref(), row);
            });
        }
        _ => match (list_value(array, row), sql_type.child(0)) {
            (Some(values), Some(element)) => {
                out.push('[');
                for i in 0..values.len() {
                    if i > 0 {
                        out.push(',');
                    }
                    write(formatter, out, element, values.as_ref(), i);
                }
                out.push(']');
            }
            _ => write_plain(formatter, out, sql_type, array, row),
        },
    }
}

fn write_plain(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    let text = formatter.text(sql_type, array, row).unwrap_or_default();
    let bare = sql_type.is_number() || sql_type.id == Id::Boolean;
    if matches!(sql_type.id, Id::Float | Id::Double) && text.contains(['n', 'i']) {
        out.push_str("null");
    } else if bare || sql_type.is_json {
        out.push_str(&text);
    } else {
        string(out, &text);
    }
}

fn object<T>(
    out: &mut String,
    members: impl IntoIterator<Item = T>,
    mut member: impl FnMut(&mut String, T),
) {
    out.push('{');
    for (i, item) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        member(out, item);
    }
    out.push('}');
}

/// Appends a member's name and the colon.
fn key(out: &mut String, name: &str) {
    string(out, name);
    out.push(':');
}

/// A text as a JSON string.
pub fn text(text: &str) -> String {
    let mut out = String::new();
    string(&mut out, text);
    out
}

/// Appends a JSON string.
fn string(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
