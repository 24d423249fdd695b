//! Connections for queries whose results go back to DuckDB as they are, vector by vector.
//!
//! duckdb-rs hands results out as Arrow, which changes types (UUID, HUGEINT, TIME WITH TIME ZONE …),
//! and keeps its connections' handles to itself.

use std::ffi::{CStr, CString};
use std::mem;

use duckdb::ffi;

use super::host::Caller;
use super::host_handle::Handle;
use super::macros::MACROS;
use crate::error::{Error, Result};

/// A connection of our own that resolves names as the caller does and has one of Segue's TEMP macros.
pub struct Native {
    handle: ffi::duckdb_connection,
}

// SAFETY: a connection may be used from any thread, one at a time.
unsafe impl Send for Native {}
// SAFETY: what several threads may do at a time is to read the handle; `duckdb_interrupt` may be called
// while another thread runs a query, and all else belongs to the one that does.
unsafe impl Sync for Native {}

impl Caller {
    /// A connection whose results come as DuckDB's own vectors, with the TEMP macro of a name.
    ///
    /// # Errors
    /// The database was closed.
    pub fn native(&self, macro_name: &str) -> Result<Native> {
        let native = Native { handle: self.host.with_handle(Handle::connect_raw)? };
        if let Some(found) = MACROS.iter().find(|found| found.name == macro_name) {
            native.execute(&found.temp_sql())?;
        }
        let statements = self.statements()?;
        if !statements.is_empty() {
            native.execute(&statements)?;
        }
        Ok(native)
    }
}

impl Native {
    /// The handle, valid while this lives.
    pub fn handle(&self) -> ffi::duckdb_connection {
        self.handle
    }

    fn execute(&self, sql: &str) -> Result<()> {
        let sql = CString::new(sql)
            .map_err(|_| Error::Database("a statement holds a NUL character".into()))?;
        // SAFETY: handle and text are valid; the result is destroyed once, after its message.
        unsafe {
            let mut result = mem::zeroed();
            let state = ffi::duckdb_query(self.handle, sql.as_ptr(), &mut result);
            let message = ffi::duckdb_result_error(&mut result);
            let message = if message.is_null() {
                String::new()
            } else {
                CStr::from_ptr(message).to_string_lossy().into_owned()
            };
            ffi::duckdb_destroy_result(&mut result);
            if state == ffi::DuckDBSuccess { Ok(()) } else { Err(Error::Database(message)) }
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: owned, and disconnected only here.
        unsafe { ffi::duckdb_disconnect(&mut self.handle) };
    }
}
