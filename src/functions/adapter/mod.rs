//! Turns the functions of the registry into DuckDB functions, through DuckDB's C API.
//!
//! Invariants of this module: no panic crosses into C++ (every callback runs under [`guard`], every
//! destructor is [`drop_box`]); whatever is handed to DuckDB is freed by DuckDB through a
//! destructor; a `duckdb_value` is tested for NULL before it is read, because reading NULL throws
//! through the C boundary and ends the process.

mod literal;
mod nested;
mod numbers;
mod read;
mod scalar;
mod table;
mod types;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use duckdb::ffi;

use super::contract::Registry;
use crate::error::{Error, Result, panic_text};
use crate::store::{Caller, Files, Host};

/// Registers every function in the database of `connection`.
///
/// The functions keep `host` until the database is gone, and `host` keeps the database open:
/// [`Host::close`] breaks the ring.
///
/// # Safety
/// `connection` must be an open connection to the database of `host`.
///
/// # Errors
/// DuckDB refuses a function; the message names it.
pub unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    registry: &Registry,
) -> Result<()> {
    for function in &registry.tables {
        // SAFETY: the caller vouches for the connection.
        unsafe { table::register(connection, host, function) }?;
    }
    for function in &registry.scalars {
        // SAFETY: as above.
        unsafe { scalar::register(connection, host, function) }?;
    }
    for entry in &registry.macros {
        // SAFETY: as above.
        unsafe { literal::register(connection, host, entry) }?;
    }
    Ok(())
}

/// Runs a callback's work; an error or a panic becomes the message of a SQL error.
fn guard<T>(function: &str, work: impl FnOnce() -> Result<T>) -> std::result::Result<T, CString> {
    let message = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(payload) => {
            let cause = panic_text(payload.as_ref()).to_owned();
            // A payload may panic in its destructor; a leak is harmless here.
            std::mem::forget(payload);
            format!("internal error in {function}: {cause}; please report it")
        }
    };
    Err(c_string(&message))
}

/// A C string; NUL bytes, which it cannot hold, become the replacement character.
fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// Takes over a string that DuckDB allocated.
///
/// # Safety
/// `text` must be null or a NUL-terminated string to be freed with `duckdb_free`.
unsafe fn take_string(text: *mut c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, hence NUL-terminated; freed once, after the copy.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        ffi::duckdb_free(text.cast());
        copy
    }
}

/// Gives an object to DuckDB, which frees it with [`drop_box`].
fn into_raw<T>(object: T) -> *mut c_void {
    Box::into_raw(Box::new(object)).cast()
}

/// Frees an object that came from [`into_raw`]; a panic in its destructor ends here.
///
/// # Safety
/// `object` must be null or from `into_raw::<T>`, and not used again.
unsafe extern "C" fn drop_box<T>(object: *mut c_void) {
    if object.is_null() {
        return;
    }
    // SAFETY: the caller vouches for origin and type.
    let object = unsafe { Box::from_raw(object.cast::<T>()) };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(object))) {
        std::mem::forget(payload);
    }
}

/// The object behind a pointer that DuckDB kept for us.
///
/// # Safety
/// `object` must be null or from `into_raw::<T>` and live for `'a`.
unsafe fn borrow<'a, T>(object: *mut c_void) -> Result<&'a T> {
    // SAFETY: the caller vouches for origin, type and lifetime.
    unsafe { object.cast::<T>().as_ref() }.ok_or_else(|| {
        Error::Database("internal error: DuckDB lost a function's data; please report it".into())
    })
}

/// The caller's view of the database, read from its client context, which is freed.
///
/// # Safety
/// `context` must be null or a client context that the caller owns.
unsafe fn caller(host: &Arc<Host>, mut context: ffi::duckdb_client_context) -> Caller {
    if context.is_null() {
        return Caller::new(host.clone());
    }
    // SAFETY: the context is not null, and freed once.
    unsafe {
        let search_path = setting(context, c"search_path");
        let files = Files::new(context, setting(context, c"home_directory"));
        ffi::duckdb_destroy_client_context(&mut context);
        Caller { host: host.clone(), search_path, files: Some(files) }
    }
}

/// A setting of the caller as text; `None` if it is NULL or empty.
///
/// # Safety
/// `context` must be a valid client context.
unsafe fn setting(context: ffi::duckdb_client_context, name: &CStr) -> Option<String> {
    let mut scope: ffi::duckdb_config_option_scope = 0;
    // SAFETY: the caller vouches for the context; the value is freed once.
    unsafe {
        let mut value =
            ffi::duckdb_client_context_get_config_option(context, name.as_ptr(), &mut scope);
        if value.is_null() {
            return None;
        }
        let text = if ffi::duckdb_is_null_value(value) {
            String::new()
        } else {
            take_string(ffi::duckdb_get_varchar(value))
        };
        ffi::duckdb_destroy_value(&mut value);
        Some(text).filter(|text| !text.is_empty())
    }
}

fn check(state: ffi::duckdb_state, refused: impl FnOnce() -> String) -> Result<()> {
    if state == ffi::DuckDBSuccess { Ok(()) } else { Err(Error::Database(refused())) }
}
