//! Connections for queries whose results go back to DuckDB as they are, vector by vector.
//!
//! duckdb-rs hands results out as Arrow, which changes types (UUID, HUGEINT, TIME WITH TIME ZONE …),
//! and keeps its connections' handles to itself.

use std::ffi::{CStr, CString};
use std::sync::{Arc, PoisonError};
use std::{mem, ptr};

use duckdb::ffi;

use super::Host;
use super::host::Caller;
use super::macros::MACROS;
use super::names::literal;
use crate::error::{Error, Result};

/// How many such queries can run at once: one for each call of a literal table function whose
/// result is not yet read, however deep it is nested.
pub(super) const CONNECTIONS: usize = 8;

/// A connection that is ours alone.
pub(super) struct RawConnection {
    handle: ffi::duckdb_connection,
    has_macros: bool,
}

// SAFETY: a connection may be used from any thread, one at a time.
unsafe impl Send for RawConnection {}

impl RawConnection {
    /// Connects to a database.
    ///
    /// # Safety
    /// `database` must be a valid handle during this call.
    pub(super) unsafe fn open(database: ffi::duckdb_database) -> Result<Self> {
        let mut handle = ptr::null_mut();
        // SAFETY: the caller vouches for the database.
        let state = unsafe { ffi::duckdb_connect(database, &mut handle) };
        let connection = Self { handle, has_macros: false };
        if state == ffi::DuckDBSuccess {
            Ok(connection)
        } else {
            Err(Error::Database("DuckDB refused a connection".into()))
        }
    }

    /// Makes it see what a caller of the search path sees, and our macros.
    fn prepare(&mut self, search_path: &str) -> Result<()> {
        if !self.has_macros {
            MACROS.iter().try_for_each(|one| self.execute(&one.temp_sql()))?;
            self.has_macros = true;
        }
        if search_path.is_empty() {
            self.execute("RESET search_path")
        } else {
            self.execute(&format!("SET search_path = {}", literal(search_path)))
        }
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

impl Drop for RawConnection {
    fn drop(&mut self) {
        // SAFETY: owned, and disconnected only here; the call ignores null.
        unsafe { ffi::duckdb_disconnect(&mut self.handle) };
    }
}

/// A connection on loan that has Segue's TEMP macros and resolves names as the caller does. It goes
/// back when dropped, after everything that was made with it.
pub struct Native {
    /// There until dropped.
    connection: Option<RawConnection>,
    host: Arc<Host>,
}

impl Native {
    /// The handle, valid while this lives; null never.
    pub fn handle(&self) -> ffi::duckdb_connection {
        self.connection.as_ref().map_or(ptr::null_mut(), |connection| connection.handle)
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let mut idle = self.host.natives.lock().unwrap_or_else(PoisonError::into_inner);
        // A database that was closed meanwhile has no place for it.
        if let (Some(idle), Some(connection)) = (idle.as_mut(), self.connection.take()) {
            idle.push(connection);
        }
    }
}

impl Caller {
    /// A connection whose results come as DuckDB's own vectors.
    ///
    /// # Errors
    /// The database was closed, or too many results are being read.
    pub fn native(&self) -> Result<Native> {
        let mut idle = self.host.natives.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(members) = idle.as_mut() else {
            return Err(Error::Database("the database was closed; open it again".into()));
        };
        let connection = members.pop().ok_or_else(|| {
            Error::Database(format!(
                "more than {CONNECTIONS} results of recommend(…), next_songs(…) and their kin are \
                 open; read or close them first"
            ))
        })?;
        drop(idle);
        let mut native = Native { connection: Some(connection), host: self.host.clone() };
        if let Some(connection) = &mut native.connection {
            connection.prepare(self.search_path.as_deref().unwrap_or_default())?;
        }
        Ok(native)
    }
}
