//! COAT's forward pass.

use std::sync::Arc;

use candle_core::Tensor;

use super::catalogue::Songs;
use crate::data::Chords;
use crate::error::Result;
use crate::nn::{self, ABSENT, Codes, Dropout, Meetings};
use crate::train::pairs::{Catalogue, Network, Pairs, Side, Table, Tower};
use crate::train::{Initial, Weights, weight};

/// The embeddings `e_u` and `e_i`.
pub const USER: &str = "user";
pub const SONG: &str = "song";
/// The embeddings of chords `(K, D)` and of places `(P, D)`.
pub const CHORD: &str = "chord";
const PLACE: &str = "place";
/// The parts of `W` `(D, A)`, `b` (A) and `h` (A) of eq. 2.
const BY_USER: &str = "attention.user";
const BY_CHORD: &str = "attention.chord";
const BY_PLACE: &str = "attention.place";
const BIAS: &str = "attention.bias";
pub const HIDDEN: &str = "attention.output";
/// The tower's last layer, `(H, 1)` and (1).
const OUTPUT: &str = "output.weight";
const OUTPUT_BIAS: &str = "output.bias";

/// How the places of a song are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// By eqs. 2 and 3.
    User {
        /// A, the width of the hidden layer.
        width: usize,
    },
    /// All alike.
    Mean,
    /// All by 1.
    Sum,
}

/// The network.
#[derive(Clone)]
pub struct Coat {
    /// The chords of songs.
    pub chords: Arc<Chords>,
    /// D, the size of embeddings.
    pub size: usize,
    /// How places are weighed.
    pub attention: Attention,
    /// P, the places of a song.
    pub places: usize,
    /// Whether the user's embedding enters the tower.
    pub knows_user: bool,
    /// The layers but the last.
    pub tower: Tower,
    /// The deviation of embeddings before training.
    pub deviation: f32,
    /// The share of what enters the tower's layers that training drops.
    pub dropout: f64,
}

impl Coat {
    /// The chords of songs, repeated and cut to P places each; [`ABSENT`] of songs without chords.
    pub fn codes(&self, songs: &[u32]) -> Vec<u32> {
        let mut codes = Vec::with_capacity(songs.len() * self.places);
        for &song in songs {
            match self.chords.of(song) {
                [] => codes.resize(codes.len() + self.places, ABSENT),
                chords => codes.extend(chords.iter().cycle().take(self.places)),
            }
        }
        codes
    }

    /// The chords of songs, each of which the first user meets.
    pub fn of_one_user(&self, songs: &[u32]) -> Codes {
        let codes = self.codes(songs);
        let count = songs.len() as u32;
        let at = Meetings { users: vec![0; songs.len()], songs: (0..count).collect() };
        Codes { codes, places: self.places, at }
    }

    /// The users' parts of the attention's hidden layer, and its bias, `(U, A)`.
    pub fn queries(&self, weights: &Weights) -> Result<Tensor> {
        let bias = weight(weights, BIAS)?;
        nn::linear(&weight(weights, USER)?, &weight(weights, BY_USER)?, Some(&bias))
    }

    /// What the hidden layer adds up but for the user's part: of chords and then of places,
    /// `(K + P, A)`.
    pub fn keys(&self, weights: &Weights) -> Result<Tensor> {
        let chords = nn::linear(&weight(weights, CHORD)?, &weight(weights, BY_CHORD)?, None)?;
        let places = nn::linear(&weight(weights, PLACE)?, &weight(weights, BY_PLACE)?, None)?;
        Ok(Tensor::cat(&[chords, places], 0)?)
    }

    /// The weights `β` of all places of pairs `(B, P)` (eqs. 2 and 3); `users` is what users bring
    /// along.
    pub fn weigh(&self, weights: &Weights, users: &[Tensor], codes: &Codes) -> Result<Tensor> {
        let alike = |share: f64| -> Result<Tensor> {
            let chords = weight(weights, CHORD)?;
            let shape = (codes.at.len(), codes.places);
            Ok((Tensor::ones(shape, chords.dtype(), chords.device())? * share)?)
        };
        match (self.attention, users) {
            (Attention::User { .. }, [_, queries]) => {
                let hidden = weight(weights, HIDDEN)?;
                let logits = nn::code_logits(queries, &self.keys(weights)?, &hidden, codes)?;
                nn::masked_softmax(&logits, None)
            }
            (Attention::Sum, _) => alike(1.0),
            _ => alike(1.0 / self.places as f64),
        }
    }

    /// What songs sound like, `Σ_p β_p C_p` `(B, D)` (eq. 4).
    pub fn attend(&self, weights: &Weights, users: &[Tensor], codes: &Codes) -> Result<Tensor> {
        nn::mix_codes(&self.weigh(weights, users, codes)?, &weight(weights, CHORD)?, codes)
    }

    /// Eq. 5 without its sigmoid (B), from the products, what songs sound like and the users'
    /// embeddings `(B, D)` each.
    pub fn predict(
        &self,
        weights: &Weights,
        products: &Tensor,
        attended: &Tensor,
        users: &Tensor,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let inputs = match self.knows_user {
            true => Tensor::cat(&[products, attended, users], 1)?,
            false => Tensor::cat(&[products, attended], 1)?,
        };
        let hidden = self.tower.forward(weights, 0, inputs, self.dropout, dropout)?;
        let logits = hidden.matmul(&weight(weights, OUTPUT)?)?.squeeze(1)?;
        Ok(logits.broadcast_add(&weight(weights, OUTPUT_BIAS)?)?)
    }
}

impl Network for Coat {
    fn tables(&self) -> Vec<Table> {
        let table = |name, of| Table { name, of, width: self.size, deviation: self.deviation };
        vec![table(USER, Side::Users), table(SONG, Side::Songs)]
    }

    fn parameters(&self) -> Vec<Initial> {
        let d = self.size;
        let mut all = vec![Initial::normal(CHORD, &[self.chords.cardinality(), d], self.deviation)];
        if let Attention::User { width } = self.attention {
            all.push(Initial::normal(PLACE, &[self.places, d], self.deviation));
            // Glorot & Bengio 2010, over the three inputs together.
            let deviation = (2.0 / (3 * d + width) as f32).sqrt();
            for part in [BY_USER, BY_CHORD, BY_PLACE] {
                all.push(Initial::normal(part, &[d, width], deviation));
            }
            all.push(Initial::constant(BIAS, &[width], 0.0));
            all.push(Initial::normal(HIDDEN, &[width], (1.0 / width as f32).sqrt()));
        }
        all.extend(self.tower.parameters());
        let width = self.tower.width();
        all.push(Initial::normal(OUTPUT, &[width, 1], (1.0 / width as f32).sqrt()));
        all.push(Initial::constant(OUTPUT_BIAS, &[1], 0.0));
        all
    }

    fn users(&self, weights: &Weights) -> Result<Vec<Tensor>> {
        let users = weight(weights, USER)?; // (U, D)
        Ok(match self.attention {
            Attention::User { .. } => vec![users, self.queries(weights)?],
            Attention::Mean | Attention::Sum => vec![users],
        })
    }

    fn songs(&self, weights: &Weights, _: &[u32]) -> Result<Vec<Tensor>> {
        Ok(vec![weight(weights, SONG)?])
    }

    fn logits(
        &self,
        weights: &Weights,
        pairs: &Pairs,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let codes =
            Codes { codes: self.codes(&pairs.ids), places: self.places, at: pairs.at.clone() };
        let attended = self.attend(weights, &pairs.users, &codes)?;
        let users = pairs.user(0)?;
        let products = (&users * pairs.song(0)?)?;
        self.predict(weights, &products, &attended, &users, dropout)
    }

    fn knows_content(&self) -> bool {
        true
    }

    fn catalogue(&self, weights: &Weights) -> Result<Option<Box<dyn Catalogue>>> {
        Ok(Some(Box::new(Songs::new(self.clone(), weights)?)))
    }

    fn numbers(&self, pairs: u64, users: u64, songs: u64) -> u64 {
        let (d, places) = (self.size as u64, self.places as u64);
        pairs * (6 * d + 4 * places + self.tower.numbers())
            + 2 * (users + songs) * d
            + 2 * (self.chords.cardinality() as u64 + places) * d
    }
}
