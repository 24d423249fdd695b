//! The past sessions of session-kNN.

use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::{Dataset, Incidence};
use crate::error::{Error, Result};
use crate::train::Weights;

/// Sessions by numbers: 0 ended first. Where plays have no times, they are numbered at random.
pub(super) struct Index {
    pub dataset: Arc<Dataset>,
    /// The session of each number.
    pub sessions: Vec<u32>,
    pub incidence: Incidence,
    /// What a vote for a song counts.
    pub song_weights: Vec<f32>,
}

impl Index {
    pub fn new(dataset: Arc<Dataset>, song_weights: Vec<f32>, seed: u64) -> Self {
        let plays = &dataset.plays;
        let sessions = plays.sessions_by_age().unwrap_or_else(|| {
            let mut order: Vec<u32> = (0..plays.sessions() as u32).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            order
        });
        let incidence = Incidence::in_order(plays, dataset.songs.len(), &sessions);
        Self { dataset, sessions, incidence, song_weights }
    }

    /// The songs of a session in the order in which they were played.
    pub fn plays_of(&self, session: u32) -> &[u32] {
        self.dataset.plays.session(self.sessions[session as usize] as usize)
    }

    /// The inverse document frequency of songs, with sessions as documents.
    pub fn weigh_by_rarity(&mut self) {
        let sessions = self.incidence.sessions() as f32;
        for (song, weight) in self.song_weights.iter_mut().enumerate() {
            *weight = match self.incidence.sessions_of(song as u32).len() {
                0 => 0.0,
                count => (sessions / count as f32).ln(),
            };
        }
    }
}

/// The stored weights of votes.
///
/// # Errors
/// They are missing, or do not fit.
pub(super) fn stored_weights(weights: &Weights, songs: usize) -> Result<Vec<f32>> {
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
