//! Losses whose scores are products of codes with embeddings, on the CPU: the scores are computed,
//! used and dropped some rows at a time, so that they stay in the processor's cache and memory does
//! not grow with examples times negatives.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Shape, Tensor};

use super::kernel::Kernel;
use super::{Loss, Shared};
use crate::nn::host;

/// So many scores are held at a time, unless [`ROWS`] examples have more.
const SCORES: usize = 1 << 18;
/// Fewer examples at a time would make poor matrix products.
const ROWS: usize = 64;

/// The mean of a loss over codes `(P, H)` and embeddings `(S, H)`.
pub struct Products {
    pub loss: Loss,
    pub shared: Shared,
    /// The row of each example's target.
    pub targets: Vec<u32>,
    /// By codes and embeddings, computed with the value.
    pub gradients: OnceLock<(Tensor, Tensor)>,
}

/// What is added up over examples.
struct Sums {
    loss: f64,
    by_codes: Vec<f32>,
    /// By the embeddings as targets' `(S, H)`, row-major.
    by_targets: Vec<f32>,
    /// By the embeddings as negatives' `(N, H)`.
    by_negatives: Option<Tensor>,
}

impl Products {
    /// Adds some examples, from `first` with codes `(R, H)`. `negatives` are the first rows of
    /// `embeddings`, `(N, H)`.
    fn add(
        &self,
        kernel: &mut Kernel<'_>,
        first: usize,
        codes: &Tensor,
        embeddings: &[f32],
        negatives: &Tensor,
        sums: &mut Sums,
    ) -> candle_core::Result<()> {
        let (rows, width) = codes.dims2()?;
        let count = self.shared.weights.len();
        let row_of = |example: usize| {
            let target = self.targets[first + example] as usize;
            target * width..(target + 1) * width
        };
        let mut scores = host::values(&codes.matmul(&negatives.t()?)?)?; // (R, N)
        let values = host::values(codes)?;
        let mut by_positives = Vec::with_capacity(rows);
        for (example, code) in values.chunks_exact(width).enumerate() {
            let positive = host::dot(code, &embeddings[row_of(example)]);
            let scores = &mut scores[example * count..(example + 1) * count];
            let (loss, by_positive) = kernel.example(first + example, positive, scores);
            sums.loss += f64::from(loss);
            by_positives.push(by_positive);
            let by_target = &mut sums.by_targets[row_of(example)];
            by_target.iter_mut().zip(code).for_each(|(sum, x)| *sum += by_positive * x);
        }
        let by_scores = Tensor::from_vec(scores, (rows, count), &Device::Cpu)?;
        let part = by_scores.t()?.matmul(codes)?;
        sums.by_negatives = Some(match sums.by_negatives.take() {
            Some(sum) => (sum + part)?,
            None => part,
        });
        let mut by_codes = host::values(&by_scores.matmul(negatives)?)?;
        let pairs = by_codes.chunks_exact_mut(width).zip(by_positives).enumerate();
        for (example, (by_code, by_positive)) in pairs {
            let embedding = &embeddings[row_of(example)];
            by_code.iter_mut().zip(embedding).for_each(|(sum, x)| *sum += by_positive * x);
        }
        sums.by_codes.extend(by_codes);
        Ok(())
    }
}

impl CustomOp2 for Products {
    fn name(&self) -> &'static str {
        "ranking-loss-of-products"
    }

    fn cpu_fwd(
        &self,
        codes: &CpuStorage,
        codes_layout: &Layout,
        embeddings: &CpuStorage,
        embeddings_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (examples, width) = codes_layout.shape().dims2()?;
        let codes = host::slice(codes, codes_layout)?;
        let embeddings = host::slice(embeddings, embeddings_layout)?;
        let count = self.shared.weights.len();
        let negatives =
            Tensor::from_slice(&embeddings[..count * width], (count, width), &Device::Cpu)?;
        let mut kernel = Kernel::new(self.loss, &self.shared);
        let rows = (SCORES / count.max(1)).max(ROWS);
        let mut sums = Sums {
            loss: 0.0,
            by_codes: Vec::with_capacity(codes.len()),
            by_targets: vec![0.0; embeddings.len()],
            by_negatives: None,
        };
        for (at, chunk) in codes.chunks(rows * width).enumerate() {
            let chunk = Tensor::from_slice(chunk, (chunk.len() / width, width), &Device::Cpu)?;
            self.add(&mut kernel, at * rows, &chunk, embeddings, &negatives, &mut sums)?;
        }
        let Sums { loss, mut by_codes, by_targets: mut by_embeddings, by_negatives } = sums;
        if let Some(by_negatives) = by_negatives {
            let by_negatives = host::values(&by_negatives)?;
            by_embeddings.iter_mut().zip(by_negatives).for_each(|(sum, x)| *sum += x);
        }
        let share = 1.0 / examples as f32;
        by_codes.iter_mut().chain(&mut by_embeddings).for_each(|x| *x *= share);
        let by_codes = Tensor::from_vec(by_codes, codes_layout.shape(), &Device::Cpu)?;
        let by_embeddings =
            Tensor::from_vec(by_embeddings, embeddings_layout.shape(), &Device::Cpu)?;
        // Set once: an operation runs forward once.
        let _ = self.gradients.set((by_codes, by_embeddings));
        let mean = loss / examples as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        super::fused::scaled(&self.gradients, grad)
    }
}
