//! COAT's scores of all songs for a user, through the pairs of a chord and a place that occur.

use candle_core::Tensor;

use super::network::{Attention, CHORD, Coat, HIDDEN, SONG, USER};
use crate::error::Result;
use crate::nn::{self, ABSENT, Dropout};
use crate::train::pairs::{Catalogue, Network};
use crate::train::{Weights, weight};

/// Songs pass through the tower so many at a time.
const TILE: usize = 1_024;
/// Weights that add up to less have lost digits.
const FAINT: f32 = 1e-20;

/// All songs, ready to be scored.
pub struct Songs {
    network: Coat,
    /// All but the songs' table.
    weights: Weights,
    /// The songs' embeddings `(V, D)`.
    embeddings: Tensor,
    sound: Sound,
}

/// What songs sound like.
enum Sound {
    /// To everybody the same: `(V, D)`.
    Alike(Tensor),
    /// To each user something else.
    ByUser(Places),
}

impl Songs {
    /// Prepares a catalogue; `weights` hold the whole table of songs.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    pub fn new(network: Coat, weights: &Weights) -> Result<Self> {
        let embeddings = weight(weights, SONG)?;
        let codes = network.of_one_user(&(0..embeddings.dim(0)? as u32).collect::<Vec<_>>());
        let sound = match network.attention {
            Attention::User { .. } => Sound::ByUser(Places::new(&network, weights, &codes.codes)?),
            Attention::Mean | Attention::Sum => {
                Sound::Alike(network.attend(weights, &[], &codes)?)
            }
        };
        let mut weights = weights.clone();
        weights.remove(SONG);
        Ok(Self { network, weights, embeddings, sound })
    }

    /// The weights, among them these of a user.
    fn with(&self, user: &Weights) -> Weights {
        let mut weights = self.weights.clone();
        weights.extend(user.iter().map(|(name, rows)| (name.clone(), rows.clone())));
        weights
    }
}

impl Catalogue for Songs {
    fn logits(&self, user: &Weights, out: &mut [f32]) -> Result<()> {
        let songs: Vec<u32> = (0..out.len() as u32).collect();
        self.logits_of(user, &songs, out)
    }

    fn logits_of(&self, user: &Weights, songs: &[u32], out: &mut [f32]) -> Result<()> {
        let weights = self.with(user);
        let user = weight(&weights, USER)?; // (1, D)
        let heard = match &self.sound {
            Sound::Alike(_) => Heard::default(),
            Sound::ByUser(places) => {
                let query = self.network.queries(&weights)?.squeeze(0)?.to_vec1()?;
                places.hear(query)
            }
        };
        for songs in songs.chunks(TILE) {
            let rows = Tensor::from_slice(songs, songs.len(), user.device())?;
            let embeddings = self.embeddings.index_select(&rows, 0)?;
            let attended = match &self.sound {
                Sound::ByUser(places) => {
                    let attended = places.attend(&heard, songs);
                    Tensor::from_vec(attended, embeddings.shape(), user.device())?
                }
                Sound::Alike(attended) => attended.index_select(&rows, 0)?,
            };
            let products = embeddings.broadcast_mul(&user)?;
            let (users, dropout) = (user.broadcast_as(products.shape())?, &mut Dropout::off());
            let logits = self.network.predict(&weights, &products, &attended, &users, dropout)?;
            let logits = logits.to_vec1::<f32>()?;
            songs.iter().zip(logits).for_each(|(&song, logit)| out[song as usize] = logit);
        }
        Ok(())
    }

    fn attention(&self, user: &Weights, song: u32) -> Result<Option<Vec<f32>>> {
        let weights = self.with(user);
        let users = self.network.users(&weights)?;
        let codes = self.network.of_one_user(&[song]);
        if codes.codes.first() == Some(&ABSENT) {
            return Ok(Some(Vec::new()));
        }
        Ok(Some(self.network.weigh(&weights, &users, &codes)?.squeeze(0)?.to_vec1()?))
    }
}

/// The places of all songs, by what they have in common.
struct Places {
    /// For every place of every song `(V, P)` its pair of a chord and a place, in ascending order;
    /// [`ABSENT`] of songs without chords.
    pairs: Vec<u32>,
    /// P.
    places: usize,
    /// The chord of each pair (N); the pairs of a chord stand together.
    chords: Vec<u32>,
    /// What eq. 2 adds up for each pair but for the user's part, `(N, A)`.
    keys: Vec<f32>,
    /// `h` of eq. 2 (A).
    hidden: Vec<f32>,
    /// The embeddings of chords `(K, D)`.
    embeddings: Vec<f32>,
    /// D.
    size: usize,
}

impl Places {
    fn new(network: &Coat, weights: &Weights, codes: &[u32]) -> Result<Self> {
        let places = network.places;
        let number = |at: usize, code: u32| u64::from(code) * places as u64 + (at % places) as u64;
        let present = || codes.iter().enumerate().filter(|(_, code)| **code != ABSENT);
        let mut distinct: Vec<u64> = present().map(|(at, &code)| number(at, code)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut pairs = vec![ABSENT; codes.len()];
        for (at, &code) in present() {
            pairs[at] = distinct.partition_point(|&other| other < number(at, code)) as u32;
        }
        pairs.chunks_exact_mut(places).for_each(<[u32]>::sort_unstable);
        let all = network.keys(weights)?; // (K + P, A)
        let (rows, width) = all.dims2()?;
        let all: Vec<f32> = all.flatten_all()?.to_vec1()?;
        let row = |row: usize| &all[row * width..(row + 1) * width];
        let mut keys = Vec::with_capacity(distinct.len() * width);
        for &pair in &distinct {
            let (chord, place) = (pair as usize / places, pair as usize % places);
            let parts = row(chord).iter().zip(row(rows - places + place));
            keys.extend(parts.map(|(chord, place)| chord + place));
        }
        Ok(Self {
            pairs,
            places,
            chords: distinct.iter().map(|pair| (pair / places as u64) as u32).collect(),
            keys,
            hidden: weight(weights, HIDDEN)?.to_vec1()?,
            embeddings: weight(weights, CHORD)?.flatten_all()?.to_vec1()?,
            size: network.size,
        })
    }

    /// What a user with this query (A) hears.
    fn hear(&self, query: Vec<f32>) -> Heard {
        let mut hidden = vec![0.0_f32; query.len()];
        let logits = self.keys.chunks_exact(query.len()).map(|key| {
            let parts = query.iter().zip(key);
            hidden.iter_mut().zip(parts).for_each(|(to, (q, k))| *to = (q + k).max(0.0));
            nn::dot(&self.hidden, &hidden)
        });
        let logits: Vec<f32> = logits.collect();
        let max = max_of(logits.iter().copied());
        let exps = logits.iter().map(|logit| nn::exp(logit - max)).collect();
        Heard { logits, exps }
    }

    /// What songs sound like `(songs, D)` to a user.
    fn attend(&self, Heard { logits, exps }: &Heard, songs: &[u32]) -> Vec<f32> {
        let mut attended = vec![0.0; songs.len() * self.size];
        let mut weights = vec![0.0_f32; self.places];
        for (&song, attended) in songs.iter().zip(attended.chunks_exact_mut(self.size)) {
            let pairs = &self.pairs[song as usize * self.places..][..self.places];
            if pairs[0] == ABSENT {
                continue;
            }
            weights.iter_mut().zip(pairs).for_each(|(to, &pair)| *to = exps[pair as usize]);
            if weights.iter().sum::<f32>() < FAINT {
                // Other songs have far greater logits: this one's own greatest keeps the digits.
                let logit = |pair: &u32| logits[*pair as usize];
                let max = max_of(pairs.iter().map(logit));
                weights.iter_mut().zip(pairs).for_each(|(to, p)| *to = nn::exp(logit(p) - max));
            }
            let share = 1.0 / weights.iter().sum::<f32>();
            let mut at = 0;
            // A chord's embedding is weighed once, whatever the places that it has.
            let chord = |pair: &u32| self.chords[*pair as usize];
            for pairs in pairs.chunk_by(|a, b| chord(a) == chord(b)) {
                let weight = share * weights[at..at + pairs.len()].iter().sum::<f32>();
                at += pairs.len();
                let first = chord(&pairs[0]) as usize * self.size;
                let embedding = &self.embeddings[first..first + self.size];
                attended.iter_mut().zip(embedding).for_each(|(to, x)| *to += weight * x);
            }
        }
        attended
    }
}

/// What a user hears at each pair of a chord and a place (N).
#[derive(Default)]
struct Heard {
    /// The logits of eq. 2.
    logits: Vec<f32>,
    /// `e` to the power of these less the greatest of all.
    exps: Vec<f32>,
}

fn max_of(logits: impl Iterator<Item = f32>) -> f32 {
    logits.fold(f32::NEG_INFINITY, f32::max)
}
