//! Cross-entropy of examples that are of one class each.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// The mean of `log Σ_j e^{z_j} − z_c`, a scalar: `logits` `(B, C)`, and the class `c` of each of B
/// examples.
///
/// # Errors
/// There is not a class for each example, or one that has no logit.
pub fn categorical_cross_entropy(logits: &Tensor, classes: &[u32]) -> Result<Tensor> {
    let (examples, count) = logits.dims2()?;
    if examples != classes.len() || classes.iter().any(|&class| class as usize >= count) {
        let message = format!("{} classes for logits of {examples} × {count}", classes.len());
        return Err(Error::Compute(message));
    }
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let classes = Tensor::from_slice(classes, (examples, 1), logits.device())?;
    let own = shifted.gather(&classes, 1)?.squeeze(1)?;
    Ok((shifted.exp()?.sum(1)?.log()? - own)?.mean_all()?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn values_by_hand_and_gradients_by_difference() {
        let logits = Tensor::new(&[[0.0_f64, 0.0], [1000.0, 0.0]], &Device::Cpu).unwrap();
        let loss = categorical_cross_entropy(&logits, &[1, 0]).unwrap();
        assert!((loss.to_scalar::<f64>().unwrap() - 0.5 * 2.0_f64.ln()).abs() < 1e-12);
        assert_gradients(&[random(&[3, 4], 1)], |args| {
            categorical_cross_entropy(&args[0], &[2, 0, 3])
        });
        assert!(categorical_cross_entropy(&logits, &[1]).is_err());
        assert!(categorical_cross_entropy(&logits, &[1, 2]).is_err());
    }
}
