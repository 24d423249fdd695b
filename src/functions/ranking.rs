//! The songs that listeners get, best first: what `recommend` and `next_songs` do.

use std::sync::Arc;

use super::asked::{Asked, by_options};
use super::contract::{Argument, Execution, Lists, Results, Value};
use super::loaded::Loaded;
use crate::error::Result;
use crate::eval::{Repeats, Source, answer, contexts_at_once};
use crate::nn;
use crate::store::{self, Caller};
use crate::train::{Context, Options, Param};

/// How many ranked songs are handed to DuckDB at once, about: what we hold stays small beside what
/// DuckDB does.
const SONGS_AT_ONCE: usize = 1 << 15;

/// Who asks: a user, or whoever played `songs` last.
#[derive(Clone, Copy)]
pub(super) struct Listener<'a> {
    /// The user's id, if there is one.
    pub user: Option<&'a String>,
    /// The ids of the songs played last; without them those of the user's latest session.
    pub songs: Option<&'a [Value]>,
}

/// Who asks in a row of the arguments; nobody where the row is to be NULL.
pub(super) type ListenerOf = for<'a> fn(&'a [Argument], usize) -> Option<Listener<'a>>;

/// One execution of a function that ranks songs. Its last argument are the options.
pub(super) struct Ranking {
    asked: Asked<Ranker>,
    listener: ListenerOf,
}

impl Ranking {
    /// An execution of `function`, whose options are `params`.
    pub(super) fn new(
        caller: &Caller,
        function: &'static str,
        params: &'static [Param],
        listener: ListenerOf,
    ) -> Self {
        Self { asked: Asked::new(caller, function, params), listener }
    }
}

impl Execution for Ranking {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let mut scores = Vec::new();
        // Options are checked for every row, also where nobody asks.
        for (options, rows) in by_options(&arguments[arguments.len() - 1], rows) {
            let ranker =
                self.asked.prepared(options, |options| Ranker::new(&self.asked, options))?;
            let asks = |row| Some((row, (self.listener)(arguments, row)?));
            let listeners: Vec<(usize, Listener<'_>)> = rows.into_iter().filter_map(asks).collect();
            for batch in listeners.chunks(contexts_at_once(ranker.model.dataset.songs.len())) {
                self.asked.caller.control.check()?;
                ranker.rank(batch, &mut scores, results)?;
            }
        }
        Ok(())
    }
}

/// A model with the options of the ranking.
struct Ranker {
    model: Arc<Loaded>,
    n: usize,
    repeats: Repeats,
    /// Which songs may be recommended; all without.
    allowed: Option<Vec<bool>>,
}

impl Ranker {
    fn new(asked: &Asked<Self>, options: &Options) -> Result<Self> {
        let model = asked.model(options)?;
        let songs = &model.dataset.songs;
        let allowed = match options.text("candidates") {
            Some(relation) => {
                let conn = asked.caller.connect()?;
                let (function, control) = (asked.function, &asked.caller.control);
                let found =
                    store::read_songs(&conn, function, "candidates", relation, songs, control)?;
                let mut allowed = vec![false; songs.len()];
                found.into_iter().for_each(|song| allowed[song as usize] = true);
                Some(allowed)
            }
            None => None,
        };
        let repeats = Repeats::parse(options.text("repeats").unwrap_or("allow"))?;
        Ok(Self { n: options.count("n"), model, repeats, allowed })
    }

    /// Ranks songs for listeners; `scores` is space to work in.
    fn rank(
        &self,
        batch: &[(usize, Listener<'_>)],
        scores: &mut Vec<f32>,
        results: &mut dyn Results,
    ) -> Result<()> {
        let dataset = &self.model.dataset;
        let known = |song: &Value| match song {
            Value::Text(song) => dataset.songs.find(song),
            _ => None,
        };
        let users: Vec<Option<u32>> = batch
            .iter()
            .map(|(_, listener)| listener.user.and_then(|user| dataset.users.find(user)))
            .collect();
        let given: Vec<Option<Vec<u32>>> = batch
            .iter()
            .map(|(_, listener)| Some(listener.songs?.iter().filter_map(known).collect()))
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
                continues: given.is_none(),
            })
            .collect();
        let songs = dataset.songs.len();
        scores.resize(contexts.len() * songs, 0.0);
        let sources = answer(self.model.model.as_ref(), dataset, &contexts, self.repeats, scores)?;
        let mut lists = Lists::of(FIELDS);
        for (at, ((row, _), source)) in batch.iter().zip(sources).enumerate() {
            self.list(*row, &mut scores[at * songs..(at + 1) * songs], source, &mut lists)?;
            if lists.fields[0].len() >= SONGS_AT_ONCE {
                results.lists(&lists);
                lists = Lists::of(FIELDS);
            }
        }
        results.lists(&lists);
        Ok(())
    }

    /// Adds the best songs of `scores` to `lists`.
    fn list(
        &self,
        row: usize,
        scores: &mut [f32],
        source: Source,
        lists: &mut Lists,
    ) -> Result<()> {
        if let Some(allowed) = &self.allowed {
            nn::keep_only(scores, allowed);
        }
        let best = nn::top_k(scores, self.n);
        lists.lengths.push((row, best.len()));
        for (at, ranked) in best.iter().enumerate() {
            let song = self.model.dataset.songs.text(ranked.song).into_owned();
            let fields = [
                Value::Int(at as i64 + 1),
                Value::Text(song),
                self.model.score(ranked.score)?,
                Value::Text(source.as_str().into()),
            ];
            lists.fields.iter_mut().zip(fields).for_each(|(field, value)| field.push(value));
        }
        Ok(())
    }
}

/// How many fields a ranked song has: rank, song_id, score, source.
const FIELDS: usize = 4;
