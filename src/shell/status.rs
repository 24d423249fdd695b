//! The live line on standard error while a statement runs.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::engine::Progress;
use super::render::layout::{escape, truncate};

/// Shorter statements show nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two updates.
const UPDATE_EVERY: Duration = Duration::from_millis(100);
/// Returns to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// A running status line; dropping it clears the line.
pub struct Status(Option<(Sender<()>, JoinHandle<()>)>);

impl Status {
    /// Shows elapsed time and the engine's news, if standard error is a screen.
    pub fn start(progress: Progress) -> Self {
        let smart = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if !io::stderr().is_terminal() || !smart {
            return Self(None);
        }
        let (stop, stopped) = mpsc::channel();
        let started = Instant::now();
        let thread = std::thread::Builder::new().name("status".into()).spawn(move || {
            let mut wait = PATIENCE;
            let mut shown = false;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                wait = UPDATE_EVERY;
                shown = true;
                let news = progress();
                let width = terminal_size::terminal_size_of(io::stderr())
                    .map_or(80, |(width, _)| usize::from(width.0));
                let line = line(started.elapsed(), news.as_deref(), width.saturating_sub(1));
                let _ = write!(io::stderr(), "{CLEAR}{line}");
            }
            if shown {
                let _ = write!(io::stderr(), "{CLEAR}");
            }
        });
        // Without a thread there is no status line, which is no reason to fail.
        Self(thread.ok().map(|thread| (stop, thread)))
    }

    /// Clears the line before something else is printed.
    pub fn stop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `12.3s  epoch 3  train_loss 1.234`, in at most `width` columns.
fn line(elapsed: Duration, news: Option<&str>, width: usize) -> String {
    let seconds = elapsed.as_secs_f64();
    let time = if seconds < 60.0 {
        format!("{seconds:.1}s")
    } else {
        format!("{}m{:02}s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
    };
    let line = news.map_or(time.clone(), |news| format!("{time}  {}", escape(news)));
    truncate(&line, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_the_screen() {
        let elapsed = Duration::from_millis(3_250);
        assert_eq!(line(elapsed, None, 80), "3.2s");
        assert_eq!(line(elapsed, Some("epoch 3"), 80), "3.2s  epoch 3");
        assert_eq!(line(elapsed, Some("epoch 3"), 10), "3.2s  epo…");
        assert_eq!(line(Duration::from_secs(125), None, 80), "2m05s");
    }
}
