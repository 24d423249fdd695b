//! The pairs of a step in shares, which threads compute side by side.
//!
//! How a batch is cut depends on the batch alone, and gradients are added in the order of the shares: a
//! training comes out the same however many threads there are.

use std::ops::Range;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Network, Pairs, Side};
use crate::error::{Error, Result};
use crate::nn::{self, Dropout, Meetings};
use crate::train::Weights;

/// A share whose forward pass keeps fewer numbers than this costs more to hand out than it brings.
const LEAST_NUMBERS: u64 = 1 << 19;
/// The products of fewer pairs are slower, and each share has gradients of its own to be added.
const LEAST_PAIRS: u64 = 128;
/// The most shares of a batch.
const MOST: u64 = 16;

/// A share keeps so many times as many numbers as there are in all that it has gradients of its own of:
/// with large layers, or a large vocabulary of chords, these would cost more than its pairs.
const WORTH: u64 = 4;

/// Into how many shares a batch of so many pairs is cut, where threads compute it.
pub fn count(network: &dyn Network, pairs: u64) -> u64 {
    let numbers = network.numbers(pairs, 0, 0).saturating_sub(network.numbers(0, 0, 0));
    let dense: u64 = network.parameters().iter().map(|initial| initial.count() as u64).sum();
    let least = LEAST_NUMBERS.max(WORTH * dense);
    (numbers / least).min(pairs / LEAST_PAIRS).clamp(1, MOST)
}

/// The same of a batch that is smaller than others of its training, as the last of an epoch may be.
pub fn at_most(shares: u64, pairs: u64) -> usize {
    shares.min(pairs / LEAST_PAIRS).max(1) as usize
}

/// What a step's pairs brought.
#[derive(Default)]
pub struct Outcome {
    /// The sum over the network's parts of their mean losses.
    pub loss: f64,
    /// Between which logits each part's lie.
    pub ranges: Vec<(f32, f32)>,
    /// With respect to the variables of the step; to be added.
    pub gradients: Vec<GradStore>,
}

impl Outcome {
    /// Adds what other pairs of the step brought.
    fn add(&mut self, other: Self) {
        self.loss += other.loss;
        self.gradients.extend(other.gradients);
        if self.ranges.is_empty() {
            self.ranges = other.ranges;
            return;
        }
        for (all, (low, high)) in self.ranges.iter_mut().zip(other.ranges) {
            *all = (all.0.min(low), all.1.max(high));
        }
    }
}

/// A step's pairs, and what is needed to learn from them.
pub struct Step<'a> {
    /// The network.
    pub network: &'a dyn Network,
    /// Its weights, among them variables.
    pub weights: &'a Weights,
    /// The pairs.
    pub pairs: &'a Pairs,
    /// Whether the user played the song, for each of them.
    pub labels: &'a Arc<Vec<f32>>,
    /// Whether the network's parts learn each for itself.
    pub apart: bool,
    /// Where what is dropped is drawn from: each share has a stream of its own from this one on.
    pub seed: u64,
    /// The first of these streams.
    pub stream: u64,
}

impl Step<'_> {
    /// The losses and gradients of all pairs, in so many shares.
    ///
    /// # Errors
    /// As [`Network::logits`].
    pub fn learn(&self, shares: usize) -> Result<Outcome> {
        if shares == 1 {
            // All of it is one graph, and nothing need be cut off or put together.
            return self.backward(0, self.pairs, self.labels);
        }
        let count = self.labels.len();
        let first = |share: usize| count * share / shares;
        let shares: Vec<Share> = (0..shares)
            .into_par_iter()
            .map(|share| self.learn_share(share, first(share)..first(share + 1)))
            .collect::<Result<_>>()?;
        let mut all = Outcome::default();
        // What users and songs bring along was computed once, before the shares: it learns from what all
        // of these have to say of it.
        let mut told: Option<Tensor> = None;
        let sides = [(&self.pairs.users, Side::Users), (&self.pairs.songs, Side::Songs)];
        for (parts, of) in sides {
            for (at, part) in parts.iter().enumerate() {
                let Some(gradient) =
                    gathered(part, shares.iter().map(|share| share.slope(of, at)))?
                else {
                    continue;
                };
                told = added(told, (part * gradient)?.sum_all()?)?;
            }
        }
        if let Some(told) = told {
            all.gradients.push(told.backward()?);
        }
        for share in shares {
            all.add(share.outcome);
        }
        Ok(all)
    }

    fn learn_share(&self, share: usize, at: Range<usize>) -> Result<Share> {
        let (users, user_at) = distinct(&self.pairs.at.users[at.clone()]);
        let (songs, song_at) = distinct(&self.pairs.at.songs[at.clone()]);
        let user_parts = picked(&self.pairs.users, &users)?;
        let song_parts = picked(&self.pairs.songs, &songs)?;
        let tensors = |parts: &[Var]| parts.iter().map(|part| part.as_tensor().clone()).collect();
        let pairs = Pairs {
            users: tensors(&user_parts),
            songs: tensors(&song_parts),
            at: Meetings { users: user_at, songs: song_at },
            ids: songs.iter().map(|&row| self.pairs.ids[row as usize]).collect(),
        };
        let labels = Arc::new(self.labels[at].to_vec());
        let outcome = self.backward(share, &pairs, &labels)?;
        Ok(Share { outcome, users, user_parts, songs, song_parts })
    }

    /// What some of the pairs bring; their loss as it counts in that of all.
    fn backward(&self, share: usize, pairs: &Pairs, labels: &Arc<Vec<f32>>) -> Result<Outcome> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.stream + share as u64);
        let mut dropout = Dropout::on(&mut rng);
        let parts = match self.apart {
            true => self.network.parts(self.weights, pairs, &mut dropout)?,
            false => vec![self.network.logits(self.weights, pairs, &mut dropout)?],
        };
        let weight = labels.len() as f64 / self.labels.len() as f64;
        let (mut loss, mut ranges) = (None, Vec::new());
        for logits in &parts {
            let mean = nn::binary_cross_entropy(logits, labels)?;
            loss = added(loss, if weight == 1.0 { mean } else { (mean * weight)? })?;
            let logits = logits.to_vec1::<f32>()?;
            let lowest = logits.iter().copied().fold(f32::INFINITY, f32::min);
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            ranges.push((lowest, highest));
        }
        let loss = loss.ok_or_else(|| Error::Compute("the network has no parts".into()))?;
        let gradients = vec![loss.backward()?];
        Ok(Outcome { loss: f64::from(loss.to_scalar::<f32>()?), ranges, gradients })
    }
}

/// What one share of the pairs brought.
struct Share {
    outcome: Outcome,
    /// The rows of its users, and what these brought along.
    users: Vec<u32>,
    user_parts: Vec<Var>,
    /// The same of its songs.
    songs: Vec<u32>,
    song_parts: Vec<Var>,
}

impl Share {
    /// The gradient with respect to a part of what one side brought along, and its rows.
    fn slope(&self, of: Side, part: usize) -> (&[u32], Option<&Tensor>) {
        let (rows, parts) = match of {
            Side::Users => (&self.users, &self.user_parts),
            Side::Songs => (&self.songs, &self.song_parts),
        };
        let gradient =
            |part: &Var| self.outcome.gradients.iter().find_map(|all| all.get(part.as_tensor()));
        (rows, parts.get(part).and_then(gradient))
    }
}

/// One more of a sum.
pub fn added(sum: Option<Tensor>, x: Tensor) -> Result<Option<Tensor>> {
    Ok(Some(match sum {
        Some(sum) => (sum + x)?,
        None => x,
    }))
}

/// These rows of each part, as variables.
fn picked(parts: &[Tensor], rows: &[u32]) -> Result<Vec<Var>> {
    let Some(first) = parts.first() else { return Ok(Vec::new()) };
    let rows = Tensor::from_slice(rows, rows.len(), first.device())?;
    let picked = parts.iter().map(|part| Var::from_tensor(&part.detach().index_select(&rows, 0)?));
    Ok(picked.collect::<candle_core::Result<_>>()?)
}

/// The gradient of a part `(rows, D)` from those of some of its rows each; `None` if there are none.
fn gathered<'a>(
    part: &Tensor,
    slopes: impl Iterator<Item = (&'a [u32], Option<&'a Tensor>)>,
) -> Result<Option<Tensor>> {
    let (count, width) = part.dims2()?;
    let mut sum = vec![0.0_f32; count * width];
    let mut is_told = false;
    for (rows, gradient) in slopes {
        let Some(gradient) = gradient else { continue };
        is_told = true;
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        for (&row, from) in rows.iter().zip(gradient.chunks_exact(width)) {
            let to = &mut sum[row as usize * width..][..width];
            to.iter_mut().zip(from).for_each(|(to, x)| *to += x);
        }
    }
    Ok(if is_told { Some(Tensor::from_vec(sum, (count, width), part.device())?) } else { None })
}

/// The distinct rows among these, and where each is found among them.
fn distinct(rows: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut all = rows.to_vec();
    all.sort_unstable();
    all.dedup();
    let at = rows.iter().map(|row| all.partition_point(|other| other < row) as u32).collect();
    (all, at)
}
