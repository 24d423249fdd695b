//! The prompt.

use std::io::Write;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::output::print_error;
use super::splitter::Splitter;
use super::{Shell, Stop};

const PROMPT: &str = "segue> ";
const CONTINUATION: &str = "   ...> ";
/// Statements kept in the history.
const HISTORY_SIZE: usize = 10_000;

type Line = Editor<(), FileHistory>;

/// Reads and runs statements until the user leaves. `read_rc` says whether `~/.seguerc` is read
/// first.
///
/// The result is success whatever failed on the way: the user has seen it.
pub(super) fn run(shell: &mut Shell, read_rc: bool) -> Result<bool, Stop> {
    shell.cancel.set_interactive(true);
    if read_rc && let Some(path) = home().map(|home| home.join(".seguerc")).filter(|p| p.exists()) {
        resume(shell.run_file(&path, false).or_else(|failure| match failure {
            super::Failure::Message(message) => {
                print_error(&message);
                Ok(false)
            }
            super::Failure::Stop(stop) => Err(stop),
        }))?;
    }
    if shell.database.is_none() {
        let text = "The database is in memory and is lost when you leave.\n\
                    To keep data, start with `segue my.duckdb` or type `.open my.duckdb`.\n";
        // The first result tells if nobody reads the output.
        let _ = write!(shell.output, "{text}").and_then(|()| shell.output.flush());
    }
    let history = history_path();
    let mut line = match editor(history.as_ref()) {
        Ok(line) => line,
        Err(error) => {
            print_error(&format!("the terminal cannot be used: {error}"));
            return Err(Stop::Failed);
        }
    };
    let outcome = prompt(shell, &mut line);
    if let Some(path) = history {
        save_history(&mut line, &path);
    }
    outcome.map(|()| true)
}

fn editor(history: Option<&PathBuf>) -> rustyline::Result<Line> {
    let config = Config::builder()
        .max_history_size(HISTORY_SIZE)?
        .history_ignore_dups(true)?
        .auto_add_history(false)
        .build();
    let mut line = Line::with_config(config)?;
    if let Some(path) = history.filter(|path| path.exists())
        && let Err(error) = line.load_history(path)
    {
        print_error(&format!("history {} cannot be read: {error}", path.display()));
    }
    Ok(line)
}

fn prompt(shell: &mut Shell, line: &mut Line) -> Result<(), Stop> {
    let mut splitter = Splitter::default();
    // What was typed since the last complete statement, for the history.
    let mut typed = String::new();
    loop {
        let prompt = if splitter.is_blank() { PROMPT } else { CONTINUATION };
        match line.readline(prompt) {
            Ok(text) => {
                if !typed.is_empty() {
                    typed.push('\n');
                }
                typed.push_str(&text);
                splitter.push(&text);
                splitter.push("\n");
                shell.cancel.clear();
                let outcome = shell.run_complete(&mut splitter, false);
                if outcome.is_err() {
                    splitter.clear();
                }
                if splitter.is_blank() {
                    remember(line, std::mem::take(&mut typed).trim());
                }
                resume(outcome)?;
            }
            Err(ReadlineError::Interrupted) => {
                splitter.clear();
                typed.clear();
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => {
                print_error(&format!("the terminal cannot be read: {error}"));
                return Err(Stop::Failed);
            }
        }
    }
}

/// At the prompt, neither an error nor Ctrl-C ends the session.
fn resume(outcome: Result<bool, Stop>) -> Result<(), Stop> {
    match outcome {
        Ok(_) | Err(Stop::Failed | Stop::Interrupted) => Ok(()),
        Err(stop) => Err(stop),
    }
}

fn remember(line: &mut Line, statement: &str) {
    // Memory is the only thing that this could run out of.
    let _ = (!statement.is_empty()).then(|| line.add_history_entry(statement));
}

fn save_history(line: &mut Line, path: &PathBuf) {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let saved = folder.map_err(ReadlineError::from).and_then(|()| line.append_history(path));
    if let Err(error) = saved {
        print_error(&format!(
            "history {} cannot be written: {error}; SEGUE_HISTORY names another file",
            path.display()
        ));
    }
}

/// `$SEGUE_HISTORY`, or `segue/history` in the user's folder for such things.
fn history_path() -> Option<PathBuf> {
    if let Some(path) = variable("SEGUE_HISTORY") {
        return Some(path);
    }
    let state = variable("XDG_STATE_HOME").or_else(|| Some(home()?.join(".local/state")))?;
    Some(state.join("segue").join("history"))
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|path| !path.as_os_str().is_empty())
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
