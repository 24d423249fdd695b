//! Products of matrices that lie in slices, written where their sum belongs. candle would put a product
//! into memory of its own, which it fills with zeros first, to be copied from there.

/// A matrix in a slice, one row after the other, or one column after the other.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The matrix `(rows, columns)` whose rows begin `stride` numbers apart.
    ///
    /// # Panics
    /// It is not within `values`.
    pub fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(columns <= stride && (rows == 0 || (rows - 1) * stride + columns <= values.len()));
        Self { values, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// Rows as columns.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `a · b` into `out`, whose rows begin `stride` numbers apart; on top of what is there with `add`. On
/// the calling thread.
///
/// # Panics
/// The shapes do not fit.
pub fn product(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], stride: usize, add: bool) {
    let (rows, columns) = (a.rows, b.columns);
    assert!(a.columns == b.rows && columns <= stride);
    assert!(rows == 0 || (rows - 1) * stride + columns <= out.len());
    // SAFETY: the places that the strides lead to lie within the three slices, as asserted here and in
    // `Matrix::new`; `out` is borrowed alone.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_by_hand() {
        let (a, b) = ([1.0, 2.0, 9.0, 3.0, 4.0, 9.0], [5.0, 6.0, 7.0, 8.0]);
        let (a, b) = (Matrix::new(&a, 2, 2, 3), Matrix::new(&b, 2, 2, 2));
        let mut out = [100.0; 6];
        product(a, b, &mut out, 3, false);
        assert_eq!(out, [19.0, 22.0, 100.0, 43.0, 50.0, 100.0]);
        product(a.transposed(), b, &mut out, 3, true);
        assert_eq!(out, [19.0 + 26.0, 22.0 + 30.0, 100.0, 43.0 + 38.0, 50.0 + 44.0, 100.0]);
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn what_lies_outside_is_refused() {
        Matrix::new(&[0.0; 5], 2, 3, 3);
    }
}
