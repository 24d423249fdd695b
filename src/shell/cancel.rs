//! Ctrl-C: stops the running statement; at the prompt the line editor handles it itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::engine::Interrupter;

/// The exit status of a program that Ctrl-C ended.
pub const EXIT_INTERRUPTED: u8 = 130;
/// An interrupt that arrives just before DuckDB begins a statement is lost, so it is repeated.
const REPEAT_EVERY: Duration = Duration::from_millis(50);

/// Knows what runs, for the signal handler.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    running: Mutex<Running>,
    requested: AtomicBool,
    interactive: AtomicBool,
}

#[derive(Default)]
struct Running {
    /// Counts statements, so that a repeated interrupt never hits the next one.
    number: u64,
    interrupter: Option<Interrupter>,
}

impl Cancel {
    /// Takes over Ctrl-C for the whole program.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn install(&self) -> Result<(), String> {
        let cancel = self.clone();
        ctrlc::set_handler(move || cancel.signalled())
            .map_err(|error| format!("Ctrl-C cannot be handled: {error}"))
    }

    /// Says whether someone sits at a prompt; else Ctrl-C between statements ends the program.
    pub fn set_interactive(&self, interactive: bool) {
        self.0.interactive.store(interactive, Ordering::SeqCst);
    }

    /// Marks the beginning of a statement; its end is when the guard is dropped.
    pub fn begin(&self, interrupter: Interrupter) -> Guard {
        let mut running = self.running();
        running.number += 1;
        running.interrupter = Some(interrupter);
        Guard(self.clone())
    }

    /// Whether Ctrl-C was pressed since [`clear`](Self::clear).
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Forgets an earlier Ctrl-C, before new input is run.
    pub fn clear(&self) {
        self.0.requested.store(false, Ordering::SeqCst);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs on the handler's thread, one signal after the other.
    fn signalled(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        let Some(number) = self.interrupt(None) else {
            if !self.0.interactive.load(Ordering::SeqCst) {
                // Waits for input or stands between statements: nothing is left half done.
                std::process::exit(EXIT_INTERRUPTED.into());
            }
            return;
        };
        loop {
            std::thread::sleep(REPEAT_EVERY);
            if self.interrupt(Some(number)).is_none() {
                return;
            }
        }
    }

    /// Interrupts the running statement, if it is still the one of that number, and gives its
    /// number. The lock is held meanwhile, so that no statement is interrupted
    /// in place of the one before it.
    fn interrupt(&self, wanted: Option<u64>) -> Option<u64> {
        let running = self.running();
        let interrupter = running.interrupter.as_ref()?;
        if wanted.is_some_and(|number| number != running.number) {
            return None;
        }
        interrupter();
        Some(running.number)
    }
}

/// A running statement.
pub struct Guard(Cancel);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.running().interrupter = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_signal_interrupts_the_running_statement_until_it_ends() {
        let cancel = Cancel::default();
        let calls = Arc::new(AtomicUsize::new(0));
        let (counter, shared) = (calls.clone(), cancel.clone());
        let (ended, end) = mpsc::channel();
        let interrupter: Interrupter = Arc::new(move || {
            // The statement ends when it was interrupted for the second time.
            if counter.fetch_add(1, Ordering::SeqCst) == 1 {
                ended.send(()).unwrap();
            }
        });
        let guard = shared.begin(interrupter);
        let statement = std::thread::spawn(move || {
            end.recv().unwrap();
            drop(guard);
        });
        cancel.signalled();
        statement.join().unwrap();
        let count = calls.load(Ordering::SeqCst);
        assert!(count >= 2, "{count}");
        assert!(cancel.requested());
        assert_eq!(cancel.interrupt(None), None);
    }

    #[test]
    fn a_signal_at_the_prompt_does_nothing() {
        let cancel = Cancel::default();
        cancel.set_interactive(true);
        cancel.signalled();
        cancel.clear();
        assert!(!cancel.requested());
    }
}
