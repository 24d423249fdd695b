//! The library's own connections to the caller's database.

use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{Connection, ffi};

use super::cache::Cache;
use super::settings::Settings;
use crate::control::Control;
use crate::error::{Error, Result};

/// One database instance: the connection from which all nested ones are cloned, and the flag that
/// stops trainings.
///
/// A nested connection sees neither the caller's TEMP tables nor its uncommitted changes.
pub struct Host {
    base: Mutex<Option<Connection>>,
    control: Control,
    cache: Cache,
    news: Mutex<Option<String>>,
    note: Mutex<Option<String>>,
}

impl Host {
    /// Connects to an open database.
    ///
    /// # Safety
    /// `database` must be a valid handle during this call; it is not kept.
    ///
    /// # Errors
    /// DuckDB refuses the connection.
    pub unsafe fn open(database: ffi::duckdb_database) -> Result<Arc<Self>> {
        // SAFETY: the caller vouches for the handle; the connection keeps the instance alive.
        let base = unsafe { Connection::open_from_raw(database) }?;
        Ok(Arc::new(Self {
            base: Mutex::new(Some(base)),
            control: Control::default(),
            cache: Cache::default(),
            news: Mutex::default(),
            note: Mutex::default(),
        }))
    }

    /// Takes over a connection, for tests of functions that need a [`Caller`].
    #[cfg(test)]
    pub(crate) fn over(base: Connection) -> Arc<Self> {
        Arc::new(Self {
            base: Mutex::new(Some(base)),
            control: Control::default(),
            cache: Cache::default(),
            news: Mutex::default(),
            note: Mutex::default(),
        })
    }

    /// Lets go of the database, so that it can close; later calls of Segue's functions fail.
    pub fn close(&self) {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.cache.clear();
    }

    /// Loaded models.
    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Says, in one line, what a long statement is doing; `None` when it is over.
    pub fn announce(&self, news: Option<String>) {
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = news;
    }

    /// What the running statement is doing, if it said so.
    pub fn news(&self) -> Option<String> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    /// The caller's settings; empty if they could not be read.
    pub settings: Settings,
}

impl Caller {
    /// A connection of its own that resolves names as the caller does.
    ///
    /// # Errors
    /// The database was closed.
    pub fn connect(&self) -> Result<Connection> {
        let connection = match &*self.host.base.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(base) => base.try_clone()?,
            None => {
                return Err(Error::Database("the database was closed; open it again".into()));
            }
        };
        if let Some(path) = self.search_path.as_deref().filter(|path| !path.is_empty()) {
            connection
                .execute_batch(&format!("SET search_path = '{}'", path.replace('\'', "''")))?;
        }
        Ok(connection)
    }
}
