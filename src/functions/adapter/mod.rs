//! Turns the functions of the registry into DuckDB functions, through DuckDB's C API.
//!
//! Invariants of this module: no panic crosses into C++ (every callback runs under [`guard`], every
//! destructor is [`drop_box`]); whatever is handed to DuckDB is freed by DuckDB through a
//! destructor; a `duckdb_value` is tested for NULL before it is read, because reading NULL throws
//! through the C boundary and ends the process.

mod declare;
mod literal;
mod nested;
mod numbers;
mod query;
mod read;
mod scalar;
mod settings;
mod table;
mod temp;
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

/// Registers every setting and function in the database of `connection`.
///
/// The functions keep `host` until the database is gone.
///
/// # Safety
/// `connection` must be an open connection to the database of `host`.
///
/// # Errors
/// DuckDB refuses a setting or function; the message names it.
pub unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    registry: &Registry,
) -> Result<()> {
    for setting in &registry.settings {
        // SAFETY: the caller vouches for the connection.
        unsafe { settings::register(connection, setting) }?;
    }
    for function in &registry.tables {
        // SAFETY: as above.
        unsafe { table::register(connection, host, function) }?;
    }
    for function in &registry.queries {
        // SAFETY: as above.
        unsafe { query::register(connection, host, function) }?;
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

/// The client context of a statement while it is bound; frees itself.
struct Context(ffi::duckdb_client_context);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here; the call ignores null.
        unsafe { ffi::duckdb_destroy_client_context(&mut self.0) };
    }
}

/// The caller's view of the database, read from its client context.
///
/// # Safety
/// `context` must be null or a client context.
unsafe fn caller(host: &Arc<Host>, &Context(context): &Context) -> Caller {
    let mut caller = Caller::new(host.clone());
    if !context.is_null() {
        // SAFETY: the context is not null.
        unsafe {
            let path = settings::value(context, "search_path");
            caller.search_path = path.filter(|path| !path.is_empty());
            let home = settings::value(context, "home_directory");
            caller.files = Some(Files::new(context, home.filter(|home| !home.is_empty())));
            caller.settings = settings::read(context);
        }
    }
    caller
}

fn check(state: ffi::duckdb_state, refused: impl FnOnce() -> String) -> Result<()> {
    if state == ffi::DuckDBSuccess { Ok(()) } else { Err(Error::Database(refused())) }
}
