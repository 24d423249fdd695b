//! Attention over sequences of codes, such as the chords of a song, where a user gives each place a
//! weight that depends on its code and on where it stands (COAT, eqs. 2 and 4). `U` users, `S` songs,
//! `B` pairs of them, `P` places of a sequence, `K` codes, `A` the width of the attention.

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::code_logits::Logits;
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

    /// The user of each pair, and the codes at which that user looks (P).
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let pairs = self.at.users.iter().zip(&self.at.songs);
        pairs.map(|(&user, &song)| (user as usize, self.of(song as usize)))
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
        let at = self.pairs().flat_map(|(_, codes)| codes.iter().enumerate()).enumerate();
        for (at, (place, &code)) in at.filter(|(_, (_, code))| **code != ABSENT) {
            (codes[at], places[at], real[at]) = (code, place as u32, 1.0);
        }
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
pub(super) fn row(at: usize, width: usize) -> std::ops::Range<usize> {
    at * width..(at + 1) * width
}

pub(super) fn tensor(values: Vec<f32>, like: &Tensor) -> candle_core::Result<Option<Tensor>> {
    Tensor::from_vec(values, like.shape(), like.device()).map(Some)
}

/// Sequence by sequence, gathering from the embeddings and adding to their gradients. Sequences
/// repeat their codes, so places of one code are taken together.
struct Mix {
    codes: Codes,
    width: usize,
}

/// What the places of each code of a sequence have together.
struct Together {
    /// Of each code (K).
    weights: Vec<f32>,
    is_there: Vec<bool>,
    /// The codes that are there.
    there: Vec<u32>,
}

impl Together {
    fn new(count: usize) -> Self {
        Self { weights: vec![0.0; count], is_there: vec![false; count], there: Vec::new() }
    }

    /// Adds up the weights of a sequence's places.
    fn gather(&mut self, codes: &[u32], weights: &[f32]) {
        for code in self.there.drain(..) {
            self.is_there[code as usize] = false;
        }
        for (&code, &weight) in codes.iter().zip(weights).filter(|(code, _)| **code != ABSENT) {
            let at = code as usize;
            if !self.is_there[at] {
                (self.is_there[at], self.weights[at]) = (true, 0.0);
                self.there.push(code);
            }
            self.weights[at] += weight;
        }
    }

    /// The codes that are there, and their weights.
    fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        self.there.iter().map(|&code| (code as usize, self.weights[code as usize]))
    }
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
        let (pairs, width) = (self.codes.at.len(), self.width);
        let mut mixed = vec![0.0; pairs * width];
        let mut together = Together::new(embeddings.len() / width.max(1));
        let rows = weights.chunks_exact(self.codes.places.max(1));
        let rows = rows.zip(mixed.chunks_exact_mut(width.max(1)));
        for ((_, codes), (weights, to)) in self.codes.pairs().zip(rows) {
            together.gather(codes, weights);
            for (code, weight) in together.iter() {
                let embedding = &embeddings[row(code, width)];
                to.iter_mut().zip(embedding).for_each(|(to, x)| *to += weight * x);
            }
        }
        Ok((CpuStorage::F32(mixed), Shape::from((pairs, width))))
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
        let (width, places) = (self.width.max(1), self.codes.places.max(1));
        let mut to_weights = vec![0.0; weight_of.len()];
        let mut to_embeddings = vec![0.0; value_of.len()];
        let mut together = Together::new(value_of.len() / width);
        let mut dots = vec![0.0; value_of.len() / width];
        let rows = weight_of.chunks_exact(places).zip(to_weights.chunks_exact_mut(places));
        for ((_, codes), ((weights, to_weights), grad)) in
            self.codes.pairs().zip(rows.zip(grad.chunks_exact(width)))
        {
            together.gather(codes, weights);
            for (code, weight) in together.iter() {
                dots[code] = host::dot(&value_of[row(code, width)], grad);
                let to = to_embeddings[row(code, width)].iter_mut();
                to.zip(grad).for_each(|(to, by)| *to += weight * by);
            }
            let to = to_weights.iter_mut().zip(codes).filter(|(_, code)| **code != ABSENT);
            to.for_each(|(to, &code)| *to = dots[code as usize]);
        }
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
        // Less than the numbers that are computed at once, and more.
        for width in [5, 20] {
            let args = [random(&[2, width], 1), random(&[3 + 4, width], 2), random(&[width], 3)];
            assert_gradients(&args, |args| code_logits(&args[0], &args[1], &args[2], &codes()));
        }
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
