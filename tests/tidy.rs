//! The house rules that a machine can check; `docs/architecture.md` says why they are there.
//!
//! [`violations`] is a pure function of a file's path and text, so that every rule is tested on a
//! planted violation below. `tidy/source.rs` reads Rust just well enough for it.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Reference, code_only, references, without_tests};

/// Which modules each module may import. What is not listed (`main`, `lib`, `shell`, `session`)
/// stands rightmost and may import everything but the others of its kind, which the compiler
/// would not mind and readers do.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("device", &["error", "control"]),
    ("control", &["error", "device"]),
    ("threads", &["error"]),
    ("data", &["error", "device", "control"]),
    ("store", &["error", "device", "control", "data"]),
    ("nn", &["error", "device", "control", "data"]),
    ("audio", &["error", "device", "control", "data"]),
    ("train", &["error", "device", "control", "data", "nn", "audio"]),
    ("models", &["error", "device", "control", "data", "nn", "audio", "train"]),
    ("eval", &["error", "device", "control", "data", "nn", "audio", "train", "models"]),
    (
        "functions",
        &[
            "error", "device", "control", "threads", "data", "nn", "audio", "train", "models",
            "eval", "store",
        ],
    ),
];

/// Modules that may name DuckDB.
const KNOW_DUCKDB: &[&str] = &["store", "functions", "shell", "session", "lib", "main"];

/// Further files that may name DuckDB, with the reason.
const NAMES_DUCKDB: &[(&str, &str)] = &[("src/error.rs", "turns DuckDB's errors into ours")];

/// Where `unsafe` may be written.
const UNSAFE: &[&str] = &[
    "src/functions/adapter/",
    "src/store/host",
    "src/session.rs",
    // Sets an environment variable, the only say that candle gives in its threads.
    "src/threads.rs",
    // Has matrix products written where they are needed: half the time of an evaluation.
    "src/nn/product.rs",
    "src/main.rs",
    "extensions/segue/src/lib.rs",
];

/// The most lines of a file.
const LINES: usize = 400;

/// Files that may be longer, with the reason.
const LONG: &[(&str, &str)] = &[];

/// Endings of the files whose text is checked.
const TEXT: &[&str] = &["rs", "md", "sql", "slt", "sh", "toml", "py"];

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &["target", ".git", ".libduckdb"];

/// What breaks a rule in a file, each as `path:line: what`. `models` are the names of the files in
/// `src/models/`.
fn violations(path: &str, text: &str, models: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: String| found.push(format!("{path}:{line}: {what}"));
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            report(index + 1, "space at the end of the line".into());
        }
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            if line.contains(mark) {
                report(index + 1, format!("{mark}: do it, or open an issue"));
            }
        }
    }
    if path.ends_with(".rs") {
        rust_violations(path, text, models, &mut report);
    }
    found
}

fn rust_violations(
    path: &str,
    text: &str,
    models: &[&str],
    report: &mut impl FnMut(usize, String),
) {
    if !text.starts_with("//!") {
        report(1, "the file does not open with `//!`, which says what it is".into());
    }
    let lines = text.lines().count();
    if lines > LINES && !LONG.iter().any(|(long, _)| *long == path) {
        report(lines, format!("the file has more than {LINES} lines: split it"));
    }
    let code = code_only(text);
    for (index, line) in code.lines().enumerate() {
        if line.contains(concat!("#[ign", "ore")) {
            report(index + 1, "an ignored test: repair it or remove it".into());
        }
        if has_word(line, "unsafe") && !UNSAFE.iter().any(|place| path.starts_with(place)) {
            report(index + 1, format!("`unsafe` belongs into {}", UNSAFE.join(", ")));
        }
    }
    if !path.starts_with("src/") {
        return;
    }
    let shipped = without_tests(&code);
    if !is_test_file(path) {
        for (index, line) in shipped.lines().enumerate() {
            if line.contains(".unwrap()") || line.contains(".expect(") {
                report(index + 1, "a panic outside tests: return an error".into());
            }
        }
    }
    // Tests may look at the whole house.
    let inside = !is_test_file(path);
    for reference in references(path, &code, &shipped).into_iter().filter(|_| inside) {
        if let Some(what) = wrong_import(path, &reference, models) {
            report(reference.line, what);
        }
    }
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/")
}

/// Why a file may not refer to a path, if so.
fn wrong_import(path: &str, reference: &Reference, models: &[&str]) -> Option<String> {
    let from = top_module(path);
    let to = reference.path.first()?.as_str();
    if matches!(to, "duckdb" | "libduckdb_sys") {
        let known = KNOW_DUCKDB.contains(&from) || NAMES_DUCKDB.iter().any(|(p, _)| *p == path);
        return (!known).then(|| format!("`{from}` must not know DuckDB"));
    }
    if from == "models" && to == "models" {
        let own = path.trim_start_matches("src/models/").split(['/', '.']).next()?;
        let other = reference.path.get(1)?;
        let wrong = own != "mod" && own != other && models.contains(&other.as_str());
        return wrong.then(|| format!("the model `{own}` must not know the model `{other}`"));
    }
    if from == to || !is_module(to) {
        return None;
    }
    let (_, allowed) = MAY_IMPORT.iter().find(|(module, _)| *module == from)?;
    (!allowed.contains(&to)).then(|| format!("`{from}` must not import `{to}`"))
}

fn is_module(name: &str) -> bool {
    MAY_IMPORT.iter().any(|(module, _)| *module == name) || KNOW_DUCKDB.contains(&name)
}

/// `data` of `src/data/vocab.rs`, `error` of `src/error.rs`.
fn top_module(path: &str) -> &str {
    path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default()
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

/// Every file of ours, by its path from the repository's root.
fn our_files() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name().into_string().unwrap();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or(&name);
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() && (TEXT.contains(&ending) || name == "Makefile") {
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
                files.push((relative, path));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_house_is_tidy() {
    let files = our_files();
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "the sources are found");
    let models: Vec<&str> = files
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("src/models/")?.split(['/', '.']).next())
        .filter(|name| *name != "mod")
        .collect();
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, file)| violations(path, &fs::read_to_string(file).unwrap(), &models))
        .collect();
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

/// The allow-lists name nothing that is gone.
#[test]
fn allowed_exceptions_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, reason) in LONG.iter().chain(NAMES_DUCKDB) {
        assert!(root.join(path).exists(), "{path} is on an allow-list ({reason}) and is gone");
    }
}

/// The violations of a planted file with a right header.
fn planted(path: &str, text: &str) -> Vec<String> {
    violations(path, &format!("//! Planted.\n{text}\n"), &["harm", "coat"])
}

/// Fails unless exactly one violation is found, on the given line, that says `part`.
#[track_caller]
fn finds(path: &str, text: &str, line: usize, part: &str) {
    let found = planted(path, text);
    let [one] = found.as_slice() else { panic!("not one violation: {found:?}") };
    assert!(one.starts_with(&format!("{path}:{line}: ")) && one.contains(part), "{one}");
}

#[track_caller]
fn clean(path: &str, text: &str) {
    assert_eq!(planted(path, text), Vec::<String>::new());
}

#[test]
fn wrong_directions_are_found() {
    finds("src/data/vocab.rs", "use crate::store::Caller;", 2, "`data` must not import `store`");
    finds(
        "src/train/mod.rs",
        "\nuse crate::{\n  error::Error,\n  eval::Metric};",
        5,
        "import `eval`",
    );
    finds(
        "src/store/mod.rs",
        "fn f() { crate::models::all(); }",
        2,
        "`store` must not import `models`",
    );
    finds("src/nn/gru.rs", "use super::super::train::Model;", 2, "`nn` must not import `train`");
    finds("src/device.rs", "use super::data;", 2, "`device` must not import `data`");
    finds("src/eval/mod.rs", "use crate::store;", 2, "`eval` must not import `store`");
    finds("src/functions/mod.rs", "use crate::shell::Shell;", 2, "must not import `shell`");
    clean("src/functions/mod.rs", "use crate::{Error, data::{Vocab, eval}, store::Caller};");
    clean("src/data/vocab.rs", "// crate::store\nconst S: &str = \"crate::store\";");
    clean("src/data/mod.rs", "mod tests { use super::*; use crate::error::Result; }");
    clean("src/shell/mod.rs", "use crate::session::Session;");
}

#[test]
fn models_stand_alone() {
    finds(
        "src/models/harm.rs",
        "use super::coat::Coat;",
        2,
        "`harm` must not know the model `coat`",
    );
    finds("src/models/harm/net.rs", "use crate::models::{coat, shared};", 2, "`coat`");
    clean("src/models/mod.rs", "use self::coat::Coat; pub use crate::models::harm::Harm;");
    clean("src/models/harm.rs", "use super::registry; use crate::models::harm::Net;");
    clean("src/models/harm/net.rs", "use super::Fields;");
}

#[test]
fn duckdb_stays_at_the_edge() {
    finds("src/train/trainer.rs", "use duckdb::Connection;", 2, "`train` must not know DuckDB");
    finds("src/data/mod.rs", "fn f(c: &libduckdb_sys::duckdb_value) {}", 2, "DuckDB");
    clean("src/store/mod.rs", "use duckdb::Connection;");
    clean(
        "src/data/mod.rs",
        "// duckdb::Connection is not known here\nconst A: &str = \"duckdb::\";",
    );
}

#[test]
fn unsafe_code_has_its_places() {
    finds("src/data/mod.rs", "fn f() { unsafe { g() } }", 2, "`unsafe` belongs into");
    finds("tests/shell.rs", "unsafe fn f() {}", 2, "`unsafe` belongs into");
    clean("src/functions/adapter/table.rs", "unsafe fn f() {}");
    clean(
        "src/data/mod.rs",
        "#![deny(unsafe_code)] // unsafe\nconst A: char = '\"'; const B: &str = r#\"\"unsafe\"#;",
    );
}

#[test]
fn panics_are_found_outside_tests() {
    finds("src/data/mod.rs", "fn f() { g().unwrap() }", 2, "a panic");
    finds(
        "src/data/mod.rs",
        "#[cfg(test)]\nmod tests { fn a() { g().unwrap() } }\nfn f() { g().expect(\"x\") }",
        4,
        "a panic",
    );
    clean("src/data/mod.rs", "#[cfg(test)]\nmod tests {\n    fn f() { if a { g().unwrap() } }\n}");
    clean("src/data/mod.rs", "fn f() { g().unwrap_or_default() } // x.unwrap()");
    clean("src/data/vocab_tests.rs", "fn f() { g().unwrap() }");
    clean("tests/sql.rs", "fn f() { g().unwrap() }");
}

#[test]
fn text_rules_are_kept() {
    let long = "\n".repeat(LINES - 1);
    finds("src/data/mod.rs", &long, LINES + 1, "more than");
    finds("src/data/mod.rs", concat!("// TO", "DO: later"), 2, "open an issue");
    finds("docs/a.md", concat!("FIX", "ME"), 2, "open an issue");
    finds("docs/a.md", "text ", 2, "space at the end");
    finds("tests/a.rs", concat!("#[ign", "ore = \"slow\"]\nfn f() {}"), 2, "an ignored test");
    assert_eq!(violations("src/data/mod.rs", "fn f() {}\n", &[]).len(), 1);
    assert!(violations("src/data/mod.rs", "", &[])[0].contains("does not open with"));
}
