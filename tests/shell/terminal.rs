//! The program in a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A session at a prompt, in a terminal that `script` of util-linux provides. It ends by itself
/// after minutes, so that a test that waits in vain fails.
pub struct Session {
    child: Child,
}

impl Session {
    /// `None`, with a note, where there is no `script`.
    pub fn start(folder: &Path, arguments: &str) -> Option<Self> {
        if let Err(error) = Command::new("script").arg("--version").output() {
            eprintln!("skipped: a prompt needs script (util-linux): {error}");
            return None;
        }
        let segue = env!("CARGO_BIN_EXE_segue");
        let program = format!("exec '{segue}' {arguments}");
        // Outside of the terminal: inside it would hand on each Ctrl-C, which then comes twice.
        let child = Command::new("timeout")
            .args(["--foreground", "180", "script", "-qefc", &program, "/dev/null"])
            .current_dir(folder)
            .env("HOME", folder)
            .env("TERM", "xterm")
            .env_remove("SEGUE_HISTORY")
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Self { child })
    }

    /// Presses keys.
    pub fn type_keys(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Reads until the screen showed `text`; what it showed since the last call.
    pub fn wait_for(&mut self, text: &str) -> String {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut byte = [0];
        let mut bytes = Vec::new();
        while !bytes.ends_with(text.as_bytes()) {
            let read = stdout.read(&mut byte).unwrap();
            assert!(read == 1, "{text:?} never came: {}", String::from_utf8_lossy(&bytes));
            bytes.push(byte[0]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for the end; the exit status.
    pub fn finish(mut self) -> Option<i32> {
        let mut rest = Vec::new();
        self.child.stdout.as_mut().unwrap().read_to_end(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}
