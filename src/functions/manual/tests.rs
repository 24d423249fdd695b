//! The manual is complete, and says what the macros do.

use std::collections::BTreeSet;

use super::*;
use crate::functions::{MACROS, registry};
use crate::train::Default;

/// A sentence for the manual.
#[track_caller]
fn sentence(what: &str, text: &str) {
    let whole = text.ends_with('.') && text.trim() == text && !text.contains('\n');
    assert!(whole, "{what} is described by {text:?}: write sentences, on one line");
}

#[test]
fn every_function_is_described() {
    for entry in manual(&registry()) {
        let name = &entry.name;
        sentence(name, entry.docs.description);
        let example = entry.docs.example;
        assert!(example.contains(&format!("{name}(")), "the example of {name} does not call it");
        assert!(!example.trim().ends_with(';'), "the example of {name} ends with a semicolon");
        let mut names = BTreeSet::new();
        for Parameter { param, .. } in &entry.parameters {
            sentence(&format!("{name}: parameter {}", param.name), param.doc);
            assert!(names.insert(param.name), "{name}: parameter {} is there twice", param.name);
        }
        assert!(!entry.columns.is_empty(), "{name} has no columns");
        for column in &entry.columns {
            sentence(&format!("{name}: column {}", column.name), column.doc);
        }
    }
}

#[test]
fn no_function_is_there_twice() {
    let entries = manual(&registry());
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), entries.len());
    assert!(entries.is_sorted_by_key(|entry| entry.docs.category));
}

/// What the manual leaves out stands behind a macro, or behind a query.
#[test]
fn undescribed_functions_serve_macros() {
    let registry = registry();
    let tables = registry.tables.iter().filter(|function| function.docs().is_none());
    let scalars = registry.scalars.iter().filter(|function| function.docs().is_none());
    let scalars = scalars.map(|function| function.name().to_owned());
    for name in tables.map(|function| function.name()).chain(scalars) {
        let used = MACROS.iter().any(|found| found.temp_sql().contains(&format!("{name}(")));
        let queried = registry.queries.iter().any(|query| format!("segue_{}", query.name) == name);
        let serves = (used || queried) && name.starts_with("segue_");
        // Or it is the form without the macro, or one that is described by another of its name.
        let stands_in = registry.macros.iter().any(|entry| entry.name == name)
            || manual(&registry).iter().any(|entry| entry.name == name);
        assert!(serves || stands_in, "{name} needs docs, or a macro or query that uses it");
    }
}

/// A macro's parameters with their defaults, as its SQL declares them.
fn declared(text: &str) -> Vec<(String, Option<String>)> {
    let (list, _) = text.split_once(')').unwrap();
    list.split(',')
        .map(|parameter| match parameter.split_once(":=") {
            Some((name, default)) => (unquoted(name), Some(default.trim().to_owned())),
            None => (unquoted(parameter), None),
        })
        .collect()
}

fn unquoted(name: &str) -> String {
    name.trim().trim_matches('"').to_owned()
}

#[test]
fn macros_are_as_described() {
    let mut macros = registry().macros;
    for found in MACROS {
        let sql = found.temp_sql();
        let (_, text) = sql.split_once(" MACRO ").unwrap();
        let (name, rest) = text.split_once('(').unwrap();
        // A name may be qualified.
        let name = name.trim().rsplit('.').next().unwrap();
        let place = macros.iter().position(|entry| entry.name == name);
        let place = place.unwrap_or_else(|| panic!("macro {name} has no docs"));
        let entry = macros.swap_remove(place);
        let described = entry.parameters.iter().map(|param| {
            let default = match param.default {
                Default::Required => None,
                Default::Absent => Some("NULL".to_owned()),
                _ => default_literal(param),
            };
            (param.name.to_owned(), default)
        });
        assert_eq!(declared(rest), described.collect::<Vec<_>>(), "{name}");
        let is_table = rest.split_once(')').unwrap().1.trim_start().starts_with("AS TABLE");
        assert_eq!(is_table, entry.is_table, "{name}");
    }
    let left: Vec<&str> = macros.iter().map(|entry| entry.name).collect();
    assert!(left.is_empty(), "described, and no macro: {left:?}");
}

#[test]
fn signatures_show_defaults_and_options() {
    let entries = manual(&registry());
    let signature = |name| {
        entries.iter().find(|entry| entry.name == name).map(Entry::signature).unwrap_or_default()
    };
    assert_eq!(
        signature("recommend"),
        "recommend(user, n := 10, [model], [version], repeats := 'allow', [candidates])"
    );
    assert_eq!(
        signature("sessionize"),
        "sessionize(plays, gap := INTERVAL 30 MINUTES, [user], [time])"
    );
    assert_eq!(signature("drop_model"), "drop_model(model, [version])");
    assert_eq!(signature("models"), "models()");
}
