//! Least squares with no negative part, in the form of normal equations.
//!
//! Minimises `‖D x − b‖²` over `x ≥ 0`, given `G = DᵀD` and `c = Dᵀb`. With `D` of full rank there is
//! one solution: that which has `x ≥ 0`, `y = G x − c ≥ 0` and `x_i y_i = 0` for all `i`. It is found
//! by block principal pivoting (Kim & Park, "Fast nonnegative matrix factorization: an active-set-like
//! method and comparisons", SIAM J. Sci. Comput. 33, 2011, algorithm 2): of a guess at which `x_i`
//! are free, all that turn out wrong are exchanged at once; where that does not lessen the number of
//! wrong ones for some rounds, the last wrong one alone, which ends for certain (Murty's rule). The
//! guess is the answer to the problem before, for consecutive frames sound alike; it changes the
//! effort, not the answer.

/// Rounds of full exchange that may fail to lessen the wrong ones before Murty's rule.
const PATIENCE: usize = 3;
/// What counts as negative, relative to the largest of `c`; rounding is a hundred times less.
const TOLERANCE: f64 = 1e-12;
/// A bound that no problem has been seen to come near, lest rounding has it go round in circles.
const ROUNDS_MAX: usize = 500;

/// A solver of problems of `N` unknowns with one matrix, with the last answer.
#[derive(Clone)]
pub struct NonNegative<const N: usize> {
    gram: Box<[[f64; N]; N]>,
    /// Which unknowns were free in the last answer.
    free: [bool; N],
    /// The factor of the free part of `gram`, with room for all of it.
    factor: Box<[[f64; N]; N]>,
}

impl<const N: usize> NonNegative<N> {
    /// A solver for a positive definite matrix `G`.
    pub fn new(gram: Box<[[f64; N]; N]>) -> Self {
        Self { gram, free: [false; N], factor: Box::new([[0.0; N]; N]) }
    }

    /// The solution for a right side `c`, with 0 at all unknowns that are not `allowed`.
    pub fn solve(&mut self, right: &[f64; N], allowed: &[bool; N]) -> [f64; N] {
        let scale = right.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        if scale == 0.0 || !scale.is_finite() {
            return [0.0; N];
        }
        for (free, allowed) in self.free.iter_mut().zip(allowed) {
            *free &= allowed;
        }
        let (mut fewest, mut patience) = (N + 1, PATIENCE);
        let mut solution = [0.0; N];
        for _ in 0..ROUNDS_MAX {
            solution = self.unconstrained(right);
            let wrong = self.wrong(right, allowed, &solution, TOLERANCE * scale);
            let count = wrong.iter().filter(|wrong| **wrong).count();
            if count == 0 {
                break;
            }
            if count < fewest {
                (fewest, patience) = (count, PATIENCE);
            } else if patience > 0 {
                patience -= 1;
            } else if let Some(last) = wrong.iter().rposition(|wrong| *wrong) {
                self.free[last] = !self.free[last];
                continue;
            }
            for (free, wrong) in self.free.iter_mut().zip(wrong) {
                *free ^= wrong;
            }
        }
        solution.map(|value| value.max(0.0))
    }

    /// The free unknowns that are negative and the others that would lessen the error.
    fn wrong(
        &self,
        right: &[f64; N],
        allowed: &[bool; N],
        x: &[f64; N],
        tolerance: f64,
    ) -> [bool; N] {
        let mut gradient = right.map(|value| -value);
        for (row, &value) in self.gram.iter().zip(x) {
            if value != 0.0 {
                for (gradient, entry) in gradient.iter_mut().zip(row) {
                    *gradient += value * entry;
                }
            }
        }
        std::array::from_fn(|i| match self.free[i] {
            true => x[i] < -tolerance,
            false => allowed[i] && gradient[i] < -tolerance,
        })
    }

    /// The solution with all free unknowns as they may be and all others 0: `G_FF x_F = c_F`, by
    /// Cholesky's factorisation.
    fn unconstrained(&mut self, right: &[f64; N]) -> [f64; N] {
        let mut places = [0; N];
        let mut count = 0;
        for (i, _) in self.free.iter().enumerate().filter(|(_, free)| **free) {
            places[count] = i;
            count += 1;
        }
        let places = &places[..count];
        let mut values = [0.0; N];
        for (k, &i) in places.iter().enumerate() {
            values[k] = right[i];
            for (out, &j) in self.factor[k][k..].iter_mut().zip(&places[k..]) {
                *out = self.gram[i][j];
            }
        }
        solve_symmetric(&mut self.factor[..count], &mut values[..count]);
        let mut out = [0.0; N];
        for (&i, &value) in places.iter().zip(&values) {
            out[i] = value;
        }
        out
    }
}

/// Solves `A x = b`, with the upper triangle of a positive definite `A` in `matrix`, which gets
/// Cholesky's `U`, and `b` in `vector`, which gets `x`.
fn solve_symmetric<const N: usize>(matrix: &mut [[f64; N]], vector: &mut [f64]) {
    let n = vector.len();
    // UᵀU = A, and Uᵀ y = b on the way. The diagonal of U is kept as inverses.
    for k in 0..n {
        let (done, rest) = matrix.split_at_mut(k + 1);
        let row = &mut done[k][..n];
        let inverse = row[k].sqrt().recip();
        row[k..].iter_mut().for_each(|value| *value *= inverse);
        row[k] = inverse;
        vector[k] *= inverse;
        let value = vector[k];
        for (i, below) in (k + 1..n).zip(rest) {
            let factor = row[i];
            vector[i] -= value * factor;
            for (out, value) in below[i..n].iter_mut().zip(&row[i..]) {
                *out -= factor * value;
            }
        }
    }
    // U x = y
    for i in (0..n).rev() {
        let row = &matrix[i][..n];
        let known: f64 = row[i + 1..].iter().zip(&vector[i + 1..]).map(|(a, b)| a * b).sum();
        vector[i] = (vector[i] - known) * row[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between −1 and 1 that look random.
    fn noise(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..count).map(next).collect()
    }

    /// `DᵀD` of a random `D` with twice as many rows as columns.
    fn gram<const N: usize>(seed: u64) -> Box<[[f64; N]; N]> {
        let columns: Vec<Vec<f64>> = (0..N).map(|i| noise(2 * N, seed + i as u64)).collect();
        let dot = |i: usize, j: usize| columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum();
        Box::new(std::array::from_fn(|i| std::array::from_fn(|j| dot(i, j))))
    }

    fn assert_optimal<const N: usize>(
        gram: &[[f64; N]; N],
        right: &[f64; N],
        allowed: &[bool; N],
        x: &[f64; N],
    ) {
        for i in 0..N {
            let gradient: f64 = (0..N).map(|j| gram[i][j] * x[j]).sum::<f64>() - right[i];
            assert!(x[i] >= 0.0, "{i}: {x:?}");
            match x[i] > 0.0 {
                true => assert!(allowed[i] && gradient.abs() < 1e-9, "{i}: {gradient}"),
                false => assert!(!allowed[i] || gradient > -1e-9, "{i}: {gradient}"),
            }
        }
    }

    #[test]
    fn two_unknowns_by_hand() {
        let mut solver = NonNegative::new(Box::new([[2.0, 1.0], [1.0, 2.0]]));
        let mut assert_solution = |right, allowed, expected: [f64; 2]| {
            let x = solver.solve(right, allowed);
            assert!(x.iter().zip(expected).all(|(x, e)| (x - e).abs() < 1e-12), "{x:?}");
        };
        assert_solution(&[3.0, 3.0], &[true; 2], [1.0, 1.0]);
        // Freely (2, −1): the second is 0, and the first is what is best alone.
        assert_solution(&[3.0, 0.0], &[true; 2], [1.5, 0.0]);
        assert_solution(&[3.0, 3.0], &[false, true], [0.0, 1.5]);
    }

    #[test]
    fn answers_are_optimal_and_do_not_depend_on_the_ones_before() {
        const N: usize = 40;
        let matrix = gram::<N>(7);
        let mut warm = NonNegative::new(matrix.clone());
        for round in 0..200 {
            let right: [f64; N] = noise(N, 1000 + round).try_into().unwrap();
            let allowed = std::array::from_fn(|i| !(i as u64 + round).is_multiple_of(5));
            let x = warm.solve(&right, &allowed);
            assert_optimal(&matrix, &right, &allowed, &x);
            let cold = NonNegative::new(matrix.clone()).solve(&right, &allowed);
            assert!(x.iter().zip(cold).all(|(x, cold)| (x - cold).abs() < 1e-9));
        }
    }

    #[test]
    fn nothing_to_explain_and_nothing_allowed_give_zero() {
        let mut solver = NonNegative::new(gram::<8>(1));
        for right in [[0.0; 8], [-1.0; 8], [f64::NAN; 8], [f64::INFINITY; 8]] {
            assert_eq!(solver.solve(&right, &[true; 8]), [0.0; 8], "{right:?}");
        }
        assert_eq!(solver.solve(&[1.0; 8], &[false; 8]), [0.0; 8]);
    }

    #[test]
    fn singular_matrices_do_not_hang() {
        let mut solver = NonNegative::new(Box::new([[1.0; 6]; 6]));
        let x = solver.solve(&[1.0, 2.0, 3.0, -1.0, 2.0, 3.0], &[true; 6]);
        assert!(x.iter().all(|x| x.is_nan() || *x >= 0.0), "{x:?}");
    }
}
