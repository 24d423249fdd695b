//! Macros as functions of constants, on mock functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use duckdb::Connection;

use super::super::{OpenOptions, Session};
use super::macros::{SONG, error, mock};
use super::rows;
use crate::functions::{MacroDocs, Registry, registry};

fn functions() -> Vec<MacroDocs> {
    registry().macros.into_iter().filter(|entry| entry.name == "recommend").collect()
}

#[test]
fn a_call_of_constants_needs_no_macro_and_runs_when_it_is_read() {
    let calls = Arc::new(AtomicUsize::new(0));
    let registry = Registry { macros: functions(), ..mock("BIGINT", "UUID", &calls) };
    let session = Session::open(None, &OpenOptions::default(), &registry, &[]).unwrap();
    let connection = session.connection();
    let call = "FROM recommend(42, 2, model := 'harm')";
    connection.execute_batch(&format!("EXPLAIN {call}; PREPARE p AS {call}")).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    for executions in 1..=2 {
        connection.execute_batch("EXECUTE p").unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), executions, "results are not frozen");
    }
    let found = rows(connection, &format!("SELECT song_id || ' ' || source {call}")).unwrap();
    assert_eq!(found[0], format!("{SONG} 42 harm allow"));
    // As the macro would.
    let message = error(connection, "FROM recommend(42, 2, model := 'x')");
    assert!(message.starts_with("Binder Error: no model 'x'"), "{message}");
    assert!(error(connection, "FROM recommend(42, 0)").contains("Error: recommend: option 'n'"));
}

#[test]
fn results_left_open_keep_no_connection() {
    let registry = Registry { macros: functions(), ..mock("BIGINT", "UUID", &Arc::default()) };
    let session = Session::open(None, &OpenOptions::default(), &registry, &[]).unwrap();
    let clones: Vec<Connection> =
        (0..20).map(|_| session.connection().try_clone().unwrap()).collect();
    let mut statements: Vec<_> =
        clones.iter().map(|clone| clone.prepare("FROM recommend(42, 9)").unwrap()).collect();
    for statement in &mut statements {
        drop(statement.stream_arrow([]).unwrap());
        assert!(statement.step().unwrap().is_some());
    }
}
