//! Which texts name a relation, and what the others are told.

use super::*;

fn database() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE plays (user_id INTEGER, song_id BIGINT, d DECIMAL(18, 0));
         CREATE TABLE \"my plays\" (a INTEGER);
         CREATE TABLE \"it's\"\"odd\" (a INTEGER);
         CREATE TABLE \"select a song\" (a INTEGER);
         CREATE VIEW v AS FROM plays;
         CREATE SCHEMA other; CREATE TABLE other.plays (x UUID);",
    )
    .unwrap();
    conn
}

fn columns(text: &str) -> String {
    Relation::resolve(&database(), "train_x", "plays", text).unwrap().column_names()
}

fn error(text: &str) -> String {
    Relation::resolve(&database(), "train_x", "plays", text).unwrap_err().to_string()
}

#[test]
fn names_views_queries_and_odd_names_resolve() {
    assert_eq!(columns("plays"), "user_id, song_id, d");
    assert_eq!(columns(" PLAYS "), "user_id, song_id, d");
    assert_eq!(columns("main.plays"), "user_id, song_id, d");
    assert_eq!(columns("memory.main.plays"), "user_id, song_id, d");
    assert_eq!(columns("other.plays"), "x");
    assert_eq!(columns("v"), "user_id, song_id, d");
    assert_eq!(columns("my plays"), "a");
    assert_eq!(columns("\"my plays\""), "a");
    assert_eq!(columns("it's\"odd"), "a");
    assert_eq!(columns("select a song"), "a");
    assert_eq!(columns("(SELECT song_id FROM plays WHERE user_id > 3 -- new\n)"), "song_id");
    assert_eq!(columns("(WITH a AS (SELECT 1 AS z) FROM a)"), "z");
    assert_eq!(columns("range(3)"), "range");
}

#[test]
fn types_are_those_of_describe() {
    let relation = Relation::resolve(&database(), "f", "plays", "plays").unwrap();
    assert_eq!(relation.column("D").unwrap().sql_type, "DECIMAL(18,0)");
    assert_eq!(relation.label, "plays");
    let relation = Relation::resolve(&database(), "f", "songs", "(FROM plays)").unwrap();
    assert_eq!(relation.label, "songs");
}

#[test]
fn files_are_read_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some plays.csv");
    std::fs::write(&path, "user_id,song_id\n1,2\n").unwrap();
    let path = path.display();
    assert_eq!(columns(&path.to_string()), "user_id, song_id");
    assert_eq!(columns(&format!("'{path}'")), "user_id, song_id");
    assert_eq!(columns(&format!("read_csv('{path}')")), "user_id, song_id");
    let message = error("gone.csv");
    assert!(message.contains("gone.csv") && message.contains("No files found"), "{message}");
}

#[test]
fn a_missing_table_is_named_with_its_neighbours_and_what_cannot_be_seen() {
    let message = error("playz");
    assert!(message.starts_with("train_x: there is no table or view 'playz'"), "{message}");
    assert!(message.contains("did you mean 'plays'?"), "{message}");
    assert!(message.contains("TEMP") && message.contains("COMMIT"), "{message}");
    assert!(error("nowhere.plays").contains("'nowhere.plays'; did you mean 'plays'"));
    assert!(error("zzzzzzzz").contains("(there are: "));
    let message = error("(FROM playz)");
    assert!(message.contains("TEMP") && message.contains("playz"), "{message}");
}

#[test]
fn another_connections_temp_and_uncommitted_tables_are_not_seen() {
    let conn = database();
    let nested = conn.try_clone().unwrap();
    conn.execute_batch("CREATE TEMP TABLE t (a INTEGER); BEGIN; CREATE TABLE u (a INTEGER)")
        .unwrap();
    for name in ["t", "u"] {
        let message = Relation::resolve(&nested, "f", "plays", name).unwrap_err().to_string();
        assert!(message.contains("TEMP tables"), "{message}");
    }
}

#[test]
fn a_query_without_parentheses_is_told_so() {
    let message = error("FROM plays WHERE a = 'x'");
    assert!(message.contains("option 'plays'"), "{message}");
    assert!(message.ends_with("write '(FROM plays WHERE a = ''x'')'"), "{message}");
}

#[test]
fn broken_and_empty_texts_are_refused() {
    assert!(error("").contains("is empty"));
    assert!(error("  ").contains("is empty"));
    assert!(error("(FROM plays WHERE)").contains("Parser Error"));
    assert!(error("(FROM plays WHERE xx = 1)").contains("\"xx\" not found"));
    assert!(error("(SELECT 1); DROP TABLE plays").contains("one pair"));
    assert!(error("(FROM plays").contains("one pair"));
}

#[test]
fn nothing_runs_while_a_relation_is_resolved() {
    let conn = database();
    let text = "(SELECT 1) AS a; DROP TABLE plays; SELECT * FROM (SELECT 2)";
    assert!(Relation::resolve(&conn, "f", "plays", text).is_err());
    assert!(Relation::resolve(&conn, "f", "plays", "plays").is_ok());
}
