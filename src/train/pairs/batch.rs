//! The examples of a training step.

use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Config;
use crate::data::{Dataset, Incidence, PopularitySampler};
use crate::nn::Meetings;
use crate::train::Distinct;

/// How often a negative is drawn anew that the user played, before it is left out.
const DRAWS: usize = 64;

/// Draws batches: pairs that were played, each with pairs of the same user that were not.
pub struct Batches {
    /// Who played what.
    pub played: Incidence,
    /// All pairs that were played.
    pub pairs: Vec<(u32, u32)>,
    sampler: PopularitySampler,
    negatives: usize,
    /// The share of songs whose id is hidden; `None` where tables have no row for that.
    hidden: Option<f64>,
    songs: usize,
    /// The distinct rows of the running batch.
    users: Distinct,
    /// Songs, and behind them songs whose id is hidden.
    seen: Distinct,
    rows: Distinct,
}

/// What a step looks at.
pub struct Batch {
    /// Distinct rows of the users' tables (U).
    pub users: Vec<u32>,
    /// The songs that meet them (S), distinct but for those whose id is hidden.
    pub songs: Vec<u32>,
    /// Distinct rows of the songs' tables (R).
    pub rows: Vec<u32>,
    /// Which of these each song has (S); `None` where song by song has its own, in the same order.
    pub row_of: Option<Vec<u32>>,
    /// Which users and songs meet (B).
    pub at: Meetings,
    /// Whether the user played the song, 1 or 0 (B).
    pub labels: Arc<Vec<f32>>,
}

impl Batches {
    /// Prepares the draws; `hides` says whether songs' ids can be hidden.
    pub fn new(dataset: &Dataset, config: &Config, hides: bool) -> Self {
        let songs = dataset.songs.len();
        let played = config.per.incidence(dataset);
        let rows = played.sessions();
        let pairs = (0..rows as u32)
            .flat_map(|row| played.songs_of(row).iter().map(move |&song| (row, song)))
            .collect();
        Self {
            pairs,
            sampler: PopularitySampler::new(&dataset.play_counts, 0.0),
            negatives: config.negatives,
            hidden: hides.then_some(config.song_dropout),
            songs,
            users: Distinct::new(rows),
            seen: Distinct::new(2 * songs),
            rows: Distinct::new(songs + 1),
            played,
        }
    }

    /// A batch of these played pairs.
    pub fn batch(&mut self, pairs: &[(u32, u32)], rng: &mut ChaCha8Rng) -> Batch {
        self.users.clear();
        self.seen.clear();
        self.rows.clear();
        let mut at = Meetings::default();
        let mut labels = Vec::with_capacity(pairs.len() * (1 + self.negatives));
        for &(user, song) in pairs {
            let row = self.users.place(user) as u32;
            let played = self.played.songs_of(user);
            for draw in 0..=self.negatives {
                let song = match draw {
                    0 => Some(song),
                    _ => (0..DRAWS)
                        .map(|_| self.sampler.draw(rng))
                        .find(|song| played.binary_search(song).is_err()),
                };
                let Some(song) = song else { continue };
                let hide = self.hidden.is_some_and(|rate| rng.random_bool(rate));
                let key = if hide { song + self.songs as u32 } else { song };
                at.users.push(row);
                at.songs.push(self.seen.place(key) as u32);
                labels.push(f32::from(u8::from(draw == 0)));
            }
        }
        let count = self.songs as u32;
        let songs = self.seen.rows().iter().map(|key| key % count).collect();
        let mut row = |key: &u32| self.rows.place((*key).min(count)) as u32;
        let row_of: Vec<u32> = self.seen.rows().iter().map(&mut row).collect();
        let row_of = self.hidden.is_some().then_some(row_of);
        let (users, rows) = (self.users.rows().to_vec(), self.rows.rows().to_vec());
        Batch { users, songs, rows, row_of, at, labels: Arc::new(labels) }
    }
}
