//! SQL values as text, exactly as DuckDB's cast to VARCHAR writes them.
//!
//! Results arrive as Arrow arrays; the SQL type stands beside them, because Arrow alone cannot
//! tell a HUGEINT from a UUID or BIT from BLOB. Not covered: VARIANT, which duckdb-rs refuses to
//! export, and GEOMETRY, which is written as its bytes.

mod binary;
mod json;
mod nested;
mod number;
mod sql_type;
#[cfg(test)]
mod tests;
mod time;
mod zone;

use std::fmt::Write;

use duckdb::Connection;
use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, StructArray, types as arrow_types,
};
use duckdb::arrow::datatypes::{
    ArrowPrimitiveType, DataType, IntervalUnit, TimeUnit as ArrowTimeUnit,
};
use duckdb::core::LogicalTypeId;

pub use json::text as json_string;
pub use sql_type::SqlType;
use time::Unit;
use zone::Zones;

/// A column of a result.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its SQL type.
    pub sql_type: SqlType,
}

/// Writes values as text.
pub struct Formatter<'c> {
    zones: Zones<'c>,
}

impl<'c> Formatter<'c> {
    /// A formatter for results of this connection, which is asked for the offsets of time zones.
    pub fn new(connection: &'c Connection) -> Self {
        Self { zones: Zones::new(connection) }
    }

    /// The text of one value; `None` for NULL.
    pub fn text(&self, sql_type: &SqlType, array: &dyn Array, row: usize) -> Option<String> {
        if is_null(array, row) {
            return None;
        }
        let mut out = String::new();
        self.write(&mut out, sql_type, array, row);
        Some(out)
    }

    /// One value as JSON: numbers as numbers, nested values as arrays and objects, the rest as
    /// strings of their text. NULL and numbers that JSON lacks (NaN, infinity) are `null`.
    pub fn json(&self, out: &mut String, sql_type: &SqlType, array: &dyn Array, row: usize) {
        json::write(self, out, sql_type, array, row);
    }

    /// Appends the text of a value; NULL inside nested values is `NULL`.
    fn write(&self, out: &mut String, sql_type: &SqlType, array: &dyn Array, row: usize) {
        if is_null(array, row) {
            out.push_str("NULL");
            return;
        }
        match array.data_type() {
            DataType::Boolean => out.push_str(bool_text(array.as_boolean().value(row))),
            DataType::Int8 if sql_type.id == LogicalTypeId::Boolean => {
                out.push_str(bool_text(primitive::<arrow_types::Int8Type>(array, row) != 0));
            }
            DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
            DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
            DataType::Binary => {
                binary::write(out, sql_type.id, array.as_binary::<i32>().value(row));
            }
            DataType::LargeBinary => {
                binary::write(out, sql_type.id, array.as_binary::<i64>().value(row));
            }
            DataType::BinaryView => {
                binary::write(out, sql_type.id, array.as_binary_view().value(row));
            }
            DataType::FixedSizeBinary(_) => {
                binary::write(out, sql_type.id, array.as_fixed_size_binary().value(row));
            }
            DataType::Dictionary(_, _) => write_enum(out, array, row),
            DataType::Date32 => time::date(out, primitive::<arrow_types::Date32Type>(array, row)),
            DataType::Time64(_) | DataType::Timestamp(_, _) | DataType::Interval(_) => {
                self.write_time(out, array, row);
            }
            data_type if data_type.is_nested() => nested::write(self, out, sql_type, array, row),
            _ => write_number(out, sql_type, array, row),
        }
    }

    fn write_time(&self, out: &mut String, array: &dyn Array, row: usize) {
        use arrow_types as t;
        match array.data_type() {
            DataType::Time64(ArrowTimeUnit::Nanosecond) => {
                let nanos = primitive::<t::Time64NanosecondType>(array, row);
                time::time_of_day(out, nanos, Unit::Nanos);
            }
            DataType::Time64(_) => {
                let micros = primitive::<t::Time64MicrosecondType>(array, row);
                time::time_of_day(out, micros, Unit::Micros);
            }
            DataType::Timestamp(unit, zone) => {
                let (value, unit) = match unit {
                    ArrowTimeUnit::Second => {
                        (primitive::<t::TimestampSecondType>(array, row), Unit::Seconds)
                    }
                    ArrowTimeUnit::Millisecond => {
                        (primitive::<t::TimestampMillisecondType>(array, row), Unit::Millis)
                    }
                    ArrowTimeUnit::Microsecond => {
                        (primitive::<t::TimestampMicrosecondType>(array, row), Unit::Micros)
                    }
                    ArrowTimeUnit::Nanosecond => {
                        (primitive::<t::TimestampNanosecondType>(array, row), Unit::Nanos)
                    }
                };
                let offset = zone.as_deref().map(|zone| self.zones.offset_seconds(zone, value));
                time::timestamp(out, value, unit, offset);
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let value = primitive::<t::IntervalMonthDayNanoType>(array, row);
                time::interval(out, value.months, value.days, value.nanoseconds / 1_000);
            }
            other => unsupported(out, other),
        }
    }
}

/// Whether a value is NULL. Arrow keeps no validity of its own for unions and the null type.
fn is_null(array: &dyn Array, row: usize) -> bool {
    match array.data_type() {
        DataType::Null => true,
        DataType::Union(_, _) => {
            let union = array.as_union();
            let member = union.child(union.type_id(row));
            is_null(member.as_ref(), union.value_offset(row))
        }
        _ => array.is_null(row),
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn write_number(out: &mut String, sql_type: &SqlType, array: &dyn Array, row: usize) {
    use arrow_types as t;
    // Writing into a String cannot fail.
    let _ = match array.data_type() {
        DataType::Int8 => write!(out, "{}", primitive::<t::Int8Type>(array, row)),
        DataType::Int16 => write!(out, "{}", primitive::<t::Int16Type>(array, row)),
        DataType::Int32 => write!(out, "{}", primitive::<t::Int32Type>(array, row)),
        DataType::Int64 => write!(out, "{}", primitive::<t::Int64Type>(array, row)),
        DataType::UInt8 => write!(out, "{}", primitive::<t::UInt8Type>(array, row)),
        DataType::UInt16 => write!(out, "{}", primitive::<t::UInt16Type>(array, row)),
        DataType::UInt32 => write!(out, "{}", primitive::<t::UInt32Type>(array, row)),
        DataType::UInt64 => write!(out, "{}", primitive::<t::UInt64Type>(array, row)),
        DataType::Float32 => {
            number::float(out, &format!("{:e}", primitive::<t::Float32Type>(array, row)));
            Ok(())
        }
        DataType::Float64 => {
            number::float(out, &format!("{:e}", primitive::<t::Float64Type>(array, row)));
            Ok(())
        }
        // Without `arrow_lossless_conversion` UHUGEINT travels as the bits of a decimal.
        DataType::Decimal128(_, _) if sql_type.id == LogicalTypeId::UHugeint => {
            write!(out, "{}", primitive::<t::Decimal128Type>(array, row).cast_unsigned())
        }
        DataType::Decimal128(_, scale) => {
            number::decimal(out, primitive::<t::Decimal128Type>(array, row), *scale);
            Ok(())
        }
        DataType::Decimal32(_, scale) => {
            number::decimal(out, primitive::<t::Decimal32Type>(array, row).into(), *scale);
            Ok(())
        }
        DataType::Decimal64(_, scale) => {
            number::decimal(out, primitive::<t::Decimal64Type>(array, row).into(), *scale);
            Ok(())
        }
        other => {
            unsupported(out, other);
            Ok(())
        }
    };
}

fn write_enum(out: &mut String, array: &dyn Array, row: usize) {
    let found = enum_value::<arrow_types::UInt8Type>(array, row)
        .or_else(|| enum_value::<arrow_types::UInt16Type>(array, row))
        .or_else(|| enum_value::<arrow_types::UInt32Type>(array, row));
    match found {
        Some((values, key)) if values.data_type() == &DataType::Utf8 => {
            out.push_str(values.as_string::<i32>().value(key));
        }
        _ => unsupported(out, array.data_type()),
    }
}

fn enum_value<K: duckdb::arrow::datatypes::ArrowDictionaryKeyType>(
    array: &dyn Array,
    row: usize,
) -> Option<(&ArrayRef, usize)> {
    let array = array.as_any().downcast_ref::<DictionaryArray<K>>()?;
    Some((array.values(), array.key(row)?))
}

/// A type that this DuckDB does not send; said in place of the value rather than guessed.
fn unsupported(out: &mut String, data_type: &DataType) {
    let _ = write!(out, "<{data_type}>");
}

/// Some rows of a result, ready to be written.
pub struct Rows<'a> {
    formatter: &'a Formatter<'a>,
    columns: &'a [Column],
    arrays: &'a [ArrayRef],
    len: usize,
}

impl<'a> Rows<'a> {
    /// The rows of a batch.
    pub fn new(
        formatter: &'a Formatter<'a>,
        columns: &'a [Column],
        batch: &'a StructArray,
    ) -> Self {
        Self { formatter, columns, arrays: batch.columns(), len: batch.len() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The result's columns.
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// The text of a value; `None` for NULL.
    pub fn text(&self, row: usize, column: usize) -> Option<String> {
        let sql_type = &self.columns[column].sql_type;
        self.formatter.text(sql_type, self.arrays[column].as_ref(), row)
    }

    /// Appends a value as JSON.
    pub fn json(&self, out: &mut String, row: usize, column: usize) {
        let sql_type = &self.columns[column].sql_type;
        self.formatter.json(out, sql_type, self.arrays[column].as_ref(), row);
    }
}
