//! Resampling by any rational ratio: a polyphase windowed sinc.
//!
//! The filter is a sinc under a Kaiser window, as long and as steep as that of libsoxr's quality "HQ",
//! librosa's default, on which MFCCs of resampled files depend. It passes 0.913 of the lower rate's
//! Nyquist frequency and stops from 1.0 of it on, by 125 dB. Where rates differ by a power of 2, the
//! response to an impulse is libsoxr's within 1e-7, measured (`tests/golden/audio.py`); elsewhere libsoxr
//! filters in two steps, which together are within 2e-4 of what is here. The filter delays nothing, what
//! lies before and behind the input counts as 0, and n samples become ⌈n · to / from⌉, as librosa's.
//!
//! Computed in f32 from a table of filter phases. Where that would be large (44,101 to 22,050 Hz has
//! 22,050 phases), two neighbours of fewer phases are interpolated, with an error below −115 dB.

use pulp::{Arch, Simd, WithSimd};

use crate::error::{Error, Result};

/// The filter's shape, in terms of the lower rate.
#[derive(Clone, Copy)]
struct Shape {
    /// Where it halves amplitudes, in Nyquist frequencies.
    cutoff: f64,
    /// Half its length, in samples.
    half_width: f64,
    /// The Kaiser window's β.
    beta: f64,
}

/// For rates that differ by a power of 2.
const POWER_OF_2: Shape = Shape { cutoff: 0.956_872, half_width: 97.25, beta: 13.04 };
/// For other rates.
const OTHER: Shape = Shape { cutoff: 0.956_842_5, half_width: 109.35, beta: 15.746 };
/// The number of phases that need no others between them at the input's rate.
const PHASES: usize = 1024;
/// The largest table of exact phases.
const TABLE_MAX: usize = 1 << 20;
/// Taps are a multiple of these, so that vectors of any processor fill them.
const LANES: usize = 16;
/// Samples that are taken in at once.
const BLOCK: usize = 1 << 14;
/// Rates that can be asked for.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// Resamples one signal, piece by piece.
pub struct Resampler {
    /// Output sample m lies at input place m · down / up.
    up: u64,
    down: u64,
    /// Where `up` has too many, the phases in the table; otherwise `up`.
    phases: usize,
    /// (phases + 1, taps); the last is the first, one sample on.
    table: Vec<f32>,
    taps: usize,
    /// Input that is still needed, from sample `start − taps / 2 + 1` of the signal on.
    buffer: Vec<f32>,
    start: u64,
    received: u64,
    produced: u64,
}

impl Resampler {
    /// # Errors
    /// `rate` is not one to resample to.
    pub fn check(rate: u32) -> Result<()> {
        if RATES.contains(&rate) {
            return Ok(());
        }
        let (from, to) = (RATES.start(), RATES.end());
        Err(Error::data(format!("a rate of {rate} Hz is not between {from} and {to}")))
    }

    /// A resampler from and to so many samples per second.
    ///
    /// # Errors
    /// A rate below 1,000 or above 384,000.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        Self::check(from)?;
        Self::check(to)?;
        let divisor = gcd(from, to);
        let (up, down) = (u64::from(to / divisor), u64::from(from / divisor));
        // The lower Nyquist frequency, in that of the input.
        let scale = (f64::from(to) / f64::from(from)).min(1.0);
        let is_power = up.is_power_of_two() && down.is_power_of_two();
        let shape = if is_power { POWER_OF_2 } else { OTHER };
        let taps = (2.0 * (shape.half_width / scale).ceil()) as usize;
        let taps = taps.next_multiple_of(LANES);
        let is_exact = (up as usize).saturating_mul(taps) <= TABLE_MAX;
        let phases = if is_exact { up as usize } else { (PHASES as f64 * scale).ceil() as usize };
        let is_copy = up == down;
        let table = if is_copy { Vec::new() } else { filter_phases(shape, scale, taps, phases) };
        let buffer = vec![0.0; taps / 2 - 1];
        Ok(Self { up, down, phases, table, taps, buffer, start: 0, received: 0, produced: 0 })
    }

    /// Takes the next samples in, and appends what they complete to `out`.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if self.up == self.down {
            out.extend_from_slice(samples);
            return;
        }
        for block in samples.chunks(BLOCK) {
            self.received += block.len() as u64;
            self.buffer.extend_from_slice(block);
            // Output m needs the input up to half the taps after its place.
            let known = self.received.saturating_sub(self.taps as u64 / 2);
            self.produce((known * self.up).div_ceil(self.down), out);
        }
    }

    /// Appends the rest; the signal has ended.
    pub fn finish(mut self, out: &mut Vec<f32>) {
        if self.up == self.down {
            return;
        }
        let left = self.taps + (self.down / self.up) as usize;
        self.buffer.resize(self.buffer.len() + left, 0.0);
        self.produce((self.received * self.up).div_ceil(self.down), out);
    }

    /// Computes output up to sample `end`, and drops the input that is no longer needed.
    fn produce(&mut self, end: u64, out: &mut Vec<f32>) {
        if end > self.produced {
            out.reserve((end - self.produced) as usize);
            Arch::new().dispatch(Convolve { from: &*self, end, out });
            self.produced = end;
        }
        let needed = self.produced * self.down / self.up;
        let unneeded = ((needed - self.start) as usize).min(self.buffer.len());
        self.buffer.drain(..unneeded);
        self.start += unneeded as u64;
    }
}

/// `samples` at another rate.
///
/// # Errors
/// A rate below 1,000 or above 384,000.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from, to)?;
    let length = (samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from));
    let mut out = Vec::with_capacity(length as usize);
    resampler.push(samples, &mut out);
    resampler.finish(&mut out);
    Ok(out)
}

/// Output samples as far as `end`, with the widest instructions that the processor has.
struct Convolve<'a> {
    from: &'a Resampler,
    end: u64,
    out: &'a mut Vec<f32>,
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    // Closures would not be compiled for these instructions, hence the plain loops.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Resampler { up, down, phases, table, taps, buffer, start, produced, .. } = self.from;
        let (taps, mut m) = (*taps, *produced);
        // Without phases, four outputs share the filter's way into the processor.
        while *up == 1 && m < self.end {
            let first = (m * down - start) as usize;
            let (step, count) = (*down as usize, (self.end - m).min(4) as usize);
            let last = first + (count - 1) * step;
            let (b, c) = ((first + step).min(last), (first + 2 * step).min(last));
            let Some(filter) = table.get(..taps) else { return };
            let Some(a) = buffer.get(first..first + taps) else { return };
            let Some(b) = buffer.get(b..b + taps) else { return };
            let Some(c) = buffer.get(c..c + taps) else { return };
            let Some(d) = buffer.get(last..last + taps) else { return };
            let values = four_dots(simd, filter, a, b, c, d);
            self.out.extend_from_slice(&values[..count]);
            m += count as u64;
        }
        while m < self.end {
            let (place, phase) = (m * down / up, m * down % up);
            let place = (place - start) as usize;
            let Some(input) = buffer.get(place..place + taps) else { return };
            let scaled = phase * *phases as u64;
            let row = (scaled / up) as usize * taps;
            let Some(rows) = table.get(row..row + 2 * taps) else { return };
            let (row, next) = rows.split_at(taps);
            let mut value = dot(simd, row, input);
            let fraction = scaled % up;
            if fraction > 0 {
                let fraction = fraction as f32 / *up as f32;
                value += fraction * (dot(simd, next, input) - value);
            }
            self.out.push(value);
            m += 1;
        }
    }
}

/// The product of two vectors of equal length, a multiple of `LANES`.
#[inline(always)]
fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let (left, right) = (S::as_simd_f32s(left).0, S::as_simd_f32s(right).0);
    // Sums apart do not wait for each other.
    let mut sums = [simd.splat_f32s(0.0); 4];
    let (left, left_rest) = pulp::as_arrays::<4, _>(left);
    let (right, right_rest) = pulp::as_arrays::<4, _>(right);
    for ([a0, a1, a2, a3], [b0, b1, b2, b3]) in left.iter().zip(right) {
        sums[0] = simd.mul_add_f32s(*a0, *b0, sums[0]);
        sums[1] = simd.mul_add_f32s(*a1, *b1, sums[1]);
        sums[2] = simd.mul_add_f32s(*a2, *b2, sums[2]);
        sums[3] = simd.mul_add_f32s(*a3, *b3, sums[3]);
    }
    for (a, b) in left_rest.iter().zip(right_rest) {
        sums[0] = simd.mul_add_f32s(*a, *b, sums[0]);
    }
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

/// The products of one vector with four others, all of equal length, a multiple of `LANES`.
#[inline(always)]
fn four_dots<S: Simd>(
    simd: S,
    filter: &[f32],
    a: &[f32],
    b: &[f32],
    c: &[f32],
    d: &[f32],
) -> [f32; 4] {
    let filter = S::as_simd_f32s(filter).0;
    let (a, b) = (S::as_simd_f32s(a).0, S::as_simd_f32s(b).0);
    let (c, d) = (S::as_simd_f32s(c).0, S::as_simd_f32s(d).0);
    let zero = simd.splat_f32s(0.0);
    let (mut sum_a, mut sum_b, mut sum_c, mut sum_d) = (zero, zero, zero, zero);
    for ((((w, a), b), c), d) in filter.iter().zip(a).zip(b).zip(c).zip(d) {
        sum_a = simd.mul_add_f32s(*w, *a, sum_a);
        sum_b = simd.mul_add_f32s(*w, *b, sum_b);
        sum_c = simd.mul_add_f32s(*w, *c, sum_c);
        sum_d = simd.mul_add_f32s(*w, *d, sum_d);
    }
    let (a, b) = (simd.reduce_sum_f32s(sum_a), simd.reduce_sum_f32s(sum_b));
    [a, b, simd.reduce_sum_f32s(sum_c), simd.reduce_sum_f32s(sum_d)]
}

/// The filter at `phases + 1` places between two samples, (phases + 1, taps). `scale` is the lower
/// Nyquist frequency in that of the input.
fn filter_phases(shape: Shape, scale: f64, taps: usize, phases: usize) -> Vec<f32> {
    let cutoff = shape.cutoff * scale;
    let half_width = shape.half_width / scale;
    let top = bessel_i0(shape.beta);
    let filter = |place: f64| {
        let inside = 1.0 - (place / half_width).powi(2);
        if inside < 0.0 {
            return 0.0;
        }
        let angle = std::f64::consts::PI * cutoff * place;
        let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
        (cutoff * sinc * bessel_i0(shape.beta * inside.sqrt()) / top) as f32
    };
    let first = 1.0 - (taps / 2) as f64;
    let rows = (0..=phases).map(|phase| first - phase as f64 / phases as f64);
    rows.flat_map(|first| (0..taps).map(move |tap| first + tap as f64)).map(filter).collect()
}

/// The modified Bessel function of order 0, from its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
