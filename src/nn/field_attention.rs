//! Attention over the fields of songs (HARM, eq. 2), where a query gives each field of a song a weight
//! of its own. `F` fields, `S` songs, `G` queries, `P` places (a song that a query looks at), `N`
//! candidates.

use std::iter;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor};

use super::{ABSENT, host, times};
use crate::error::Result;

/// Softmax of `logits` along a dimension.
///
/// # Errors
/// There is no such dimension.
pub fn softmax_along(logits: &Tensor, dim: usize) -> Result<Tensor> {
    // The maximum only guards against overflow: no gradient flows through it.
    let max = logits.max_keepdim(dim)?.detach();
    let exp = logits.broadcast_sub(&max)?.exp()?;
    Ok(exp.broadcast_div(&exp.sum_keepdim(dim)?)?)
}

/// Scores of candidates from those of their fields, `(B, N)`: `Σ_j softmax_j(logits + bias) · values`.
/// `products` `(2B, F·N)` has the logits of B examples and then their values, field by field; `bias`
/// is `(B, F)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn mix_fields(products: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (rows, width) = products.dims2()?;
    let (batch, fields) = bias.dims2()?;
    if rows != 2 * batch || fields == 0 || width % fields != 0 {
        let shapes = (products.dims(), bias.dims());
        return Err(candle_core::Error::Msg(format!("mixing fields got shapes {shapes:?}")).into());
    }
    if host::is_fused(products) {
        return Ok(products.contiguous()?.apply_op2(&bias.contiguous()?, MixFields)?);
    }
    let products = products.reshape((2, batch, fields, width / fields))?;
    let weights = softmax_along(&products.get(0)?.broadcast_add(&bias.unsqueeze(2)?)?, 1)?;
    Ok((weights * products.get(1)?)?.sum(1)?)
}

/// In one pass over memory each way: of the weights, nothing is kept.
struct MixFields;

/// Softmax of `logits + bias` over fields into `weights`, `(F, N)` both; `bias` is `(F)`, `max` `(N)` is
/// overwritten.
pub fn softmax_rows(logits: &[f32], bias: &[f32], max: &mut [f32], weights: &mut [f32]) {
    let count = max.len();
    max.fill(f32::NEG_INFINITY);
    for (row, bias) in logits.chunks_exact(count).zip(bias) {
        for (max, logit) in max.iter_mut().zip(row) {
            let logit = logit + bias;
            *max = if logit > *max { logit } else { *max };
        }
    }
    let rows = weights.chunks_exact_mut(count);
    for ((weights, row), bias) in rows.zip(logits.chunks_exact(count)).zip(bias) {
        for ((weight, logit), max) in weights.iter_mut().zip(row).zip(&*max) {
            *weight = host::exp(logit + bias - max);
        }
    }
    let sum = max;
    sum.fill(0.0);
    for weights in weights.chunks_exact(count) {
        sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
    }
    for weights in weights.chunks_exact_mut(count) {
        weights.iter_mut().zip(&*sum).for_each(|(weight, sum)| *weight /= sum);
    }
}

impl CustomOp2 for MixFields {
    fn name(&self) -> &'static str {
        "mix-fields"
    }

    fn cpu_fwd(
        &self,
        products: &CpuStorage,
        products_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, fields) = bias_layout.shape().dims2()?;
        let (products, bias) =
            (host::slice(products, products_layout)?, host::slice(bias, bias_layout)?);
        let (logits, values) = products.split_at(products.len() / 2);
        let width = products_layout.shape().dims2()?.1;
        let count = width / fields;
        let mut scores = vec![0.0; batch * count];
        let (mut max, mut weights) = (vec![0.0; count], vec![0.0; width]);
        for (b, scores) in scores.chunks_exact_mut(count.max(1)).enumerate() {
            let bias = &bias[b * fields..][..fields];
            softmax_rows(&logits[b * width..][..width], bias, &mut max, &mut weights);
            let values = values[b * width..][..width].chunks_exact(count);
            for (weights, values) in weights.chunks_exact(count).zip(values) {
                for ((score, weight), value) in scores.iter_mut().zip(weights).zip(values) {
                    *score += weight * value;
                }
            }
        }
        Ok((CpuStorage::F32(scores), Shape::from((batch, count))))
    }

    fn bwd(
        &self,
        products: &Tensor,
        bias: &Tensor,
        scores: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let (fields, count) = (bias.dims2()?.1, scores.dims2()?.1);
        let (mut grads, bias_of) = (host::values(products)?, host::values(bias)?);
        let (scores, grad) = (host::values(scores)?, host::values(grad)?);
        let mut bias_grads = vec![0.0; bias_of.len()];
        let width = fields * count;
        let (mut max, mut weights) = (vec![0.0; count], vec![0.0; width]);
        let half = grads.len() / 2;
        let (logits, values) = grads.split_at_mut(half);
        let examples = scores.chunks_exact(count.max(1)).zip(grad.chunks_exact(count.max(1)));
        for (b, (score, grad)) in examples.enumerate() {
            let logits = &mut logits[b * width..][..width];
            let values = &mut values[b * width..][..width];
            softmax_rows(logits, &bias_of[b * fields..][..fields], &mut max, &mut weights);
            let rows = logits.chunks_exact_mut(count).zip(values.chunks_exact_mut(count));
            let rows = rows.zip(weights.chunks_exact(count));
            for (((logits, values), weights), bias) in rows.zip(&mut bias_grads[b * fields..]) {
                let row = logits.iter_mut().zip(values).zip(weights);
                for (((logit, value), weight), (score, grad)) in row.zip(score.iter().zip(grad)) {
                    let share = grad * weight;
                    *logit = share * (*value - score);
                    *value = share;
                }
                *bias = host::sum(logits);
            }
        }
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((Some(tensor(grads, products)?), Some(tensor(bias_grads, bias)?)))
    }
}

/// Which query looks at which song, place by place: `(P)` each. Where there is no query
/// ([`ABSENT`]), nothing is seen.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Rows of the queries.
    pub query: Vec<u32>,
    /// Songs of the fields.
    pub song: Vec<u32>,
}

impl Places {
    /// Adds a place.
    pub fn push(&mut self, query: u32, song: u32) {
        self.query.push(query);
        self.song.push(song);
    }

    /// Adds so many places at which nothing is seen.
    pub fn pad(&mut self, count: usize) {
        self.query.extend(iter::repeat_n(ABSENT, count));
        self.song.extend(iter::repeat_n(0, count));
    }
}

/// Songs as queries see them, `(P, D)`, 0 where nothing is seen: `Σ_j a_j e_j` with `a = softmax_j(q · (e_j + key_j))`. `fields`,
/// e, is `(F, S, D)`, `queries` `(G, D)`, scaled already, and `keys` `(F, D)`.
///
/// # Errors
/// Shapes that do not fit; a place without a query or song.
pub fn attend_fields(
    fields: &Tensor,
    queries: &Tensor,
    keys: &Tensor,
    places: &Places,
) -> Result<Tensor> {
    if host::is_fused(fields) {
        let op = AttendFields(places.clone());
        return Ok(fields.contiguous()?.apply_op3(
            &queries.contiguous()?,
            &keys.contiguous()?,
            op,
        )?);
    }
    let size = queries.dims2()?.1;
    let present = |&query: &u32| query != ABSENT;
    let query: Vec<u32> =
        places.query.iter().map(|query| if present(query) { *query } else { 0 }).collect();
    let ids = |ids: &[u32]| Tensor::from_slice(ids, ids.len(), fields.device());
    let values = fields.index_select(&ids(&places.song)?, 1)?; // (F, P, D)
    let queries = queries.index_select(&ids(&query)?, 0)?; // (P, D)
    let seen = values.broadcast_add(&keys.unsqueeze(1)?)?.broadcast_mul(&queries)?;
    let weights = softmax_along(&seen.sum_keepdim(2)?, 0)?; // (F, P, 1)
    let seen = values.broadcast_mul(&weights)?.sum(0)?;
    let real = places.query.iter().map(|query| f32::from(u8::from(present(query))));
    times(&seen, real.flat_map(|real| iter::repeat_n(real, size)).collect())
}

/// Place by place, gathering from the fields and adding to their gradients.
struct AttendFields(Places);

impl AttendFields {
    /// Calls `visit` with each place, where its query begins and where its song's rows begin, one a
    /// field, in numbers.
    fn visit(
        &self,
        fields: &Layout,
        queries: &Layout,
        keys: &Layout,
        mut visit: impl FnMut(usize, usize, &[usize]),
    ) -> candle_core::Result<()> {
        let (count, songs, size) = fields.shape().dims3()?;
        let (groups, width) = queries.shape().dims2()?;
        if width != size || keys.dims() != [count, size] {
            let shapes = (fields.dims(), queries.dims(), keys.dims());
            candle_core::bail!("attention over fields got shapes {shapes:?}");
        }
        let mut rows = vec![0; count];
        let places = self.0.query.iter().zip(&self.0.song);
        for (place, (&query, &song)) in places.enumerate().filter(|(_, (q, _))| **q != ABSENT) {
            let (query, song) = (query as usize, song as usize);
            if query >= groups || song >= songs {
                candle_core::bail!("no query {query} or song {song} among {groups} and {songs}");
            }
            rows.iter_mut().enumerate().for_each(|(j, row)| *row = (j * songs + song) * size);
            visit(place, query * size, &rows);
        }
        Ok(())
    }
}

/// Softmax of the logits of one place.
fn weigh(weights: &mut [f32], query: &[f32], keys: &[f32], fields: &[f32], rows: &[usize]) {
    let size = query.len();
    for (j, (weight, &row)) in weights.iter_mut().zip(rows).enumerate() {
        *weight =
            host::dot(query, &fields[row..][..size]) + host::dot(query, &keys[j * size..][..size]);
    }
    let max = host::max(weights);
    weights.iter_mut().for_each(|weight| *weight = host::exp(*weight - max));
    let share = 1.0 / host::sum(weights);
    weights.iter_mut().for_each(|weight| *weight *= share);
}

/// `into += factor · values`.
fn add_scaled(into: &mut [f32], factor: f32, values: &[f32]) {
    into.iter_mut().zip(values).for_each(|(into, value)| *into += factor * value);
}

impl CustomOp3 for AttendFields {
    fn name(&self) -> &'static str {
        "attend-fields"
    }

    fn cpu_fwd(
        &self,
        fields: &CpuStorage,
        fields_layout: &Layout,
        queries: &CpuStorage,
        queries_layout: &Layout,
        keys: &CpuStorage,
        keys_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (count, _, size) = fields_layout.shape().dims3()?;
        let (fields, keys) = (host::slice(fields, fields_layout)?, host::slice(keys, keys_layout)?);
        let queries = host::slice(queries, queries_layout)?;
        let (mut seen, mut weights) = (vec![0.0; self.0.query.len() * size], vec![0.0; count]);
        self.visit(fields_layout, queries_layout, keys_layout, |place, query, rows| {
            weigh(&mut weights, &queries[query..][..size], keys, fields, rows);
            let seen = &mut seen[place * size..][..size];
            for (&weight, &row) in weights.iter().zip(rows) {
                add_scaled(seen, weight, &fields[row..][..size]);
            }
        })?;
        Ok((CpuStorage::F32(seen), Shape::from((self.0.query.len(), size))))
    }

    fn bwd(
        &self,
        fields: &Tensor,
        queries: &Tensor,
        keys: &Tensor,
        seen: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (count, _, size) = fields.dims3()?;
        let (values, key_of) = (host::values(fields)?, host::values(keys)?);
        let (query_of, seen, grad) =
            (host::values(queries)?, host::values(seen)?, host::values(grad)?);
        let (mut value_grads, mut key_grads) = (vec![0.0; values.len()], vec![0.0; key_of.len()]);
        let (mut query_grads, mut weights) = (vec![0.0; query_of.len()], vec![0.0; count]);
        self.visit(fields.layout(), queries.layout(), keys.layout(), |place, query, rows| {
            let (seen, grad) = (&seen[place * size..][..size], &grad[place * size..][..size]);
            let query_grad = &mut query_grads[query..][..size];
            let query = &query_of[query..][..size];
            weigh(&mut weights, query, &key_of, &values, rows);
            let mean = host::dot(grad, seen);
            for (j, (&weight, &row)) in weights.iter().zip(rows).enumerate() {
                let (value, key) = (&values[row..][..size], &key_of[j * size..][..size]);
                let slope = weight * (host::dot(grad, value) - mean);
                add_scaled(query_grad, slope, value);
                add_scaled(query_grad, slope, key);
                add_scaled(&mut key_grads[j * size..][..size], slope, query);
                let value_grad = &mut value_grads[row..][..size];
                add_scaled(value_grad, weight, grad);
                add_scaled(value_grad, slope, query);
            }
        })?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((
            Some(tensor(value_grads, fields)?),
            Some(tensor(query_grads, queries)?),
            Some(tensor(key_grads, keys)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    fn assert_fused_agrees(args: &[Tensor], run: impl Fn(&[Tensor]) -> Result<Tensor>) {
        let singles: Vec<Tensor> =
            args.iter().map(|arg| arg.to_dtype(DType::F32).unwrap()).collect();
        let fused = run(&singles).unwrap().to_dtype(DType::F64).unwrap();
        let difference = (run(args).unwrap() - fused).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-6);
        assert_gradients(args, run);
    }

    #[test]
    fn mixing_agrees_with_the_plain_composition_and_its_gradients_are_right() {
        let args = [random(&[4, 15], 1), random(&[2, 3], 2)];
        assert_fused_agrees(&args, |args| mix_fields(&args[0], &args[1]));
    }

    #[test]
    fn attending_agrees_with_the_plain_composition_and_its_gradients_are_right() {
        let args = [random(&[3, 4, 5], 1), random(&[2, 5], 2), random(&[3, 5], 3)];
        // A song that two queries see, one that is seen twice, one that nobody sees, and no song.
        let mut places = Places { query: vec![0, 1, 1, 0, 1], song: vec![2, 2, 0, 3, 3] };
        places.pad(1);
        let run = |args: &[Tensor]| attend_fields(&args[0], &args[1], &args[2], &places);
        assert_fused_agrees(&args, run);
        assert_eq!(run(&args).unwrap().get(5).unwrap().to_vec1::<f64>().unwrap(), [0.0; 5]);
    }

    #[test]
    fn equal_logits_give_the_mean() {
        let device = candle_core::Device::Cpu;
        let bias = Tensor::zeros((1, 2), DType::F32, &device).unwrap();
        let products = Tensor::new(&[[0.0_f32, 0.0], [1.0, 4.0]], &device).unwrap();
        let got = mix_fields(&products, &bias).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(got, [[2.5]]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let single = |shape: &[usize]| random(shape, 1).to_dtype(DType::F32).unwrap();
        for bias in [[2, 3], [1, 4], [1, 0]] {
            assert!(mix_fields(&single(&[2, 15]), &single(&bias)).is_err());
        }
        let (fields, queries, keys) = (single(&[3, 4, 5]), single(&[2, 5]), single(&[3, 5]));
        for (query, song) in [(2, 0), (0, 4)] {
            let places = Places { query: vec![query], song: vec![song] };
            assert!(attend_fields(&fields, &queries, &keys, &places).is_err());
        }
        let keys = single(&[2, 5]);
        assert!(attend_fields(&fields, &queries, &keys, &Places::default()).is_err());
    }
}
