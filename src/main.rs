//! The `segue` program: a shell for DuckDB with Segue's functions.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Words that are no Unicode text can only be file names; DuckDB takes UTF-8 paths alone.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    ExitCode::from(segue::shell::run(words))
}
