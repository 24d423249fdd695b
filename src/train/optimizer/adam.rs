//! Adam's arithmetic, with the widest instructions that the processor has.

use pulp::{Arch, Simd, WithSimd};

use super::flushed;

/// The share of a moment that a step keeps: β₁ and β₂.
pub const BETA1: f32 = 0.9;
pub const BETA2: f32 = 0.999;
/// Keeps a step finite.
pub const EPSILON: f32 = 1e-8;

/// Numbers with their moments, all of one length.
pub struct Numbers<'a> {
    pub values: &'a mut [f32],
    pub first: &'a mut [f32],
    pub second: &'a mut [f32],
}

/// A step along a gradient, of which `scale` is left, plus `decay` times the value; from so much of the
/// value as is `kept`.
pub struct Step<'a> {
    pub numbers: Numbers<'a>,
    pub grad: &'a [f32],
    pub rate: f32,
    pub correction: f32,
    pub scale: f32,
    pub decay: f32,
    pub kept: f32,
}

/// What several steps without a gradient do: numbers are carried along by so many times `m / √v`, and
/// moments fade by these factors.
pub struct Rest<'a> {
    pub numbers: Numbers<'a>,
    pub carried: f32,
    pub epsilon: f32,
    pub fade: [f32; 2],
}

impl Step<'_> {
    /// Takes the step.
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl Rest<'_> {
    /// Makes up for the steps.
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Step<'_> {
    type Output = ();

    // Closures would not be compiled for these instructions, hence the plain loop.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { numbers, grad, rate, correction, scale, decay, kept } = self;
        let count = grad.len();
        let (values, first) = (&mut numbers.values[..count], &mut numbers.first[..count]);
        let second = &mut numbers.second[..count];
        for at in 0..count {
            let grad = scale * grad[at] + decay * values[at];
            let m = flushed(BETA1 * first[at] + (1.0 - BETA1) * grad);
            let v = flushed(BETA2 * second[at] + (1.0 - BETA2) * grad * grad);
            values[at] = kept * values[at] - rate * m / (v.sqrt() * correction + EPSILON);
            (first[at], second[at]) = (m, v);
        }
    }
}

impl WithSimd for Rest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { numbers, carried, epsilon, fade } = self;
        let count = numbers.values.len();
        let (values, first) = (&mut numbers.values[..count], &mut numbers.first[..count]);
        let second = &mut numbers.second[..count];
        for at in 0..count {
            let (m, v) = (first[at], second[at]);
            values[at] -= carried * m / (v.sqrt() + epsilon);
            (first[at], second[at]) = (flushed(m * fade[0]), flushed(v * fade[1]));
        }
    }
}
