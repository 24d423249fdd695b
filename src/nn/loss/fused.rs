//! The losses on the CPU: value and gradient in one pass over the scores.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Shape, Tensor};

use super::kernel::Kernel;
use super::{Loss, Shared};
use crate::error::Result;
use crate::nn::host;

/// The loss's mean over examples, of scores on the CPU in f32.
pub fn mean(loss: Loss, positives: &Tensor, negatives: &Tensor, shared: &Shared) -> Result<Tensor> {
    let op = Mean { loss, shared: shared.clone(), gradients: OnceLock::new() };
    Ok(positives.contiguous()?.apply_op2(&negatives.contiguous()?, op)?)
}

struct Mean {
    loss: Loss,
    shared: Shared,
    /// By positives and negatives. A loss is where gradients begin, so what is computed with its
    /// value is only to be multiplied by a number.
    gradients: OnceLock<(Tensor, Tensor)>,
}

impl CustomOp2 for Mean {
    fn name(&self) -> &'static str {
        "ranking-loss"
    }

    fn cpu_fwd(
        &self,
        positives: &CpuStorage,
        positives_layout: &Layout,
        negatives: &CpuStorage,
        negatives_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let positives = host::slice(positives, positives_layout)?;
        let mut by_negatives = host::slice(negatives, negatives_layout)?.to_vec();
        let mut by_positives = Vec::with_capacity(positives.len());
        let mut kernel = Kernel::new(self.loss, &self.shared);
        let share = 1.0 / positives.len() as f32;
        let mut total = 0.0;
        let rows = by_negatives.chunks_exact_mut(self.shared.weights.len().max(1));
        for (example, (row, &p)) in rows.zip(positives).enumerate() {
            let (loss, by_positive) = kernel.example(example, p, row);
            total += f64::from(loss);
            by_positives.push(share * by_positive);
            row.iter_mut().for_each(|derivative| *derivative *= share);
        }
        let tensor =
            |values, layout: &Layout| Tensor::from_vec(values, layout.shape(), &Device::Cpu);
        let gradients =
            (tensor(by_positives, positives_layout)?, tensor(by_negatives, negatives_layout)?);
        // Set once: an operation runs forward once.
        let _ = self.gradients.set(gradients);
        let mean = total / positives.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        scaled(&self.gradients, grad)
    }
}

/// Gradients that were computed with the value, times that of the value.
pub fn scaled(
    gradients: &OnceLock<(Tensor, Tensor)>,
    grad: &Tensor,
) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
    let Some((first, second)) = gradients.get() else { return Ok((None, None)) };
    let scale = f64::from(grad.to_scalar::<f32>()?);
    if scale == 1.0 {
        return Ok((Some(first.clone()), Some(second.clone())));
    }
    Ok((Some((first * scale)?), Some((second * scale)?)))
}
