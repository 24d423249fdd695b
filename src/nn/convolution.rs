//! Convolutions of 3 × 3 over pictures, as VGG's.
//!
//! On the CPU an image is taken some rows at a time: what each of their pixels sees is laid out as
//! columns, few enough to stay in the processor's cache, and multiplied with the weights. Images are
//! shared out among threads; sums over images are taken in their order.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Storage, Tensor};
use rayon::prelude::*;

use super::host;
use super::product::{Matrix, product};
use crate::error::Result;

/// Pixels that a pixel of the result sees.
const SEEN: usize = 9;
/// So many numbers are laid out at a time, unless one row of the image has more: on the way there few,
/// which stay in the cache, and on the way back more, since each time all gradients of weights are added to.
const COLUMNS: usize = 1 << 17;
const COLUMNS_BACK: usize = 1 << 20;

/// `x` `(B, I, H, W)` under windows `weight` `(O, I, 3, 3)`, plus `bias` `(O)`; beyond its borders a
/// picture is 0. Gives `(B, O, H, W)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn convolution(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if host::is_fused(x) {
        return Ok(x.contiguous()?.apply_op3(&weight.contiguous()?, bias, Convolution)?);
    }
    let bias = bias.reshape((1, bias.dims1()?, 1, 1))?;
    Ok(x.conv2d(weight, 1, 1, 1, 1)?.broadcast_add(&bias)?)
}

struct Convolution;

/// The shapes of a call.
#[derive(Clone, Copy)]
struct Sizes {
    images: usize,
    inputs: usize,
    outputs: usize,
    height: usize,
    width: usize,
}

impl Sizes {
    fn new(x: &[usize], weight: &[usize], bias: &[usize]) -> candle_core::Result<Self> {
        match (x, weight, bias) {
            (&[images, inputs, height, width], &[outputs, i, 3, 3], &[o])
                if i == inputs && o == outputs =>
            {
                Ok(Self { images, inputs, outputs, height, width })
            }
            _ => candle_core::bail!("a convolution of {x:?} with {weight:?} and {bias:?}"),
        }
    }

    /// Numbers of an image, and of its result.
    fn image(&self) -> (usize, usize) {
        let pixels = self.height * self.width;
        (self.inputs * pixels, self.outputs * pixels)
    }

    /// The numbers that a pixel of the result is made of.
    fn seen(&self) -> usize {
        SEEN * self.inputs
    }

    /// Stretches of rows to be taken at a time, with so many numbers: the first of each and how many.
    fn stretches(&self, numbers: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let rows = (numbers / (self.seen() * self.width).max(1)).clamp(1, self.height.max(1));
        let height = self.height;
        (0..height).step_by(rows).map(move |first| (first, rows.min(height - first)))
    }

    /// For each input and place of a window, which row of `image` the pixels of `row` see there, if any,
    /// and from which column on they see it.
    fn windows(&self, row: usize) -> impl Iterator<Item = (usize, Option<usize>, usize)> + use<'_> {
        (0..self.seen()).map(move |at| {
            let (input, place) = (at / SEEN, at % SEEN);
            let seen = (row + place / 3).checked_sub(1).filter(|&seen| seen < self.height);
            (at, seen.map(|seen| (input * self.height + seen) * self.width), place % 3)
        })
    }

    /// Lays out what the pixels of some rows see: `columns` `(9 I, rows · W)`.
    fn gather(&self, image: &[f32], (first, rows): (usize, usize), columns: &mut [f32]) {
        let (width, count) = (self.width, rows * self.width);
        for row in 0..rows {
            for (at, seen, shift) in self.windows(first + row) {
                let out = &mut columns[at * count + row * width..][..width];
                let Some(seen) = seen.map(|start| &image[start..start + width]) else {
                    out.fill(0.0);
                    continue;
                };
                match shift {
                    0 => {
                        out[0] = 0.0;
                        out[1..].copy_from_slice(&seen[..width - 1]);
                    }
                    1 => out.copy_from_slice(seen),
                    _ => {
                        out[..width - 1].copy_from_slice(&seen[1..]);
                        out[width - 1] = 0.0;
                    }
                }
            }
        }
    }

    /// Adds what [`Sizes::gather`] laid out to where it is from.
    fn scatter(&self, columns: &[f32], (first, rows): (usize, usize), image: &mut [f32]) {
        let (width, count) = (self.width, rows * self.width);
        let add = |to: &mut [f32], from: &[f32]| {
            to.iter_mut().zip(from).for_each(|(sum, x)| *sum += x);
        };
        for row in 0..rows {
            for (at, seen, shift) in self.windows(first + row) {
                let Some(start) = seen else { continue };
                let from = &columns[at * count + row * width..][..width];
                let to = &mut image[start..start + width];
                match shift {
                    0 => add(&mut to[..width - 1], &from[1..]),
                    1 => add(to, from),
                    _ => add(&mut to[1..], &from[..width - 1]),
                }
            }
        }
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let (size, result) = self.image();
        let (pixels, seen) = (self.height * self.width, self.seen());
        let weight = Matrix::new(weight, self.outputs, seen, seen);
        let mut y = vec![0.0; self.images * result];
        let images = y.par_chunks_mut(result.max(1)).zip(x.par_chunks(size.max(1)));
        images.for_each_init(Vec::new, |columns: &mut Vec<f32>, (y, x)| {
            for (plane, &bias) in y.chunks_exact_mut(pixels).zip(bias) {
                plane.fill(bias);
            }
            for (first, rows) in self.stretches(COLUMNS) {
                let count = rows * self.width;
                columns.resize(seen * count, 0.0);
                self.gather(x, (first, rows), columns);
                let columns = Matrix::new(columns, seen, count, count);
                product(weight, columns, &mut y[first * self.width..], pixels, true);
            }
        });
        y
    }

    /// The gradients of input, if it is asked for, weights and bias.
    fn backward(&self, x: &[f32], weight: &[f32], grad: &[f32], inputs: bool) -> [Vec<f32>; 3] {
        let (size, result) = self.image();
        let (pixels, seen) = (self.height * self.width, self.seen());
        let weight = Matrix::new(weight, self.outputs, seen, seen);
        let mut by_x = vec![0.0; if inputs { x.len() } else { 0 }];
        // Where there is nothing to be written, each image gets an empty slice.
        let parts: Vec<&mut [f32]> = match inputs {
            true => by_x.chunks_exact_mut(size.max(1)).collect(),
            false => (0..self.images).map(|_| &mut [][..]).collect(),
        };
        let images = parts.into_par_iter().zip(x.par_chunks(size)).zip(grad.par_chunks(result));
        let of_image = |((by_x, x), grad): ((&mut [f32], &[f32]), &[f32])| {
            let (mut columns, mut by_columns) = (Vec::new(), Vec::new());
            let mut by_weight = vec![0.0; self.outputs * seen];
            for (first, rows) in self.stretches(COLUMNS_BACK) {
                let count = rows * self.width;
                let grad = Matrix::new(&grad[first * self.width..], self.outputs, count, pixels);
                columns.resize(seen * count, 0.0);
                self.gather(x, (first, rows), &mut columns);
                let columns = Matrix::new(&columns, seen, count, count);
                product(grad, columns.transposed(), &mut by_weight, seen, true);
                if inputs {
                    by_columns.resize(seen * count, 0.0);
                    product(weight.transposed(), grad, &mut by_columns, count, false);
                    self.scatter(&by_columns, (first, rows), by_x);
                }
            }
            let by_bias = grad.chunks_exact(pixels).map(|plane| plane.iter().sum::<f32>());
            (by_weight, by_bias.collect::<Vec<f32>>())
        };
        let each: Vec<(Vec<f32>, Vec<f32>)> = images.map(of_image).collect();
        let (mut by_weight, mut by_bias) =
            (vec![0.0; self.outputs * seen], vec![0.0; self.outputs]);
        for (weight, bias) in &each {
            by_weight.iter_mut().zip(weight).for_each(|(sum, x)| *sum += x);
            by_bias.iter_mut().zip(bias).for_each(|(sum, x)| *sum += x);
        }
        [by_x, by_weight, by_bias]
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
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
        let sizes = Sizes::new(x_layout.dims(), weight_layout.dims(), bias_layout.dims())?;
        let weight = host::slice(weight, weight_layout)?;
        let (x, bias) = (host::slice(x, x_layout)?, host::slice(bias, bias_layout)?);
        let shape = (sizes.images, sizes.outputs, sizes.height, sizes.width);
        Ok((CpuStorage::F32(sizes.forward(x, weight, bias)), shape.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Sizes::new(x.dims(), weight.dims(), bias.dims())?;
        let grad = grad.contiguous()?;
        let ((xs, x_layout), (ws, w_layout)) =
            (x.storage_and_layout(), weight.storage_and_layout());
        let (grads, grad_layout) = grad.storage_and_layout();
        let (Storage::Cpu(xs), Storage::Cpu(ws), Storage::Cpu(grads)) = (&*xs, &*ws, &*grads)
        else {
            candle_core::bail!("a convolution on the CPU has a gradient elsewhere")
        };
        let inputs = x.track_op();
        let [by_x, by_weight, by_bias] = sizes.backward(
            host::slice(xs, x_layout)?,
            host::slice(ws, w_layout)?,
            host::slice(grads, grad_layout)?,
            inputs,
        );
        let of = |values: Vec<f32>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        let by_x = if inputs { of(by_x, x)? } else { None };
        Ok((by_x, of(by_weight, weight)?, of(by_bias, bias)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn equals_candles_and_its_gradient() {
        // Wide enough for several stretches in the second.
        for (shape, outputs) in [([2, 3, 4, 5], 2), ([1, 24, 9, 200], 3)] {
            let (x, bias) = (random(&shape, 1), random(&[outputs], 3));
            let weight = random(&[outputs, shape[1], 3, 3], 2);
            let plain = convolution(&x, &weight, &bias).unwrap();
            let single = |tensor: &Tensor| tensor.to_dtype(DType::F32).unwrap();
            let fused = convolution(&single(&x), &single(&weight), &single(&bias)).unwrap();
            assert_eq!(fused.dims(), [shape[0], outputs, shape[2], shape[3]]);
            let difference = (plain - fused.to_dtype(DType::F64).unwrap()).unwrap().abs().unwrap();
            assert!(difference.max_all().unwrap().to_scalar::<f64>().unwrap() < 1e-5);
        }
        let args = [random(&[2, 2, 3, 4], 4), random(&[3, 2, 3, 3], 5), random(&[3], 6)];
        assert_gradients(&args, |args| convolution(&args[0], &args[1], &args[2]));
    }

    #[test]
    fn a_column_of_one_pixel_and_shapes_that_do_not_fit() {
        let zeros = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
        let y = convolution(&zeros(&[1, 1, 3, 1]), &zeros(&[1, 1, 3, 3]), &zeros(&[1])).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [3.0, 4.0, 3.0]);
        assert!(convolution(&zeros(&[1, 2, 3, 1]), &zeros(&[1, 1, 3, 3]), &zeros(&[1])).is_err());
        assert!(convolution(&zeros(&[1, 1, 3, 1]), &zeros(&[1, 1, 5, 5]), &zeros(&[1])).is_err());
    }
}
