//! Splits of each user's plays: the last ones, or a share of them.

use super::options::{self, PLAYS, SEED, share, with_columns};
use super::{Split, chance, columns, part};
use crate::error::Result;
use crate::functions::contract::{Call, Category, Docs, QueryFunction};
use crate::train::{Default, Kind, Param};

const MANY: Kind = Kind::Int { min: 0, max: 1_000_000 };

const LEAVE_ONE_OUT: &[Param] = &with_columns::<1, 5>([Param::new(
    "validation",
    Kind::Bool,
    Default::Bool(true),
    "Whether the last play but one is for validation.",
)]);

const LAST: &[Param] = &with_columns::<2, 6>([
    Param::new("test", MANY, Default::Int(1), "How many of each user's latest plays are the test."),
    Param::new("validation", MANY, Default::Int(1), "How many before those are for validation."),
]);

const RATIO: &[Param] = &with_columns::<4, 8>([
    share("test", Default::Float(0.1), "The share of each user's plays that is the test."),
    share("validation", Default::Float(0.1), "The share that is for validation."),
    Param::new(
        "by",
        Kind::Choice(&["time", "random"]),
        Default::Text("time"),
        "time takes the latest plays for the test and those before them for validation, random \
         takes any.",
    ),
    SEED,
]);

/// `split_leave_one_out(plays)`.
pub(super) fn leave_one_out() -> QueryFunction {
    QueryFunction {
        name: "split_leave_one_out",
        positional: PLAYS,
        named: LEAVE_ONE_OUT,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "Each user's last play is the test, the last but one is for validation, \
                          all before are for training. A user with two plays has no validation, \
                          one with a single play only trains.",
            example: "CREATE TABLE parts AS FROM split_leave_one_out('plays');\n\
                      FROM train_item_knn('(FROM parts WHERE split = ''train'')',\n                    \
                      validation := '(FROM parts WHERE split = ''validation'')')",
        },
        query: |call| {
            let validation = i64::from(call.options.bool("validation"));
            latest("split_leave_one_out", call, 1, validation)
        },
    }
}

/// `split_last(plays, test := 5)`.
pub(super) fn last() -> QueryFunction {
    QueryFunction {
        name: "split_last",
        positional: PLAYS,
        named: LAST,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "Each user's latest plays are the test, those before them are for \
                          validation, the rest is for training. Of a user's first play nothing \
                          but training is made; who has too few plays has fewer for validation, \
                          then for the test.",
            example: "SELECT split, count(*) FROM split_last('plays', test := 5) GROUP BY split",
        },
        query: |call| {
            let number = |name| call.options.int(name).unwrap_or(0);
            latest("split_last", call, number("test"), number("validation"))
        },
    }
}

/// `split_ratio(plays, test := 0.1)`.
pub(super) fn ratio() -> QueryFunction {
    QueryFunction {
        name: "split_ratio",
        positional: PLAYS,
        named: RATIO,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "A share of each user's plays is the test, another is for validation: by \
                          default 8 : 1 : 1. Both are rounded down, but to one play at least for \
                          users who keep one to train on, as RecBole does.",
            example: "SELECT split, count(*) FROM split_ratio('plays', by := 'random', seed := 42)\n\
                      GROUP BY split",
        },
        query: shares,
    }
}

fn latest(function: &str, call: &Call, test: i64, validation: i64) -> Result<String> {
    let split = Split::new(function, call, &["split"])?;
    Ok(per_user(&split, &latest_first(&split), &test.to_string(), &validation.to_string()))
}

fn shares(call: &Call) -> Result<String> {
    let (function, options) = ("split_ratio", &call.options);
    // A share rounds down, but to one play at least.
    let plays = |share: String| {
        format!("CASE WHEN {share} > 0 THEN greatest(floor({share} * __segue_plays), 1) ELSE 0 END")
    };
    let [test, validation] = options::shares(function, options, 0.0)?.map(plays);
    let split = Split::new(function, call, &["split"])?;
    let order = match options.text("by") {
        Some("random") => chance(options.int("seed").unwrap_or(0), &split.identity()),
        _ => latest_first(&split),
    };
    Ok(per_user(&split, &order, &test, &validation))
}

/// The order of a user's plays, the latest first.
fn latest_first(split: &Split) -> String {
    match &split.plays.time {
        Some(time) => format!("{time} DESC, {}", chance(0, &split.identity())),
        None => "__segue_row DESC".to_owned(),
    }
}

/// The plays, of whom each user's first in an order are the test, the next are for validation, and
/// at least one is for training. Equal plays share a place.
fn per_user(split: &Split, order: &str, test: &str, validation: &str) -> String {
    let plays = split.numbered(&[(&split.usable_user(), "__segue_user")]);
    let placed = format!(
        "(SELECT *, dense_rank() OVER (PARTITION BY __segue_user ORDER BY {order}) AS \
         __segue_place FROM {plays})"
    );
    let counted = format!(
        "(SELECT *, max(__segue_place) OVER (PARTITION BY __segue_user) AS __segue_plays \
         FROM {placed})"
    );
    let parts = part(
        "__segue_user IS NULL",
        &format!("__segue_place <= least({test}, __segue_plays - 1)"),
        &format!(
            "__segue_place <= least(least({test}, __segue_plays - 1) + {validation}, \
             __segue_plays - 1)"
        ),
    );
    format!(
        "SELECT * EXCLUDE (__segue_row, __segue_user, __segue_place, __segue_plays), {parts} \
         FROM {counted} ORDER BY __segue_row"
    )
}
