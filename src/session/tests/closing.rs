//! Closing a database in which models were trained and asked.

use std::path::Path;

use super::*;
use crate::functions::{MACROS, registry as functions};

const PLAYS: &str = "CREATE TABLE plays AS SELECT u AS user_id, (u + i) % 12 AS song_id
                     FROM range(8) users(u), range(6) plays(i)";
const HARM: &str = "SELECT status FROM train_harm('plays', embedding_size := 4, epochs := 2)";

fn open(path: &Path, options: &OpenOptions) -> Session {
    Session::open(Some(path), options, &functions(), MACROS).unwrap()
}

fn ranking(session: &Session) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', user_id, rank, song_id, score)
               FROM (SELECT DISTINCT user_id FROM plays), recommend(user_id, 3, model := 'harm')
               ORDER BY user_id, rank";
    rows(session.connection(), sql).unwrap()
}

#[test]
fn a_database_with_models_closes_and_opens_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let session = open(&path, &WRITE);
    session.connection().execute_batch(PLAYS).unwrap();
    assert_eq!(rows(session.connection(), HARM).unwrap(), ["training", "complete"]);
    let expected = ranking(&session);
    assert_eq!(expected.len(), 24);
    session.close().unwrap();
    for round in 0..5 {
        let reader = open(&path, &READ);
        assert_eq!(ranking(&reader), expected);
        assert!(rows(reader.connection(), HARM).unwrap_err().contains("read-only"));
        reader.close().unwrap();
        let writer = open(&path, &WRITE);
        assert_eq!(rows(writer.connection(), HARM).unwrap(), ["stored", "stored"]);
        // A training that is stopped early, and one that fails, let go of the file as well.
        let seed = round + 10;
        let stopped = format!(
            "FROM train_harm('plays', model := 'other', seed := {seed}, embedding_size := 4) LIMIT 1"
        );
        assert_eq!(rows(writer.connection(), &stopped).unwrap(), ["1"]);
        assert!(rows(writer.connection(), "FROM train_harm('(FROM plays LIMIT 0)')").is_err());
        assert_eq!(ranking(&writer), expected);
        writer.close().unwrap();
    }
}

#[test]
fn a_result_that_is_not_read_to_its_end_does_not_keep_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    for _ in 0..3 {
        let session = open(&path, &WRITE);
        let connection = session.connection();
        connection.execute_batch(&PLAYS.replace("TABLE", "TABLE IF NOT EXISTS")).unwrap();
        let sql = "FROM train_harm('plays', embedding_size := 4, epochs := 100, retrain := true)";
        let mut statement = connection.prepare(sql).unwrap();
        drop(statement.stream_arrow([]).unwrap());
        assert!(statement.step().unwrap().is_some());
        drop(statement);
        session.close().unwrap();
    }
}

/// Runs as its own child, which opens the file named by the environment.
#[test]
fn another_process_asks_a_model_once_the_database_is_closed() {
    const FILE: &str = "SEGUE_TEST_MODEL_FILE";
    const NAME: &str =
        "session::tests::closing::another_process_asks_a_model_once_the_database_is_closed";
    if let Some(file) = env::var_os(FILE) {
        for options in [READ, WRITE] {
            let session = open(Path::new(&file), &options);
            assert_eq!(ranking(&session).len(), 24);
            session.close().unwrap();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.db");
    let session = open(&path, &WRITE);
    session.connection().execute_batch(PLAYS).unwrap();
    rows(session.connection(), HARM).unwrap();
    ranking(&session);
    let child = || {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([NAME, "--exact", "--nocapture"]).env(FILE, &path).output().unwrap()
    };
    assert!(!child().status.success());
    session.close().unwrap();
    let output = child();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ranking(&open(&path, &WRITE));
}
