//! The database behind the shell, as the shell sees it.
//!
//! [`open`] is the one place that decides which engine runs: whoever gives the shell another
//! engine changes that function.

use std::path::Path;
use std::sync::Arc;

use duckdb::{AccessMode, Config, Connection};

/// Stops the running statement; may be called from any thread, at any time, more than once.
pub type Interrupter = Arc<dyn Fn() + Send + Sync>;

/// The latest news of a long statement, one line, for the live status; called from another
/// thread several times a second.
pub type Progress = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// An open database.
pub trait Engine {
    /// The connection on which statements run.
    fn connection(&self) -> &Connection;
    /// Stops the statement that runs on [`connection`](Self::connection).
    fn interrupter(&self) -> Interrupter;
    /// News of the statement that runs, if the engine has any.
    fn progress(&self) -> Option<Progress>;
    /// Forgets an earlier interrupt; called before each statement.
    fn reset(&self);
    /// Lets go of the database, so that it can be opened again at once.
    ///
    /// # Errors
    /// The database could not be closed; the message says why.
    fn close(self: Box<Self>) -> Result<(), String>;
}

/// Opens a database: a file, or one in memory without a path.
///
/// # Errors
/// DuckDB's message.
pub fn open(path: Option<&Path>, read_only: bool) -> Result<Box<dyn Engine>, String> {
    let engine: Box<dyn Engine> = Box::new(Plain::open(path, read_only).map_err(message)?);
    prepare(engine.connection()).map_err(message)?;
    Ok(engine)
}

/// Results carry types that Arrow lacks (TIMETZ, UHUGEINT) whole; for this connection only.
fn prepare(connection: &Connection) -> duckdb::Result<()> {
    connection.execute_batch("SET SESSION arrow_lossless_conversion = true")
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

/// DuckDB alone.
struct Plain(Connection);

impl Plain {
    fn open(path: Option<&Path>, read_only: bool) -> duckdb::Result<Self> {
        let mode = if read_only { AccessMode::ReadOnly } else { AccessMode::Automatic };
        let config = Config::default().access_mode(mode)?;
        let connection = match path {
            Some(path) => Connection::open_with_flags(path, config)?,
            None => Connection::open_in_memory()?,
        };
        Ok(Self(connection))
    }
}

impl Engine for Plain {
    fn connection(&self) -> &Connection {
        &self.0
    }

    fn interrupter(&self) -> Interrupter {
        let handle = self.0.interrupt_handle();
        Arc::new(move || handle.interrupt())
    }

    fn progress(&self) -> Option<Progress> {
        None
    }

    fn reset(&self) {}

    fn close(self: Box<Self>) -> Result<(), String> {
        self.0.close().map_err(|(_, error)| message(error))
    }
}
