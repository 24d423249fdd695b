//! Systems of linear equations with a symmetric, positive definite matrix.

use pulp::{Arch, Simd, WithSimd};

use crate::error::{Error, Result};

/// Rows are changed from a multiple of so many numbers on, which spares a remainder at their beginning.
const ALIGN: usize = 16;

/// Solves `A x = b` by Cholesky's factorisation `A = UᵀU`, in f32.
///
/// `matrix` is `A`, `(n, n)`, row-major, of which the upper triangle is read; it is overwritten. `vector`
/// has `b` and gets `x`.
///
/// # Errors
/// The matrix is not positive definite.
pub fn solve(matrix: &mut [f32], vector: &mut [f32]) -> Result<()> {
    Arch::new().dispatch(System { matrix, vector })
}

/// A system, solved with the widest instructions that the processor has.
struct System<'a> {
    matrix: &'a mut [f32],
    vector: &'a mut [f32],
}

impl WithSimd for System<'_> {
    type Output = Result<()>;

    // Closures would not be compiled for these instructions, hence the plain loops.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Result<()> {
        let Self { matrix, vector } = self;
        let n = vector.len();
        // U in the place of the upper triangle, with the inverses of its diagonal; Uᵀ y = b on the way.
        for k in 0..n {
            let (done, rest) = matrix.split_at_mut((k + 1) * n);
            let row = &mut done[k * n..];
            if !(row[k] > 0.0 && row[k].is_finite()) {
                return Err(Error::Compute(
                    "a system of equations is not positive definite; raise reg".into(),
                ));
            }
            let inverse = row[k].sqrt().recip();
            for value in &mut row[k..] {
                *value *= inverse;
            }
            row[k] = inverse;
            vector[k] *= inverse;
            let value = vector[k];
            for i in k + 1..n {
                vector[i] -= value * row[i];
                let from = i / ALIGN * ALIGN;
                let below = &mut rest[(i - k - 1) * n..(i - k) * n];
                subtract(simd, row[i], &row[from..], &mut below[from..]);
            }
        }
        // U x = y
        for i in (0..n).rev() {
            let row = &matrix[i * n..(i + 1) * n];
            let mut value = vector[i];
            for j in i + 1..n {
                value -= row[j] * vector[j];
            }
            vector[i] = value * row[i];
        }
        Ok(())
    }
}

/// `out − factor · row`.
#[inline(always)]
fn subtract<S: Simd>(simd: S, factor: f32, row: &[f32], out: &mut [f32]) {
    let (row, row_rest) = S::as_simd_f32s(row);
    let (out, out_rest) = S::as_mut_simd_f32s(out);
    let wide = simd.splat_f32s(-factor);
    for (out, &value) in out.iter_mut().zip(row) {
        *out = simd.mul_add_f32s(wide, value, *out);
    }
    for (out, value) in out_rest.iter_mut().zip(row_rest) {
        *out -= factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_by_three_by_hand() {
        let mut matrix = vec![2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0];
        let mut vector = vec![1.0, 0.0, 1.0];
        solve(&mut matrix, &mut vector).unwrap();
        assert!(vector.iter().all(|x| (x - 1.0).abs() < 1e-6), "{vector:?}");
    }

    #[test]
    fn solutions_of_every_size_give_the_right_side_again() {
        for n in [1, 15, 16, 17, 33, 70] {
            // Larger than the sum of its row on the diagonal: positive definite.
            let value = |i: usize, j: usize| match i == j {
                true => n as f32,
                false => (((i * j) % 7) as f32 - 3.0) / 7.0,
            };
            let mut matrix: Vec<f32> = (0..n * n).map(|at| value(at / n, at % n)).collect();
            let expected: Vec<f32> = (0..n).map(|i| (i as f32).sin()).collect();
            let mut x = expected.clone();
            solve(&mut matrix, &mut x).unwrap();
            for (i, expected) in expected.iter().enumerate() {
                let got: f32 = (0..n).map(|j| value(i, j) * x[j]).sum();
                assert!((got - expected).abs() < 1e-4, "{n}: {got} {expected}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_an_error() {
        for matrix in [[1.0, 2.0, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0], [f32::NAN, 0.0, 0.0, 1.0]] {
            let message = solve(&mut matrix.to_vec(), &mut [1.0, 1.0]).unwrap_err().to_string();
            assert!(message.contains("raise reg"), "{message}");
        }
    }
}
