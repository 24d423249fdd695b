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

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::control::Control;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::{
    Context, Default, Kind, Memory, Model, ModelSpec, Options, Param, Training, Weights,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "item_knn",
    summary: "Songs most often played in the same sessions (cosine similarity with shrinkage).",
    source: "Deshpande & Karypis 2004",
    example: "FROM train_item_knn('plays', neighbors := 100, shrinkage := 20)",
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
        Ok(Box::new(ItemKnn::load(&artifact.dataset, &artifact.options, &artifact.weights)?))
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

/// Neighbour lists of all songs, packed.
#[derive(Clone)]
struct ItemKnn {
    max_length: usize,
    offsets: Arc<Vec<u32>>,
    songs: Arc<Vec<u32>>,
    similarities: Arc<Vec<f32>>,
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

    /// The neighbours of one song, most similar first; `counts` is scratch space of zeros.
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
        neighbours.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        neighbours.truncate(self.neighbors);
        // A song may meet most others; only what is kept is worth its memory.
        neighbours.shrink_to_fit();
        neighbours
    }
}

impl Training for Fitting {
    /// Counts co-occurrences; nothing is minimised, so the loss is 0.
    fn epoch(&mut self, _epoch: usize, control: &Control) -> Result<f64> {
        let incidence = Incidence::new(&self.dataset);
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
        let mut offsets = vec![0];
        let (mut neighbours, mut similarities) = (Vec::new(), Vec::new());
        for list in lists {
            neighbours.extend(list.iter().map(|&(song, _)| song));
            similarities.extend(list.iter().map(|&(_, similarity)| similarity));
            offsets.push(neighbours.len() as u32);
        }
        self.fitted = Some(ItemKnn {
            max_length: self.max_length,
            offsets: Arc::new(offsets),
            songs: Arc::new(neighbours),
            similarities: Arc::new(similarities),
        });
        Ok(0.0)
    }

    fn model(&self) -> Result<Box<dyn Model>> {
        match &self.fitted {
            Some(model) => Ok(Box::new(model.clone())),
            None => Err(Error::Compute("item_knn is not fitted yet".into())),
        }
    }
}

/// Which distinct songs each session has, and the reverse.
struct Incidence {
    song_offsets: Vec<usize>,
    songs: Vec<u32>,
    session_offsets: Vec<usize>,
    sessions: Vec<u32>,
}

impl Incidence {
    fn new(dataset: &Dataset) -> Self {
        let plays = &dataset.plays;
        let (mut song_offsets, mut songs) = (vec![0], Vec::with_capacity(plays.songs.len()));
        for session in 0..plays.sessions() {
            let mut distinct = plays.session(session).to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            songs.extend(distinct);
            song_offsets.push(songs.len());
        }
        let mut session_offsets = vec![0; dataset.songs.len() + 1];
        for &song in &songs {
            session_offsets[song as usize + 1] += 1;
        }
        for i in 1..session_offsets.len() {
            session_offsets[i] += session_offsets[i - 1];
        }
        let mut next = session_offsets.clone();
        let mut sessions = vec![0; songs.len()];
        for session in 0..plays.sessions() {
            for &song in &songs[song_offsets[session]..song_offsets[session + 1]] {
                sessions[next[song as usize]] = session as u32;
                next[song as usize] += 1;
            }
        }
        Self { song_offsets, songs, session_offsets, sessions }
    }

    fn songs_of(&self, session: u32) -> &[u32] {
        let session = session as usize;
        &self.songs[self.song_offsets[session]..self.song_offsets[session + 1]]
    }

    fn sessions_of(&self, song: u32) -> &[u32] {
        let song = song as usize;
        &self.sessions[self.session_offsets[song]..self.session_offsets[song + 1]]
    }
}

impl ItemKnn {
    fn load(dataset: &Dataset, options: &Options, weights: &Weights) -> Result<Self> {
        let get = |name: &str| {
            weights.get(name).ok_or_else(|| {
                Error::model(format!(
                    "the stored item_knn model has no tensor '{name}'; train it again"
                ))
            })
        };
        let offsets: Vec<u32> = get("offsets")?.to_vec1()?;
        let songs: Vec<u32> = get("songs")?.to_vec1()?;
        let similarities: Vec<f32> = get("similarities")?.to_vec1()?;
        let end = offsets.last().map(|&end| end as usize);
        let whole = offsets.len() == dataset.songs.len() + 1
            && offsets.is_sorted()
            && end == Some(songs.len())
            && end == Some(similarities.len())
            && songs.iter().all(|&song| (song as usize) < dataset.songs.len());
        if !whole {
            return Err(Error::model("the stored item_knn model is damaged; train it again"));
        }
        Ok(Self {
            max_length: options.count("max_length"),
            offsets: Arc::new(offsets),
            songs: Arc::new(songs),
            similarities: Arc::new(similarities),
        })
    }
}

impl Model for ItemKnn {
    fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
        let songs = self.offsets.len() - 1;
        if songs == 0 {
            return Ok(());
        }
        out.par_chunks_mut(songs).zip(contexts).for_each(|(scores, context)| {
            scores.fill(0.0);
            let skip = context.songs.len().saturating_sub(self.max_length);
            for &song in &context.songs[skip..] {
                let range =
                    self.offsets[song as usize] as usize..self.offsets[song as usize + 1] as usize;
                for (&other, similarity) in
                    self.songs[range.clone()].iter().zip(&self.similarities[range])
                {
                    scores[other as usize] += similarity;
                }
            }
        });
        Ok(())
    }

    fn weights(&self) -> Result<Weights> {
        let (links, rows) = (self.songs.len(), self.offsets.len());
        Ok(Weights::from([
            ("offsets".to_owned(), Tensor::from_slice(&self.offsets, rows, &Device::Cpu)?),
            ("songs".to_owned(), Tensor::from_slice(&self.songs, links, &Device::Cpu)?),
            (
                "similarities".to_owned(),
                Tensor::from_slice(&self.similarities, links, &Device::Cpu)?,
            ),
        ]))
    }
}
