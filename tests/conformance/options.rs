//! Options are resolved before anything else: what `models()` shows is what applied, and a default that is
//! spelled out makes no other training.

use std::sync::Arc;

use segue::models::{LISTENERS, REGISTRY};
use segue::train::{ModelSpec, Options, Setting};

use super::{bits, cycle, fit, is_valid, support};

/// Options that may stay open: the data decide them, or without them there is nothing.
const OPEN: &[&str] = &["batch_size", "clip", "recency", "recent", "temperature"];

/// Options on which defaults of others hang, as they may be given.
fn variants(spec: &ModelSpec) -> Vec<Options> {
    let given = [
        ("paper", Setting::Bool(true)),
        ("embedding_size", Setting::Int(1)),
        ("embedding_size", Setting::Int(57)),
        ("embedding_size", Setting::Int(4096)),
        ("optimizer", Setting::Text("sgd".into())),
        ("optimizer", Setting::Text("adamw".into())),
        ("network", Setting::Text("vgg16".into())),
    ];
    let has = |name: &str| spec.params.iter().any(|param| param.name == name);
    let given = given.into_iter().filter(|(name, _)| has(name));
    let alone = given.map(|(name, value)| Options([(name.to_owned(), value)].into()));
    std::iter::once(Options::default()).chain(alone).collect()
}

#[test]
fn resolving_leaves_open_what_the_data_decide_and_nothing_else() {
    for spec in REGISTRY.iter().chain(LISTENERS) {
        for given in variants(spec) {
            let resolved = spec.resolve(&given);
            assert_eq!(resolved, spec.resolve(&resolved), "{}", spec.name);
            let json = serde_json::to_string(&resolved).unwrap();
            let stored: Options = serde_json::from_str(&json).unwrap();
            assert_eq!(resolved, stored, "{}: as it is stored", spec.name);
            for param in spec.params {
                let Some(value) = resolved.get(param.name) else {
                    assert!(OPEN.contains(&param.name), "{}.{}", spec.name, param.name);
                    continue;
                };
                assert!(is_valid(param.kind, value), "{}.{}: {value:?}", spec.name, param.name);
                // A default looks at options before it alone, which are resolved by then.
                let mut without = resolved.clone();
                without.0.remove(param.name);
                let again = spec.resolve(&without);
                if !given.has(param.name) {
                    assert_eq!(again.get(param.name), Some(value), "{}.{}", spec.name, param.name);
                }
            }
        }
    }
}

#[test]
fn defaults_that_are_spelled_out_give_the_same_weights() {
    let dataset = Arc::new(cycle(4, 6));
    for spec in REGISTRY {
        for paper in [false, true] {
            let mut options = super::options(spec, 1);
            if options.has("paper") {
                options.set("paper", Setting::Bool(paper));
            } else if paper {
                continue;
            }
            options.set("epochs", Setting::Int(2));
            let json = serde_json::to_string(&spec.resolve(&options)).unwrap();
            let spelled: Options = serde_json::from_str(&json).unwrap();
            let weights = |options| bits(&fit(spec, &dataset, options).weights().unwrap());
            assert!(weights(&options) == weights(&spelled), "{} paper {paper}", spec.name);
        }
    }
}

/// An option as SQL writes it, from what `models()` shows.
fn argument(name: &str, value: &serde_json::Value) -> String {
    let value = value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"));
    format!("{name} := {value}")
}

#[test]
fn a_training_is_found_by_the_options_that_models_shows() {
    let engine = support::Engine::new().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let run =
        |sql: &str| engine.run(None, sql).unwrap_or_else(|error| panic!("{error}\n{sql}")).rows;
    run("CALL create_listening_tables()");
    for table in ["plays", "songs", "users", "chords"] {
        run(&format!("COPY {table} FROM '{data}/{table}.csv'"));
    }
    run("DELETE FROM plays WHERE user_id > 20");
    for spec in REGISTRY {
        run(spec.example);
        let options = run(&format!("SELECT options FROM models() WHERE name = '{}'", spec.name));
        let options: serde_json::Value = serde_json::from_str(&options[0][0]).unwrap();
        let left_out = |name: &&String| !spec.example.contains(&format!("{name} :="));
        let options = options.as_object().unwrap();
        let spelled = options.keys().filter(left_out).map(|name| argument(name, &options[name]));
        let spelled = spelled.collect::<Vec<_>>().join(", ");
        let call = spec.example.strip_suffix(')').unwrap();
        let status = run(&format!("SELECT DISTINCT status {call}, {spelled})"));
        assert_eq!(status, [["stored"]], "{}: {spelled}", spec.name);
    }
}
