//! The library's own connections to the caller's database.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use duckdb::{Connection, ffi};

use super::cache::Cache;
use super::host_files::Files;
use super::pool::{Member, Pool};
use crate::control::Control;
use crate::error::Result;

/// One database instance: the connections that functions use, loaded models, and the flag that
/// stops trainings.
pub struct Host {
    pool: Pool,
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
    /// DuckDB refuses a connection.
    pub unsafe fn open(database: ffi::duckdb_database) -> Result<Arc<Self>> {
        // SAFETY: the caller vouches for the handle; the connections keep the instance alive.
        Self::over(|| Ok(unsafe { Connection::open_from_raw(database) }?))
    }

    /// A host whose connections come from `connect`.
    pub(crate) fn over(connect: impl FnMut() -> Result<Connection>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            pool: Pool::open(connect)?,
            control: Control::default(),
            cache: Cache::default(),
            news: Mutex::default(),
            note: Mutex::default(),
        }))
    }

    /// Lets go of the database, so that it can close; later calls of Segue's functions fail.
    pub fn close(&self) {
        self.cache.clear();
        self.pool.close();
    }

    /// Lets go of the database if every client has; whether it is let go now.
    pub(super) fn close_if_alone(&self) -> bool {
        let closed = self.pool.close_if_alone();
        if closed {
            self.cache.clear();
        }
        closed
    }

    /// How long no function has used a connection.
    pub(super) fn idle_time(&self) -> Duration {
        self.pool.idle_time()
    }

    /// How deep in nested queries a connection is: 0 for a client's own, else one more than the
    /// functions that use it.
    pub fn depth(&self, connection_id: u64) -> usize {
        self.pool.level_for(connection_id)
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

/// Who runs a statement: the database, and where unqualified names are looked up.
#[derive(Clone)]
pub struct Caller {
    /// The database.
    pub host: Arc<Host>,
    /// The caller's search path, if it could be read.
    pub search_path: Option<String>,
    /// See [`Host::depth`].
    pub depth: usize,
    /// The caller's file system, if it could be had.
    pub files: Option<Arc<Files>>,
}

impl Caller {
    /// A caller of whom nothing but the database is known.
    pub fn new(host: Arc<Host>) -> Self {
        Self { host, search_path: None, depth: 0, files: None }
    }

    /// A connection that resolves names as the caller does, on loan. There are few: hold it no
    /// longer than needed, and none while asking for another.
    ///
    /// # Errors
    /// The database was closed, the statement was stopped, or all connections stay busy.
    pub fn connect(&self) -> Result<Nested> {
        let search_path = self.search_path.as_deref().unwrap_or_default();
        let member = self.host.pool.take(self.depth, search_path, self.host.control())?;
        Ok(Nested { member: ManuallyDrop::new(member), host: self.host.clone() })
    }
}

/// A connection on loan; it goes home when dropped.
///
/// It sees neither its caller's TEMP tables nor uncommitted changes.
pub struct Nested {
    member: ManuallyDrop<Member>,
    host: Arc<Host>,
}

impl Deref for Nested {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.member.connection
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        // SAFETY: taken here alone, and never used again.
        let member = unsafe { ManuallyDrop::take(&mut self.member) };
        self.host.pool.give_back(member);
    }
}
