//! How an analyst stops long work, and sees how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Says so in [`Control::percent`] that nobody knows how far the work is.
const UNKNOWN: u8 = u8::MAX;

/// Tells running work that the analyst wants it to stop, and the analyst how far it is. Clones are the
/// same work.
#[derive(Debug, Clone)]
pub struct Control {
    /// How often all work was stopped.
    stops: Arc<AtomicU64>,
    /// How often it had been when this work began.
    before: Arc<AtomicU64>,
    /// How much of what runs is done, of all work: the screen has one line.
    percent: Arc<AtomicU8>,
}

impl Default for Control {
    fn default() -> Self {
        let percent = Arc::new(AtomicU8::new(UNKNOWN));
        Self { stops: Arc::default(), before: Arc::default(), percent }
    }
}

impl Control {
    /// The control of other work, which begins now and is stopped together with this.
    pub fn other(&self) -> Self {
        let other = Self { before: Arc::default(), ..self.clone() };
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

    /// The parts of long work, one by one; before each it is checked, and said how many are done.
    ///
    /// # Errors
    /// [`Error::Interrupted`], as the next part.
    pub fn through<I: ExactSizeIterator>(&self, parts: I) -> impl Iterator<Item = Result<I::Item>> {
        let total = parts.len();
        parts.enumerate().map(move |(done, part)| {
            self.percent.store((100 * done / total) as u8, Ordering::Relaxed);
            self.check().map(|()| part)
        })
    }

    /// How much of the running work is done, from 0 to 100, if it says so.
    pub fn percent(&self) -> Option<u8> {
        Some(self.percent.load(Ordering::Relaxed)).filter(|&percent| percent != UNKNOWN)
    }

    /// What begins now has not said yet how far it is.
    pub fn forget_percent(&self) {
        self.percent.store(UNKNOWN, Ordering::Relaxed);
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

    #[test]
    fn work_says_how_far_it_is_and_is_stopped_between_parts() {
        let all = Control::default();
        assert_eq!(all.percent(), None);
        let work = all.other();
        let mut seen = Vec::new();
        for part in work.through([10, 20, 30, 40].into_iter()) {
            seen.push(part.ok().zip(all.percent()));
            if seen.len() == 3 {
                all.stop();
            }
        }
        assert_eq!(seen, [Some((10, 0)), Some((20, 25)), Some((30, 50)), None]);
        all.forget_percent();
        assert_eq!(work.percent(), None);
        assert_eq!(work.through(std::iter::empty::<u8>()).count(), 0);
    }
}
