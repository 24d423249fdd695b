//! Table macros as table functions, for constants: where no macro is stored, in a read-only
//! database, from another one, on any connection.
//!
//! Binding a call binds the macro with the same constants on a connection of our own, which settles
//! columns and errors; running it hands over what the macro gives.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, ptr};

use duckdb::ffi;

use super::super::contract::{MacroDocs, SqlType};
use super::super::settings;
use super::nested::{Chunk, Statement, Stream};
use super::types::LogicalType;
use super::value::Constant;
use super::{Context, borrow, c_string, caller, check, drop_box, guard, into_raw};
use crate::error::{Error, Result};
use crate::store::{Caller, Host, interruptible, literal, quote};

/// How many chunks are taken at once. A result of no more is taken whole, so that a client that
/// keeps its result open does not keep our connection.
const CHUNKS: usize = 16;

/// A macro's signature as a table function. DuckDB has one for each function, so what may be
/// positional must be given.
struct Signature {
    /// The macro's name.
    name: &'static str,
    /// How many of the macro's first parameters are positional.
    positional: u64,
    /// The names of its other parameters, all optional.
    named: Vec<&'static str>,
}

/// What DuckDB keeps with a registered function.
struct Registered {
    function: Signature,
    host: Arc<Host>,
}

/// A bound call.
struct Bound {
    macro_name: &'static str,
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

/// Registers the table function of one macro, if it is to have one.
///
/// # Safety
/// `connection` must be open.
pub(super) unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    entry: &MacroDocs,
) -> Result<()> {
    let Some(positional) = entry.positional else { return Ok(()) };
    let named: Vec<&'static str> =
        entry.parameters[positional..].iter().map(|param| param.name).collect();
    let function = Signature { name: entry.name, positional: positional as u64, named };
    let name = c_string(function.name);
    let parameters: Vec<_> = function.named.iter().map(|name| c_string(name)).collect();
    let any = LogicalType::new(&SqlType::Any)?;
    let extra = Registered { function, host: host.clone() };
    // SAFETY: the handle is created and destroyed here; DuckDB copies names and types, and owns
    // `extra` from `set_extra_info` on.
    let state = unsafe {
        let mut handle = ffi::duckdb_create_table_function();
        ffi::duckdb_table_function_set_name(handle, name.as_ptr());
        for _ in 0..positional {
            ffi::duckdb_table_function_add_parameter(handle, any.raw());
        }
        for parameter in &parameters {
            ffi::duckdb_table_function_add_named_parameter(handle, parameter.as_ptr(), any.raw());
        }
        let extra = into_raw(extra);
        ffi::duckdb_table_function_set_extra_info(handle, extra, Some(drop_box::<Registered>));
        ffi::duckdb_table_function_set_bind(handle, Some(bind));
        ffi::duckdb_table_function_set_init(handle, Some(init));
        ffi::duckdb_table_function_set_function(handle, Some(next));
        let state = ffi::duckdb_register_table_function(connection, handle);
        ffi::duckdb_destroy_table_function(&mut handle);
        state
    };
    check(state, || format!("DuckDB refused the table function {}", entry.name))
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
    // SAFETY: `info` is valid.
    let (caller, sql) = unsafe {
        let mut context = Context(ptr::null_mut());
        ffi::duckdb_table_function_get_client_context(info, &mut context.0);
        let caller = caller(&registered.host, &context);
        let model = caller.settings.is_locked().then(|| settings::default_model(&caller)).flatten();
        let sql = call_text(info, &registered.function, model);
        (caller, sql)
    };
    let mut types = Vec::new();
    for (name, logical_type) in
        Statement::prepare(caller.native(registered.function.name)?, &sql)?.columns()
    {
        // SAFETY: name and type are copied.
        unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical_type.raw()) };
        types.push(logical_type);
    }
    let bound = into_raw(Bound { macro_name: registered.function.name, sql, caller, types });
    // SAFETY: DuckDB owns the bound call from here on.
    unsafe { ffi::duckdb_bind_set_bind_data(info, bound, Some(drop_box::<Bound>)) };
    Ok(())
}

/// The call of the macro, with every argument as DuckDB writes it. `default_model` is that of the
/// caller's settings, where a locked configuration keeps it from our connection.
///
/// # Safety
/// `info` must be valid for this bind of `function`.
unsafe fn call_text(
    info: ffi::duckdb_bind_info,
    function: &Signature,
    default_model: Option<&str>,
) -> String {
    let mut arguments = Vec::new();
    for index in 0..function.positional {
        // SAFETY: `index` is below the number of declared parameters; the value is ours to free.
        let value = unsafe { Constant::from_raw(ffi::duckdb_bind_get_parameter(info, index)) };
        arguments.push(value.map_or_else(|| "NULL".to_owned(), |value| value.sql()));
    }
    for name in &function.named {
        let parameter = c_string(name);
        // SAFETY: null for a parameter that was not given, else ours to free.
        let value = unsafe {
            Constant::from_raw(ffi::duckdb_bind_get_named_parameter(info, parameter.as_ptr()))
        };
        let text = match (value, default_model) {
            (Some(value), _) => value.sql(),
            (None, Some(model)) if *name == "model" => literal(model),
            (None, _) => continue,
        };
        arguments.push(format!("{} := {text}", quote(name)));
    }
    format!("FROM temp.main.{}({})", function.name, arguments.join(", "))
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // Starting waits for the first call for rows, so that a plan that never reads them never
    // starts the work.
    let execution = into_raw(Execution(Mutex::default()));
    // SAFETY: `info` is valid; DuckDB owns the execution from here on.
    unsafe {
        ffi::duckdb_init_set_max_threads(info, 1);
        ffi::duckdb_init_set_init_data(info, execution, Some(drop_box::<Execution>));
    }
}

unsafe extern "C" fn next(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: DuckDB calls with valid `info` and `output`; the data are those set above, and the
    // columns those of the bound call.
    let outcome = unsafe {
        let registered = borrow::<Registered>(ffi::duckdb_function_get_extra_info(info));
        let bound = borrow::<Bound>(ffi::duckdb_function_get_bind_data(info));
        let execution = borrow::<Execution>(ffi::duckdb_function_get_init_data(info));
        match (registered, bound, execution) {
            (Ok(registered), Ok(bound), Ok(execution)) => guard(registered.function.name, || {
                match execution.next(registered.function.name, bound)? {
                    Some(chunk) => chunk.show_in(output),
                    None => ffi::duckdb_data_chunk_set_size(output, 0),
                }
                Ok(())
            }),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                Err(c_string(&error.to_string()))
            }
        }
    };
    if let Err(message) = outcome {
        // SAFETY: as above; the message is copied.
        unsafe { ffi::duckdb_function_set_error(info, message.as_ptr()) };
    }
}

impl Execution {
    /// The next rows, of the bound call's types; `None` at the end, and after an error.
    fn next(&self, function: &str, bound: &Bound) -> Result<Option<Chunk>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chunk) = state.chunks.pop_front() {
            return Ok(Some(chunk));
        }
        let control = &bound.caller.control;
        let mut stream = if mem::replace(&mut state.started, true) {
            let Some(stream) = state.stream.take() else { return Ok(None) };
            stream
        } else {
            control.reset();
            let statement = Statement::prepare(bound.caller.native(bound.macro_name)?, &bound.sql)?;
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
