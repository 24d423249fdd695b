//! The papers' comparisons in `sql/papers`, from plays to tables.

use std::path::Path;

use tempfile::TempDir;

use super::process::script;

#[test]
fn every_model_is_compared_and_nothing_is_done_twice() {
    let folder = TempDir::new().unwrap();
    script(
        &folder,
        "CALL generate_listening(users := 20, songs := 40, plays := 800);
         CREATE TABLE parts AS FROM split_sessions('plays', test := 0.2, validation := 0.1);",
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/papers/harm_comparison.sql");
    let compare = format!(
        "SET VARIABLE train = '(FROM parts WHERE split = ''train'')';
         SET VARIABLE validation = '(FROM parts WHERE split = ''validation'')';
         SET VARIABLE test = '(FROM parts WHERE split = ''test'')';
         SET VARIABLE songs = 'songs';
         SET VARIABLE options = 'epochs := 1';
         SET VARIABLE seeds = 1;
         .read '{}'\n",
        path.display()
    );
    let counts = "SELECT count(DISTINCT name), count(*) FROM comparison;
                  SELECT count(DISTINCT name), count(*) FROM comparison_tests;";
    let first = script(&folder, &format!("{compare}{counts}"));
    assert!(first.contains("Recall@N, %\n") && first.contains("MRR@N, %\n"), "{first}");
    // Each of 13 models has recall at 6 lengths and MRR at these and over the whole ranking.
    assert!(first.ends_with("13,169\n12,24\n"), "{first}");
    assert!(first.contains(",training,") || first.contains(",complete,"), "{first}");
    let again = script(&folder, &format!("{compare}{counts}"));
    assert!(!again.contains(",training,") && !again.contains(",complete,"), "{again}");
    let tables = |text: &str| text[text.find("Recall@N").unwrap()..].to_owned();
    assert_eq!(tables(&first), tables(&again));
    // Other rows under the same name are another test, of the same models.
    script(&folder, "DELETE FROM parts WHERE split = 'test' AND user_id % 2 = 0;");
    let refilled = script(&folder, &format!("{compare}{counts}"));
    assert!(!refilled.contains(",training,") && !refilled.contains(",complete,"), "{refilled}");
    assert!(refilled.ends_with("13,338\n12,48\n"), "{refilled}");
    let printed = |text: &str| tables(text).replace("13,338\n12,48\n", "13,169\n12,24\n");
    assert_ne!(printed(&refilled), tables(&again));
    // Models that are dropped are trained again, and numbered from 1, but are not those of before.
    let drop =
        "SELECT concat('CALL drop_model(''', name, ''')') FROM models() WHERE name LIKE 'item%'";
    script(&folder, &format!("{drop}\n.gexec\n"));
    let dropped = script(&folder, &format!("{compare}{counts}"));
    assert!(dropped.ends_with("13,351\n12,50\n"), "{dropped}");
}

/// COAT's tables, on listening that is planted over a few chords.
#[test]
fn coat_is_compared_at_every_size_and_nothing_is_done_twice() {
    let folder = TempDir::new().unwrap();
    let papers = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/papers");
    // Every third song has another order of the same chords.
    let chords = "SELECT s AS song_id, CASE s % 3 WHEN 0 THEN ['C', 'F:maj7', 'G:7', 'N']
                         WHEN 1 THEN ['Am', 'Dm', 'C', 'E7', 'C'] ELSE ['G', 'Em', 'C'] END AS chords
                  FROM range(120) t(s)";
    let planted = script(
        &folder,
        &format!(
            "CREATE TABLE songs AS {chords};
             SET VARIABLE chords = 'songs';
             SET VARIABLE listeners = 20;
             .read '{}'
             SELECT count(DISTINCT user_id), count(*) FROM train_plays;
             SELECT count(*), min(len(chords)), max(len(chords)) FROM song_chords;
             SELECT count(*) FROM test_cold SEMI JOIN train_plays USING (song_id);
             SELECT count(*) FROM cold_negatives SEMI JOIN test_cold USING (user_id, song_id);",
            papers.join("coat_planted.sql").display()
        ),
    );
    assert!(planted.ends_with("20,400\n120,3,5\n0\n0\n"), "{planted}");
    let compare = format!(
        "SET VARIABLE train = 'train_plays';
         SET VARIABLE test = 'test_warm';
         SET VARIABLE chords = 'song_chords';
         SET VARIABLE negatives = 'warm_negatives';
         SET VARIABLE factors = [16, 24];
         SET VARIABLE options = 'epochs := 1';
         SET VARIABLE seeds = 1;
         .read '{}'\n
         SELECT count(DISTINCT name), count(DISTINCT factors), count(*) FROM coat_results;",
        papers.join("coat_tables.sql").display()
    );
    let first = script(&folder, &compare);
    assert!(first.contains("Table I") && first.contains("Figure 2"), "{first}");
    // 9 of 11 models have two sizes; each has two metrics of two rankings.
    assert!(first.ends_with("11,2,80\n"), "{first}");
    assert!(first.contains(",complete,"), "{first}");
    let again = script(&folder, &compare);
    assert!(!again.contains(",complete,"), "{again}");
    let tables = |text: &str| text[text.find("Table I").unwrap()..].to_owned();
    assert_eq!(tables(&first), tables(&again));
    let attention = format!(
        "SET VARIABLE model = (SELECT min(name) FROM models() WHERE name LIKE 'coat_16%');
         .read '{}'\n",
        papers.join("coat_attention.sql").display()
    );
    // Three places of a hundred; all listeners whose cold song has the chord there.
    let attention = script(&folder, &attention);
    let cells: Vec<&str> = attention.trim().lines().last().unwrap().split(',').collect();
    assert_eq!((cells.len(), cells[1]), (6, "0.03"), "{attention}");
    // The best of the paper's grid, on validation plays.
    let tuned = "SET VARIABLE tuned = true;
                 SET VARIABLE validation = 'test_warm';
                 SET VARIABLE factors = [16];\n";
    let contestants = "CREATE OR REPLACE TABLE contestants AS
                       SELECT 'GMF' AS name, 'gmf' AS kind, CAST(NULL AS VARCHAR) AS reads,
                              CAST(MAP {} AS MAP(VARCHAR, VARCHAR)) AS options, true AS has_factors;\n";
    let text = std::fs::read_to_string(papers.join("coat_tables.sql")).unwrap();
    let start = text.find("CREATE OR REPLACE TABLE contestants").unwrap();
    let end = start + text[start..].find(";\n").unwrap() + 2;
    let own = format!("{}{contestants}{}", &text[..start], &text[end..]);
    std::fs::write(folder.path().join("own.sql"), own).unwrap();
    let read = format!(".read '{}'\n", papers.join("coat_tables.sql").display());
    let tuned = script(&folder, &compare.replace(&read, &format!("{tuned}.read 'own.sql'\n")));
    assert_eq!(
        tuned.matches(",stored,").count() + tuned.matches(",complete,").count(),
        16,
        "{tuned}"
    );
    assert!(tuned.ends_with("11,2,84\n"), "{tuned}");
}

/// Names are joined whatever their spelling, and nothing of the tests is in training.
#[test]
fn artists_who_are_heard_get_the_chords_of_their_songs() {
    let folder = TempDir::new().unwrap();
    let papers = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/papers");
    let printed = script(
        &folder,
        &format!(
            "COPY (SELECT a AS id, concat('Thé Artist ', a) AS name FROM range(1, 41) t(a))
             TO 'artists.dat' (DELIMITER '\\t', HEADER);
             COPY (SELECT u AS \"userID\", 1 + (7 * u + 5 * a) % 50 AS \"artistID\", a AS weight
                   FROM range(1, 31) s(u), range(8) t(a))
             TO 'user_artists.dat' (DELIMITER '\\t', HEADER);
             CREATE TABLE tracks AS
             SELECT concat('ARTIST-', a) AS artist, title, chords
             FROM range(1, 36) t(a), (VALUES ('two', ['G', 'N', 'Am7']), ('one', ['C:maj'])) v(title, chords);
             SET VARIABLE folder = '.';
             SET VARIABLE songs = 'tracks';
             .read '{}'
             SELECT DISTINCT chords FROM song_chords;
             SELECT count(*) FROM train_plays SEMI JOIN cold_songs USING (song_id);
             SELECT count(*) FROM test_cold ANTI JOIN cold_songs USING (song_id);
             SELECT count(*) FROM test_warm SEMI JOIN train_plays USING (user_id, song_id);
             SELECT count(*) FROM warm_negatives
             SEMI JOIN read_csv('user_artists.dat') ON user_id = \"userID\" AND song_id = \"artistID\";",
            papers.join("coat_artists.sql").display()
        ),
    );
    assert!(printed.contains("35,12,87,30,23,27\n"), "{printed}");
    let chords = "\"['C:maj', 'G:maj', 'A:min']\"";
    assert!(printed.ends_with(&format!("{chords}\n0\n0\n0\n0\n")), "{printed}");
}
