//! Lists, structs, maps and unions as DuckDB writes them.

use duckdb::arrow::array::{Array, ArrayRef, AsArray};
use duckdb::arrow::datatypes::DataType;
use duckdb::core::LogicalTypeId as Id;

use super::{Formatter, SqlType, is_null, unsupported};

/// Appends `[a, b]`, `{'a': 1}`, `{k=v}`, or a union's member.
pub(super) fn write(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    match array.data_type() {
        DataType::Struct(_) => write_struct(formatter, out, sql_type, array, row),
        DataType::Map(_, _) => write_map(formatter, out, sql_type, array, row),
        DataType::Union(_, _) => {
            if let Some((_, member_type, member, row)) = union_member(sql_type, array, row) {
                formatter.write(out, member_type, member.as_ref(), row);
            }
        }
        _ => match (list_value(array, row), sql_type.child(0)) {
            (Some(values), Some(element)) => {
                out.push('[');
                for i in 0..values.len() {
                    separate(out, i);
                    // DuckDB casts a list of JSON to VARCHAR without quotes around it.
                    if element.is_json {
                        formatter.write(out, element, values.as_ref(), i);
                    } else {
                        write_element(formatter, out, element, values.as_ref(), i);
                    }
                }
                out.push(']');
            }
            _ => unsupported(out, array.data_type()),
        },
    }
}

/// The elements of a list or array.
pub(super) fn list_value(array: &dyn Array, row: usize) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => Some(array.as_fixed_size_list().value(row)),
        _ => None,
    }
}

/// The member of a union that is set: its name, type, array and row there.
pub(super) fn union_member<'a>(
    sql_type: &'a SqlType,
    array: &'a dyn Array,
    row: usize,
) -> Option<(&'a str, &'a SqlType, &'a ArrayRef, usize)> {
    let union = array.as_union();
    let tag = union.type_id(row);
    let (name, member_type) = sql_type.children.get(usize::try_from(tag).ok()?)?;
    Some((name, member_type, union.child(tag), union.value_offset(row)))
}

fn write_struct(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    let members = array.as_struct();
    let unnamed = sql_type.children.iter().all(|(name, _)| name.is_empty());
    out.push(if unnamed { '(' } else { '{' });
    for (i, ((name, member_type), member)) in
        sql_type.children.iter().zip(members.columns()).enumerate()
    {
        separate(out, i);
        if !unnamed {
            quote(out, name);
            out.push_str(": ");
        }
        write_element(formatter, out, member_type, member.as_ref(), row);
    }
    out.push(if unnamed { ')' } else { '}' });
}

fn write_map(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    let entries = array.as_map().value(row);
    let (Some(key), Some(value)) = (sql_type.child(0), sql_type.child(1)) else { return };
    out.push('{');
    for i in 0..entries.len() {
        separate(out, i);
        write_element(formatter, out, key, entries.column(0).as_ref(), i);
        out.push('=');
        write_element(formatter, out, value, entries.column(1).as_ref(), i);
    }
    out.push('}');
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push_str(", ");
    }
}

/// Appends an element, in quotes where its text could be taken for something else.
fn write_element(
    formatter: &Formatter<'_>,
    out: &mut String,
    sql_type: &SqlType,
    array: &dyn Array,
    row: usize,
) {
    let start = out.len();
    formatter.write(out, sql_type, array, row);
    let nested = matches!(sql_type.id, Id::List | Id::Array | Id::Struct | Id::Map | Id::Union);
    if !nested && !is_null(array, row) && needs_quotes(&out[start..]) {
        let text = out.split_off(start);
        quote(out, &text);
    }
}

fn needs_quotes(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_whitespace() || c == '\x0B');
    edge(text.chars().next())
        || edge(text.chars().next_back())
        || text.eq_ignore_ascii_case("null")
        || text.contains(['\'', '"', '(', ')', ',', ':', '=', '[', ']', '{', '}'])
}

/// Appends text in single quotes, with backslashes before quotes and backslashes.
fn quote(out: &mut String, text: &str) {
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
}
