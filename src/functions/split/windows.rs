//! Sliding windows of time.

use super::options::{PLAYS, with_columns};
use super::{Split, columns, part};
use crate::error::Result;
use crate::functions::contract::{Call, Category, Docs, QueryFunction};
use crate::store::Length;
use crate::train::{Default, Kind, Options, Param, Setting};

const NAMED: &[Param] = &with_columns::<6, 10>([
    Param::new(
        "train",
        Kind::Length,
        Default::Required,
        "How long the training part of each window is.",
    ),
    Param::new(
        "test",
        Kind::Length,
        Default::Required,
        "How long the test part at the end of each window is.",
    ),
    Param::new(
        "validation",
        Kind::Length,
        Default::Absent,
        "How long the validation part between them is; without it there is none.",
    ),
    Param::new(
        "step",
        Kind::Length,
        Default::Absent,
        "How much later each window begins than the one before; without it, as much as its test \
         part is long, so that test parts follow each other.",
    ),
    Param::new(
        "start",
        Kind::Time,
        Default::Absent,
        "When the first window begins; without it, with the first play.",
    ),
    Param::new(
        "windows",
        Kind::Int { min: 1, max: 1_000_000 },
        Default::Absent,
        "How many windows there are at most; without it, as many as have begun their test part by \
         the last play.",
    ),
]);

/// `split_windows(plays, train := INTERVAL 90 DAYS, test := INTERVAL 5 DAYS)`.
pub(super) fn windows() -> QueryFunction {
    QueryFunction {
        name: "split_windows",
        positional: PLAYS,
        named: NAMED,
        columns: columns(Some("The window, from 1, in order of time.")),
        docs: Docs {
            category: Category::Split,
            description: "Windows that slide through time, each with plays to train on and later \
                          ones for the test. A play comes once for each window that it is in, \
                          one that is in none not at all.",
            example: "SELECT fold, split, min(played_at), max(played_at)\n\
                      FROM split_windows('plays', train := INTERVAL 60 DAYS, test := INTERVAL 15 DAYS)\n\
                      GROUP BY fold, split ORDER BY ALL",
        },
        query,
    }
}

/// More windows than these are a step in the wrong unit.
const MOST_WINDOWS: i64 = 10_000;

/// Lengths on the scale of the times, as SQL writes them.
struct Window {
    train: String,
    validation: String,
    test: String,
    step: String,
}

impl Window {
    fn new(split: &Split, options: &Options) -> Result<Self> {
        let length = |option: &str| {
            let length = match options.get(option) {
                Some(Setting::Text(interval)) => Length::Interval(interval),
                Some(_) => Length::Number(options.float(option)),
                None => return Ok(None),
            };
            split.plays.length(&split.conn, option, length).map(Some)
        };
        let none = || "0".to_owned();
        let test = length("test")?.unwrap_or_else(none);
        Ok(Self {
            train: length("train")?.unwrap_or_else(none),
            validation: length("validation")?.unwrap_or_else(none),
            step: length("step")?.unwrap_or_else(|| test.clone()),
            test,
        })
    }
}

fn query(call: &Call) -> Result<String> {
    let options = &call.options;
    let split = Split::new("split_windows", call, &["fold", "split"])?;
    let time = split.plays.need_time()?;
    let Window { train, validation, test, step } = Window::new(&split, options)?;
    let (usable, from) = (split.plays.is_usable(), &split.plays.relation.from);
    let start = match options.text("start") {
        Some(start) => split.plays.moment(&split.conn, "start", start)?,
        None => "min(__segue_time)".to_owned(),
    };
    let most = options.int("windows").map_or(String::new(), |most| format!(", {most}"));
    let label = &split.plays.relation.label.replace('\'', "''");
    // How often the step goes into a number from 0, for whole numbers, decimals and floats alike.
    let steps = |sql: &str| format!("CAST(round(({sql} - {sql} % {step}) / {step}) AS BIGINT)");
    let count = format!("least({} + 1{most})", steps("__segue_room"));
    // The first window's begin, and how many there are.
    let range = format!(
        "(SELECT __segue_start, CASE WHEN __segue_room < 0 THEN error('split_windows: {label} has \
         no play after the training and validation part of the first window; make them shorter, or \
         let it start earlier') \
         WHEN {count} > {MOST_WINDOWS} THEN error(concat('split_windows: {label} would have ', {count}, \
         ' windows, and {MOST_WINDOWS} are the most; give a longer step, or say how many with windows')) \
         ELSE {count} END AS __segue_windows \
         FROM (SELECT {start} AS __segue_start, max(__segue_time) - {start} - {train} - \
         {validation} AS __segue_room FROM (SELECT {time} AS __segue_time FROM {from} WHERE {usable})))"
    );
    // A play is in all windows that have begun and not ended at its time.
    let since = "__segue_since";
    let length = format!("({train} + {validation} + {test})");
    let placed = format!(
        "(SELECT *, {time} - __segue_start AS {since} FROM {} CROSS JOIN {range} \
         WHERE {usable} AND {time} >= __segue_start)",
        split.numbered(&[])
    );
    let repeated = format!(
        "(SELECT *, unnest(range(CASE WHEN {since} < {length} THEN 1 \
         ELSE {} + 2 END, least({} + 1, __segue_windows) + 1)) AS fold FROM {placed})",
        steps(&format!("({since} - {length})")),
        steps(since)
    );
    let offset = format!("{since} - (fold - 1) * {step}");
    let parts = part(
        "FALSE",
        &format!("{offset} >= {train} + {validation}"),
        &format!("{offset} >= {train}"),
    );
    Ok(format!(
        "SELECT * EXCLUDE (__segue_row, __segue_start, __segue_windows, {since}), {parts} \
         FROM {repeated} ORDER BY __segue_row, fold"
    ))
}
