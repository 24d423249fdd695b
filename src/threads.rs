//! The threads that Segue computes on. Matrix products, scoring and the ordering of plays ask
//! rayon, and rayon asks the pool that they run in: they always run in one of these, never in
//! rayon's own, which has a thread for every core whatever the analyst allows.

use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, process};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// How many shared pools of different sizes are kept; their threads sleep while nobody asks.
const KEPT: usize = 4;

/// The environment variable that says among how many threads candle splits element-wise operations.
const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";
/// The one that says among how many it splits matrix products, and the one that does so by naming
/// cores, which is read once, and before the other.
const PRODUCT_THREADS: &str = "RAYON_NUM_THREADS";
const CORES: &str = "CANDLE_CPU_MASK";

/// A fixed number of threads to compute on; clones are the same threads.
///
/// Only computation belongs into [`Threads::run`], never a query: DuckDB may call functions of ours
/// for it on other threads, and these would wait for the threads that wait for them. The compiler
/// helps, since a connection cannot be shared with another thread.
#[derive(Debug, Clone)]
pub struct Threads(Arc<ThreadPool>);

impl Threads {
    /// The `count` threads that all statements share which ask for so many.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn shared(count: usize) -> Result<Self> {
        static POOLS: Pools = Pools(Mutex::new(Vec::new()));
        POOLS.get(count)
    }

    /// `count` threads for one piece of work, such as a training: what others ask for meanwhile
    /// need not wait for it.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn own(count: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(count.max(1))
            .thread_name(|thread| format!("segue-{thread}"))
            .build()
            .map_err(|error| {
                let message =
                    format!("the system gives no {count} threads to compute on ({error})");
                Error::Compute(message + "; lower segue_threads or threads")
            })?;
        Ok(Self(Arc::new(pool)))
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Computes on these threads, while the caller's waits.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}

/// Pools of different sizes, the most recently used last, each with the process that made it: a
/// process that is forked has its parent's pools, and none of their threads.
struct Pools(Mutex<Vec<(u32, Threads)>>);

impl Pools {
    fn get(&self, count: usize) -> Result<Threads> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process::id();
        for (_, gone) in pools.extract_if(.., |(maker, _)| *maker != process) {
            // Dropping it would wait for threads that are not there.
            mem::forget(gone);
        }
        let pool = match pools.iter().position(|(_, pool)| pool.count() == count) {
            Some(at) => pools.remove(at).1,
            None => Threads::own(count)?,
        };
        if pools.len() == KEPT {
            pools.remove(0);
        }
        pools.push((process, pool.clone()));
        Ok(pool)
    }
}

/// Has candle run every element-wise operation on the thread that asks for it, unless the
/// environment says otherwise, and count the cores once. To be called before anything is computed.
///
/// candle splits such operations among threads of its own, one for every core, which wait by
/// spinning: on two idle cores a training is some 10 % faster with two of them, but on a busy
/// machine it was seen to take several times as long. They know neither `threads` nor
/// `segue_threads`, and the only say that candle gives is a variable of the environment, which it
/// reads once. So it is set, and read at once: what the host of an extension does to its
/// environment later changes nothing, and ours is the one change to it.
///
/// A matrix product asks how many cores there are each time, and on Linux reads a file to know,
/// which takes longer than a small product. Where a variable names the cores, it is read once; it is set
/// for as long as that takes. Products run in our pools, so it pins nothing to a core.
///
/// # Safety
/// No other thread may change the environment meanwhile, or read it other than through `std::env`.
/// The shell calls this before it has threads. An extension cannot know what its host does, but is
/// loaded by a statement that the host waits for, and changes the environment but then.
pub unsafe fn keep_candle_to_one_thread() {
    let is_set = |name| std::env::var_os(name).is_some();
    if !is_set(CANDLE_THREADS) {
        // SAFETY: the caller vouches for it.
        unsafe { std::env::set_var(CANDLE_THREADS, "1") };
    }
    candle_core::utils::barrier_pool();
    if !is_set(PRODUCT_THREADS) && !is_set(CORES) {
        let last = std::thread::available_parallelism().map_or(0, |count| count.get() - 1);
        // SAFETY: the caller vouches for it.
        unsafe { std::env::set_var(CORES, format!("0-{last}")) };
        candle_core::utils::get_num_threads();
        // SAFETY: the caller vouches for it.
        unsafe { std::env::remove_var(CORES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_on_as_many_threads_as_asked_for() {
        for count in [1, 3] {
            let threads = Threads::shared(count).unwrap();
            assert_eq!(threads.run(rayon::current_num_threads), count);
        }
    }

    #[test]
    fn statements_of_one_size_share_their_threads_while_few_sizes_are_asked_for() {
        let pools = Pools(Mutex::default());
        let first = pools.get(2).unwrap();
        assert!(Arc::ptr_eq(&first.0, &pools.get(2).unwrap().0));
        for count in 3..3 + KEPT {
            pools.get(count).unwrap();
        }
        // Whoever holds threads keeps them, though nobody else gets them any more.
        assert!(!Arc::ptr_eq(&first.0, &pools.get(2).unwrap().0));
        assert_eq!(first.run(|| 1 + 1), 2);
    }

    #[test]
    fn threads_may_wait_for_other_threads_and_for_themselves() {
        let (one, shared) = (Threads::own(1).unwrap(), Threads::shared(1).unwrap());
        let answer = shared.run(|| one.run(|| shared.run(|| 42)));
        assert_eq!(answer, 42);
    }
}
