//! The examples in `sql/examples` and the benchmark, smaller than they are: from nothing to files of
//! sound, and to recommendations from what is heard in them.

use std::path::Path;

use tempfile::TempDir;

use super::process::script;

/// Runs an example with so many songs; the lines that it printed.
fn example(name: &str, songs: usize) -> Vec<String> {
    run(&format!("examples/{name}"), &[("songs", songs), ("seeds", 1)])
}

/// Runs a script of the project with these variables; the lines that it printed.
fn run(name: &str, variables: &[(&str, usize)]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let set = |(name, value): &(&str, usize)| format!("SET VARIABLE {name} = {value};\n");
    let mut text: String = variables.iter().map(set).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name);
    text += &format!(".read '{}'\n", path.display());
    script(&folder, &text).lines().map(str::to_owned).collect()
}

/// The number in a column of the last line that begins so.
fn number(lines: &[String], start: &str, column: usize) -> f64 {
    let line = lines.iter().rfind(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no {start} in {lines:#?}"));
    line.split(',').nth(column).unwrap().parse().unwrap()
}

#[test]
fn coat_recommends_from_audio_files() {
    let lines = example("coat_from_audio.sql", 40);
    assert!(number(&lines, "ok,", 1) == 40.0, "files");
    for style in ["ballad", "hymn", "reggae", "rock"] {
        assert!(number(&lines, style, 1) > 0.9, "majmin of {style}");
    }
    // Five of eight cold songs, by chance 0.625.
    let (heard, other) = (number(&lines, "heard,", 1), number(&lines, "of other songs,", 1));
    assert!(heard > 0.65 && heard > other + 0.05, "hit rates {heard} and {other}");
    assert_eq!(lines.iter().filter(|line| line.contains(",complete,")).count(), 3);
    assert!(lines.last().unwrap().starts_with("5,"), "ranks");
}

#[test]
fn a_network_hears_genres_and_harm_follows_them() {
    let lines = example("audio_field.sql", 75);
    assert!(number(&lines, "ok,", 1) == 75.0, "files");
    assert!(number(&lines, "NULL,25,", 2) > 0.6, "genres heard, by chance 0.2");
    // Ten of 15 cold songs.
    let hits = |field: &str| number(&lines, &format!("plays_by_sound,{field}"), 2);
    assert!(hits("audio") > 0.8 && hits("audio") > hits("other"), "{lines:#?}");
}

#[test]
fn the_benchmark_measures_every_model_and_every_way_of_listening() {
    let lines = run("bench.sql", &[("plays", 1500), ("epochs", 1), ("files", 2)]);
    for model in segue::models::REGISTRY {
        let start = format!("{},", model.name);
        // From ranked a second to lists a second.
        for column in 3..=5 {
            assert!(number(&lines, &start, column) > 0.0, "{start} {lines:#?}");
        }
    }
    for what in ["chords,", "MFCC,", "mel bands,", "tiles,"] {
        assert!(number(&lines, what, 1) > 0.0 && number(&lines, what, 2) > 0.0, "{what}");
    }
    assert!(number(&lines, "a network hears,", 3) > 0.0);
}
