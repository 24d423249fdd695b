//! A database opened with Segue's functions in it, for the shell and for programs.

use std::ffi::{CString, OsStr};
use std::mem::{self, ManuallyDrop};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{Connection, InterruptHandle, ffi};

use crate::control::Control;
use crate::error::{Error, Result};
use crate::functions::{self, Registry};
use crate::store::{Caller, Host, Macro};

#[cfg(test)]
mod tests;

/// The files that sessions of this process have open, and whether read-only. DuckDB locks a file
/// against other processes, but would let one process open it twice and write into itself.
static OPEN_FILES: Mutex<Vec<(PathBuf, bool)>> = Mutex::new(Vec::new());

/// How to open a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Refuse every change, so that several processes can share the file.
    pub read_only: bool,
}

/// An open database with Segue's functions, and a connection to it.
///
/// Dropping it closes the file, so that this process or another can open it at once.
pub struct Session {
    /// `None` once closed.
    database: Option<RawDatabase>,
    /// Taken together with `database`.
    main: ManuallyDrop<Connection>,
    host: Arc<Host>,
    interrupter: Interrupter,
}

/// Stops the statement that runs in a [`Session`], from any thread.
#[derive(Clone)]
pub struct Interrupter {
    /// Emptied when the session closes.
    handle: Arc<Mutex<Option<Arc<InterruptHandle>>>>,
    control: Control,
}

impl Interrupter {
    /// Stops the running statement, and training inside it; nothing happens once the session is
    /// closed. [`Control::reset`] of the host's control lets later statements train again.
    pub fn interrupt(&self) {
        self.control.stop();
        if let Some(handle) = &*self.handle.lock().unwrap_or_else(PoisonError::into_inner) {
            handle.interrupt();
        }
    }
}

impl Session {
    /// Opens a database file, or one in memory without `path`, registers the functions of
    /// `registry`, and makes `macros` TEMP macros of the session's connection.
    ///
    /// # Errors
    /// The file is in use by another process, no DuckDB database, or missing where `read_only`.
    pub fn open(
        path: Option<&Path>,
        options: &OpenOptions,
        registry: &Registry,
        macros: &[Macro],
    ) -> Result<Self> {
        let database = RawDatabase::open(path, options)?;
        // SAFETY: the handle is valid until `database` is dropped, and `release` closes the host first.
        let host = unsafe { Host::of_program(database.handle) };
        let prepare = || {
            // SAFETY: the handle is valid.
            unsafe { register(database.handle, &host, registry) }?;
            // SAFETY: as above; the connection is dropped before the database is closed.
            let main = unsafe { Connection::open_from_raw(database.handle) }?;
            macros.iter().try_for_each(|found| main.execute_batch(&found.temp_sql()))?;
            Ok(main)
        };
        let main = prepare().inspect_err(|_: &Error| host.close())?;
        let interrupter = Interrupter {
            handle: Arc::new(Mutex::new(Some(main.interrupt_handle()))),
            control: host.control().clone(),
        };
        let main = ManuallyDrop::new(main);
        Ok(Self { database: Some(database), main, host, interrupter })
    }

    /// The session's connection. Clones of it must be gone before the session is closed.
    pub fn connection(&self) -> &Connection {
        &self.main
    }

    /// The library's side of the database.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// A handle that stops the running statement.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Closes the database.
    ///
    /// # Errors
    /// Clones of the session's connection, or their results, are still in use; the file then stays
    /// open until the process ends.
    pub fn close(mut self) -> Result<()> {
        self.release()
    }

    fn release(&mut self) -> Result<()> {
        let Some(database) = self.database.take() else { return Ok(()) };
        self.interrupter.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.host.close();
        // SAFETY: the database was there, so this is the first and only release.
        let main = unsafe { ManuallyDrop::take(&mut self.main) };
        // A transaction that failed would refuse the count.
        let _ = main.execute_batch("ROLLBACK");
        let count =
            main.query_row("FROM duckdb_connection_count()", [], |row| row.get::<_, i64>(0));
        drop(main);
        if let Ok(1) = count {
            return Ok(());
        }
        // A clone of the connection can make new ones through the handle, which therefore must
        // stay valid: better a leak than a dangling pointer.
        mem::forget(database);
        let message = "a clone of the session's connection is still open, and keeps the database \
                       file open; close it first";
        Err(Error::Database(message.into()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Nobody is left to tell; `close` reports the error.
        let _ = self.release();
    }
}

/// Registers all functions in the database that loads Segue as an extension.
///
/// # Safety
/// `database` must be a valid handle during this call, and come from DuckDB's loading of an
/// extension.
///
/// # Errors
/// The version of DuckDB is not known, or DuckDB refuses a connection or a function.
pub unsafe fn load_extension(database: ffi::duckdb_database) -> Result<()> {
    // SAFETY: the caller vouches for the handle.
    unsafe {
        let host = Host::of_extension(database)?;
        // Refused now, rather than by the first function.
        Caller::new(host.clone()).connect()?;
        register(database, &host, &functions::registry())
    }
}

/// # Safety
/// `database` must be a valid handle of the host's database.
unsafe fn register(
    database: ffi::duckdb_database,
    host: &Arc<Host>,
    registry: &Registry,
) -> Result<()> {
    // SAFETY: the caller vouches for the handle; the connection is closed below.
    unsafe {
        let mut connection = ptr::null_mut();
        let connected = ffi::duckdb_connect(database, &mut connection) == ffi::DuckDBSuccess;
        let registered = if connected {
            functions::register(connection, host, registry)
        } else {
            Err(Error::Database("DuckDB refused a connection".into()))
        };
        ffi::duckdb_disconnect(&mut connection);
        registered
    }
}

/// An open database that closes itself.
struct RawDatabase {
    handle: ffi::duckdb_database,
    /// Its entry in [`OPEN_FILES`].
    file: Option<PathBuf>,
}

// SAFETY: the handle may be used from any thread, one at a time.
unsafe impl Send for RawDatabase {}

impl RawDatabase {
    fn open(path: Option<&Path>, options: &OpenOptions) -> Result<Self> {
        // Held while opening, so that no other thread opens the same file meanwhile.
        let mut open_files = OPEN_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = path.and_then(|path| path.canonicalize().ok())
            && open_files
                .iter()
                .any(|(file, read_only)| *file == path && !(*read_only && options.read_only))
        {
            let message =
                format!("'{}' is already open in this program; close it first", path.display());
            return Err(Error::Database(message));
        }
        if path.is_none() && options.read_only {
            let message = "a database in memory cannot be read-only; name a file";
            return Err(Error::Database(message.into()));
        }
        let mut database = Self { handle: open_raw(path, options)?, file: None };
        if let Some(path) = path.and_then(|path| path.canonicalize().ok()) {
            open_files.push((path.clone(), options.read_only));
            database.file = Some(path);
        }
        Ok(database)
    }
}

impl Drop for RawDatabase {
    fn drop(&mut self) {
        let mut open_files = OPEN_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: owned, and closed only here.
        unsafe { ffi::duckdb_close(&mut self.handle) };
        if let Some(place) =
            open_files.iter().position(|(file, _)| Some(file) == self.file.as_ref())
        {
            open_files.swap_remove(place);
        }
    }
}

fn open_raw(path: Option<&Path>, options: &OpenOptions) -> Result<ffi::duckdb_database> {
    let location = path.map_or(OsStr::new(":memory:"), Path::as_os_str);
    let name = CString::new(location.as_encoded_bytes()).map_err(|_| {
        Error::Database("the name of the database file holds a NUL character".into())
    })?;
    let mode = if options.read_only { c"READ_ONLY" } else { c"AUTOMATIC" };
    let mut handle = ptr::null_mut();
    let mut message = ptr::null_mut();
    // SAFETY: all strings live during the calls; config and message are freed once.
    let (state, message) = unsafe {
        let mut config = ptr::null_mut();
        ffi::duckdb_create_config(&mut config);
        ffi::duckdb_set_config(config, c"access_mode".as_ptr(), mode.as_ptr());
        let state = ffi::duckdb_open_ext(name.as_ptr(), &mut handle, config, &mut message);
        ffi::duckdb_destroy_config(&mut config);
        let message = ffi::DuckDbString::from_nullable_ptr(message)
            .map_or_else(String::new, |text| text.to_string_lossy().into_owned());
        (state, message)
    };
    if state == ffi::DuckDBSuccess { Ok(handle) } else { Err(open_error(path, &message)) }
}

/// DuckDB's message in words that name the remedy, where the cause is known.
fn open_error(path: Option<&Path>, message: &str) -> Error {
    let is_folder = path.is_some_and(Path::is_dir);
    let path = path.map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string());
    let message = message.trim();
    Error::Database(if is_folder {
        format!("'{path}' is a folder; give the name of a database file in it")
    } else if message.contains("lock on file") {
        format!(
            "'{path}' is in use by another process; close it there, or open it read-only in both \
             ({message})"
        )
    } else if message.contains("database does not exist") {
        format!("there is no database file '{path}'; read-only mode cannot create it")
    } else if message.contains("not a valid DuckDB database file") {
        format!("'{path}' is not a DuckDB database file; check the name ({message})")
    } else {
        format!("cannot open '{path}': {message}")
    })
}
