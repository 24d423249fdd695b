//! Rows that are computed at once, when first asked for.

use super::contract::{Rows, Value};
use crate::error::Result;

/// Rows per batch, DuckDB's vector size.
const BATCH: usize = 2048;

/// Computes all rows on the first call and hands them out in batches.
pub(super) struct Once<F> {
    compute: Option<F>,
    rows: std::vec::IntoIter<Vec<Value>>,
}

impl<F: FnOnce() -> Result<Vec<Vec<Value>>> + Send + 'static> Once<F> {
    /// Rows that `compute` makes.
    pub(super) fn boxed(compute: F) -> Box<dyn Rows> {
        Box::new(Self { compute: Some(compute), rows: Vec::new().into_iter() })
    }
}

impl<F: FnOnce() -> Result<Vec<Vec<Value>>> + Send> Rows for Once<F> {
    fn next(&mut self) -> Result<Vec<Vec<Value>>> {
        if let Some(compute) = self.compute.take() {
            self.rows = compute()?.into_iter();
        }
        Ok(self.rows.by_ref().take(BATCH).collect())
    }
}
