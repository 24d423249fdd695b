//! Ranking losses: the score of a target against those of negatives that a batch shares.
//!
//! `p` is the score of an example's target, `n_j` those of the N negatives, `w_j` how much each
//! counts, which says how they were drawn. A negative that is the example's own target is left out
//! where [`Shared::own`] says so.

mod fused;
mod kernel;
mod plain;
mod products;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use candle_core::Tensor;

use self::products::Products;
use super::{ABSENT, host};
use crate::error::{Error, Result};

/// What training minimises, per example. `σ` is the logistic function; `s_j` is the softmax of the
/// negatives' scores, `w_j e^{n_j} / Σ_i w_i e^{n_i}`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// `−β log σ(p) − Σ_j w_j log σ(−n_j)`: negative sampling, binary cross-entropy; with β < 1
    /// gBCE (Petrov & Macdonald, RecSys 2023, eq. 8), see [`Loss::calibration`].
    Logistic {
        /// β.
        beta: f32,
    },
    /// `log(e^p + Σ_j w_j e^{n_j}) − p`: cross-entropy.
    Softmax,
    /// `−Σ_j w_j log σ(p − n_j)` (Rendle et al., UAI 2009).
    Bpr,
    /// `−log Σ_j s_j σ(p − n_j) + λ Σ_j s_j n_j²` (Hidasi & Karatzoglou, CIKM 2018, eq. 10).
    BprMax {
        /// λ.
        reg: f32,
    },
    /// `Σ_j w_j (σ(n_j − p) + σ(n_j²))` (Hidasi et al., ICLR 2016, eq. 3).
    Top1,
    /// `Σ_j s_j (σ(n_j − p) + σ(n_j²))` (Hidasi & Karatzoglou 2018, eq. 9).
    Top1Max,
}

/// How the negatives of a batch count.
#[derive(Debug, Clone)]
pub struct Shared {
    /// `w`, greater than 0, one for each of N negatives.
    pub weights: Vec<f64>,
    /// For each of P examples the column in which its own target stands among the negatives, where
    /// it is left out; [`ABSENT`] if in none.
    pub own: Vec<u32>,
    /// Added to the score of each example's target; empty for nothing.
    pub offsets: Vec<f64>,
}

impl Loss {
    /// β of gBCE (eq. 9), with which scores come out calibrated for `calibration := 1` and as of
    /// plain BCE for 0, where `negatives` of `songs` are drawn:
    /// `α (t (1 − 1/α) + 1/α)`, α = negatives / (songs − 1).
    pub fn calibration(calibration: f64, negatives: usize, songs: usize) -> f32 {
        let rate = (negatives as f64 / songs.saturating_sub(1).max(1) as f64).min(1.0);
        (rate * (calibration * (1.0 - 1.0 / rate) + 1.0 / rate)) as f32
    }

    /// The mean over examples, a scalar. `positives` are the targets' scores `(P)`, `negatives`
    /// `(P, N)`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn mean(&self, positives: &Tensor, negatives: &Tensor, shared: &Shared) -> Result<Tensor> {
        let expected = (shared.own.len(), shared.weights.len());
        if negatives.dims() != [expected.0, expected.1] {
            return Err(wrong("scores", negatives, expected));
        }
        if host::is_fused(negatives) {
            return fused::mean(*self, positives, negatives, shared);
        }
        plain::mean(*self, positives, negatives, shared)
    }

    /// The mean over examples whose scores are products: of `codes` `(P, H)` with `embeddings`
    /// `(S, H)`, of which the first N rows are the negatives', and `targets` (P) are the rows of the
    /// examples' targets.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn mean_of_products(
        &self,
        codes: &Tensor,
        embeddings: &Tensor,
        targets: &[u32],
        shared: &Shared,
    ) -> Result<Tensor> {
        let (count, rows) = (shared.weights.len(), embeddings.dims2()?.0);
        let expected = (targets.len(), embeddings.dims2()?.1);
        if codes.dims() != [expected.0, expected.1] || targets.len() != shared.own.len() {
            return Err(wrong("codes", codes, expected));
        }
        let outside = targets.iter().any(|&target| target as usize >= rows);
        if outside || count > rows {
            return Err(wrong("embeddings", embeddings, (count, expected.1)));
        }
        if host::is_fused(codes) {
            let (shared, targets) = (shared.clone(), targets.to_vec());
            let op = Products { loss: *self, shared, targets, gradients: OnceLock::new() };
            return Ok(codes.contiguous()?.apply_op2(&embeddings.contiguous()?, op)?);
        }
        let targets = Tensor::from_slice(targets, targets.len(), codes.device())?;
        let positives = (embeddings.index_select(&targets, 0)? * codes)?.sum(1)?; // (P)
        let negatives = codes.matmul(&embeddings.narrow(0, 0, count)?.t()?)?; // (P, N)
        plain::mean(*self, &positives, &negatives, shared)
    }
}

fn wrong(what: &str, tensor: &Tensor, expected: (usize, usize)) -> Error {
    Error::Compute(format!("{what} of shape {:?} where {expected:?} was expected", tensor.dims()))
}
