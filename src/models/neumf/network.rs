//! The networks: matrix factorisation, a perceptron, or both side by side.

use std::sync::Arc;

use candle_core::Tensor;

use super::content::Content;
use crate::error::Result;
use crate::nn::{self, Dropout};
use crate::train::pairs::{CONTENT, Network, Pairs, Side, Table, Tower};
use crate::train::{Initial, Weights, weight};

/// The embeddings of generalised matrix factorisation, `p` and `q`.
const GMF: [&str; 2] = ["user.gmf", "song.gmf"];
/// The embeddings of the perceptron.
const MLP: [&str; 2] = ["user.mlp", "song.mlp"];
/// How each user likes what songs contain.
const TASTE: &str = "user.content";
/// The output layer: the parts `(D, 1)`, `(H, 1)` and `(C, 1)` of its weight, and its bias (1).
const OUTPUT_GMF: &str = "output.gmf";
const OUTPUT_MLP: &str = "output.mlp";
const OUTPUT_CONTENT: &str = "output.content";
const OUTPUT_BIAS: &str = "output.bias";

/// What songs contain, and how users meet it.
pub struct Heard {
    /// Makes a code of what a song contains.
    pub content: Arc<dyn Content>,
    /// Whether each user has a taste of their own for it; otherwise it counts the same for all, as
    /// printed.
    pub by_user: bool,
}

/// `z = s·(hᵀ(p ∘ q) + gᵀ mlp([u; v]) + content) + b`.
pub struct NeuMf {
    /// D, the size of the embeddings that are multiplied.
    pub factors: usize,
    /// The perceptron, whose first input is the embeddings of user and song side by side.
    pub tower: Option<Tower>,
    /// What songs contain.
    pub heard: Option<Heard>,
    /// The standard deviation of embeddings before training.
    pub deviation: f32,
    /// The share of what enters the perceptron's layers but the first that training drops.
    pub dropout: f64,
    /// `s`, the share of each part in the logit.
    pub share: f64,
}

impl NeuMf {
    /// The size of the perceptron's embeddings.
    fn mlp_size(tower: &Tower) -> usize {
        tower.widths.first().map_or(0, |width| width / 2)
    }

    /// One side's share of the perceptron's first layer `(rows, H₁)`.
    fn first_layer(tower: &Tower, weights: &Weights, side: Side) -> Result<Tensor> {
        let size = Self::mlp_size(tower);
        let all = weight(weights, &tower.weight_name(0))?; // (2E, H₁)
        let (table, first) = if side == Side::Users { (MLP[0], 0) } else { (MLP[1], size) };
        nn::linear(&weight(weights, table)?, &all.narrow(0, first, size)?, None)
    }

    /// The logits of what is multiplied, and of the perceptron, without the bias.
    fn both(
        &self,
        weights: &Weights,
        pairs: &Pairs,
        dropout: &mut Dropout<'_>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let products = nn::pair_dots(&pairs.users[0], &pairs.songs[0], &pairs.at)?; // (B)
        let Some(tower) = &self.tower else { return Ok((products, None)) };
        let hidden = nn::pair_relu(&pairs.users[1], &pairs.songs[1], &pairs.at)?; // (B, H₁)
        let hidden = tower.forward(weights, 1, hidden, self.dropout, dropout)?; // (B, H)
        let hidden = dropout.apply(&hidden, self.dropout)?;
        let logits = hidden.matmul(&weight(weights, OUTPUT_MLP)?)?.squeeze(1)?;
        Ok((products, Some(logits)))
    }
}

impl Network for NeuMf {
    fn tables(&self) -> Vec<Table> {
        let table = |name, of, width| Table { name, of, width, deviation: self.deviation };
        let mut tables = vec![
            table(GMF[0], Side::Users, self.factors),
            table(GMF[1], Side::Songs, self.factors),
        ];
        if let Some(tower) = &self.tower {
            let size = Self::mlp_size(tower);
            tables.extend([table(MLP[0], Side::Users, size), table(MLP[1], Side::Songs, size)]);
        }
        if let Some(heard) = self.heard.as_ref().filter(|heard| heard.by_user) {
            tables.push(table(TASTE, Side::Users, heard.content.width()));
        }
        tables
    }

    fn parameters(&self) -> Vec<Initial> {
        let output = |name: &str, width: usize| {
            Initial::normal(name, &[width, 1], (1.0 / width.max(1) as f32).sqrt())
        };
        let mut all = vec![output(OUTPUT_GMF, self.factors)];
        if let Some(tower) = &self.tower {
            all.extend(tower.parameters());
            all.push(output(OUTPUT_MLP, tower.width()));
        }
        if let Some(heard) = &self.heard {
            all.extend(heard.content.parameters());
            if !heard.by_user {
                all.push(output(OUTPUT_CONTENT, heard.content.width()));
            }
        }
        all.push(Initial::constant(OUTPUT_BIAS, &[1], 0.0));
        all
    }

    fn users(&self, weights: &Weights) -> Result<Vec<Tensor>> {
        let p = weight(weights, GMF[0])?; // (U, D)
        let h = weight(weights, OUTPUT_GMF)?.t()?; // (1, D)
        let mut products = p.broadcast_mul(&h)?;
        if let Some(heard) = &self.heard {
            let taste = match heard.by_user {
                true => weight(weights, TASTE)?, // (U, C)
                false => {
                    let all = weight(weights, OUTPUT_CONTENT)?.t()?;
                    all.broadcast_as((p.dim(0)?, heard.content.width()))?.contiguous()?
                }
            };
            products = Tensor::cat(&[&products, &taste], 1)?; // (U, D + C)
        }
        let mut parts = vec![products];
        if let Some(tower) = &self.tower {
            let layer = Self::first_layer(tower, weights, Side::Users)?;
            parts.push(nn::add_bias(&layer, &weight(weights, &tower.bias_name(0))?)?);
        }
        Ok(parts)
    }

    fn songs(&self, weights: &Weights, _: &[u32]) -> Result<Vec<Tensor>> {
        let mut products = weight(weights, GMF[1])?; // (S, D)
        if self.heard.is_some() {
            products = Tensor::cat(&[&products, &weight(weights, CONTENT)?], 1)?; // (S, D + C)
        }
        let mut parts = vec![products];
        if let Some(tower) = &self.tower {
            parts.push(Self::first_layer(tower, weights, Side::Songs)?);
        }
        Ok(parts)
    }

    fn logits(
        &self,
        weights: &Weights,
        pairs: &Pairs,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let mut logits = match self.both(weights, pairs, dropout)? {
            (products, Some(mlp)) => (products + mlp)?,
            (products, None) => products,
        };
        if self.share != 1.0 {
            logits = (logits * self.share)?;
        }
        Ok(logits.broadcast_add(&weight(weights, OUTPUT_BIAS)?)?)
    }

    fn parts(
        &self,
        weights: &Weights,
        pairs: &Pairs,
        dropout: &mut Dropout<'_>,
    ) -> Result<Vec<Tensor>> {
        let bias = weight(weights, OUTPUT_BIAS)?;
        let (products, mlp) = self.both(weights, pairs, dropout)?;
        let parts = std::iter::once(products).chain(mlp);
        parts.map(|logits| Ok(logits.broadcast_add(&bias)?)).collect()
    }

    fn knows_content(&self) -> bool {
        self.heard.is_some()
    }

    fn makes_content(&self) -> bool {
        self.heard.is_some()
    }

    fn content(&self, weights: &Weights, ids: &[u32]) -> Result<Option<Tensor>> {
        self.heard.as_ref().map(|heard| heard.content.codes(weights, ids)).transpose()
    }

    fn numbers(&self, pairs: u64, users: u64, songs: u64) -> u64 {
        let (mut numbers, mut width) = (2 * pairs, 2 * self.factors as u64);
        if let Some(tower) = &self.tower {
            numbers += pairs * tower.numbers();
            width += tower.widths.get(1).map_or(0, |&width| width as u64);
        }
        if let Some(heard) = &self.heard {
            numbers += heard.content.numbers(songs);
            width += 2 * heard.content.width() as u64;
        }
        numbers + (users + songs) * width
    }
}
