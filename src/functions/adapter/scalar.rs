//! Scalar functions: whole vectors of arguments in, a vector of results out.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use duckdb::ffi;

use super::super::contract::{Execution, ScalarFunction, SqlType};
use super::read::Reader;
use super::types::LogicalType;
use super::write::Output;
use super::{Context, borrow, c_string, caller, check, drop_box, guard, into_raw};
use crate::error::{Error, Result};
use crate::store::{Caller, Host};

/// What DuckDB keeps with a registered function.
struct Registered {
    name: &'static str,
    function: Arc<dyn ScalarFunction>,
    parameters: Vec<SqlType>,
    returns: SqlType,
    host: Arc<Host>,
}

/// What DuckDB keeps with a bound call, and copies with its expression.
#[derive(Clone)]
struct Bound {
    caller: Caller,
    /// The execution under way. Each of its threads holds it; when the last one ends, so does the
    /// execution, and the next one, of a prepared statement, begins anew.
    running: Arc<Mutex<Option<Weak<dyn Execution>>>>,
}

/// What each thread of an execution keeps, from the first rows on.
#[derive(Default)]
struct Thread(OnceLock<Arc<dyn Execution>>);

impl Bound {
    /// The execution under way, or a new one.
    fn execution(&self, function: &dyn ScalarFunction) -> Arc<dyn Execution> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(execution) = running.as_ref().and_then(Weak::upgrade) {
            return execution;
        }
        let execution = function.start(&self.caller.of_execution());
        *running = Some(Arc::downgrade(&execution));
        execution
    }
}

/// Registers one scalar function.
///
/// # Safety
/// `connection` must be open.
pub(super) unsafe fn register(
    connection: ffi::duckdb_connection,
    host: &Arc<Host>,
    function: &Arc<dyn ScalarFunction>,
) -> Result<()> {
    let name = function.name();
    let parameters = function.parameters();
    let types: Vec<LogicalType> = parameters.iter().map(LogicalType::new).collect::<Result<_>>()?;
    let returns = function.returns();
    let result = LogicalType::new(&returns)?;
    let extra =
        Registered { name, function: function.clone(), parameters, returns, host: host.clone() };
    // SAFETY: the handle is created and destroyed here; DuckDB copies names and types, and owns
    // `extra` from `set_extra_info` on.
    let state = unsafe {
        let mut handle = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(handle, c_string(name).as_ptr());
        for logical_type in &types {
            ffi::duckdb_scalar_function_add_parameter(handle, logical_type.raw());
        }
        ffi::duckdb_scalar_function_set_return_type(handle, result.raw());
        // NULL arguments reach the function, which decides.
        ffi::duckdb_scalar_function_set_special_handling(handle);
        if function.volatile() {
            ffi::duckdb_scalar_function_set_volatile(handle);
        }
        ffi::duckdb_scalar_function_set_extra_info(
            handle,
            into_raw(extra),
            Some(drop_box::<Registered>),
        );
        ffi::duckdb_scalar_function_set_bind(handle, Some(bind));
        ffi::duckdb_scalar_function_set_init(handle, Some(init));
        ffi::duckdb_scalar_function_set_function(handle, Some(call));
        let state = ffi::duckdb_register_scalar_function(connection, handle);
        ffi::duckdb_destroy_scalar_function(&mut handle);
        state
    };
    check(state, || format!("DuckDB refused the scalar function {name}"))
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: DuckDB calls with a valid `info` whose extra info is ours; the bind data have
    // one owner.
    let outcome = unsafe {
        match borrow::<Registered>(ffi::duckdb_scalar_function_bind_get_extra_info(info)) {
            Ok(registered) => guard(registered.name, || {
                let mut context = Context(ptr::null_mut());
                ffi::duckdb_scalar_function_get_client_context(info, &mut context.0);
                let caller = caller(&registered.host, &context);
                let data = into_raw(Bound { caller, running: Arc::default() });
                ffi::duckdb_scalar_function_set_bind_data(info, data, Some(drop_box::<Bound>));
                ffi::duckdb_scalar_function_set_bind_data_copy(info, Some(copy));
                Ok(())
            }),
            Err(error) => Err(c_string(&error.to_string())),
        }
    };
    if let Err(message) = outcome {
        // SAFETY: as above; the message is copied.
        unsafe { ffi::duckdb_scalar_function_bind_set_error(info, message.as_ptr()) };
    }
}

/// Copies the bind data when DuckDB copies an expression.
unsafe extern "C" fn copy(data: *mut c_void) -> *mut c_void {
    // SAFETY: DuckDB passes the data that `bind` set.
    let copied = unsafe { borrow::<Bound>(data) }.and_then(|bound| {
        guard("copy", || Ok(into_raw(bound.clone()))).map_err(|_| Error::Database(String::new()))
    });
    // A missing copy is reported by `call`.
    copied.unwrap_or(ptr::null_mut())
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // Starting waits for the first rows: a thread that gets none looks nothing up.
    let thread = into_raw(Thread::default());
    // SAFETY: `info` is valid; DuckDB owns the state from here on.
    unsafe { ffi::duckdb_scalar_function_init_set_state(info, thread, Some(drop_box::<Thread>)) };
}

unsafe extern "C" fn call(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    // SAFETY: DuckDB calls with valid handles; the data are those set above.
    let outcome = unsafe {
        let registered = borrow::<Registered>(ffi::duckdb_scalar_function_get_extra_info(info));
        let bound = borrow::<Bound>(ffi::duckdb_scalar_function_get_bind_data(info));
        let thread = borrow::<Thread>(ffi::duckdb_scalar_function_get_state(info));
        match (registered, bound, thread) {
            (Ok(registered), Ok(bound), Ok(thread)) => guard(registered.name, || {
                let start = || bound.execution(registered.function.as_ref());
                compute(registered, thread.0.get_or_init(start).as_ref(), input, output)
            }),
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                Err(c_string(&error.to_string()))
            }
        }
    };
    if let Err(message) = outcome {
        // SAFETY: as above; the message is copied.
        unsafe { ffi::duckdb_scalar_function_set_error(info, message.as_ptr()) };
    }
}

/// # Safety
/// `input` must be a chunk of the function's arguments, `output` a vector of its result type.
unsafe fn compute(
    registered: &Registered,
    execution: &dyn Execution,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) -> Result<()> {
    // SAFETY: the chunk is valid during the call, its vectors with it.
    let (rows, columns) = unsafe {
        (ffi::duckdb_data_chunk_get_size(input), ffi::duckdb_data_chunk_get_column_count(input))
    };
    let rows = rows as usize;
    let mut arguments = Vec::with_capacity(columns as usize);
    for place in 0..columns {
        // SAFETY: `place` is a column of the chunk, and DuckDB flattened it before the call.
        let argument = unsafe {
            let vector = ffi::duckdb_data_chunk_get_vector(input, place);
            let as_text = registered.parameters.get(place as usize) == Some(&SqlType::Id);
            let reader = if as_text { Reader::of_texts(vector) } else { Reader::new(vector) };
            let reader = reader.map_err(|error| {
                Error::Data(format!("{}: argument {}: {error}", registered.name, place + 1))
            })?;
            reader.argument(rows)
        };
        arguments.push(argument);
    }
    // SAFETY: the output vector has the result's type and room for the chunk's rows.
    let mut results = unsafe { Output::new(output, &registered.returns, rows) };
    execution.call(&arguments, rows, &mut results)?;
    results.misfit.map_or(Ok(()), |what| {
        let name = registered.name;
        Err(Error::Database(format!("internal error in {name}: {what}; please report it")))
    })
}
