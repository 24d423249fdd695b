//! Small query results as plain values.
//!
//! duckdb-rs's own rows panic where the database sends Arrow's view layouts, which the host
//! program may have switched on for everybody; these do not.

use std::sync::Arc;

use duckdb::arrow::array::{Array, ArrayRef, AsArray};
use duckdb::arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use duckdb::{Connection, Params, Statement};

use super::arrow::{as_type, unexpected};
use crate::error::Result;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
}

impl Cell {
    /// The text; empty if there is none.
    pub(super) fn text(self) -> String {
        if let Self::Text(text) = self { text } else { String::new() }
    }

    /// The integer, if there is one.
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// The number; NaN if there is none.
    pub(super) fn number(&self) -> f64 {
        if let Self::Number(number) = self { *number } else { f64::NAN }
    }

    /// Whether it is true.
    pub(super) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// The bytes; empty if there are none.
    pub(super) fn bytes(self) -> Vec<u8> {
        if let Self::Bytes(bytes) = self { bytes } else { Vec::new() }
    }

    /// The elements; empty if there are none.
    pub(super) fn list(self) -> Vec<Self> {
        if let Self::List(cells) = self { cells } else { Vec::new() }
    }
}

/// All rows of a query. Dates, times and other types must be cast in the query.
pub(super) fn rows(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Vec<Cell>>> {
    read(&mut conn.prepare(sql)?, params)
}

/// As [`rows`], for queries that are asked again and again: the connection keeps them prepared.
pub(super) fn lookup(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Vec<Cell>>> {
    let mut statement = conn.prepare_cached(sql)?;
    read(&mut statement, params)
}

fn read(statement: &mut Statement<'_>, params: impl Params) -> Result<Vec<Vec<Cell>>> {
    drop(statement.query_arrow(params)?);
    let mut rows = Vec::new();
    while let Some(batch) = statement.step()? {
        let columns = batch.columns().iter().map(cells).collect::<Result<Vec<_>>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.len() {
            rows.push(columns.iter_mut().filter_map(Iterator::next).collect());
        }
    }
    Ok(rows)
}

fn cells(array: &ArrayRef) -> Result<Vec<Cell>> {
    let wanted = match array.data_type() {
        DataType::Null => return Ok(vec![Cell::Null; array.len()]),
        DataType::Boolean => DataType::Boolean,
        number if number.is_integer() => DataType::Int64,
        number if number.is_floating() => DataType::Float64,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => {
            DataType::List(Arc::new(Field::new("l", field.data_type().clone(), true)))
        }
        _ => DataType::Utf8,
    };
    let array = &as_type(array, &wanted)?;
    let read: Box<dyn Fn(usize) -> Result<Cell> + '_> = match wanted {
        DataType::Boolean => Box::new(|i| Ok(Cell::Bool(array.as_boolean().value(i)))),
        DataType::Int64 => {
            Box::new(|i| Ok(Cell::Integer(array.as_primitive::<Int64Type>().value(i))))
        }
        DataType::Float64 => {
            Box::new(|i| Ok(Cell::Number(array.as_primitive::<Float64Type>().value(i))))
        }
        DataType::Binary => {
            Box::new(|i| Ok(Cell::Bytes(array.as_binary::<i32>().value(i).to_vec())))
        }
        DataType::List(_) => Box::new(|i| Ok(Cell::List(cells(&array.as_list::<i32>().value(i))?))),
        DataType::Utf8 => {
            Box::new(|i| Ok(Cell::Text(array.as_string::<i32>().value(i).to_owned())))
        }
        _ => return Err(unexpected(array)),
    };
    (0..array.len()).map(|i| if array.is_null(i) { Ok(Cell::Null) } else { read(i) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_in_every_layout() {
        let conn = Connection::open_in_memory().unwrap();
        let sql = "SELECT 'a' || ?, 1::UTINYINT, 2.5::FLOAT, true, 'x'::BLOB, ['b', NULL], NULL
                   UNION ALL SELECT NULL, 2, NULL, NULL, NULL, NULL, NULL";
        let plain = rows(&conn, sql, ["b"]).unwrap();
        conn.execute_batch(
            "SET produce_arrow_string_view = true; SET arrow_output_version = '1.4';
             SET arrow_output_list_view = true; SET arrow_large_buffer_size = true",
        )
        .unwrap();
        assert_eq!(rows(&conn, sql, ["b"]).unwrap(), plain);
        assert_eq!(plain[0][0], Cell::Text("ab".into()));
        assert_eq!(plain[0][4], Cell::Bytes(b"x".to_vec()));
        assert_eq!(plain[0][5], Cell::List(vec![Cell::Text("b".into()), Cell::Null]));
        assert_eq!(plain[1][1..4], [Cell::Integer(2), Cell::Null, Cell::Null]);
    }

    #[test]
    fn errors_come_back() {
        let conn = Connection::open_in_memory().unwrap();
        assert!(rows(&conn, "SELECT CAST('x' AS INTEGER)", []).is_err());
    }
}
