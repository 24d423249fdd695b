//! Item-kNN: songs that are played in the same sessions.
//!
//! Deshpande & Karypis, "Item-based top-N recommendation algorithms", TOIS 2004. The similarity of
//! two songs is the cosine of their session incidence vectors, shrunk towards 0 where it rests on
//! few sessions: `|S_a ∩ S_b| / (√(|S_a|·|S_b|) + shrinkage)`. A song's score is the sum of its
//! similarities to the songs of the running session. Without sessions a user's history is one.
//!
//! # Deviations
//! - `self_similarity` (default true) keeps a song's similarity to itself: music is heard again,
//!   and without it the model could never recommend a repeat where repeats are allowed.

use std::sync::Arc;

use rayon::prelude::*;

use crate::control::Control;
use crate::data::{Dataset, Incidence};
use crate::error::{Error, Result};
use crate::nn::SongLinks;
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Training, Weights,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "item_knn",
    summary: "Songs most often played in the same sessions (cosine similarity with shrinkage).",
    source: "Deshpande & Karypis 2004",
    example: "FROM train_item_knn('plays', neighbors := 100, shrinkage := 20)",
    inputs: &[],
    params: &[
        Param::new(
            "neighbors",
            Kind::Int { min: 1, max: 1_000_000 },
            Default::Int(100),
            "Most similar songs kept per song.",
        ),
        Param::new(
            "shrinkage",
            Kind::Float { min: 0.0, max: 1e9 },
            Default::Float(20.0),
            "Added to the denominator of the cosine: damps similarities that rest on few sessions.",
        ),
        Param::new(
            "max_length",
            Kind::Int { min: 1, max: 10_000 },
            Default::Int(20),
            "The latest songs of a session that count.",
        ),
        Param::new(
            "self_similarity",
            Kind::Bool,
            Default::Bool(true),
            "Whether a song is similar to itself, so that repeats can be recommended.",
        ),
    ],
    iterative: false,
    memory: |dataset, options| Ok(memory(dataset, options)),
    start: |dataset, options, _| Ok(Box::new(Fitting::new(dataset, options))),
    load: |artifact, _| {
        Ok(Box::new(ItemKnn {
            max_length: artifact.options.count("max_length"),
            links: SongLinks::load(&artifact.weights, artifact.dataset.songs.len())?,
        }))
    },
};

/// Neighbour lists are bounded by `neighbors`, and by what is played together at all.
fn memory(dataset: &Dataset, options: &Options) -> Memory {
    let (songs, plays) = (dataset.songs.len() as u64, &dataset.plays);
    let lengths = plays.session_offsets.windows(2).map(|bounds| bounds[1] - bounds[0]);
    let together: u64 = lengths.map(|length| length * length).sum();
    let kept = songs.min(options.count("neighbors") as u64);
    let weights = (songs + 1) * 4 + together.min(songs * kept) * 8;
    // Which sessions have which songs and the reverse, counts, and the lists before they are packed.
    let incidence = plays.songs.len() as u64 * 8 + (plays.sessions() as u64 + songs) * 8;
    Memory { weights, optimizer: 0, step: incidence + songs * 8 + weights }
}

/// Each song's most similar songs.
#[derive(Clone)]
struct ItemKnn {
    max_length: usize,
    links: SongLinks,
}

struct Fitting {
    dataset: Arc<Dataset>,
    max_length: usize,
    neighbors: usize,
    shrinkage: f64,
    self_similarity: bool,
    fitted: Option<ItemKnn>,
}

impl Fitting {
    fn new(dataset: Arc<Dataset>, options: &Options) -> Self {
        Self {
            dataset,
            max_length: options.count("max_length"),
            neighbors: options.count("neighbors"),
            shrinkage: options.float("shrinkage"),
            self_similarity: options.bool("self_similarity"),
            fitted: None,
        }
    }

    /// The neighbours of one song; `counts` is scratch space of zeros.
    fn neighbours(&self, song: u32, incidence: &Incidence, counts: &mut [u32]) -> Vec<(u32, f32)> {
        let mut touched = Vec::new();
        for &session in incidence.sessions_of(song) {
            for &other in incidence.songs_of(session) {
                if counts[other as usize] == 0 {
                    touched.push(other);
                }
                counts[other as usize] += 1;
            }
        }
        let own = incidence.sessions_of(song).len() as f64;
        let mut neighbours = Vec::with_capacity(touched.len());
        for &other in &touched {
            let common = f64::from(std::mem::take(&mut counts[other as usize]));
            if other == song && !self.self_similarity {
                continue;
            }
            let theirs = incidence.sessions_of(other).len() as f64;
            let similarity = common / ((own * theirs).sqrt() + self.shrinkage);
            neighbours.push((other, similarity as f32));
        }
        SongLinks::strongest(neighbours, self.neighbors)
    }
}

impl Training for Fitting {
    /// Counts co-occurrences; nothing is minimised, so the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        let incidence = Incidence::new(&self.dataset.plays, self.dataset.songs.len());
        let songs = self.dataset.songs.len();
        let lists: Vec<Vec<(u32, f32)>> = (0..songs as u32)
            .into_par_iter()
            .map_init(
                || vec![0; songs],
                |counts, song| {
                    control.check()?;
                    Ok(self.neighbours(song, &incidence, counts))
                },
            )
            .collect::<Result<_>>()?;
        let links = SongLinks::pack(lists)?;
        self.fitted = Some(ItemKnn { max_length: self.max_length, links });
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        match &self.fitted {
            Some(model) => Ok(Box::new(model.clone())),
            None => Err(Error::Compute("item_knn is not fitted yet".into())),
        }
    }
}

impl Model for ItemKnn {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.links.songs();
        if songs == 0 {
            return Ok(());
        }
        out.par_chunks_mut(songs).zip(contexts).for_each(|(scores, context)| {
            scores.fill(0.0);
            let skip = context.songs.len().saturating_sub(self.max_length);
            for &song in &context.songs[skip..] {
                for (other, similarity) in self.links.of(song) {
                    scores[other as usize] += similarity;
                }
            }
        });
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        self.links.tensors()
    }
}
