//! The scores of given songs for given users: what `score` does.

use std::sync::Arc;

use super::asked::{Asked, by_options};
use super::contract::{Argument, Execution, Results, Value};
use super::loaded::Loaded;
use crate::error::Result;
use crate::eval::{Repeats, answer, contexts_at_once};
use crate::store::Caller;
use crate::train::{Context, Param};

/// One execution of `score(user, song, options)`.
pub(super) struct Scoring(Asked<Arc<Loaded>>);

impl Scoring {
    /// An execution of `function`, whose options are `params`.
    pub(super) fn new(caller: &Caller, function: &'static str, params: &'static [Param]) -> Self {
        Self(Asked::new(caller, function, params))
    }

    /// Scores pairs of user and song sorted by user: each user's catalogue once.
    fn pairs(
        &self,
        model: &Loaded,
        pairs: &[(u32, u32, usize)],
        values: &mut [Value],
    ) -> Result<()> {
        let songs = model.dataset.songs.len();
        let users: Vec<&[(u32, u32, usize)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        let mut scores = Vec::new();
        for users in users.chunks(contexts_at_once(songs)) {
            self.0.caller.control.check()?;
            let contexts: Vec<Context<'_>> = users
                .iter()
                .map(|pairs| Context {
                    user: Some(pairs[0].0),
                    songs: model.dataset.plays.last_session(pairs[0].0),
                    continues: true,
                })
                .collect();
            scores.resize(contexts.len() * songs, 0.0);
            let scorer = model.model.as_ref();
            answer(scorer, &model.dataset, &contexts, Repeats::Allow, &mut scores)?;
            for (pairs, scores) in users.iter().zip(scores.chunks_exact(songs)) {
                for &(_, song, row) in *pairs {
                    values[row] = model.score(scores[song as usize])?;
                }
            }
        }
        Ok(())
    }
}

impl Execution for Scoring {
    fn call(&self, arguments: &[Argument], rows: usize, results: &mut dyn Results) -> Result<()> {
        let mut values = vec![Value::Null; rows];
        for (options, rows) in by_options(&arguments[2], rows) {
            let model = self.0.prepared(options, |options| self.0.model(options))?;
            let dataset = &model.dataset;
            let mut pairs: Vec<(u32, u32, usize)> = rows
                .into_iter()
                .filter_map(|row| match (&arguments[0][row], &arguments[1][row]) {
                    (Value::Text(user), Value::Text(song)) => {
                        Some((dataset.users.find(user)?, dataset.songs.find(song)?, row))
                    }
                    _ => None,
                })
                .filter(|(user, _, _)| !dataset.plays.last_session(*user).is_empty())
                .collect();
            pairs.sort_unstable();
            self.pairs(&model, &pairs, &mut values)?;
        }
        results.values(&values);
        Ok(())
    }
}
