//! Table macros as table functions, for constants: where no macro is stored, in a read-only
//! database, from another one, on any connection.
//!
//! Binding a call binds the macro with the same constants on a connection of our own, which settles
//! columns and errors; running it hands over what the macro gives.

use std::ptr;
use std::sync::Arc;

use duckdb::ffi;

use super::super::contract::MacroDocs;
use super::super::settings;
use super::declare::{Callbacks, declare};
use super::query::{self, Query};
use super::value::Constant;
use super::{Context, borrow, c_string, caller, guard};
use crate::error::Result;
use crate::store::{Host, literal, quote};

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
    let callbacks = Callbacks { bind, init: query::init, next: query::next };
    let function =
        Signature { name: entry.name, positional: positional as u64, named: named.clone() };
    let extra = Registered { function, host: host.clone() };
    // SAFETY: the caller vouches for the connection.
    unsafe { declare(connection, entry.name, positional, &named, extra, callbacks) }
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
    let function = &registered.function;
    // SAFETY: `info` is valid.
    unsafe {
        let mut context = Context(ptr::null_mut());
        ffi::duckdb_table_function_get_client_context(info, &mut context.0);
        let caller = caller(&registered.host, &context);
        let model = caller.settings.is_locked().then(|| settings::default_model(&caller)).flatten();
        let sql = call_text(info, function, model);
        Query::bind(info, function.name, caller, sql)
    }
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
