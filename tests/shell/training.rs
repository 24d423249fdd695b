//! Trainings as processes: interrupted, killed, in a database that others want too.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Running, interrupt, run_in, segue, stderr, stdout};
use super::terminal::Session;

/// 30 listeners, 50 songs, 750 plays.
const PLAYS: &str = "CREATE TABLE plays AS SELECT u AS user_id, \
    (u * 7 + i * (1 + u % 3)) % 50 AS song_id, DATE '2024-01-01' + i::INT AS played_at \
    FROM range(30) users(u), range(25) plays(i)";
/// A training that takes seconds, of epochs that take a fraction of one.
const TRAIN: &str = "FROM train_harm('plays', epochs := 40, batch_size := 2, embedding_size := 8)";
/// A training that ends when it is stopped.
const ENDLESS: &str = "FROM train_harm('plays', epochs := 100000, embedding_size := 8)";
/// What is stored, without what was stored when: one line for each model.
const MODELS: &str = "SELECT concat_ws('/', name, version, status, is_default) FROM models()";
/// How long after Ctrl-C the prompt is back.
const PATIENCE: Duration = Duration::from_secs(1);

/// A folder with the database `my.duckdb`, which holds the plays.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    query(folder.path(), PLAYS);
    folder
}

/// The lines that a statement prints, without the header.
fn query(folder: &Path, sql: &str) -> Vec<String> {
    let output = run_in(folder, &["my.duckdb", "-csv", "-noheader", "-c", sql], "");
    assert!(output.status.success(), "{sql}: {}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

/// The error of a statement.
fn failure(folder: &Path, arguments: &[&str]) -> String {
    let output = run_in(folder, arguments, "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout(&output));
    stderr(&output)
}

/// The bits of a model's weights and data, apart from how long its epochs took: a model's file is
/// in the format of safetensors, whose header says how long it is in its first bytes.
fn weights(folder: &Path, model: &str) -> String {
    let sql = format!(
        "SELECT md5(substring(bytes, 17 + 2 * length)) FROM (
             SELECT hex(data) AS bytes, ('0x' || bytes[5:6] || bytes[3:4] || bytes[1:2])::INT
                 AS length FROM segue.parts WHERE model = '{model}' AND content = 'archive')"
    );
    query(folder, &sql).remove(0)
}

#[test]
fn ctrl_c_at_the_prompt_keeps_the_best_epoch_and_the_statement_resumes() {
    let folder = folder();
    let Some(mut session) = Session::start(folder.path(), "my.duckdb") else { return };
    session.wait_for("segue> ");
    session.type_keys(&format!("{TRAIN};\r"));
    session.wait_for("train_harm: epoch ");
    session.wait_for("train_loss ");
    let pressed = Instant::now();
    session.type_keys("\x03");
    let screen = session.wait_for("segue> ");
    assert!(pressed.elapsed() < PATIENCE, "{:?}", pressed.elapsed());
    assert!(screen.contains("the best so far, is kept as 'harm' version 1"), "{screen}");
    session.type_keys(&format!("{MODELS};\r"));
    session.wait_for("harm/1/interrupted/false");
    session.wait_for("segue> ");
    session.type_keys("SELECT current_setting('streaming_buffer_size') <> '1 byte';\r");
    session.wait_for(" true ");
    session.wait_for("segue> ");
    session.type_keys("\x04");
    assert_eq!(session.finish(), Some(0));

    let folder = folder.path();
    assert_eq!(query(folder, MODELS), ["harm/1/interrupted/false"]);
    let resumed = query(folder, TRAIN);
    assert!(resumed[0].contains(",resumed,"), "{}", resumed[0]);
    let last = &resumed[39];
    assert!(last.contains(",complete,") && last.contains("as 'harm' version 1"), "{last}");
    assert_eq!(query(folder, MODELS), ["harm/1/complete/true"]);
    query(folder, &TRAIN.replace("epochs", "model := 'whole', epochs"));
    let same = "SELECT count(*) FROM training_history('harm') a
                JOIN training_history('whole') b USING (epoch, train_loss)";
    assert_eq!(query(folder, same), ["40"]);
    assert_eq!(weights(folder, "harm"), weights(folder, "whole"));
}

#[test]
fn ctrl_c_ends_a_training_script_with_130_after_rows_that_came_one_by_one() {
    let folder = folder();
    let mut running = Running::start(folder.path(), &["my.duckdb", "-csv", "-c", ENDLESS]);
    assert!(running.line().unwrap().starts_with("epoch,train_loss,"));
    assert!(running.line().unwrap().starts_with("1,"));
    assert!(running.line().unwrap().starts_with("2,"));
    assert!(running.runs());
    let pressed = Instant::now();
    interrupt(&running.child);
    interrupt(&running.child);
    let (status, _, message) = running.finish();
    assert!(pressed.elapsed() < PATIENCE, "{:?}", pressed.elapsed());
    assert_eq!(status.code(), Some(130));
    assert!(message.contains("is kept as 'harm' version 1, marked interrupted"), "{message}");
    assert_eq!(query(folder.path(), MODELS), ["harm/1/interrupted/false"]);
    let message = failure(folder.path(), &["my.duckdb", "-c", "FROM recommend(1)"]);
    assert!(message.contains("interrupted"), "{message}");
    assert_eq!(query(folder.path(), "FROM recommend(1, model := 'harm', version := 1)").len(), 10);
}

#[test]
fn a_limit_says_what_became_of_the_training() {
    let folder = folder();
    let output = run_in(folder.path(), &["my.duckdb", "-c", &format!("{ENDLESS} LIMIT 2")], "");
    assert!(output.status.success());
    let note = stderr(&output);
    assert!(note.contains("is kept as 'harm' version 1, marked interrupted"), "{note}");
}

#[test]
fn ctrl_c_stops_what_reads_evaluates_and_recommends() {
    let folder = folder();
    query(folder.path(), "FROM train_item_knn('plays')");
    let Some(mut session) = Session::start(folder.path(), "my.duckdb") else { return };
    session.wait_for("segue> ");
    for (statement, status) in [
        ("FROM train_harm('(FROM plays, range(100000))')", "train_harm: reading plays"),
        ("FROM evaluate('item_knn', '(FROM plays, range(20000))')", "\r\x1b[K1."),
        ("SELECT sum(rank) FROM range(100000000) u(i), recommend(i)", "\r\x1b[K1."),
        ("SELECT sum(score(i % 30, i % 50)) FROM range(1000000000) t(i)", "\r\x1b[K1."),
    ] {
        session.type_keys(&format!("{statement};\r"));
        session.wait_for(status);
        let pressed = Instant::now();
        session.type_keys("\x03");
        let screen = session.wait_for("segue> ");
        assert!(pressed.elapsed() < PATIENCE, "{statement}: {:?}", pressed.elapsed());
        let screen = screen.to_lowercase();
        assert!(screen.contains("interrupted") || screen.contains("stopped before"), "{screen}");
    }
    session.type_keys(&format!("{MODELS};\r"));
    session.wait_for("item_knn/1/complete/true");
    session.wait_for("segue> ");
    session.type_keys("\x04");
    assert_eq!(session.finish(), Some(0));
}

#[test]
fn a_killed_training_leaves_the_database_as_it_was() {
    let folder = folder();
    query(folder.path(), "FROM train_popularity('plays')");
    let before = query(folder.path(), "FROM recommend(1)");
    let mut running = Running::start(folder.path(), &["my.duckdb", "-csv", "-c", ENDLESS]);
    running.wait_for("2,");
    running.child.kill().unwrap();
    running.finish();
    let folder = folder.path();
    assert_eq!(query(folder, MODELS), ["popularity/1/complete/true"]);
    for (table, column) in
        [("models", "name"), ("names", "name"), ("training_history", "model"), ("parts", "model")]
    {
        let sql = format!("SELECT count(*) FROM segue.{table} WHERE {column} = 'harm'");
        assert_eq!(query(folder, &sql), ["0"], "{table}");
    }
    assert_eq!(query(folder, "FROM recommend(1)"), before);
    assert_eq!(query(folder, "SELECT count(*) FROM plays"), ["750"]);
}

#[test]
fn a_model_killed_while_it_is_stored_is_there_whole_or_not_at_all() {
    let folder = folder();
    let train = "FROM train_popularity('(SELECT u.* AS user_id, s.* AS song_id \
                 FROM range(2000) u, range(1000) s)', retrain := true)";
    let file = folder.path().join("my.duckdb");
    let log = folder.path().join("my.duckdb.wal");
    for _ in 0..3 {
        let size = file.metadata().unwrap().len();
        let mut running = Running::start(folder.path(), &["my.duckdb", "-c", train]);
        // Storing begins with the first byte in the file or in the log beside it.
        let stores = || {
            file.metadata().unwrap().len() > size || log.metadata().is_ok_and(|log| log.len() > 0)
        };
        while !stores() && running.runs() {
            std::thread::yield_now();
        }
        running.child.kill().unwrap();
        running.finish();
        let loose = "SELECT (SELECT count(*) FROM segue.parts ANTI JOIN segue.models
                             ON model = name AND parts.version = models.version)
                          + (SELECT count(*) FROM segue.models
                             WHERE bytes <> (SELECT sum(octet_length(data)) FROM segue.parts p
                                 WHERE model = name AND p.version = models.version))";
        if query(folder.path(), "FROM duckdb_schemas() WHERE schema_name = 'segue'").is_empty() {
            continue;
        }
        assert_eq!(query(folder.path(), loose), ["0"]);
        for version in query(folder.path(), "SELECT version FROM models()") {
            let sql = format!("FROM recommend(1, model := 'popularity', version := {version})");
            assert_eq!(query(folder.path(), &sql).len(), 10, "version {version}");
        }
    }
    query(folder.path(), train);
    assert_eq!(query(folder.path(), "FROM recommend(1)").len(), 10);
}

#[test]
fn a_database_is_free_as_soon_as_its_shell_ends() {
    let folder = folder();
    let folder = folder.path();
    query(folder, "FROM train_item_knn('plays')");
    let songs = query(folder, "FROM recommend(1)");
    for _ in 0..3 {
        let readonly = ["-readonly", "my.duckdb", "-csv", "-noheader", "-c", "FROM recommend(1)"];
        let output = run_in(folder, &readonly, "");
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), songs, "{}", stderr(&output));
        assert_eq!(
            query(folder, "CREATE OR REPLACE TABLE t AS SELECT 1; FROM recommend(1)"),
            songs
        );
    }
    let mut first = Running::start(folder, &["my.duckdb", "-csv"]);
    first.child.stdin.as_mut().unwrap().write_all(b"FROM recommend(1);\n").unwrap();
    first.wait_for("1,");
    for arguments in
        [&["my.duckdb", "-c", "SELECT 1"][..], &["-readonly", "my.duckdb", "-c", "SELECT 1"]]
    {
        let message = failure(folder, arguments);
        assert!(message.contains("'my.duckdb' is in use by another process; close"), "{message}");
    }
    assert!(first.finish().0.success());
    assert_eq!(query(folder, "FROM recommend(1)"), songs);
}

#[test]
fn a_read_only_database_recommends_but_does_not_train() {
    let folder = folder();
    query(folder.path(), "FROM train_item_knn('plays')");
    let readonly = |sql| ["-readonly", "my.duckdb", "-csv", "-noheader", "-c", sql];
    let output = run_in(folder.path(), &readonly("FROM recommend(1)"), "");
    assert_eq!(stdout(&output).lines().count(), 10, "{}", stderr(&output));
    for sql in [TRAIN, "FROM drop_model('item_knn')", "CALL use_model('item_knn')"] {
        let message = failure(folder.path(), &readonly(sql));
        assert!(message.contains("database 'my' is read-only"), "{sql}: {message}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_in_every_database_on_any_number_of_threads() {
    let train = |seed: u32| {
        format!(
            "FROM train_harm('plays', epochs := 2, seed := {seed});
             FROM train_item_knn('plays')"
        )
    };
    let trained = |seed: u32, threads: &str| {
        let folder = folder();
        let mut command = segue(folder.path());
        let sql = format!("SET threads = {threads}; {}", train(seed));
        // The variable is for candle, which asks it among how many threads to split.
        command.args(["my.duckdb", "-c", &sql]).env("RAYON_NUM_THREADS", threads);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let history = "SELECT epoch, train_loss FROM training_history('harm')";
        let ranking = "SELECT user_id, r.* FROM (SELECT DISTINCT user_id FROM plays),
                       recommend(user_id, model := 'harm') r ORDER BY user_id, rank";
        let bits = ["harm", "item_knn"].map(|model| weights(folder.path(), model));
        (bits, query(folder.path(), history), query(folder.path(), ranking))
    };
    let one = trained(1, "1");
    assert_eq!(one.2.len(), 300);
    assert_eq!(trained(1, "2"), one);
    assert_eq!(trained(1, "3"), one);
    let other = trained(2, "1");
    assert_ne!(other.0[0], one.0[0]);
    assert_ne!(other.1, one.1);
    assert_eq!(other.0[1], one.0[1], "item-kNN draws nothing");
}

#[test]
fn what_is_no_database_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let text = "user_id,song_id\n".repeat(1000);
    std::fs::write(folder.path().join("plays.db"), &text).unwrap();
    let message = failure(folder.path(), &["plays.db", "-c", "SELECT 1"]);
    assert!(message.contains("'plays.db' is not a DuckDB database file"), "{message}");
    assert_eq!(std::fs::read_to_string(folder.path().join("plays.db")).unwrap(), text);
}

/// A search that Ctrl-C stops keeps what its trials brought. DuckDB shows a row when the next is there.
#[test]
fn a_search_that_was_stopped_goes_on() {
    let folder = folder();
    let tune = |epochs: &str| {
        format!(
            "FROM tune('plays', train := 'harm', validation := 'plays', patience := 100000, \
             options := {{embedding_size: 2}}, space := {{epochs: {epochs}}})"
        )
    };
    let endless = tune("[1, 2, 100000]");
    let running =
        Running::start(folder.path(), &["my.duckdb", "-csv", "-noheader", "-c", &endless]);
    running.wait_for("1,1,");
    interrupt(&running.child);
    let (status, _, errors) = running.finish();
    assert_eq!(status.code(), Some(130), "{errors}");
    assert!(errors.contains("run the same statement to go on"), "{errors}");
    let again = format!("SELECT trial, status FROM ({})", tune("[1, 2, 3]"));
    assert_eq!(query(folder.path(), &again), ["1,stored", "2,stored", "3,complete"]);
}
