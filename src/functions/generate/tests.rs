//! The functions called as the adapter calls them, over databases in memory and on disk.

use std::fs;
use std::path::Path;

use duckdb::{AccessMode, Config, Connection};

use super::*;
use crate::control::Control;
use crate::data::generate::generate;
use crate::error::Error;
use crate::store::{Caller, Host};
use crate::train::Setting;

fn small() -> ListeningPlan {
    ListeningPlan { users: 5, songs: 30, plays: 200, ..ListeningPlan::default() }
}

fn count(connection: &Connection, query: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {query}"), [], |row| row.get(0)).unwrap()
}

/// Writes as `generate_listening` does.
fn write(
    connection: &Connection,
    plan: &ListeningPlan,
    schema: Option<&str>,
    replace: bool,
) -> Result<Vec<Created>> {
    let destination = Destination::find(connection, schema)?;
    destination.check("generate_listening", connection, replace)?;
    destination.write(connection, &generate(plan)?, replace, &Control::default())
}

#[test]
fn tables_hold_the_generated_rows() {
    let connection = Connection::open_in_memory().unwrap();
    let listening = generate(&small()).unwrap();
    let created = write(&connection, &small(), None, false).unwrap();
    assert_eq!(
        created,
        [("plays", 200), ("songs", 30), ("users", 5), ("chords", listening.chords.len())]
    );
    for (table, rows) in created {
        assert_eq!(count(&connection, table), rows as i64);
    }
    let (song, played_at, session): (i64, i64, i64) = connection
        .query_row(
            "SELECT song_id, epoch_us(played_at), session_id FROM plays LIMIT 1 OFFSET 150",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let plays = &listening.plays;
    assert_eq!(
        (song, played_at, session),
        (plays.song_id[150], plays.played_at[150], plays.session_id[150])
    );
    let tags: String = connection
        .query_row("SELECT array_to_string(tags, '+') FROM songs WHERE song_id = 7", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(tags, listening.songs.tags[6].join("+"));
    assert_eq!(count(&connection, "duckdb_tables()"), 4, "no staging table is left");
}

#[test]
fn a_table_in_the_way_is_named_with_the_option() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE Users (x INTEGER)").unwrap();
    let message = write(&connection, &small(), None, false).unwrap_err().to_string();
    assert!(message.contains("table 'users' exists"), "{message}");
    assert!(message.contains("replace := true"), "{message}");
    assert_eq!(count(&connection, "duckdb_tables()"), 1, "nothing was created");

    write(&connection, &small(), None, true).unwrap();
    assert_eq!(count(&connection, "users"), 5);
    write(&connection, &ListeningPlan { plays: 300, ..small() }, None, true).unwrap();
    assert_eq!(count(&connection, "plays"), 300);
}

#[test]
fn a_view_in_the_way_is_never_replaced() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE VIEW songs AS SELECT 1 AS song_id").unwrap();
    let message = write(&connection, &small(), None, true).unwrap_err().to_string();
    assert!(message.contains("view 'songs'") && message.contains("drop it"), "{message}");
    assert!(!message.contains("replace :="), "{message}");
    assert_eq!(count(&connection, "duckdb_tables()"), 0);
}

#[test]
fn tables_go_to_the_current_or_the_named_schema() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("ATTACH ':memory:' AS \"my db\"; CREATE SCHEMA \"my db\".a; CREATE SCHEMA b")
        .unwrap();
    write(&connection, &small(), Some("B"), false).unwrap();
    assert_eq!(count(&connection, "b.plays"), 200);
    connection.execute_batch("USE \"my db\".a").unwrap();
    write(&connection, &small(), None, false).unwrap();
    assert_eq!(count(&connection, "\"my db\".a.plays"), 200);
    let message = write(&connection, &small(), Some("b"), false).unwrap_err().to_string();
    assert!(message.contains("no schema 'b' in database 'my db'"), "{message}");
}

#[test]
fn a_read_only_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("music.db");
    Connection::open(&path).unwrap().close().unwrap();
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    let connection = Connection::open_with_flags(&path, config).unwrap();
    let error = write(&connection, &small(), None, false).unwrap_err();
    assert!(matches!(error, Error::Database(_)));
    assert!(error.to_string().contains("'music' is read-only"), "{error}");
}

#[test]
fn an_interrupted_call_leaves_no_table() {
    let connection = Connection::open_in_memory().unwrap();
    let destination = Destination::find(&connection, None).unwrap();
    let control = Control::default();
    control.stop();
    let listening = generate(&small()).unwrap();
    let result = destination.write(&connection, &listening, false, &control);
    assert!(matches!(result, Err(Error::Interrupted)));
    assert_eq!(count(&connection, "duckdb_tables()"), 0);
}

#[test]
fn empty_tables_have_the_columns_of_generated_ones() {
    let connection = Connection::open_in_memory().unwrap();
    let destination = Destination::find(&connection, None).unwrap();
    let created = destination.create_empty(&connection).unwrap();
    assert_eq!(created, [("plays", 0), ("songs", 0), ("users", 0), ("chords", 0)]);
    let error = destination.check("create_listening_tables", &connection, false).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("table 'plays' exists") && message.contains("drop"), "{message}");
    assert!(!message.contains("replace"), "there is no such option: {message}");
    assert_eq!(count(&connection, "plays"), 0);
}

#[test]
fn work_is_done_when_rows_are_read_and_not_when_bound() {
    let connection = Connection::open_in_memory().unwrap();
    let host = Host::over(connection.try_clone().unwrap());
    let caller = Caller::new(host);
    let mut options = Options::defaults(&GenerateListening.named());
    options.set("plays", Setting::Int(250));
    options.set("replace", Setting::Bool(true));
    let binding = GenerateListening.bind(&Call { options, caller: caller.clone() }).unwrap();
    let names: Vec<&str> = binding.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["table_name", "rows"]);
    for _ in 0..2 {
        let mut rows = (binding.start)().unwrap();
        connection.execute_batch("DROP TABLE IF EXISTS plays").unwrap();
        assert_eq!(count(&connection, "duckdb_tables() WHERE table_name = 'plays'"), 0);
        let first = rows.next().unwrap();
        assert_eq!(first[0], [Value::Text("plays".into()), Value::Int(250)]);
        assert_eq!(first.len(), 4);
        assert!(rows.next().unwrap().is_empty());
        assert_eq!(count(&connection, "plays"), 250);
    }

    let options = Options::defaults(&CreateListeningTables.named());
    let call = Call { options, caller };
    let binding = CreateListeningTables.bind(&call).unwrap();
    let message = (binding.start)().unwrap().next().unwrap_err().to_string();
    assert!(message.starts_with("create_listening_tables: table 'plays' exists"), "{message}");
    connection.execute_batch("DROP TABLE plays; DROP TABLE songs; DROP TABLE users").unwrap();
    connection.execute_batch("DROP TABLE chords").unwrap();
    assert_eq!((binding.start)().unwrap().next().unwrap().len(), 4);
    assert_eq!(count(&connection, "songs"), 0);
}

#[test]
fn a_bad_plan_fails_when_bound() {
    let host = Host::over(Connection::open_in_memory().unwrap());
    let mut options = Options::defaults(&GenerateListening.named());
    options.set("plays", Setting::Int(100));
    let call = Call { options, caller: Caller::new(host) };
    let message = GenerateListening.bind(&call).err().unwrap().to_string();
    assert!(message.contains("option 'plays' is 100"), "{message}");
}

#[test]
fn options_become_a_plan() {
    let mut options = Options::defaults(&GenerateListening.named());
    assert_eq!(plan(&options).unwrap(), ListeningPlan::default());
    options.set("noise", Setting::Float(0.5));
    options.set("users", Setting::Int(9));
    options.set("aspects", Setting::TextList(vec!["genre".into(), "Tags".into()]));
    let made = plan(&options).unwrap();
    assert_eq!((made.users, made.noise), (9, 0.5));
    assert_eq!(made.aspects, [Aspect::Genre, Aspect::Tags]);
    options.set("aspects", Setting::TextList(vec!["moods".into()]));
    let message = plan(&options).unwrap_err().to_string();
    assert!(message.contains("'moods'") && message.contains("chords"), "{message}");
}

/// Runs `sql/sample.sql` with its CALL played by [`write`] and its files in another folder.
fn write_sample(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("sql/sample.sql")).unwrap();
    let call = "CALL generate_listening(users := 200, songs := 600, plays := 12000, seed := 1);";
    let copies = script.split_once(call).expect("sample.sql makes the default plan").1;
    let connection = Connection::open_in_memory().unwrap();
    write(&connection, &ListeningPlan::default(), None, false).unwrap();
    let folder = folder.to_str().unwrap().replace('\'', "''");
    connection.execute_batch(&copies.replace("'data/", &format!("'{folder}/"))).unwrap();
}

#[test]
fn the_sample_can_be_made_again_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    write_sample(folder.path());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut bytes = 0;
    for table in ["plays", "songs", "users", "chords"] {
        let file = format!("{table}.csv");
        let made = fs::read(folder.path().join(&file)).unwrap();
        let kept = fs::read(data.join(&file)).unwrap();
        bytes += kept.len();
        assert!(made == kept, "data/{file} is out of date: run sql/sample.sql in the shell");
    }
    assert!(bytes < 2_000_000, "the sample has {bytes} bytes");

    let connection = Connection::open_in_memory().unwrap();
    Destination::find(&connection, None).unwrap().create_empty(&connection).unwrap();
    for table in ["plays", "songs", "users", "chords"] {
        let file = data.join(format!("{table}.csv"));
        let copy = format!("COPY {table} FROM '{}'", file.display());
        connection.execute_batch(&copy).unwrap();
    }
    write(&connection, &ListeningPlan::default(), Some("main"), false).unwrap_err();
    connection.execute_batch("CREATE SCHEMA again").unwrap();
    write(&connection, &ListeningPlan::default(), Some("again"), false).unwrap();
    for table in ["plays", "songs", "users", "chords"] {
        let differing = format!(
            "((FROM main.{table} EXCEPT ALL FROM again.{table}) UNION ALL \
             (FROM again.{table} EXCEPT ALL FROM main.{table}))"
        );
        assert_eq!(count(&connection, &differing), 0, "{table} read back differs");
    }
}
