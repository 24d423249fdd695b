//! Constants (`duckdb_value`), as table functions get them, as [`Value`]s.

use duckdb::ffi;

use super::super::contract::Value;
use super::take_string;
use crate::error::{Error, Result};

/// A constant that frees itself.
pub(super) struct Constant(ffi::duckdb_value);

impl Constant {
    /// Takes ownership of a value; `None` for a null pointer, DuckDB's sign for "not given".
    ///
    /// # Safety
    /// `raw` must be null or a value that nobody else frees.
    pub(super) unsafe fn from_raw(raw: ffi::duckdb_value) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    /// The handle, for a call that copies it.
    pub(super) fn raw(&self) -> ffi::duckdb_value {
        self.0
    }

    /// Its content. Types without a variant of [`Value`], and integers beyond 64 bits, become text.
    ///
    /// # Errors
    /// A nested type other than LIST and STRUCT.
    pub(super) fn get(&self) -> Result<Value> {
        let value = self.0;
        // SAFETY: the value is valid while `self` lives.
        if unsafe { ffi::duckdb_is_null_value(value) } {
            return Ok(Value::Null);
        }
        // SAFETY: the value's type is borrowed from the value and must not be freed; it is only
        // read while `self` lives.
        let logical_type = unsafe { ffi::duckdb_get_value_type(value) };
        // SAFETY: as above; each accessor below fits the type just read, and the value is not NULL.
        Ok(unsafe {
            match ffi::duckdb_get_type_id(logical_type) {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN => Value::Bool(ffi::duckdb_get_bool(value)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER => Value::Int(ffi::duckdb_get_int64(value)),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT => {
                    let digits = take_string(ffi::duckdb_get_varchar(value));
                    digits.parse().map_or(Value::Text(digits), Value::Int)
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE
                | ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => {
                    let digits = take_string(ffi::duckdb_get_varchar(value));
                    // The shortest text of a FLOAT gives 0.1, where widening gives 0.10000000149.
                    digits.parse().map_or(Value::Text(digits), Value::Float)
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => {
                    self.elements(ffi::duckdb_get_list_size(value))?
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => self.fields(logical_type)?,
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => return Err(unsupported("an ARRAY")),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => return Err(unsupported("a MAP")),
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => return Err(unsupported("a UNION")),
                _ => Value::Text(take_string(ffi::duckdb_get_varchar(value))),
            }
        })
    }

    /// Its content as DuckDB prints it.
    pub(super) fn text(&self) -> Value {
        // SAFETY: the value is valid while `self` lives; NULL is never printed.
        unsafe {
            if ffi::duckdb_is_null_value(self.0) {
                Value::Null
            } else {
                Value::Text(take_string(ffi::duckdb_get_varchar(self.0)))
            }
        }
    }

    /// Its content as SQL writes it.
    pub(super) fn sql(&self) -> String {
        // SAFETY: the value is valid while `self` lives, NULL included; the text is ours to free.
        unsafe { take_string(ffi::duckdb_value_to_string(self.0)) }
    }

    fn elements(&self, count: ffi::idx_t) -> Result<Value> {
        let element = |index| {
            // SAFETY: `index` is below the list's size; the child is owned by us.
            unsafe { Self::from_raw(ffi::duckdb_get_list_child(self.0, index)) }
                .map_or(Ok(Value::Null), |child| child.get())
        };
        Ok(Value::List((0..count).map(element).collect::<Result<_>>()?))
    }

    /// # Safety
    /// `logical_type` must be the type of this value, a STRUCT that is not NULL.
    unsafe fn fields(&self, logical_type: ffi::duckdb_logical_type) -> Result<Value> {
        // SAFETY: the caller vouches for the type; children and names are owned by us.
        let field = |index| unsafe {
            let name = take_string(ffi::duckdb_struct_type_child_name(logical_type, index));
            let child = Self::from_raw(ffi::duckdb_get_struct_child(self.0, index));
            Ok((name, child.map_or(Ok(Value::Null), |child| child.get())?))
        };
        // SAFETY: as above.
        let count = unsafe { ffi::duckdb_struct_type_child_count(logical_type) };
        Ok(Value::Struct((0..count).map(field).collect::<Result<_>>()?))
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here.
        unsafe { ffi::duckdb_destroy_value(&mut self.0) };
    }
}

fn unsupported(what: &str) -> Error {
    Error::Data(format!("{what} cannot be an argument; give a list such as [1, 2] or a struct"))
}
