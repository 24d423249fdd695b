//! The database behind the shell: a session with Segue's functions.

use std::path::Path;
use std::sync::Arc;

use duckdb::Connection;

use crate::functions::{MACROS, registry};
use crate::session::{OpenOptions, Session};

/// Stops the running statement; may be called from any thread, at any time, more than once.
pub type Interrupter = Arc<dyn Fn() + Send + Sync>;

/// The latest news of a long statement, one line, for the live status; called from another
/// thread several times a second.
pub type Progress = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// An open database.
pub struct Engine(Session);

impl Engine {
    /// Opens a database: a file, or one in memory without a path.
    ///
    /// # Errors
    /// The file is in use, missing where `read_only`, or no database.
    pub fn open(path: Option<&Path>, read_only: bool) -> Result<Self, String> {
        let options = OpenOptions { read_only };
        let session = Session::open(path, &options, &registry(), MACROS);
        let session = session.map_err(|error| error.to_string())?;
        // Results carry types that Arrow lacks (TIMETZ, UHUGEINT) whole; for this connection only.
        let lossless = "SET SESSION arrow_lossless_conversion = true";
        session.connection().execute_batch(lossless).map_err(message)?;
        Ok(Self(session))
    }

    /// The connection on which statements run.
    pub fn connection(&self) -> &Connection {
        self.0.connection()
    }

    /// A handle that stops the statement that runs on [`Engine::connection`].
    pub fn interrupter(&self) -> Interrupter {
        let interrupter = self.0.interrupter();
        Arc::new(move || interrupter.interrupt())
    }

    /// News of the statement that runs.
    pub fn progress(&self) -> Progress {
        let host = self.0.host().clone();
        Arc::new(move || host.news())
    }

    /// Forgets an earlier interrupt; called before each statement.
    pub fn reset(&self) {
        self.0.host().control().reset();
        self.0.host().take_note();
    }

    /// What a statement that was stopped left behind, in words.
    pub fn note(&self) -> Option<String> {
        self.0.host().take_note()
    }

    /// Lets go of the database, so that it can be opened again at once.
    ///
    /// # Errors
    /// The database could not be closed; the message says why.
    pub fn close(self) -> Result<(), String> {
        self.0.close().map_err(|error| error.to_string())
    }
}

/// DuckDB's own words, without what the Rust wrapper adds.
#[allow(clippy::needless_pass_by_value)] // fits `map_err`
pub fn message(error: duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message,
        duckdb::Error::InvalidParameterCount(_, expected) => format!(
            "Invalid Input Error: the statement has {expected} parameter(s) without a value; use \
             PREPARE and EXECUTE to give them values"
        ),
        other => other.to_string(),
    }
}
