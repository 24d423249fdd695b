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
    /// Of the database that loaded this extension.
    Lent {
        /// What stands for DuckDB's object `DuckDB`, which holds the instance.
        _owner: Box<Pointer>,
        /// What stands for the object behind a `duckdb_database`, which holds the other.
        handle: Box<Pointer>,
    },
    /// Of a connection's database.
    #[cfg(test)]
    Clones(Connection),
}

/// A `std::shared_ptr` that owns nothing.
#[repr(C)]
struct Pointer {
    target: *mut c_void,
    /// Where the owners would be counted. `duckdb_connect` only follows the pointers.
    _owners: *mut c_void,
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

    /// A handle of the database whose handle DuckDB lends an extension during LOAD and no longer.
    ///
    /// The lent one leads to the database instance. What lies between is not promised; in the
    /// versions of DuckDB that were looked at (1.5.6, 2.0.0) two steps lead there, and would still if
    /// DuckDB repaired what it lends (its issue 23544). The instance begins with a weak pointer to
    /// itself (`std::enable_shared_from_this`), by which it is known here. A DuckDB where that does not
    /// hold is refused.
    ///
    /// # Safety
    /// `database` must be valid during this call, and the database open whenever
    /// [`Handle::connect`] is called.
    ///
    /// # Errors
    /// This DuckDB does it in another way.
    pub(super) unsafe fn lent(database: ffi::duckdb_database) -> Result<Self> {
        // SAFETY: the caller vouches for the handle. The first step leads to an object of DuckDB,
        // whose first word is a pointer in all versions that offer the C API that we ask for.
        let instance = unsafe {
            let first = (*database).internal_ptr.cast::<*mut c_void>();
            if first.is_null() { ptr::null_mut() } else { *first }
        };
        // SAFETY: as above; the instance begins with a pointer.
        if instance.is_null() || unsafe { *instance.cast::<*mut c_void>() } != instance {
            return Err(Error::Database(
                "this version of DuckDB keeps databases in a way that this version of Segue does \
                 not know; update Segue, or use DuckDB 1.5 or 2.0"
                    .into(),
            ));
        }
        let mut owner = Box::new(Pointer { target: instance, _owners: ptr::null_mut() });
        let target = ptr::from_mut(&mut *owner).cast();
        let handle = Box::new(Pointer { target, _owners: ptr::null_mut() });
        Ok(Self(Kind::Lent { _owner: owner, handle }))
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
            Kind::Lent { handle, .. } => ptr::from_mut(&mut **handle).cast(),
            #[cfg(test)]
            Kind::Clones(_) => ptr::null_mut(),
        }
    }
}
