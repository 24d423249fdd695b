//! Test plays and candidates, coded for a model.

use super::*;
use crate::store::{DatasetRequest, read_dataset};

fn database() -> (Connection, Dataset) {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(
        "CREATE TABLE plays AS FROM (VALUES (1, 10), (1, 20), (2, 30)) t(user_id, song_id);",
    )
    .unwrap();
    let request = DatasetRequest {
        function: "train_x".into(),
        plays: Some("plays".into()),
        buckets: 10,
        ..Default::default()
    };
    let control = Control::default();
    let dataset = read_dataset(&conn, &request, &control).unwrap().finish(&control).unwrap();
    (conn, dataset)
}

fn read(text: &str) -> Result<TestPlays> {
    let (conn, data) = database();
    let control = Control::default();
    let request =
        TestRequest { function: "evaluate", option: "test", plays: text, ..Default::default() };
    read_test_plays(&conn, &request, &[&data], &control)?.finish(&control)
}

#[test]
fn unknown_users_and_songs_are_kept_apart() {
    let test = read(
        "(SELECT * FROM (VALUES (2, 10, 1), (9, 30, 1), (2, 99, 2), (2, 20, 1), (NULL, 10, 1))
          t(user_id, song_id, session_id))",
    )
    .unwrap();
    let known = test.known(&database().1);
    assert_eq!(known.users, [Some(1), None]);
    let songs = |session| -> Vec<Option<u32>> {
        test.plays.session(session).iter().map(|&song| known.song(song)).collect()
    };
    assert_eq!(songs(0), [Some(0), Some(1)]);
    assert_eq!(songs(1), [None]);
    assert_eq!(songs(2), [Some(2)]);
    assert_eq!((test.plays.sessions(), test.has_sessions, test.rejected), (3, true, 1));
}

#[test]
fn sessions_without_users_are_nobody_known() {
    let test = read("(SELECT 1 AS session_id, 10 AS song_id)").unwrap();
    let known = test.known(&database().1);
    assert_eq!(known.users, [None]);
    assert_eq!(known.song(test.plays.session(0)[0]), Some(0));
}

#[test]
fn ids_of_another_kind_are_refused() {
    let message = read("(SELECT '1' AS user_id, 10 AS song_id)").unwrap_err().to_string();
    assert!(message.contains("user_id of test is of type VARCHAR"), "{message}");
    assert!(message.contains("CAST(user_id AS INTEGER)"), "{message}");
    assert!(read("(SELECT 1::BIGINT AS user_id, 10::TINYINT AS song_id)").is_ok());
    assert!(read("(SELECT 1 AS user_id, 10 AS song_id WHERE false)").is_err());
}

#[test]
fn candidates_are_distinct_known_songs() {
    let (conn, data) = database();
    let read = |text: &str| {
        read_songs(&conn, "recommend", "candidates", text, &data.songs, &Control::default())
    };
    let text =
        "(SELECT * FROM (VALUES (30, 1), (10, 2), (30, 3), (77, 4), (NULL, 5)) t(song_id, x))";
    assert_eq!(read(text).unwrap(), [0, 2]);
    assert_eq!(read("(SELECT 20 AS whatever)").unwrap(), [1]);
    assert_eq!(read("(SELECT 20 AS song_id WHERE false)").unwrap(), [0; 0]);
    assert!(read("(SELECT 1 AS a, 2 AS b)").unwrap_err().to_string().contains("columns are: a, b"));
    assert!(read("(SELECT '20' AS song_id)").unwrap_err().to_string().contains("VARCHAR"));
}
