//! Affine maps.

use candle_core::{CpuStorage, CustomOp2, D, Layout, Shape, Tensor};

use super::host;
use crate::error::Result;

/// `x·W + b` over the last dimension: `x` is `(…, I)`, `weight` `(I, O)`, `bias` `(O)`; gives `(…, O)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let rows = x.elem_count() / inputs.max(1);
    let y = x.reshape((rows, inputs))?.matmul(weight)?;
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let y = match bias {
        Some(bias) => add_bias(&y, bias)?,
        None => y,
    };
    Ok(y.reshape(shape)?)
}

/// Adds `bias` `(O)` to every row of `x`, `(…, O)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if host::is_fused(x) && x.dim(D::Minus1)? == bias.dims1()? {
        return Ok(x.contiguous()?.apply_op2(&bias.contiguous()?, AddBias)?);
    }
    Ok(x.broadcast_add(bias)?)
}

/// Adds a vector to every row. Its gradient is summed as a matrix product, which is many times as
/// fast as a sum over a dimension that is not the last.
struct AddBias;

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (x, bias) = (host::slice(x, x_layout)?, host::slice(bias, bias_layout)?);
        let mut sums = Vec::with_capacity(x.len());
        for row in x.chunks_exact(bias.len().max(1)) {
            sums.extend(row.iter().zip(bias).map(|(x, b)| x + b));
        }
        Ok((CpuStorage::F32(sums), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let rows = grad.elem_count() / bias.elem_count().max(1);
        let ones = Tensor::ones((1, rows), grad.dtype(), grad.device())?;
        let sums = ones.matmul(&grad.reshape((rows, grad.dim(D::Minus1)?))?)?;
        Ok((Some(grad.clone()), Some(sums.squeeze(0)?)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn equals_the_plain_map_and_its_gradient() {
        let (x, weight, bias) = (random(&[2, 3, 4], 1), random(&[4, 5], 2), random(&[5], 3));
        let plain = x
            .flatten(0, 1)
            .unwrap()
            .matmul(&weight)
            .unwrap()
            .broadcast_add(&bias)
            .unwrap()
            .reshape((2, 3, 5))
            .unwrap();
        let fused = linear(
            &x.to_dtype(DType::F32).unwrap(),
            &weight.to_dtype(DType::F32).unwrap(),
            Some(&bias.to_dtype(DType::F32).unwrap()),
        )
        .unwrap();
        let difference = (plain - fused.to_dtype(DType::F64).unwrap()).unwrap().abs().unwrap();
        assert!(difference.max_all().unwrap().to_scalar::<f64>().unwrap() < 1e-6);
        assert_gradients(&[x, weight, bias], |args| linear(&args[0], &args[1], Some(&args[2])));
        assert!(
            linear(
                &Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap(),
                &Tensor::zeros((4, 3), DType::F32, &Device::Cpu).unwrap(),
                None
            )
            .is_err()
        );
    }
}
