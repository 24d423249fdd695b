//! Where results and errors go.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// The width of a screen that does not tell its own.
const DEFAULT_WIDTH: usize = 80;

/// Standard output, or the file that `.output` names.
pub struct Output {
    stdout: BufWriter<Stdout>,
    file: Option<BufWriter<File>>,
}

impl Default for Output {
    fn default() -> Self {
        Self { stdout: BufWriter::new(io::stdout()), file: None }
    }
}

impl Output {
    /// Sends results to a file, which is emptied first; to standard output without one.
    ///
    /// # Errors
    /// The file cannot be created, or the one before it not be written.
    pub fn redirect(&mut self, path: Option<&str>) -> io::Result<()> {
        self.flush()?;
        self.file = path.map(File::create).transpose()?.map(BufWriter::new);
        Ok(())
    }

    /// Whether results go to a screen.
    pub fn is_terminal(&self) -> bool {
        self.file.is_none() && io::stdout().is_terminal()
    }

    /// The width of the screen to which results go.
    pub fn width(&self) -> Option<usize> {
        if !self.is_terminal() {
            return None;
        }
        let size = terminal_size::terminal_size_of(io::stdout());
        Some(size.map_or(DEFAULT_WIDTH, |(width, _)| width.0.into()))
    }

    /// Whether results may be coloured.
    pub fn color(&self) -> bool {
        self.is_terminal() && colors_wanted()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => self.stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => self.stdout.flush(),
        }
    }
}

/// Prints an error to standard error, in red on a screen.
pub fn print_error(message: &str) {
    let mut stderr = io::stderr().lock();
    let message = message.trim_end();
    // Nobody is left to be told when standard error is closed.
    let _ = if stderr.is_terminal() && colors_wanted() {
        writeln!(stderr, "\x1b[31m{message}\x1b[0m")
    } else {
        writeln!(stderr, "{message}")
    };
}

/// Prints a remark to standard error, where it does not mix with results.
pub fn print_note(note: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr(), "{note}");
}

/// See <https://no-color.org>.
fn colors_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}
