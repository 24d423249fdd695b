//! Real clients of DuckDB load the extension: Python (1.5.6 and 2.0.0), the command line, Node.
//!
//! Each gets an environment from its package registry, made once, below `clients` in the target
//! folder. What cannot be had here (no `python3`, no `node`, no network, no extension) is left out
//! with the reason. One trial is one file of `tests/clients/` in one environment.
//!
//! `SEGUE_CALLS=1000 cargo test --test clients -- threads` asks more often than `make test` does.

mod support;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial, run};
use support::extension;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
const PYTHON_VERSIONS: &[&str] = &["1.5.6", "2.0.0"];
/// The newest that npm has.
const NODE_PACKAGE: &str = "@duckdb/node-api@1.5.6-r.1";

/// What a trial needs, and does once it has it.
#[derive(Clone)]
struct Client {
    /// The name of its environment.
    environment: String,
    packages: Vec<String>,
    /// The program's place in the environment; `None` is Node, which is the system's.
    python: bool,
    arguments: Vec<String>,
}

impl Client {
    /// Python with DuckDB and further packages, running a file of `tests/clients/python`.
    fn python(environment: &str, version: &str, packages: &[&str], arguments: &[&str]) -> Self {
        let duckdb = format!("duckdb=={version}");
        Self {
            environment: format!("{environment}-{version}"),
            packages: [duckdb.as_str()].iter().chain(packages).map(ToString::to_string).collect(),
            python: true,
            arguments: arguments.iter().map(ToString::to_string).collect(),
        }
    }

    fn node(file: &str) -> Self {
        Self {
            environment: "node".into(),
            packages: vec![NODE_PACKAGE.into()],
            python: false,
            arguments: vec!["--test".into(), format!("{CLIENTS}/node/{file}")],
        }
    }

    fn trial(self, name: &str) -> Trial {
        Trial::ignorable_test(name, move || match (extension::find(), self.environment()) {
            (Err(reason), _) | (_, Err(reason)) => Ok(Completion::ignored_with(reason)),
            (Ok(extension), Ok(environment)) => {
                self.run(&extension, &environment).map(|()| Completion::Completed)
            }
        })
    }

    /// The folder with the packages, made if need be.
    fn environment(&self) -> Result<PathBuf, String> {
        /// How the making of each environment went in this process.
        static MADE: LazyLock<Mutex<HashMap<String, Result<PathBuf, String>>>> =
            LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(self.environment.clone()).or_insert_with(|| self.make_environment()).clone()
    }

    fn make_environment(&self) -> Result<PathBuf, String> {
        let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients");
        let folder = clients.join(&self.environment);
        // Written last: a folder without it was left half-done.
        let (ready, packages) = (folder.join("ready"), self.packages.join(" "));
        if fs::read_to_string(&ready).is_ok_and(|found| found == packages) {
            return Ok(folder);
        }
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if self.python {
            succeed("python3", Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let mut pip = Command::new(folder.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            succeed("pip", pip.args(&self.packages))?;
        } else {
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
            succeed("npm", npm.args(&self.packages))?;
        }
        fs::write(&ready, packages).map_err(|error| format!("{}: {error}", ready.display()))?;
        Ok(folder)
    }

    fn run(&self, extension: &Path, environment: &Path) -> Result<(), Failed> {
        let python = environment.join("bin/python");
        let program = if self.python { python.as_os_str() } else { OsStr::new("node") };
        let output = Command::new(program)
            .args(&self.arguments)
            .current_dir(Path::new(CLIENTS).join("python"))
            .env("SEGUE_EXTENSION", extension)
            .env("SEGUE_NODE_MODULES", environment.join("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)).into())
    }
}

/// Runs a command that sets up an environment; an error is a reason to leave its tests out.
fn succeed(name: &str, command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} cannot be started here ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(format!("{name} could not set up the client: {last}"))
}

fn main() {
    let mut trials = Vec::new();
    for version in PYTHON_VERSIONS {
        let packages = ["pandas", "polars", "pyarrow"];
        for test in ["formats", "lifecycle", "processes", "threads"] {
            let module = format!("test_{test}");
            let client =
                Client::python("python", version, &packages, &["-m", "unittest", module.as_str()]);
            trials.push(client.trial(&format!("python-{version}/{test}")));
        }
        let client = Client::python("python", version, &packages, &["slt.py"]);
        trials.push(client.trial(&format!("python-{version}/slt")));
        // Nothing but DuckDB, as on a reader's machine.
        let client = Client::python("bare", version, &[], &["-m", "unittest", "test_readme"]);
        trials.push(client.trial(&format!("python-{version}/readme")));
    }
    let cli =
        Client::python("cli", "1.5.6", &["duckdb-cli==1.5.6"], &["-m", "unittest", "test_cli"]);
    trials.push(cli.trial("cli-1.5.6"));
    trials.push(Client::node("clients.test.mjs").trial("node"));
    run(&Arguments::from_args(), trials).exit();
}
