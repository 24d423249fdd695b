//! Chords from files: the loaders of `sql/datasets/` on small ones written here, and all labels of the
//! real songs in `../shared/data`, where that folder is.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::Engine;
use tempfile::TempDir;

/// Writes files, runs a loader with `variable` set to the folder or the one file, and gives the
/// engine, or the error with the folder left out.
fn load(loader: &str, variable: &str, files: &[(&str, &str)]) -> Result<Engine, String> {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let value = match variable {
        "file" => folder.path().join(files[0].0),
        _ => folder.path().to_owned(),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sql = fs::read_to_string(root.join("sql/datasets").join(loader)).unwrap();
    let engine = Engine::new().unwrap();
    let set = format!("SET VARIABLE {variable} = '{}';", value.display());
    match engine.connection().unwrap().execute_batch(&(set + &sql)) {
        Ok(()) => Ok(engine),
        Err(error) => Err(error.to_string().replace(&folder.path().display().to_string(), "…")),
    }
}

/// What queries find after a loader, a line a row.
fn loaded(loader: &str, variable: &str, files: &[(&str, &str)], queries: &[&str]) -> Vec<String> {
    let engine = load(loader, variable, files).unwrap();
    queries.iter().flat_map(|query| rows(&engine, query)).collect()
}

/// The error of a loader.
#[track_caller]
fn refused(loader: &str, variable: &str, file: (&str, &str), expected: &str) {
    let error = load(loader, variable, &[file]).err().unwrap();
    assert!(error.contains(expected), "{error}");
}

fn rows(engine: &Engine, sql: &str) -> Vec<String> {
    let answer = engine.run(None, sql).unwrap();
    answer.rows.iter().map(|row| row.join(" ")).collect()
}

#[test]
fn lab_files() {
    let files = [
        ("a/one.lab", "0.0\t1.5\tN\n1.5 3.25 C:maj\n# made by hand\n3.25\t4\tA:min7/b7\r\n\n"),
        ("two.lab", "1 2.5 F:maj\n0 1 G"),
        ("notes.txt", "0 1 C"),
    ];
    assert_eq!(
        loaded("lab.sql", "folder", &files, &["FROM chords"]),
        [
            "a/one 1 N 0.0 1.5",
            "a/one 2 C:maj 1.5 3.25",
            "a/one 3 A:min7/b7 3.25 4.0",
            "two 1 G 0.0 1.0",
            "two 2 F:maj 1.0 2.5",
        ]
    );
}

#[test]
fn lab_files_of_other_editors() {
    let files = [
        ("mark.lab", "\u{feff}0.0 1.0 C:maj  \r\n\r\n \t1.0\t 2.0\tA:min\t\r\n; 1 2\r\n2.0 3.0 N"),
        ("empty.lab", ""),
        ("old.lab", "0 1 C\r1 2 G/B\r"),
        ("line.lab", "0 1 F # by ear\n"),
    ];
    assert_eq!(
        loaded("lab.sql", "folder", &files, &["FROM chords"]),
        [
            "line 1 F # by ear 0.0 1.0",
            "mark 1 C:maj 0.0 1.0",
            "mark 2 A:min 1.0 2.0",
            "mark 3 N 2.0 3.0",
            "old 1 C 0.0 1.0",
            "old 2 G/B 1.0 2.0",
        ]
    );
    let expected = "lab.sql: no line of the .lab files in '…' has a start, an end and a chord";
    refused("lab.sql", "folder", ("beats.lab", "0.5 1\n1.0 2\n"), expected);
}

#[test]
fn jams_files() {
    let lists = r#"{"file_metadata": {"title": "T", "artist": "Ä", "duration": 3.0}, "annotations": [
        {"namespace": "beat", "data": [{"time": 0, "duration": 0, "value": 1}]},
        {"namespace": "chord", "data": [{"time": 0.0, "duration": 1.0, "value": "C:maj"},
                                        {"time": 1.0, "duration": 2.0, "value": "G:7"}]},
        {"namespace": "chord_harte", "data": [{"time": 0.0, "duration": 3.0, "value": "C"}]}]}"#;
    let columns = r#"{"file_metadata": {"title": "U", "artist": null}, "annotations": [
        {"namespace": "chord_harte",
         "data": {"time": [0.0, 1.0], "duration": [1.0, 0.5], "value": ["N", "F:min"]}}]}"#;
    let files = [("x.jams", lists), ("deep/y.jams", columns)];
    assert_eq!(
        loaded("jams.sql", "folder", &files, &["FROM songs", "FROM chords"]),
        [
            "deep/y U NULL NULL",
            "x T Ä 3.0",
            "deep/y 1 N 0.0 1.0",
            "deep/y 2 F:min 1.0 1.5",
            "x 1 C:maj 0.0 1.0",
            "x 2 G:7 1.0 3.0",
        ]
    );
}

#[test]
fn jams_files_that_are_none_are_named() {
    let refused = |text: &str, expected: &str| {
        refused("jams.sql", "folder", ("deep/x.jams", text), expected);
    };
    let no_json = "jams.sql: the file '…/deep/x.jams' is no JSON; mend it or take it out";
    refused("{\"annotations\":", no_json);
    refused("", no_json);
    refused(
        "[1]",
        "jams.sql: the file '…/deep/x.jams' is no JAMS, which has a list of annotations",
    );
    let no_number = "in deep/x.jams a chord has no number as its time or duration";
    let chords = |data: &str| {
        format!("\u{feff}{{\"annotations\": [{{\"namespace\": \"chord\", \"data\": {data}}}]}}")
    };
    refused(&chords("[{\"time\": \"soon\", \"duration\": 1, \"value\": \"C\"}]"), no_number);
    refused(&chords("{\"time\": [0], \"duration\": [], \"value\": [\"C\"]}"), no_number);
    refused(&chords("[]"), "jams.sql: the .jams files in '…' have no chords");
}

#[test]
fn chordonomicon() {
    let text = "id,chords,release_date,main_genre\n\
                7,\"C <intro_1> F  E7 <verse_1> Fsmin/As\",2003-01-01,pop\n\
                3,<verse_1> G D,,\n\
                4,,2004-01-01,rock\n\
                9,\"<solo_1> A\n<outro_1> B\",,\"folk, \"\"old\"\"\"\n";
    let queries = [
        "FROM chords",
        "FROM songs",
        "SELECT DISTINCT chord_parse(chord).root FROM chords ORDER BY 1",
    ];
    assert_eq!(
        loaded("chordonomicon.sql", "file", &[("chordonomicon.csv", text)], &queries),
        [
            "3 1 G verse_1",
            "3 2 D verse_1",
            "7 1 C NULL",
            "7 2 F intro_1",
            "7 3 E7 intro_1",
            "7 4 Fsmin/As verse_1",
            "9 1 A solo_1",
            "9 2 B outro_1",
            "3 NULL NULL",
            "4 2004-01-01 rock",
            "7 2003-01-01 pop",
            "9 NULL folk, \"old\"",
            "A",
            "B",
            "C",
            "D",
            "E",
            "F",
            "F#",
            "G",
        ]
    );
}

#[test]
fn billboard_annotations() {
    let text = "# title: I Do\n# artist: Some One\n# metre: 4/4\n# tonic: C\n\n\
                0.0\tsilence\n\
                1.0\tA, intro, | C:maj | G:7 . A:min7 F:maj |, (voice\n\
                5.0\tB, verse, | C:maj | C:maj D:1/1 | x2\n\
                # tonic: D\n\
                9.0\t| (3/4) D:maj * | &pause | ->, (guitar)\n\
                12.0\tsilence\n\
                13.0\tend\n";
    let files = [("0003/salami_chords.txt", text), ("0003/echonest.json", "{}")];
    assert_eq!(
        loaded("billboard.sql", "folder", &files, &["FROM songs", "FROM chords"]),
        [
            "0003 I Do Some One 4/4 C",
            "0003 1 N NULL 0.0 1.0",
            "0003 2 C:maj intro 1.0 3.0",
            "0003 3 G:7 intro 3.0 4.0",
            "0003 4 A:min7 intro 4.0 4.5",
            "0003 5 F:maj intro 4.5 5.0",
            "0003 6 C:maj verse 5.0 6.5",
            "0003 7 D:1/1 verse 6.5 7.0",
            "0003 8 C:maj verse 7.0 8.5",
            "0003 9 D:1/1 verse 8.5 9.0",
            "0003 10 D:maj verse 9.0 10.5",
            "0003 11 N verse 12.0 13.0",
        ]
    );
}

#[test]
fn billboard_annotations_of_other_editors() {
    let text = "\u{feff}# title: I Do\r\n# artist: \r\n# metre: 4/4 \r\n\r\n\
                0.0\tsilence\r\n1.0\tA, intro, | C:maj | G:7 |, (voice\r\n3.0\tend\r\n";
    for text in [text, &text.replace("\r\n", "\r")] {
        assert_eq!(
            loaded(
                "billboard.sql",
                "folder",
                &[("7/salami_chords.txt", text)],
                &["FROM songs", "FROM chords"]
            ),
            [
                "7 I Do NULL 4/4 NULL",
                "7 1 N NULL 0.0 1.0",
                "7 2 C:maj intro 1.0 2.0",
                "7 3 G:7 intro 2.0 3.0",
            ]
        );
    }
    let file = ("7/salami_chords.txt", "# title: I Do\n");
    refused("billboard.sql", "folder", file, "is a phrase with its time, such as 1.0 A, intro");
}

/// The real songs as a view `songs`; `None`, with a message, where they are not.
fn real_songs() -> Option<Engine> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../shared/data/chords/chord_songs.parquet"].iter().collect();
    if !path.exists() {
        eprintln!("left out: there is no {}", path.display());
        return None;
    }
    let engine = Engine::new().unwrap();
    let view = format!("CREATE VIEW songs AS FROM '{}'", path.display());
    engine.connection().unwrap().execute_batch(&view).unwrap();
    Some(engine)
}

#[test]
fn every_real_label_is_read_and_printed_and_read_again() {
    let Some(engine) = real_songs() else { return };
    // A table, lest DuckDB reads every chord of every song in place of the distinct labels.
    let labels = "CREATE TABLE forms AS
                  SELECT label, try_chord_simplify(label, 'full') AS printed
                  FROM (SELECT DISTINCT unnest(chords) AS label FROM songs)";
    engine.connection().unwrap().execute_batch(labels).unwrap();
    let found =
        |condition: &str| rows(&engine, &format!("SELECT label FROM forms WHERE {condition}"));
    assert!(found("true").len() > 4_000);
    let none: [String; 0] = [];
    assert_eq!(found("printed IS NULL"), none);
    assert_eq!(found("chord_parse(printed) <> chord_parse(label)"), none);
    assert_eq!(found("chord_simplify(printed, 'full') <> printed"), none);
    assert_eq!(
        found("chord_transpose(label, 12) <> label OR chord_transpose(label, -24) <> label"),
        none
    );
    // Seven semitones up and six more are as one.
    assert_eq!(
        found(
            "chord_parse(chord_transpose(chord_transpose(label, 7), 6)).root
                IS DISTINCT FROM chord_parse(chord_transpose(label, 1)).root
             OR chord_parse(chord_transpose(label, 7)).quality <> chord_parse(label).quality"
        ),
        none
    );
}

/// The column of the corpus leaves out labels outside its vocabulary and merges repeats.
#[test]
fn simplified_labels_are_those_of_the_billboard_corpus() {
    let Some(engine) = real_songs() else { return };
    let sql = "
        WITH labels AS (
            SELECT song_id, unnest(chords) AS label, generate_subscripts(chords, 1) AS position
            FROM songs WHERE chords_majmin7 IS NOT NULL
        ),
        simple AS (
            SELECT song_id, position, chord_simplify(label, 'majmin7') AS chord FROM labels
            WHERE chord NOT IN ('N', 'X')
        ),
        merged AS (
            FROM simple
            QUALIFY chord IS DISTINCT FROM lag(chord) OVER (PARTITION BY song_id ORDER BY position)
        ),
        ours AS (SELECT song_id, list(chord ORDER BY position) AS chords FROM merged GROUP BY song_id)
        SELECT count(*), count(*) FILTER (coalesce(ours.chords, []) = list_filter(chords_majmin7, lambda c: c <> ''))
        FROM songs LEFT JOIN ours USING (song_id) WHERE chords_majmin7 IS NOT NULL";
    // Every label of all songs.
    assert_eq!(rows(&engine, sql), ["890 890"]);
}
