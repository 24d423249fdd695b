//! Session-kNN: songs of past sessions like the running one (V-SKNN).
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
//! - `idf` is off by default, as in the authors' later comparisons, and can be switched on.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::control::Control;
use crate::data::{Dataset, Incidence};
use crate::error::{Error, Result};
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Training, Weights,
};

/// How a weight falls with age.
const DECAYS: &[&str] = &["reciprocal", "linear", "log", "quadratic", "none"];

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "session_knn",
    summary: "Songs of the past sessions most like the running one (VS-kNN).",
    source: "Ludewig & Jannach 2018",
    example: "FROM train_session_knn('plays', neighbors := 100, sample := 1000)",
    params: &[
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
            "How many sessions that share a song are compared: the latest.",
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
            Default::Text("linear"),
            "How the weight of the running session's songs falls towards its start: i/n, \
             1/log₁₀(n − i + 2.7), (i/n)², or not at all, for the i-th of n songs.",
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
        let mut index = Index::new(&dataset, vec![1.0; dataset.songs.len()]);
        if options.bool("idf") {
            index.weigh_by_rarity();
        }
        Ok(Box::new(SessionKnn::new(index, options)))
    },
    load: |artifact, _| {
        let song_weights = stored_weights(&artifact.weights, artifact.dataset.songs.len())?;
        let index = Index::new(&artifact.dataset, song_weights);
        Ok(Box::new(SessionKnn::new(index, &artifact.options)))
    },
};

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
    max_length: usize,
}

/// Sessions numbered by their age: 0 ended first.
struct Index {
    incidence: Incidence,
    /// What a vote for a song counts.
    song_weights: Vec<f32>,
}

impl Index {
    fn new(dataset: &Dataset, song_weights: Vec<f32>) -> Self {
        let incidence = Incidence::by_age(&dataset.plays, dataset.songs.len());
        Self { incidence, song_weights }
    }

    /// The inverse document frequency of songs, with sessions as documents.
    fn weigh_by_rarity(&mut self) {
        let sessions = self.incidence.sessions() as f32;
        for (song, weight) in self.song_weights.iter_mut().enumerate() {
            *weight = match self.incidence.sessions_of(song as u32).len() {
                0 => 0.0,
                count => (sessions / count as f32).ln(),
            };
        }
    }
}

fn stored_weights(weights: &Weights, songs: usize) -> Result<Vec<f32>> {
    let stored = weights.get("song_weights").ok_or_else(|| {
        Error::model("the stored model has no tensor 'song_weights'; train it again")
    })?;
    if stored.dims() != [songs] {
        return Err(Error::model(
            "tensor 'song_weights' of the stored model is damaged; train it again",
        ));
    }
    Ok(stored.to_vec1()?)
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
        let name = |option: &str| options.text(option).unwrap_or_default().to_owned();
        Self {
            index: Arc::new(index),
            neighbors: options.count("neighbors"),
            sample: options.count("sample"),
            similarity: match options.text("similarity") {
                Some("cosine") => Similarity::Cosine,
                Some("jaccard") => Similarity::Jaccard,
                _ => Similarity::Dot,
            },
            position_decay: name("position_decay"),
            match_decay: name("match_decay"),
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

    /// The sessions that vote, each with its similarity and the distance of its latest match.
    fn neighbours(&self, songs: &[u32]) -> Vec<(u32, f32, usize)> {
        let incidence = &self.index.incidence;
        let mut found: HashMap<u32, (f32, usize, usize)> = HashMap::new();
        let mut seen: Vec<u32> = Vec::with_capacity(songs.len());
        for (back, &song) in songs.iter().rev().enumerate() {
            if seen.contains(&song) {
                continue;
            }
            seen.push(song);
            let weight = self.position_weight(songs.len() - back, songs.len());
            let sessions = incidence.sessions_of(song);
            // The latest of all are among the latest of each song.
            for &session in &sessions[sessions.len().saturating_sub(self.sample)..] {
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

impl Model for SessionKnn {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.index.song_weights.len();
        out.par_chunks_exact_mut(songs.max(1)).zip(contexts).for_each(|(scores, context)| {
            scores.fill(0.0);
            let skip = context.songs.len().saturating_sub(self.max_length);
            for (session, similarity, distance) in self.neighbours(&context.songs[skip..]) {
                let vote = similarity * decay(&self.match_decay, distance);
                for &song in self.index.incidence.songs_of(session) {
                    scores[song as usize] += vote * self.index.song_weights[song as usize];
                }
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
mod tests {
    use super::*;
    use crate::data::{Keys, Plays, Vocab};
    use crate::train::Setting;

    /// Sessions 0–3, of which 3 is the latest.
    fn scores(options: &[(&str, Setting)], context: &[u32]) -> Vec<f32> {
        let songs = vec![0, 1, 2, 0, 1, 3, 1, 4, 5, 5];
        let plays = Plays::in_order(songs, vec![0, 3, 6, 8, 10], vec![0, 4]);
        let dataset = Dataset {
            users: Vocab::new("BIGINT", Keys::Integers(vec![1])),
            songs: Vocab::new("BIGINT", Keys::Integers((0..6).collect())),
            user_fields: Vec::new(),
            song_fields: Vec::new(),
            plays,
            play_counts: vec![2, 3, 1, 1, 1, 2],
            has_sessions: true,
            rejected: 0,
            notes: Vec::new(),
            fingerprint: String::new(),
        };
        let mut settings = Options::defaults(SPEC.params);
        options.iter().for_each(|(name, setting)| settings.set(name, setting.clone()));
        let mut scores = vec![f32::NAN; 6];
        let context = Context { user: None, songs: context };
        let training = (SPEC.start)(Arc::new(dataset), &settings, &Device::Cpu).unwrap();
        training.model().unwrap().score_all(&[context], &mut scores).unwrap();
        scores
    }

    #[test]
    fn neighbours_vote_by_similarity_and_latest_match() {
        // Of [0, 1] song 0 weighs 1/2, song 1 weighs 1. Sessions 0 and 1 share both (1.5), session
        // 2 shares song 1 alone (1); all match at the end, at distance 1.
        assert_eq!(scores(&[], &[0, 1]), [3.0, 4.0, 1.5, 1.5, 1.0, 0.0]);
        // [1, 0]: sessions 0 and 1 as before; session 2 matches at distance 2 with weight 1/2.
        assert_eq!(scores(&[], &[1, 0]), [3.0, 3.25, 1.5, 1.5, 0.25, 0.0]);
        assert_eq!(scores(&[], &[]), [0.0; 6]);
    }

    #[test]
    fn the_latest_sessions_are_compared_and_the_nearest_vote() {
        let sample = [("sample", Setting::Int(1))];
        assert_eq!(scores(&sample, &[0, 1]), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        // Sessions 0 and 1 are equally near: the later one votes.
        let nearest = [("neighbors", Setting::Int(1))];
        assert_eq!(scores(&nearest, &[0, 1]), [1.5, 1.5, 0.0, 1.5, 0.0, 0.0]);
    }

    #[test]
    fn options_change_similarities_and_votes() {
        let text = |value: &str| Setting::Text(value.into());
        let cosine = scores(&[("similarity", text("cosine"))], &[0, 1])[4];
        assert!((cosine - 0.5_f32.sqrt()).abs() < 1e-6);
        // Session 2 has songs 1 and 4: one shared of three.
        let jaccard = scores(&[("similarity", text("jaccard"))], &[0, 1])[4];
        assert!((jaccard - 1.0 / 3.0).abs() < 1e-6);
        let idf = scores(&[("idf", Setting::Bool(true))], &[0, 1])[4];
        assert!((idf - 4.0_f32.ln()).abs() < 1e-6);
        let even = scores(&[("position_decay", text("none"))], &[0, 1])[2];
        assert!((even - 2.0).abs() < 1e-6);
        let quadratic = scores(&[("match_decay", text("quadratic"))], &[1, 0])[4];
        assert!((quadratic - 0.125).abs() < 1e-6);
        let latest = scores(&[("max_length", Setting::Int(1))], &[5, 0]);
        assert_eq!(latest[5], 0.0);
    }
}
