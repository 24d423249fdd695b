//! k-fold cross-validation.

use super::options::{PLAYS, SEED, with_columns};
use super::{Split, chance, columns, part};
use crate::error::{Error, Result};
use crate::functions::contract::{Call, Category, Docs, QueryFunction};
use crate::train::{Default, Kind, Options, Param};

const NAMED: &[Param] = &with_columns::<4, 8>([
    Param::new("folds", Kind::Int { min: 2, max: 1000 }, Default::Int(5), "How many folds."),
    Param::new(
        "by",
        Kind::Choice(&["play", "user", "session"]),
        Default::Text("play"),
        "What is drawn into folds: single plays, or whole users or sessions.",
    ),
    Param::new(
        "validation",
        Kind::Bool,
        Default::Bool(false),
        "Whether the test of the next fold is for validation.",
    ),
    SEED,
]);

/// `split_folds(plays, folds := 5)`.
pub(super) fn folds() -> QueryFunction {
    QueryFunction {
        name: "split_folds",
        positional: PLAYS,
        named: NAMED,
        columns: columns(Some("The fold, from 1.")),
        docs: Docs {
            category: Category::Split,
            description: "All plays once for each fold: a share of them, drawn at random, is the \
                          fold's test, all others are for training. Each play is in the test of \
                          one fold.",
            example: "CREATE TABLE parts AS FROM split_folds('plays', folds := 3, by := 'user');\n\
                      FROM train_item_knn('(FROM parts WHERE fold = 1 AND split = ''train'')',\n                    \
                      model := 'fold_1')",
        },
        query,
    }
}

/// Refuses folds of which none is left to train on.
///
/// # Errors
/// There are two, one for the test and one for validation.
pub(in crate::functions) fn check_folds(function: &str, options: &Options) -> Result<()> {
    if options.bool("validation") && options.count("folds") < 3 {
        let message = "must be 3 or more with validation := true: of two folds, one is the test and the \
                       other for validation, and nothing is left to train on";
        return Err(Error::option(function, "folds", message));
    }
    Ok(())
}

fn query(call: &Call) -> Result<String> {
    let options = &call.options;
    check_folds("split_folds", options)?;
    let split = Split::new("split_folds", call, &["fold", "split"])?;
    let drawn = match options.text("by") {
        Some("user") => vec![split.plays.user.as_str()],
        Some("session") => vec![split.plays.user.as_str(), split.plays.need_session()?],
        _ => split.identity(),
    };
    let folds = options.count("folds");
    let drawn = chance(options.int("seed").unwrap_or(0), &drawn);
    let drawn = format!("CASE WHEN {} THEN {drawn} END", split.plays.is_usable());
    // Ranks, so that the folds' sizes differ by one at most.
    let placed = format!(
        "(SELECT *, CASE WHEN __segue_key IS NOT NULL THEN (dense_rank() OVER (ORDER BY \
         __segue_key NULLS LAST) - 1) % {folds} + 1 END AS __segue_fold FROM {})",
        split.numbered(&[(&drawn, "__segue_key")])
    );
    let repeated = format!(
        "(SELECT *, unnest(range(1, {} + 1)) AS fold FROM (FROM {placed} ORDER BY __segue_row))",
        folds
    );
    let validation = if options.bool("validation") {
        format!("__segue_fold = fold % {folds} + 1")
    } else {
        "FALSE".to_owned()
    };
    let parts = part("__segue_fold IS NULL", "__segue_fold = fold", &validation);
    Ok(format!(
        "SELECT * EXCLUDE (__segue_row, __segue_key, __segue_fold), {parts} FROM {repeated}"
    ))
}
