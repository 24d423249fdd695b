//! The manual, from the functions themselves: it names every function, its examples run as typed,
//! and `docs/functions.md` is what it says.
//!
//! `make docs` (`SEGUE_DOCS_COMPLETE=1 cargo test --test manual`) writes the page.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

#[path = "manual/page.rs"]
mod page;
mod support;

use std::collections::BTreeSet;
use std::fs;

use segue::functions::{Column, Entry, FunctionKind, SqlType, manual, registry};
use support::Engine;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/functions.md");

/// What the examples find: the sample in `data/`, its earlier and later plays, two models, one in two
/// versions, tiles of two songs, and a network that hears, all trained as fast as can be.
const SAMPLE: &str = "
    CALL create_listening_tables();
    COPY plays FROM '$DATA/plays.csv';
    COPY songs FROM '$DATA/songs.csv';
    COPY users FROM '$DATA/users.csv';
    COPY chords FROM '$DATA/chords.csv';
    CREATE TABLE train_plays AS FROM plays WHERE played_at < '2023-09-15';
    CREATE TABLE test_plays AS FROM plays WHERE played_at >= '2023-09-15';
    FROM train_coat('train_plays', chords := 'chords', epochs := 1, embedding_size := 4,
                    max_length := 8);
    FROM train_harm('train_plays', songs := 'songs', users := 'users', fields := ['artist'],
                    epochs := 1, embedding_size := 4, max_length := 2);
    FROM train_harm('train_plays', songs := 'songs', users := 'users', fields := ['artist'],
                    epochs := 1, embedding_size := 4, max_length := 2, retrain := true);
    COPY (SELECT render_chords(['C'], 'rock')) TO 'rock' (FORMAT blob);
    COPY (SELECT render_chords(['C'], 'hymn')) TO 'hymn' (FORMAT blob);
    CREATE TABLE tiles AS
    SELECT any_value(song_id) AS song_id, 0 AS tile,
           spectrogram_tiles(['rock', 'hymn'][row_number() OVER (ORDER BY genre)])[1] AS png
    FROM songs GROUP BY genre ORDER BY genre LIMIT 2;
    FROM train_audio_cnn('tiles', songs := 'songs', epochs := 1, validation_share := 0)";

/// These make the tables, and so run where there are none.
const BEFORE_THE_SAMPLE: &[&str] = &["create_listening_tables", "generate_listening"];

fn entries() -> Vec<Entry> {
    manual(&registry())
}

#[test]
fn the_page_is_what_the_functions_say() {
    let expected = page::page(&entries(), &registry().settings);
    if std::env::var_os("SEGUE_DOCS_COMPLETE").is_some() {
        fs::write(PAGE, &expected).unwrap();
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    let differs =
        || found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "docs/functions.md is out of date: run `make docs`. The first difference: {:?}",
        differs()
    );
}

/// GitHub would number the second of two equal headings, and links would lead to the first.
#[test]
fn headings_of_the_page_are_unique() {
    let page = page::page(&entries(), &registry().settings);
    let mut headings = BTreeSet::new();
    for heading in page.lines().filter_map(|line| line.strip_prefix('#')) {
        let heading = heading.trim_matches(['#', ' ', '`']).to_lowercase();
        assert!(headings.insert(heading.clone()), "two headings are '{heading}'");
    }
}

/// Each example runs on a copy of the sample's database of its own, in the order of the manual, and
/// within one folder, so that a file that one writes is there for the next.
#[test]
fn every_example_runs() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let mut sample = Engine::new().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    sample.connection().unwrap().execute_batch(&SAMPLE.replace("$DATA", data)).unwrap();
    for entry in entries() {
        let before = BEFORE_THE_SAMPLE.contains(&entry.name.as_str());
        let engine = if before { Engine::new() } else { sample.fork() }.unwrap();
        let example = entry.docs.example;
        let columns = columns_of(&engine, &entry);
        if let Err(error) = engine.connection().unwrap().execute_batch(example) {
            panic!("the example of {} fails: {error}\n{example}", entry.name);
        }
        let agree = agree(&entry.columns, &columns);
        assert!(agree, "{} returns {columns:?}, not as described", entry.name);
    }
}

/// Whether columns, each a name and a type, are as described.
fn agree(described: &[Column], found: &[(String, String)]) -> bool {
    let Some((first, described)) = described.split_first() else { return found.is_empty() };
    if first.name == "*" {
        return (0..=found.len()).any(|start| agree(described, &found[start..]));
    }
    let Some(((name, sql_type), found)) = found.split_first() else { return false };
    let same_type = first.sql_type == SqlType::Any || first.sql_type.to_string() == *sql_type;
    first.name == *name && same_type && agree(described, found)
}

/// The columns that DuckDB finds for the first call in the example; an expression has one, called
/// as the function is.
fn columns_of(engine: &Engine, entry: &Entry) -> Vec<(String, String)> {
    let start = entry.docs.example.find(&format!("{}(", entry.name)).unwrap();
    let call = &entry.docs.example[start..];
    let call = &call[..=call_end(call)];
    let select = match entry.kind {
        FunctionKind::Macro => format!("SELECT {call} AS {} FROM test_plays", entry.name),
        FunctionKind::Scalar => format!("SELECT {call} AS {}", entry.name),
        _ => format!("FROM {call}"),
    };
    let answer = engine.run(None, &format!("DESCRIBE {select}")).unwrap();
    // DuckDB quotes the names of a STRUCT's fields.
    answer.rows.iter().map(|row| (row[0].clone(), row[1].replace('"', ""))).collect()
}

/// Where the parenthesis that a call opens first is closed.
fn call_end(call: &str) -> usize {
    let mut depth = 0;
    let end = call.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        *c == ')' && depth == 0
    });
    end.unwrap().0
}

/// Every function that DuckDB has in a session and not by itself is in the manual, but for those
/// that stand behind macros.
#[test]
fn the_manual_names_every_function() {
    let names = |connection: &duckdb::Connection| -> BTreeSet<String> {
        let mut names =
            connection.prepare("SELECT DISTINCT function_name FROM duckdb_functions()").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let engine = Engine::new().unwrap();
    let ours = names(engine.connection().unwrap());
    let plain = names(&duckdb::Connection::open_in_memory().unwrap());
    let registry = registry();
    let tables = registry.tables.iter().filter(|function| function.docs().is_none());
    let behind: BTreeSet<String> = tables
        .map(|function| function.name())
        .chain(registry.scalars.iter().map(|function| function.name().to_owned()))
        .collect();
    let shown: BTreeSet<String> = ours.difference(&plain).cloned().collect();
    let manual: BTreeSet<String> = entries().into_iter().map(|entry| entry.name).collect();
    // One may stand behind a macro of its own name.
    let hidden = |name: &String| behind.contains(name) && !manual.contains(name);
    assert_eq!(shown.into_iter().filter(|name| !hidden(name)).collect::<BTreeSet<_>>(), manual);
}
