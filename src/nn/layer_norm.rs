//! Layer normalisation (Ba et al. 2016).

use candle_core::{CpuStorage, CustomOp3, D, Layout, Shape, Tensor};

use super::host;
use crate::error::Result;

/// Added to the variance.
const EPSILON: f32 = 1e-8;

/// `weight · (x − mean) / √(variance + 1e-8) + bias` over the last dimension: `x` is `(…, D)`,
/// `weight` and `bias` are `(D)`. The variance is the biased one.
///
/// # Errors
/// Shapes that do not fit.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if host::is_fused(x) {
        return Ok(x.contiguous()?.apply_op3(weight, bias, LayerNorm)?);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + f64::from(EPSILON))?.sqrt()?)?;
    Ok(normal.broadcast_mul(weight)?.broadcast_add(bias)?)
}

struct LayerNorm;

/// Mean and inverse deviation of a row.
fn moments(row: &[f32]) -> (f32, f32) {
    let width = row.len() as f32;
    let mean = host::sum(row) / width;
    let squares: f32 = row.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, 1.0 / (squares / width + EPSILON).sqrt())
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (x, weight) = (host::slice(x, x_layout)?, host::slice(weight, weight_layout)?);
        let bias = host::slice(bias, bias_layout)?;
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(weight.len()) {
            let (mean, inverse) = moments(row);
            let affine = row.iter().zip(weight).zip(bias);
            out.extend(affine.map(|((x, w), b)| (x - mean) * inverse * w + b));
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (values, factors) = (host::values(x)?, host::values(weight)?);
        let mut grads = host::values(grad)?;
        let width = factors.len();
        let (mut weight_grad, mut bias_grad) = (vec![0.0; width], vec![0.0; width]);
        let mut normal = vec![0.0; width];
        for (row, grad) in values.chunks_exact(width).zip(grads.chunks_exact_mut(width)) {
            let (mean, inverse) = moments(row);
            for (i, g) in grad.iter_mut().enumerate() {
                normal[i] = (row[i] - mean) * inverse;
                weight_grad[i] += *g * normal[i];
                bias_grad[i] += *g;
                *g *= factors[i];
            }
            let along = host::dot(grad, &normal) / width as f32;
            let shift = host::sum(grad) / width as f32;
            for (g, n) in grad.iter_mut().zip(&normal) {
                *g = inverse * (*g - shift - n * along);
            }
        }
        let vector = |values| Tensor::from_vec(values, width, x.device());
        let grads = Tensor::from_vec(grads, x.shape(), x.device())?;
        Ok((Some(grads), Some(vector(weight_grad)?), Some(vector(bias_grad)?)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn rows_are_normalised_by_hand() {
        for dtype in [DType::F32, DType::F64] {
            let tensor = |values: &[f64]| {
                Tensor::from_slice(values, values.len(), &Device::Cpu)
                    .and_then(|tensor| tensor.to_dtype(dtype))
                    .unwrap()
            };
            let x = tensor(&[1.0, 3.0, 10.0, 10.0]).reshape((2, 2)).unwrap();
            let got = layer_norm(&x, &tensor(&[2.0, 5.0]), &tensor(&[0.5, 0.0])).unwrap();
            let got = got.to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
            for (got, expected) in got.concat().iter().zip([-1.5, 5.0, 0.5, 0.0]) {
                assert!((got - expected).abs() < 1e-6, "{got} {expected}");
            }
        }
    }

    #[test]
    fn gradients_are_right() {
        let args = [random(&[3, 2, 5], 1), random(&[5], 2), random(&[5], 3)];
        assert_gradients(&args, |args| layer_norm(&args[0], &args[1], &args[2]));
    }
}
