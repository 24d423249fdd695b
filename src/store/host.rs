//! The library's side of the caller's database.

use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{Connection, ffi};

use super::cache::Cache;
use super::host_files::Files;
use super::host_handle::Handle;
use super::names::literal;
use super::settings::Settings;
use crate::control::Control;
use crate::error::{Error, Result};

/// One database instance: where nested connections come from, loaded models, and the flag that
/// stops trainings.
///
/// A nested connection sees neither the caller's TEMP tables nor its uncommitted changes.
pub struct Host {
    handle: Mutex<Option<Handle>>,
    control: Control,
    cache: Cache,
    news: Mutex<Option<String>>,
    note: Mutex<Option<String>>,
}

impl Host {
    /// A host for a database that this program has opened.
    ///
    /// # Safety
    /// `database` must be valid until [`Host::close`] was called.
    pub unsafe fn of_program(database: ffi::duckdb_database) -> Arc<Self> {
        // SAFETY: as the caller vouches.
        Self::new(unsafe { Handle::own(database) })
    }

    /// A host for the database that loads Segue as an extension. It does not keep the database
    /// open: functions may be called only by statements of clients, which do.
    ///
    /// # Safety
    /// `database` must be valid during this call.
    ///
    /// # Errors
    /// The version of DuckDB is not known.
    pub unsafe fn of_extension(database: ffi::duckdb_database) -> Result<Arc<Self>> {
        // SAFETY: as the caller vouches; a statement keeps the database open during its calls.
        Ok(Self::new(unsafe { Handle::lent(database) }?))
    }

    /// A host over a connection, for tests of functions that need a [`Caller`].
    #[cfg(test)]
    pub(crate) fn over(connection: Connection) -> Arc<Self> {
        Self::new(Handle::clones(connection))
    }

    fn new(handle: Handle) -> Arc<Self> {
        Arc::new(Self {
            handle: Mutex::new(Some(handle)),
            control: Control::default(),
            cache: Cache::default(),
            news: Mutex::default(),
            note: Mutex::default(),
        })
    }

    /// Opens something with the database's handle.
    ///
    /// # Errors
    /// The database was closed, or what `open` says.
    pub(super) fn with_handle<T>(&self, open: impl FnOnce(&mut Handle) -> Result<T>) -> Result<T> {
        match &mut *self.handle.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(handle) => open(handle),
            None => Err(Error::Database("the database was closed; open it again".into())),
        }
    }

    /// Lets go of the database, so that it can close; later calls of Segue's functions fail.
    pub fn close(&self) {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.cache.clear();
    }

    /// Loaded models.
    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Says, in one line, what a long statement is doing; `None` when it is over.
    pub fn announce(&self, news: Option<String>) {
        self.control.forget_percent();
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    /// What the running statement is doing, and how much of that is done, if it said so.
    pub fn news(&self) -> Option<String> {
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(match self.control.percent() {
            Some(percent) => format!("{percent:2} %  {news}"),
            None => news,
        })
    }

    /// Says what a statement leaves behind that was stopped: its rows cannot tell any more, and
    /// DuckDB's own error takes the place of a function's.
    pub fn leave_note(&self, note: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }

    /// The note of the last statement, which is gone then.
    pub fn take_note(&self) -> Option<String> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The flag that running trainings check with every batch.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// Who runs a statement: the database, where unqualified names are looked up, and what was SET.
#[derive(Clone)]
pub struct Caller {
    /// The database.
    pub host: Arc<Host>,
    /// The caller's search path, if it could be read.
    pub search_path: Option<String>,
    /// The caller's file system, if it could be had.
    pub files: Option<Arc<Files>>,
    /// The caller's settings; empty if they could not be read.
    pub settings: Settings,
    /// What stops the statement.
    pub control: Control,
}

impl Caller {
    /// A caller of whom nothing but the database is known.
    pub fn new(host: Arc<Host>) -> Self {
        let control = host.control().other();
        Self { host, search_path: None, files: None, settings: Settings::default(), control }
    }

    /// The same caller for another execution of the statement, which earlier stops do not concern.
    pub fn of_execution(&self) -> Self {
        Self { control: self.control.other(), ..self.clone() }
    }

    /// A connection of its own that resolves names as the caller does.
    ///
    /// # Errors
    /// The database was closed.
    pub fn connect(&self) -> Result<Connection> {
        let connection = self.host.with_handle(Handle::connect)?;
        let statements = self.statements()?;
        if !statements.is_empty() {
            connection.execute_batch(&statements)?;
        }
        Ok(connection)
    }

    /// What makes a connection see names and settings as the caller does.
    ///
    /// # Errors
    /// The configuration is locked, and a setting that matters cannot be passed on.
    pub(super) fn statements(&self) -> Result<String> {
        let mut statements = self.settings.statements()?;
        if let Some(path) = self.search_path.as_deref().filter(|path| !path.is_empty()) {
            statements += &format!("SET search_path = {};", literal(path));
        }
        Ok(statements)
    }
}
