//! Spaces are read, counted and drawn from.

use super::*;
use crate::models;

fn list(values: &[f64]) -> Value {
    Value::List(values.iter().map(|&value| Value::Float(value)).collect())
}

fn fields(fields: &[(&str, Value)]) -> Value {
    Value::Struct(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn range(min: f64, max: f64, log: bool) -> Value {
    fields(&[("min", Value::Float(min)), ("max", Value::Float(max)), ("log", Value::Bool(log))])
}

fn space(given: &Value) -> Result<Space> {
    Space::new("tune", models::find("harm").unwrap(), given)
}

fn points(given: &[(&str, Value)], trials: Option<usize>, seed: u64) -> Vec<Point> {
    space(&fields(given)).unwrap().points("tune", trials, seed).unwrap()
}

fn ints(values: &[i64]) -> Point {
    values.iter().map(|&value| Setting::Int(value)).collect()
}

#[test]
fn a_grid_has_all_combinations_the_last_option_fastest() {
    let grid = [("embedding_size", list(&[8.0, 16.0])), ("epochs", list(&[1.0, 2.0, 1.0]))];
    let expected = [[8, 1], [8, 2], [16, 1], [16, 2]].map(|point| ints(&point));
    assert_eq!(points(&grid, None, 1), expected);
    assert_eq!(points(&grid, Some(4), 1), expected);
    let single = [("epochs", Value::Int(3))];
    assert_eq!(points(&single, None, 1), [ints(&[3])]);
}

#[test]
fn draws_follow_the_seed_and_repeat_nothing() {
    let grid = [("embedding_size", list(&[8.0, 16.0, 32.0])), ("epochs", list(&[1.0, 2.0, 3.0]))];
    let drawn = points(&grid, Some(5), 7);
    assert_eq!(drawn.len(), 5);
    assert!((1..5).all(|at| !drawn[..at].contains(&drawn[at])));
    assert_eq!(drawn, points(&grid, Some(5), 7));
    assert_ne!(drawn, points(&grid, Some(5), 8));
    // There are only three whole numbers.
    assert_eq!(points(&[("epochs", range(1.0, 3.0, false))], Some(20), 1).len(), 3);
}

#[test]
fn a_log_scale_gives_each_order_of_magnitude_its_share() {
    let drawn = points(&[("learning_rate", range(1e-5, 1e-1, true))], Some(400), 1);
    let value = |point: &Point| match point[0] {
        Setting::Float(value) => value,
        _ => panic!("no number"),
    };
    assert!(drawn.iter().all(|point| (1e-5..=1e-1).contains(&value(point))));
    let below = drawn.iter().filter(|point| value(point) < 1e-3).count();
    assert!((140..260).contains(&below), "{below} of 400 are below the middle");
    let drawn = points(&[("embedding_size", range(4.0, 256.0, true))], Some(60), 1);
    assert!(drawn.iter().all(|point| matches!(point[0], Setting::Int(4..=256))));
}

#[test]
fn what_is_no_space_is_explained() {
    for (given, expected) in [
        (fields(&[("neighbours", list(&[1.0]))]), "which is no option of train_harm"),
        (fields(&[("epochs", list(&[0.0]))]), "has epochs, which must be a whole number"),
        (fields(&[("epochs", Value::List(vec![]))]), "has epochs, which has no values"),
        (fields(&[("epochs", range(3.0, 3.0, false))]), "min must be below max"),
        (fields(&[("reg", range(0.0, 1.0, true))]), "min must be above 0"),
        (fields(&[("epochs", fields(&[("min", Value::Int(1))]))]), "or a range {min: …"),
        (fields(&[("attention", range(0.0, 1.0, false))]), "has attention, which must be one of"),
        (Value::Int(1), "must be a struct of options and their values"),
    ] {
        let message = space(&given).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let ranged = space(&fields(&[("reg", range(0.0, 1.0, false))])).unwrap();
    let message = ranged.points("tune", None, 1).unwrap_err().to_string();
    assert!(message.contains("option 'trials' is missing"), "{message}");
}
