//! Panics, which are bugs: the user reads one error, not Rust's report beside it.

use std::panic::{self, AssertUnwindSafe};

use crate::error::panic_text;

/// Keeps Rust's own report off the screen for the rest of the process. `RUST_BACKTRACE` brings it
/// back for whoever looks for the bug.
pub fn silence() {
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value == "0") {
        panic::set_hook(Box::new(|_| {}));
    }
}

/// Runs `work`; a panic becomes an error.
///
/// # Errors
/// Those of `work`, and a panic.
pub fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let message = format!(
            "internal error: {}; please report it, with what RUST_BACKTRACE=1 prints",
            panic_text(payload.as_ref())
        );
        // A payload may panic in its destructor; the program ends anyway.
        std::mem::forget(payload);
        Err(message)
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::functions::mock::{registry, table};
    use crate::session::{OpenOptions, Session};

    /// Runs as its own child: the hook is the whole process's.
    #[test]
    fn a_panic_is_one_error_and_no_report() {
        const CHILD: &str = "SEGUE_TEST_PANIC";
        const NAME: &str = "shell::panics::tests::a_panic_is_one_error_and_no_report";
        if std::env::var_os(CHILD).is_some() {
            silence();
            let boom = table("boom", &[], &[], |_| panic!("a bug in a function"));
            let functions = registry(vec![boom], vec![]);
            let session = Session::open(None, &OpenOptions::default(), &functions, &[]).unwrap();
            let error = session.connection().execute_batch("FROM boom()").unwrap_err();
            eprintln!("{error}");
            eprintln!("{}", caught::<()>(|| panic!("a bug in the shell")).unwrap_err());
            return;
        }
        let stderr = |backtrace: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([NAME, "--exact", "--nocapture"]).env(CHILD, "1");
            let output = command.env("RUST_BACKTRACE", backtrace).output().unwrap();
            String::from_utf8(output.stderr).unwrap()
        };
        let quiet = stderr("0");
        assert!(
            quiet.contains("internal error in boom: a bug in a function; please report"),
            "{quiet}"
        );
        assert!(quiet.contains("internal error: a bug in the shell; please report"), "{quiet}");
        assert!(!quiet.contains("panicked at"), "{quiet}");
        assert!(stderr("1").contains("panicked at"));
    }
}
