//! Settings: registered with DuckDB, and read from the context of a statement.

use duckdb::ffi;

use super::super::contract::{SqlType, Value};
use super::super::settings::{DUCKDB_SETTINGS, INHERITED_SETTINGS, SETTINGS};
use super::types::LogicalType;
use super::value::Constant;
use super::{c_string, check};
use crate::error::{Error, Result};
use crate::store::Settings;
use crate::train::{Default, Param};

/// Whether names in queries may be variables of Python; only its client knows the setting.
const PYTHON_REPLACEMENTS: &str = "python_enable_replacements";

const SESSION: ffi::duckdb_config_option_scope =
    ffi::duckdb_config_option_scope_DUCKDB_CONFIG_OPTION_SCOPE_SESSION;

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
        ffi::duckdb_config_option_set_default_scope(option, SESSION);
        ffi::duckdb_config_option_set_description(option, description.as_ptr());
        let state = ffi::duckdb_register_config_option(connection, option);
        ffi::duckdb_destroy_config_option(&mut option);
        state
    };
    check(state, || format!("DuckDB refused the setting {}", setting.name))
}

/// The settings that functions look at, as the caller has them, and those that nested connections
/// take over from the session.
///
/// # Safety
/// `context` must be a client context.
pub(super) unsafe fn read(context: ffi::duckdb_client_context) -> Settings {
    let mut settings = Settings::default();
    let ours = SETTINGS.iter().map(|setting| setting.name);
    for name in ours.clone().chain(DUCKDB_SETTINGS.iter().copied()) {
        // SAFETY: the caller vouches for the context.
        if let Some((value, _)) = unsafe { value_and_scope(context, name) } {
            settings.set(name, value);
        }
    }
    for name in ours.chain(INHERITED_SETTINGS.iter().copied()) {
        // SAFETY: as above.
        if let Some((value, SESSION)) = unsafe { value_and_scope(context, name) } {
            settings.inherit(name, value);
        }
    }
    // A data frame can be read on the thread of Python's caller alone. On our connections it would be
    // found when a statement is bound, and be missing when other threads run it.
    // SAFETY: as above.
    if unsafe { value(context, PYTHON_REPLACEMENTS) }.is_some() {
        settings.inherit(PYTHON_REPLACEMENTS, "false".to_owned());
    }
    settings
}

/// The value of one setting as text; `None` for a setting that DuckDB does not know, and for NULL.
///
/// # Safety
/// `context` must be a client context.
pub(super) unsafe fn value(context: ffi::duckdb_client_context, name: &str) -> Option<String> {
    // SAFETY: the caller vouches for the context.
    unsafe { value_and_scope(context, name) }.map(|(value, _)| value)
}

/// The same with the scope that the value is from.
///
/// # Safety
/// `context` must be a client context.
unsafe fn value_and_scope(
    context: ffi::duckdb_client_context,
    name: &str,
) -> Option<(String, ffi::duckdb_config_option_scope)> {
    let mut scope: ffi::duckdb_config_option_scope = 0;
    // SAFETY: the context is valid; the value is owned, and a NULL is not printed.
    unsafe {
        let value = ffi::duckdb_client_context_get_config_option(
            context,
            c_string(name).as_ptr(),
            &mut scope,
        );
        match Constant::from_raw(value)?.text() {
            Value::Text(text) => Some((text, scope)),
            _ => None,
        }
    }
}
