//! What fused operations on the CPU share: slices of tensors, and arithmetic without branches,
//! which the compiler carries out for several numbers at once.

use candle_core::{CpuStorage, Layout, Result, Tensor};

/// So many numbers are folded side by side.
const LANES: usize = 16;

/// The numbers of a contiguous tensor.
pub fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("a fused operation needs contiguous tensors"),
    }
}

/// The numbers of a tensor, copied.
pub fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// Whether a fused operation runs on this tensor; others take the plain composition.
pub fn is_fused(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == candle_core::DType::F32
}

/// `eˣ` with a relative error below 3e-7; below −80 it stays at e⁻⁸⁰, which spares denormal numbers.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to a whole number and leaves it in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-80.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts: the first has so few digits that its product with n is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `log(1 + eˣ)` with an absolute error below 1e-6 relative to `1 + |x|`.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let e = exp(-x.abs());
    // log(1 + e) = 2 artanh(e / (2 + e)), and the argument is at most ⅓.
    let z = e / (2.0 + e);
    let s = z * z;
    let p = 1.0 / 13.0;
    let p = p * s + 1.0 / 11.0;
    let p = p * s + 1.0 / 9.0;
    let p = p * s + 1.0 / 7.0;
    let p = p * s + 1.0 / 5.0;
    let p = p * s + 1.0 / 3.0;
    let p = p * s + 1.0;
    x.max(0.0) + 2.0 * z * p
}

#[inline(always)]
fn fold(values: &[f32], start: f32, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = combine(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = combine(*lane, value);
    }
    lanes.into_iter().fold(start, combine)
}

/// The sum.
pub fn sum(values: &[f32]) -> f32 {
    fold(values, 0.0, |a, b| a + b)
}

/// The largest value; negative infinity of none.
pub fn max(values: &[f32]) -> f32 {
    fold(values, f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// `Σ aᵢ bᵢ`.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(rest) {
        *lane += a * b;
    }
    sum(&lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_as_exact_as_they_say() {
        for i in -7900..8700 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp({x}) = {}", exp(x));
            let exact = f64::from(x).max(0.0) + (-f64::from(x).abs()).exp().ln_1p();
            let error = (f64::from(softplus(x)) - exact).abs();
            assert!(error < 1e-6 * (1.0 + f64::from(x).abs()), "softplus({x}) = {}", softplus(x));
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() < 3e-7, "sigmoid({x}) = {}", sigmoid(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-30 && exp(1e9).is_finite());
        assert_eq!(softplus(1e6), 1e6);
    }

    #[test]
    fn folds_take_every_number() {
        let values: Vec<f32> = (1..=37).map(|x| x as f32).collect();
        assert_eq!(sum(&values), 703.0);
        assert_eq!(max(&values), 37.0);
        assert_eq!(dot(&values, &[2.0; 37]), 1406.0);
        assert_eq!(max(&[-3.0]), -3.0);
    }
}
