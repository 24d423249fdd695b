//! Results into DuckDB's vectors.

use std::ptr;

use duckdb::ffi;

use super::super::contract::{Lists, Results, SqlType, Value};
use crate::error::{Error, Result};

/// The result vector of a call.
pub(super) struct Output<'a> {
    vector: ffi::duckdb_vector,
    sql_type: &'a SqlType,
    rows: usize,
    /// How many elements the lists have so far.
    elements: usize,
    /// The first result that did not fit.
    pub misfit: Option<Error>,
}

impl<'a> Output<'a> {
    /// Takes over a vector, all of whose rows are NULL until they are set.
    ///
    /// # Safety
    /// `vector` must be a writable flat vector of type `sql_type` with room for `rows`, and stay so
    /// while the result lives.
    pub(super) unsafe fn new(
        vector: ffi::duckdb_vector,
        sql_type: &'a SqlType,
        rows: usize,
    ) -> Self {
        // SAFETY: the caller vouches for the vector.
        unsafe {
            nulls(vector, 0, &vec![&Value::Null; rows]);
            if let SqlType::List(_) = sql_type {
                let entries = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_list_entry>();
                ptr::write_bytes(entries, 0, rows);
            }
        }
        Self { vector, sql_type, rows, elements: 0, misfit: None }
    }

    fn set_values(&mut self, values: &[Value]) -> Result<()> {
        if values.len() != self.rows {
            let message = format!("{} results for {} rows", values.len(), self.rows);
            return Err(Error::Database(message));
        }
        let values: Vec<&Value> = values.iter().collect();
        // SAFETY: `new`'s caller vouched for the vector, which has as many rows as there are values.
        unsafe {
            (0..self.rows).for_each(|row| self.validate(row));
            column(self.vector, self.sql_type, 0, &values)
        }
    }

    fn set_lists(&mut self, lists: &Lists) -> Result<()> {
        let SqlType::List(element) = self.sql_type else {
            return Err(Error::Database("lists for a function without them".into()));
        };
        let SqlType::Struct(fields) = element.as_ref() else {
            return Err(Error::Database("lists of structs for a function without them".into()));
        };
        let added: usize = lists.lengths.iter().map(|(_, length)| length).sum();
        let fits = lists.lengths.iter().all(|(row, _)| *row < self.rows)
            && lists.fields.len() == fields.len()
            && lists.fields.iter().all(|values| values.len() == added);
        if !fits {
            return Err(Error::Database("lists whose fields differ in length".into()));
        }
        // SAFETY: rows and lengths were checked above; children are fetched after they have grown.
        unsafe {
            grow(self.vector, self.elements + added)?;
            let entries = ffi::duckdb_vector_get_data(self.vector).cast::<ffi::duckdb_list_entry>();
            let mut offset = self.elements as u64;
            for &(row, length) in &lists.lengths {
                let length = length as u64;
                entries.add(row).write(ffi::duckdb_list_entry { offset, length });
                self.validate(row);
                offset += length;
            }
            let structs = ffi::duckdb_list_vector_get_child(self.vector);
            for (place, ((_, sql_type), values)) in fields.iter().zip(&lists.fields).enumerate() {
                let child = ffi::duckdb_struct_vector_get_child(structs, place as ffi::idx_t);
                let values: Vec<&Value> = values.iter().collect();
                column(child, sql_type, self.elements, &values)?;
            }
        }
        self.elements += added;
        Ok(())
    }

    /// Marks a row as set.
    ///
    /// # Safety
    /// `row` must be a row of the vector.
    unsafe fn validate(&self, row: usize) {
        // SAFETY: `new` made the mask.
        unsafe {
            let mask = ffi::duckdb_vector_get_validity(self.vector);
            ffi::duckdb_validity_set_row_valid(mask, row as ffi::idx_t);
        }
    }
}

impl Results for Output<'_> {
    fn values(&mut self, values: &[Value]) {
        if self.misfit.is_none() {
            self.misfit = self.set_values(values).err();
        }
    }

    fn lists(&mut self, lists: &Lists) {
        if self.misfit.is_none() {
            self.misfit = self.set_lists(lists).err();
        }
    }
}

/// Makes room for a list vector's elements.
///
/// # Safety
/// `vector` must be a writable list vector.
unsafe fn grow(vector: ffi::duckdb_vector, elements: usize) -> Result<()> {
    let size = elements as ffi::idx_t;
    // SAFETY: the caller vouches for the vector.
    let grown = unsafe {
        ffi::duckdb_list_vector_reserve(vector, size) == ffi::DuckDBSuccess
            && ffi::duckdb_list_vector_set_size(vector, size) == ffi::DuckDBSuccess
    };
    if grown { Ok(()) } else { Err(Error::Database(format!("no room for {size} list elements"))) }
}

/// Writes values into a vector of the given type, from row `start`.
///
/// # Safety
/// `vector` must be a writable flat vector of type `sql_type` with room for `values`.
///
/// # Errors
/// A value does not fit the type.
pub(super) unsafe fn column(
    vector: ffi::duckdb_vector,
    sql_type: &SqlType,
    start: usize,
    values: &[&Value],
) -> Result<()> {
    // SAFETY: the caller vouches for vector, type and room.
    unsafe {
        nulls(vector, start, values);
        match sql_type {
            SqlType::Boolean => scalars(vector, start, values, |value| match value {
                Value::Bool(value) => Some(u8::from(*value)),
                _ => None,
            }),
            SqlType::BigInt => scalars(vector, start, values, |value| match value {
                Value::Int(value) => Some(*value),
                _ => None,
            }),
            SqlType::Float => {
                scalars(vector, start, values, |value| double(value).map(|x| x as f32))
            }
            SqlType::Double => scalars(vector, start, values, double),
            SqlType::Timestamp => scalars(vector, start, values, |value| match value {
                Value::Timestamp(micros) => Some(*micros),
                _ => None,
            }),
            SqlType::Varchar => bytes(vector, start, values, |value| match value {
                Value::Text(text) => Some(text.as_bytes()),
                _ => None,
            }),
            SqlType::Blob => bytes(vector, start, values, |value| match value {
                Value::Blob(bytes) => Some(bytes),
                _ => None,
            }),
            SqlType::List(element) if **element == SqlType::Float && are_packed(values) => {
                packed_lists(vector, start, values)
            }
            SqlType::List(element) => lists(vector, element, start, values),
            SqlType::Struct(fields) => structs(vector, fields, start, values),
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
unsafe fn nulls(vector: ffi::duckdb_vector, start: usize, values: &[&Value]) {
    if values.iter().all(|value| **value != Value::Null) {
        return;
    }
    // SAFETY: the mask exists after the first call and covers every row.
    unsafe {
        ffi::duckdb_vector_ensure_validity_writable(vector);
        let mask = ffi::duckdb_vector_get_validity(vector);
        for (row, value) in (start..).zip(values) {
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
    start: usize,
    values: &[&Value],
    convert: impl Fn(&Value) -> Option<T>,
) -> Result<()> {
    // SAFETY: the caller vouches for element type and room.
    let data = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<T>();
    for (row, value) in (start..).zip(values) {
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
/// As [`column`]; what `convert` gives for a VARCHAR vector must be valid UTF-8.
unsafe fn bytes<'v>(
    vector: ffi::duckdb_vector,
    start: usize,
    values: &[&'v Value],
    convert: impl Fn(&'v Value) -> Option<&'v [u8]>,
) -> Result<()> {
    for (row, value) in (start..).zip(values) {
        if **value == Value::Null {
            continue;
        }
        let bytes = convert(value).ok_or_else(|| misfit(value, "a column of another type"))?;
        // SAFETY: DuckDB copies the bytes; the caller vouches for vector and text.
        unsafe {
            ffi::duckdb_vector_assign_string_element_len(
                vector,
                row as ffi::idx_t,
                bytes.as_ptr().cast(),
                bytes.len() as ffi::idx_t,
            );
        }
    }
    Ok(())
}

/// Whether lists of numbers come packed: all of them, but for NULLs.
fn are_packed(values: &[&Value]) -> bool {
    let packed = |value: &Value| matches!(value, Value::Floats(_));
    values.iter().any(|value| packed(value))
        && values.iter().all(|value| packed(value) || **value == Value::Null)
}

/// # Safety
/// As [`column`]; the elements must be FLOATs.
unsafe fn packed_lists(vector: ffi::duckdb_vector, start: usize, values: &[&Value]) -> Result<()> {
    // SAFETY: the caller vouches for the vector.
    let before = if start == 0 { 0 } else { unsafe { ffi::duckdb_list_vector_get_size(vector) } };
    let lists = values.iter().map(|value| match value {
        Value::Floats(list) => list.as_slice(),
        _ => &[],
    });
    let added: usize = lists.clone().map(<[f32]>::len).sum();
    // SAFETY: the child is fetched after it has grown to hold all lists; entries fit the vector.
    unsafe {
        grow(vector, before as usize + added)?;
        let entries = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_list_entry>();
        let child = ffi::duckdb_list_vector_get_child(vector);
        let data = ffi::duckdb_vector_get_data(child).cast::<f32>();
        let mut offset = before as usize;
        for (row, list) in (start..).zip(lists) {
            let length = list.len() as u64;
            entries.add(row).write(ffi::duckdb_list_entry { offset: offset as u64, length });
            ptr::copy_nonoverlapping(list.as_ptr(), data.add(offset), list.len());
            offset += list.len();
        }
    }
    Ok(())
}

/// # Safety
/// As [`column`].
unsafe fn lists(
    vector: ffi::duckdb_vector,
    element: &SqlType,
    start: usize,
    values: &[&Value],
) -> Result<()> {
    // SAFETY: the caller vouches for the vector.
    let before = if start == 0 { 0 } else { unsafe { ffi::duckdb_list_vector_get_size(vector) } };
    let mut elements: Vec<&Value> = Vec::new();
    let mut entries = Vec::with_capacity(values.len());
    for value in values {
        let offset = before + elements.len() as u64;
        match value {
            Value::Null => {}
            Value::List(list) => elements.extend(list),
            other => return Err(misfit(other, "a LIST column")),
        }
        let length = before + elements.len() as u64 - offset;
        entries.push(ffi::duckdb_list_entry { offset, length });
    }
    // SAFETY: the child is fetched after it has grown; the entries fit the vector.
    unsafe {
        grow(vector, before as usize + elements.len())?;
        let data = ffi::duckdb_vector_get_data(vector).cast::<ffi::duckdb_list_entry>();
        ptr::copy_nonoverlapping(entries.as_ptr(), data.add(start), entries.len());
        let child = ffi::duckdb_list_vector_get_child(vector);
        column(child, element, before as usize, &elements)
    }
}

/// # Safety
/// As [`column`].
unsafe fn structs(
    vector: ffi::duckdb_vector,
    fields: &[(String, SqlType)],
    start: usize,
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
            column(child, sql_type, start, &children)?;
        }
    }
    Ok(())
}

fn misfit(value: &Value, place: &str) -> Error {
    Error::Database(format!("the value {value:?} does not fit {place}"))
}
