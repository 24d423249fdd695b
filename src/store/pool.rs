//! Nested connections: opened with the database, lent to functions, one statement's work at a time.
//!
//! An extension gets the database's handle while it is loaded and no longer, so connections cannot
//! be opened when they are needed.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use duckdb::Connection;

use crate::control::Control;
use crate::error::{Error, Result};

/// Connections for functions that a connection of the level before calls; the first level, which
/// serves the clients' own connections, has one per core on top. A function that waits for a
/// connection waits for its own level only, and those that hold one wait for the next level at
/// most, so they never wait for each other in a circle.
const LEVELS: [usize; 4] = [6, 4, 2, 2];

/// How long a function waits for a connection. Results that a client reads halfway and keeps may
/// hold connections for good, and a statement that never ends would tell nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a waiting function looks whether it was stopped.
const GLANCE: Duration = Duration::from_millis(20);

/// The connections of one database.
pub(super) struct Pool {
    /// Connections at home; `None` once closed.
    idle: Mutex<Option<Vec<Member>>>,
    /// When the last connection came home.
    last_return: Mutex<Instant>,
    returned: Condvar,
    /// The level of each connection, by DuckDB's connection id.
    levels: Vec<(u64, usize)>,
}

/// One of the connections.
pub(super) struct Member {
    pub(super) connection: Connection,
    level: usize,
    /// The search path that was set last.
    search_path: String,
}

impl Member {
    /// Makes the connection look up names along `search_path`; empty is DuckDB's own.
    fn search(&mut self, search_path: &str) -> Result<()> {
        if self.search_path == search_path {
            return Ok(());
        }
        let sql = if search_path.is_empty() {
            "RESET search_path".to_owned()
        } else {
            format!("SET search_path = '{}'", search_path.replace('\'', "''"))
        };
        self.connection.execute_batch(&sql)?;
        search_path.clone_into(&mut self.search_path);
        Ok(())
    }
}

impl Pool {
    /// Opens all connections.
    ///
    /// # Errors
    /// DuckDB refuses one.
    pub(super) fn open(mut connect: impl FnMut() -> Result<Connection>) -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut idle = Vec::new();
        let mut levels = Vec::new();
        for (level, count) in LEVELS.into_iter().enumerate() {
            for _ in 0..count + if level == 0 { cores } else { 0 } {
                let connection = connect()?;
                let id = connection
                    .query_row("SELECT current_connection_id()", [], |row| row.get::<_, u64>(0))?;
                levels.push((id, level));
                idle.push(Member { connection, level, search_path: String::new() });
            }
        }
        Ok(Self {
            idle: Mutex::new(Some(idle)),
            last_return: Mutex::new(Instant::now()),
            returned: Condvar::new(),
            levels,
        })
    }

    /// The level that serves functions called by a connection.
    pub(super) fn level_for(&self, caller: u64) -> usize {
        let own = self.levels.iter().find(|(id, _)| *id == caller);
        own.map_or(0, |(_, level)| level + 1)
    }

    /// A connection of a level, once one is free, that looks up names along `search_path`.
    ///
    /// # Errors
    /// The database was closed, the statement stopped, or no connection came free in a minute.
    pub(super) fn take(
        &self,
        level: usize,
        search_path: &str,
        control: &Control,
    ) -> Result<Member> {
        if level >= LEVELS.len() {
            let depth = LEVELS.len();
            return Err(Error::Database(format!(
                "queries with functions of Segue are nested more than {depth} deep: store the \
                 innermost result in a table and name that"
            )));
        }
        let start = Instant::now();
        let mut idle = self.lock();
        let mut member = loop {
            let Some(members) = idle.as_mut() else { return Err(closed()) };
            if let Some(at) = pick(members, level, search_path) {
                break members.swap_remove(at);
            }
            control.check()?;
            if start.elapsed() > PATIENCE {
                return Err(Error::Database(
                    "all connections that Segue has for functions are busy: read or close the \
                     results that are still open, and run fewer statements at once"
                        .into(),
                ));
            }
            idle = match self.returned.wait_timeout(idle, GLANCE) {
                Ok((idle, _)) => idle,
                Err(poisoned) => poisoned.into_inner().0,
            };
        };
        drop(idle);
        match member.search(search_path) {
            Ok(()) => Ok(member),
            Err(error) => {
                self.give_back(member);
                Err(error)
            }
        }
    }

    /// Takes a connection home; closes it if the pool was closed meanwhile.
    pub(super) fn give_back(&self, member: Member) {
        if thread::panicking() {
            // The work may have stopped within a transaction; without one this is refused.
            let _ = member.connection.execute_batch("ROLLBACK");
        }
        *self.last_return.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let mut idle = self.lock();
        let homeless = match idle.as_mut() {
            Some(members) => {
                members.push(member);
                None
            }
            None => Some(member),
        };
        drop(idle);
        drop(homeless);
        self.returned.notify_all();
    }

    /// How long no connection was used.
    pub(super) fn idle_time(&self) -> Duration {
        self.last_return.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Closes the connections at home; those that are lent close when they come back.
    pub(super) fn close(&self) {
        let members = self.lock().take();
        // Closing the last connection destroys the database: not under the lock.
        drop(members);
        self.returned.notify_all();
    }

    /// Closes the pool if nobody else is connected to the database; whether it is closed now.
    pub(super) fn close_if_alone(&self) -> bool {
        let mut idle = self.lock();
        let Some(members) = idle.as_ref() else { return true };
        // Lent connections serve a client's statement.
        if members.len() < self.levels.len() || connections(members) != Some(self.levels.len()) {
            return false;
        }
        let members = idle.take();
        drop(idle);
        drop(members);
        self.returned.notify_all();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Member>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of the level, if possible one that needs no other search path.
fn pick(members: &[Member], level: usize, search_path: &str) -> Option<usize> {
    let fits = |member: &Member| member.level == level;
    members
        .iter()
        .position(|member| fits(member) && member.search_path == search_path)
        .or_else(|| members.iter().position(fits))
}

/// How many connections the database has, those of clients included.
fn connections(members: &[Member]) -> Option<usize> {
    let connection = &members.first()?.connection;
    let mut statement = connection.prepare_cached("FROM duckdb_connection_count()").ok()?;
    statement.query_row([], |row| row.get(0)).ok()
}

fn closed() -> Error {
    Error::Database(
        "the last connection to the database was closed, and Segue has let go of it: open the \
         database again"
            .into(),
    )
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
