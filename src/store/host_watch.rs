//! Letting go of a database whose clients have closed it.
//!
//! An extension hears of no connection that closes, and its own connections would keep the file
//! locked: a client that opens it again in the same process would even wait for ever. So a thread
//! looks, many times a second, whether only Segue's connections are left, and closes those.

use std::process;
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Host;
use crate::error::{Error, Result};

/// How long the thread waits between two looks: shortest after work, when a script may close the
/// database next; longest in a database that nobody asks, where looking must cost nothing to speak
/// of. A process that is told of the close hardly starts sooner.
const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(50);

/// The share of the time since the last work that a wait takes.
const SHARE: u32 = 50;

/// Databases that are watched.
static WATCHES: Mutex<Vec<Watch>> = Mutex::new(Vec::new());

struct Watch {
    host: Weak<Host>,
    ended: Arc<Ended>,
    thread: JoinHandle<()>,
    /// Threads do not survive a fork.
    process: u32,
}

#[derive(Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl Host {
    /// Lets go of the database as soon as every client has, or the process ends.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn close_after_clients(self: &Arc<Self>) -> Result<()> {
        static AT_EXIT: Once = Once::new();
        AT_EXIT.call_once(|| {
            // SAFETY: the function lives as long as the process: DuckDB unloads no extension. If
            // the system refuses, the process ends as if it were killed, and loses nothing.
            unsafe { atexit(close_at_exit) };
        });
        let ended = Arc::new(Ended::default());
        let (host, seen) = (self.clone(), ended.clone());
        let thread = thread::Builder::new()
            .name("segue-close".to_owned())
            .spawn(move || watch(&host, &seen))
            .map_err(|error| Error::Database(format!("no thread can be started: {error}")))?;
        let mut watches = WATCHES.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| !watch.thread.is_finished());
        watches.push(Watch { host: Arc::downgrade(self), ended, thread, process: process::id() });
        Ok(())
    }
}

fn watch(host: &Host, ended: &Ended) {
    let mut flag = ended.flag.lock().unwrap_or_else(PoisonError::into_inner);
    while !*flag && !host.close_if_alone() {
        let pause = (host.idle_time() / SHARE).clamp(SHORTEST, LONGEST);
        flag = match ended.changed.wait_timeout(flag, pause) {
            Ok((flag, _)) => flag,
            Err(poisoned) => poisoned.into_inner().0,
        };
    }
}

unsafe extern "C" {
    fn atexit(callback: extern "C" fn()) -> std::ffi::c_int;
}

/// Ends the threads before DuckDB's own objects go, and closes what clients have closed, so that
/// nothing is left in the write-ahead log.
extern "C" fn close_at_exit() {
    let watches = std::mem::take(&mut *WATCHES.lock().unwrap_or_else(PoisonError::into_inner));
    for watch in watches.into_iter().filter(|watch| watch.process == process::id()) {
        // A statement that still runs in another thread is not stopped: it would return into a client
        // that is being taken apart, which some end with an abort.
        *watch.ended.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        watch.ended.changed.notify_all();
        // A panic of the thread was printed; nobody is left to tell.
        let _ = watch.thread.join();
        if let Some(host) = watch.host.upgrade() {
            host.close_if_alone();
        }
    }
}
