//! Declaring a table function to DuckDB.

use duckdb::ffi;

use super::super::contract::SqlType;
use super::types::LogicalType;
use super::{c_string, check, drop_box, into_raw};
use crate::error::Result;

/// What DuckDB calls.
pub(super) struct Callbacks {
    /// For every statement.
    pub bind: unsafe extern "C" fn(ffi::duckdb_bind_info),
    /// For every execution.
    pub init: unsafe extern "C" fn(ffi::duckdb_init_info),
    /// For every chunk of rows.
    pub next: unsafe extern "C" fn(ffi::duckdb_function_info, ffi::duckdb_data_chunk),
}

/// Registers a table function, all of whose parameters take any type; `extra` is what its callbacks
/// find as their extra info.
///
/// # Safety
/// `connection` must be open.
///
/// # Errors
/// DuckDB refuses the function.
pub(super) unsafe fn declare<T: Send + Sync>(
    connection: ffi::duckdb_connection,
    name: &str,
    positional: usize,
    named: &[&str],
    extra: T,
    callbacks: Callbacks,
) -> Result<()> {
    let any = LogicalType::new(&SqlType::Any)?;
    let c_name = c_string(name);
    // SAFETY: the handle is created and destroyed here; DuckDB copies names and types, and owns
    // `extra` from `set_extra_info` on.
    let state = unsafe {
        let mut handle = ffi::duckdb_create_table_function();
        ffi::duckdb_table_function_set_name(handle, c_name.as_ptr());
        for _ in 0..positional {
            ffi::duckdb_table_function_add_parameter(handle, any.raw());
        }
        for parameter in named {
            let parameter = c_string(parameter);
            ffi::duckdb_table_function_add_named_parameter(handle, parameter.as_ptr(), any.raw());
        }
        ffi::duckdb_table_function_set_extra_info(handle, into_raw(extra), Some(drop_box::<T>));
        ffi::duckdb_table_function_set_bind(handle, Some(callbacks.bind));
        ffi::duckdb_table_function_set_init(handle, Some(callbacks.init));
        ffi::duckdb_table_function_set_function(handle, Some(callbacks.next));
        let state = ffi::duckdb_register_table_function(connection, handle);
        ffi::duckdb_destroy_table_function(&mut handle);
        state
    };
    check(state, || format!("DuckDB refused the table function {name}"))
}
