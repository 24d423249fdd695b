//! Options that all evaluations have, and what they ask for.

use crate::data::TestPlays;
use crate::error::{Error, Result};
use crate::eval::{
    Asked, Cases, Draw, Examinee, METRICS, Measure, Metric, Opponents, Protocol, Repeats, Rules,
    Sampler, Targets, Ties,
};
use crate::functions::recommend::REPEATS;
use crate::functions::training::{SESSION, SONG, TIME, USER, column_names};
use crate::store::TestRequest;
use crate::suggest::closest;
use crate::train::{Default, Kind, Options, Param};

/// Held-out plays.
pub(super) const TEST: Param = Param::new(
    "test",
    Kind::Relation,
    Default::Required,
    "Held-out plays, with the same columns as the training plays.",
);
/// Lengths of lists.
pub(super) const K: Param = Param::new(
    "k",
    Kind::IntList { min: 1, max: 1_000_000 },
    Default::IntList(&[5, 10, 15, 20, 25, 30]),
    "Lengths of the list of recommendations.",
);
/// What is measured.
pub(super) const METRICS_OPTION: Param = Param::new(
    "metrics",
    Kind::TextList,
    Default::Absent,
    "The metrics to report, by name; by default recall, hit_rate, precision, mrr, ndcg, map and auc.",
);

/// What is asked and how it is ranked.
pub(super) const ASKED: &[Param] = &[
    Param::new(
        "protocol",
        Kind::Choice(&["auto", "session", "history"]),
        Default::Text("auto"),
        "What the model is told before it predicts a play: session, the plays before it in its \
         test session; history, the user's latest training session and the test plays before it; \
         auto, session where test plays have sessions, any of them of two plays or more, and neither \
         history nor targets := 'all' is given.",
    ),
    Param::new(
        "targets",
        Kind::Choice(&["every", "last", "remaining", "all"]),
        Default::Text("every"),
        "Which plays of a test session are predicted: every one that has plays before it; the last; \
         from each that has plays before it, all that remain at once; or all of the session at once, \
         from what was played before it. Without sessions, a user's test plays are one.",
    ),
    Param::new(
        "history",
        Kind::Relation,
        Default::Absent,
        "What users played before the test, validation plays included: under protocol history the \
         model is told these plays in place of those it was trained on.",
    ),
    Param::new(
        "unknown",
        Kind::Choice(&["miss", "skip"]),
        Default::Text("miss"),
        "What becomes of plays of songs that the model does not know: a miss, or left out.",
    ),
    REPEATS,
    Param::new(
        "ties",
        Kind::Choice(Ties::NAMES),
        Default::Text("pessimistic"),
        "Where a song stands among songs of the same score: behind them, the mean over all orders, \
         or before them.",
    ),
    Param::new(
        "candidates",
        Kind::Relation,
        Default::Absent,
        "A relation with the songs to rank; plays of other songs are not predicted. Without it all \
         songs the model knows.",
    ),
    Param::new(
        "negatives",
        Kind::Int { min: 1, max: 1_000_000 },
        Default::Absent,
        "Rank the right answers among this many songs drawn for each case, none of which the user \
         ever played; without it among all songs. Metrics are then named so: recall@99neg.",
    ),
    Param::new(
        "sampling",
        Kind::Choice(&["uniform", "popularity"]),
        Default::Text("uniform"),
        "How negatives are drawn: each song with the same chance, or by its plays in training.",
    ),
    Param::new(
        "given_negatives",
        Kind::Relation,
        Default::Absent,
        "The songs to rank the right answers among, as rows of user and song.",
    ),
    Param::new(
        "seed",
        Kind::Int { min: 0, max: i64::MAX },
        Default::Int(1),
        "The same seed and data give the same result.",
    ),
    USER,
    SONG,
    TIME,
    SESSION,
];

/// The relations that a call names.
pub(super) fn request<'a>(function: &'a str, options: &'a Options) -> TestRequest<'a> {
    TestRequest {
        function,
        option: "test",
        plays: options.text("test").unwrap_or_default(),
        columns: column_names(options),
        history: options.text("history"),
        negatives: options.text("given_negatives"),
        candidates: options.text("candidates"),
    }
}

/// Finds out whether options contradict each other.
///
/// # Errors
/// They do.
pub(super) fn check(function: &str, options: &Options) -> Result<()> {
    let refuse = |option: &str, message: &str| Err(Error::option(function, option, message));
    let in_session = options.text("protocol") == Some("session");
    if in_session && options.text("targets") == Some("all") {
        return refuse(
            "targets",
            "is 'all', but under protocol 'session' nothing is told before a session's first play; \
             use protocol := 'history', or targets := 'remaining'",
        );
    }
    if in_session && options.has("history") {
        return refuse(
            "history",
            "is given, but under protocol 'session' a model is told the plays of the test session \
             alone; use protocol := 'history', or leave history out",
        );
    }
    if options.has("negatives") && options.has("given_negatives") {
        return refuse("negatives", "cannot go with given_negatives; leave one of them out");
    }
    if options.has("candidates") && options.has("given_negatives") {
        return refuse("candidates", "cannot go with given_negatives; leave one of them out");
    }
    measures(function, options).map(drop)
}

/// What models are asked about a test.
pub(super) fn asked(options: &Options, test: &TestPlays) -> Asked {
    let targets = match options.text("targets") {
        Some("last") => Targets::Last,
        Some("remaining") => Targets::Remaining,
        Some("all") => Targets::All,
        _ => Targets::Every,
    };
    let protocol = match options.text("protocol") {
        Some("session") => Protocol::Session,
        Some("history") => Protocol::History,
        _ if targets == Targets::All => Protocol::History,
        _ => Protocol::suited(test),
    };
    Asked { protocol, targets, skip_unknown: options.text("unknown") == Some("skip") }
}

/// What right answers are ranked among.
///
/// # Errors
/// A listener has no given negatives.
pub(super) fn opponents<'a>(
    function: &str,
    options: &Options,
    cases: &'a Cases<'a>,
    models: &'a [Examinee<'a>],
) -> Result<Opponents<'a>> {
    if let Some(sets) = &cases.test.negatives {
        let without = cases.list.iter().find(|case| sets.of(case.user).is_empty());
        if let Some(case) = without {
            let message = format!(
                "has no song for {}, whose plays are predicted; give every user of the test some, \
                 or test only those who have",
                cases.test.users.text(case.user)
            );
            return Err(Error::option(function, "given_negatives", message));
        }
        return Ok(Opponents::Given(sets));
    }
    if !options.has("negatives") {
        return Ok(Opponents::All);
    }
    let by_plays = options.text("sampling") == Some("popularity");
    let draw = if by_plays { Draw::Popularity } else { Draw::Uniform };
    let seed = options.int("seed").unwrap_or_default().unsigned_abs();
    Ok(Opponents::Drawn(Sampler::new(cases, models, options.count("negatives"), draw, seed)))
}

/// How scores become ranks; `kept` best songs of each case are kept.
///
/// # Errors
/// A choice that is none.
pub(super) fn rules(options: &Options, kept: usize) -> Result<Rules> {
    Ok(Rules {
        repeats: Repeats::parse(options.text("repeats").unwrap_or("allow"))?,
        ties: Ties::parse(options.text("ties").unwrap_or("pessimistic"))?,
        kept,
    })
}

/// What is measured: the metrics named, or all, over all lists and the whole ranking.
///
/// # Errors
/// There is no metric of a name.
pub(super) fn measures(function: &str, options: &Options) -> Result<Vec<Measure>> {
    let mut lengths: Vec<usize> =
        options.ints("k").iter().filter_map(|&k| usize::try_from(k).ok()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let chosen: Vec<&'static Metric> = match options.texts("metrics") {
        None => METRICS.iter().collect(),
        Some(names) => names.iter().map(|name| metric(function, name)).collect::<Result<_>>()?,
    };
    Ok(chosen.into_iter().flat_map(|metric| Measure::of(metric, &lengths)).collect())
}

fn metric(function: &str, name: &str) -> Result<&'static Metric> {
    METRICS.iter().find(|metric| metric.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        let guess = closest(name, names.iter().copied())
            .map_or(String::new(), |guess| format!("did you mean '{guess}'? "));
        let message = format!("names '{name}'; {guess}Possible: {}", names.join(", "));
        Error::option(function, "metrics", message)
    })
}
