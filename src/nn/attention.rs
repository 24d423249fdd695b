//! Masked softmax and scaled dot-product self-attention.

use candle_core::{CpuStorage, CustomOp1, D, Layout, Shape, Tensor};

use super::{Dropout, host};
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

/// Self-attention in which a position sees itself and those before it (Vaswani et al. 2017, §3.2):
/// `softmax(Q·Kᵀ/√(D/H))·V` for each of H heads, which take `D/H` columns each. `query`, `key`,
/// `value` and the result are `(B, L, D)`. Dropout, at `rate`, is on the weights.
///
/// # Errors
/// Shapes that do not fit; D is no multiple of H.
pub fn causal_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    heads: usize,
    dropout: &mut Dropout<'_>,
    rate: f64,
) -> Result<Tensor> {
    let (batch, length, size) = query.dims3()?;
    let width = size / heads.max(1);
    // One head needs no copy.
    let split = |x: &Tensor| -> Result<Tensor> {
        let by_head = x.reshape((batch, length, heads, width))?.transpose(1, 2)?;
        Ok(by_head.contiguous()?.reshape((batch * heads, length, width))?)
    };
    let logits = split(query)?.matmul(&split(key)?.t()?)?; // (B·H, L, L)
    let weights = causal_softmax(&logits, 1.0 / (width as f64).sqrt())?;
    let mixed = dropout.apply(&weights, rate)?.matmul(&split(value)?)?; // (B·H, L, D/H)
    let joined = mixed.reshape((batch, heads, length, width))?.transpose(1, 2)?;
    Ok(joined.contiguous()?.reshape((batch, length, size))?)
}

/// Softmax of `scale · logits` over the last dimension of `(B, L, L)`, where row `i` has weight on
/// columns `0..=i` alone.
///
/// # Errors
/// Shapes that do not fit.
pub fn causal_softmax(logits: &Tensor, scale: f64) -> Result<Tensor> {
    if host::is_fused(logits) {
        return Ok(logits.contiguous()?.apply_op1(CausalSoftmax(scale as f32))?);
    }
    let (_, length, _) = logits.dims3()?;
    let later = |i: usize| (0..length).map(move |j| if j > i { -1e9_f32 } else { 0.0 });
    let mask: Vec<f32> = (0..length).flat_map(later).collect();
    let mask = Tensor::from_vec(mask, (length, length), logits.device())?;
    masked_softmax(&(logits * scale)?, Some(&mask.to_dtype(logits.dtype())?))
}

struct CausalSoftmax(f32);

impl CausalSoftmax {
    /// The rows of `(B, L, L)`, each with how many of its columns take part.
    fn rows(shape: &Shape) -> candle_core::Result<(usize, impl Iterator<Item = usize>)> {
        let (batch, length, _) = shape.dims3()?;
        Ok((length, (0..batch).flat_map(move |_| 1..=length)))
    }
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let logits = host::slice(storage, layout)?;
        let (length, rows) = Self::rows(layout.shape())?;
        let mut weights = vec![0.0; logits.len()];
        let pairs = logits.chunks_exact(length.max(1)).zip(weights.chunks_exact_mut(length.max(1)));
        for ((logits, weights), seen) in pairs.zip(rows) {
            let (logits, weights) = (&logits[..seen], &mut weights[..seen]);
            let max = self.0 * host::max(logits);
            for (weight, logit) in weights.iter_mut().zip(logits) {
                *weight = host::exp(self.0 * logit - max);
            }
            let share = 1.0 / host::sum(weights);
            weights.iter_mut().for_each(|weight| *weight *= share);
        }
        Ok((CpuStorage::F32(weights), layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        weights: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let (length, rows) = Self::rows(weights.shape())?;
        let (weights_of, mut grads) = (host::values(weights)?, host::values(grad)?);
        let pairs = weights_of.chunks_exact(length.max(1));
        for ((weights, grad), seen) in pairs.zip(grads.chunks_exact_mut(length.max(1))).zip(rows) {
            let (grad, rest) = grad.split_at_mut(seen);
            rest.fill(0.0);
            let mean = host::dot(&weights[..seen], grad);
            for (g, weight) in grad.iter_mut().zip(weights) {
                *g = self.0 * weight * (*g - mean);
            }
        }
        Tensor::from_vec(grads, grad.shape(), grad.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn a_position_sees_itself_and_those_before_it() {
        for dtype in [DType::F32, DType::F64] {
            let zeros = Tensor::zeros((1, 3, 2), dtype, &Device::Cpu).unwrap();
            let value = Tensor::new(&[[[1.0_f64, 0.0], [3.0, 2.0], [8.0, 1.0]]], &Device::Cpu);
            let value = value.unwrap().to_dtype(dtype).unwrap();
            let got = causal_attention(&zeros, &zeros, &value, 1, &mut Dropout::off(), 0.5);
            let got = got.unwrap().to_dtype(DType::F64).unwrap().to_vec3::<f64>().unwrap();
            let expected = [[1.0, 0.0], [2.0, 1.0], [4.0, 1.0]];
            for (got, expected) in got[0].concat().iter().zip(expected.concat()) {
                assert!((got - expected).abs() < 1e-6, "{got} {expected}");
            }
        }
    }

    #[test]
    fn heads_attend_on_their_own() {
        let args: Vec<Tensor> = (0..3).map(|seed| random(&[2, 3, 4], seed)).collect();
        let both = causal_attention(&args[0], &args[1], &args[2], 2, &mut Dropout::off(), 0.0);
        let half = |start: usize| {
            let args: Vec<Tensor> = args.iter().map(|x| x.narrow(2, start, 2).unwrap()).collect();
            causal_attention(&args[0], &args[1], &args[2], 1, &mut Dropout::off(), 0.0).unwrap()
        };
        let halves = Tensor::cat(&[half(0), half(2)], 2).unwrap();
        let difference = (both.unwrap() - halves).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-12);
    }

    #[test]
    fn gradients_of_attention_are_right() {
        let args: Vec<Tensor> = (0..3).map(|seed| random(&[2, 3, 4], seed)).collect();
        assert_gradients(&args, |args| {
            causal_attention(&args[0], &args[1], &args[2], 2, &mut Dropout::off(), 0.0)
        });
    }

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
