//! Opening, closing and interrupting sessions.

mod closing;
mod literals;
mod macros;

use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

use super::*;
use crate::functions::mock::{FnRows, constant, registry, table};
use crate::functions::{Binding, Column, Rows, SqlType, Value};
use crate::store::MACROS;

/// The first column of every row as text, or the error.
fn rows(connection: &Connection, sql: &str) -> std::result::Result<Vec<String>, String> {
    let text = |error: duckdb::Error| error.to_string();
    let mut statement = connection.prepare(sql).map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(text)? {
        let cell: duckdb::types::Value = row.get(0).map_err(text)?;
        found.push(match cell {
            duckdb::types::Value::Text(text) => text,
            duckdb::types::Value::Boolean(value) => value.to_string(),
            duckdb::types::Value::Int(value) => value.to_string(),
            duckdb::types::Value::BigInt(value) => value.to_string(),
            duckdb::types::Value::Double(value) => value.to_string(),
            other => format!("{other:?}"),
        });
    }
    Ok(found)
}

const WRITE: OpenOptions = OpenOptions { read_only: false };
const READ: OpenOptions = OpenOptions { read_only: true };
const COUNT: &str = "SELECT count(*) FROM plays";

/// `nested()`: the rows of `plays`, counted on a connection of its own.
fn nested() -> Registry {
    let nested = table("nested", &[], &[], |call| {
        let connection = call.caller.connect()?;
        let count: i64 = connection.query_row(COUNT, [], |row| row.get(0))?;
        let columns = vec![Column::new("plays", SqlType::BigInt)];
        Ok(constant(columns, vec![vec![Value::Int(count)]]))
    });
    registry(vec![nested], vec![])
}

/// `slow()`: 100 rows, one every 20 ms, as long as nobody stops the training.
fn slow() -> Registry {
    let slow = table("slow", &[], &[], |call| {
        let control = call.caller.control.clone();
        let start = move || {
            let (control, mut left) = (control.clone(), 100);
            let rows: Box<dyn Rows> = Box::new(FnRows(move || {
                control.check()?;
                thread::sleep(Duration::from_millis(20));
                left -= 1;
                Ok(if left > 0 { vec![vec![Value::Int(left)]] } else { vec![] })
            }));
            Ok(rows)
        };
        let columns = vec![Column::new("left", SqlType::BigInt)];
        Ok(Binding { columns, start: Box::new(start) })
    });
    registry(vec![slow], vec![])
}

fn open_error(path: Option<&Path>, options: &OpenOptions) -> String {
    Session::open(path, options, &nested(), &[]).err().map(|error| error.to_string()).unwrap()
}

#[test]
fn a_closed_database_opens_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    for round in 0..10 {
        let session = Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
        let connection = session.connection();
        connection.execute_batch("CREATE TABLE IF NOT EXISTS plays(i INTEGER)").unwrap();
        connection.execute_batch("INSERT INTO plays VALUES (1)").unwrap();
        let expected = (round + 1).to_string();
        assert_eq!(rows(connection, "FROM nested()").unwrap(), [expected.as_str()]);
        // A statement that failed inside a transaction must not keep the file.
        assert!(connection.execute_batch("BEGIN; FROM nowhere").is_err());
        session.close().unwrap();
        let session = Session::open(Some(&path), &READ, &nested(), &[]).unwrap();
        assert_eq!(rows(session.connection(), "FROM nested()").unwrap(), [expected.as_str()]);
        assert!(session.connection().execute_batch("DELETE FROM plays").is_err());
        drop(session);
    }
}

/// Runs as its own child, which opens the file named by the environment.
#[test]
fn another_process_opens_the_file_once_it_is_closed() {
    const FILE: &str = "SEGUE_TEST_FILE";
    const MODE: &str = "SEGUE_TEST_READ_ONLY";
    const NAME: &str = "session::tests::another_process_opens_the_file_once_it_is_closed";
    if let Some(file) = env::var_os(FILE) {
        let options = OpenOptions { read_only: env::var_os(MODE).is_some() };
        let session = Session::open(Some(Path::new(&file)), &options, &nested(), &[]).unwrap();
        assert_eq!(rows(session.connection(), "FROM nested()").unwrap(), ["2"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let child = |read_only: bool| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture"]).env(FILE, &path);
        if read_only {
            command.env(MODE, "1");
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(text) }
    };
    let session = Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
    session.connection().execute_batch("CREATE TABLE plays AS FROM range(2)").unwrap();
    let message = child(true).unwrap_err();
    assert!(message.contains("is in use by another process; close it there"), "{message}");
    session.close().unwrap();
    child(false).unwrap();
    let reader = Session::open(Some(&path), &READ, &nested(), &[]).unwrap();
    child(true).unwrap();
    assert!(child(false).unwrap_err().contains("is in use by another process"));
    drop(reader);
    child(false).unwrap();
}

#[test]
fn files_that_cannot_be_opened_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let missing = open_error(Some(&path), &READ);
    assert!(missing.contains("there is no database file '"), "{missing}");
    assert!(missing.contains("plays.db'; read-only mode cannot create it"), "{missing}");
    assert!(!path.exists());
    assert!(open_error(None, &READ).contains("a database in memory cannot be read-only"));
    std::fs::write(&path, "user_id,song_id\n".repeat(1000)).unwrap();
    let message = open_error(Some(&path), &WRITE);
    assert!(message.contains("is not a DuckDB database file"), "{message}");
    let message = open_error(Some(&folder.path().join("no folder/plays.db")), &WRITE);
    assert!(message.contains("cannot open '") && message.contains("no folder"), "{message}");
    let message = open_error(Some(folder.path()), &WRITE);
    assert!(message.contains("is a folder; give the name of a database file"), "{message}");
}

#[test]
fn one_process_opens_a_file_for_writing_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let writer = Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
    for options in [WRITE, READ] {
        let message = open_error(Some(&path), &options);
        assert!(message.contains("is already open in this program; close it first"), "{message}");
    }
    drop(writer);
    let reader = Session::open(Some(&path), &READ, &nested(), &[]).unwrap();
    let second = Session::open(Some(&path), &READ, &nested(), &[]).unwrap();
    drop(reader);
    assert!(open_error(Some(&path), &WRITE).contains("already open"));
    drop(second);
    Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
}

#[test]
fn a_session_with_clones_stays_open_rather_than_dangle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let session = Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
    let clone = session.connection().try_clone().unwrap();
    let message = session.close().unwrap_err().to_string();
    assert!(message.contains("a clone of the session's connection is still open"), "{message}");
    assert_eq!(rows(&clone.try_clone().unwrap(), "SELECT 'alive'").unwrap(), ["alive"]);
    assert!(rows(&clone, "FROM nested()").unwrap_err().contains("the database was closed"));
}

#[test]
fn a_faulty_macro_closes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    assert!(Session::open(Some(&path), &WRITE, &nested(), MACROS).is_err());
    Session::open(Some(&path), &WRITE, &nested(), &[]).unwrap();
}

#[test]
fn an_interrupt_from_another_thread_stops_the_statement() {
    let session = Session::open(None, &WRITE, &slow(), &[]).unwrap();
    for sql in ["FROM slow()", "SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 9"] {
        let interrupter = session.interrupter();
        let (running, started) = mpsc::channel();
        let stopper = thread::spawn(move || {
            started.recv().unwrap();
            thread::sleep(Duration::from_millis(100));
            interrupter.interrupt();
        });
        let begin = Instant::now();
        running.send(()).unwrap();
        let message = rows(session.connection(), sql).unwrap_err().to_lowercase();
        assert!(message.contains("interrupted"), "{message}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        stopper.join().unwrap();
        session.host().control().reset();
    }
    assert_eq!(rows(session.connection(), "SELECT 'alive'").unwrap(), ["alive"]);
    let interrupter = session.interrupter();
    drop(session);
    interrupter.interrupt();
}
