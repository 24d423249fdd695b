//! A way out of DuckDB's work for the analyst.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::control::Control;
use crate::error::Result;

/// Runs `work`; calls `interrupt` while the analyst asks to stop, from about 50 ms after.
///
/// # Errors
/// Those of `work`; [`crate::error::Error::Interrupted`] if the analyst asked to stop meanwhile,
/// whatever `work` says of it.
pub fn interruptible<T>(
    control: &Control,
    interrupt: impl Fn() + Sync,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let done = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                if control.check().is_err() {
                    interrupt();
                }
                thread::park_timeout(Duration::from_millis(50));
            }
        });
        // Ends the watcher on every way out: the scope waits for it.
        let _end = End { done: &done, watcher: watcher.thread().clone() };
        work()
    });
    control.check()?;
    result
}

struct End<'a> {
    done: &'a AtomicBool,
    watcher: Thread,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        self.watcher.unpark();
    }
}
