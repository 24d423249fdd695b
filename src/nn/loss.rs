//! Ranking losses over one positive and shared negatives.

use candle_core::{D, Tensor};

use crate::error::Result;

/// `log(1 + exp(x))` without overflow.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let tail = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok((x.relu()? + tail)?)
}

/// Negative sampling: the mean over examples of `−log σ(positive) − Σ_n w_n log σ(−negative_n)`.
///
/// `positives` are logits `(B)`, `negatives` logits `(B, N)`, `weights` `(N)`: how often each
/// negative counts.
///
/// # Errors
/// Shapes that do not fit.
pub fn logistic_loss(positives: &Tensor, negatives: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let hit = softplus(&positives.neg()?)?; // (B)
    let miss = softplus(negatives)?.broadcast_mul(weights)?.sum(D::Minus1)?; // (B)
    Ok((hit + miss)?.mean_all()?)
}

/// Cross-entropy: the mean over examples of
/// `log(exp(positive) + Σ_n exp(negative_n + offset_bn)) − positive`.
///
/// `positives` are logits `(B)`, `negatives` logits `(B, N)`; `offsets`, `(N)` or `(B, N)`, holds
/// corrections for how the negatives were drawn and large negative numbers for entries that do
/// not take part.
///
/// # Errors
/// Shapes that do not fit.
pub fn softmax_loss(positives: &Tensor, negatives: &Tensor, offsets: &Tensor) -> Result<Tensor> {
    let positives = positives.unsqueeze(1)?; // (B, 1)
    let negatives = negatives.broadcast_add(offsets)?;
    let max = negatives.max_keepdim(D::Minus1)?.maximum(&positives)?.detach(); // (B, 1)
    let rest = negatives.broadcast_sub(&max)?.exp()?.sum_keepdim(D::Minus1)?;
    let own = positives.sub(&max)?;
    Ok((rest.add(&own.exp()?)?.log()? - own)?.mean_all()?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn tensors() -> (Tensor, Tensor) {
        let positives = Tensor::new(&[2.0_f64, -1.0], &Device::Cpu).unwrap();
        let negatives = Tensor::new(&[[0.5_f64, 80.0], [-900.0, 0.0]], &Device::Cpu).unwrap();
        (positives, negatives)
    }

    fn scalar(tensor: Tensor) -> f64 {
        tensor.to_scalar().unwrap()
    }

    #[test]
    fn logistic_loss_by_hand_without_overflow() {
        let (positives, negatives) = tensors();
        let weights = Tensor::new(&[1.0_f64, 3.0], &Device::Cpu).unwrap();
        let plus = |x: f64| (1.0 + x.exp()).ln();
        let expected = (plus(-2.0) + plus(0.5) + 3.0 * 80.0 + plus(1.0) + 3.0 * plus(0.0)) / 2.0;
        let got = scalar(logistic_loss(&positives, &negatives, &weights).unwrap());
        assert!((got - expected).abs() < 1e-9, "{got} {expected}");
    }

    #[test]
    fn softmax_loss_by_hand_without_overflow() {
        let (positives, negatives) = tensors();
        let offsets = Tensor::new(&[0.0_f64, -1e9], &Device::Cpu).unwrap();
        let first = (2.0_f64.exp() + 0.5_f64.exp()).ln() - 2.0;
        let got = scalar(softmax_loss(&positives, &negatives, &offsets).unwrap());
        assert!((got - first / 2.0).abs() < 1e-9, "{got} {first}");
    }
}
