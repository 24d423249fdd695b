//! Table functions: bind checks the arguments, the first call for rows starts the work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, ptr, vec};

use duckdb::ffi;

use super::super::arguments::{self, Null};
use super::super::contract::{Binding, Call, Rows, TableFunction, Value};
use super::declare::{Callbacks, declare};
use super::types::LogicalType;
use super::value::Constant;
use super::{Context, borrow, c_string, caller, drop_box, guard, into_raw, temp, write};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::store::Host;
use crate::train::{Options, Param, Setting};

/// Functions of this prefix stand behind macros, which pass NULL for an option that was not given.
const INTERNAL_PREFIX: &str = "segue_";

/// What DuckDB keeps with a registered function.
struct Registered {
    name: String,
    function: Arc<dyn TableFunction>,
    host: Arc<Host>,
}

/// A bound statement.
struct Bound {
    binding: Binding,
    /// What stops it.
    control: Control,
}

/// One execution of a bound statement.
struct Execution(Mutex<State>);

#[derive(Default)]
struct State {
    rows: Option<Box<dyn Rows>>,
    /// Rows that did not fit into the previous chunk.
    left: vec::IntoIter<Vec<Value>>,
    started: bool,
    ended: bool,
}

/// Registers one table function.
///
/// # Safety
/// `connection` must be open.
pub(super) unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    function: &Arc<dyn TableFunction>,
) -> Result<()> {
    let name = function.name();
    let (positional, named) = (function.positional(), function.named());
    let named: Vec<&str> = named.iter().map(|param| param.name).collect();
    let extra = Registered { name: name.clone(), function: function.clone(), host: host.clone() };
    let callbacks = Callbacks { bind, init, next };
    // SAFETY: the caller vouches for the connection.
    unsafe { declare(connection, &name, positional.len(), &named, extra, callbacks) }
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: DuckDB calls with a valid `info` whose extra info is ours.
    let outcome = unsafe {
        match borrow::<Registered>(ffi::duckdb_bind_get_extra_info(info)) {
            Ok(registered) => guard(&registered.name, || bind_call(info, registered)),
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
    let function = &registered.function;
    // SAFETY: `info` is valid, and so is the context while the call is bound.
    let (context, caller, options) = unsafe {
        let mut context = Context(ptr::null_mut());
        ffi::duckdb_table_function_get_client_context(info, &mut context.0);
        let (positional, named) = (function.positional(), function.named());
        let options = arguments(info, &registered.name, &positional, &named, &context)?;
        let caller = caller(&registered.host, &context);
        (context, caller, options)
    };
    let shown = options.text("function").unwrap_or(&registered.name).to_owned();
    for (param, params) in function.packed() {
        if let Some(Setting::Struct(fields)) = options.get(param) {
            let field = |(name, value): &(String, Setting)| (name.to_lowercase(), value.clone());
            let packed = Options(fields.iter().map(field).collect());
            // SAFETY: the context is valid while the call is bound.
            unsafe { temp::refuse(&context, &shown, &params, &packed) }?;
        }
    }
    let control = caller.control.clone();
    let binding = function.bind(&Call { options, caller })?;
    for column in &binding.columns {
        let logical_type =
            LogicalType::new(&column.sql_type).map_err(|error| error.within(&shown))?;
        let name = c_string(&column.name);
        // SAFETY: name and type are copied.
        unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical_type.raw()) };
    }
    if let Some(rows) = function.cardinality() {
        // SAFETY: `info` is valid.
        unsafe { ffi::duckdb_bind_set_cardinality(info, rows, false) };
    }
    // SAFETY: DuckDB owns the binding from here on.
    unsafe {
        ffi::duckdb_bind_set_bind_data(
            info,
            into_raw(Bound { binding, control }),
            Some(drop_box::<Bound>),
        );
    }
    Ok(())
}

/// The checked arguments of a call.
///
/// # Safety
/// `info` and `context` must be valid for this bind of the function.
///
/// # Errors
/// An argument is missing or wrong, or names a TEMP table.
pub(super) unsafe fn arguments(
    info: ffi::duckdb_bind_info,
    name: &str,
    positional: &[Param],
    named: &[Param],
    context: &Context,
) -> Result<Options> {
    let mut given = Vec::with_capacity(positional.len() + named.len());
    for index in 0..positional.len() {
        // SAFETY: `index` is below the number of declared parameters; the value is ours to free.
        given.push(unsafe {
            Constant::from_raw(ffi::duckdb_bind_get_parameter(info, index as ffi::idx_t))
        });
    }
    for param in named {
        let name = c_string(param.name);
        // SAFETY: null for a parameter that was not given, else ours to free.
        given.push(unsafe {
            Constant::from_raw(ffi::duckdb_bind_get_named_parameter(info, name.as_ptr()))
        });
    }
    let params = [positional, named].concat();
    let mut values: Vec<Option<Value>> = Vec::with_capacity(params.len());
    for (param, constant) in params.iter().zip(&given) {
        let value = constant.as_ref().map(Constant::get).transpose().map_err(|error| {
            Error::option(name, param.name, format!("has a wrong type: {error}"))
        })?;
        values.push(value);
    }
    let null = if name.starts_with(INTERNAL_PREFIX) { Null::Absent } else { Null::Error };
    let function = shown_name(name, &params, &values).to_owned();
    let mut values = values.into_iter();
    let options = arguments::options(&function, &params, null, |_| values.next().flatten())?;
    // SAFETY: as the caller vouches.
    unsafe { temp::refuse(context, &function, &params, &options) }?;
    Ok(options)
}

/// The function as the analyst knows it: for one that stands behind macros, the macro that its
/// argument `function` names, or the macro of the same name.
fn shown_name<'a>(name: &'a str, params: &[Param], values: &'a [Option<Value>]) -> &'a str {
    let Some(plain) = name.strip_prefix(INTERNAL_PREFIX) else { return name };
    let place = params.iter().position(|param| param.name == "function");
    match place.and_then(|place| values[place].as_ref()) {
        Some(Value::Text(function)) => function,
        _ => plain,
    }
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // Starting waits for the first call for rows, so that a plan that never reads them never
    // starts the work.
    let execution = Execution(Mutex::new(State::default()));
    // SAFETY: `info` is valid; DuckDB owns the execution from here on.
    unsafe {
        ffi::duckdb_init_set_max_threads(info, 1);
        ffi::duckdb_init_set_init_data(info, into_raw(execution), Some(drop_box::<Execution>));
    }
}

unsafe extern "C" fn next(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: DuckDB calls with valid `info` and `output`; the data are those set above.
    let outcome = unsafe {
        let registered = borrow::<Registered>(ffi::duckdb_function_get_extra_info(info));
        let bound = borrow::<Bound>(ffi::duckdb_function_get_bind_data(info));
        let execution = borrow::<Execution>(ffi::duckdb_function_get_init_data(info));
        match (registered, bound, execution) {
            (Ok(registered), Ok(bound), Ok(execution)) => {
                guard(&registered.name, || fill(&registered.name, bound, execution, output))
                    .inspect_err(|_| execution.end())
            }
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

/// # Safety
/// `output` must be a chunk of the binding's columns.
unsafe fn fill(
    name: &str,
    bound: &Bound,
    execution: &Execution,
    output: ffi::duckdb_data_chunk,
) -> Result<()> {
    let rows = execution.take(bound)?;
    let binding = &bound.binding;
    let width = binding.columns.len();
    if let Some(row) = rows.iter().find(|row| row.len() != width) {
        let message = format!(
            "internal error in {name}: a row of {} values for {width} columns; please report it",
            row.len()
        );
        return Err(Error::Database(message));
    }
    for (place, column) in binding.columns.iter().enumerate() {
        let values: Vec<&Value> = rows.iter().map(|row| &row[place]).collect();
        // SAFETY: the chunk has a vector of the column's type at `place`, with room for a chunk.
        unsafe {
            let vector = ffi::duckdb_data_chunk_get_vector(output, place as ffi::idx_t);
            write::column(vector, &column.sql_type, 0, &values)
        }
        .map_err(|error| {
            let message = format!(
                "internal error in {name}: column {}: {error}; please report it",
                column.name
            );
            Error::Database(message)
        })?;
    }
    // SAFETY: at most one chunk of rows was written.
    unsafe { ffi::duckdb_data_chunk_set_size(output, rows.len() as ffi::idx_t) };
    Ok(())
}

impl Execution {
    /// The rows of the next chunk; none at the end.
    fn take(&self, bound: &Bound) -> Result<Vec<Vec<Value>>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return Ok(Vec::new());
        }
        if state.left.as_slice().is_empty() {
            if !state.started {
                state.started = true;
                // A stop of an earlier execution is no stop of this one.
                bound.control.reset();
                state.rows = Some((bound.binding.start)()?);
            }
            let batch = match &mut state.rows {
                Some(rows) => rows.next()?,
                None => Vec::new(),
            };
            if batch.is_empty() {
                state.ended = true;
                // At the end, not when the client closes the result, resources are let go.
                state.rows = None;
            }
            state.left = batch.into_iter();
        }
        // SAFETY: a plain constant of the library.
        let chunk_rows = unsafe { ffi::duckdb_vector_size() } as usize;
        Ok(state.left.by_ref().take(chunk_rows).collect())
    }

    /// After an error, nothing more comes.
    fn end(&self) {
        let state = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            mem::replace(&mut *state, State { started: true, ended: true, ..State::default() })
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(state))) {
            mem::forget(payload);
        }
    }
}
