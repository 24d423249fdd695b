//! The rectifier.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::host;
use crate::error::Result;

/// `max(0, x)` of every number.
///
/// # Errors
/// Out of memory.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if host::is_fused(x) {
        return Ok(x.contiguous()?.apply_op1(Relu)?);
    }
    Ok(x.relu()?)
}

/// In one pass each way; candle's way back takes four.
struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let values = host::slice(storage, layout)?.iter().map(|x| x.max(0.0)).collect();
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let values = host::values(y)?;
        let slopes = values.iter().zip(host::values(grad)?);
        let slopes = slopes.map(|(y, grad)| if *y > 0.0 { grad } else { 0.0 }).collect();
        Tensor::from_vec(slopes, grad.shape(), grad.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn values_by_hand_and_gradients_by_difference() {
        let x = Tensor::new(&[0.0_f32, 2.0, -3.0], &Device::Cpu).unwrap();
        assert_eq!(relu(&x).unwrap().to_vec1::<f32>().unwrap(), [0.0, 2.0, 0.0]);
        assert_gradients(&[random(&[3, 4], 1)], |args| relu(&args[0]));
    }
}
