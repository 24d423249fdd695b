//! `check_leakage`: test plays that a training has seen, or that came before what it has seen.

use super::options::with_columns;
use crate::error::{Error, Result};
use crate::functions::arguments::candidates;
use crate::functions::contract::{Call, Category, Column, Docs, QueryFunction, SqlType};
use crate::functions::training::column_names;
use crate::store::{PlaysColumns, literal};
use crate::train::{Default, Kind, Options, Param};

const FUNCTION: &str = "check_leakage";

const POSITIONAL: &[Param] = &[
    Param::new("train", Kind::Relation, Default::Required, "The plays of the training."),
    Param::new("test", Kind::Relation, Default::Required, "The plays of the test or validation."),
];

const NAMED: &[Param] = &with_columns::<1, 5>([Param::new(
    "reasons",
    Kind::TextList,
    Default::Absent,
    "What to look for: same_play, same_session, time_travel or global_time_travel; by default the \
     first three, as far as there are sessions and times.",
)]);

/// What makes a test play suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The training has the play.
    Play,
    /// The training has plays of its session.
    Session,
    /// The training has a later play of its user.
    Time,
    /// The training has a later play of anybody.
    GlobalTime,
}

impl Reason {
    const ALL: [Self; 4] = [Self::Play, Self::Session, Self::Time, Self::GlobalTime];

    fn name(self) -> &'static str {
        match self {
            Self::Play => "same_play",
            Self::Session => "same_session",
            Self::Time => "time_travel",
            Self::GlobalTime => "global_time_travel",
        }
    }
}

/// `check_leakage(train, test)`.
pub(super) fn check_leakage() -> QueryFunction {
    QueryFunction {
        name: FUNCTION,
        positional: POSITIONAL,
        named: NAMED,
        columns: vec![
            Column::documented("*", SqlType::Any, "The columns of the test plays."),
            Column::documented(
                "reason",
                SqlType::Varchar,
                "same_play: training has the play, too (user, song and time; without times, user, \
                 song and session, so that songs played again are such plays); same_session: training has plays of its session; \
                 time_travel: training has a later play of its user; global_time_travel: \
                 training has a later play of anybody.",
            ),
        ],
        docs: Docs {
            category: Category::Split,
            description: "The test plays through which a training knows what it is tested on, once \
                          for every reason; no rows if all is well. Not each reason matters \
                          to each protocol: who leaves out each user's last play shares sessions \
                          between both parts, who draws plays at random has time travel.",
            example: "SELECT reason, count(*) FROM check_leakage('train_plays', 'test_plays') GROUP BY reason",
        },
        query,
    }
}

fn query(call: &Call) -> Result<String> {
    let (conn, names) = (call.caller.connect()?, column_names(&call.options));
    let find = |option: &str| {
        let text = call.options.text(option).unwrap_or_default();
        PlaysColumns::find(&conn, FUNCTION, option, text, &names)
    };
    let (train, test) = (find("train")?, find("test")?);
    train.refuse_other_kinds(&test)?;
    if test.relation.column("reason").is_some() {
        return Err(test.relation.error(
            "the test plays have a column reason already; leave it out with a query, e.g. \
             '(SELECT * EXCLUDE (reason) FROM …)'",
        ));
    }
    let reasons = wanted(&call.options, &train, &test)?;
    let (joins, checks): (Vec<String>, Vec<String>) =
        reasons.iter().map(|&reason| probe(reason, &train, &test)).unzip();
    Ok(format!(
        "SELECT * EXCLUDE (__segue_row) FROM (SELECT __segue_test.*, unnest([{}]) AS reason FROM \
         (SELECT *, row_number() OVER () AS __segue_row FROM {}) AS __segue_test{}) \
         WHERE reason IS NOT NULL ORDER BY __segue_row, reason",
        checks.join(", "),
        test.relation.from,
        joins.concat(),
    ))
}

/// A join of the test plays with what the training knows, and the reason where that is a leak. The
/// joined columns have names of ours, so that those of the test plays mean what they did.
fn probe(reason: Reason, train: &PlaysColumns, test: &PlaysColumns) -> (String, String) {
    let (from, usable) = (&train.relation.from, train.is_usable());
    let name = reason.name();
    let equal = |pairs: &[(&String, &String)]| {
        let (mut keys, mut conditions) = (String::new(), Vec::new());
        for (at, (ours, theirs)) in pairs.iter().enumerate() {
            keys += &format!("{ours} AS __segue_{name}_{at}, ");
            conditions.push(format!("{theirs} = __segue_{name}_{at}"));
        }
        let join = format!(
            " LEFT JOIN (SELECT DISTINCT {keys}TRUE AS __segue_{name} FROM {from} WHERE {usable}) \
             ON {}",
            conditions.join(" AND ")
        );
        (join, format!("CASE WHEN __segue_{name} THEN '{name}' END"))
    };
    let sessions = train.session.as_ref().zip(test.session.as_ref());
    let times = train.time.as_ref().zip(test.time.as_ref());
    let (user, song) = ((&train.user, &test.user), (&train.song, &test.song));
    match (reason, times) {
        (Reason::Play, _) => equal(
            &[Some(user), Some(song), times.or(sessions)].into_iter().flatten().collect::<Vec<_>>(),
        ),
        (Reason::Session, _) => {
            equal(&[Some(user), sessions].into_iter().flatten().collect::<Vec<_>>())
        }
        (Reason::Time, Some((ours, theirs))) => (
            format!(
                " LEFT JOIN (SELECT {} AS __segue_user, max({ours}) AS __segue_latest FROM {from} \
                 WHERE {usable} GROUP BY ALL) ON {} = __segue_user",
                train.user, test.user
            ),
            format!("CASE WHEN {theirs} < __segue_latest THEN '{name}' END"),
        ),
        (Reason::GlobalTime, Some((ours, theirs))) => (
            format!(" CROSS JOIN (SELECT max({ours}) AS __segue_last FROM {from} WHERE {usable})"),
            format!("CASE WHEN {theirs} < __segue_last THEN '{name}' END"),
        ),
        // `wanted` has seen to it that there are times.
        (Reason::Time | Reason::GlobalTime, None) => (String::new(), "NULL".to_owned()),
    }
}

/// The reasons that the options name, or all usual ones that the columns allow.
fn wanted(options: &Options, train: &PlaysColumns, test: &PlaysColumns) -> Result<Vec<Reason>> {
    let sessions = train.session.is_some() && test.session.is_some();
    let times = train.time.is_some() && test.time.is_some();
    let Some(given) = options.texts("reasons") else {
        let mut reasons = vec![Reason::Play];
        reasons.extend(sessions.then_some(Reason::Session));
        reasons.extend(times.then_some(Reason::Time));
        return Ok(reasons);
    };
    let names = Reason::ALL.map(Reason::name);
    let mut reasons = Vec::new();
    for name in given {
        let reason =
            Reason::ALL.into_iter().find(|reason| reason.name().eq_ignore_ascii_case(name));
        let reason = reason.ok_or_else(|| {
            let message = format!("names '{name}'; {}", candidates(name, &names));
            Error::option(FUNCTION, "reasons", message)
        })?;
        for plays in [train, test] {
            match reason {
                Reason::Session => plays.need_session().map(drop)?,
                Reason::Time | Reason::GlobalTime => plays.need_time().map(drop)?,
                Reason::Play => {}
            }
        }
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() {
        let message = format!("is empty; possible: {}", names.map(literal).join(", "));
        return Err(Error::option(FUNCTION, "reasons", message));
    }
    Ok(reasons)
}
