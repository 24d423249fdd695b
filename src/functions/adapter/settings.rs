//! Settings: registered with DuckDB, and read from the context of a statement.

use duckdb::ffi;

use super::super::contract::{SqlType, Value};
use super::super::settings::{DUCKDB_SETTINGS, SETTINGS};
use super::types::LogicalType;
use super::value::Constant;
use super::{c_string, check};
use crate::error::{Error, Result};
use crate::store::Settings;
use crate::train::{Default, Param};

/// Registers one setting: `SET name = value` for a session, `SET GLOBAL name = value` for all.
///
/// # Safety
/// `connection` must be open.
pub(super) unsafe fn register(connection: ffi::duckdb_connection, setting: &Param) -> Result<()> {
    let internal = || {
        let message = "internal error: the default of setting";
        Error::Database(format!("{message} {} has no SQL type; please report it", setting.name))
    };
    // SAFETY: the values are created here and freed by `Constant`.
    let (sql_type, default) = unsafe {
        match setting.default {
            Default::Int(value) => (SqlType::BigInt, ffi::duckdb_create_int64(value)),
            Default::Text(text) => {
                (SqlType::Varchar, ffi::duckdb_create_varchar(c_string(text).as_ptr()))
            }
            _ => return Err(internal()),
        }
    };
    // SAFETY: as above.
    let default = unsafe { Constant::from_raw(default) }.ok_or_else(internal)?;
    let logical_type = LogicalType::new(&sql_type)?;
    let (name, description) = (c_string(setting.name), c_string(setting.doc));
    // SAFETY: the handle is created and destroyed here; DuckDB copies all that it is given.
    let state = unsafe {
        let mut option = ffi::duckdb_create_config_option();
        ffi::duckdb_config_option_set_name(option, name.as_ptr());
        ffi::duckdb_config_option_set_type(option, logical_type.raw());
        ffi::duckdb_config_option_set_default_value(option, default.raw());
        ffi::duckdb_config_option_set_default_scope(
            option,
            ffi::duckdb_config_option_scope_DUCKDB_CONFIG_OPTION_SCOPE_SESSION,
        );
        ffi::duckdb_config_option_set_description(option, description.as_ptr());
        let state = ffi::duckdb_register_config_option(connection, option);
        ffi::duckdb_destroy_config_option(&mut option);
        state
    };
    check(state, || format!("DuckDB refused the setting {}", setting.name))
}

/// The settings that functions look at, as the caller has them.
///
/// # Safety
/// `context` must be a client context.
pub(super) unsafe fn read(context: ffi::duckdb_client_context) -> Settings {
    let names = SETTINGS.iter().map(|setting| setting.name).chain(DUCKDB_SETTINGS.iter().copied());
    // SAFETY: the caller vouches for the context.
    let value = |name: &str| unsafe { value(context, name) }.map(|value| (name.to_owned(), value));
    let mut settings: Settings = names.filter_map(value).collect();
    for setting in SETTINGS {
        let default = match setting.default {
            Default::Int(value) => value.to_string(),
            Default::Text(text) => text.to_owned(),
            _ => continue,
        };
        // Most callers change nothing, and most connections need not be told.
        if settings.get(setting.name).is_some_and(|value| value != default) {
            settings.inherit(setting.name);
        }
    }
    settings
}

/// The value of one setting as text; `None` for a setting that DuckDB does not know, and for NULL.
///
/// # Safety
/// `context` must be a client context.
pub(super) unsafe fn value(context: ffi::duckdb_client_context, name: &str) -> Option<String> {
    let mut scope: ffi::duckdb_config_option_scope = 0;
    // SAFETY: the context is valid; the value is owned, and a NULL is not printed.
    unsafe {
        let value = ffi::duckdb_client_context_get_config_option(
            context,
            c_string(name).as_ptr(),
            &mut scope,
        );
        match Constant::from_raw(value)?.text() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}
