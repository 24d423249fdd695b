//! Attention over sequences of codes, such as the chords of a song, where a user gives each place a
//! weight that depends on its code and on where it stands (COAT, eqs. 2 and 4). `U` users, `S` songs,
//! `B` pairs of them, `P` places of a sequence, `K` codes, `A` the width of the attention.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Shape, Tensor};

use super::{ABSENT, Meetings, host};
use crate::error::{Error, Result};

/// Sequences of codes, all of one length, and the pairs that look at them.
#[derive(Debug, Clone)]
pub struct Codes {
    /// The codes `(S, P)` of all sequences, or [`ABSENT`] where a sequence has none.
    pub codes: Vec<u32>,
    /// P, how many places each has.
    pub places: usize,
    /// Which user looks at which sequence (B).
    pub at: Meetings,
}

impl Codes {
    /// The codes of a sequence.
    fn of(&self, sequence: usize) -> &[u32] {
        &self.codes[sequence * self.places..(sequence + 1) * self.places]
    }

    /// Calls `visit` with each place that has a code: where it is among `(B, P)`, its user, its code
    /// and its place in the sequence.
    fn visit(&self, mut visit: impl FnMut(usize, usize, usize, usize)) {
        for (pair, (&user, &song)) in self.at.users.iter().zip(&self.at.songs).enumerate() {
            for (place, &code) in self.of(song as usize).iter().enumerate() {
                if code != ABSENT {
                    visit(pair * self.places + place, user as usize, code as usize, place);
                }
            }
        }
    }

    /// Refuses codes of which there is no row, and pairs of users or sequences that are not there.
    fn check(&self, users: Option<usize>, codes: usize) -> Result<()> {
        let places = self.places.max(1);
        let below = |rows: &[u32], count: usize| rows.iter().all(|&row| (row as usize) < count);
        let known = |&code: &u32| code == ABSENT || (code as usize) < codes;
        if self.codes.iter().all(known)
            && below(&self.at.songs, self.codes.len() / places)
            && users.is_none_or(|users| below(&self.at.users, users))
        {
            return Ok(());
        }
        Err(Error::Compute("attention over codes got rows that are not there".into()))
    }

    /// The code and the place of each of `(B, P)`, and whether there is one.
    fn gathered(&self) -> (Vec<u32>, Vec<u32>, Vec<f32>) {
        let count = self.at.len() * self.places;
        let (mut codes, mut places, mut real) = (vec![0; count], vec![0; count], vec![0.0; count]);
        self.visit(|at, _, code, place| {
            (codes[at], places[at], real[at]) = (code as u32, place as u32, 1.0);
        });
        (codes, places, real)
    }
}

/// The logits of all places `(B, P)`: `h · relu(q_u + k_code + k_place)`, 0 where there is no code.
/// `queries` is `(U, A)`; `keys` has those of the codes and then those of the places, `(K + P, A)`;
/// `output`, h, is `(A)`.
///
/// # Errors
/// Shapes that do not fit; a row that is not there.
pub fn code_logits(
    queries: &Tensor,
    keys: &Tensor,
    output: &Tensor,
    codes: &Codes,
) -> Result<Tensor> {
    let ((users, width), (rows, other)) = (queries.dims2()?, keys.dims2()?);
    if width != other || output.dims1()? != width || rows < codes.places {
        let shapes = (queries.dims(), keys.dims(), output.dims());
        return Err(Error::Compute(format!("attention over codes got shapes {shapes:?}")));
    }
    let count = rows - codes.places;
    codes.check(Some(users), count)?;
    if host::is_fused(queries) {
        let op = Logits { codes: codes.clone(), width, count };
        return Ok(queries.contiguous()?.apply_op3(
            &keys.contiguous()?,
            &output.contiguous()?,
            op,
        )?);
    }
    let (code, place, real) = codes.gathered();
    let rows = |table: &Tensor, rows: &[u32]| {
        Ok::<_, Error>(
            table.index_select(&Tensor::from_slice(rows, rows.len(), table.device())?, 0)?,
        )
    };
    let shape = (codes.at.len(), codes.places, width);
    let place: Vec<u32> = place.iter().map(|place| count as u32 + place).collect();
    let keys = (rows(keys, &code)? + rows(keys, &place)?)?.reshape(shape)?;
    let queries = rows(queries, &codes.at.users)?.unsqueeze(1)?; // (B, 1, A)
    let hidden = keys.broadcast_add(&queries)?.relu()?; // (B, P, A)
    let logits = hidden.broadcast_mul(output)?.sum(2)?;
    let real = Tensor::from_vec(real, logits.shape(), logits.device())?;
    Ok((logits * real.to_dtype(queries.dtype())?)?)
}

/// The codes of each sequence, weighed, `(B, D)`: `Σ_p w_p e_code`. `weights` is `(B, P)`,
/// `embeddings` `(K, D)`.
///
/// # Errors
/// Shapes that do not fit; a row that is not there.
pub fn mix_codes(weights: &Tensor, embeddings: &Tensor, codes: &Codes) -> Result<Tensor> {
    let (count, width) = embeddings.dims2()?;
    if weights.dims2()? != (codes.at.len(), codes.places) {
        let shapes = (weights.dims(), embeddings.dims());
        return Err(Error::Compute(format!("mixing codes got shapes {shapes:?}")));
    }
    codes.check(None, count)?;
    if host::is_fused(weights) {
        let op = Mix { codes: codes.clone(), width };
        return Ok(weights.contiguous()?.apply_op2(&embeddings.contiguous()?, op)?);
    }
    let (code, _, real) = codes.gathered();
    let code = Tensor::from_slice(&code, code.len(), weights.device())?;
    let rows = embeddings.index_select(&code, 0)?;
    let rows = rows.reshape((codes.at.len(), codes.places, width))?;
    let real = Tensor::from_vec(real, weights.shape(), weights.device())?;
    let weights = (weights * real.to_dtype(weights.dtype())?)?;
    Ok(rows.broadcast_mul(&weights.unsqueeze(2)?)?.sum(1)?)
}

/// Row `at` of a table of rows of `width` numbers.
fn row(at: usize, width: usize) -> std::ops::Range<usize> {
    at * width..(at + 1) * width
}

fn tensor(values: Vec<f32>, like: &Tensor) -> candle_core::Result<Option<Tensor>> {
    Tensor::from_vec(values, like.shape(), like.device()).map(Some)
}

/// Place by place, so that no hidden layer `(B, P, A)` is kept.
struct Logits {
    codes: Codes,
    width: usize,
    count: usize,
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
        let queries = host::slice(queries, queries_layout)?;
        let keys = host::slice(keys, keys_layout)?;
        let output = host::slice(output, output_layout)?;
        let mut logits = vec![0.0; self.codes.at.len() * self.codes.places];
        let mut hidden = vec![0.0_f32; self.width];
        self.codes.visit(|at, user, code, place| {
            let keys =
                keys[row(code, self.width)].iter().zip(&keys[row(self.count + place, self.width)]);
            let sums = queries[row(user, self.width)].iter().zip(keys);
            hidden.iter_mut().zip(sums).for_each(|(to, (q, (c, p)))| *to = (q + c + p).max(0.0));
            logits[at] = host::dot(output, &hidden);
        });
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
        let width = self.width;
        let [query_of, key_of, out, grad] = [queries, keys, output, grad].map(host::values);
        let (query_of, key_of, out, grad) = (query_of?, key_of?, out?, grad?);
        let mut to_queries = vec![0.0; query_of.len()];
        let mut to_keys = vec![0.0; key_of.len()];
        let mut to_output = vec![0.0; out.len()];
        let mut slopes = vec![0.0; width];
        self.codes.visit(|at, user, code, place| {
            let (user, code, place) =
                (row(user, width), row(code, width), row(self.count + place, width));
            let sums = query_of[user.clone()].iter().zip(&key_of[code.clone()]);
            let sums = sums.zip(&key_of[place.clone()]).map(|((q, c), p)| q + c + p);
            let slope = grad[at];
            let to = to_output.iter_mut().zip(&mut slopes);
            for (((to, slope_of), sum), h) in to.zip(sums).zip(&out) {
                *to += slope * sum.max(0.0);
                *slope_of = if sum > 0.0 { slope * h } else { 0.0 };
            }
            let add = |to: &mut [f32]| to.iter_mut().zip(&slopes).for_each(|(to, by)| *to += by);
            add(&mut to_queries[user]);
            add(&mut to_keys[code]);
            add(&mut to_keys[place]);
        });
        Ok((tensor(to_queries, queries)?, tensor(to_keys, keys)?, tensor(to_output, output)?))
    }
}

/// Place by place, gathering from the embeddings and adding to their gradients.
struct Mix {
    codes: Codes,
    width: usize,
}

impl CustomOp2 for Mix {
    fn name(&self) -> &'static str {
        "mix-codes"
    }

    fn cpu_fwd(
        &self,
        weights: &CpuStorage,
        weights_layout: &Layout,
        embeddings: &CpuStorage,
        embeddings_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let weights = host::slice(weights, weights_layout)?;
        let embeddings = host::slice(embeddings, embeddings_layout)?;
        let pairs = self.codes.at.len();
        let mut mixed = vec![0.0; pairs * self.width];
        self.codes.visit(|at, _, code, _| {
            let to = mixed[row(at / self.codes.places, self.width)].iter_mut();
            let weight = weights[at];
            to.zip(&embeddings[row(code, self.width)]).for_each(|(to, x)| *to += weight * x);
        });
        Ok((CpuStorage::F32(mixed), Shape::from((pairs, self.width))))
    }

    fn bwd(
        &self,
        weights: &Tensor,
        embeddings: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let [weight_of, value_of, grad] = [weights, embeddings, grad].map(host::values);
        let (weight_of, value_of, grad) = (weight_of?, value_of?, grad?);
        let mut to_weights = vec![0.0; weight_of.len()];
        let mut to_embeddings = vec![0.0; value_of.len()];
        self.codes.visit(|at, _, code, _| {
            let grad = &grad[row(at / self.codes.places, self.width)];
            let code = row(code, self.width);
            to_weights[at] = host::dot(&value_of[code.clone()], grad);
            let weight = weight_of[at];
            to_embeddings[code].iter_mut().zip(grad).for_each(|(to, by)| *to += weight * by);
        });
        Ok((tensor(to_weights, weights)?, tensor(to_embeddings, embeddings)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    /// Two users, three sequences of four places, one of which has no codes.
    fn codes() -> Codes {
        let absent = [ABSENT; 4];
        let codes = [[0, 2, 2, 1], absent, [1, 1, 0, 1]].concat();
        Codes {
            codes,
            places: 4,
            at: Meetings { users: vec![1, 0, 1, 0], songs: vec![0, 0, 1, 2] },
        }
    }

    #[test]
    fn values_by_hand() {
        let tensor = |values: &[f32], shape: &[usize]| {
            Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
        };
        let codes = Codes {
            codes: vec![0, 1, ABSENT, ABSENT],
            places: 2,
            at: Meetings { users: vec![0, 0], songs: vec![0, 1] },
        };
        let queries = tensor(&[1.0, -1.0], &[1, 2]);
        // Two codes, then two places.
        let keys = tensor(&[0.0, 1.0, -3.0, 2.0, 0.5, 0.0, 0.0, 2.0], &[4, 2]);
        let output = tensor(&[2.0, 10.0], &[2]);
        let logits = code_logits(&queries, &keys, &output, &codes).unwrap();
        // 1 + 0 + .5 and −1 + 1 + 0; then 1 − 3 + 0 and −1 + 2 + 2.
        assert_eq!(logits.to_vec2::<f32>().unwrap(), [[3.0, 30.0], [0.0, 0.0]]);
        let weights = tensor(&[0.5, 2.0, 1.0, 1.0], &[2, 2]);
        let embeddings = tensor(&[2.0, 4.0, 1.0, 0.0], &[2, 2]);
        let mixed = mix_codes(&weights, &embeddings, &codes).unwrap();
        assert_eq!(mixed.to_vec2::<f32>().unwrap(), [[3.0, 2.0], [0.0, 0.0]]);
    }

    #[test]
    fn gradients_by_difference() {
        let args = [random(&[2, 5], 1), random(&[3 + 4, 5], 2), random(&[5], 3)];
        assert_gradients(&args, |args| code_logits(&args[0], &args[1], &args[2], &codes()));
        let args = [random(&[4, 4], 4), random(&[3, 5], 5)];
        assert_gradients(&args, |args| mix_codes(&args[0], &args[1], &codes()));
    }

    #[test]
    fn rows_that_are_not_there_are_errors() {
        let (queries, keys, output) = (random(&[2, 5], 1), random(&[7, 5], 2), random(&[5], 3));
        let few = keys.narrow(0, 0, 6).unwrap();
        assert!(code_logits(&queries, &few, &output, &codes()).is_err());
        let one = queries.narrow(0, 0, 1).unwrap();
        assert!(code_logits(&one, &keys, &output, &codes()).is_err());
        assert!(code_logits(&queries, &random(&[7, 4], 1), &output, &codes()).is_err());
        assert!(mix_codes(&random(&[3, 4], 1), &queries, &codes()).is_err());
        assert!(mix_codes(&random(&[4, 4], 1), &queries, &codes()).is_err());
    }
}
