//! The entry point that DuckDB calls on `LOAD segue`. It holds no logic.

use std::ffi::CString;

use duckdb::ffi;

/// The version of DuckDB's C API that Segue uses: DuckDB 1.5.6 and newer have it.
const API_VERSION: &str = "v1.5.6";

/// Registers Segue's functions in the database that loads the extension.
///
/// # Safety
/// DuckDB calls it, with valid arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_init_c_api(
    info: ffi::duckdb_extension_info,
    access: *const ffi::duckdb_extension_access,
) -> bool {
    // SAFETY: DuckDB vouches for `info` and `access`.
    unsafe {
        match load(info, access) {
            Ok(loaded) => loaded,
            Err(message) => {
                let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
                if let Some(set_error) = (*access).set_error {
                    set_error(info, message.as_ptr());
                }
                false
            }
        }
    }
}

/// # Safety
/// As for the entry point.
unsafe fn load(
    info: ffi::duckdb_extension_info,
    access: *const ffi::duckdb_extension_access,
) -> Result<bool, String> {
    // SAFETY: DuckDB vouches for `info` and `access`.
    unsafe {
        if !ffi::duckdb_rs_extension_api_init(info, access, API_VERSION)? {
            // DuckDB has reported why it does not offer this version.
            return Ok(false);
        }
        let Some(get_database) = (*access).get_database else {
            return Err("DuckDB gives no access to the database".into());
        };
        let database = get_database(info);
        if database.is_null() {
            // DuckDB has reported why.
            return Ok(false);
        }
        segue::threads::keep_candle_to_one_thread();
        segue::session::load_extension(*database).map_err(|error| error.to_string())?;
    }
    Ok(true)
}
