//! Additive attention (Bahdanau et al. 2015) of each position on those before it.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Shape, Tensor};

use super::{host, sigmoid_of};
use crate::error::Result;

/// `α_tj = vᵀσ(query_t + key_j)` for `j ≤ t`, and 0 for later positions `j`; not normalised. `query` and
/// `key` are `(B, L, H)`, `weight`, v, is `(H)`; gives `(B, L, L)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn causal_additive(query: &Tensor, key: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (_, length, size) = query.dims3()?;
    if key.dims() != query.dims() || weight.dims() != [size] {
        let shapes = (query.dims(), key.dims(), weight.dims());
        let message = format!("additive attention got shapes {shapes:?}");
        return Err(candle_core::Error::Msg(message).into());
    }
    if host::is_fused(query) {
        let (query, key) = (query.contiguous()?, key.contiguous()?);
        return Ok(query.apply_op3(&key, &weight.contiguous()?, CausalAdditive)?);
    }
    let sums = query.unsqueeze(2)?.broadcast_add(&key.unsqueeze(1)?)?; // (B, L, L, H)
    let fits = sigmoid_of(&sums)?.broadcast_mul(weight)?.sum(D::Minus1)?; // (B, L, L)
    let past: Vec<f32> =
        (0..length).flat_map(|t| (0..length).map(move |j| f32::from(u8::from(j <= t)))).collect();
    let past = Tensor::from_vec(past, (1, length, length), fits.device())?;
    Ok(fits.broadcast_mul(&past.to_dtype(fits.dtype())?)?)
}

/// In one pass each way, without a number for each pair of positions and unit.
struct CausalAdditive;

/// For each row of a batch and `j ≤ t`: the rows of `query` at `t` and of `key` at `j`, as indices, and
/// the place of their weight.
fn pairs(batch: usize, length: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..batch * length).flat_map(move |t| {
        let first = t - t % length;
        (first..=t).map(move |j| (t, j, t * length + j - first))
    })
}

impl CustomOp3 for CausalAdditive {
    fn name(&self) -> &'static str {
        "causal-additive"
    }

    fn cpu_fwd(
        &self,
        query: &CpuStorage,
        query_layout: &Layout,
        key: &CpuStorage,
        key_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, length, size) = query_layout.shape().dims3()?;
        let (query, key) = (host::slice(query, query_layout)?, host::slice(key, key_layout)?);
        let weight = host::slice(weight, weight_layout)?;
        let (mut alpha, mut fits) = (vec![0.0; batch * length * length], vec![0.0; size]);
        for (t, j, place) in pairs(batch, length) {
            let rows = query[t * size..][..size].iter().zip(&key[j * size..][..size]);
            for (fit, (q, k)) in fits.iter_mut().zip(rows) {
                *fit = host::sigmoid(q + k);
            }
            alpha[place] = host::dot(&fits, weight);
        }
        Ok((CpuStorage::F32(alpha), Shape::from((batch, length, length))))
    }

    fn bwd(
        &self,
        query: &Tensor,
        key: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (batch, length, size) = query.dims3()?;
        let (q, k) = (host::values(query)?, host::values(key)?);
        let (v, grad) = (host::values(weight)?, host::values(grad)?);
        let (mut q_grad, mut k_grad) = (vec![0.0; q.len()], vec![0.0; k.len()]);
        let mut v_grad = vec![0.0; size];
        for (t, j, place) in pairs(batch, length) {
            let (t, j, grad) = (t * size, j * size, grad[place]);
            let (q, k) = (&q[t..][..size], &k[j..][..size]);
            let (q_grad, k_grad) = (&mut q_grad[t..][..size], &mut k_grad[j..][..size]);
            let (v, v_grad) = (&v[..size], &mut v_grad[..size]);
            for i in 0..size {
                let fit = host::sigmoid(q[i] + k[i]);
                let slope = grad * v[i] * fit * (1.0 - fit);
                q_grad[i] += slope;
                k_grad[i] += slope;
                v_grad[i] += grad * fit;
            }
        }
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((
            Some(tensor(q_grad, query)?),
            Some(tensor(k_grad, key)?),
            Some(tensor(v_grad, weight)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn fused_and_plain_agree_and_gradients_are_right() {
        let args = [random(&[2, 3, 5], 1), random(&[2, 3, 5], 2), random(&[5], 3)];
        let run = |args: &[Tensor]| causal_additive(&args[0], &args[1], &args[2]);
        let plain = run(&args).unwrap();
        let singles = args.each_ref().map(|arg| arg.to_dtype(DType::F32).unwrap());
        let fused = run(&singles).unwrap().to_dtype(DType::F64).unwrap();
        let difference = (&plain - fused).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-6);
        let rows = plain.to_vec3::<f64>().unwrap();
        assert!(rows[1][0][1] == 0.0 && rows[1][1][2] == 0.0 && rows[1][2][0] != 0.0);
        assert_gradients(&args, run);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let (query, key) = (random(&[2, 3, 5], 1), random(&[2, 4, 5], 2));
        assert!(causal_additive(&query, &key, &random(&[5], 3)).is_err());
    }
}
