//! The set-up: what `scripts/fetch-libduckdb.sh` and `scripts/check-tools.sh` do on machines that
//! lack things, seen with a PATH of stubs and without network, and that nothing is compiled twice.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The tools that the scripts may count on everywhere.
const ORDINARY: &[&str] = &[
    "bash", "cat", "cut", "dirname", "du", "grep", "gzip", "head", "mkdir", "mktemp", "mv", "rm",
    "sed", "sort", "tail", "tar", "touch", "tr",
];

/// An npm that packs an archive with the library that the package would have.
const NPM: &str = r#"[ "$1" = pack ] || exit 9
case $(basename "$PWD") in .libduckdb.*) ;; *) exit 8 ;; esac
mkdir package && echo library >package/$LIBRARY && echo "$*" >>"$CALLS"
tar -czf package.tgz package && rm -r package"#;

/// A machine: a folder for its commands, and one for its files.
struct Machine {
    root: TempDir,
    library: &'static str,
}

/// How a script ended.
struct Outcome {
    success: bool,
    stderr: String,
}

impl Machine {
    /// A Linux machine without npm, cargo and C compiler.
    fn new() -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap(), library: "libduckdb.so" };
        fs::create_dir(machine.path("bin")).unwrap();
        fs::create_dir(machine.path("a clone")).unwrap();
        for name in ORDINARY.iter().chain(&["basename"]) {
            let path = std::env::var_os("PATH").unwrap();
            let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.exists());
            symlink(
                found.unwrap_or_else(|| panic!("{name} is on this machine")),
                machine.path("bin").join(name),
            )
            .unwrap();
        }
        machine.command("uname", r#"[ "$1" = -s ] && echo Linux || echo x86_64"#)
    }

    /// The same machine, where a command does what the shell script `body` says.
    fn command(self, name: &str, body: &str) -> Self {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn script(&self, script: &str, arguments: &[&Path], lib_dir: Option<&Path>) -> Outcome {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let mut command = Command::new(self.path("bin").join("bash"));
        command.arg(scripts.join(script)).args(arguments).env_clear();
        command.env("PATH", self.path("bin")).env("LIBRARY", self.library);
        command.env("CALLS", self.path("calls"));
        if let Some(dir) = lib_dir {
            command.env("DUCKDB_LIB_DIR", dir);
        }
        let output = command.output().unwrap();
        Outcome {
            success: output.status.success(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the fetching script on the machine's clone.
    fn fetch(&self) -> Outcome {
        self.script("fetch-libduckdb.sh", &[&self.folder()], None)
    }

    fn folder(&self) -> PathBuf {
        self.path("a clone").join(".libduckdb")
    }

    /// What npm was asked for.
    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path("calls"))
            .unwrap_or_default()
            .lines()
            .map(str::to_string)
            .collect()
    }

    /// Nothing half-done lies in the clone.
    fn is_clean(&self) -> bool {
        let names = fs::read_dir(self.path("a clone")).unwrap();
        names.map(|entry| entry.unwrap().file_name()).all(|name| name == ".libduckdb")
    }
}

impl Outcome {
    /// Fails unless the script failed and said each of these.
    fn fails_saying(&self, parts: &[&str]) {
        assert!(!self.success, "the script succeeded: {}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "'{part}' is not said in: {}", self.stderr);
        }
    }
}

const REMEDIES: &[&str] = &["install Node.js", "DUCKDB_LIB_DIR", "1.5.6", "FEATURES=bundled"];

#[test]
fn fetches_once() {
    let machine = Machine::new().command("npm", NPM);
    let outcome = machine.fetch();
    assert!(outcome.success, "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(machine.folder().join("libduckdb.so")).unwrap(), "library\n");
    assert!(machine.fetch().success);
    let calls = machine.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].ends_with("@duckdb/node-bindings-linux-x64@1.5.6-r.1"), "{calls:?}");
    assert!(machine.is_clean());
}

#[test]
fn replaces_the_library_of_another_version() {
    let machine = Machine::new().command("npm", NPM);
    fs::create_dir(machine.folder()).unwrap();
    fs::write(machine.folder().join("libduckdb.so"), "old").unwrap();
    fs::write(machine.folder().join("VERSION"), "1.4.0\n").unwrap();
    assert!(machine.fetch().success);
    assert_eq!(fs::read_to_string(machine.folder().join("libduckdb.so")).unwrap(), "library\n");
}

#[test]
fn picks_the_package_of_the_platform() {
    for (system, processor, library, package) in [
        ("Linux", "aarch64", "libduckdb.so", "linux-arm64"),
        ("Darwin", "arm64", "libduckdb.dylib", "darwin-arm64"),
        ("Darwin", "x86_64", "libduckdb.dylib", "darwin-x64"),
    ] {
        let uname = format!(r#"[ "$1" = -s ] && echo {system} || echo {processor}"#);
        let mut machine = Machine::new().command("npm", NPM).command("uname", &uname);
        machine.library = library;
        let outcome = machine.fetch();
        assert!(outcome.success, "{package}: {}", outcome.stderr);
        assert!(machine.calls()[0].contains(package), "{:?}", machine.calls());
        assert!(machine.folder().join(library).exists());
    }
}

#[test]
fn missing_npm_says_what_to_do() {
    let machine = Machine::new();
    let outcome = machine.fetch();
    outcome.fails_saying(&["npm was not found"]);
    outcome.fails_saying(REMEDIES);
    assert!(machine.is_clean());
}

#[test]
fn failing_npm_is_quoted() {
    let npm = "echo 'npm error code ENOTFOUND' >&2; exit 1";
    let machine = Machine::new().command("npm", npm);
    let outcome = machine.fetch();
    outcome.fails_saying(&["npm error code ENOTFOUND", "network"]);
    outcome.fails_saying(REMEDIES);
    assert!(machine.is_clean());
    assert!(!machine.folder().join("libduckdb.so").exists());
}

#[test]
fn an_archive_without_the_library_is_refused() {
    let machine = Machine { library: "readme.txt", ..Machine::new().command("npm", NPM) };
    machine.fetch().fails_saying(&["holds no libduckdb.so"]);
    assert!(machine.is_clean());
}

#[test]
fn unknown_platforms_are_named() {
    let on = |uname| Machine::new().command("npm", NPM).command("uname", uname).fetch();
    on("echo FreeBSD").fails_saying(&["FreeBSD", "FEATURES=bundled"]);
    on(r#"[ "$1" = -s ] && echo Linux || echo riscv64"#)
        .fails_saying(&["riscv64", "DUCKDB_LIB_DIR"]);
}

#[test]
fn a_library_of_the_users_own_is_taken() {
    let machine = Machine::new();
    let own = machine.path("own");
    fs::create_dir(&own).unwrap();
    let fetch = |dir: &Path| machine.script("fetch-libduckdb.sh", &[&machine.folder()], Some(dir));
    fetch(&own).fails_saying(&["DUCKDB_LIB_DIR", own.to_str().unwrap(), "no libduckdb.so"]);
    fetch(Path::new("own")).fails_saying(&["absolute path"]);
    fs::write(own.join("libduckdb.so"), "library").unwrap();
    let outcome = fetch(&own);
    assert!(outcome.success, "{}", outcome.stderr);
    assert!(!machine.folder().exists());
}

#[test]
fn missing_build_tools_are_named() {
    let check = |machine: &Machine| machine.script("check-tools.sh", &[], None);
    let machine = Machine::new();
    check(&machine).fails_saying(&["cargo was not found", "rustup"]);
    let machine = machine.command("cargo", "");
    check(&machine).fails_saying(&["no C compiler", "build-essential", "xcode-select"]);
    let machine = machine.command("cc", "");
    assert!(check(&machine).success);
}

/// Every package of a build, with its version and features.
fn features(folder: &str, edges: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p} [{f}]"])
        .args(["--no-dedupe", "--edges", edges])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect()
}

/// Else `cargo test` after `cargo build` compiles nearly everything again: features that only the
/// tests ask of a shared dependency make another build of it, and of all that stands on it.
#[test]
fn tests_share_the_dependencies_that_the_shell_was_built_with() {
    // Once all, and once without what runs while compiling, which is built for itself.
    for edges in ["normal,build", "normal,no-proc-macro"] {
        let shell = features(".", edges);
        let tests = features(".", &format!("{edges},dev"));
        let apart: Vec<_> = shell.difference(&tests).collect();
        assert!(
            apart.is_empty(),
            "the tests build these with further features, which Cargo.toml must name for the \
             shell too: {apart:?}"
        );
    }
}

/// Both build in one target folder, and compile most of what they need once.
#[test]
fn the_extension_shares_the_dependencies_of_the_shell() {
    // These differ by what makes an extension.
    let own = ["segue", "segue-extension", "duckdb", "libduckdb-sys"];
    let only_there = ["duckdb-loadable-macros", "prettyplease"];
    let name = |package: &String| package.split(' ').next().unwrap().to_owned();
    let expected = |package: &&String| {
        let name = name(package);
        !own.contains(&name.as_str()) && !only_there.contains(&name.as_str())
    };
    for edges in ["normal,build", "normal,no-proc-macro"] {
        let (shell, extension) = (features(".", edges), features("extensions/segue", edges));
        let apart: Vec<_> = extension.difference(&shell).filter(expected).collect();
        assert!(
            apart.is_empty(),
            "extensions/segue has these in another version or with other features; copy Cargo.lock \
             there, and name the features in Cargo.toml: {apart:?}"
        );
    }
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let profiles = |path| {
        let text: String = read(path);
        text[text.find("\n[profile.").unwrap()..].to_owned()
    };
    assert_eq!(profiles("Cargo.toml"), profiles("extensions/segue/Cargo.toml"));
}

#[test]
fn the_extension_has_one_version() {
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("extensions/segue/Cargo.toml").contains(&format!("\nversion = \"{version}\"\n")));
    assert!(
        read("extensions/segue/description.yml").contains(&format!("\n  version: {version}\n"))
    );
    // Of DuckDB's C API: what the code asks for is what the file says.
    let code: String = read("extensions/segue/src/lib.rs");
    let api = code.split("API_VERSION: &str = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(read("scripts/package-extension.sh").contains(&format!("\napi={api} ")));
}

#[test]
fn an_extension_ends_with_what_duckdb_reads() {
    let machine = Machine::new().command("strip", "").command("cp", "exec /bin/cp \"$@\"");
    let machine = machine.command("chmod", "exec /bin/chmod \"$@\"");
    let (library, output) =
        (machine.path("library.so"), machine.path("out/segue.duckdb_extension"));
    fs::write(&library, "code").unwrap();
    let package = |platform: &str| {
        let arguments = [&library, &output, Path::new(platform), Path::new("v1.2.3")];
        machine.script("package-extension.sh", &arguments, None)
    };
    let outcome = package("linux_amd64");
    assert!(outcome.success, "{}", outcome.stderr);
    let bytes = fs::read(&output).unwrap();
    assert!(bytes.starts_with(b"code"));
    let footer = &bytes[bytes.len() - 512..];
    let field = |place: usize| {
        let field = &footer[place * 32..(place + 1) * 32];
        String::from_utf8_lossy(field).trim_end_matches('\0').to_owned()
    };
    // DuckDB reads the fields from the last to the first.
    let fields: Vec<String> = (0..8).rev().map(field).collect();
    assert_eq!(fields, ["4", "linux_amd64", "v1.5.6", "v1.2.3", "C_STRUCT", "", "", ""]);
    assert!(footer[256..].iter().all(|&byte| byte == 0), "the file is not signed");
    package(&"x".repeat(33)).fails_saying(&["longer than 32 bytes"]);
}
