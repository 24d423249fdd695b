//! COAT's scores of all songs for a user, through the pairs of a chord and a place that occur.

use candle_core::Tensor;

use super::network::{Attention, CHORD, Coat, HIDDEN, SONG};
use crate::error::Result;
use crate::nn::{self, ABSENT, Codes, Dropout, Meetings};
use crate::train::Weights;
use crate::train::pairs::{Catalogue, Network};
use crate::train::weight;

/// Songs pass through the tower so many at a time.
const TILE: usize = 1_024;

/// All songs, ready to be scored.
pub struct Songs {
    network: Coat,
    weights: Weights,
    /// Their embeddings `(V, D)`.
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
        let songs: Vec<u32> = (0..embeddings.dim(0)? as u32).collect();
        let codes = network.codes(&songs);
        let sound = match network.attention {
            Attention::User { .. } => Sound::ByUser(Places::new(&network, weights, &codes)?),
            Attention::Mean | Attention::Sum => {
                let at = Meetings { users: vec![0; songs.len()], songs };
                let codes = Codes { codes, places: network.places, at };
                Sound::Alike(network.attend(weights, None, &codes)?)
            }
        };
        let mut weights = weights.clone();
        weights.remove(SONG);
        Ok(Self { network, weights, embeddings, sound })
    }
}

impl Catalogue for Songs {
    fn logits(&self, user: &Weights, out: &mut [f32]) -> Result<()> {
        let mut weights = self.weights.clone();
        weights.extend(user.iter().map(|(name, row)| (name.clone(), row.clone())));
        let parts = self.network.users(&weights)?;
        let user = &parts[0]; // (1, D)
        let attended = match &self.sound {
            Sound::Alike(attended) => attended.clone(),
            Sound::ByUser(places) => {
                let attended = places.attend(&parts[1].squeeze(0)?.to_vec1()?);
                Tensor::from_vec(attended, self.embeddings.shape(), user.device())?
            }
        };
        for (tile, out) in out.chunks_mut(TILE).enumerate() {
            let rows = |table: &Tensor| table.narrow(0, tile * TILE, out.len());
            let products = rows(&self.embeddings)?.broadcast_mul(user)?;
            let users = user.broadcast_as(products.shape())?.contiguous()?;
            let attended = rows(&attended)?;
            let dropout = &mut Dropout::off();
            let logits = self.network.predict(&weights, &products, &attended, &users, dropout)?;
            out.copy_from_slice(&logits.to_vec1::<f32>()?);
        }
        Ok(())
    }
}

/// The places of all songs, by what they have in common.
struct Places {
    /// For every place of every song `(V, P)` which pair of a chord and a place it is.
    pairs: Vec<u32>,
    /// The chord of each pair (N).
    chords: Vec<u32>,
    /// What the hidden layer adds up of each pair but for the user's part, `(N, A)`.
    keys: Vec<f32>,
    /// `h` of eq. 2 (A).
    hidden: Vec<f32>,
    /// The embeddings of chords `(K, D)`.
    embeddings: Vec<f32>,
    places: usize,
    size: usize,
}

impl Places {
    fn new(network: &Coat, weights: &Weights, codes: &[u32]) -> Result<Self> {
        let places = network.places;
        let pair_at =
            |at: usize, code: u32| u64::from(code) * places as u64 + (at % places) as u64;
        let present = || codes.iter().enumerate().filter(|(_, code)| **code != ABSENT);
        let mut distinct: Vec<u64> = present().map(|(at, &code)| pair_at(at, code)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut pairs = vec![ABSENT; codes.len()];
        for (at, &code) in present() {
            pairs[at] = distinct.binary_search(&pair_at(at, code)).unwrap_or_default() as u32;
        }
        let keys = network.keys(weights)?;
        let (rows, width) = keys.dims2()?;
        let keys: Vec<f32> = keys.flatten_all()?.to_vec1()?;
        let key = |row: usize| &keys[row * width..(row + 1) * width];
        let first_place = rows - places;
        let mut pair_keys = Vec::with_capacity(distinct.len() * width);
        for pair in &distinct {
            let (chord, place) = (*pair as usize / places, *pair as usize % places);
            let sums = key(chord).iter().zip(key(first_place + place));
            pair_keys.extend(sums.map(|(chord, place)| chord + place));
        }
        Ok(Self {
            pairs,
            chords: distinct.iter().map(|pair| (pair / places as u64) as u32).collect(),
            keys: pair_keys,
            hidden: weight(weights, HIDDEN)?.to_vec1()?,
            embeddings: weight(weights, CHORD)?.flatten_all()?.to_vec1()?,
            places,
            size: network.size,
        })
    }

    /// What all songs sound like to a user of this query (A): `(V, D)`.
    fn attend(&self, query: &[f32]) -> Vec<f32> {
        let mut hidden = vec![0.0_f32; query.len()];
        let mut logits = Vec::with_capacity(self.chords.len());
        for key in self.keys.chunks_exact(query.len()) {
            let sums = query.iter().zip(key);
            hidden.iter_mut().zip(sums).for_each(|(to, (q, k))| *to = (q + k).max(0.0));
            logits.push(nn::dot(&self.hidden, &hidden));
        }
        let songs = self.pairs.chunks_exact(self.places);
        let mut attended = vec![0.0; songs.len() * self.size];
        let mut weights = vec![0.0_f32; self.places];
        for (pairs, attended) in songs.zip(attended.chunks_exact_mut(self.size)) {
            if pairs[0] == ABSENT {
                continue;
            }
            let logit = |pair: &u32| logits[*pair as usize];
            let max = pairs.iter().map(logit).fold(f32::NEG_INFINITY, f32::max);
            weights.iter_mut().zip(pairs).for_each(|(to, pair)| *to = (logit(pair) - max).exp());
            let share = 1.0 / weights.iter().sum::<f32>();
            for (weight, pair) in weights.iter().zip(pairs) {
                let chord = self.chords[*pair as usize] as usize * self.size;
                let embedding = &self.embeddings[chord..chord + self.size];
                let weight = weight * share;
                attended.iter_mut().zip(embedding).for_each(|(to, x)| *to += weight * x);
            }
        }
        attended
    }
}
