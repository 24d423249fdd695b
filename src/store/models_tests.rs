//! Models in databases: stored, found, chosen, dropped, kept over reopening.

use std::path::Path;

use duckdb::{AccessMode, Config};

use super::super::lookup::*;
use super::super::macros::tests::with_functions;
use super::*;
use crate::store::EpochRow;

fn memory() -> Connection {
    with_functions(Connection::open_in_memory().unwrap())
}

fn model(name: &str) -> NewModel {
    let epoch = |epoch: i64, recall: f64| EpochRow {
        epoch,
        train_loss: 1.0 / epoch as f64,
        metrics: vec![("recall@20".into(), recall), ("mrr@20".into(), recall / 3.0)],
        seconds: 0.25,
        plays_per_second: 1e6,
    };
    NewModel {
        name: name.into(),
        kind: "harm".into(),
        complete: true,
        options_json: "{\"epochs\":3}".into(),
        seed: -3,
        device: "cpu".into(),
        fingerprint: "f".into(),
        plays: 10,
        users: 2,
        songs: 5,
        rejected: 1,
        fields: vec!["genre".into(), "it's".into()],
        epochs: vec![epoch(1, 0.1), epoch(2, 0.3), epoch(3, 0.2)],
        best_epoch: Some(2),
        archive: vec![1, 2, 3],
        resume: None,
        resumed: None,
    }
}

fn interrupted(name: &str) -> NewModel {
    NewModel { complete: false, resume: Some(vec![7; 9]), ..model(name) }
}

fn save(conn: &Connection, model: &NewModel) -> Result<i64> {
    super::save(conn, model).map(|saved| saved.version)
}

fn found(conn: &Connection, name: Option<&str>, version: Option<i64>) -> (String, i64) {
    let row = find(conn, "recommend", name, version).unwrap();
    (row.name, row.version)
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

fn open(path: &Path, mode: AccessMode) -> Connection {
    let config = Config::default().access_mode(mode).unwrap();
    with_functions(Connection::open_with_flags(path, config).unwrap())
}

#[test]
fn reading_creates_nothing() {
    let conn = memory();
    assert_eq!(list(&conn).unwrap(), []);
    assert_eq!(find_trained(&conn, "a", "b", &|_| true, "d").unwrap(), None);
    let nothing = message(find(&conn, "recommend", None, None));
    assert!(nothing.contains("no model is stored yet; train one, e.g. FROM train_popularity"));
    let nothing = message(find(&conn, "recommend", Some("harm"), None));
    assert!(nothing.contains("no model 'harm'") && nothing.contains("train_popularity"));
    assert!(drop_model(&conn, "drop_model", "harm", None).is_err());
    assert!(!Catalogue::new(&conn).unwrap().exists().unwrap());
}

#[test]
fn a_model_comes_back_as_it_was() {
    let conn = memory();
    let new = model("harm");
    assert_eq!(save(&conn, &new).unwrap(), 1);
    let row = find(&conn, "recommend", Some("harm"), None).unwrap();
    assert_eq!((row.kind.as_str(), row.status(), row.is_default), ("harm", "complete", true));
    assert_eq!((row.options_json.as_str(), row.seed), ("{\"epochs\":3}", -3));
    assert_eq!((row.plays, row.users, row.songs, row.rejected), (10, 2, 5, 1));
    assert_eq!(row.fields, ["genre", "it's"]);
    assert_eq!(row.metrics, new.epochs[1].metrics);
    assert_eq!((row.best_epoch, row.bytes, row.format), (Some(2), 3, FORMAT_VERSION));
    assert_eq!(row.duckdb_version, "v1.5.6");
    assert!(row.created_at > 1_700_000_000_000_000);
    assert_eq!(history(&conn, &row).unwrap(), new.epochs);
    assert_eq!(archive(&conn, &row).unwrap(), [1, 2, 3]);
    assert_eq!(resume(&conn, &row).unwrap(), None);
}

#[test]
fn versions_count_up_and_are_chosen_by_use_model() {
    let conn = memory();
    for version in 1..=3 {
        assert_eq!(save(&conn, &model("harm")).unwrap(), version);
    }
    assert_eq!(found(&conn, Some("harm"), None), ("harm".into(), 3));
    assert_eq!(found(&conn, Some("harm"), Some(1)), ("harm".into(), 1));
    save(&conn, &model("coat")).unwrap();
    assert_eq!(found(&conn, None, None), ("coat".into(), 1));
    let chosen = use_model(&conn, "use_model", "harm", Some(2)).unwrap();
    assert_eq!((chosen.version, chosen.is_default), (2, true));
    assert_eq!(found(&conn, None, None), ("harm".into(), 2));
    assert_eq!(found(&conn, None, Some(3)), ("harm".into(), 3));
    assert_eq!(found(&conn, Some("harm"), None), ("harm".into(), 2));
    // A later training does not change what was chosen …
    save(&conn, &model("harm")).unwrap();
    assert_eq!(found(&conn, None, None), ("harm".into(), 2));
    let defaults: Vec<_> = list(&conn).unwrap().into_iter().filter(|row| row.is_default).collect();
    assert_eq!(defaults.len(), 1);
    // … until the latest is chosen, whichever that will be.
    assert_eq!(use_model(&conn, "use_model", "harm", None).unwrap().version, 4);
    save(&conn, &model("harm")).unwrap();
    assert_eq!(found(&conn, None, None), ("harm".into(), 5));
    use_model(&conn, "use_model", "coat", None).unwrap();
    assert_eq!(found(&conn, None, None), ("coat".into(), 1));
}

#[test]
fn unknown_names_and_versions_are_explained() {
    let conn = memory();
    save(&conn, &model("harm")).unwrap();
    save(&conn, &model("sasrec")).unwrap();
    save(&conn, &model("harm")).unwrap();
    assert_eq!(
        message(find(&conn, "recommend", Some("hram"), None)),
        "recommend: no model 'hram'; did you mean 'harm'? models: harm, sasrec"
    );
    assert_eq!(
        message(find(&conn, "recommend", Some("zzz"), None)),
        "recommend: no model 'zzz'; models: harm, sasrec"
    );
    assert_eq!(
        message(find(&conn, "recommend", Some("harm"), Some(9))),
        "recommend: model 'harm' has no version 9; its versions are: 1, 2"
    );
    assert!(message(use_model(&conn, "use_model", "harm", Some(9))).contains("1, 2"));
    assert!(message(drop_model(&conn, "drop_model", "sas", None)).contains("'sasrec'"));
    assert!(conn.is_autocommit());
}

#[test]
fn interrupted_models_are_never_the_default() {
    let conn = memory();
    assert_eq!(save(&conn, &interrupted("harm")).unwrap(), 1);
    assert!(message(find(&conn, "recommend", None, None)).contains("no model is complete"));
    let only = message(find(&conn, "recommend", Some("harm"), None));
    assert!(only.contains("only interrupted ones: 1") && only.contains("version := 1"), "{only}");
    let row = find(&conn, "recommend", Some("harm"), Some(1)).unwrap();
    assert_eq!(row.status(), "interrupted");
    assert_eq!(resume(&conn, &row).unwrap(), Some(vec![7; 9]));
    assert!(message(use_model(&conn, "use_model", "harm", Some(1))).contains("is interrupted"));
    save(&conn, &NewModel { options_json: "{}".into(), ..model("harm") }).unwrap();
    assert_eq!(found(&conn, None, None), ("harm".into(), 2));
}

#[test]
fn the_same_training_takes_the_place_of_its_interrupted_model() {
    let conn = memory();
    assert_eq!(save(&conn, &interrupted("harm")).unwrap(), 1);
    assert_eq!(save(&conn, &interrupted("harm")).unwrap(), 1);
    assert_eq!(save(&conn, &model("harm")).unwrap(), 1);
    let rows = list(&conn).unwrap();
    assert_eq!((rows.len(), rows[0].complete), (1, true));
    assert_eq!(resume(&conn, &rows[0]).unwrap(), None);
    assert_eq!(history(&conn, &rows[0]).unwrap().len(), 3);
    // Other options or data are another model.
    save(&conn, &NewModel { fingerprint: "g".into(), ..interrupted("harm") }).unwrap();
    assert_eq!(save(&conn, &NewModel { options_json: "x".into(), ..model("harm") }).unwrap(), 3);
    // Version 2 is finished after version 3 was made: it becomes the latest.
    assert_eq!(save(&conn, &NewModel { fingerprint: "g".into(), ..model("harm") }).unwrap(), 4);
    let versions: Vec<i64> = list(&conn).unwrap().iter().map(|row| row.version).collect();
    assert_eq!(versions, [1, 3, 4]);
}

#[test]
fn a_training_takes_the_place_of_what_it_went_on_from_however_its_options_were_written() {
    let conn = memory();
    save(&conn, &NewModel { options_json: "{}".into(), ..interrupted("harm") }).unwrap();
    assert_eq!(save(&conn, &NewModel { resumed: Some(1), ..model("harm") }).unwrap(), 1);
    let rows = list(&conn).unwrap();
    assert_eq!((rows.len(), rows[0].complete), (1, true));
}

#[test]
fn the_same_training_is_found_again() {
    let conn = memory();
    save(&conn, &interrupted("harm")).unwrap();
    let same = |fingerprint: &str| {
        let row =
            find_trained(&conn, "harm", "harm", &|json| json == "{\"epochs\":3}", fingerprint)
                .unwrap();
        row.map(|row| (row.version, row.complete))
    };
    assert_eq!(same("f"), Some((1, false)));
    assert_eq!(same("other"), None);
    save(&conn, &model("harm")).unwrap();
    save(&conn, &model("harm")).unwrap();
    save(&conn, &interrupted("harm")).unwrap();
    assert_eq!(same("f"), Some((2, true)));
}

#[test]
fn dropped_versions_are_gone_and_their_numbers_are_not_used_again() {
    let conn = memory();
    for _ in 1..=3 {
        save(&conn, &model("harm")).unwrap();
    }
    use_model(&conn, "use_model", "harm", Some(3)).unwrap();
    assert_eq!(drop_model(&conn, "drop_model", "harm", Some(3)).unwrap(), 1);
    assert_eq!(found(&conn, None, None), ("harm".into(), 2));
    assert_eq!(save(&conn, &model("harm")).unwrap(), 4);
    assert_eq!(drop_model(&conn, "drop_model", "harm", None).unwrap(), 3);
    assert_eq!(list(&conn).unwrap(), []);
    for table in ["models", "names", "training_history", "parts"] {
        let left = rows(&conn, &format!("FROM segue.{table}"), []).unwrap();
        assert!(left.is_empty(), "{table}: {left:?}");
    }
    assert_eq!(save(&conn, &model("harm")).unwrap(), 1);
}

#[test]
fn a_newer_format_is_listed_but_not_used() {
    let conn = memory();
    save(&conn, &model("harm")).unwrap();
    conn.execute_batch("UPDATE segue.models SET format = 2").unwrap();
    assert_eq!(list(&conn).unwrap()[0].format, 2);
    let expected = "model 'harm' was written by a newer Segue (format 2, this one reads up to 1); \
                    update Segue";
    assert_eq!(message(find(&conn, "recommend", None, None)), expected);
    assert_eq!(message(use_model(&conn, "use_model", "harm", None)), expected);
    assert_eq!(
        find_trained(&conn, "harm", "harm", &|json| json == "{\"epochs\":3}", "f").unwrap(),
        None
    );
}

#[test]
fn damage_is_noticed() {
    let conn = memory();
    save(&conn, &model("harm")).unwrap();
    let row = find(&conn, "recommend", None, None).unwrap();
    conn.execute_batch("UPDATE segue.parts SET data = 'x'::BLOB").unwrap();
    assert!(message(archive(&conn, &row)).contains("version 1 of model 'harm' is gone or damaged"));
    conn.execute_batch("DELETE FROM segue.parts").unwrap();
    assert!(message(archive(&conn, &row)).contains("drop it and train it again"));
}

#[test]
fn models_outlive_the_connection_and_read_only_databases_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    // The database is called as the schema is.
    let path = folder.path().join("segue.db");
    let conn = open(&path, AccessMode::ReadWrite);
    save(&conn, &model("harm")).unwrap();
    save(&conn, &model("harm")).unwrap();
    use_model(&conn, "use_model", "harm", Some(1)).unwrap();
    conn.close().unwrap();
    let conn = open(&path, AccessMode::ReadOnly);
    assert_eq!(found(&conn, None, None), ("harm".into(), 1));
    let row = find(&conn, "recommend", None, None).unwrap();
    assert_eq!(archive(&conn, &row).unwrap(), [1, 2, 3]);
    let refused = "database 'segue' is read-only";
    for result in [
        save(&conn, &model("harm")),
        drop_model(&conn, "drop_model", "harm", None),
        use_model(&conn, "use_model", "harm", None).map(|row| row.version),
    ] {
        let message = message(result);
        assert!(message.contains(refused) && message.contains("USE another"), "{message}");
    }
    conn.close().unwrap();
    let conn = open(&path, AccessMode::ReadWrite);
    assert_eq!(save(&conn, &model("harm")).unwrap(), 3);
}

#[test]
fn models_live_in_the_current_database_or_the_one_that_is_named() {
    let conn = memory();
    conn.execute_batch("ATTACH ':memory:' AS other; USE other").unwrap();
    save(&conn, &model("harm")).unwrap();
    conn.execute_batch("USE memory").unwrap();
    assert_eq!(save(&conn, &model("other.harm")).unwrap(), 2);
    let places = || -> Vec<(String, String, i64, bool)> {
        let models = list(&conn).unwrap().into_iter();
        models.map(|row| (row.database, row.name, row.version, row.is_default)).collect()
    };
    let other = |version, is_default| ("other".to_owned(), "harm".to_owned(), version, is_default);
    assert_eq!(places(), [other(1, false), other(2, false)]);
    for (name, hint) in [(None, "'other.harm'"), (Some("harm"), "model := 'other.harm'")] {
        let message = message(find(&conn, "recommend", name, None));
        assert!(message.contains("in database 'memory'") && message.contains(hint), "{message}");
    }
    assert_eq!(found(&conn, Some("other.harm"), None), ("harm".to_owned(), 2));
    assert_eq!(use_model(&conn, "use_model", "other.harm", Some(1)).unwrap().database, "other");
    assert_eq!(found(&conn, Some("OTHER.harm"), None), ("harm".to_owned(), 1));
    assert_eq!(save(&conn, &model("memory.harm")).unwrap(), 1);
    assert!(places().contains(&("memory".to_owned(), "harm".to_owned(), 1, true)));
    assert_eq!(drop_model(&conn, "drop_model", "other.harm", None).unwrap(), 2);
    assert_eq!(places().len(), 1);
}

#[test]
fn saves_at_once_get_versions_of_their_own() {
    let conn = memory();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let own = with_functions(conn.try_clone().unwrap());
            std::thread::spawn(move || save(&own, &model("harm")).unwrap())
        })
        .collect();
    let mut versions: Vec<i64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4]);
    assert_eq!(list(&conn).unwrap().len(), 4);
}
