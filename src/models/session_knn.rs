//! Session-kNN: songs of past sessions like the running one.
//!
//! Ludewig & Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018, §3.2
//! (VS-kNN). Of the sessions that share a song with the running session, the latest `sample` are
//! compared with it; the `neighbors` most similar vote for their songs:
//!
//! `score(i) = Σ_n sim(s, n) · decay(λ(s, n)) · 1_n(i) [· idf(i)]`
//!
//! In the similarity a song of the running session weighs the more the later it was played; `λ` is
//! how far from the end of the running session the latest song is that it shares with `n`.
//!
//! # Deviations
//! - Ties among neighbours go to the later session, where the paper leaves them to chance.
//! - Plays without times have no later session: chance settles which are compared and ties, and age
//!   does not count.
//! - A user's latest session, where it is the running one, is no neighbour of itself.
//! - `idf` is off by default, as in the authors' later comparisons, and can be switched on.
//!
//! By default, and not with `paper := true`:
//! - A vote falls with a song's distance from the latest shared song, and with the session's age, as
//!   in STAN (Garg et al., "Sequence and time aware neighborhood for session-based
//!   recommendations", SIGIR 2019, eqs. 3–5), age being counted in sessions.
//! - What a neighbour played before the shared song counts less than what came after it
//!   (`backward`): the next song is asked for.
//! - The weight of the running session's songs falls by the logarithm.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Setting, Training, Weights,
    params,
};

mod index;

use index::{Index, stored_weights};

/// How a weight falls with age.
const DECAYS: &[&str] = &["reciprocal", "linear", "log", "quadratic", "none"];

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "session_knn",
    summary: "Songs of the past sessions most like the running one (VS-kNN).",
    source: "Ludewig & Jannach 2018",
    example: "FROM train_session_knn('plays', neighbors := 100, sample := 1000)",
    inputs: &[],
    params: &[
        Param::new(
            "paper",
            Kind::Bool,
            Default::Bool(false),
            "VS-kNN as printed: proximity := 0, backward := 1, recency := 0, position_decay := linear.",
        ),
        Param::new(
            "neighbors",
            Kind::Int { min: 1, max: 1_000_000 },
            Default::Int(100),
            "How many of the most similar sessions vote.",
        ),
        Param::new(
            "sample",
            Kind::Int { min: 1, max: 100_000_000 },
            Default::Int(1_000),
            "How many sessions that share a song are compared: the latest, or random ones where plays \
             have no times.",
        ),
        Param::new(
            "similarity",
            Kind::Choice(&["dot", "cosine", "jaccard"]),
            Default::Text("dot"),
            "How sessions are compared: by the summed weights of shared songs, those over the root \
             of the number of songs of the past session, or shared songs over all songs of both.",
        ),
        Param::new(
            "position_decay",
            Kind::Choice(&["linear", "log", "quadratic", "none"]),
            Default::Depends(|options| params::by_paper(options, "linear", "log")),
            "How the weight of the running session's songs falls towards its start: i/n, \
             1/log₁₀(n − i + 2.7), (i/n)², or not at all, for the i-th of n songs; default log, with \
             paper linear.",
        ),
        Param::new(
            "match_decay",
            Kind::Choice(DECAYS),
            Default::Text("reciprocal"),
            "How a neighbour's vote falls with the distance d of the latest shared song from the \
             end of the running session: 1/d, 1 − (d − 1)/10, 1/log₁₀(d + 1.7), 1/d², or not at \
             all.",
        ),
        Param::new(
            "proximity",
            Kind::Float { min: 0.0, max: 1e6 },
            Default::Depends(|options| params::by_paper(options, 0.0, 5.0)),
            "λ₃ of STAN: a neighbour's vote for a song falls as exp(−d/λ₃) with the song's distance d \
             from the latest shared song; 0 votes for all its songs alike. Default 5, with paper 0.",
        ),
        Param::new(
            "backward",
            Kind::Float { min: 0.0, max: 1.0 },
            Default::Depends(|options| params::by_paper(options, 1.0, 0.6)),
            "What a neighbour's vote counts for songs that it played before the latest shared one; \
             default 0.6, with paper 1.",
        ),
        Param::new(
            "recency",
            Kind::Float { min: 0.0, max: 1e6 },
            Default::Depends(|options| options.bool("paper").then_some(Setting::Float(0.0))),
            "How a neighbour's vote falls with its age, the share a of sessions that ended after it: \
             exp(−a/recency); 0 lets votes of all ages count alike. Default 1; with paper, and where \
             plays have no times, 0.",
        ),
        Param::new(
            "idf",
            Kind::Bool,
            Default::Bool(false),
            "Whether votes for songs of many sessions count less: × log(sessions / sessions with \
             the song).",
        ),
        Param::new(
            "max_length",
            Kind::Int { min: 1, max: 10_000 },
            Default::Int(50),
            "The latest songs of the running session that count.",
        ),
    ],
    iterative: false,
    memory: |dataset, _| {
        let (songs, plays) = (dataset.songs.len() as u64, &dataset.plays);
        // Which sessions have which songs, and the reverse: kept, and copied while it is made.
        let incidence = plays.songs.len() as u64 * 8 + (plays.sessions() as u64 + songs) * 8;
        Ok(Memory { weights: songs * 4, optimizer: 0, step: 2 * incidence })
    },
    start: |dataset, options, _| {
        refuse_without_times(&dataset, options)?;
        let weights = vec![1.0; dataset.songs.len()];
        let mut index = Index::new(dataset, weights, seed(options));
        if options.bool("idf") {
            index.weigh_by_rarity();
        }
        Ok(Box::new(SessionKnn::new(index, options)))
    },
    load: |artifact, _| {
        let song_weights = stored_weights(&artifact.weights, artifact.dataset.songs.len())?;
        let index = Index::new(artifact.dataset.clone(), song_weights, seed(&artifact.options));
        Ok(Box::new(SessionKnn::new(index, &artifact.options)))
    },
};

fn seed(options: &Options) -> u64 {
    options.int("seed").unwrap_or(0) as u64
}

/// Refuses to weigh votes by an age that plays do not tell.
fn refuse_without_times(dataset: &Dataset, options: &Options) -> Result<()> {
    let recency = options.float("recency");
    if recency == 0.0 || dataset.plays.has_times() {
        return Ok(());
    }
    Err(Error::data(format!(
        "recency := {recency} asks for the age of sessions, but the plays have no time column; name \
         it with \"time\" := '…', or leave recency out"
    )))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Similarity {
    Dot,
    Cosine,
    Jaccard,
}

/// Past sessions, ready to be asked; clones share them.
#[derive(Clone)]
struct SessionKnn {
    index: Arc<Index>,
    neighbors: usize,
    sample: usize,
    similarity: Similarity,
    position_decay: String,
    match_decay: String,
    proximity: f32,
    recency: f32,
    backward: f32,
    max_length: usize,
}

fn decay(name: &str, distance: usize) -> f32 {
    let d = distance as f32;
    match name {
        "linear" => (1.0 - (d - 1.0) / 10.0).max(0.0),
        "log" => 1.0 / (d + 1.7).log10(),
        "quadratic" => 1.0 / (d * d),
        "none" => 1.0,
        _ => 1.0 / d,
    }
}

impl SessionKnn {
    fn new(index: Index, options: &Options) -> Self {
        let has_times = index.dataset.plays.has_times();
        Self {
            index: Arc::new(index),
            neighbors: options.count("neighbors"),
            sample: options.count("sample"),
            similarity: match options.text("similarity") {
                Some("cosine") => Similarity::Cosine,
                Some("jaccard") => Similarity::Jaccard,
                _ => Similarity::Dot,
            },
            position_decay: options.text("position_decay").unwrap_or_default().to_owned(),
            match_decay: options.text("match_decay").unwrap_or_default().to_owned(),
            proximity: options.float("proximity") as f32,
            recency: if options.has("recency") {
                options.float("recency") as f32
            } else if has_times {
                1.0
            } else {
                0.0
            },
            backward: options.float("backward") as f32,
            max_length: options.count("max_length"),
        }
    }

    /// The weight of the `place`-th of `length` songs, from 1.
    fn position_weight(&self, place: usize, length: usize) -> f32 {
        let share = place as f32 / length as f32;
        match self.position_decay.as_str() {
            "log" => 1.0 / ((length - place) as f32 + 2.7).log10(),
            "quadratic" => share * share,
            "none" => 1.0,
            _ => share,
        }
    }

    /// The sessions that vote, each with its similarity and the distance of its latest match. `own`
    /// is the running session, where the index has it.
    fn neighbours(&self, songs: &[u32], own: Option<u32>) -> Vec<(u32, f32, usize)> {
        let incidence = &self.index.incidence;
        let mut found: HashMap<u32, (f32, usize, usize)> = HashMap::new();
        let mut seen: Vec<u32> = Vec::with_capacity(songs.len());
        for (back, &song) in songs.iter().rev().enumerate() {
            if seen.contains(&song) {
                continue;
            }
            seen.push(song);
            let weight = self.position_weight(songs.len() - back, songs.len());
            let is_past = |session: &&u32| Some(self.index.sessions[**session as usize]) != own;
            // The latest of all are among the latest of each song.
            let latest = incidence.sessions_of(song).iter().rev().filter(is_past);
            for &session in latest.take(self.sample) {
                let entry = found.entry(session).or_insert((0.0, 0, back + 1));
                entry.0 += weight;
                entry.1 += 1;
            }
        }
        let mut sessions: Vec<(u32, f32, usize)> = found
            .into_iter()
            .map(|(session, (weight, shared, distance))| {
                let length = incidence.songs_of(session).len();
                let similarity = match self.similarity {
                    Similarity::Dot => weight,
                    Similarity::Cosine => weight / (length as f32).sqrt(),
                    Similarity::Jaccard => shared as f32 / (length + seen.len() - shared) as f32,
                };
                (session, similarity, distance)
            })
            .collect();
        if sessions.len() > self.sample {
            sessions.select_nth_unstable_by(self.sample, |a, b| b.0.cmp(&a.0));
            sessions.truncate(self.sample);
        }
        sessions.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        sessions.truncate(self.neighbors);
        sessions
    }
}

impl SessionKnn {
    /// The session of the training plays that a context continues.
    fn own(&self, context: &Context<'_>) -> Option<u32> {
        let user = context.user.filter(|_| context.continues)?;
        self.index.dataset.plays.sessions_of(user).last().map(|session| session as u32)
    }

    /// What the age of a session takes from its vote.
    fn age_weight(&self, session: u32) -> f32 {
        if self.recency == 0.0 {
            return 1.0;
        }
        let sessions = self.index.sessions.len() as f32;
        ((session as f32 + 1.0 - sessions) / sessions / self.recency).exp()
    }

    /// A neighbour's vote for each of its distinct songs, `shared` being the latest song of the
    /// running session that it has.
    fn vote(&self, session: u32, vote: f32, shared: u32, mut add: impl FnMut(u32, f32)) {
        let weights = &self.index.song_weights;
        if self.proximity == 0.0 && self.backward == 1.0 {
            let songs = self.index.incidence.songs_of(session);
            songs.iter().for_each(|&song| add(song, vote * weights[song as usize]));
            return;
        }
        let plays = self.index.plays_of(session);
        let at = plays.iter().rposition(|&song| song == shared).unwrap_or(0);
        let mut near: Vec<(u32, f32)> = Vec::with_capacity(plays.len());
        for (i, &song) in plays.iter().enumerate() {
            let distance = i.abs_diff(at) as f32;
            let mut weight =
                if self.proximity == 0.0 { 1.0 } else { (-distance / self.proximity).exp() };
            if i < at {
                weight *= self.backward;
            }
            near.push((song, weight));
        }
        // A song that is there several times counts where it counts most.
        near.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        near.dedup_by_key(|&mut (song, _)| song);
        for (song, weight) in near {
            add(song, vote * weights[song as usize] * weight);
        }
    }
}

impl Model for SessionKnn {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.index.song_weights.len();
        out.par_chunks_exact_mut(songs.max(1)).zip(contexts).for_each(|(scores, context)| {
            scores.fill(0.0);
            let skip = context.songs.len().saturating_sub(self.max_length);
            let songs = &context.songs[skip..];
            for (session, similarity, distance) in self.neighbours(songs, self.own(context)) {
                let vote =
                    similarity * decay(&self.match_decay, distance) * self.age_weight(session);
                let shared = songs[songs.len() - distance];
                self.vote(session, vote, shared, |song, vote| scores[song as usize] += vote);
            }
        });
        Ok(())
    }

    /// What a vote for each song counts, for whoever exports the model; the sessions are the
    /// histories that every model keeps.
    fn weights(&self) -> Result<Weights> {
        let weights = &self.index.song_weights;
        let weights = Tensor::from_slice(weights, weights.len(), &Device::Cpu)?;
        Ok(Weights::from([("song_weights".to_owned(), weights)]))
    }
}

impl Training for SessionKnn {
    /// Nothing is learned beyond the sessions; the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        control.check()?;
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        Ok(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests;
