//! The flag with which an analyst stops long work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Tells running work that the analyst wants it to stop. Clones are the same work.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// How often all work was stopped.
    stops: Arc<AtomicU64>,
    /// How often it had been when this work began.
    before: Arc<AtomicU64>,
}

impl Control {
    /// The control of other work, which begins now and is stopped together with this.
    pub fn other(&self) -> Self {
        let other = Self { stops: self.stops.clone(), before: Arc::default() };
        other.reset();
        other
    }

    /// Asks all running work to stop at its next check.
    pub fn stop(&self) {
        self.stops.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets this work run again.
    pub fn reset(&self) {
        self.before.store(self.stops.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Fails once a stop was asked for. Long work calls this at least every 100 ms.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        let stopped = self.stops.load(Ordering::Relaxed) != self.before.load(Ordering::Relaxed);
        if stopped { Err(Error::Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_what_runs_and_not_what_begins() {
        let all = Control::default();
        let (running, finished) = (all.other(), all.other());
        let clone = running.clone();
        all.stop();
        assert!(running.check().is_err() && clone.check().is_err() && all.check().is_err());
        let begun = all.other();
        finished.reset();
        assert!(begun.check().is_ok() && finished.check().is_ok());
        begun.stop();
        assert!(finished.check().is_err());
        clone.reset();
        assert!(running.check().is_ok());
    }
}
