//! The pool of nested connections.

use std::sync::Arc;

use super::*;
use crate::store::{Caller, Host};

fn open(client: &Connection) -> Arc<Host> {
    Host::over(|| Ok(client.try_clone()?)).unwrap()
}

fn caller(host: &Arc<Host>, search_path: &str, depth: usize) -> Caller {
    Caller { search_path: Some(search_path.to_owned()), depth, ..Caller::new(host.clone()) }
}

fn text(connection: &Connection, sql: &str) -> String {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn message<T>(result: Result<T>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn a_connection_looks_up_names_as_its_caller_does() {
    let client = Connection::open_in_memory().unwrap();
    client.execute_batch("CREATE SCHEMA \"o'clock\"").unwrap();
    let host = open(&client);
    let current = "SELECT current_schema()";
    for _ in 0..50 {
        let there = caller(&host, "\"o'clock\"", 0).connect().unwrap();
        let here = caller(&host, "", 0).connect().unwrap();
        assert_eq!(text(&there, current), "o'clock");
        assert_eq!(text(&here, current), "main");
    }
    assert!(message(caller(&host, "nowhere", 0).connect()).contains("nowhere"));
    // The connection that could not be used is home again.
    assert!(!host.close_if_alone());
    drop(client);
    assert!(host.close_if_alone());
}

#[test]
fn nested_calls_use_connections_of_their_own() {
    let client = Connection::open_in_memory().unwrap();
    let host = open(&client);
    let mut depth = 0;
    let mut held = Vec::new();
    while depth < LEVELS.len() {
        let nested = caller(&host, "", depth).connect().unwrap();
        let id: u64 =
            nested.query_row("SELECT current_connection_id()", [], |row| row.get(0)).unwrap();
        held.push(nested);
        assert_eq!(host.depth(id), depth + 1);
        depth = host.depth(id);
    }
    assert!(message(caller(&host, "", depth).connect()).contains("nested more than 4 deep"));
    let id: u64 = client.query_row("SELECT current_connection_id()", [], |row| row.get(0)).unwrap();
    assert_eq!(host.depth(id), 0);
}

#[test]
fn whoever_finds_all_busy_waits_for_the_next() {
    let client = Connection::open_in_memory().unwrap();
    let host = open(&client);
    let deepest = LEVELS.len() - 1;
    let caller = caller(&host, "", deepest);
    let held: Vec<_> = (0..LEVELS[deepest]).map(|_| caller.connect().unwrap()).collect();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| text(&caller.connect().unwrap(), "SELECT 'served'")))
            .collect();
        drop(held);
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), "served");
        }
    });
    // Who was stopped does not wait.
    let held: Vec<_> = (0..LEVELS[deepest]).map(|_| caller.connect().unwrap()).collect();
    host.control().stop();
    assert!(matches!(caller.connect(), Err(Error::Interrupted)));
    drop(held);
    assert!(caller.connect().is_ok());
}

#[test]
fn a_panic_leaves_no_transaction_behind() {
    let client = Connection::open_in_memory().unwrap();
    let host = open(&client);
    let caller = caller(&host, "", LEVELS.len() - 1);
    thread::scope(|scope| {
        let work = scope.spawn(|| {
            let nested = caller.connect().unwrap();
            nested.execute_batch("BEGIN; CREATE TABLE half AS SELECT 1").unwrap();
            panic!("stopped halfway");
        });
        assert!(work.join().is_err());
    });
    for _ in 0..LEVELS[LEVELS.len() - 1] {
        caller.connect().unwrap().execute_batch("BEGIN; ROLLBACK").unwrap();
    }
    assert!(client.execute_batch("FROM half").is_err());
}

#[test]
fn the_database_is_let_go_when_only_the_pool_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("music.db");
    let client = Connection::open(&path).unwrap();
    let host = open(&client);
    let lent = caller(&host, "", 0).connect().unwrap();
    assert!(!host.close_if_alone());
    drop(client);
    assert!(!host.close_if_alone(), "a function still uses a connection");
    drop(lent);
    assert!(host.close_if_alone());
    assert!(message(caller(&host, "", 0).connect()).contains("open the database again"));
    let again = Connection::open(&path).unwrap();
    let count: u64 =
        again.query_row("FROM duckdb_connection_count()", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}
