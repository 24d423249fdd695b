//! The shell: `segue [OPTIONS] [DATABASE] [SQL]...`.
//!
//! Reading order: [`args`] says what to do, `Shell` does it: [`splitter`] cuts the input into
//! items, `commands` runs dot commands, `execute` runs SQL, `render` writes results with the
//! texts of `value`. [`engine`] is the database behind it.
//!
//! Exit status, as DuckDB's CLI (1.5.6) has it:
//! - 0 when everything succeeded, and with `.quit`;
//! - 1 for a wrong option, a database or file that cannot be opened, and any failed statement or
//!   dot command. `-c` and `-f` end at their first error, with or without `-bail`, and what
//!   follows on the command line does not run. Piped standard input goes on after an error unless
//!   `-bail` is set, and the status is 1 at its end. So does `.read`;
//! - 130 when Ctrl-C ended a program that is not interactive.
//!
//! Where it differs on purpose: statements run one by one as they are complete, so that `-c
//! 'SELECT 1; SELEC'` prints the first result before the error, where DuckDB parses all of the
//! text first. A reader that goes away (`| head`) ends the program quietly with status 0.
//! `~/.seguerc` is read only when someone sits at the prompt.

pub mod args;
mod cancel;
mod commands;
pub mod engine;
mod execute;
mod gexec;
mod output;
mod panics;
mod render;
mod repl;
mod settings;
pub mod splitter;
mod statement;
mod status;
mod value;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use args::{Action, Args};
use cancel::{Cancel, EXIT_INTERRUPTED};
use engine::Engine;
use output::{Output, print_error};
use settings::Settings;
use splitter::{Item, Splitter};

/// Files may read each other this deep with `.read`; deeper is taken for a circle.
const MAX_READ_DEPTH: usize = 32;

/// The state of one run of the program.
pub(crate) struct Shell {
    /// `None` only while one database is exchanged for another.
    engine: Option<Engine>,
    database: Option<PathBuf>,
    settings: Settings,
    output: Output,
    cancel: Cancel,
    read_depth: usize,
}

/// Why a script ends before its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A statement failed where the first error ends the script; it was printed.
    Failed,
    /// Ctrl-C.
    Interrupted,
    /// Nobody reads the output any more.
    BrokenPipe,
    /// `.quit`, with the exit status.
    Exit(u8),
}

/// What can happen to a statement or dot command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed; the message has not been printed.
    Message(String),
    /// The script ends.
    Stop(Stop),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Stop(Stop::BrokenPipe),
            _ => Self::Message(format!("IO Error: the output cannot be written: {error}")),
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

/// Runs the program with the words of its command line, without its name; the result is the exit
/// status. Errors have been printed.
pub fn run(words: impl IntoIterator<Item = String>) -> u8 {
    panics::silence();
    match panics::caught(|| start(words)) {
        Ok(status) => status,
        Err(message) => {
            print_error(&message);
            1
        }
    }
}

fn start(words: impl IntoIterator<Item = String>) -> Result<u8, String> {
    let args = args::parse(words)?;
    if args.help || args.version {
        let text = if args.help { args::help() } else { version()? };
        // A reader that has gone away has seen enough.
        let _ = io::stdout().write_all(text.as_bytes());
        return Ok(0);
    }
    let database = args.database.clone().filter(|path| path.as_os_str() != ":memory:");
    let engine = Engine::open(database.as_deref(), args.read_only)?;
    let mut shell = Shell {
        engine: Some(engine),
        database,
        settings: args.settings.clone(),
        output: Output::default(),
        cancel: Cancel::default(),
        read_depth: 0,
    };
    shell.cancel.install()?;
    let outcome = shell.run_args(&args);
    let flushed = shell.output.flush();
    let closed = shell.engine.take().map_or(Ok(()), Engine::close);
    let status = match outcome {
        Ok(succeeded) => u8::from(!succeeded),
        Err(Stop::Failed) => 1,
        Err(Stop::Interrupted) => EXIT_INTERRUPTED,
        Err(Stop::BrokenPipe) => 0,
        Err(Stop::Exit(status)) => status,
    };
    closed?;
    match flushed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("IO Error: the output cannot be written: {error}"))
        }
        _ => Ok(status),
    }
}

fn version() -> Result<String, String> {
    let connection = duckdb::Connection::open_in_memory().map_err(engine::message)?;
    let duckdb = connection.version().map_err(engine::message)?;
    Ok(format!("segue {} (DuckDB {duckdb})\n", env!("CARGO_PKG_VERSION")))
}

impl Shell {
    /// Runs what the command line asks for; the result says whether everything succeeded.
    fn run_args(&mut self, args: &Args) -> Result<bool, Stop> {
        if let Some(path) = &args.init {
            self.run_required_file(path)?;
        }
        for action in &args.actions {
            match action {
                Action::Command(text) => self.run_text(text, true)?,
                Action::File(path) => self.run_required_file(path)?,
            };
        }
        if !args.actions.is_empty() || args.no_stdin {
            return Ok(true);
        }
        if io::stdin().is_terminal() {
            return repl::run(self, args.init.is_none());
        }
        let bail = self.settings.bail;
        self.run_lines(&mut io::stdin().lock(), "standard input", bail)
    }

    /// Runs a file of the command line, to its first error.
    fn run_required_file(&mut self, path: &Path) -> Result<bool, Stop> {
        self.run_file(path, true).map_err(|failure| match failure {
            Failure::Message(message) => {
                print_error(&message);
                Stop::Failed
            }
            Failure::Stop(stop) => stop,
        })
    }

    /// Runs a file; the result says whether everything in it succeeded.
    fn run_file(&mut self, path: &Path, bail: bool) -> Result<bool, Failure> {
        let file = File::open(path).map_err(|error| {
            format!("IO Error: file \"{}\" cannot be opened: {error}", path.display())
        })?;
        if self.read_depth == MAX_READ_DEPTH {
            let path = path.display();
            return Err(format!("file \"{path}\" was not read: do files read each other?").into());
        }
        self.read_depth += 1;
        let name = path.display().to_string();
        let outcome = self.run_lines(&mut BufReader::new(file), &name, bail);
        self.read_depth -= 1;
        outcome.map_err(Failure::Stop)
    }

    /// Runs statements as they are complete, to the end of the input.
    fn run_lines(&mut self, input: &mut dyn BufRead, name: &str, bail: bool) -> Result<bool, Stop> {
        let mut splitter = Splitter::default();
        let mut succeeded = true;
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    print_error(&format!("IO Error: {name} cannot be read: {error}"));
                    return Err(Stop::Failed);
                }
            }
            let Ok(text) = std::str::from_utf8(&line) else {
                print_error(&format!("{name} is not UTF-8 text; convert it first"));
                return Err(Stop::Failed);
            };
            splitter.push(text);
            succeeded &= self.run_complete(&mut splitter, bail)?;
        }
        if let Some(item) = splitter.finish() {
            succeeded &= self.run_item(item, bail)?;
        }
        Ok(succeeded)
    }

    fn run_text(&mut self, text: &str, bail: bool) -> Result<bool, Stop> {
        self.run_lines(&mut text.as_bytes(), "the command line", bail)
    }

    /// Runs what the splitter has complete.
    fn run_complete(&mut self, splitter: &mut Splitter, bail: bool) -> Result<bool, Stop> {
        let mut succeeded = true;
        while let Some(item) = splitter.next_item() {
            succeeded &= self.run_item(item, bail)?;
        }
        Ok(succeeded)
    }

    /// Runs one item and prints its error; the result says whether it succeeded.
    fn run_item(&mut self, item: Item, bail: bool) -> Result<bool, Stop> {
        let outcome = match item {
            Item::Sql(sql) => execute::execute(self, &sql),
            Item::Dot(line) => commands::run(self, &line),
            Item::Gexec { sql, line } => gexec::run(self, &sql, &line),
        };
        let outcome = outcome.and_then(|()| Ok(self.output.flush()?));
        match outcome {
            Ok(()) if self.cancel.requested() => Err(Stop::Interrupted),
            Ok(()) => Ok(true),
            Err(Failure::Stop(stop)) => Err(stop),
            Err(Failure::Message(message)) => {
                print_error(&message);
                if self.cancel.requested() {
                    Err(Stop::Interrupted)
                } else if bail || self.settings.bail {
                    Err(Stop::Failed)
                } else {
                    Ok(false)
                }
            }
        }
    }

    /// Exchanges the database; the old one is closed first. Where the new one cannot be opened,
    /// the shell goes on in memory.
    fn open(&mut self, path: Option<PathBuf>, read_only: bool) -> Result<(), Failure> {
        let closed = self.engine.take().map_or(Ok(()), Engine::close);
        self.database = None;
        let opened = closed.and_then(|()| Engine::open(path.as_deref(), read_only));
        match opened {
            Ok(engine) => {
                self.engine = Some(engine);
                self.database = path;
                Ok(())
            }
            Err(message) => {
                self.engine = Some(Engine::open(None, false)?);
                let note = "The shell now works in memory; .open FILE opens another database.";
                Err(format!("{message}\n{note}").into())
            }
        }
    }

    fn connection(&self) -> Result<&duckdb::Connection, Failure> {
        let engine = self.engine.as_ref();
        engine.map(|engine| engine.connection()).ok_or_else(|| no_database().into())
    }
}

fn no_database() -> String {
    "no database is open; .open FILE opens one".into()
}
