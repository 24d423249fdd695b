//! The `segue` program: a shell for DuckDB with Segue's functions.

use std::process::ExitCode;

// Tensor operations allocate and free megabytes at a time. glibc gives such blocks back to the
// system at once, and a fifth of a training went into page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// On how many threads candle splits an element-wise operation. Its pool waits by spinning: on two
/// idle cores a training is some 10 % faster with two threads, but on a busy machine it was seen to
/// take several times as long as with one.
const THREADS: &str = "CANDLE_NUM_THREADS";

fn main() -> ExitCode {
    if std::env::var_os(THREADS).is_none() {
        // SAFETY: nothing else runs yet in this process that could read the environment.
        unsafe { std::env::set_var(THREADS, "1") };
    }
    // Words that are no Unicode text can only be file names; DuckDB takes UTF-8 paths alone.
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    ExitCode::from(segue::shell::run(words))
}
