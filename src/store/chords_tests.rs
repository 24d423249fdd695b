//! Relations of chords, and what they lack.

use super::super::{DatasetRequest, check, read_dataset};
use super::*;
use crate::data::Dataset;

fn read(chords: &str) -> Result<Dataset> {
    let conn = Connection::open_in_memory().unwrap();
    let request = DatasetRequest {
        function: "train_x".into(),
        plays: Some("(SELECT 1 AS user_id, 20 AS song_id)".into()),
        chords: Some(chords.into()),
        buckets: 4,
        ..Default::default()
    };
    check(&conn, &request)?;
    let control = Control::default();
    read_dataset(&conn, &request, &control)?.finish(&control)
}

fn values(columns: &str, rows: &str) -> Result<Dataset> {
    read(&format!("(SELECT * FROM (VALUES {rows}) t({columns}))"))
}

/// The chords of all songs, in order of their ids.
fn texts(data: &Dataset) -> Vec<String> {
    let chords = data.chords.as_ref().unwrap();
    let text = |&code: &u32| chords.symbols[code as usize].clone();
    let song = |song| chords.of(song).iter().map(text).collect::<Vec<_>>().join(" ");
    (0..data.songs.len() as u32).map(song).collect()
}

fn message(result: Result<Dataset>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn chords_come_in_order_of_position_or_of_start() {
    for columns in ["song_id, position, chord", "item, start_s, label", "track_id, pos, symbol"] {
        let data = values(columns, "(10, 2, 'G'), (20, 7, ' C '), (10, 1, 'Am')").unwrap();
        // A song without plays joins the catalogue.
        assert_eq!(data.songs.len(), 2);
        assert_eq!(data.play_counts, [0, 1]);
        assert_eq!(texts(&data), ["Am G", "C"]);
        assert!(data.notes.is_empty(), "{:?}", data.notes);
    }
    // Positions count before times.
    let data =
        values("song_id, start_s, position, chord", "(1, 0, 2, 'G'), (1, 1, 1, 'C')").unwrap();
    assert_eq!(texts(&data), ["C G", ""]);
}

#[test]
fn a_list_is_the_same_as_its_rows() {
    let rows =
        values("song_id, position, chord", "(10, 1, 'Am'), (10, 2, 'G'), (20, 1, 'C')").unwrap();
    let lists = values("song_id, chords", "(20, ['C']), (10, ['Am', 'G'])").unwrap();
    assert_eq!(rows.chords, lists.chords);
    assert_eq!(rows.fingerprint, lists.fingerprint);
    let other = values("song_id, chords", "(20, ['C']), (10, ['G', 'Am'])").unwrap();
    assert_ne!(rows.fingerprint, other.fingerprint);
}

#[test]
fn rows_that_say_nothing_are_left_out() {
    let rows = "(10, 1, 'Am'), (NULL, 2, 'G'), (20, NULL, 'C'), (20, 1, NULL)";
    let data = values("song_id, position, chord", rows).unwrap();
    assert_eq!(texts(&data), ["Am", ""]);
    assert_eq!(
        data.notes,
        [
            "3 of 4 chords in chords were left out: song, chord or position is NULL",
            "1 of 1 songs that were played have no chords",
        ]
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let of = |columns, rows| message(values(columns, rows));
    assert_eq!(
        of("song_id, nr, chord", "(1, 1, 'C')"),
        "train_x: chords has no position column (position, pos, start_s, start, start_time, time); \
         its columns are: song_id, nr, chord; name one in a query, e.g. '(SELECT *, … AS position \
         FROM …)'"
    );
    assert_eq!(
        of("song_id, position", "(1, 1)"),
        "train_x: chords has no chord column (chord, chords, symbol, label); its columns are: \
         song_id, position; name one in a query, e.g. '(SELECT *, … AS chord FROM …)'"
    );
    assert_eq!(
        of("song_id, position, chord", "(1, 1, 7)"),
        "train_x: chord of chords is of type INTEGER, but chords are VARCHAR with one row a chord, \
         or VARCHAR[] with one row a song"
    );
    assert_eq!(
        of("song_id, position, chord", "(1, 1, 'C'), (2, 1, 'C'), (2, 1, 'G')"),
        "train_x: chords has two chords at one position of song 2; number them in a query, or keep \
         one row each"
    );
    assert_eq!(
        of("song_id, position, chord", "(1, 1, NULL::VARCHAR)"),
        "train_x: chords has no row with a song, a chord and a position; there must be one"
    );
    assert_eq!(
        of("song_id, position, chord", "('a', 1, 'C')"),
        "train_x: song_id of plays is of type INTEGER, but song_id of chords is of type VARCHAR; \
         cast one of them in a query, e.g. '(SELECT * REPLACE (CAST(song_id AS INTEGER) AS song_id) \
         FROM …)'"
    );
}
