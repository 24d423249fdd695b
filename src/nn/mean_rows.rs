//! Means of rows, for entities that have several.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::host;
use crate::error::Result;

/// Which rows each entity is the mean of: those at `rows[offsets[e]..offsets[e + 1]]`, one at least.
#[derive(Debug, Clone)]
pub struct Groups {
    /// Where each entity's rows begin, and the end of the last (E + 1).
    pub offsets: Vec<usize>,
    /// Indices of rows.
    pub rows: Vec<u32>,
}

impl Groups {
    /// Each entity's rows, and one over how many they are.
    fn iter(&self) -> impl Iterator<Item = (&[u32], f64)> {
        let bounds = self.offsets.windows(2);
        bounds.map(|ends| (&self.rows[ends[0]..ends[1]], 1.0 / (ends[1] - ends[0]) as f64))
    }
}

/// The means `(E, D)` of groups of the rows of `table`, `(R, D)`.
///
/// # Errors
/// A row that the table has not.
pub fn mean_rows(table: &Tensor, groups: &Groups) -> Result<Tensor> {
    if host::is_fused(table) {
        return Ok(table.contiguous()?.apply_op1(MeanRows(groups.clone()))?);
    }
    let (device, dtype) = (table.device(), table.dtype());
    let rows = Tensor::from_slice(&groups.rows, groups.rows.len(), device)?;
    let (mut shares, mut entities) = (Vec::new(), Vec::new());
    for (entity, (rows, share)) in groups.iter().enumerate() {
        shares.extend(rows.iter().map(|_| share));
        entities.extend(rows.iter().map(|_| entity as u32));
    }
    let shares = Tensor::from_slice(&shares, (shares.len(), 1), device)?.to_dtype(dtype)?;
    let entities = Tensor::from_slice(&entities, entities.len(), device)?;
    let zeros = Tensor::zeros((groups.offsets.len() - 1, table.dims2()?.1), dtype, device)?;
    let values = table.index_select(&rows, 0)?.broadcast_mul(&shares)?;
    Ok(zeros.index_add(&entities, &values, 0)?)
}

/// Without a copy of each row.
struct MeanRows(Groups);

impl CustomOp1 for MeanRows {
    fn name(&self) -> &'static str {
        "mean-rows"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (count, size) = layout.shape().dims2()?;
        let table = host::slice(storage, layout)?;
        if let Some(row) = self.0.rows.iter().find(|&&row| row as usize >= count) {
            candle_core::bail!("no row {row} among {count}");
        }
        let entities = self.0.offsets.len() - 1;
        let mut means = vec![0.0; entities * size];
        for (mean, (rows, share)) in means.chunks_exact_mut(size.max(1)).zip(self.0.iter()) {
            for &row in rows {
                let row = &table[row as usize * size..][..size];
                mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
            }
            mean.iter_mut().for_each(|mean| *mean *= share as f32);
        }
        Ok((CpuStorage::F32(means), Shape::from((entities, size))))
    }

    fn bwd(
        &self,
        table: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let (size, grad) = (table.dims2()?.1, host::values(grad)?);
        let mut sums = vec![0.0; table.elem_count()];
        for (grad, (rows, share)) in grad.chunks_exact(size.max(1)).zip(self.0.iter()) {
            let share = share as f32;
            for &row in rows {
                let sum = &mut sums[row as usize * size..][..size];
                sum.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += share * grad);
            }
        }
        Tensor::from_vec(sums, table.shape(), table.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    #[test]
    fn rows_are_averaged_and_gradients_are_right() {
        let groups = Groups { offsets: vec![0, 1, 4, 5], rows: vec![3, 0, 3, 1, 0] };
        let table = random(&[4, 3], 1);
        let values = table.to_vec2::<f64>().unwrap();
        let got = mean_rows(&table, &groups).unwrap().to_vec2::<f64>().unwrap();
        for at in 0..3 {
            assert!((got[0][at] - values[3][at]).abs() < 1e-12);
            let mean = (values[0][at] + values[3][at] + values[1][at]) / 3.0;
            assert!((got[1][at] - mean).abs() < 1e-12);
        }
        let fused = mean_rows(&table.to_dtype(DType::F32).unwrap(), &groups).unwrap();
        let plain = mean_rows(&table, &groups).unwrap();
        let difference = (plain - fused.to_dtype(DType::F64).unwrap()).unwrap().abs().unwrap();
        assert!(difference.max_all().unwrap().to_scalar::<f64>().unwrap() < 1e-6);
        assert_gradients(std::slice::from_ref(&table), |args| mean_rows(&args[0], &groups));
        let wrong = Groups { offsets: vec![0, 1], rows: vec![4] };
        assert!(mean_rows(&table.to_dtype(DType::F32).unwrap(), &wrong).is_err());
    }
}
