//! Which threads a training computes on. Matrix products ask rayon, and are covered here;
//! element-wise operations ask candle's own pool, which the environment variable
//! `CANDLE_NUM_THREADS` sizes (the shell sets it to 1).

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// A pool of one thread, for `install`: every tensor operation inside runs on it alone.
///
/// The operations of a step on a small batch take microseconds: splitting each one among threads
/// costs more than it gives (measured on two cores: no gain on an idle machine, ten times slower on
/// a busy one, where every operation waits for its slowest thread).
///
/// # Errors
/// The system gives no more threads.
pub fn one_thread() -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "segue-train".into());
    pool.build().map_err(|error| Error::Compute(format!("no thread to train on: {error}")))
}
