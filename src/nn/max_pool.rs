//! Pictures of half the size, of the largest numbers.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::host;
use crate::error::{Error, Result};

/// The largest number of every 2 × 2 of `x` `(B, C, H, W)`, H and W even: `(B, C, H / 2, W / 2)`. On
/// the CPU the gradient goes to the first of equals, elsewhere to all of them.
///
/// # Errors
/// Another shape.
pub fn max_pool(x: &Tensor) -> Result<Tensor> {
    if host::is_fused(x) {
        return Ok(x.contiguous()?.apply_op1(MaxPool)?);
    }
    let (images, channels, height, width) = x.dims4()?;
    if height % 2 + width % 2 > 0 {
        let message = format!("pictures of {height} × {width} have no halves");
        return Err(Error::Compute(message));
    }
    // The gradient of candle's own is a quarter of what it should be.
    let pairs: &[usize] = &[images, channels, height / 2, 2, width / 2, 2];
    Ok(x.reshape(pairs)?.max(5)?.max(3)?)
}

struct MaxPool;

/// Where in two rows of `width` numbers, one after the other, the largest of each pair of columns is.
fn largest(rows: &[f32], width: usize) -> impl Iterator<Item = usize> + '_ {
    (0..width / 2).map(move |column| {
        let first = 2 * column;
        let places = [first, first + 1, width + first, width + first + 1];
        places.into_iter().fold(first, |best, at| if rows[at] > rows[best] { at } else { best })
    })
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let &[images, channels, height, width] = layout.dims() else {
            candle_core::bail!("no pictures: {:?}", layout.dims())
        };
        if height % 2 + width % 2 > 0 || width == 0 {
            candle_core::bail!("pictures of {height} × {width} have no halves");
        }
        let x = host::slice(storage, layout)?;
        let mut y = vec![0.0; x.len() / 4];
        y.par_chunks_mut(width / 2).zip(x.par_chunks(2 * width)).for_each(|(y, rows)| {
            y.iter_mut().zip(largest(rows, width)).for_each(|(y, at)| *y = rows[at]);
        });
        Ok((CpuStorage::F32(y), (images, channels, height / 2, width / 2).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let width = x.dims4()?.3;
        let (values, grad) = (host::values(x)?, host::values(grad)?);
        let mut by_x = vec![0.0; values.len()];
        let rows = by_x.par_chunks_mut(2 * width).zip(values.par_chunks(2 * width));
        rows.zip(grad.par_chunks(width / 2)).for_each(|((by_x, rows), grad)| {
            largest(rows, width).zip(grad).for_each(|(at, &grad)| by_x[at] = grad);
        });
        Tensor::from_vec(by_x, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn values_by_hand_and_gradients_by_difference() {
        let x = Tensor::new(&[[1.0_f32, 5.0, 0.0, 0.0], [2.0, 3.0, -1.0, 0.0]], &Device::Cpu);
        let y = max_pool(&x.unwrap().reshape((1, 1, 2, 4)).unwrap()).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0, 0.0]);
        assert_gradients(&[random(&[2, 2, 4, 6], 1)], |args| max_pool(&args[0]));
        for shape in [[1, 1, 3, 4], [1, 1, 4, 3]] {
            for dtype in [DType::F32, DType::F64] {
                assert!(max_pool(&Tensor::zeros(&shape, dtype, &Device::Cpu).unwrap()).is_err());
            }
        }
    }
}
