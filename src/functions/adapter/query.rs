//! Table functions whose rows are those of one query, run on a connection of our own: names, types
//! and vectors go to the caller as they are, so that any type comes through, and DuckDB streams and
//! spills as ever.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, ptr};

use duckdb::ffi;

use super::super::contract::{Call, QueryFunction};
use super::declare::{Callbacks, declare};
use super::nested::{Chunk, Statement, Stream};
use super::table::arguments;
use super::types::LogicalType;
use super::{Context, borrow, c_string, caller, drop_box, guard, into_raw};
use crate::error::{Error, Result};
use crate::store::{Caller, Host, interruptible};

/// How many chunks are taken at once. A result of no more is taken whole, so that a client that
/// keeps its result open does not keep our connection.
const CHUNKS: usize = 16;

/// What DuckDB keeps with a registered function.
struct Registered {
    function: QueryFunction,
    host: Arc<Host>,
}

/// A bound call: the query that stands for it.
pub(super) struct Query {
    function: &'static str,
    sql: String,
    caller: Caller,
    types: Vec<LogicalType>,
}

/// One execution of a bound call.
struct Execution(Mutex<State>);

#[derive(Default)]
struct State {
    chunks: VecDeque<Chunk>,
    stream: Option<Stream>,
    started: bool,
}

/// Registers one function that writes a query.
///
/// # Safety
/// `connection` must be open.
pub(super) unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    function: &QueryFunction,
) -> Result<()> {
    let named: Vec<&str> = function.named.iter().map(|param| param.name).collect();
    let extra = Registered { function: function.clone(), host: host.clone() };
    let callbacks = Callbacks { bind, init, next };
    let positional = function.positional.len();
    // SAFETY: the caller vouches for the connection.
    unsafe { declare(connection, function.name, positional, &named, extra, callbacks) }
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: DuckDB calls with a valid `info` whose extra info is ours.
    let outcome = unsafe {
        match borrow::<Registered>(ffi::duckdb_bind_get_extra_info(info)) {
            Ok(registered) => guard(registered.function.name, || bind_call(info, registered)),
            Err(error) => Err(c_string(&error.to_string())),
        }
    };
    if let Err(message) = outcome {
        // SAFETY: as above; the message is copied.
        unsafe { ffi::duckdb_bind_set_error(info, message.as_ptr()) };
    }
}

/// # Safety
/// `info` must be valid for this bind.
unsafe fn bind_call(info: ffi::duckdb_bind_info, registered: &Registered) -> Result<()> {
    let QueryFunction { name, positional, named, query, .. } = registered.function;
    // SAFETY: `info` is valid, and so is the context while the call is bound.
    unsafe {
        let mut context = Context(ptr::null_mut());
        ffi::duckdb_table_function_get_client_context(info, &mut context.0);
        let options = arguments(info, name, positional, named, &context)?;
        let caller = caller(&registered.host, &context);
        let sql = query(&Call { options, caller: caller.clone() })?;
        Query::bind(info, name, caller, sql)
    }
}

impl Query {
    /// Binds the query, gives its columns to the caller, and keeps it for execution.
    ///
    /// # Safety
    /// `info` must be valid for this bind.
    ///
    /// # Errors
    /// DuckDB's message.
    pub(super) unsafe fn bind(
        info: ffi::duckdb_bind_info,
        function: &'static str,
        caller: Caller,
        sql: String,
    ) -> Result<()> {
        let mut types = Vec::new();
        let statement = Statement::prepare(caller.native(function)?, &sql)?;
        for (name, logical_type) in statement.columns() {
            // SAFETY: name and type are copied.
            unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical_type.raw()) };
            types.push(logical_type);
        }
        let bound = into_raw(Self { function, sql, caller, types });
        // SAFETY: DuckDB owns the bound call from here on.
        unsafe { ffi::duckdb_bind_set_bind_data(info, bound, Some(drop_box::<Self>)) };
        Ok(())
    }
}

/// Begins an execution of a [`Query`].
pub(super) unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // Starting waits for the first call for rows, so that a plan that never reads them never
    // starts the work.
    let execution = into_raw(Execution(Mutex::default()));
    // SAFETY: `info` is valid; DuckDB owns the execution from here on.
    unsafe {
        ffi::duckdb_init_set_max_threads(info, 1);
        ffi::duckdb_init_set_init_data(info, execution, Some(drop_box::<Execution>));
    }
}

/// Gives the next rows of a [`Query`].
pub(super) unsafe extern "C" fn next(
    info: ffi::duckdb_function_info,
    output: ffi::duckdb_data_chunk,
) {
    // SAFETY: DuckDB calls with valid `info` and `output`; the data are those set above, and the
    // columns those of the bound call.
    let outcome = unsafe {
        let bound = borrow::<Query>(ffi::duckdb_function_get_bind_data(info));
        let execution = borrow::<Execution>(ffi::duckdb_function_get_init_data(info));
        match (bound, execution) {
            (Ok(bound), Ok(execution)) => guard(bound.function, || {
                match execution.next(bound)? {
                    Some(chunk) => chunk.show_in(output),
                    None => ffi::duckdb_data_chunk_set_size(output, 0),
                }
                Ok(())
            }),
            (Err(error), _) | (_, Err(error)) => Err(c_string(&error.to_string())),
        }
    };
    if let Err(message) = outcome {
        // SAFETY: as above; the message is copied.
        unsafe { ffi::duckdb_function_set_error(info, message.as_ptr()) };
    }
}

impl Execution {
    /// The next rows, of the bound call's types; `None` at the end, and after an error.
    fn next(&self, bound: &Query) -> Result<Option<Chunk>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chunk) = state.chunks.pop_front() {
            return Ok(Some(chunk));
        }
        let (function, control) = (bound.function, &bound.caller.control);
        let mut stream = if mem::replace(&mut state.started, true) {
            let Some(stream) = state.stream.take() else { return Ok(None) };
            stream
        } else {
            control.reset();
            let statement = Statement::prepare(bound.caller.native(function)?, &bound.sql)?;
            let columns = statement.columns();
            let same = columns.len() == bound.types.len()
                && columns.iter().zip(&bound.types).all(|((_, new), old)| new.equals(old));
            if !same {
                return Err(Error::Database(format!(
                    "{function}: the types of its columns changed since the statement was \
                     prepared; prepare it again"
                )));
            }
            let interrupter = statement.interrupter();
            interruptible(control, || interrupter.interrupt(), || statement.run())?
        };
        let interrupter = stream.interrupter();
        let fetch = || stream.fetch(CHUNKS, &mut state.chunks);
        if !interruptible(control, || interrupter.interrupt(), fetch)? {
            state.stream = Some(stream);
        }
        Ok(state.chunks.pop_front())
    }
}
