//! The `segue` program: a shell for DuckDB with Segue's functions.

use std::process::ExitCode;

// Tensor operations allocate and free megabytes at a time. glibc gives such blocks back to the
// system at once, and a fifth of a training went into page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // SAFETY: nothing else runs yet in this process that could read the environment.
    unsafe { segue::threads::keep_candle_to_one_thread() };
    // Words that are no Unicode text can only be file names; DuckDB takes UTF-8 paths alone.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    ExitCode::from(segue::shell::run(words))
}
