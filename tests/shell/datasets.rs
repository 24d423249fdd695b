//! `sql/datasets/`: loaders of public data, on small files of the same formats.

use std::fmt::Write;
use std::path::Path;

use tempfile::TempDir;

use super::process::{run_in, script, stderr, stdout};

/// 2014-01-01, UTC.
const BEGINNING: i64 = 1_388_534_400;

/// LFM-1b's listening events of (user, track, seconds since the beginning of 2014).
fn events(rows: &[(i64, i64, i64)]) -> String {
    rows.iter().fold(String::new(), |mut text, (user, track, seconds)| {
        writeln!(text, "{user}\t7\t3\t{track}\t{}", BEGINNING + seconds).unwrap();
        text
    })
}

/// Files of LFM-1b, of which the one with the tracks is broken.
fn write_broken_lfm1b(folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("LFM-1b_LEs.txt", &events(&[(1, 10, 100)]));
    write("LFM-1b_users.txt", "1\tUS\t20\tm\t99\t1243\n");
    write("LFM-1b_tracks.txt", "10\tYes\t7\nno track\n");
    write("LFM-1b_artists.txt", "7\tA\n");
}

/// What a loader says, run by a shell that goes on after errors; all tables stay as they were.
fn refused(folder: &Path, loader: &str, before: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tables = [
        "plays",
        "songs",
        "users",
        "chords",
        "train_plays",
        "test_plays",
        "validation_plays",
        "fit_plays",
        "test_negatives",
    ];
    let each = |statement: &dyn Fn(&str) -> String| -> String {
        tables.iter().map(|table| statement(table)).collect()
    };
    let text = format!(
        "{}{before}\n.read '{}'\n{}SELECT count(*) FROM duckdb_databases() WHERE NOT internal;\n",
        each(&|table| format!("CREATE TABLE {table} AS SELECT '{table}' AS kept;\n")),
        root.join("sql/datasets").join(loader).display(),
        each(&|table| format!("FROM {table};\n")),
    );
    let output = run_in(folder, &["-csv", "-noheader"], &text);
    assert_eq!(stdout(&output), each(&|table| format!("{table}\n")) + "1\n", "{loader}");
    stderr(&output)
}

#[test]
fn a_loader_without_its_files_says_so_and_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    for (loader, variable, missing) in [
        ("billboard.sql", "folder", "there are no files salami_chords.txt in the folder 'none'"),
        ("chordonomicon.sql", "file", "there is no file 'none'"),
        ("hetrec_lastfm.sql", "folder", "there is no user_artists.dat, no artists.dat, no"),
        ("jams.sql", "folder", "there are no .jams files in the folder 'none'"),
        ("lab.sql", "folder", "there are no .lab files in the folder 'none'"),
        ("lfm1b.sql", "folder", "there is no LFM-1b_LEs.txt, no LFM-1b_users.txt, no"),
        ("ml1m.sql", "folder", "there is no sas_sequences.parquet, no movies.csv, no users.csv in"),
        ("ncf.sql", "folder", "there is no none.train.rating, no none.test.rating, no"),
        ("nowplaying.sql", "folder", "there is no train_sessions.parquet, no"),
        (
            "s3rec_lastfm.sql",
            "folder",
            "there is no LastFM.txt, no LastFM_item2attributes.json, no",
        ),
    ] {
        let remedy = format!("SET VARIABLE {variable} = '…' to");
        let first = refused(folder.path(), loader, "");
        assert!(first.starts_with(&format!("Invalid Input Error: {loader}: {remedy}")), "{first}");
        let set = format!("SET VARIABLE {variable} = 'none';");
        let first = refused(folder.path(), loader, &set);
        let first = first.lines().next().unwrap();
        assert!(first.starts_with(&format!("Invalid Input Error: {loader}: {missing}")), "{first}");
        assert!(first.contains(&remedy), "{first}");
    }
}

#[test]
fn a_loader_that_fails_half_way_replaces_nothing() {
    let folder = TempDir::new().unwrap();
    write_broken_lfm1b(folder.path());
    let said = refused(folder.path(), "lfm1b.sql", "SET VARIABLE folder = '.';");
    assert!(said.contains("LFM-1b_tracks.txt"), "{said}");
    assert!(said.contains("lfm1b.sql: not all was read, so no table is replaced"), "{said}");
    // A table that cannot be replaced is found before all others are.
    std::fs::write(folder.path().join("LFM-1b_tracks.txt"), "10\tYes\t7\n").unwrap();
    let before = "ALTER TABLE fit_plays RENAME TO kept; CREATE VIEW Fit_Plays AS FROM kept;
                  SET VARIABLE folder = '.';";
    let said = refused(folder.path(), "lfm1b.sql", before);
    assert!(said.contains("lfm1b.sql: a view has the name of a table"), "{said}");
    // Rows of a user's own transaction are not committed by the way.
    let before = "SET VARIABLE folder = '.'; BEGIN; UPDATE plays SET kept = 'changed';";
    let said = refused(folder.path(), "lfm1b.sql", before);
    assert!(
        said.contains("a single transaction can only write to a single attached database"),
        "{said}"
    );
}

#[test]
fn lfm1b_is_cleaned_as_the_paper_says() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "LFM-1b_LEs.txt",
        &events(&[
            // Track 10 is played again, and 13 is not among the three most played.
            (1, 10, 100),
            (1, 11, 50),
            (1, 10, 300),
            (1, 12, 200),
            (1, 13, 999),
            // Before 2014, track 13 would be.
            (2, 13, -1),
            (4, 13, -2),
            (5, 13, -3),
            (2, 12, 8),
            (2, 10, 5),
            (2, 11, 6),
            // Two different songs are asked for.
            (3, 10, 9),
            (3, 10, 10),
        ]),
    );
    write(
        "LFM-1b_users.txt",
        "user_id\tcountry\tage\tgender\tplaycount\tregistered_unixtime\n\
         1\tUS\t-1\tm\t99\t1243\n2\t\t31\t\t4\t5\n3\tDE\t20\tf\t1\t1\n",
    );
    write("LFM-1b_tracks.txt", "10\tSay \"Yes\t7\n11\tNo\t8\n12\t'39\t9\n13\tRare\t7\n");
    write("LFM-1b_artists.txt", "7\t\"A\n8\tB; or not\n");
    let loader = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/datasets/lfm1b.sql");
    let shown = |tables: &[&str]| {
        tables.iter().fold(String::new(), |text, table| {
            text + &format!("SELECT '{table}', * FROM {table};\n")
        })
    };
    let tables = ["plays", "songs", "users", "train_plays", "test_plays", "fit_plays"];
    let printed = script(
        &folder,
        &format!(
            "SET VARIABLE folder = '.';
             SET VARIABLE top_songs = 3;
             SET VARIABLE min_songs = 2;
             .read '{}'
             {}{}",
            loader.display(),
            shown(&tables),
            shown(&["validation_plays"]),
        ),
    );
    let expected = "\
plays,1,11,2014-01-01 00:00:50
plays,1,12,2014-01-01 00:03:20
plays,1,10,2014-01-01 00:05:00
plays,2,10,2014-01-01 00:00:05
plays,2,11,2014-01-01 00:00:06
plays,2,12,2014-01-01 00:00:08
songs,10,\"Say \"\"Yes\",\"\"\"A\"
songs,11,No,B; or not
songs,12,'39,NULL
users,1,US,NULL,m
users,2,NULL,31,NULL
train_plays,1,11,2014-01-01 00:00:50
train_plays,1,12,2014-01-01 00:03:20
train_plays,2,10,2014-01-01 00:00:05
train_plays,2,11,2014-01-01 00:00:06
test_plays,1,10,2014-01-01 00:05:00
test_plays,2,12,2014-01-01 00:00:08
fit_plays,1,11,2014-01-01 00:00:50
fit_plays,2,10,2014-01-01 00:00:05
validation_plays,1,12,2014-01-01 00:03:20
validation_plays,2,11,2014-01-01 00:00:06
";
    assert_eq!(printed, expected);
    // The protocol of the comment, as it stands there.
    let evaluated = script(
        &folder,
        "SELECT status FROM train_popularity('train_plays');
         SELECT metric, k, cases FROM evaluate('popularity', 'test_plays', k := 10, negatives := 99,
             protocol := 'history') WHERE metric LIKE 'hit_rate%';",
    );
    assert_eq!(evaluated, "complete\nhit_rate@99neg,10,2\n");
}
