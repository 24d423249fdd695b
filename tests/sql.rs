//! Runs every `tests/sql/**/*.slt` on the shell's engine and on the loaded extension, one trial a
//! file and engine: `shell/smoke.slt`, `extension/smoke.slt`.
//!
//! A file starts on an empty database file of its own. Beside what sqllogictest offers (`include`,
//! `control`, error patterns), a statement may be
//! - `restart` or `restart readonly`: the database is closed and opened again (in files that name
//!   no second `connection`, which would hold it open);
//! - `onlyif` or `skipif` the engine `shell` or `extension`;
//! - and, after `control substitution on`, name `$__DATA_DIR__` (the repository's `data/`) and
//!   `$__TEST_DIR__` (a temporary folder).
//!
//! Files named `*.inc.slt` are for `include` and are no trials. `SEGUE_SLT_COMPLETE=1 cargo test
//! --test sql -- FILE` writes what the shell's engine answers into the file, for review with `git
//! diff`. `tests/clients/python/slt.py` runs the same files in Python's DuckDB, for other versions.
//!
//! Cargo does not build the extension. Without it, and with one that is older than the sources, its
//! trials say why they are left out; `make test` builds it first.

mod support;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use duckdb::arrow::datatypes::DataType;
use libtest_mimic::{Arguments, Completion, Failed, Trial, run};
use segue::Error;
use sqllogictest::harness::glob;
use sqllogictest::{
    DBOutput, DefaultColumnType as Column, MakeConnection, Runner, default_normalizer,
    default_validator,
};

use support::{Engine, Kind, extension};

/// A connection of a test file.
struct Sql {
    /// Shared by the connections of a file.
    engine: Arc<Mutex<Engine>>,
    /// `None` is the engine's own, which the file's unnamed records use.
    other: Option<duckdb::Connection>,
    engine_name: &'static str,
}

impl sqllogictest::DB for Sql {
    type Error = Error;
    type ColumnType = Column;

    fn run(&mut self, sql: &str) -> Result<DBOutput<Column>, Error> {
        let mut engine = lock(&self.engine)?;
        match sql.trim() {
            "restart" => engine.restart(false)?,
            "restart readonly" => engine.restart(true)?,
            sql => {
                let answer = engine.run(self.other.as_ref(), sql)?;
                let types = answer.types.iter().map(column_type).collect();
                // An empty text would vanish from a line of results.
                let shown = |v: String| if v.is_empty() { "(empty)".into() } else { v };
                let rows = answer.rows.into_iter().map(|r| r.into_iter().map(shown).collect());
                return Ok(DBOutput::Rows { types, rows: rows.collect() });
            }
        }
        Ok(DBOutput::StatementComplete(0))
    }

    fn engine_name(&self) -> &str {
        self.engine_name
    }
}

fn lock(engine: &Mutex<Engine>) -> Result<MutexGuard<'_, Engine>, Error> {
    engine.lock().map_err(|_| Error::Database("the engine panicked in an earlier record".into()))
}

fn column_type(data_type: &DataType) -> Column {
    match data_type {
        t if t.is_integer() => Column::Integer,
        DataType::Decimal128(_, 0) => Column::Integer,
        t if t.is_numeric() => Column::FloatingPoint,
        _ => Column::Text,
    }
}

/// A file says `I` for whole numbers and `R` for others, and means it; `T` and `?` are any type.
#[allow(clippy::ptr_arg, reason = "the signature is sqllogictest's")]
fn same_types(actual: &Vec<Column>, expected: &Vec<Column>) -> bool {
    actual.len() == expected.len()
        && actual.iter().zip(expected).all(|(actual, expected)| {
            matches!(expected, Column::Text | Column::Any) || actual == expected
        })
}

fn runner(kind: Kind) -> Result<Runner<Sql, impl MakeConnection<Conn = Sql>>, Failed> {
    let engine = Engine::of(kind)?;
    let engine_name = engine.name();
    let engine = Arc::new(Mutex::new(engine));
    let mut first = true;
    let mut runner = Runner::new(move || {
        let engine = engine.clone();
        let first = std::mem::replace(&mut first, false);
        async move {
            let connect = || lock(&engine)?.connect();
            let other = if first { None } else { Some(connect()?) };
            Ok(Sql { engine, other, engine_name })
        }
    });
    runner.with_column_validator(same_types);
    runner.set_var("__DATA_DIR__".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/data").into());
    Ok(runner)
}

fn check(file: &Path, kind: Kind) -> Result<(), Failed> {
    // The error's own text has the statement, what was expected and what came.
    runner(kind)?.run_file(file).map_err(|error| Failed::from(error.to_string()))
}

fn complete(file: &Path) -> Result<(), Failed> {
    let mut runner = runner(Kind::Shell)?;
    let update =
        runner.update_test_file(file, " ", default_validator, default_normalizer, same_types);
    // Nothing here ever waits, so one poll is the whole run.
    match std::pin::pin!(update).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map_err(|error| Failed::from(error.to_string())),
        Poll::Pending => Err(Failed::from("the update of the file was left unfinished")),
    }
}

fn files() -> Vec<PathBuf> {
    let pattern = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql/**/*.slt");
    let included = |path: &PathBuf| path.to_string_lossy().ends_with(".inc.slt");
    let found = glob(pattern).expect("the pattern is valid");
    found.map(|path| path.expect("tests/sql can be read")).filter(|p| !included(p)).collect()
}

/// The path of a file below `tests/sql`.
fn name(file: &Path) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql");
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

fn trials(file: &Path) -> Vec<Trial> {
    let owned = || file.to_path_buf();
    let shell = format!("shell/{}", name(file));
    if std::env::var_os("SEGUE_SLT_COMPLETE").is_some() {
        let file = owned();
        return vec![Trial::test(shell, move || complete(&file))];
    }
    let (one, other) = (owned(), owned());
    vec![
        Trial::test(shell, move || check(&one, Kind::Shell)),
        Trial::ignorable_test(format!("extension/{}", name(file)), move || {
            match extension::find() {
                Ok(extension) => {
                    check(&other, Kind::Extension(extension)).map(|()| Completion::Completed)
                }
                Err(reason) => Ok(Completion::ignored_with(reason)),
            }
        }),
    ]
}

fn main() {
    let trials: Vec<_> = files().iter().flat_map(|file| trials(file)).collect();
    assert!(!trials.is_empty(), "no .slt file was found in tests/sql");
    run(&Arguments::from_args(), trials).exit();
}
