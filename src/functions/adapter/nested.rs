//! Queries of our own whose results DuckDB gets as they are: names, types and vectors.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char};
use std::{mem, ptr};

use duckdb::ffi;

use super::types::LogicalType;
use super::{c_string, take_string};
use crate::error::{Error, Result};
use crate::store::Native;

/// A bound query that has not run.
pub(super) struct Statement {
    handle: ffi::duckdb_prepared_statement,
    // Dropped after the statement that was made with it.
    connection: Native,
}

// SAFETY: statements, results and chunks may be used from any thread, one at a time.
unsafe impl Send for Statement {}
// SAFETY: as above.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Send for Chunk {}

impl Statement {
    /// Binds one query; nothing of it runs.
    ///
    /// # Errors
    /// DuckDB's message, without its kind and its drawing of the statement.
    pub(super) fn prepare(connection: Native, sql: &str) -> Result<Self> {
        let sql = c_string(sql);
        let mut handle = ptr::null_mut();
        // SAFETY: connection and text are valid; `Statement` frees the handle, also after a failure.
        unsafe {
            let state = ffi::duckdb_prepare(connection.handle(), sql.as_ptr(), &mut handle);
            let statement = Self { handle, connection };
            if state == ffi::DuckDBSuccess {
                Ok(statement)
            } else {
                Err(failure(ffi::duckdb_prepare_error(handle)))
            }
        }
    }

    /// Names and types of the result's columns.
    pub(super) fn columns(&self) -> Vec<(CString, LogicalType)> {
        // SAFETY: the statement is bound, each index below the count; names and types are ours.
        unsafe {
            (0..ffi::duckdb_prepared_statement_column_count(self.handle))
                .map(|place| {
                    let name = ffi::duckdb_prepared_statement_column_name(self.handle, place);
                    let logical_type =
                        ffi::duckdb_prepared_statement_column_logical_type(self.handle, place);
                    let name = c_string(&take_string(name.cast_mut()));
                    (name, LogicalType::from_raw(logical_type))
                })
                .collect()
        }
    }

    /// Runs the query; its rows are computed as they are fetched.
    ///
    /// # Errors
    /// DuckDB's message.
    pub(super) fn run(self) -> Result<Stream> {
        // SAFETY: the result is owned by the stream, which outlives the call.
        unsafe {
            let mut stream = Stream { result: mem::zeroed(), statement: self };
            let handle = stream.statement.handle;
            let state = ffi::duckdb_execute_prepared_streaming(handle, &mut stream.result);
            if state == ffi::DuckDBSuccess {
                Ok(stream)
            } else {
                Err(failure(ffi::duckdb_result_error(&mut stream.result)))
            }
        }
    }

    /// What stops the query, from any thread.
    pub(super) fn interrupter(&self) -> Interrupter {
        Interrupter(self.connection.handle())
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here; the call ignores null.
        unsafe { ffi::duckdb_destroy_prepare(&mut self.handle) };
    }
}

/// Stops the queries of a connection; must not outlive it.
pub(super) struct Interrupter(ffi::duckdb_connection);

// SAFETY: interrupting is what another thread may do at any time.
unsafe impl Sync for Interrupter {}

impl Interrupter {
    /// Stops the running query, if there is one.
    pub(super) fn interrupt(&self) {
        // SAFETY: the connection lives, as the type demands.
        unsafe { ffi::duckdb_interrupt(self.0) };
    }
}

/// The rows of a query, as they come.
pub(super) struct Stream {
    // Destroyed before the statement, in `drop`.
    result: ffi::duckdb_result,
    statement: Statement,
}

impl Stream {
    /// Appends up to `most` chunks; whether these were the last.
    ///
    /// # Errors
    /// DuckDB's message.
    pub(super) fn fetch(&mut self, most: usize, chunks: &mut VecDeque<Chunk>) -> Result<bool> {
        for _ in 0..most {
            // SAFETY: the result is valid; the chunk is ours.
            let chunk = unsafe {
                let chunk = ffi::duckdb_fetch_chunk(self.result);
                if chunk.is_null() {
                    let message = ffi::duckdb_result_error(&mut self.result);
                    return if message.is_null() { Ok(true) } else { Err(failure(message)) };
                }
                Chunk(chunk)
            };
            if chunk.rows() == 0 {
                return Ok(true);
            }
            chunks.push_back(chunk);
        }
        Ok(false)
    }

    /// What stops the query, from any thread.
    pub(super) fn interrupter(&self) -> Interrupter {
        self.statement.interrupter()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here, before the statement.
        unsafe { ffi::duckdb_destroy_result(&mut self.result) };
    }
}

/// Up to a vector of rows.
pub(super) struct Chunk(ffi::duckdb_data_chunk);

impl Chunk {
    fn rows(&self) -> ffi::idx_t {
        // SAFETY: the chunk is valid while `self` lives.
        unsafe { ffi::duckdb_data_chunk_get_size(self.0) }
    }

    /// Makes `output` show these rows. The vectors share their data, which lives as long as either.
    ///
    /// # Safety
    /// `output` must be a chunk with columns of the same types.
    pub(super) unsafe fn show_in(&self, output: ffi::duckdb_data_chunk) {
        // SAFETY: the caller vouches for the columns.
        unsafe {
            for place in 0..ffi::duckdb_data_chunk_get_column_count(self.0) {
                ffi::duckdb_vector_reference_vector(
                    ffi::duckdb_data_chunk_get_vector(output, place),
                    ffi::duckdb_data_chunk_get_vector(self.0, place),
                );
            }
            ffi::duckdb_data_chunk_set_size(output, self.rows());
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: owned, and freed only here.
        unsafe { ffi::duckdb_destroy_data_chunk(&mut self.0) };
    }
}

/// An error with DuckDB's message, which it adds its own kind to when it passes on.
///
/// # Safety
/// `message` must be null or a valid text, which stays DuckDB's.
unsafe fn failure(message: *const c_char) -> Error {
    if message.is_null() {
        return Error::Database("DuckDB refused the query and does not say why".into());
    }
    // SAFETY: the caller vouches.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    Error::Database(plain(&message).to_owned())
}

/// `Binder Error: text\n\nLINE 1: …` without all but the text.
fn plain(message: &str) -> &str {
    let text = message.split("\n\nLINE ").next().unwrap_or(message);
    match text.split_once(" Error: ") {
        Some((kind, text)) if kind.chars().all(|c| c.is_alphabetic() || c == ' ') => text,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn messages_lose_their_kind_and_drawing() {
        assert_eq!(
            plain("Binder Error: f: no model 'x'\n\nLINE 1: FROM f()\n ^"),
            "f: no model 'x'"
        );
        assert_eq!(plain("Invalid Input Error: f: 1 Error: 2"), "f: 1 Error: 2");
        assert_eq!(plain("f: an Error: x"), "f: an Error: x");
    }
}
