//! Masked softmax and scaled dot-product self-attention.

use std::iter;
use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::{Dropout, host, softmax_along};
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
    softmax_along(&logits, logits.rank().saturating_sub(1))
}

/// `softmax(Q·Kᵀ/√D)·V`, with `query`, `key`, `value` of shape `(B, L, D)`, over the positions from
/// `starts` (B) on: what comes before is padding.
///
/// # Errors
/// Shapes that do not fit.
pub fn self_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    starts: &[usize],
) -> Result<Tensor> {
    let (_, length, size) = query.dims3()?;
    let logits = query.matmul(&key.t()?)?; // (B, L, L)
    let seen = starts.iter().flat_map(|&start| iter::repeat_n(start..length, length)).collect();
    Ok(softmax_over(&logits, 1.0 / (size as f64).sqrt(), seen)?.matmul(value)?)
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
    let (batch, length, _) = logits.dims3()?;
    softmax_over(logits, scale, (0..batch).flat_map(|_| (1..=length).map(|seen| 0..seen)).collect())
}

/// Softmax of `scale · logits` over the last dimension of `(B, L, M)`, where each of the B·L rows has
/// weight on the columns `seen` alone; where these are none, it is 0 or uniform.
fn softmax_over(logits: &Tensor, scale: f64, seen: Vec<Range<usize>>) -> Result<Tensor> {
    let (batch, length, columns) = logits.dims3()?;
    if seen.len() != batch * length || seen.iter().any(|seen| seen.end > columns) {
        let message = format!("{} rows of {columns} columns cannot be masked", batch * length);
        return Err(candle_core::Error::Msg(message).into());
    }
    if host::is_fused(logits) {
        return Ok(logits.contiguous()?.apply_op1(MaskedSoftmax { scale: scale as f32, seen })?);
    }
    let row = |seen: &Range<usize>| {
        let seen = seen.clone();
        (0..columns).map(move |j| if seen.contains(&j) { 0.0 } else { -1e9_f32 })
    };
    let mask =
        Tensor::from_vec(seen.iter().flat_map(row).collect(), logits.shape(), logits.device())?;
    masked_softmax(&(logits * scale)?, Some(&mask.to_dtype(logits.dtype())?))
}

struct MaskedSoftmax {
    scale: f32,
    /// The columns that have weight, row by row.
    seen: Vec<Range<usize>>,
}

impl CustomOp1 for MaskedSoftmax {
    fn name(&self) -> &'static str {
        "masked-softmax"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let logits = host::slice(storage, layout)?;
        let columns = layout.shape().dims3()?.2.max(1);
        let mut weights = vec![0.0; logits.len()];
        let pairs = logits.chunks_exact(columns).zip(weights.chunks_exact_mut(columns));
        for ((logits, weights), seen) in pairs.zip(&self.seen) {
            let (logits, weights) = (&logits[seen.clone()], &mut weights[seen.clone()]);
            let max = self.scale * host::max(logits);
            for (weight, logit) in weights.iter_mut().zip(logits) {
                *weight = host::exp(self.scale * logit - max);
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
        let columns = weights.dims3()?.2.max(1);
        let (weights_of, mut grads) = (host::values(weights)?, host::values(grad)?);
        let pairs = weights_of.chunks_exact(columns).zip(grads.chunks_exact_mut(columns));
        for ((weights, grad), seen) in pairs.zip(&self.seen) {
            grad[..seen.start].fill(0.0);
            grad[seen.end..].fill(0.0);
            let (weights, grad) = (&weights[seen.clone()], &mut grad[seen.clone()]);
            let mean = host::dot(weights, grad);
            for (g, weight) in grad.iter_mut().zip(weights) {
                *g = self.scale * weight * (*g - mean);
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
        let got = self_attention(&zeros, &zeros, &value, &[0]).unwrap();
        assert_eq!(got.to_vec3::<f64>().unwrap(), [[[2.0, 1.0], [2.0, 1.0]]]);
    }

    #[test]
    fn padding_gets_no_weight_and_gradients_are_right() {
        let args: Vec<Tensor> = (0..3).map(|seed| random(&[2, 3, 4], seed)).collect();
        let run = |args: &[Tensor]| self_attention(&args[0], &args[1], &args[2], &[0, 2]);
        assert_gradients(&args, run);
        for dtype in [DType::F32, DType::F64] {
            let args: Vec<Tensor> = args.iter().map(|arg| arg.to_dtype(dtype).unwrap()).collect();
            let latest = args[2].get(1).unwrap().get(2).unwrap();
            for row in 0..3 {
                let got = run(&args).unwrap().get(1).unwrap().get(row).unwrap();
                let difference = (got - &latest).unwrap().abs().unwrap().max_all().unwrap();
                let difference = difference.to_dtype(DType::F64).unwrap();
                assert!(difference.to_scalar::<f64>().unwrap() < 1e-6);
            }
        }
        assert!(self_attention(&args[0], &args[1], &args[2], &[0]).is_err());
    }
}
