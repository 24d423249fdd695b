//! Macros beside models: put there, brought up to date, removed, and never somebody else's.

use super::*;

/// Stands in for the functions behind the macros.
pub(in crate::store) fn with_functions(conn: Connection) -> Connection {
    conn.execute_batch(
        "CREATE TEMP MACRO segue_recommend(u, o) AS [{rank: 1, song_id: '', score: 0, source: ''}];
         CREATE TEMP MACRO segue_next_songs(s, o) AS [{rank: 1, song_id: '', score: 0, source: ''}];
         CREATE TEMP MACRO segue_score(u, s, o) AS 0.5::DOUBLE;
         CREATE TEMP MACRO segue_sessionize(p, o) AS 'SELECT 1 AS session_id';
         CREATE TEMP MACRO segue_types(f, m, v) AS TABLE SELECT NULL::INT AS __user, NULL::INT AS __song;
         CREATE TEMP MACRO segue_field_attention(m, v) AS TABLE
             SELECT '' AS __user_id, '' AS __field, 0.5 AS __weight;",
    )
    .unwrap();
    conn
}

fn memory() -> Connection {
    with_functions(Connection::open_in_memory().unwrap())
}

/// For all that databases keep: not sessionize.
fn all(standing: Standing) -> Vec<Standing> {
    vec![standing; MACROS.len() - 1]
}

fn found(conn: &Connection) -> Vec<Standing> {
    let catalogue = Catalogue::new(conn).unwrap();
    standings(&catalogue).unwrap().into_iter().map(|(_, standing)| standing).collect()
}

fn put(conn: &Connection) {
    let catalogue = Catalogue::new(conn).unwrap();
    catalogue.create().unwrap();
    catalogue.set_comment("").unwrap();
    assert_eq!(store(&catalogue).unwrap(), [""; 0]);
    assert_eq!(store(&catalogue).unwrap(), [""; 0]);
}

#[test]
fn every_text_begins_as_it_should() {
    for one in MACROS {
        let sql = one.temp_sql();
        assert!(sql.starts_with(&format!("{CREATE}{}(", one.name)), "{sql}");
        assert!(sql.ends_with(';') && sql.contains("AS TABLE") == one.is_table, "{sql}");
    }
}

#[test]
fn macros_come_and_go() {
    let conn = memory();
    assert_eq!(found(&conn), all(Standing::Missing));
    put(&conn);
    assert_eq!(found(&conn), all(Standing::Current));
    let count = "SELECT count(*) FROM duckdb_functions() WHERE comment LIKE 'Segue %'";
    assert_eq!(rows(&conn, count, []).unwrap(), [[Cell::Integer(4)]]);
    assert_eq!(rows(&conn, "SELECT score(1, 2)", []).unwrap(), [[Cell::Number(0.5)]]);
    remove(&Catalogue::new(&conn).unwrap()).unwrap();
    assert_eq!(found(&conn), all(Standing::Missing));
}

#[test]
fn another_versions_macros_are_replaced() {
    let conn = memory();
    conn.execute_batch(
        "CREATE MACRO score(a, b) AS 7; COMMENT ON MACRO score IS 'Segue 0.0.9, dropped …'",
    )
    .unwrap();
    assert_eq!(found(&conn)[2], Standing::Outdated);
    put(&conn);
    assert_eq!(found(&conn), all(Standing::Current));
}

#[test]
fn macros_without_their_tag_are_known_by_their_text() {
    let conn = memory();
    put(&conn);
    conn.execute_batch("COMMENT ON MACRO TABLE recommend IS NULL").unwrap();
    assert_eq!(found(&conn)[0], Standing::Outdated);
    put(&conn);
    assert_eq!(found(&conn), all(Standing::Current));
}

#[test]
fn what_is_not_ours_stays() {
    let conn = memory();
    conn.execute_batch(
        "CREATE MACRO Recommend(u) AS TABLE SELECT 'mine' AS song;
         CREATE MACRO score(a, b, model := NULL, version := NULL) AS
             segue_score(a::VARCHAR, b::VARCHAR, {model: 'mine'});
         CREATE MACRO next_songs(a) AS a + 1; CREATE TABLE next_songs AS SELECT 1 AS x",
    )
    .unwrap();
    let catalogue = Catalogue::new(&conn).unwrap();
    catalogue.create().unwrap();
    assert_eq!(store(&catalogue).unwrap(), ["recommend", "score"]);
    remove(&catalogue).unwrap();
    for sql in ["FROM memory.recommend(1)", "SELECT next_songs(1)", "FROM next_songs"] {
        assert_eq!(rows(&conn, sql, []).unwrap().len(), 1, "{sql}");
    }
    assert_eq!(store(&catalogue).unwrap(), ["recommend", "score"]);
}

#[test]
fn another_database_gets_its_own() {
    let conn = memory();
    conn.execute_batch("ATTACH ':memory:' AS \"my db\"").unwrap();
    let other = Catalogue::of(&conn, "my db");
    other.create().unwrap();
    assert_eq!(store(&other).unwrap(), [""; 0]);
    assert_eq!(found(&conn), all(Standing::Missing));
    assert_eq!(standings(&other).unwrap()[0].1, Standing::Current);
}
