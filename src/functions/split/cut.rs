//! Splits at a cut: through time, sessions, or users.

use super::options::{PLAYS, SEED, share, shares, with_columns};
use super::{Split, chance, columns, part};
use crate::error::{Error, Result};
use crate::functions::contract::{Call, Category, Docs, QueryFunction};
use crate::train::{Default, Kind, Options, Param};

const TIME: &[Param] = &with_columns::<4, 8>([
    share(
        "test",
        Default::Absent,
        "The share of all plays, the latest ones, that is the test; 0.1 without test_from. Plays \
         of one time stay together.",
    ),
    share(
        "validation",
        Default::Absent,
        "The share before those that is for validation; 0.1 without test_from.",
    ),
    Param::new("test_from", Kind::Time, Default::Absent, "The test's first moment, for shares."),
    Param::new(
        "validation_from",
        Kind::Time,
        Default::Absent,
        "The first moment of validation, which ends with test_from.",
    ),
]);

const SESSIONS: &[Param] = &with_columns::<4, 8>([
    share(
        "test",
        Default::Absent,
        "The share of all sessions, those that begin latest, that is the test; 0.1 without \
         test_from.",
    ),
    share(
        "validation",
        Default::Absent,
        "The share before those that is for validation; 0.1 without test_from.",
    ),
    Param::new(
        "test_from",
        Kind::Time,
        Default::Absent,
        "Sessions that begin then or later are the test, for shares.",
    ),
    Param::new(
        "validation_from",
        Kind::Time,
        Default::Absent,
        "Sessions that begin then or later, and before test_from, are for validation.",
    ),
]);

const USERS: &[Param] = &with_columns::<3, 7>([
    share("test", Default::Float(0.1), "The share of the users who are the test."),
    share("validation", Default::Float(0.1), "The share of the users who are for validation."),
    SEED,
]);

/// `split_time(plays, test_from := …)`.
pub(super) fn time() -> QueryFunction {
    QueryFunction {
        name: "split_time",
        positional: PLAYS,
        named: TIME,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "All plays from one moment on are the test, whoever played: no training \
                          play is later than a test play. The moment is given, or such that the \
                          latest 10 % are the test, and the 10 % before are for validation.",
            example: "SELECT split, min(played_at), max(played_at)\n\
                      FROM split_time('plays', validation_from := DATE '2023-08-15',\n                \
                      test_from := DATE '2023-09-15')\n\
                      GROUP BY split",
        },
        query: by_time,
    }
}

/// `split_sessions(plays, test := 0.1)`.
pub(super) fn sessions() -> QueryFunction {
    QueryFunction {
        name: "split_sessions",
        positional: PLAYS,
        named: SESSIONS,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "Whole sessions, by when they begin: the latest 10 % are the test, the \
                          10 % before are for validation. Without times, sessions begin with \
                          their first row.",
            example: "SELECT split, count(DISTINCT session_id)\n\
                      FROM split_sessions('plays', test := 0.2, validation := 0) GROUP BY split",
        },
        query: by_session,
    }
}

/// `split_users(plays, test := 0.1)`.
pub(super) fn users() -> QueryFunction {
    QueryFunction {
        name: "split_users",
        positional: PLAYS,
        named: USERS,
        columns: columns(None),
        docs: Docs {
            category: Category::Split,
            description: "Whole users, drawn at random: how well does a model do for listeners it \
                          has never seen? By default 10 % are the test and 10 % are for validation.",
            example: "SELECT split, count(DISTINCT user_id)\n\
                      FROM split_users('plays', test := 0.25, seed := 42) GROUP BY split",
        },
        query: by_user,
    }
}

fn by_time(call: &Call) -> Result<String> {
    let split = Split::new("split_time", call, &["split"])?;
    let time = split.plays.need_time()?.to_owned();
    let usable = split.plays.is_usable();
    let keys =
        format!("SELECT {time} AS __segue_key FROM {} WHERE {usable}", split.plays.relation.from);
    let cuts = Cuts::of(&split, "split_time", &call.options, &keys)?;
    Ok(cuts.query(&split.numbered(&[]), &[], &format!("NOT ({usable})"), &time))
}

fn by_session(call: &Call) -> Result<String> {
    let split = Split::new("split_sessions", call, &["split"])?;
    let session = split.plays.need_session()?;
    let time = split.plays.time.as_deref().unwrap_or("__segue_row");
    let plays = split.numbered(&[]);
    let user = &split.plays.user;
    let keys = format!(
        "SELECT min({time}) AS __segue_key FROM {plays} WHERE {} GROUP BY {user}, {session}",
        split.plays.is_usable()
    );
    let cuts = Cuts::of(&split, "split_sessions", &call.options, &keys)?;
    let begun = format!(
        "(SELECT *, min({time}) FILTER (WHERE __segue_user IS NOT NULL) \
         OVER (PARTITION BY __segue_user, {session}) AS __segue_key FROM {})",
        split.numbered(&[(&split.usable_user(), "__segue_user")])
    );
    let hidden = ["__segue_user", "__segue_key"];
    Ok(cuts.query(&begun, &hidden, "__segue_user IS NULL", "__segue_key"))
}

fn by_user(call: &Call) -> Result<String> {
    let split = Split::new("split_users", call, &["split"])?;
    let key = chance(call.options.int("seed").unwrap_or(0), &[&split.plays.user]);
    let (usable, from) = (split.plays.is_usable(), &split.plays.relation.from);
    let keys = format!("SELECT DISTINCT {key} AS __segue_key FROM {from} WHERE {usable}");
    let cuts = Cuts::of(&split, "split_users", &call.options, &keys)?;
    Ok(cuts.query(&split.numbered(&[]), &[], &format!("NOT ({usable})"), &key))
}

/// Where the test and validation begin, as SQL: keys from there on are theirs.
struct Cuts {
    test: String,
    validation: String,
    /// A relation of one row to take them from.
    from: Option<String>,
}

impl Cuts {
    /// The moments that were given, or the cuts through `keys`, one each for what is divided, that
    /// leave the shares above them.
    fn of(split: &Split, function: &str, options: &Options, keys: &str) -> Result<Self> {
        if let Some(test) = options.text("test_from") {
            if let Some(share) = ["test", "validation"].into_iter().find(|name| options.has(name)) {
                let message = "and test_from exclude each other: give shares or moments";
                return Err(Error::option(function, share, message));
            }
            let validation = options.text("validation_from");
            let moment = |option, text| split.plays.moment(&split.conn, option, text);
            let test = moment("test_from", test)?;
            let Some(text) = validation else {
                return Ok(Self { test, validation: "NULL".to_owned(), from: None });
            };
            let validation = moment("validation_from", text)?;
            let sql = format!("SELECT {validation} < {test}");
            if split.conn.query_row(&sql, [], |row| row.get(0))? {
                return Ok(Self { test, validation, from: None });
            }
            let message = format!("is '{text}', but must be before test_from, where it ends");
            return Err(Error::option(function, "validation_from", message));
        }
        if options.has("validation_from") {
            let message = "needs test_from, the moment at which validation ends";
            return Err(Error::option(function, "validation_from", message));
        }
        let [test, validation] = shares(function, options, SHARE)?;
        let test = format!("ceil(__segue_count * {test})");
        let validation = format!("ceil(__segue_count * {validation})");
        let first =
            |count: &str| format!("min(__segue_key) FILTER (WHERE __segue_place <= {count})");
        let from = format!(
            "(SELECT {} AS __segue_test, {} AS __segue_validation FROM (SELECT __segue_key, \
             row_number() OVER (ORDER BY __segue_key DESC) AS __segue_place, \
             count(*) OVER () AS __segue_count FROM ({keys})))",
            first(&format!("least({test}, __segue_count - 1)")),
            first(&format!("least({test} + {validation}, __segue_count - 1)")),
        );
        let (test, validation) = ("__segue_test".to_owned(), "__segue_validation".to_owned());
        Ok(Self { test, validation, from: Some(from) })
    }

    /// The numbered rows of `from` without the columns `hidden`, divided by their `key`.
    fn query(&self, from: &str, hidden: &[&str], unusable: &str, key: &str) -> String {
        let mut hidden = [&["__segue_row"], hidden].concat();
        let mut sources = from.to_owned();
        if let Some(cuts) = &self.from {
            hidden.extend(["__segue_test", "__segue_validation"]);
            sources += &format!(" CROSS JOIN {cuts}");
        }
        let parts = part(
            unusable,
            &format!("{key} >= {}", self.test),
            &format!("{key} >= {}", self.validation),
        );
        // Above all a join on several threads keeps no order.
        format!(
            "SELECT * EXCLUDE ({}), {parts} FROM {sources} ORDER BY __segue_row",
            hidden.join(", ")
        )
    }
}

/// The share of the test, and of validation, where none is given.
const SHARE: f64 = 0.1;
