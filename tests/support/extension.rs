//! The built extension, which DuckDB loads in tests: cargo does not build it with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the extension is made of.
const SOURCES: &[&str] = &[
    "Cargo.toml",
    "src",
    "sql/macros",
    "extensions/segue/Cargo.toml",
    "extensions/segue/Cargo.lock",
    "extensions/segue/src",
];

/// The extension's file: the one that `SEGUE_EXTENSION` names, as `make test` does after building
/// it, or what `make extension` left in the target folder.
///
/// # Errors
/// A reason to leave a test out: there is none, or it is older than the sources.
///
/// # Panics
/// The same, if `SEGUE_EXTENSION` names it: then it was to be tested.
pub fn find() -> Result<PathBuf, String> {
    match std::env::var_os("SEGUE_EXTENSION") {
        Some(path) => {
            let path = Path::new(ROOT).join(path);
            Ok(current(&path).map(|()| path).unwrap_or_else(|e| panic!("SEGUE_EXTENSION: {e}")))
        }
        None => {
            // CARGO_TARGET_TMPDIR is a folder in the target folder.
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("extension");
            let path = target.join("segue.duckdb_extension");
            current(&path).map(|()| path)
        }
    }
}

/// Fails unless the file is there, and newer than what it is made of.
fn current(extension: &Path) -> Result<(), String> {
    let built = modified(extension).ok_or_else(|| {
        format!("there is no {}; `make extension` builds it", extension.display())
    })?;
    let newest = SOURCES.iter().filter_map(|path| newest(&Path::new(ROOT).join(path))).max();
    match newest {
        Some((time, source)) if time > built => Err(format!(
            "{} is older than {}; `make extension` builds it anew",
            extension.display(),
            source.display()
        )),
        _ => Ok(()),
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The file that was changed last, at or below a path.
fn newest(path: &Path) -> Option<(SystemTime, PathBuf)> {
    if !path.is_dir() {
        return Some((modified(path)?, path.to_path_buf()));
    }
    let entries = fs::read_dir(path).ok()?;
    entries.filter_map(|entry| newest(&entry.ok()?.path())).max()
}
