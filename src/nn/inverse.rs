//! The inverse of large symmetric matrices, in tiles.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// The side of a tile: large enough for fast products, small enough for many tiles at a time.
const TILE: usize = 256;

/// The inverse of a symmetric positive definite matrix `(N, N)`, row-major, f64.
///
/// Every diagonal tile in turn is swept (Goodnight, "A tutorial on the SWEEP operator", The
/// American Statistician 1979): with pivot `P = A_kk⁻¹`,
///
/// ```text
/// A_ij ← A_ij − A_ik P A_kj,   A_ik ← A_ik P,   A_kk ← −P,
/// ```
///
/// after which the matrix is `−A⁻¹`. Only tiles on and below the diagonal are kept, and all of a
/// sweep are computed side by side; what each is computed from does not depend on the number of
/// threads. `each_sweep` is called before every sweep, and its error ends the work.
///
/// # Errors
/// The matrix is not positive definite; what `each_sweep` says.
pub fn inverse(
    mut matrix: Vec<f64>,
    n: usize,
    each_sweep: impl Fn() -> Result<()>,
) -> Result<Vec<f64>> {
    let starts: Vec<usize> = (0..n).step_by(TILE).collect();
    let side = |i: usize| TILE.min(n - starts[i]);
    let places: Vec<(usize, usize)> =
        (0..starts.len()).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
    let cut = |&(i, j): &(usize, usize)| -> Result<Tensor> {
        let rows = (0..side(i)).flat_map(|row| {
            let start = (starts[i] + row) * n + starts[j];
            &matrix[start..start + side(j)]
        });
        let values: Vec<f64> = rows.copied().collect();
        Ok(Tensor::from_vec(values, (side(i), side(j)), &Device::Cpu)?)
    };
    let mut tiles: Vec<Tensor> = places.par_iter().map(cut).collect::<Result<_>>()?;
    for k in 0..starts.len() {
        each_sweep()?;
        sweep(&mut tiles, &places, k)?;
    }
    for (&(i, j), tile) in places.iter().zip(tiles) {
        let values: Vec<f64> = tile.flatten_all()?.to_vec1()?;
        for (row, values) in values.chunks_exact(side(j)).enumerate() {
            for (column, &value) in values.iter().enumerate() {
                let (row, column) = (starts[i] + row, starts[j] + column);
                matrix[row * n + column] = -value;
                matrix[column * n + row] = -value;
            }
        }
    }
    Ok(matrix)
}

/// The tile in row `i` and column `j` of tiles, `j ≤ i`, as an index.
fn at(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// Sweeps the tile in row and column `k` of tiles.
fn sweep(tiles: &mut Vec<Tensor>, places: &[(usize, usize)], k: usize) -> Result<()> {
    let rows = places.last().map_or(0, |(last, _)| last + 1);
    let pivot = small_inverse(&tiles[at(k, k)])?;
    let column: Vec<Tensor> =
        (0..rows)
            .map(|i| {
                if i >= k { Ok(tiles[at(i, k)].clone()) } else { tiles[at(k, i)].t()?.contiguous() }
            })
            .collect::<candle_core::Result<_>>()?;
    let products: Vec<Tensor> =
        column.par_iter().map(|tile| tile.matmul(&pivot)).collect::<candle_core::Result<_>>()?;
    let swept = |(&(i, j), tile): (&(usize, usize), &Tensor)| match (i == k, j == k) {
        (true, true) => pivot.neg(),
        (true, false) => products[j].t()?.contiguous(),
        (false, true) => Ok(products[i].clone()),
        (false, false) => tile - products[i].matmul(&column[j].t()?)?,
    };
    *tiles =
        places.par_iter().zip(tiles.par_iter()).map(swept).collect::<candle_core::Result<_>>()?;
    Ok(())
}

/// The inverse of one tile, by sweeping its numbers.
fn small_inverse(tile: &Tensor) -> Result<Tensor> {
    let n = tile.dims2()?.0;
    let mut a: Vec<f64> = tile.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    for k in 0..n {
        let pivot = a[k * n + k];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return Err(Error::Compute(
                "the matrix to invert is not positive definite; raise reg".into(),
            ));
        }
        let row: Vec<f64> = a[k * n..(k + 1) * n].to_vec();
        for (i, values) in a.chunks_exact_mut(n).enumerate() {
            let factor = values[k] / pivot;
            if i == k {
                values.iter_mut().for_each(|value| *value /= pivot);
                values[k] = -1.0 / pivot;
            } else {
                values.iter_mut().zip(&row).for_each(|(value, other)| *value -= factor * other);
                values[k] = factor;
            }
        }
    }
    a.iter_mut().for_each(|value| *value = -*value);
    Ok(Tensor::from_vec(a, (n, n), tile.device())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unstopped() -> Result<()> {
        Ok(())
    }

    #[test]
    fn three_by_three_by_hand() {
        let matrix = vec![2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0];
        let got = inverse(matrix, 3, unstopped).unwrap();
        let expected = [0.75, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 0.75];
        assert!(got.iter().zip(expected).all(|(got, e)| (got - e).abs() < 1e-12), "{got:?}");
    }

    #[test]
    fn many_tiles_multiply_to_the_identity() {
        let n = 2 * TILE + 37;
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let value = ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.5;
                matrix[i * n + j] = value;
                matrix[j * n + i] = value;
            }
            // Larger than the sum of its row: positive definite.
            matrix[i * n + i] = n as f64;
        }
        let got = inverse(matrix.clone(), n, unstopped).unwrap();
        let tensor = |values: &[f64]| Tensor::from_slice(values, (n, n), &Device::Cpu).unwrap();
        let product = tensor(&matrix).matmul(&tensor(&got)).unwrap();
        let difference = (product - Tensor::eye(n, DType::F64, &Device::Cpu).unwrap()).unwrap();
        let largest = difference.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(largest < 1e-12, "{largest}");
        let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert!(threads.install(|| inverse(matrix, n, unstopped)).unwrap() == got);
    }

    #[test]
    fn what_is_not_positive_definite_and_a_stop_are_errors() {
        let message = inverse(vec![1.0, 2.0, 2.0, 1.0], 2, unstopped).unwrap_err().to_string();
        assert!(message.contains("raise reg"), "{message}");
        let stop = || Err(Error::Interrupted);
        assert!(matches!(inverse(vec![1.0], 1, stop), Err(Error::Interrupted)));
    }
}
