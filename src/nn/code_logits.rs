//! The logits of COAT's attention (eq. 2) place by place, so that no hidden layer `(B, P, A)` is kept.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use pulp::{Arch, Simd, WithSimd};

use super::code_attention::{Codes, row, tensor};
use super::{ABSENT, host};

/// Rows are filled up with zeros to a multiple of this: no processor computes more numbers at once.
const LANES: usize = 16;

/// `h · relu(q_u + k_code + k_place)` from queries `(U, A)`, keys of codes and places `(K + P, A)`, and
/// h (A).
pub(super) struct Logits {
    pub codes: Codes,
    /// A.
    pub width: usize,
    /// K.
    pub count: usize,
}

impl Logits {
    /// How many numbers a row has when it is filled up.
    fn filled(&self) -> usize {
        self.width.next_multiple_of(LANES)
    }

    /// Rows, filled up.
    fn fill(&self, rows: &[f32]) -> Vec<f32> {
        let mut filled = vec![0.0; rows.len() / self.width.max(1) * self.filled()];
        let to = filled.chunks_exact_mut(self.filled().max(1));
        to.zip(rows.chunks_exact(self.width.max(1))).for_each(|(to, row)| {
            to[..self.width].copy_from_slice(row);
        });
        filled
    }

    /// Rows without what fills them up.
    fn empty(&self, filled: &[f32]) -> Vec<f32> {
        let rows = filled.chunks_exact(self.filled().max(1));
        rows.flat_map(|row| &row[..self.width]).copied().collect()
    }
}

impl CustomOp3 for Logits {
    fn name(&self) -> &'static str {
        "code-logits"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_layout: &Layout,
        keys: &CpuStorage,
        keys_layout: &Layout,
        output: &CpuStorage,
        output_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let queries = self.fill(host::slice(queries, queries_layout)?);
        let keys = self.fill(host::slice(keys, keys_layout)?);
        let output = self.fill(host::slice(output, output_layout)?);
        let (width, arch) = (self.filled(), Arch::new());
        let (codes, places) = keys.split_at(self.count * width);
        let mut logits = vec![0.0; self.codes.at.len() * self.codes.places];
        let rows = logits.chunks_exact_mut(self.codes.places.max(1));
        for ((user, sequence), logits) in self.codes.pairs().zip(rows) {
            let query = &queries[row(user, width)];
            arch.dispatch(Forward { sequence, query, codes, places, output: &output, logits });
        }
        Ok((CpuStorage::F32(logits), Shape::from((self.codes.at.len(), self.codes.places))))
    }

    fn bwd(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        output: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [queries_of, keys_of, out] =
            [queries, keys, output].map(|rows| host::values(rows).map(|rows| self.fill(&rows)));
        let (queries_of, keys_of, out) = (queries_of?, keys_of?, out?);
        let [mut to_queries, mut to_keys, mut to_output] =
            [&queries_of, &keys_of, &out].map(|rows| vec![0.0; rows.len()]);
        let (width, arch) = (self.filled(), Arch::new());
        let (codes, places) = keys_of.split_at(self.count * width);
        let (to_codes, to_places) = to_keys.split_at_mut(self.count * width);
        let grad = host::values(grad)?;
        let grads = grad.chunks_exact(self.codes.places.max(1));
        for ((user, sequence), slopes) in self.codes.pairs().zip(grads) {
            arch.dispatch(Backward {
                sequence,
                slopes,
                query: &queries_of[row(user, width)],
                codes,
                places,
                output: &out,
                to_query: &mut to_queries[row(user, width)],
                to_codes: &mut *to_codes,
                to_places: &mut *to_places,
                to_output: &mut to_output,
            });
        }
        let tensor = |rows: Vec<f32>, like| tensor(self.empty(&rows), like);
        Ok((tensor(to_queries, queries)?, tensor(to_keys, keys)?, tensor(to_output, output)?))
    }
}

/// The logits of one pair. Rows are filled up.
struct Forward<'a> {
    sequence: &'a [u32],
    query: &'a [f32],
    codes: &'a [f32],
    places: &'a [f32],
    output: &'a [f32],
    logits: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    // Without closures, which would not be compiled for these instructions.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.query.len();
        let (query, _) = S::as_simd_f32s(self.query);
        let (output, _) = S::as_simd_f32s(self.output);
        let output = &output[..query.len()];
        let zero = simd.splat_f32s(0.0);
        for (place, &code) in self.sequence.iter().enumerate() {
            if code == ABSENT {
                continue;
            }
            let (at, _) = S::as_simd_f32s(&self.places[place * width..][..width]);
            let (code, _) = S::as_simd_f32s(&self.codes[code as usize * width..][..width]);
            let (at, code) = (&at[..query.len()], &code[..query.len()]);
            let mut sum = zero;
            for i in 0..query.len() {
                let key = simd.add_f32s(code[i], at[i]);
                let hidden = simd.max_f32s(simd.add_f32s(query[i], key), zero);
                sum = simd.mul_add_f32s(output[i], hidden, sum);
            }
            self.logits[place] = simd.reduce_sum_f32s(sum);
        }
    }
}

/// Adds what the logits of one pair give to the gradients. Rows are filled up.
struct Backward<'a> {
    sequence: &'a [u32],
    slopes: &'a [f32],
    query: &'a [f32],
    codes: &'a [f32],
    places: &'a [f32],
    output: &'a [f32],
    to_query: &'a mut [f32],
    to_codes: &'a mut [f32],
    to_places: &'a mut [f32],
    to_output: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.query.len();
        let (query, _) = S::as_simd_f32s(self.query);
        let (output, _) = S::as_simd_f32s(self.output);
        let (to_query, _) = S::as_mut_simd_f32s(self.to_query);
        let (to_output, _) = S::as_mut_simd_f32s(self.to_output);
        let blocks = query.len();
        let (output, to_query) = (&output[..blocks], &mut to_query[..blocks]);
        let to_output = &mut to_output[..blocks];
        let zero = simd.splat_f32s(0.0);
        for (place, &code) in self.sequence.iter().enumerate() {
            if code == ABSENT {
                continue;
            }
            let slope = simd.splat_f32s(self.slopes[place]);
            let (first, code) = (place * width, code as usize * width);
            let (at, _) = S::as_simd_f32s(&self.places[first..][..width]);
            let (key, _) = S::as_simd_f32s(&self.codes[code..][..width]);
            let (to_at, _) = S::as_mut_simd_f32s(&mut self.to_places[first..][..width]);
            let (to_key, _) = S::as_mut_simd_f32s(&mut self.to_codes[code..][..width]);
            let (at, key) = (&at[..blocks], &key[..blocks]);
            let (to_at, to_key) = (&mut to_at[..blocks], &mut to_key[..blocks]);
            for i in 0..blocks {
                let sum = simd.add_f32s(query[i], simd.add_f32s(key[i], at[i]));
                let hidden = simd.max_f32s(sum, zero);
                to_output[i] = simd.mul_add_f32s(slope, hidden, to_output[i]);
                let is_on = simd.greater_than_f32s(sum, zero);
                let by = simd.select_f32s(is_on, simd.mul_f32s(slope, output[i]), zero);
                to_query[i] = simd.add_f32s(to_query[i], by);
                to_key[i] = simd.add_f32s(to_key[i], by);
                to_at[i] = simd.add_f32s(to_at[i], by);
            }
        }
    }
}
