//! Runs of the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

/// Whoever waits longer has met a program that hangs, however slow the machine.
const DEADLINE: Duration = Duration::from_secs(120);

pub fn segue(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.current_dir(folder).env("HOME", folder).env_remove("SEGUE_HISTORY");
    command.env_remove("XDG_STATE_HOME").stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    run_in(folder.path(), arguments, "")
}

/// Runs the program with `input` on its standard input.
pub fn run_in(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = segue(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends early closes its end of the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs a script in the database `my.duckdb` of the folder; what it printed.
pub fn script(folder: &TempDir, text: &str) -> String {
    std::fs::write(folder.path().join("script.sql"), text).unwrap();
    let arguments = ["my.duckdb", "-csv", "-noheader", "-f", "script.sql"];
    let output = run_in(folder.path(), &arguments, "");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("Error"), "{}", stderr(&output));
    stdout(&output)
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Sends the signal that Ctrl-C sends.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

/// A program under way, whose output is read as it comes.
pub struct Running {
    pub child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts the program; its standard input stays open.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = segue(folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, lines, errors: Some(errors) }
    }

    /// The next line of the output; `None` at its end.
    pub fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no output in {DEADLINE:?}"),
        }
    }

    /// Reads up to the line that begins with `start`.
    pub fn wait_for(&self, start: &str) -> String {
        let mut lines = std::iter::from_fn(|| self.line());
        lines.find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start:?} never came"))
    }

    /// Whether the program still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes the standard input and waits for the end: the status, what was not read of the
    /// output, and all of standard error.
    pub fn finish(mut self) -> (ExitStatus, Vec<String>, String) {
        drop(self.child.stdin.take());
        let rest = std::iter::from_fn(|| self.line()).collect();
        let status = self.child.wait().unwrap();
        (status, rest, self.errors.take().unwrap().join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no program behind; of one that ended there is none.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
