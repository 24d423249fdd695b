//! Vectors, as scalar functions get them, as [`Value`]s.

use std::ffi::c_void;
use std::slice;

use duckdb::ffi;

use super::super::contract::{Argument, Value};
use super::numbers::{int128, integer, shown, uint128, with_point};
use super::take_string;
use super::types::LogicalType;
use super::value::Constant;
use crate::error::{Error, Result};

/// Reads the rows of a flat vector of any supported type.
pub(super) struct Reader {
    data: *const c_void,
    validity: *mut u64,
    layout: Layout,
}

/// How the data of a vector are laid out.
enum Layout {
    /// Always NULL.
    Null,
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Int128,
    UInt128,
    Float,
    Double,
    Text,
    /// The integers below, divided by a power of ten.
    Decimal(Box<Layout>, f64),
    /// The integers below are indices into the names.
    Enum(Box<Layout>, Vec<String>),
    /// The integers below with a decimal point before the last so many digits.
    Digits(Box<Layout>, usize),
    /// Text of the value below.
    Shown(Box<Layout>),
    /// DuckDB prints the value; the function makes it from the data and a row.
    Printed(unsafe fn(*const c_void, usize) -> ffi::duckdb_value),
    List(Box<Reader>),
    Array(Box<Reader>, usize),
    Struct(Vec<(String, Reader)>),
}

impl Reader {
    /// A reader of `vector`.
    ///
    /// # Safety
    /// `vector` must be flat, with all its children, and stay valid and unchanged while the reader
    /// lives.
    ///
    /// # Errors
    /// The type is not supported; the message names it.
    pub(super) unsafe fn new(vector: ffi::duckdb_vector) -> Result<Self> {
        // SAFETY: the vector is valid; the type is ours to free.
        unsafe {
            let logical_type = LogicalType::from_raw(ffi::duckdb_vector_get_column_type(vector));
            let layout = Layout::of(vector, &logical_type)?;
            let data = ffi::duckdb_vector_get_data(vector).cast_const();
            Ok(Self { data, validity: ffi::duckdb_vector_get_validity(vector), layout })
        }
    }

    /// A reader that gives every value but NULL and nested ones as text, as a cast to VARCHAR does.
    ///
    /// # Safety
    /// As [`Reader::new`].
    ///
    /// # Errors
    /// As [`Reader::new`].
    pub(super) unsafe fn of_texts(vector: ffi::duckdb_vector) -> Result<Self> {
        // SAFETY: the caller vouches for the vector.
        let mut reader = unsafe { Self::new(vector) }?;
        reader.layout = match reader.layout {
            // SAFETY (each closure): called only for data of its type.
            Layout::Float => {
                Layout::Printed(|data, row| unsafe { ffi::duckdb_create_float(at(data, row)) })
            }
            Layout::Double => {
                Layout::Printed(|data, row| unsafe { ffi::duckdb_create_double(at(data, row)) })
            }
            Layout::Decimal(inner, divisor) => {
                Layout::Digits(inner, divisor.log10().round() as usize)
            }
            Layout::Enum(..) | Layout::Text | Layout::Null | Layout::Printed(_) => reader.layout,
            Layout::List(_) | Layout::Array(..) | Layout::Struct(_) => reader.layout,
            scalar => Layout::Shown(Box::new(scalar)),
        };
        Ok(reader)
    }

    /// The values of the first `rows` rows.
    ///
    /// # Safety
    /// The vector must have so many rows.
    pub(super) unsafe fn argument(&self, rows: usize) -> Argument {
        // SAFETY: the caller vouches for the rows.
        unsafe {
            if rows > 1 && (1..rows).all(|row| self.same(0, row)) {
                return Argument::Same(self.get(0));
            }
            Argument::Each((0..rows).map(|row| self.get(row)).collect())
        }
    }

    /// The value of a row.
    ///
    /// # Safety
    /// `row` must be a row of the vector.
    unsafe fn get(&self, row: usize) -> Value {
        // SAFETY: the caller vouches for the row; if it is valid, so are the data behind it.
        unsafe { if self.is_valid(row) { self.layout.get(self.data, row) } else { Value::Null } }
    }

    /// # Safety
    /// `row` must be a row of the vector.
    unsafe fn is_valid(&self, row: usize) -> bool {
        // SAFETY: the caller vouches for the row; a null mask means that all rows are valid.
        self.validity.is_null()
            || unsafe { ffi::duckdb_validity_row_is_valid(self.validity, row as ffi::idx_t) }
    }

    /// Whether two rows certainly hold the same value; false where comparing is no cheaper than
    /// reading.
    ///
    /// # Safety
    /// `a` and `b` must be rows of the vector.
    unsafe fn same(&self, a: usize, b: usize) -> bool {
        // SAFETY: the caller vouches for the rows; if they are valid, so are the data behind them.
        unsafe {
            match (self.is_valid(a), self.is_valid(b)) {
                (true, true) => self.layout.same(self.data, a, b),
                (a, b) => a == b,
            }
        }
    }
}

impl Layout {
    /// # Safety
    /// `logical_type` must be the type of `vector`; else as [`Reader::new`].
    unsafe fn of(vector: ffi::duckdb_vector, logical_type: &LogicalType) -> Result<Self> {
        let raw = logical_type.raw();
        // SAFETY: each accessor fits the type; children live as long as their vector.
        unsafe {
            Ok(match logical_type.id() {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                    let inner = Self::simple(ffi::duckdb_decimal_internal_type(raw));
                    let inner = inner.ok_or_else(|| unsupported(logical_type.id()))?;
                    let divisor = 10f64.powi(i32::from(ffi::duckdb_decimal_scale(raw)));
                    Self::Decimal(Box::new(inner), divisor)
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => {
                    let inner = Self::simple(ffi::duckdb_enum_internal_type(raw));
                    let inner = inner.ok_or_else(|| unsupported(logical_type.id()))?;
                    let count = ffi::idx_t::from(ffi::duckdb_enum_dictionary_size(raw));
                    let name = |index| take_string(ffi::duckdb_enum_dictionary_value(raw, index));
                    Self::Enum(Box::new(inner), (0..count).map(name).collect())
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                    Self::List(Box::new(Reader::new(ffi::duckdb_list_vector_get_child(vector))?))
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
                    let child = Reader::new(ffi::duckdb_array_vector_get_child(vector))?;
                    Self::Array(Box::new(child), ffi::duckdb_array_type_array_size(raw) as usize)
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    let count = ffi::duckdb_struct_type_child_count(raw);
                    let field = |index| {
                        let name = take_string(ffi::duckdb_struct_type_child_name(raw, index));
                        let child = ffi::duckdb_struct_vector_get_child(vector, index);
                        Ok((name, Reader::new(child)?))
                    };
                    Self::Struct((0..count).map(field).collect::<Result<_>>()?)
                }
                id => Self::simple(id).ok_or_else(|| unsupported(id))?,
            })
        }
    }

    fn simple(id: ffi::duckdb_type) -> Option<Self> {
        Some(match id {
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SQLNULL => Self::Null,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Self::Bool,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT => Self::Int8,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT => Self::Int16,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER => Self::Int32,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT => Self::Int64,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT => Self::UInt8,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT => Self::UInt16,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Self::UInt32,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT => Self::UInt64,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT => Self::Int128,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => Self::UInt128,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT => Self::Float,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE => Self::Double,
            ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR => Self::Text,
            id => Self::Printed(printer(id)?),
        })
    }

    /// See [`Reader::same`].
    ///
    /// # Safety
    /// `data` must be laid out like this and hold values at `a` and `b`.
    unsafe fn same(&self, data: *const c_void, a: usize, b: usize) -> bool {
        // SAFETY: the caller vouches for layout and rows.
        unsafe {
            match self {
                Self::Null => true,
                Self::Bool | Self::Int8 | Self::UInt8 => equal::<u8>(data, a, b),
                Self::Int16 | Self::UInt16 => equal::<u16>(data, a, b),
                Self::Int32 | Self::UInt32 | Self::Float => equal::<u32>(data, a, b),
                Self::Int64 | Self::UInt64 | Self::Double => equal::<u64>(data, a, b),
                Self::Int128 | Self::UInt128 => equal::<[u64; 2]>(data, a, b),
                Self::Text => bytes(data, a) == bytes(data, b),
                Self::Decimal(inner, _)
                | Self::Enum(inner, _)
                | Self::Digits(inner, _)
                | Self::Shown(inner) => inner.same(data, a, b),
                // Those of one constant are one and the same.
                Self::List(_) => {
                    let entry = |row| at::<ffi::duckdb_list_entry>(data, row);
                    let (a, b) = (entry(a), entry(b));
                    (a.offset, a.length) == (b.offset, b.length)
                }
                Self::Struct(fields) => fields.iter().all(|(_, child)| child.same(a, b)),
                Self::Printed(_) | Self::Array(..) => false,
            }
        }
    }

    /// # Safety
    /// `data` must be laid out like this and hold a value at `row`.
    unsafe fn get(&self, data: *const c_void, row: usize) -> Value {
        // SAFETY: the caller vouches for layout and row.
        unsafe {
            match self {
                Self::Null => Value::Null,
                Self::Bool => Value::Bool(at::<u8>(data, row) != 0),
                Self::Int8 => Value::Int(at::<i8>(data, row).into()),
                Self::Int16 => Value::Int(at::<i16>(data, row).into()),
                Self::Int32 => Value::Int(at::<i32>(data, row).into()),
                Self::Int64 => Value::Int(at::<i64>(data, row)),
                Self::UInt8 => Value::Int(at::<u8>(data, row).into()),
                Self::UInt16 => Value::Int(at::<u16>(data, row).into()),
                Self::UInt32 => Value::Int(at::<u32>(data, row).into()),
                Self::UInt64 => integer(at::<u64>(data, row)),
                Self::Int128 => integer(int128(at(data, row))),
                Self::UInt128 => integer(uint128(at(data, row))),
                Self::Float => {
                    let number = at::<f32>(data, row);
                    // The shortest text gives 0.1, where widening gives 0.10000000149.
                    Value::Float(number.to_string().parse().unwrap_or_else(|_| number.into()))
                }
                Self::Double => Value::Float(at(data, row)),
                Self::Text => Value::Text(String::from_utf8_lossy(bytes(data, row)).into_owned()),
                Self::Decimal(inner, divisor) => match inner.get(data, row) {
                    Value::Int(digits) => Value::Float(digits as f64 / divisor),
                    Value::Text(digits) => {
                        Value::Float(digits.parse().unwrap_or(f64::NAN) / divisor)
                    }
                    other => other,
                },
                Self::Digits(inner, scale) => match shown(inner.get(data, row)) {
                    Value::Text(digits) => Value::Text(with_point(&digits, *scale)),
                    other => other,
                },
                Self::Shown(inner) => shown(inner.get(data, row)),
                Self::Enum(inner, names) => match inner.get(data, row) {
                    Value::Int(index) => usize::try_from(index)
                        .ok()
                        .and_then(|index| names.get(index))
                        .map_or(Value::Null, |name| Value::Text(name.clone())),
                    other => other,
                },
                Self::Printed(make) => {
                    Constant::from_raw(make(data, row)).map_or(Value::Null, |value| value.text())
                }
                Self::List(child) => {
                    let entry = at::<ffi::duckdb_list_entry>(data, row);
                    let rows = entry.offset as usize..(entry.offset + entry.length) as usize;
                    Value::List(rows.map(|row| child.get(row)).collect())
                }
                Self::Array(child, size) => {
                    Value::List((row * size..(row + 1) * size).map(|row| child.get(row)).collect())
                }
                Self::Struct(fields) => Value::Struct(
                    fields.iter().map(|(name, child)| (name.clone(), child.get(row))).collect(),
                ),
            }
        }
    }
}

/// # Safety
/// `data` must be an array of `T` that has elements `a` and `b`.
unsafe fn equal<T: Copy + PartialEq>(data: *const c_void, a: usize, b: usize) -> bool {
    // SAFETY: the caller vouches.
    unsafe { at::<T>(data, a) == at::<T>(data, b) }
}

/// # Safety
/// `data` must be an array of `T` that has an element `row`.
unsafe fn at<T: Copy>(data: *const c_void, row: usize) -> T {
    // SAFETY: the caller vouches; DuckDB aligns vectors.
    unsafe { *data.cast::<T>().add(row) }
}

/// # Safety
/// `data` must be an array of strings that has a valid element `row` and lives for `'a`.
unsafe fn bytes<'a>(data: *const c_void, row: usize) -> &'a [u8] {
    // SAFETY: the caller vouches; the bytes live as long as the vector. Short strings lie inside
    // the element, hence the pointer to the element itself, not to a copy.
    unsafe {
        let string = data.cast::<ffi::duckdb_string_t>().cast_mut().add(row);
        let length = ffi::duckdb_string_t_length(*string) as usize;
        slice::from_raw_parts(ffi::duckdb_string_t_data(string).cast::<u8>(), length)
    }
}

/// How to make a constant of the given type from vector data, for DuckDB to print.
fn printer(id: ffi::duckdb_type) -> Option<unsafe fn(*const c_void, usize) -> ffi::duckdb_value> {
    // SAFETY (each closure): called only for data of its type.
    Some(match id {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE => {
            |data, row| unsafe { ffi::duckdb_create_date(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME => {
            |data, row| unsafe { ffi::duckdb_create_time(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTERVAL => {
            |data, row| unsafe { ffi::duckdb_create_interval(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP => {
            |data, row| unsafe { ffi::duckdb_create_timestamp(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ => {
            |data, row| unsafe { ffi::duckdb_create_timestamp_tz(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S => {
            |data, row| unsafe { ffi::duckdb_create_timestamp_s(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS => {
            |data, row| unsafe { ffi::duckdb_create_timestamp_ms(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS => {
            |data, row| unsafe { ffi::duckdb_create_timestamp_ns(at(data, row)) }
        }
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID => |data, row| unsafe {
            // A vector holds the top bit flipped, so that UUIDs sort as signed integers.
            let stored = at::<ffi::duckdb_hugeint>(data, row);
            let upper = stored.upper.cast_unsigned() ^ (1 << 63);
            ffi::duckdb_create_uuid(ffi::duckdb_uhugeint { lower: stored.lower, upper })
        },
        _ => return None,
    })
}

fn unsupported(id: ffi::duckdb_type) -> Error {
    let name = match id {
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB => "BLOB",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIT => "BIT",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => "MAP",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => "UNION",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGNUM => "BIGNUM",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_TZ => "TIME WITH TIME ZONE",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME_NS => "TIME_NS",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_GEOMETRY => "GEOMETRY",
        ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARIANT => "VARIANT",
        other => {
            return Error::Data(format!("values of DuckDB's type {other} are not supported"));
        }
    };
    Error::Data(format!("values of type {name} are not supported; cast them to VARCHAR"))
}
