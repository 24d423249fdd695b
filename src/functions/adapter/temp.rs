//! TEMP tables and views of the caller: they hide others of the same name from the caller, but not
//! from our own connections, which would silently read those.

use duckdb::ffi;

use super::{Context, c_string};
use crate::error::{Error, Result};
use crate::store::{quote_if_needed, unqualified};
use crate::train::{Kind, Options, Param};

/// Refuses a relation that the caller would take from its TEMP tables and views.
///
/// # Safety
/// `context` must be null or the client context of a statement that is being bound.
///
/// # Errors
/// There is one of the name that an argument gives without a schema.
pub(super) unsafe fn refuse(
    context: &Context,
    function: &str,
    params: &[Param],
    options: &Options,
) -> Result<()> {
    let relations = params.iter().filter(|param| param.kind == Kind::Relation);
    for param in relations {
        let Some(name) = options.text(param.name).and_then(unqualified) else { continue };
        // SAFETY: the caller vouches for the context.
        if unsafe { exists(context, &name) } {
            let shown = quote_if_needed(&name);
            let message = format!(
                "names {shown}, a TEMP table or view of your connection (as a registered data frame \
                 is), which functions do not see; make it a normal table, e.g. CREATE TABLE … AS \
                 FROM {shown}, or name a normal one of that name with its schema, e.g. main.{shown}"
            );
            return Err(Error::option(function, param.name, message));
        }
    }
    Ok(())
}

/// Whether the caller has a TEMP table or view of a name.
///
/// # Safety
/// `context` must be null or the client context of a statement that is being bound.
unsafe fn exists(&Context(context): &Context, name: &str) -> bool {
    // SAFETY: every call gives null where it is given null; what they return is freed here. A table
    // that is not found is no error in C++. Views are kept with the tables.
    unsafe {
        let mut catalog = ffi::duckdb_client_context_get_catalog(context, c"temp".as_ptr());
        let mut entry = ffi::duckdb_catalog_get_entry(
            catalog,
            context,
            ffi::duckdb_catalog_entry_type_DUCKDB_CATALOG_ENTRY_TYPE_TABLE,
            c"main".as_ptr(),
            c_string(name).as_ptr(),
        );
        let found = !entry.is_null();
        ffi::duckdb_destroy_catalog_entry(&mut entry);
        ffi::duckdb_destroy_catalog(&mut catalog);
        found
    }
}
