//! Half a sweep of alternating least squares: every row of one table, given the other table.
//!
//! With the other side's table `Y` fixed, the objective falls apart into one problem a row `x`:
//!
//! `(α₀ YᵀY + Σ w y yᵀ + λ I) x = Σ (α₀ + w) y`,  `λ = reg · (Σ w + α₀ |Y|)^ν`,
//!
//! where the sums go over the row's observed pairs. The Gramian `YᵀY` is shared by all rows, so a row
//! costs what it has observed, not what there is (Hu et al. 2008, §4).

use candle_core::{Device, Tensor};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::observed::{Observed, Row};
use crate::control::Control;
use crate::error::Result;
use crate::nn;

/// Rows whose conjugate gradients step together: their products with the Gramian are one product of
/// matrices.
const BLOCK: usize = 32;

/// Rows that are met together, so that what they meet is read once.
const AT_ONCE: usize = 4;

/// Parts of a Gramian at most, however many threads there are: its sum does not depend on them.
const PARTS: usize = 16;

/// Rows that are a part at least.
const PART_MIN: usize = 256;

/// How a row is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    /// Exactly.
    Cholesky,
    /// By so many steps of conjugate gradients from where the row stands.
    ConjugateGradient(usize),
}

/// The problem that all rows share.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// D, the length of rows.
    pub size: usize,
    /// α₀, the weight of pairs that were not observed.
    pub alpha0: f32,
    /// Of the penalty.
    pub reg: f32,
    /// ν, the power of a row's weights in its penalty.
    pub nu: f32,
}

impl Problem {
    /// `α₀ YᵀY` of a table `(rows, D)`, `(D, D)`: parts in f32, their sum in f64.
    ///
    /// # Errors
    /// Out of memory.
    pub fn gramian(&self, table: &[f32]) -> Result<Vec<f32>> {
        let size = self.size;
        let rows = (table.len() / size).div_ceil(PARTS).max(PART_MIN);
        let parts: Vec<Vec<f32>> = table
            .par_chunks(rows * size)
            .map(|part| {
                let part = Tensor::from_slice(part, (part.len() / size, size), &Device::Cpu)?;
                Ok(part.t()?.matmul(&part)?.flatten_all()?.to_vec1()?)
            })
            .collect::<Result<_>>()?;
        let mut sum = vec![0.0; size * size];
        for part in parts {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
        }
        Ok(sum.into_iter().map(|value| (value * f64::from(self.alpha0)) as f32).collect())
    }
}

/// A table that is fixed while the other one is solved.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<'a> {
    /// The problem.
    pub problem: Problem,
    /// `Y`, `(rows, D)`.
    pub table: &'a [f32],
    /// How many rows of it were observed at all, `|Y|`: the others are 0.
    pub met: usize,
    /// What [`Problem::gramian`] makes of it.
    pub gramian: &'a [f32],
}

impl Fixed<'_> {
    /// λ of a row.
    fn penalty(&self, row: Row<'_>) -> f32 {
        let Problem { alpha0, reg, nu, .. } = self.problem;
        let weight = row.weights.iter().sum::<f32>() + alpha0 * self.met as f32;
        reg * weight.powf(nu)
    }

    /// `Σ λ |x|²` of a table that was solved.
    pub fn penalties(&self, observed: &Observed, solved: &[f32]) -> f64 {
        let rows = solved.chunks_exact(self.problem.size).enumerate();
        rows.map(|(at, x)| f64::from(self.penalty(observed.row(at)) * nn::dot(x, x))).sum()
    }

    /// Solves all rows of `solved`, `(rows, D)`, and returns the objective at the solution but for the
    /// penalty of the fixed table. A row that has observed nothing must be 0, and stays so.
    ///
    /// # Errors
    /// A system is not positive definite; [`crate::Error::Interrupted`].
    pub fn solve(
        &self,
        observed: &Observed,
        solver: Solver,
        solved: &mut [f32],
        control: &Control,
    ) -> Result<f64> {
        let blocks = solved.par_chunks_mut(BLOCK * self.problem.size).enumerate();
        let objectives: Vec<f64> = blocks
            .map(|(block, solved)| {
                control.check()?;
                let first = block * BLOCK;
                match solver {
                    Solver::Cholesky => self.solve_exactly(observed, first, solved),
                    Solver::ConjugateGradient(steps) => {
                        self.descend(observed, first, steps, solved)
                    }
                }
            })
            .collect::<Result<_>>()?;
        Ok(objectives.iter().sum())
    }

    /// The exact solution of one row.
    ///
    /// # Errors
    /// The system is not positive definite.
    pub fn solution(&self, row: Row<'_>) -> Result<Vec<f32>> {
        let mut solution = vec![0.0; self.problem.size];
        self.right_side(row, &mut solution);
        if !row.columns.is_empty() {
            nn::solve(&mut self.matrix(row)?, &mut solution)?;
        }
        Ok(solution)
    }

    fn solve_exactly(&self, observed: &Observed, first: usize, solved: &mut [f32]) -> Result<f64> {
        let mut objective = 0.0;
        let mut right_side = vec![0.0; self.problem.size];
        for (at, x) in solved.chunks_exact_mut(self.problem.size).enumerate() {
            let row = observed.row(first + at);
            x.copy_from_slice(&self.solution(row)?);
            self.right_side(row, &mut right_side);
            objective += self.constant(row) - f64::from(nn::dot(&right_side, x));
        }
        Ok(objective)
    }

    /// Conjugate gradients on a block of rows.
    fn descend(
        &self,
        observed: &Observed,
        first: usize,
        steps: usize,
        solved: &mut [f32],
    ) -> Result<f64> {
        let size = self.problem.size;
        let rows: Vec<Row<'_>> =
            (0..solved.len() / size).map(|at| observed.row(first + at)).collect();
        let mut right_sides = vec![0.0; solved.len()];
        for (&row, right_side) in rows.iter().zip(right_sides.chunks_exact_mut(size)) {
            self.right_side(row, right_side);
        }
        let mut residuals = self.times_matrices(&rows, solved)?;
        residuals.iter_mut().zip(&right_sides).for_each(|(r, b)| *r = b - *r);
        let mut directions = residuals.clone();
        for _ in 0..steps {
            let products = self.times_matrices(&rows, &directions)?;
            let residuals = residuals.chunks_exact_mut(size);
            let directions = directions.chunks_exact_mut(size).zip(products.chunks_exact(size));
            for ((x, r), (p, q)) in solved.chunks_exact_mut(size).zip(residuals).zip(directions) {
                step(x, r, p, q);
            }
        }
        let constant: f64 = rows.iter().map(|&row| self.constant(row)).sum();
        // xᵀAx − 2bᵀx = −(b + r)ᵀx
        let linear = right_sides.chunks_exact(size).zip(residuals.chunks_exact(size));
        let linear = solved.chunks_exact(size).zip(linear);
        let linear = linear.map(|(x, (b, r))| f64::from(nn::dot(x, b) + nn::dot(x, r)));
        Ok(constant - linear.sum::<f64>())
    }

    /// `A v` for a block of rows, each with its own matrix; `vectors` is `(rows, D)`.
    fn times_matrices(&self, rows: &[Row<'_>], vectors: &[f32]) -> Result<Vec<f32>> {
        let size = self.problem.size;
        let block = Tensor::from_slice(vectors, (rows.len(), size), &Device::Cpu)?;
        let gramian = Tensor::from_slice(self.gramian, (size, size), &Device::Cpu)?;
        let mut products: Vec<f32> = block.matmul(&gramian)?.flatten_all()?.to_vec1()?;
        let pairs = products.chunks_exact_mut(size).zip(vectors.chunks_exact(size));
        for (&row, (out, vector)) in rows.iter().zip(pairs) {
            let penalty = self.penalty(row);
            out.iter_mut().zip(vector).for_each(|(out, v)| *out += penalty * v);
            Arch::new().dispatch(AddObserved { table: self.table, row, vector, out });
        }
        Ok(products)
    }

    /// `Σ c`, what a row costs when it is 0.
    fn constant(&self, row: Row<'_>) -> f64 {
        row.weights.iter().map(|&weight| f64::from(weight + self.problem.alpha0)).sum()
    }

    /// `b = Σ c y` into `out`.
    fn right_side(&self, row: Row<'_>, out: &mut [f32]) {
        let alpha0 = self.problem.alpha0;
        out.fill(0.0);
        for (&column, &weight) in row.columns.iter().zip(row.weights) {
            let y = self.row(column);
            out.iter_mut().zip(y).for_each(|(out, y)| *out += (alpha0 + weight) * y);
        }
    }

    /// `A`, `(D, D)`.
    fn matrix(&self, row: Row<'_>) -> Result<Vec<f32>> {
        let size = self.problem.size;
        let mut scaled = Vec::with_capacity(row.columns.len() * size);
        for (&column, &weight) in row.columns.iter().zip(row.weights) {
            let root = weight.sqrt();
            scaled.extend(self.row(column).iter().map(|y| root * y));
        }
        let scaled = Tensor::from_vec(scaled, (row.columns.len(), size), &Device::Cpu)?;
        let mut matrix = scaled.t()?.matmul(&scaled)?.flatten_all()?.to_vec1::<f32>()?;
        matrix.iter_mut().zip(self.gramian).for_each(|(value, gram)| *value += gram);
        let penalty = self.penalty(row);
        matrix.iter_mut().step_by(size + 1).for_each(|value| *value += penalty);
        Ok(matrix)
    }

    fn row(&self, row: u32) -> &[f32] {
        let size = self.problem.size;
        &self.table[row as usize * size..(row as usize + 1) * size]
    }
}

/// One step of conjugate gradients: `x` moves along the direction `p`, where `q = A p`.
fn step(x: &mut [f32], residual: &mut [f32], p: &mut [f32], q: &[f32]) {
    let (square, curvature) = (nn::dot(residual, residual), nn::dot(p, q));
    // At the solution, as far as f32 goes.
    if square.min(curvature) < f32::MIN_POSITIVE {
        return;
    }
    let length = square / curvature;
    x.iter_mut().zip(&*p).for_each(|(x, p)| *x += length * p);
    residual.iter_mut().zip(q).for_each(|(r, q)| *r -= length * q);
    let keep = nn::dot(residual, residual) / square;
    p.iter_mut().zip(&*residual).for_each(|(p, r)| *p = r + keep * *p);
}

/// Adds `Σ w (y·v) y` to a vector, with the widest instructions that the processor has.
struct AddObserved<'a> {
    table: &'a [f32],
    row: Row<'a>,
    vector: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for AddObserved<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let size = self.vector.len();
        let (v, v_rest) = S::as_simd_f32s(self.vector);
        let (out, out_rest) = S::as_mut_simd_f32s(self.out);
        let out = &mut out[..v.len()];
        let Row { columns, weights } = self.row;
        for (columns, weights) in columns.chunks(AT_ONCE).zip(weights.chunks(AT_ONCE)) {
            // A group that is not full repeats its last row, without weight.
            let rows: [(&[S::f32s], &[f32]); AT_ONCE] = std::array::from_fn(|k| {
                let row = columns[k.min(columns.len() - 1)] as usize;
                S::as_simd_f32s(&self.table[row * size..(row + 1) * size])
            });
            let rests = rows.map(|(_, rest)| rest);
            let rows = rows.map(|(row, _)| &row[..v.len()]);
            let mut sums = [simd.splat_f32s(0.0); AT_ONCE];
            for i in 0..v.len() {
                for k in 0..AT_ONCE {
                    sums[k] = simd.mul_add_f32s(v[i], rows[k][i], sums[k]);
                }
            }
            // Closures would not be compiled for these instructions.
            let mut scales = [0.0; AT_ONCE];
            for k in 0..weights.len() {
                let mut product = simd.reduce_sum_f32s(sums[k]);
                for (v, y) in v_rest.iter().zip(rests[k]) {
                    product += v * y;
                }
                scales[k] = weights[k] * product;
            }
            for (i, out) in out.iter_mut().enumerate() {
                for k in 0..AT_ONCE {
                    *out = simd.mul_add_f32s(simd.splat_f32s(scales[k]), rows[k][i], *out);
                }
            }
            for (i, out) in out_rest.iter_mut().enumerate() {
                for k in 0..AT_ONCE {
                    *out += scales[k] * rests[k][i];
                }
            }
        }
    }
}
