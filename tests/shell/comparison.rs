//! `sql/papers/harm_comparison.sql`, from plays to tables.

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
