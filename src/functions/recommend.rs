//! Recommendations: the scalar functions behind the macros `recommend`, `next_songs` and `score`.
//!
//! They take whole vectors of listeners, so that one matrix product serves them all, and carry ids
//! as text; the macros (`sql/macros/recommend.sql`) convert ids to the model's types.

use std::sync::Arc;

use super::contract::{Argument, Execution, ScalarFunction, SqlType, Value};
use super::ranking::{Listener, Ranking};
use super::scoring::Scoring;
use crate::eval::Repeats;
use crate::store::Caller;
use crate::train::{Default, Kind, Param};

const N: Param = Param::new(
    "n",
    Kind::Int { min: 1, max: 1_000_000 },
    Default::Int(10),
    "How many songs to return, at most.",
);
/// The model to ask.
pub(super) const MODEL: Param = Param::new(
    "model",
    Kind::Text,
    Default::Absent,
    "The model's name, for one in another database with that in front: 'music.harm'; without it \
     the default model (see use_model).",
);
/// The version to ask.
pub(super) const VERSION: Param = Param::new(
    "version",
    Kind::Int { min: 1, max: i64::MAX },
    Default::Absent,
    "The model's version; without it the one in use, else the latest.",
);
/// What happens to songs heard before.
pub(super) const REPEATS: Param = Param::new(
    "repeats",
    Kind::Choice(Repeats::NAMES),
    Default::Text("allow"),
    "Whether songs heard before may be recommended: allow, exclude, or only those.",
);
const CANDIDATES: Param = Param::new(
    "candidates",
    Kind::Relation,
    Default::Absent,
    "A relation with the songs to choose from; without it all songs the model knows.",
);

const USER: Param =
    Param::new("user", Kind::Id, Default::Absent, "The listener, if they are known.");
const KEY: Param = Param::new(
    "key",
    Kind::Text,
    Default::Absent,
    "What segue_types calls the model and version: if it is at hand, nobody need look it up again.",
);

/// The options of the macro `recommend`.
pub(super) const RECOMMEND: &[Param] = &[N, MODEL, VERSION, REPEATS, CANDIDATES];
/// The options of the macro `next_songs`.
pub(super) const NEXT_SONGS: &[Param] = &[N, USER, MODEL, VERSION, REPEATS, CANDIDATES];
/// What both macros pack into one argument; the user is an argument of its own.
const RANK: &[Param] = &[N, MODEL, VERSION, KEY, REPEATS, CANDIDATES];
/// The options of `score`.
pub(super) const SCORE: &[Param] = &[MODEL, VERSION];

/// `segue_recommend(user, options)`: songs for a listener, continuing their latest session.
pub struct Recommend;

/// `segue_next_songs(songs, user, options)`: songs to follow a list of songs.
pub struct NextSongs;

/// `segue_score(user, song, options)`: one song's score for a listener.
pub struct Score;

fn ranked_songs() -> SqlType {
    SqlType::List(Box::new(SqlType::Struct(vec![
        ("rank".into(), SqlType::BigInt),
        ("song_id".into(), SqlType::Varchar),
        ("score".into(), SqlType::Double),
        ("source".into(), SqlType::Varchar),
    ])))
}

impl ScalarFunction for Recommend {
    fn name(&self) -> &'static str {
        "segue_recommend"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::Varchar, SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        ranked_songs()
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        fn listener(arguments: &[Argument], row: usize) -> Option<Listener<'_>> {
            let Value::Text(user) = &arguments[0][row] else { return None };
            Some(Listener { user: Some(user), songs: None })
        }
        Arc::new(Ranking::new(caller, "recommend", RANK, listener))
    }
}

impl ScalarFunction for NextSongs {
    fn name(&self) -> &'static str {
        "segue_next_songs"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::List(Box::new(SqlType::Varchar)), SqlType::Varchar, SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        ranked_songs()
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        fn listener(arguments: &[Argument], row: usize) -> Option<Listener<'_>> {
            let Value::List(songs) = &arguments[0][row] else { return None };
            let user = if let Value::Text(user) = &arguments[1][row] { Some(user) } else { None };
            Some(Listener { user, songs: Some(songs) })
        }
        Arc::new(Ranking::new(caller, "next_songs", RANK, listener))
    }
}

impl ScalarFunction for Score {
    fn name(&self) -> &'static str {
        "segue_score"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::Varchar, SqlType::Varchar, SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        SqlType::Double
    }

    fn volatile(&self) -> bool {
        true
    }

    fn start(&self, caller: &Caller) -> Arc<dyn Execution> {
        Arc::new(Scoring::new(caller, "score", SCORE))
    }
}
