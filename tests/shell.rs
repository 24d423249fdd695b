//! The program as its users meet it: command line, standard streams, exit status, Ctrl-C, prompt.

#[path = "shell/comparison.rs"]
mod comparison;
#[path = "shell/datasets.rs"]
mod datasets;
#[path = "shell/examples.rs"]
mod examples;
#[path = "shell/gexec.rs"]
mod gexec;
#[path = "shell/process.rs"]
mod process;
#[cfg(target_os = "linux")]
#[path = "shell/terminal.rs"]
mod terminal;
#[cfg(target_os = "linux")]
#[path = "shell/training.rs"]
mod training;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

#[cfg(unix)]
use process::interrupt;
use process::{run, run_in, segue, stderr, stdout};
use tempfile::TempDir;
#[cfg(target_os = "linux")]
use terminal::Session;

/// A query that runs until it is stopped, and prints nothing before.
const ENDLESS: &str = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b";

#[test]
fn commands_and_files_run_in_the_order_given() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("two.sql"), "SELECT 2;\nSELECT 3").unwrap();
    let arguments = ["-list", "-noheader", "-c", "SELECT 1", "-f", "two.sql", "--c", "SELECT 4;"];
    let output = run_in(folder.path(), &arguments, "SELECT 5;");
    assert_eq!(stdout(&output), "1\n2\n3\n4\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_first_error_of_a_command_or_file_ends_the_program() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("bad.sql"), "SELECT 1;\nSELEC 2;\nSELECT 3;\n").unwrap();
    for arguments in [
        ["-csv", "-c", "SELECT 1; SELEC 2; SELECT 3", "-c", "SELECT 4"],
        ["-csv", "-f", "bad.sql", "-c", "SELECT 4"],
        ["-csv", "-c", "SELECT 1;\n.nosuch\nSELECT 3", "-c", "SELECT 4"],
    ] {
        let output = run_in(folder.path(), &arguments, "");
        assert_eq!(stdout(&output), "1\n1\n", "{arguments:?}");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn piped_input_goes_on_after_an_error_unless_bail_is_set() {
    let folder = TempDir::new().unwrap();
    let input = "SELECT 1;\nSELEC 2;\nSELECT 3";
    let output = run_in(folder.path(), &["-csv", "-noheader"], input);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n3\n", Some(1)));
    let output = run_in(folder.path(), &["-csv", "-noheader", "-bail"], input);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n", Some(1)));
}

#[test]
fn errors_are_duckdbs_words_once_and_without_colour() {
    let output = run(&["-c", "SELECT * FROM nope"]);
    let message = stderr(&output);
    assert!(
        message.starts_with("Catalog Error: Table with name nope does not exist!"),
        "{message}"
    );
    assert_eq!(message.matches("Error").count(), 1, "{message}");
    assert!(!message.contains('\x1b') && stdout(&output).is_empty());
}

#[test]
fn an_error_while_rows_stream_is_reported() {
    let failing =
        "SELECT CASE WHEN i < 2999999 THEN 1 ELSE error('late') END FROM range(3000000) t(i)";
    for mode in ["-csv", "-duckbox", "-json"] {
        // With several threads DuckDB now and then reports that another one was interrupted.
        let output = run(&[mode, "-c", "SET threads = 1", "-c", failing]);
        assert_eq!(output.status.code(), Some(1), "{mode}");
        assert!(stderr(&output).contains("late"), "{mode}: {}", stderr(&output));
    }
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    for (arguments, expected) in [
        (&["-jsn"][..], "'-jsn'"),
        (&["-c"], "needs an argument"),
        (&["-f", "missing.sql"], "missing.sql"),
        (&["-init", "missing.sql", "-c", "SELECT 1"], "missing.sql"),
        (&[".", "-c", "SELECT 1"], "is a folder"),
        (&["no/such/folder/x.duckdb", "-c", "SELECT 1"], "no/such/folder/x.duckdb"),
        (&["-readonly", "missing.duckdb", "-c", "SELECT 1"], "missing.duckdb"),
        (&["-c", ".read missing.sql"], "missing.sql"),
        (&["-c", ".tabels"], ".tables"),
        (&["-c", ".mode cvs"], "jsonlines"),
        (&["-c", ".maxrows x"], "'x'"),
        (&["-c", "SELECT ?"], "parameter"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let message = stderr(&output);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_printed() {
    assert!(stdout(&run(&["-help"])).contains("-readonly"));
    let version = stdout(&run(&["--version"]));
    assert!(version.starts_with("segue ") && version.contains("DuckDB v1."), "{version}");
}

#[test]
fn changes_and_definitions_print_nothing() {
    let folder = TempDir::new().unwrap();
    let script = "CREATE TABLE t(i INT);\nINSERT INTO t VALUES (1), (2);\nUPDATE t SET i = 3;\n\
        COPY t TO 't.csv';\nSET threads = 1;\nBEGIN; DELETE FROM t; ROLLBACK;\n\
        SELECT count(*) AS \"Count\" FROM t;\n";
    let output = run_in(folder.path(), &["-csv"], script);
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("Count\n2\n", ""));
}

#[test]
fn data_stays_in_the_file_and_readonly_protects_it() {
    let folder = TempDir::new().unwrap();
    let output = run_in(folder.path(), &["my.duckdb", "CREATE TABLE t AS SELECT 7 AS i"], "");
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run_in(folder.path(), &["-readonly", "my.duckdb", "-csv", "FROM t"], "");
    assert_eq!(stdout(&output), "i\n7\n");
    let output = run_in(folder.path(), &["-readonly", "my.duckdb", "-c", "DROP TABLE t"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("read-only"), "{}", stderr(&output));
}

#[test]
fn open_closes_the_database_before() {
    let folder = TempDir::new().unwrap();
    let script = "CREATE TABLE t AS SELECT 1 AS i;\n.open b.duckdb\nCREATE TABLE u AS SELECT 2 AS i;\n\
        .open -readonly a.duckdb\n.tables\nATTACH 'b.duckdb' AS b;\nFROM b.u;\n.open no/such/x\n\
        SELECT 3;\n";
    let output = run_in(folder.path(), &["-csv", "-noheader", "a.duckdb"], script);
    assert_eq!(stdout(&output), "t\n2\n3\n", "{}", stderr(&output));
    assert!(stderr(&output).contains("in memory"), "{}", stderr(&output));
}

#[test]
fn output_goes_to_a_file_and_back() {
    let folder = TempDir::new().unwrap();
    let script = ".mode csv\n.output out.csv\nSELECT 1 AS a;\n.output\n.headers off\nSELECT 2;\n";
    let output = run_in(folder.path(), &[], script);
    assert_eq!(stdout(&output), "2\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("out.csv")).unwrap(), "a\n1\n");
}

#[test]
fn scripts_read_scripts_and_notice_circles() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("inner.sql"), "SELECT 1;\nSELEC;\nSELECT 2;\n").unwrap();
    std::fs::write(folder.path().join("circle.sql"), ".read circle.sql\n").unwrap();
    let output = run_in(folder.path(), &["-csv", "-noheader"], ".read inner.sql\nSELECT 3;\n");
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n2\n3\n", Some(1)));
    let output = run_in(folder.path(), &["-c", ".read circle.sql"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("read each other"), "{}", stderr(&output));
}

#[test]
fn init_runs_first_and_quit_leaves_with_its_status() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("init.sql"), ".mode csv\n.headers off\n").unwrap();
    let output = run_in(folder.path(), &["-init", "init.sql"], "SELECT 1;\n.quit 3\nSELECT 2;\n");
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("1\n", Some(3)));
}

#[test]
fn print_writes_its_words_where_results_go() {
    let folder = TempDir::new().unwrap();
    let script = ".print one's  two; 'three  four'\n.print\n.output f\n.print in the file\n";
    let output = run_in(folder.path(), &[], script);
    assert_eq!(
        (stdout(&output).as_str(), stderr(&output).as_str()),
        ("one's two; three  four\n\n", "")
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("f")).unwrap(), "in the file\n");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = TempDir::new().unwrap();
    let mut child = segue(folder.path())
        .args(["-csv", "-c", "FROM range(1000000000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "range\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_script_with_130() {
    let folder = TempDir::new().unwrap();
    let script = format!("SELECT 'started'; {ENDLESS}; SELECT 'never'");
    let mut child = segue(folder.path())
        .args(["-csv", "-noheader", "-c", &script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    interrupt(&child);
    interrupt(&child);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((rest.as_str(), output.status.code()), ("", Some(130)), "{}", stderr(&output));
}

#[test]
#[cfg(unix)]
fn ctrl_c_while_waiting_for_input_ends_with_130() {
    let folder = TempDir::new().unwrap();
    let mut child = segue(folder.path())
        .args(["-csv", "-noheader"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(b"SELECT 'ready';\n").unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
#[cfg(target_os = "linux")]
fn the_prompt_survives_errors_and_ctrl_c() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(".seguerc"), ".mode list\n.headers off\n").unwrap();
    let Some(mut session) = Session::start(folder.path(), "") else { return };
    session.wait_for("in memory");
    session.wait_for("segue> ");
    session.type_keys("SELECT 'a' ||\r");
    session.wait_for("   ...> ");
    session.type_keys("'b';\r");
    session.wait_for("ab\r\n");
    session.wait_for("segue> ");
    // At the prompt Ctrl-C clears the line and what was typed before it.
    session.type_keys("SELECT 'x' ||\r");
    session.wait_for("   ...> ");
    session.type_keys("\x03");
    session.wait_for("segue> ");
    session.type_keys("SELEC;\r");
    session.wait_for("Parser Error");
    session.wait_for("segue> ");
    // The status line says that the statement runs; Ctrl-C stops it, twice does no harm.
    session.type_keys(&format!("{ENDLESS};\r"));
    session.wait_for("\n");
    session.wait_for("\x1b[K");
    session.type_keys("\x03\x03");
    session.wait_for("Interrupted");
    session.wait_for("segue> ");
    session.type_keys("SELECT 6 * 7;\r");
    session.wait_for("42\r\n");
    session.wait_for("segue> ");
    session.type_keys("\x04");
    assert_eq!(session.finish(), Some(0));
    let history = folder.path().join(".local/state/segue/history");
    let history = std::fs::read_to_string(history).unwrap();
    assert!(history.contains("SELECT 'a' ||\\n'b';"), "{history}");
    assert!(history.contains("SELECT 6 * 7;") && !history.contains("'x'"), "{history}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_database_file_is_opened_without_the_notice() {
    let folder = TempDir::new().unwrap();
    let Some(mut session) = Session::start(folder.path(), "my.duckdb -init /dev/null") else {
        return;
    };
    session.wait_for("segue> ");
    session.type_keys(".quit 4\r");
    assert_eq!(session.finish(), Some(4));
    assert!(folder.path().join("my.duckdb").exists());
}
