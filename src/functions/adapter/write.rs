//! Results into DuckDB's vectors.

use std::ptr;

use duckdb::ffi;

use super::super::contract::{SqlType, Value};
use crate::error::{Error, Result};

/// Writes one value per row into a vector of the given type, from row 0.
///
/// # Safety
/// `vector` must be a writable flat vector of type `sql_type` with room for `values`.
///
/// # Errors
/// A value does not fit the type.
pub(super) unsafe fn column(
    vector: ffi::duckdb_vector,
    sql_type: &SqlType,
    values: &[&Value],
) -> Result<()> {
    // SAFETY: the caller vouches for vector, type and room.
    unsafe {
        nulls(vector, values);
        match sql_type {
            SqlType::Boolean => scalars(vector, values, |value| match value {
                Value::Bool(value) => Some(u8::from(*value)),
                _ => None,
            }),
            SqlType::BigInt => scalars(vector, values, |value| match value {
                Value::Int(value) => Some(*value),
                _ => None,
            }),
            SqlType::Float => scalars(vector, values, |value| double(value).map(|x| x as f32)),
            SqlType::Double => scalars(vector, values, double),
            SqlType::Timestamp => scalars(vector, values, |value| match value {
                Value::Timestamp(micros) => Some(*micros),
                _ => None,
            }),
            SqlType::Varchar => texts(vector, values),
            SqlType::List(element) => lists(vector, element, values),
            SqlType::Struct(fields) => structs(vector, fields, values),
            SqlType::Any | SqlType::Id | SqlType::Named(_) => {
                match values.iter().find(|v| ***v != Value::Null) {
                    Some(value) => Err(misfit(value, "a column that is always NULL")),
                    None => Ok(()),
                }
            }
        }
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        _ => None,
    }
}

/// # Safety
/// As [`column`].
unsafe fn nulls(vector: ffi::duckdb_vector, values: &[&Value]) {
    if values.iter().all(|value| **value != Value::Null) {
        return;
    }
    // SAFETY: the mask exists after the first call and covers every row.
    unsafe {
        ffi::duckdb_vector_ensure_validity_writable(vector);
        let mask = ffi::duckdb_vector_get_validity(vector);
        for (row, value) in values.iter().enumerate() {
            if **value == Value::Null {
                ffi::duckdb_validity_set_row_invalid(mask, row as ffi::idx_t);
            }
        }
    }
}

/// # Safety
/// As [`column`]; the vector's elements must be `T`s.
unsafe fn scalars<T>(
    vector: ffi::duckdb_vector,
    values: &[&Value],
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<()> {
    // SAFETY: the caller vouches for element type and room.
    let data = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<T>();
    for (row, value) in values.iter().enumerate() {
        if **value == Value::Null {
            continue;
        }
        let element = convert(value).ok_or_else(|| misfit(value, "a column of another type"))?;
        // SAFETY: `row` is within the vector.
        unsafe { data.add(row).write(element) };
    }
    Ok(())
}

/// # Safety
/// As [`column`].
unsafe fn texts(vector: ffi::duckdb_vector, values: &[&Value]) -> Result<()> {
    for (row, value) in values.iter().enumerate() {
        match value {
            Value::Null => {}
            // SAFETY: DuckDB copies the bytes, which are valid UTF-8.
            Value::Text(text) => unsafe {
                ffi::duckdb_vector_assign_string_element_len(
                    vector,
                    row as ffi::idx_t,
                    text.as_ptr().cast(),
                    text.len() as ffi::idx_t,
                );
            },
            other => return Err(misfit(other, "a VARCHAR column")),
        }
    }
    Ok(())
}

/// # Safety
/// As [`column`].
unsafe fn lists(vector: ffi::duckdb_vector, element: &SqlType, values: &[&Value]) -> Result<()> {
    let mut elements: Vec<&Value> = Vec::new();
    let mut entries = Vec::with_capacity(values.len());
    for value in values {
        let offset = elements.len() as u64;
        match value {
            Value::Null => {}
            Value::List(list) => elements.extend(list),
            other => return Err(misfit(other, "a LIST column")),
        }
        let length = elements.len() as u64 - offset;
        entries.push(ffi::duckdb_list_entry { offset, length });
    }
    // SAFETY: the child is fetched after it has grown; the entries fit the vector.
    unsafe {
        let size = elements.len() as ffi::idx_t;
        if ffi::duckdb_list_vector_reserve(vector, size) != ffi::DuckDBSuccess
            || ffi::duckdb_list_vector_set_size(vector, size) != ffi::DuckDBSuccess
        {
            return Err(Error::Database(format!("no room for {size} list elements")));
        }
        let data = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_list_entry>();
        ptr::copy_nonoverlapping(entries.as_ptr(), data, entries.len());
        column(ffi::duckdb_list_vector_get_child(vector), element, &elements)
    }
}

/// # Safety
/// As [`column`].
unsafe fn structs(
    vector: ffi::duckdb_vector,
    fields: &[(String, SqlType)],
    values: &[&Value],
) -> Result<()> {
    for (place, (name, sql_type)) in fields.iter().enumerate() {
        let mut children = Vec::with_capacity(values.len());
        for value in values {
            children.push(match value {
                // The children of NULL are NULL.
                Value::Null => &Value::Null,
                Value::Struct(given) => match given.get(place) {
                    Some((given, child)) if given == name => child,
                    _ => return Err(misfit(value, &format!("a STRUCT with field {name}"))),
                },
                other => return Err(misfit(other, "a STRUCT column")),
            });
        }
        // SAFETY: `place` is a field of the struct; the child has the parent's room.
        unsafe {
            let child = ffi::duckdb_struct_vector_get_child(vector, place as ffi::idx_t);
            column(child, sql_type, &children)?;
        }
    }
    Ok(())
}

fn misfit(value: &Value, place: &str) -> Error {
    Error::Database(format!("the value {value:?} does not fit {place}"))
}
