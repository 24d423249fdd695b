//! Recommendations: the scalar functions behind the macros `recommend`, `next_songs` and `score`.
//!
//! They take whole vectors of listeners, so that one matrix product serves them all, and carry ids
//! as text; the macros (`sql/macros/recommend.sql`) convert ids to the model's types.

use std::sync::Arc;

use super::arguments::options_from_struct;
use super::contract::{ScalarFunction, SqlType, Value};
use super::loaded::{Loaded, load};
use crate::error::{Error, Result};
use crate::eval::{Repeats, Source, answer, contexts_at_once};
use crate::nn;
use crate::store::{self, Caller};
use crate::train::{Context, Default, Kind, Options, Param};

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

/// The options of `recommend`.
pub(super) const RECOMMEND: &[Param] = &[N, MODEL, VERSION, REPEATS, CANDIDATES];
/// The options of `next_songs`.
pub(super) const NEXT_SONGS: &[Param] = &[N, USER, MODEL, VERSION, REPEATS, CANDIDATES];
/// The options of `score`.
pub(super) const SCORE: &[Param] = &[MODEL, VERSION];

/// `segue_recommend(user, options)`: songs for a listener, continuing their latest session.
pub struct Recommend;

/// `segue_next_songs(songs, options)`: songs to follow a list of songs.
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

    fn call(&self, caller: &Caller, arguments: &[Vec<Value>], rows: usize) -> Result<Vec<Value>> {
        let mut listeners = vec![None; rows];
        for (listener, value) in listeners.iter_mut().zip(&arguments[0]) {
            if let Value::Text(user) = value {
                *listener = Some(Listener { user: Some(user.clone()), songs: None });
            }
        }
        rank_all(caller, "recommend", RECOMMEND, &listeners, &arguments[1])
    }
}

impl ScalarFunction for NextSongs {
    fn name(&self) -> &'static str {
        "segue_next_songs"
    }

    fn parameters(&self) -> Vec<SqlType> {
        vec![SqlType::List(Box::new(SqlType::Varchar)), SqlType::Any]
    }

    fn returns(&self) -> SqlType {
        ranked_songs()
    }

    fn volatile(&self) -> bool {
        true
    }

    fn call(&self, caller: &Caller, arguments: &[Vec<Value>], rows: usize) -> Result<Vec<Value>> {
        let mut listeners = vec![None; rows];
        for ((listener, songs), options) in
            listeners.iter_mut().zip(&arguments[0]).zip(&arguments[1])
        {
            if let Value::List(songs) = songs {
                let songs = songs.iter().filter_map(|song| match song {
                    Value::Text(song) => Some(song.clone()),
                    _ => None,
                });
                let options = options_from_struct("next_songs", NEXT_SONGS, options)?;
                let user = options.text("user").map(str::to_owned);
                *listener = Some(Listener { user, songs: Some(songs.collect()) });
            }
        }
        rank_all(caller, "next_songs", NEXT_SONGS, &listeners, &arguments[1])
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

    fn call(&self, caller: &Caller, arguments: &[Vec<Value>], rows: usize) -> Result<Vec<Value>> {
        let mut values = vec![Value::Null; rows];
        for (options, group) in by_options("score", SCORE, &arguments[2], 0..rows)? {
            let loaded = open(caller, "score", &options)?;
            let mut pairs: Vec<(u32, u32, usize)> = group
                .into_iter()
                .filter_map(|row| {
                    let (Value::Text(user), Value::Text(song)) =
                        (&arguments[0][row], &arguments[1][row])
                    else {
                        return None;
                    };
                    let user = loaded.dataset.users.find(user)?;
                    Some((user, loaded.dataset.songs.find(song)?, row))
                })
                .filter(|(user, _, _)| !loaded.dataset.plays.last_session(*user).is_empty())
                .collect();
            pairs.sort_unstable();
            score_pairs(caller, &loaded, &pairs, &mut values)?;
        }
        Ok(values)
    }
}

/// Scores pairs sorted by user: each user's catalogue once.
fn score_pairs(
    caller: &Caller,
    loaded: &Loaded,
    pairs: &[(u32, u32, usize)],
    values: &mut [Value],
) -> Result<()> {
    let songs = loaded.dataset.songs.len();
    let users: Vec<&[(u32, u32, usize)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    let mut scores = Vec::new();
    for users in users.chunks(contexts_at_once(songs)) {
        caller.host.control().check()?;
        let contexts: Vec<Context<'_>> = users
            .iter()
            .map(|pairs| Context {
                user: Some(pairs[0].0),
                songs: loaded.dataset.plays.last_session(pairs[0].0),
            })
            .collect();
        scores.resize(contexts.len() * songs, 0.0);
        answer(loaded.model.as_ref(), &loaded.dataset, &contexts, Repeats::Allow, &mut scores)?;
        for (pairs, scores) in users.iter().zip(scores.chunks_exact(songs)) {
            for &(_, song, row) in *pairs {
                let score = scores[song as usize];
                values[row] = number(score, loaded)?;
            }
        }
    }
    Ok(())
}

fn number(score: f32, loaded: &Loaded) -> Result<Value> {
    if score.is_nan() {
        return Err(Error::Compute(format!(
            "model '{}' scores songs as NaN; train it again with a lower learning_rate",
            loaded.row.name
        )));
    }
    let score = f64::from(score);
    Ok(if score.is_finite() { Value::Float(score) } else { Value::Null })
}

/// Who asks: a user, or whoever played `songs` last.
#[derive(Clone)]
struct Listener {
    user: Option<String>,
    songs: Option<Vec<String>>,
}

/// Rows by their options, which are the same for all rows of nearly every call.
fn by_options(
    function: &str,
    params: &[Param],
    options: &[Value],
    rows: impl Iterator<Item = usize>,
) -> Result<Vec<(Options, Vec<usize>)>> {
    let mut groups: Vec<(&Value, Options, Vec<usize>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(given, _, _)| **given == options[row]) {
            Some((_, _, rows)) => rows.push(row),
            None => {
                let parsed = options_from_struct(function, params, &options[row])?;
                groups.push((&options[row], parsed, vec![row]));
            }
        }
    }
    Ok(groups.into_iter().map(|(_, options, rows)| (options, rows)).collect())
}

fn open(caller: &Caller, function: &str, options: &Options) -> Result<Arc<Loaded>> {
    load(caller, function, options.text("model"), options.int("version"))
}

/// One list of songs per listener; NULL where there is none.
fn rank_all(
    caller: &Caller,
    function: &str,
    params: &[Param],
    listeners: &[Option<Listener>],
    options: &[Value],
) -> Result<Vec<Value>> {
    let mut lists = vec![Value::Null; listeners.len()];
    // Options are checked for every row, also where nobody asks.
    for (options, rows) in by_options(function, params, options, 0..listeners.len())? {
        let loaded = open(caller, function, &options)?;
        let asked = rows.into_iter().filter_map(|row| Some((row, listeners[row].as_ref()?)));
        let asked: Vec<(usize, &Listener)> = asked.collect();
        let ranker = Ranker::new(caller, function, &loaded, &options)?;
        for batch in asked.chunks(contexts_at_once(loaded.dataset.songs.len())) {
            caller.host.control().check()?;
            ranker.rank(batch, &mut lists)?;
        }
    }
    Ok(lists)
}

struct Ranker<'a> {
    loaded: &'a Loaded,
    n: usize,
    repeats: Repeats,
    /// Which songs may be recommended; all without.
    allowed: Option<Vec<bool>>,
}

impl<'a> Ranker<'a> {
    fn new(caller: &Caller, function: &str, loaded: &'a Loaded, options: &Options) -> Result<Self> {
        let songs = &loaded.dataset.songs;
        let allowed = match options.text("candidates") {
            Some(relation) => {
                let conn = caller.connect()?;
                let control = caller.host.control();
                let found =
                    store::read_songs(&conn, function, "candidates", relation, songs, control)?;
                let mut allowed = vec![false; songs.len()];
                found.into_iter().for_each(|song| allowed[song as usize] = true);
                Some(allowed)
            }
            None => None,
        };
        let repeats = Repeats::parse(options.text("repeats").unwrap_or("allow"))?;
        Ok(Self { loaded, n: options.count("n"), repeats, allowed })
    }

    fn rank(&self, batch: &[(usize, &Listener)], lists: &mut [Value]) -> Result<()> {
        let dataset = &self.loaded.dataset;
        let known = |song: &String| dataset.songs.find(song);
        let users: Vec<Option<u32>> = batch
            .iter()
            .map(|(_, listener)| listener.user.as_ref().and_then(|user| dataset.users.find(user)))
            .collect();
        let given: Vec<Option<Vec<u32>>> = batch
            .iter()
            .map(|(_, listener)| Some(listener.songs.as_ref()?.iter().filter_map(known).collect()))
            .collect();
        let contexts: Vec<Context<'_>> = users
            .iter()
            .zip(&given)
            .map(|(&user, given)| Context {
                user,
                songs: match given {
                    Some(songs) => songs,
                    None => user.map_or(&[][..], |user| dataset.plays.last_session(user)),
                },
            })
            .collect();
        let songs = dataset.songs.len();
        let mut scores = vec![0.0; contexts.len() * songs];
        let model = self.loaded.model.as_ref();
        let sources = answer(model, dataset, &contexts, self.repeats, &mut scores)?;
        for (((row, _), source), scores) in
            batch.iter().zip(sources).zip(scores.chunks_exact_mut(songs.max(1)))
        {
            lists[*row] = self.list(scores, source)?;
        }
        Ok(())
    }

    fn list(&self, scores: &mut [f32], source: Source) -> Result<Value> {
        if let Some(allowed) = &self.allowed {
            for (score, allowed) in scores.iter_mut().zip(allowed) {
                if !allowed {
                    *score = f32::NEG_INFINITY;
                }
            }
        }
        let best = nn::top_k(scores, self.n);
        let rows = best.iter().enumerate().map(|(at, ranked)| {
            let song = self.loaded.dataset.songs.text(ranked.song).into_owned();
            Ok(Value::Struct(vec![
                ("rank".into(), Value::Int(at as i64 + 1)),
                ("song_id".into(), Value::Text(song)),
                ("score".into(), number(ranked.score, self.loaded)?),
                ("source".into(), Value::Text(source.as_str().into())),
            ]))
        });
        rows.collect::<Result<_>>().map(Value::List)
    }
}
