//! Options that all evaluations have, and what they ask for.

use super::measured::Measured;
use crate::data::{SongSets, TestPlays};
use crate::error::{Error, Result};
use crate::eval::{
    Asked, Case, Cases, Draw, Examinee, Opponents, Protocol, Repeats, Resampling, Rules, Sampler,
    Targets, Ties, wrong,
};
use crate::functions::recommend::REPEATS;
use crate::functions::training::{SESSION, SONG, TIME, USER, column_names};
use crate::store::TestRequest;
use crate::train::{Default, Kind, Options, Param};

/// The model to ask.
pub(super) const MODEL: Param = Param::new(
    "model",
    Kind::Text,
    Default::Required,
    "The model's name, for one in another database with that in front: 'music.harm'.",
);
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
    "The metrics to report: recall, hit_rate, precision, mrr, ndcg, map, auc, which are reported by \
     default; and of the lists alone, whatever was played, coverage, gini, mean_popularity, \
     tail_share, novelty, popularity_lift, diversity and repetition.",
);
/// How often is resampled.
pub(super) const SAMPLES: Param = Param::new(
    "samples",
    Kind::Int { min: 0, max: 1_000_000 },
    Default::Int(1000),
    "How many times listeners are resampled for the intervals; 0 for none.",
);
/// How much an interval holds.
pub(super) const CONFIDENCE: Param = Param::new(
    "confidence",
    Kind::Float { min: 0.0, max: 1.0 },
    Default::Float(0.95),
    "The share of resampled values that an interval holds.",
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
        "What becomes of plays of songs that the model does not know: a miss, or left out. Given \
         negatives that it does not know are an error, or left out.",
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

/// How many options [`ASKED`] are.
pub(super) const fn asked_count() -> usize {
    ASKED.len()
}

/// All options of some lists, `N` together.
pub(super) const fn joined<const N: usize>(lists: &[&[Param]]) -> [Param; N] {
    let mut all = [TEST; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut option = 0;
        while option < lists[list].len() {
            all[at] = lists[list][option];
            (at, option) = (at + 1, option + 1);
        }
        list += 1;
    }
    all
}

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
    if options.has("negatives") && options.text("repeats") == Some("only") {
        return refuse(
            "negatives",
            "cannot go with repeats := 'only': drawn songs were never heard, so the right answer would \
             stand alone",
        );
    }
    if options.text("sampling") == Some("popularity") && !options.has("negatives") {
        return refuse(
            "sampling",
            "says how negatives are drawn; say how many, as in negatives := 99",
        );
    }
    let measured = Measured::new(function, options)?;
    let few = options.has("negatives") || options.has("given_negatives");
    if let Some(name) = measured.lists.first().filter(|_| few) {
        let message =
            format!("names '{name}', which needs lists of all songs; leave negatives out");
        return Err(Error::option(function, "metrics", message));
    }
    Ok(())
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
/// Given negatives are missing for a case, or not known to a model and not to be skipped.
pub(super) fn opponents<'a>(
    function: &str,
    options: &Options,
    cases: &'a Cases<'a>,
    models: &'a [Examinee<'a>],
) -> Result<Opponents<'a>> {
    if let Some(sets) = &cases.test.negatives {
        return given(function, cases, models, sets);
    }
    if !options.has("negatives") {
        return Ok(Opponents::All);
    }
    let by_plays = options.text("sampling") == Some("popularity");
    let draw = if by_plays { Draw::Popularity } else { Draw::Uniform };
    let (count, seed) = (options.count("negatives"), seed(options));
    Ok(Opponents::Drawn(Sampler::new(cases, models, count, draw, seed)))
}

/// The given songs. One that a model does not know would never stand before a right answer and so
/// flatter that model; it is an error, or, if unknown songs are skipped, left out for all models.
fn given<'a>(
    function: &str,
    cases: &Cases<'_>,
    models: &[Examinee<'_>],
    sets: &SongSets,
) -> Result<Opponents<'a>> {
    let (test, refuse) =
        (cases.test, |message| Err(Error::option(function, "given_negatives", message)));
    let is_known = |song: u32| models.iter().all(|model| model.known.song(song).is_some());
    if !cases.asked.skip_unknown {
        let unknown = |case: &Case| {
            wrong(sets, cases, case).find(|&song| !is_known(song)).map(|song| (case.user, song))
        };
        if let Some((user, song)) = cases.list.iter().find_map(unknown) {
            return refuse(format!(
                "has song {} for {}, which {} not know; give songs of the training plays alone, or \
                 leave such songs out with unknown := 'skip'",
                test.songs.text(song),
                test.users.text(user),
                if models.len() > 1 { "one of the models does" } else { "the model does" },
            ));
        }
    }
    let sets = sets.only(is_known);
    if let Some(case) = cases.list.iter().find(|case| wrong(&sets, cases, case).next().is_none()) {
        return refuse(format!(
            "has no song for {}, whose plays are predicted, that is known and no right answer; give \
             every user of the test some, or test only those who have",
            test.users.text(case.user)
        ));
    }
    Ok(Opponents::Given(sets))
}

/// What names of metrics end with that are not of a full ranking, as far as it is known before the
/// test is read.
pub(super) fn suffix(options: &Options) -> String {
    let among = if options.has("candidates") { "@candidates" } else { "" };
    match (options.int("negatives"), options.text("sampling")) {
        (Some(count), Some("popularity")) => format!("@{count}popneg{among}"),
        (Some(count), _) => format!("@{count}neg{among}"),
        (None, _) if options.has("given_negatives") => "@neg".to_owned(),
        (None, _) => among.to_owned(),
    }
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

/// How intervals are made.
pub(super) fn resampling(options: &Options) -> Resampling {
    Resampling {
        samples: options.count("samples"),
        confidence: options.float("confidence"),
        seed: seed(options),
    }
}

fn seed(options: &Options) -> u64 {
    options.int("seed").unwrap_or_default().unsigned_abs()
}
