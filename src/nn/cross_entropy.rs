//! Binary cross-entropy of examples that stand for themselves.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::host;
use crate::error::{Error, Result};

/// The mean of `−y log σ(z) − (1 − y) log σ(−z)`, a scalar: `logits` `z` and `labels` `y`, 0 or 1, of
/// B examples.
///
/// # Errors
/// There is not a label for each logit.
pub fn binary_cross_entropy(logits: &Tensor, labels: &Arc<Vec<f32>>) -> Result<Tensor> {
    let count = logits.dims1()?;
    if count != labels.len() || count == 0 {
        return Err(Error::Compute(format!("{count} logits for {} labels", labels.len())));
    }
    if host::is_fused(logits) {
        return Ok(logits.contiguous()?.apply_op1(CrossEntropy(labels.clone()))?);
    }
    let y = Tensor::from_slice(labels, count, logits.device())?.to_dtype(logits.dtype())?;
    // log(1 + e^z) − y z, without overflow.
    let tail = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok(((logits.relu()? + tail)? - (logits * y)?)?.mean_all()?)
}

struct CrossEntropy(Arc<Vec<f32>>);

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "binary-cross-entropy"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let logits = host::slice(storage, layout)?;
        let losses = logits.iter().zip(self.0.iter()).map(|(z, y)| host::softplus(*z) - y * z);
        let total: f64 = losses.map(f64::from).sum();
        Ok((CpuStorage::F32(vec![(total / logits.len() as f64) as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let share = grad.to_scalar::<f32>()? / self.0.len() as f32;
        let values = host::values(logits)?;
        let slopes = values.iter().zip(self.0.iter()).map(|(z, y)| share * (host::sigmoid(*z) - y));
        Tensor::from_vec(slopes.collect(), logits.shape(), logits.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn values_by_hand_and_gradients_by_difference() {
        let labels = Arc::new(vec![1.0, 0.0, 0.0]);
        let logits = Tensor::new(&[0.0_f32, 0.0, 100.0], &Device::Cpu).unwrap();
        let loss = binary_cross_entropy(&logits, &labels).unwrap().to_scalar::<f32>().unwrap();
        assert!((loss - (2.0 * 2.0_f32.ln() + 100.0) / 3.0).abs() < 1e-4, "{loss}");
        assert_gradients(&[random(&[3], 1)], |args| binary_cross_entropy(&args[0], &labels));
        assert!(binary_cross_entropy(&logits, &Arc::new(vec![1.0])).is_err());
    }
}
