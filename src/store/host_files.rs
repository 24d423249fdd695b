//! The caller's file system: files are opened through DuckDB alone, so that its settings decide
//! which may be, and so that remote paths work as they do in its own functions.
//!
//! DuckDB's C API can open, read and write a file, but neither truncate, rename nor remove one;
//! hence files are only read here, and written by `COPY` (see [`super::export`]).

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::ffi;

use crate::control::Control;
use crate::error::{Error, Result};

/// How much is read between two looks at [`Control`].
const CHUNK_BYTES: usize = 16 << 20;

/// The file system of a client context, as the caller's settings make it.
///
/// It belongs to the context, so it may be used only while a statement of the caller is bound or
/// executed; a binding that outlives its connection may still drop it.
pub struct Files {
    handle: Mutex<Handle>,
    /// The setting `home_directory`, if the caller made one.
    home: Option<String>,
}

struct Handle(ffi::duckdb_file_system);

// SAFETY: DuckDB's file systems serve any thread; the handle's own state is behind a mutex.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: owned; frees the handle without touching the context.
        unsafe { ffi::duckdb_destroy_file_system(&mut self.0) };
    }
}

/// What went wrong with a file.
enum Fault {
    /// DuckDB's settings forbid it.
    Forbidden(String),
    /// Anything else, in DuckDB's words.
    Failed(String),
}

impl Files {
    /// The file system of a context; `home` is what `~` stands for, if not the user's own folder.
    ///
    /// # Safety
    /// `context` must be a valid client context.
    pub(crate) unsafe fn new(
        context: ffi::duckdb_client_context,
        home: Option<String>,
    ) -> Arc<Self> {
        // SAFETY: the caller vouches for the context.
        let handle = unsafe { ffi::duckdb_client_context_get_file_system(context) };
        Arc::new(Self { handle: Mutex::new(Handle(handle)), home })
    }

    /// A path with the caller's home directory in place of `~`. DuckDB does that, too, but on our
    /// own connections it does not know the caller's setting.
    pub(super) fn expand(&self, path: &str) -> String {
        match (&self.home, path.strip_prefix('~')) {
            (Some(home), Some(rest)) => format!("{home}{rest}"),
            _ => path.to_owned(),
        }
    }

    /// Whether there is a file.
    ///
    /// # Errors
    /// That cannot be told: the settings or its permissions forbid it.
    pub(super) fn exists(&self, function: &str, path: &str) -> Result<bool> {
        // A folder can be opened, too, but not read.
        match self.open(path).and_then(|mut file| file.fill(&mut [0])) {
            Ok(_) => Ok(true),
            Err(Fault::Failed(message)) if !message.contains("ermission denied") => Ok(false),
            Err(fault) => Err(fault.error(function, "opened", path)),
        }
    }

    /// The whole of a file. `check` sees its first bytes and its size before the rest is read.
    ///
    /// # Errors
    /// It is missing or forbidden, does not fit into memory, `check` refuses it, or the analyst
    /// stops the statement.
    pub(super) fn read(
        &self,
        function: &str,
        path: &str,
        control: &Control,
        check: impl FnOnce(&[u8], usize) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let failed = |fault: Fault| fault.error(function, "read", path);
        let mut file = self.open(path).map_err(failed)?;
        let size = file.size().map_err(failed)?;
        let mut start = [0; 16];
        let length = file.fill(&mut start[..size.min(16)]).map_err(failed)?;
        check(&start[..length], size)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| {
            failed(Fault::Failed(format!("its {size} bytes do not fit into memory")))
        })?;
        bytes.extend_from_slice(&start[..length]);
        while bytes.len() < size {
            control.check()?;
            let begin = bytes.len();
            bytes.resize(size.min(begin + CHUNK_BYTES), 0);
            let length = file.fill(&mut bytes[begin..]).map_err(failed)?;
            if begin + length < bytes.len() {
                return Err(failed(Fault::Failed("it became shorter meanwhile".into())));
            }
        }
        Ok(bytes)
    }

    fn open(&self, path: &str) -> std::result::Result<File, Fault> {
        let Ok(path) = CString::new(path) else {
            return Err(Fault::Failed("the path holds a NUL character".into()));
        };
        let system = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = std::ptr::null_mut();
        // SAFETY: the statement that runs keeps the context alive; the options are freed here, and
        // the file by `File`.
        unsafe {
            let mut options = ffi::duckdb_create_file_open_options();
            let read = ffi::duckdb_file_flag_DUCKDB_FILE_FLAG_READ;
            ffi::duckdb_file_open_options_set_flag(options, read, true);
            let state = ffi::duckdb_file_system_open(system.0, path.as_ptr(), options, &mut file);
            ffi::duckdb_destroy_file_open_options(&mut options);
            if state == ffi::DuckDBSuccess {
                Ok(File(file))
            } else {
                Err(take_fault(ffi::duckdb_file_system_error_data(system.0)))
            }
        }
    }
}

/// An open file. Closing one that was only read cannot fail.
struct File(ffi::duckdb_file_handle);

impl File {
    fn size(&self) -> std::result::Result<usize, Fault> {
        // SAFETY: the file is open.
        let size = unsafe { ffi::duckdb_file_handle_size(self.0) };
        usize::try_from(size).map_err(|_| self.fault())
    }

    /// Reads until `buffer` is full or the file ends; returns how much was read.
    fn fill(&mut self, buffer: &mut [u8]) -> std::result::Result<usize, Fault> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            // SAFETY: the file is open, and `rest` has room for that many bytes.
            let read = unsafe {
                ffi::duckdb_file_handle_read(self.0, rest.as_mut_ptr().cast(), rest.len() as i64)
            };
            match usize::try_from(read) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(_) => return Err(self.fault()),
            }
        }
        Ok(filled)
    }

    fn fault(&self) -> Fault {
        // SAFETY: the file is open; the error data are taken over.
        unsafe { take_fault(ffi::duckdb_file_handle_error_data(self.0)) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: owned.
        unsafe { ffi::duckdb_destroy_file_handle(&mut self.0) };
    }
}

/// Takes over an error that DuckDB made.
///
/// # Safety
/// `data` must be null or valid error data that the caller owns.
unsafe fn take_fault(mut data: ffi::duckdb_error_data) -> Fault {
    // SAFETY: the message lives as long as the data, which are freed once.
    unsafe {
        let message = ffi::duckdb_error_data_message(data);
        let text = if message.is_null() {
            "unknown cause".to_owned()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        let kind = ffi::duckdb_error_data_error_type(data);
        ffi::duckdb_destroy_error_data(&mut data);
        if kind == ffi::duckdb_error_type_DUCKDB_ERROR_PERMISSION {
            Fault::Forbidden(text)
        } else {
            Fault::Failed(text)
        }
    }
}

impl Fault {
    /// As DuckDB reports it as the error of a statement.
    fn of_statement(error: &Error) -> Self {
        let message = error.to_string();
        match message.strip_prefix("Permission Error: ") {
            Some(message) => Self::Forbidden(message.to_owned()),
            None => Self::Failed(message.strip_prefix("IO Error: ").unwrap_or(&message).to_owned()),
        }
    }

    /// The error to show; `done` is what could not be done with the file.
    fn error(self, function: &str, done: &str, path: &str) -> Error {
        match self {
            Self::Forbidden(message) => Error::Database(format!(
                "{function}: DuckDB's settings do not let '{path}' be {done} ({message}); with \
                 enable_external_access = false only what allowed_directories and allowed_paths \
                 name can be, and nothing on file systems in disabled_filesystems: choose such a \
                 path, or start DuckDB with other settings"
            )),
            Self::Failed(message) => {
                let remedy = if message.contains("No such file") {
                    "; check the path, which counts from the folder that the program runs in"
                } else {
                    ""
                };
                Error::Data(format!("{function}: '{path}' cannot be {done}: {message}{remedy}"))
            }
        }
    }
}

/// The error of a statement that was to write a file.
pub(super) fn write_error(function: &str, path: &str, error: &Error) -> Error {
    Fault::of_statement(error).error(function, "written", path)
}
