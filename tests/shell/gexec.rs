//! `.gexec`: a query's values, run as statements.

use tempfile::TempDir;

use super::ENDLESS;
#[cfg(unix)]
use super::process::{Running, interrupt};
use super::process::{run_in, stderr, stdout};

/// Runs a script from a file, in the database `my.duckdb` of the folder.
fn script(folder: &TempDir, text: &str) -> std::process::Output {
    std::fs::write(folder.path().join("script.sql"), text).unwrap();
    run_in(folder.path(), &["my.duckdb", "-csv", "-noheader", "-f", "script.sql"], "")
}

#[test]
fn every_value_runs_row_by_row_without_nulls() {
    let folder = TempDir::new().unwrap();
    let output = script(
        &folder,
        "CREATE TABLE t(i INTEGER);
         SELECT 'INSERT INTO t VALUES (' || i || '); SELECT count(*) FROM t', NULL,
                'SELECT ''row ' || i || ''''
         FROM range(1, 3) r(i) ORDER BY i
         .gexec
         SELECT sum(i) FROM t;",
    );
    assert_eq!(stdout(&output), "1\nrow 1\n2\nrow 2\n3\n", "{}", stderr(&output));
    let shown = stderr(&output);
    assert!(shown.starts_with("[1/4] INSERT INTO t VALUES (1); SELECT count(*) FROM t\n[2/4]"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_failure_ends_it_or_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let grid = "SELECT unnest(['SELECT 1', 'SELECT nope', 'SELECT 3', '.print x'])\n";
    let output = script(&folder, &format!("{grid}.gexec\nSELECT 'never';"));
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n", Some(1)));
    let message = stderr(&output);
    assert!(message.contains("nope") && message.contains("ended at statement 2 of 4"), "{message}");
    let output = script(&folder, &format!("{grid}.gexec continue\nSELECT 'on';"));
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n3\non\n", Some(0)));
    let message = stderr(&output);
    assert!(message.contains("nope") && message.contains("a value is a dot command"), "{message}");
    assert!(message.contains(".gexec: 2 of 4 statements failed"), "{message}");
}

#[test]
fn it_needs_a_query_before_it() {
    let folder = TempDir::new().unwrap();
    for (text, expected) in [
        ("SELECT 1;\n.gexec", "there is no query to run"),
        ("SELECT 1\n.gexec stop", "usage: .gexec [continue]"),
        ("SELEC 1\n.gexec", "syntax error"),
        ("SELECT 1\n.gexec", "syntax error"),
    ] {
        let output = script(&folder, text);
        assert!(stderr(&output).contains(expected), "{text}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(1), "{text}");
    }
}

/// A grid that was stopped goes on where it stopped: what is trained is found again.
#[test]
fn a_grid_of_trainings_finds_what_is_done() {
    let folder = TempDir::new().unwrap();
    let grid =
        "SELECT format('FROM train_item_knn(''plays'', neighbors := {0}, model := ''knn_{0}'')', k)
        FROM unnest([5, 10]) t(k)\n.gexec\n";
    let output = script(
        &folder,
        &format!(
            "CREATE TABLE plays AS SELECT u AS user_id, (u + i) % 20 AS song_id
             FROM range(30) a(u), range(5) b(i);\n{grid}"
        ),
    );
    assert_eq!(stdout(&output).matches("complete").count(), 2, "{}", stderr(&output));
    let output = script(&folder, grid);
    assert_eq!(stdout(&output).matches("found: the same training").count(), 2);
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_the_whole() {
    let folder = TempDir::new().unwrap();
    let text = format!("SELECT unnest(['SELECT 1', '{ENDLESS}', 'SELECT 2'])\n.gexec continue\n");
    std::fs::write(folder.path().join("script.sql"), text).unwrap();
    let running = Running::start(folder.path(), &["-csv", "-noheader", "-f", "script.sql"]);
    running.wait_for("1");
    interrupt(&running.child);
    let (status, rest, _) = running.finish();
    assert_eq!((status.code(), rest), (Some(130), vec![]));
}
