//! Which threads a training computes on. Matrix products ask rayon, and are covered here;
//! element-wise operations ask candle's own pool, which the environment variable
//! `CANDLE_NUM_THREADS` sizes (the shell sets it to 1).

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// A pool of one thread, for `install`: every tensor operation inside runs on it alone.
///
/// The operations of a step on a small batch take microseconds: split among threads, each one waits
/// for the slowest, which on a busy machine costs far more than the second core gives on an idle one.
///
/// # Errors
/// The system gives no more threads.
pub fn one_thread() -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "segue-train".into());
    pool.build().map_err(|error| Error::Compute(format!("no thread to train on: {error}")))
}
