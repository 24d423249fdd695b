//! The database's handle, from which nested connections are opened.

use std::ffi::c_void;
use std::ptr;

use duckdb::{Connection, ffi};

use crate::error::{Error, Result};

/// A handle that does not keep the database open.
///
/// A connection that an extension keeps would: after the client has closed the database, its file
/// would stay locked, a client that opens it again would wait for ever or, where it opens files
/// without DuckDB's cache of instances (Node, Go, C), write into a file that is still in use. So
/// none is kept, and functions open theirs when they are called: the client's statement keeps the
/// database open meanwhile.
pub(super) struct Handle(Kind);

enum Kind {
    /// Of a database that this program opened, and closes after the host.
    Own(ffi::duckdb_database),
    /// A copy of what DuckDB lends an extension.
    Copy(Box<ffi::_duckdb_database>),
    /// Of a connection's database.
    #[cfg(test)]
    Clones(Connection),
}

// SAFETY: `duckdb_connect` may be called from any thread, one at a time; it is called under a lock.
unsafe impl Send for Handle {}

impl Handle {
    /// A handle that stays valid.
    ///
    /// # Safety
    /// `database` must be valid until the result is dropped.
    pub(super) unsafe fn own(database: ffi::duckdb_database) -> Self {
        Self(Kind::Own(database))
    }

    /// A copy of the handle that DuckDB gives an extension during LOAD, whose own ends with LOAD
    /// though the database goes on.
    ///
    /// What is behind `internal_ptr` is not promised. In the versions of DuckDB that were looked at
    /// it is the database instance itself, which begins with a weak pointer to itself
    /// (`std::enable_shared_from_this`); `duckdb_connect` reads nothing else of the handle. That is
    /// checked here, so that a DuckDB that does it in another way is refused.
    ///
    /// # Safety
    /// `database` must be valid during this call, and the database open whenever
    /// [`Handle::connect`] is called.
    ///
    /// # Errors
    /// This DuckDB does it in another way.
    pub(super) unsafe fn copy(database: ffi::duckdb_database) -> Result<Self> {
        // SAFETY: the caller vouches for the handle; DuckDB's objects are larger than a pointer.
        let copy = unsafe {
            let instance: *mut c_void = (*database).internal_ptr;
            if instance.is_null() || *instance.cast::<*mut c_void>() != instance {
                return Err(Error::Database(
                    "this version of DuckDB keeps databases in a way that this version of Segue \
                     does not know; update Segue, or use DuckDB 1.5 or 2.0"
                        .into(),
                ));
            }
            ffi::_duckdb_database { internal_ptr: instance }
        };
        Ok(Self(Kind::Copy(Box::new(copy))))
    }

    /// A handle of a connection's database.
    #[cfg(test)]
    pub(super) fn clones(connection: Connection) -> Self {
        Self(Kind::Clones(connection))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// DuckDB refuses it.
    pub(super) fn connect(&mut self) -> Result<Connection> {
        #[cfg(test)]
        if let Kind::Clones(connection) = &self.0 {
            return Ok(connection.try_clone()?);
        }
        // SAFETY: the handle is valid, as those who made it vouched.
        Ok(unsafe { Connection::open_from_raw(self.database()) }?)
    }

    /// Opens a connection that duckdb-rs does not manage; whoever takes it disconnects it.
    ///
    /// # Errors
    /// DuckDB refuses it.
    pub(super) fn connect_raw(&mut self) -> Result<ffi::duckdb_connection> {
        let mut connection = ptr::null_mut();
        // SAFETY: as above; null is refused by DuckDB.
        let state = unsafe { ffi::duckdb_connect(self.database(), &mut connection) };
        if state == ffi::DuckDBSuccess {
            Ok(connection)
        } else {
            Err(Error::Database("DuckDB refused a connection".into()))
        }
    }

    fn database(&mut self) -> ffi::duckdb_database {
        match &mut self.0 {
            Kind::Own(database) => *database,
            Kind::Copy(copy) => ptr::from_mut(&mut **copy),
            #[cfg(test)]
            Kind::Clones(_) => ptr::null_mut(),
        }
    }
}
