//! Every kind of option against good values, bad values and NULL.

use super::*;

const N: Param = param("n", Kind::Int { min: 1, max: 1000 }, Default::Int(10));
const RATE: Param = param("rate", Kind::Float { min: 0.0, max: 1.0 }, Default::Float(0.5));
const REPEATS: Param =
    param("repeats", Kind::Choice(&["allow", "exclude", "only"]), Default::Text("allow"));
const FIELDS: Param = param("fields", Kind::TextList, Default::Absent);
const KS: Param = param("k", Kind::IntList { min: 1, max: 100 }, Default::IntList(&[5, 10]));
const PLAYS: Param = param("plays", Kind::Relation, Default::Required);
const USER: Param = param("user", Kind::Id, Default::Required);
const PAPER: Param = param("paper", Kind::Bool, Default::Bool(false));
const MODEL: Param = param("model", Kind::Text, Default::Absent);
const SONGS: Param = param("songs", Kind::IdList, Default::Required);
const GAP: Param = param("gap", Kind::Interval, Default::Int(45 * 60_000_000));
const EVERY: [Param; 10] = [N, RATE, REPEATS, FIELDS, KS, PLAYS, USER, PAPER, MODEL, SONGS];

const fn param(name: &'static str, kind: Kind, default: Default) -> Param {
    Param::new(name, kind, default, "")
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn ok(param: &Param, value: Value) -> Setting {
    setting("f", param, &value).unwrap()
}

fn err(param: &Param, value: Value) -> String {
    setting("f", param, &value).unwrap_err().to_string()
}

#[test]
fn good_values_keep_their_meaning() {
    assert_eq!(ok(&N, Value::Int(7)), Setting::Int(7));
    assert_eq!(ok(&N, Value::Float(2.0)), Setting::Int(2));
    assert_eq!(ok(&RATE, Value::Float(0.25)), Setting::Float(0.25));
    assert_eq!(ok(&RATE, Value::Int(1)), Setting::Float(1.0));
    assert_eq!(ok(&REPEATS, text("Only")), Setting::Text("only".into()));
    assert_eq!(ok(&PAPER, Value::Bool(true)), Setting::Bool(true));
    assert_eq!(ok(&PLAYS, text("(FROM plays)")), Setting::Text("(FROM plays)".into()));
    assert_eq!(ok(&KS, Value::List(vec![Value::Int(5), Value::Float(9.0)])), {
        Setting::IntList(vec![5, 9])
    });
    assert_eq!(ok(&KS, Value::Int(5)), Setting::IntList(vec![5]));
    assert_eq!(ok(&FIELDS, text("artist")), Setting::TextList(vec!["artist".into()]));
    assert_eq!(ok(&FIELDS, Value::List(vec![])), Setting::TextList(vec![]));
}

#[test]
fn an_id_may_have_any_scalar_type() {
    assert_eq!(ok(&USER, Value::Int(-4)), Setting::Text("-4".into()));
    assert_eq!(ok(&USER, text("a b")), Setting::Text("a b".into()));
    assert_eq!(ok(&USER, Value::Float(12.5)), Setting::Text("12.5".into()));
    assert!(err(&USER, Value::List(vec![])).contains("got a list"));
}

#[test]
fn a_list_of_ids_may_have_any_element_type() {
    let given = Value::List(vec![Value::Int(7), text("a")]);
    assert_eq!(ok(&SONGS, given), Setting::TextList(vec!["7".into(), "a".into()]));
    assert!(err(&SONGS, Value::Int(7)).ends_with("a list of ids, such as [12, 99, 7]; got 7"));
    assert!(err(&SONGS, Value::List(vec![Value::Null])).ends_with("element 1 is NULL"));
}

#[test]
fn an_interval_is_longer_than_nothing() {
    assert_eq!(ok(&GAP, Value::Int(1)), Setting::Int(1));
    let wanted = "f: option 'gap' must be an interval longer than 0, such as INTERVAL 30 MINUTES";
    assert_eq!(err(&GAP, Value::Int(0)), format!("{wanted}; got 0 microseconds"));
    assert_eq!(err(&GAP, Value::Null), wanted);
    assert_eq!(err(&GAP, text("soon")), format!("{wanted}; got the text 'soon'"));
}

#[test]
fn defaults_are_written_as_in_sql() {
    let literal = |param| default_literal(&param);
    assert_eq!(literal(REPEATS).as_deref(), Some("'allow'"));
    assert_eq!(literal(KS).as_deref(), Some("[5, 10]"));
    assert_eq!(literal(GAP).as_deref(), Some("INTERVAL 45 MINUTES"));
    let hours = param("gap", Kind::Interval, Default::Int(7_200_000_000));
    assert_eq!(literal(hours).as_deref(), Some("INTERVAL 2 HOURS"));
    let odd = param("gap", Kind::Interval, Default::Int(1));
    assert_eq!(literal(odd).as_deref(), Some("INTERVAL 1 MICROSECONDS"));
    assert_eq!(literal(MODEL), None);
    assert_eq!(literal(PLAYS), None);
}

#[test]
fn wrong_numbers_say_what_is_allowed() {
    let range = "f: option 'n' must be a whole number from 1 to 1000; got ";
    assert_eq!(err(&N, Value::Float(2.7)), format!("{range}2.7"));
    assert_eq!(err(&N, Value::Int(0)), format!("{range}0"));
    assert_eq!(err(&N, Value::Float(f64::NAN)), format!("{range}NaN"));
    assert_eq!(err(&N, Value::Bool(true)), format!("{range}true"));
    let digits = "100000000000000000000";
    assert_eq!(err(&N, text(digits)), format!("{range}{digits}"));
    assert_eq!(
        err(&N, text("20")),
        format!("{range}the text '20'; give a number: 20 without quotes")
    );
    assert_eq!(err(&N, text("many")), format!("{range}the text 'many'; give a number"));
    assert!(err(&RATE, Value::Float(f64::INFINITY)).ends_with("from 0 to 1; got inf"));
    assert!(err(&RATE, text("0.1")).contains("give a number"));
    let open = param("seed", Kind::Int { min: 0, max: i64::MAX }, Default::Int(0));
    assert!(err(&open, Value::Int(-1)).contains("a whole number of at least 0; got -1"));
}

#[test]
fn an_unknown_choice_lists_the_choices() {
    let message = err(&REPEATS, text("exlude"));
    assert!(message.contains("one of 'allow', 'exclude', 'only'; got the text 'exlude'"));
    assert!(message.ends_with("did you mean 'exclude'?"));
    assert!(!err(&REPEATS, text("never")).contains("did you mean"));
    assert!(err(&REPEATS, Value::Int(1)).ends_with("got 1"));
}

#[test]
fn list_elements_are_named() {
    let given = Value::List(vec![Value::Int(5), Value::Float(2.5)]);
    assert!(err(&KS, given).ends_with("element 2 is 2.5"));
    assert!(err(&KS, Value::List(vec![Value::Null])).ends_with("element 1 is NULL"));
    assert!(err(&KS, Value::List(vec![])).ends_with("got an empty list"));
    let given = Value::List(vec![text("artist"), Value::Int(3)]);
    assert!(err(&FIELDS, given).ends_with("element 2 is 3"));
    assert!(err(&FIELDS, Value::Int(3)).ends_with("got 3"));
}

#[test]
fn null_is_an_error_for_every_kind() {
    for param in EVERY {
        let message = err(&param, Value::Null);
        let start = format!("f: option '{}' must not be NULL; ", param.name);
        assert!(message.starts_with(&start), "{message}");
    }
    assert!(err(&N, Value::Null).ends_with("leave it out for the default (10)"));
    assert!(err(&REPEATS, Value::Null).ends_with("leave it out for the default ('allow')"));
    assert!(err(&MODEL, Value::Null).ends_with("leave it out instead"));
    assert!(err(&USER, Value::Null).ends_with("give an id, such as 42 or 'abc'"));
}

#[test]
fn other_wrong_types_are_named() {
    assert!(err(&PAPER, Value::Int(1)).ends_with("must be true or false; got 1"));
    assert!(err(&MODEL, Value::Int(3)).ends_with("must be a text; got 3"));
    assert!(err(&PLAYS, text(" ")).ends_with("got an empty text"));
    assert!(err(&PLAYS, Value::Struct(vec![])).ends_with("got a struct"));
    let long = "x".repeat(500);
    assert!(err(&REPEATS, text(&long)).len() < 200);
}

#[test]
fn defaults_are_filled_in_and_required_ones_asked_for() {
    let given = |param: &Param| (param.name == "plays").then(|| text("plays"));
    let params = [PLAYS, N, MODEL];
    let found = options("train", &params, Null::Error, given).unwrap();
    assert_eq!(found.int("n"), Some(10));
    assert_eq!(found.text("plays"), Some("plays"));
    assert!(!found.has("model"));
    let message = options("train", &params, Null::Error, |_| None).unwrap_err().to_string();
    assert!(message.starts_with("train: option 'plays' is missing; give a table"), "{message}");
}

#[test]
fn a_struct_may_hold_null_for_options_without_a_default() {
    let field = |name: &str, value| (name.to_owned(), value);
    let parse = |fields| options_from_struct("recommend", &[N, MODEL], &Value::Struct(fields));
    let found = parse(vec![field("N", Value::Int(3)), field("model", Value::Null)]).unwrap();
    assert_eq!(found.int("n"), Some(3));
    assert!(!found.has("model"));
    let message = parse(vec![field("n", Value::Null)]).unwrap_err().to_string();
    assert!(message.contains("option 'n' must not be NULL"), "{message}");
    let message = parse(vec![field("modle", Value::Null)]).unwrap_err().to_string();
    assert!(message.ends_with("did you mean 'model'? Possible: 'n', 'model'"), "{message}");
    let defaults = options_from_struct("recommend", &[N], &Value::Null).unwrap();
    assert_eq!(defaults.int("n"), Some(10));
    assert!(options_from_struct("recommend", &[N], &Value::Int(3)).is_err());
}

#[test]
fn guesses_need_nearness() {
    assert!(candidates("artst", &["artist", "genre"]).starts_with("did you mean 'artist'?"));
    assert_eq!(candidates("x", &["artist", "genre"]), "possible: 'artist', 'genre'");
}
