//! Each rule of reading, on small relations.

use super::*;
use crate::data::{Codes, Encoding, Keys, MISSING, NumberKind};
use crate::error::Error;

fn request(plays: &str) -> DatasetRequest {
    DatasetRequest {
        function: "train_x".into(),
        plays: Some(plays.into()),
        buckets: 4,
        ..Default::default()
    }
}

fn run(setup: &str, request: &DatasetRequest) -> Result<Dataset> {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(setup).unwrap();
    check(&conn, request)?;
    let control = Control::default();
    read_dataset(&conn, request, &control)?.finish(&control)
}

fn values(columns: &str, rows: &str) -> String {
    format!("(SELECT * FROM (VALUES {rows}) t({columns}))")
}

fn plays(columns: &str, rows: &str) -> Result<Dataset> {
    run("", &request(&values(columns, rows)))
}

/// Plays of songs 1 to `count` by user 1, and the given songs relation.
fn with_songs(count: u32, songs: &str, change: impl Fn(&mut DatasetRequest)) -> Result<Dataset> {
    let plays = format!("(SELECT 1 AS user_id, range AS song_id FROM range(1, {}))", count + 1);
    let mut request = request(&plays);
    request.songs = Some(songs.into());
    change(&mut request);
    run("", &request)
}

fn message(result: Result<Dataset>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn repeated_plays_are_kept_in_row_order() {
    let data = plays("user_id, song_id", "(7, 50), (3, 40), (7, 50), (7, 40)").unwrap();
    assert_eq!(data.users.keys(), &Keys::Integers(vec![3, 7]));
    assert_eq!(data.plays.history(1), [1, 1, 0]);
    assert_eq!(data.play_counts, [2, 2]);
    assert!(!data.has_sessions);
    assert!(data.notes.is_empty(), "{:?}", data.notes);
}

#[test]
fn times_of_all_types_order_and_equal_times_keep_row_order() {
    for (late, early) in [
        ("TIMESTAMP '2020-01-02'", "TIMESTAMP '2020-01-01'"),
        ("TIMESTAMPTZ '2020-01-02 00:00:00+00'", "TIMESTAMPTZ '2020-01-01 00:00:00+00'"),
        ("TIMESTAMP_NS '2020-01-01 00:00:00.000000002'", "TIMESTAMP_NS '2020-01-01'"),
        ("TIMESTAMP_S '2020-01-02'", "TIMESTAMP_S '2020-01-01'"),
        ("DATE '2020-01-02'", "DATE '2020-01-01'"),
        ("1.5::DOUBLE", "-2.5::DOUBLE"),
        ("2::HUGEINT", "1::HUGEINT"),
        ("7", "-7"),
    ] {
        let rows = format!("(1, 10, {late}), (1, 20, {early}), (1, 30, {late}), (1, 5, {early})");
        let data = plays("user_id, song_id, played_at", &rows).unwrap();
        let order: Vec<_> = data.plays.history(0).iter().map(|&s| data.songs.text(s)).collect();
        assert_eq!(order, ["20", "5", "10", "30"], "{late}");
    }
}

#[test]
fn a_time_that_is_no_time_is_refused_when_bound() {
    let text = values("user_id, song_id, ts", "(1, 2, 'noon')");
    let conn = Connection::open_in_memory().unwrap();
    let message = check(&conn, &request(&text)).unwrap_err().to_string();
    assert!(message.contains("ts of plays is of type VARCHAR"), "{message}");
    assert!(message.contains("CAST(\"ts\" AS TIMESTAMP)"), "{message}");
}

#[test]
fn unusable_rows_are_counted_by_reason() {
    let rows = "(1, 1, 1, 1.0), (NULL, 1, 1, 1.0), (NULL, NULL, 1, 1.0), (1, NULL, 1, 1.0),
                (1, 1, NULL, 1.0), (1, 1, 1, 'nan'::DOUBLE), (1, 1, 1, 'inf'), (1, 1, 1, NULL)";
    let data = plays("user_id, song_id, session_id, ts", rows).unwrap();
    assert_eq!((data.rejected, data.plays.songs.len()), (7, 1));
    assert_eq!(
        data.notes,
        ["7 of 8 rows of plays were left out: user_id is NULL in 2, song_id is NULL in 1, \
          session_id is NULL in 1, ts is NULL or not finite in 3"]
    );
    let infinite = plays(
        "user_id, song_id, ts",
        "(1, 1, TIMESTAMP '2020-01-01'), (1, 2, TIMESTAMP 'infinity')",
    );
    assert_eq!(infinite.unwrap().rejected, 1);
}

#[test]
fn no_usable_play_is_an_error_that_says_what_is_needed() {
    let nothing = message(run("CREATE TABLE p (user_id INT, song_id INT)", &request("p")));
    assert_eq!(
        nothing,
        "train_x: p has no rows; there must be at least one play with user_id and song_id"
    );
    let nulls = message(plays("user_id, song_id", "(NULL, 1), (1, NULL)"));
    assert!(nulls.contains("all 2 rows of plays were left out: user_id is NULL in 1"), "{nulls}");
}

#[test]
fn one_play_is_enough() {
    let data = plays("user_id, song_id, session_id", "(1, 1, 1)").unwrap();
    assert_eq!((data.users.len(), data.songs.len(), data.plays.sessions()), (1, 1, 1));
    assert_eq!(data.plays.last_session(0), [0]);
}

#[test]
fn sessions_belong_to_their_user() {
    let rows = "(1, 10, 'b', 5), (2, 20, 'b', 1), (1, 30, 'a', 3), (1, 40, 'b', 4)";
    let data = plays("user_id, song_id, session_id, ts", rows).unwrap();
    assert!(data.has_sessions);
    assert_eq!(data.plays.sessions(), 3);
    assert_eq!(data.plays.session(0), [2]);
    assert_eq!(data.plays.session(1), [3, 0]);
    assert_eq!(data.plays.session(2), [1]);
}

#[test]
fn without_users_each_session_is_one() {
    let data = plays("session_id, song_id", "('s2', 1), ('s1', 2), ('s2', 3)").unwrap();
    assert_eq!(data.users.keys(), &Keys::Texts(vec!["s1".into(), "s2".into()]));
    assert_eq!(data.users.sql_type(), "VARCHAR");
    assert_eq!(data.plays.history(1), [0, 2]);
    assert!(data.has_sessions);
    assert!(data.notes[0].contains("each session_id counts as a user"), "{:?}", data.notes);
    let lost = message(plays("a, song_id", "(1, 2)"));
    assert!(lost.contains("no user column") && lost.contains("columns are: a, song_id"), "{lost}");
}

#[test]
fn ids_keep_their_type() {
    let uuid = "'5b2f9c1e-0000-4000-8000-000000000001'::UUID";
    for (value, sql_type, text) in [
        ("5::BIGINT", "BIGINT", "5"),
        ("5::UTINYINT", "UTINYINT", "5"),
        ("18446744073709551615::UBIGINT", "UBIGINT", "18446744073709551615"),
        ("5::DECIMAL(18,0)", "DECIMAL(18,0)", "5"),
        ("'07'", "VARCHAR", "07"),
        (uuid, "UUID", "5b2f9c1e-0000-4000-8000-000000000001"),
        ("DATE '2020-02-01'", "DATE", "2020-02-01"),
        ("'a'::ENUM('a', 'b')", "VARCHAR", "a"),
    ] {
        let data = plays("user_id, song_id", &format!("(1, {value})")).unwrap();
        assert_eq!((data.songs.sql_type(), &*data.songs.text(0)), (sql_type, text));
    }
    let nested = message(plays("user_id, song_id", "(1, [1])"));
    assert!(nested.contains("INTEGER[], which cannot be an id"), "{nested}");
}

#[test]
fn named_columns_win_over_usual_names() {
    let text = values("user_id, listener, song_id", "(1, 'ann', 5)");
    let mut request = request(&text);
    request.columns.user = Some("listener".into());
    assert_eq!(run("", &request).unwrap().users.text(0), "ann");
    request.columns.user = Some("nobody".into());
    assert!(message(run("", &request)).contains("'nobody', which is no column of plays"));
}

#[test]
fn integer_widths_combine_and_texts_do_not_join_integers() {
    let wide = with_songs(2, "(SELECT 9::TINYINT AS song_id, 'a' AS genre)", |_| {}).unwrap();
    assert_eq!(wide.songs.sql_type(), "BIGINT");
    assert_eq!(wide.songs.len(), 3);
    let mixed = message(with_songs(2, "(SELECT '1' AS song_id, 'a' AS genre)", |_| {}));
    assert!(
        mixed.contains(
            "song_id of plays is of type BIGINT, but song_id of songs is of type VARCHAR"
        ),
        "{mixed}"
    );
    assert!(mixed.contains("cast one of them"), "{mixed}");
}

#[test]
fn songs_only_in_attributes_join_and_songs_without_are_missing() {
    let songs = values("song_id, genre", "(2, 'rock'), (9, 'jazz'), (NULL, 'pop')");
    let data = with_songs(2, &songs, |_| {}).unwrap();
    assert_eq!(data.songs.keys(), &Keys::Integers(vec![1, 2, 9]));
    let genre = &data.song_fields[0];
    // 'pop' is not kept: its row was left out.
    assert_eq!(genre.encoding, Encoding::Categories(vec!["jazz".into(), "rock".into()]));
    assert_eq!(genre.codes, Codes::One(vec![MISSING, 2, 1]));
    assert_eq!(data.play_counts, [1, 1, 0]);
    assert_eq!(data.notes, ["1 of 3 rows of songs were left out: song_id is NULL"]);
}

#[test]
fn users_have_attributes_too_and_cold_ones_no_plays() {
    let mut request = request(&values("user_id, song_id", "(1, 5)"));
    request.users =
        Some(values("user_id, age, created_at", "(1, 30, DATE '2020-01-01'), (2, 40, NULL)"));
    let data = run("", &request).unwrap();
    let names: Vec<_> = data.user_fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["age", "created_at"]);
    let dates = Encoding::Categories(vec!["2020-01-01".into()]);
    assert_eq!(data.user_fields[1].encoding, dates);
    assert_eq!(data.plays.history(1), [0; 0]);
    request.plays = Some(values("session_id, song_id", "(1, 5)"));
    assert!(message(run("", &request)).contains("belong to nobody"));
}

#[test]
fn every_kind_of_column_becomes_a_field() {
    let songs = "(SELECT range AS song_id, ['x', NULL, 'y', 'x'] AS tags, [range % 2, 10] AS ints,
        range % 2 = 0 AS live, range / 10 AS energy, (range * 7)::DECIMAL(9, 2) AS price,
        range % 3 AS artist_id, {'a': 1} AS s, 'u' || range % 3 AS label,
        TIMESTAMP '2020-01-01' AS played_at, CAST(NULL AS VARCHAR) AS nothing
        FROM range(1, 9))";
    let data = with_songs(8, songs, |_| {}).unwrap();
    let names: Vec<_> = data.song_fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["tags", "ints", "live", "energy", "price", "artist_id", "label"]);
    let [tags, ints, live, energy, price, artist, _] = &data.song_fields[..] else {
        panic!("seven fields")
    };
    assert_eq!(tags.codes_of(0), [1, 2]);
    assert_eq!(ints.encoding, Encoding::Categories(vec!["0".into(), "1".into(), "10".into()]));
    assert_eq!(live.encoding, Encoding::Categories(vec!["false".into(), "true".into()]));
    let buckets = |bounds| Encoding::Buckets { bounds, kind: NumberKind::Plain };
    assert_eq!(energy.encoding, buckets(vec![0.2, 0.4, 0.6]));
    assert_eq!(price.encoding, buckets(vec![14.0, 28.0, 42.0]));
    assert_eq!(artist.encoding, Encoding::Categories(vec!["0".into(), "1".into(), "2".into()]));
    assert_eq!(data.notes.len(), 2, "{:?}", data.notes);
    assert!(data.notes[0].contains("s of songs was left out: type STRUCT(a INTEGER)"));
    assert!(data.notes[1].contains("nothing of songs was left out: it has no values"));
}

#[test]
fn titles_are_left_out_unless_named() {
    let songs = "(SELECT range AS song_id, 'title ' || range AS title FROM range(1, 61))";
    let data = with_songs(60, songs, |_| {}).unwrap();
    assert!(data.song_fields.is_empty());
    assert!(data.notes[0].contains("60 of its 60 values are distinct"), "{:?}", data.notes);
    let named = |request: &mut DatasetRequest| {
        request.fields = Some(vec!["TITLE".into(), "song_id".into(), "title".into()]);
    };
    let data = with_songs(60, songs, named).unwrap();
    assert_eq!(data.song_fields.len(), 1);
    assert_eq!(data.song_fields[0].cardinality(), 61);
    // Fewer than 50 values may all differ.
    let few = "(SELECT range AS song_id, 'title ' || range AS title FROM range(1, 50))";
    assert_eq!(with_songs(60, few, |_| {}).unwrap().song_fields.len(), 1);
}

#[test]
fn named_fields_must_exist_and_be_usable() {
    let songs = "(SELECT 1 AS song_id, {'a': 1} AS s)";
    let names = |name: &'static str| {
        move |request: &mut DatasetRequest| request.fields = Some(vec![name.into()])
    };
    let lost = message(with_songs(1, songs, names("genre")));
    assert!(lost.contains("option 'fields' names 'genre'"), "{lost}");
    assert!(lost.contains("columns are: song_id, s"), "{lost}");
    let nested = message(with_songs(1, songs, names("s")));
    assert!(nested.contains("STRUCT(a INTEGER) and cannot be a field"), "{nested}");
    let mut alone = request(&values("user_id, song_id", "(1, 2)"));
    alone.fields = Some(vec!["song_id".into()]);
    assert!(run("", &alone).is_ok());
    alone.fields = Some(vec!["genre".into()]);
    assert!(message(run("", &alone)).contains("no songs := "));
}

#[test]
fn two_rows_for_a_song_are_refused() {
    let songs = values("song_id, genre", "(1, 'a'), (2, 'b'), (1, 'c'), (1, 'd')");
    let repeats = message(with_songs(2, &songs, |_| {}));
    assert!(repeats.contains("songs has 2 more rows than distinct song_ids, e.g. two for 1"));
    assert!(repeats.contains("DISTINCT ON (song_id)"), "{repeats}");
}

#[test]
fn empty_attribute_tables_are_fine() {
    let songs = "(SELECT 1 AS song_id, 'a' AS genre WHERE false)";
    let data = with_songs(2, songs, |_| {}).unwrap();
    assert_eq!((data.songs.len(), data.song_fields.len()), (2, 0));
}

#[test]
fn fingerprints_ignore_the_order_of_attributes_and_nothing_else() {
    let print =
        |songs: &str| with_songs(2, &values("song_id, genre", songs), |_| {}).unwrap().fingerprint;
    let one = print("(1, 'a'), (2, 'b')");
    assert_eq!(one.len(), 32);
    assert_eq!(one, print("(2, 'b'), (1, 'a')"));
    assert_ne!(one, print("(1, 'b'), (2, 'a')"));
    let order = |rows: &str| plays("user_id, song_id", rows).unwrap().fingerprint;
    assert_eq!(order("(1, 1), (2, 2)"), order("(2, 2), (1, 1)"));
    assert_ne!(order("(1, 1), (1, 2)"), order("(1, 2), (1, 1)"));
    assert_ne!(order("(1, 1)"), order("(1::BIGINT, 1)"));
}

#[test]
fn many_batches_are_read_in_order() {
    let text = "(SELECT 1 AS user_id, (range * 7919) % 10007 AS song_id FROM range(100000))";
    let data = run("", &request(text)).unwrap();
    let expected = (0..100_000_u32).map(|row| row * 7919 % 10_007);
    let ids =
        data.plays.history(0).iter().map(|&song| data.songs.text(song).parse::<u64>().unwrap());
    assert!(ids.eq(expected.map(u64::from)));
}

#[test]
fn plays_beyond_the_memory_limit_are_refused_while_they_are_read() {
    let many = "(SELECT i AS user_id, i AS song_id FROM range(1000000) t(i))";
    let refused = message(run("SET memory_limit = '8MiB'", &request(many)));
    // 16 bytes each, and DuckDB sends them by the thousand.
    assert!(refused.starts_with("train_x: the first 52"), "{refused}");
    assert!(refused.contains("8.0 MiB") && refused.contains("SET memory_limit"), "{refused}");
    let few = "(SELECT i AS user_id, i AS song_id FROM range(1000) t(i))";
    assert!(run("SET memory_limit = '8MiB'", &request(few)).is_ok());
}

#[test]
fn failing_data_and_stops_end_the_reading() {
    let text =
        "(SELECT 1 AS user_id, CAST(v AS INTEGER) AS song_id FROM (VALUES ('1'), ('x')) t(v))";
    let conversion = message(run("", &request(text)));
    assert!(conversion.contains("reading plays failed"), "{conversion}");
    assert!(conversion.contains("'x'") && !conversion.contains('\n'), "{conversion}");
    let control = Control::default();
    control.stop();
    let conn = Connection::open_in_memory().unwrap();
    let result = read_dataset(&conn, &request(&values("user_id, song_id", "(1, 2)")), &control);
    assert!(matches!(result, Err(Error::Interrupted)));
}
