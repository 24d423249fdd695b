//! No statement computes on threads that the analyst did not allow.

mod support;

use segue::models::REGISTRY;
use support::Engine;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/");

/// Everything that computes; the answers, as text, in an order that DuckDB's threads leave alone.
fn work(engine: &Engine) -> Vec<Vec<String>> {
    let run = |sql: &str| engine.run(None, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut answers = Vec::new();
    for spec in REGISTRY {
        let inputs = match spec.inputs.first().map(|input| input.name) {
            Some("chords") => ", chords := 'chords'",
            Some("features") => {
                ", features := '(SELECT song_id, position AS frame, [sin(position), cos(song_id)] \
                 AS features FROM chords)'"
            }
            _ => "",
        };
        let epochs = if spec.iterative { ", epochs := 1" } else { "" };
        run(&format!(
            "FROM train_{0}('plays', songs := 'songs', users := 'users', retrain := true, \
             validation := '(FROM plays WHERE user_id < 3)'{epochs}{inputs})",
            spec.name
        ));
        for sql in [
            format!(
                "SELECT user_id, r.* FROM users u, recommend(u.user_id, 3, model := '{0}') r
                 WHERE user_id < 50 ORDER BY user_id, rank",
                spec.name
            ),
            format!(
                "SELECT score(user_id, 7, model := '{0}') FROM users ORDER BY user_id",
                spec.name
            ),
            format!("FROM evaluate('{0}', '(FROM plays WHERE user_id < 5)')", spec.name),
        ] {
            answers.extend(run(&sql).rows);
        }
    }
    answers.extend(run("FROM field_attention(model := 'harm') ORDER BY ALL").rows);
    answers
}

// One test, because it looks at what the whole process has done.
#[test]
fn the_answers_do_not_depend_on_the_threads_and_rayons_own_pool_stays_unused() {
    let engine = Engine::new().unwrap();
    for table in ["plays", "songs", "users", "chords"] {
        let sql = format!("CREATE TABLE {table} AS FROM read_csv('{DATA}{table}.csv') LIMIT 3000");
        engine.run(None, &sql).unwrap();
    }
    engine.run(None, "SET threads = 4").unwrap();
    let many = work(&engine);
    engine.run(None, "SET segue_threads = 1").unwrap();
    assert!(many == work(&engine), "one thread answers otherwise than four");
    // It could not be built if anything had computed in it.
    assert!(rayon::ThreadPoolBuilder::new().build_global().is_ok(), "the global pool was used");
}
