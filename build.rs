//! Lets the shell and the tests find the DuckDB library from any folder, and says what to do when
//! it is missing.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    let Some(dir) = std::env::var_os("DUCKDB_LIB_DIR") else { return };
    let dir = Path::new(&dir);
    // The library may arrive after a first, failed build: look again when the folder changes.
    println!("cargo:rerun-if-changed={}", dir.display());
    let names = ["libduckdb.so", "libduckdb.dylib", "duckdb.dll", "libduckdb.a"];
    if !names.iter().any(|name| dir.join(name).exists()) {
        println!(
            "cargo:warning=no DuckDB library in {}: run `make libduckdb` once, or set \
             DUCKDB_LIB_DIR to a folder that holds it, or build with --features bundled",
            dir.display()
        );
    }
    let windows = std::env::var_os("CARGO_CFG_WINDOWS").is_some();
    // Written even while the folder is missing, so that a library put there later is found.
    if !windows && let Ok(dir) = dir.canonicalize().or_else(|_| std::path::absolute(dir)) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.display());
    }
}
