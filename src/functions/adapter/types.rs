//! SQL types as DuckDB's logical types.

use std::ffi::CString;

use duckdb::ffi;

use super::super::contract::SqlType;
use super::{c_string, take_string};
use crate::error::{Error, Result};

/// A logical type that frees itself.
pub(super) struct LogicalType(ffi::duckdb_logical_type);

impl LogicalType {
    /// Takes ownership of a type that DuckDB made.
    ///
    /// # Safety
    /// `raw` must be a logical type that nobody else frees.
    pub(super) unsafe fn from_raw(raw: ffi::duckdb_logical_type) -> Self {
        Self(raw)
    }

    /// The type of the given name and parameters.
    ///
    /// # Errors
    /// [`SqlType::Named`] with a name that no id can have.
    pub(super) fn new(sql_type: &SqlType) -> Result<Self> {
        Ok(match sql_type {
            SqlType::Any | SqlType::Id => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_ANY),
            SqlType::Boolean => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN),
            SqlType::BigInt => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT),
            SqlType::Float => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT),
            SqlType::Double => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE),
            SqlType::Varchar => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR),
            SqlType::Timestamp => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP),
            SqlType::Blob => Self::simple(ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB),
            SqlType::List(element) => {
                let element = Self::new(element)?;
                // SAFETY: the element type lives during the call, which copies it.
                Self(unsafe { ffi::duckdb_create_list_type(element.0) })
            }
            SqlType::Struct(fields) => Self::structure(fields)?,
            SqlType::Named(name) => Self::named(name)?,
        })
    }

    /// The handle, for a call that copies it.
    pub(super) fn raw(&self) -> ffi::duckdb_logical_type {
        self.0
    }

    /// DuckDB's number of the type.
    pub(super) fn id(&self) -> ffi::duckdb_type {
        // SAFETY: the handle is valid while `self` lives.
        unsafe { ffi::duckdb_get_type_id(self.0) }
    }

    /// Whether values of both types are laid out and read alike.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.id() == other.id() && self.parameters() == other.parameters() && {
            let (own, others) = (self.children(), other.children());
            own.len() == others.len() && own.iter().zip(&others).all(|(a, b)| a.equals(b))
        }
    }

    /// What tells types of one number apart, beside their children.
    fn parameters(&self) -> Vec<String> {
        // SAFETY: each accessor fits the type's number; names are ours to free.
        unsafe {
            match self.id() {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_DECIMAL => vec![
                    ffi::duckdb_decimal_width(self.0).to_string(),
                    ffi::duckdb_decimal_scale(self.0).to_string(),
                ],
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
                    vec![ffi::duckdb_array_type_array_size(self.0).to_string()]
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ENUM => {
                    (0..ffi::idx_t::from(ffi::duckdb_enum_dictionary_size(self.0)))
                        .map(|at| take_string(ffi::duckdb_enum_dictionary_value(self.0, at)))
                        .collect()
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    (0..ffi::duckdb_struct_type_child_count(self.0))
                        .map(|at| take_string(ffi::duckdb_struct_type_child_name(self.0, at)))
                        .collect()
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => {
                    (0..ffi::duckdb_union_type_member_count(self.0))
                        .map(|at| take_string(ffi::duckdb_union_type_member_name(self.0, at)))
                        .collect()
                }
                _ => Vec::new(),
            }
        }
    }

    /// The types inside a nested type.
    fn children(&self) -> Vec<Self> {
        // SAFETY: each accessor fits the type's number; the types are ours to free.
        unsafe {
            let raw = match self.id() {
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_LIST => vec![ffi::duckdb_list_type_child_type(self.0)],
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_ARRAY => {
                    vec![ffi::duckdb_array_type_child_type(self.0)]
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_MAP => vec![
                    ffi::duckdb_map_type_key_type(self.0),
                    ffi::duckdb_map_type_value_type(self.0),
                ],
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_STRUCT => {
                    (0..ffi::duckdb_struct_type_child_count(self.0))
                        .map(|at| ffi::duckdb_struct_type_child_type(self.0, at))
                        .collect()
                }
                ffi::DUCKDB_TYPE_DUCKDB_TYPE_UNION => {
                    (0..ffi::duckdb_union_type_member_count(self.0))
                        .map(|at| ffi::duckdb_union_type_member_type(self.0, at))
                        .collect()
                }
                _ => Vec::new(),
            };
            raw.into_iter().map(|child| Self::from_raw(child)).collect()
        }
    }

    fn simple(id: ffi::duckdb_type) -> Self {
        // SAFETY: any number is allowed; an unknown one gives the invalid type.
        Self(unsafe { ffi::duckdb_create_logical_type(id) })
    }

    fn structure(fields: &[(String, SqlType)]) -> Result<Self> {
        let types: Vec<Self> =
            fields.iter().map(|(_, sql_type)| Self::new(sql_type)).collect::<Result<_>>()?;
        let names: Vec<CString> = fields.iter().map(|(name, _)| c_string(name)).collect();
        let mut raw_types: Vec<_> = types.iter().map(Self::raw).collect();
        let mut raw_names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: both arrays have `fields.len()` entries that live during the call.
        Ok(Self(unsafe {
            ffi::duckdb_create_struct_type(
                raw_types.as_mut_ptr(),
                raw_names.as_mut_ptr(),
                fields.len() as ffi::idx_t,
            )
        }))
    }

    /// A type by the name that `typeof` gives it.
    fn named(name: &str) -> Result<Self> {
        let trimmed = name.trim();
        let (base, inside) = match trimmed.split_once('(') {
            Some((base, rest)) => (base.trim_end(), rest.strip_suffix(')')),
            None => (trimmed, None),
        };
        let unusable = || {
            Error::data(format!(
                "ids of type {trimmed} are not supported; cast them to BIGINT, VARCHAR or UUID"
            ))
        };
        match (base.to_ascii_uppercase().as_str(), inside) {
            ("DECIMAL" | "NUMERIC", Some(inside)) => {
                let (width, scale) = inside.split_once(',').unwrap_or((inside, "0"));
                let width = width.trim().parse().map_err(|_| unusable())?;
                let scale = scale.trim().parse().map_err(|_| unusable())?;
                // SAFETY: plain numbers.
                Ok(Self(unsafe { ffi::duckdb_create_decimal_type(width, scale) }))
            }
            ("ENUM", Some(inside)) => {
                let names = quoted_texts(inside).ok_or_else(unusable)?;
                let names: Vec<CString> = names.iter().map(|name| c_string(name)).collect();
                let mut raw: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
                let count = raw.len() as ffi::idx_t;
                // SAFETY: `raw` has `count` strings that live during the call.
                Ok(Self(unsafe { ffi::duckdb_create_enum_type(raw.as_mut_ptr(), count) }))
            }
            (base, None) => simple_id(base).map(Self::simple).ok_or_else(unusable),
            _ => Err(unusable()),
        }
    }
}

impl Drop for LogicalType {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here; the call ignores null.
        unsafe { ffi::duckdb_destroy_logical_type(&mut self.0) };
    }
}

/// Every type without parameters that an id can have, by its name in SQL.
fn simple_id(name: &str) -> Option<ffi::duckdb_type> {
    Some(match name {
        "BOOLEAN" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        "TINYINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TINYINT,
        "SMALLINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_SMALLINT,
        "INTEGER" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_INTEGER,
        "BIGINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
        "HUGEINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_HUGEINT,
        "UTINYINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UTINYINT,
        "USMALLINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_USMALLINT,
        "UINTEGER" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UINTEGER,
        "UBIGINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT,
        "UHUGEINT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UHUGEINT,
        "FLOAT" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_FLOAT,
        "DOUBLE" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
        "VARCHAR" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        "UUID" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_UUID,
        "BLOB" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_BLOB,
        "DATE" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_DATE,
        "TIME" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIME,
        "TIMESTAMP" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP,
        "TIMESTAMP_S" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_S,
        "TIMESTAMP_MS" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_MS,
        "TIMESTAMP_NS" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_NS,
        "TIMESTAMP WITH TIME ZONE" => ffi::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
        _ => return None,
    })
}

/// The texts of `'a', 'it''s'`; `None` for anything else.
fn quoted_texts(list: &str) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let mut text = String::new();
        rest = rest.strip_prefix('\'')?;
        loop {
            let (piece, after) = rest.split_once('\'')?;
            text.push_str(piece);
            match after.strip_prefix('\'') {
                Some(after) => {
                    text.push('\'');
                    rest = after;
                }
                None => {
                    rest = after.trim_start();
                    break;
                }
            }
        }
        texts.push(text);
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::quoted_texts;

    #[test]
    fn enum_members_are_unquoted() {
        let texts = |list| quoted_texts(list).map(|texts| texts.join("|"));
        assert_eq!(texts("'a', 'it''s', ', '").as_deref(), Some("a|it's|, "));
        assert_eq!(texts("''").as_deref(), Some(""));
        assert_eq!(texts("'a"), None);
        assert_eq!(texts("'a' 'b'"), None);
    }
}
