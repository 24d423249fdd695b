//! Dropout (Srivastava et al. 2014), the inverted kind: nothing happens outside training.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use super::host;
use crate::error::Result;

/// Drops numbers at random while a model trains, and none while it answers.
pub struct Dropout<'a>(Option<&'a mut ChaCha8Rng>);

impl<'a> Dropout<'a> {
    /// Drops nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Draws what is dropped from a generator.
    pub fn on(rng: &'a mut ChaCha8Rng) -> Self {
        Self(Some(rng))
    }

    /// Sets a share `rate` of the numbers to 0 and divides the others by `1 − rate`. The rate
    /// counts to 1/65536.
    ///
    /// # Errors
    /// Out of memory.
    pub fn apply(&mut self, x: &Tensor, rate: f64) -> Result<Tensor> {
        let Some(rng) = self.0.as_mut().filter(|_| rate > 0.0) else { return Ok(x.clone()) };
        let mut bytes = vec![0_u8; 2 * x.elem_count()];
        rng.fill_bytes(&mut bytes);
        let bar = (rate * 65_536.0).round() as u32;
        let scale = (1.0 / (1.0 - rate)) as f32;
        let factor = |draw: &[u8]| {
            let kept = u32::from(u16::from_le_bytes([draw[0], draw[1]])) >= bar;
            if kept { scale } else { 0.0 }
        };
        times(x, bytes.chunks_exact(2).map(factor).collect())
    }
}

/// `x` times constants, one for each of its numbers.
///
/// # Errors
/// There are not as many.
pub fn times(x: &Tensor, factors: Vec<f32>) -> Result<Tensor> {
    if host::is_fused(x) && factors.len() == x.elem_count() {
        return Ok(x.contiguous()?.apply_op1(Factors(factors))?);
    }
    let factors = Tensor::from_vec(factors, x.shape(), x.device())?.to_dtype(x.dtype())?;
    Ok((x * factors)?)
}

/// Multiplies by constants, for which no gradient is computed.
struct Factors(Vec<f32>);

impl Factors {
    fn times(&self, values: &[f32]) -> CpuStorage {
        CpuStorage::F32(values.iter().zip(&self.0).map(|(value, factor)| value * factor).collect())
    }
}

impl CustomOp1 for Factors {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok((self.times(host::slice(storage, layout)?), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let values: Vec<f32> =
            host::values(grad)?.iter().zip(&self.0).map(|(g, factor)| g * factor).collect();
        Tensor::from_vec(values, grad.shape(), grad.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_share_is_dropped_and_the_mean_stays() {
        for dtype in [DType::F32, DType::F64] {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let x = Var::ones((100, 100), dtype, &Device::Cpu).unwrap();
            let y = Dropout::on(&mut rng).apply(&x, 0.2).unwrap();
            let values: Vec<f64> =
                y.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let dropped = values.iter().filter(|&&value| value == 0.0).count();
            assert!((1900..2100).contains(&dropped), "{dropped}");
            assert!(values.iter().all(|&value| value == 0.0 || (value - 1.25).abs() < 1e-6));
            // What is dropped gets no gradient.
            let grads = y.sum_all().unwrap().backward().unwrap();
            let grad = grads.get(&x).unwrap().to_dtype(DType::F64).unwrap();
            assert_eq!(grad.flatten_all().unwrap().to_vec1::<f64>().unwrap(), values);
        }
    }

    #[test]
    fn nothing_is_dropped_outside_training() {
        let x = Tensor::ones(50, DType::F32, &Device::Cpu).unwrap();
        let y = Dropout::off().apply(&x, 0.9).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap(), vec![1.0; 50]);
    }
}
