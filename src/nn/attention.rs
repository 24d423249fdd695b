//! Masked softmax and scaled dot-product self-attention.

use candle_core::{D, Tensor};

use crate::error::Result;

/// Softmax over the last dimension of `logits` after adding `mask` (0 where allowed, a large
/// negative number where not), broadcast to its shape. Subtracts the maximum, so it never
/// overflows; a row whose entries are all masked alike is uniform.
///
/// # Errors
/// Shapes that do not broadcast.
pub fn masked_softmax(logits: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let logits = match mask {
        Some(mask) => logits.broadcast_add(mask)?,
        None => logits.clone(),
    };
    // The maximum only guards against overflow: no gradient flows through it.
    let max = logits.max_keepdim(D::Minus1)?.detach();
    let exp = logits.broadcast_sub(&max)?.exp()?;
    Ok(exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)?)
}

/// `softmax(Q·Kᵀ/√D + mask)·V`, with `query`, `key`, `value` of shape `(B, L, D)` and `key_mask`
/// `(B, 1, L)`: 0 for keys that take part, a large negative number for padding.
///
/// # Errors
/// Shapes that do not fit.
pub fn self_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    key_mask: &Tensor,
) -> Result<Tensor> {
    let (_, _, size) = query.dims3()?;
    let scale = 1.0 / (size as f64).sqrt();
    let logits = (query.matmul(&key.transpose(1, 2)?.contiguous()?)? * scale)?; // (B, L, L)
    Ok(masked_softmax(&logits, Some(key_mask))?.matmul(value)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn masked_entries_get_no_weight() {
        let logits = Tensor::new(&[[1.0_f64, 2.0, 1000.0]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[0.0_f64, 0.0, -1e9]], &Device::Cpu).unwrap();
        let got = masked_softmax(&logits, Some(&mask)).unwrap().to_vec2::<f64>().unwrap();
        let e = 1.0_f64.exp();
        for (got, expected) in got[0].iter().zip([1.0 / (1.0 + e), e / (1.0 + e), 0.0]) {
            assert!((got - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_keys_average_the_values() {
        let zeros = Tensor::zeros((1, 2, 2), candle_core::DType::F64, &Device::Cpu).unwrap();
        let value = Tensor::new(&[[[1.0_f64, 0.0], [3.0, 2.0]]], &Device::Cpu).unwrap();
        let mask = Tensor::zeros((1, 1, 2), candle_core::DType::F64, &Device::Cpu).unwrap();
        let got = self_attention(&zeros, &zeros, &value, &mask).unwrap();
        assert_eq!(got.to_vec3::<f64>().unwrap(), [[[2.0, 1.0], [2.0, 1.0]]]);
    }
}
