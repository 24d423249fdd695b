//! HARM's forward pass over tensors (equations 1–9 of the paper).
//!
//! Shapes: `G` groups (a user in a session), `S` distinct songs of the batch, `F` fields,
//! `P` places (a song in a group's sequence), `B` examples, `L` positions, `D` embedding size.

use candle_core::Tensor;

use super::config::Attention;
use crate::error::{Error, Result};
use crate::nn;

/// The dense parameters.
pub struct Dense {
    /// `V` of eq. 1, `(D, A·D)` with `A` user attributes, the id included; only for
    /// [`Attention::User`].
    pub query_weight: Option<Tensor>,
    /// `b` of eq. 1, `(D)`; not for [`Attention::Mean`].
    pub query_bias: Option<Tensor>,
    /// Added to the attention keys, `(F, D)`; not in the paper.
    pub field_key: Option<Tensor>,
    /// `C`, `(L, D)`.
    pub position: Tensor,
    /// `W_Q` `(D, D)` and `B_Q` `(L, D)` of eq. 3.
    pub q: (Tensor, Tensor),
    /// `W_K` `(D, D)` and `B_K` `(L, D)` of eq. 3.
    pub k: (Tensor, Tensor),
    /// `W_U` of eq. 5, `(D, L·D)`.
    pub output: Tensor,
    /// Whether self-attention has a residual connection; not in the paper.
    pub residual: bool,
}

impl Dense {
    /// Takes the parameters by their names; those that a variant lacks stay out.
    ///
    /// # Errors
    /// `get` fails for a parameter that every variant has.
    pub fn new(
        residual: bool,
        has: impl Fn(&str) -> bool,
        mut get: impl FnMut(&str) -> Result<Tensor>,
    ) -> Result<Self> {
        let mut optional = |name: &str| has(name).then(|| get(name)).transpose();
        Ok(Self {
            query_weight: optional("query.weight")?,
            query_bias: optional("query.bias")?,
            field_key: optional("field_key")?,
            position: get("position")?,
            q: (get("self.q.weight")?, get("self.q.bias")?),
            k: (get("self.k.weight")?, get("self.k.bias")?),
            output: get("output.weight")?,
            residual,
        })
    }
}

/// Eq. 1: the queries of `groups` users, `(G, D)`, from their attribute embeddings, each `(G, D)`.
///
/// With a constant query all rows are `relu(b)`; with the mean they are 0 and not looked at.
///
/// # Errors
/// Shapes that do not fit.
pub fn queries(dense: &Dense, groups: usize, attributes: &[Tensor]) -> Result<Tensor> {
    let size = dense.position.dims2()?.1;
    match (&dense.query_weight, &dense.query_bias) {
        (Some(weight), Some(bias)) => {
            let user = Tensor::cat(attributes, 1)?; // (G, A·D)
            Ok(user.matmul(&weight.t()?)?.broadcast_add(bias)?.relu()?)
        }
        (None, Some(bias)) => {
            Ok(bias.relu()?.unsqueeze(0)?.broadcast_as((groups, size))?.contiguous()?)
        }
        _ => Ok(Tensor::zeros((groups, size), dense.position.dtype(), dense.position.device())?),
    }
}

/// The field weights of eq. 2, a `(G, S)` tensor per field: softmax over the fields of
/// `q · (e_j + key_j) / √D`. `fields` holds a `(S, D)` tensor per field.
///
/// # Errors
/// Shapes that do not fit.
pub fn field_weights(
    dense: &Dense,
    attention: Attention,
    queries: &Tensor,
    fields: &[Tensor],
) -> Result<Vec<Tensor>> {
    let (groups, size) = queries.dims2()?;
    if attention == Attention::Mean {
        let shape = (groups, fields[0].dims()[0]);
        let weight =
            (Tensor::ones(shape, queries.dtype(), queries.device())? / fields.len() as f64)?;
        return Ok(vec![weight; fields.len()]);
    }
    let scaled = (queries / (size as f64).sqrt())?;
    let mut logits = Vec::with_capacity(fields.len());
    for (j, field) in fields.iter().enumerate() {
        let content = scaled.matmul(&field.t()?)?; // (G, S)
        logits.push(match &dense.field_key {
            Some(key) => {
                let bias = scaled.matmul(&key.get(j)?.unsqueeze(1)?)?; // (G, 1)
                content.broadcast_add(&bias)?
            }
            None => content,
        });
    }
    softmax_over(&logits)
}

/// Softmax over a list of tensors of one shape, element by element.
///
/// One contiguous tensor per field: stacked along a last dimension of F numbers, every operation
/// would be strided.
fn softmax_over(logits: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut max = logits[0].detach();
    for logit in &logits[1..] {
        max = max.maximum(&logit.detach())?;
    }
    let exps: Vec<Tensor> =
        logits.iter().map(|logit| Ok((logit - &max)?.exp()?)).collect::<Result<_>>()?;
    let mut sum = exps[0].clone();
    for exp in &exps[1..] {
        sum = (sum + exp)?;
    }
    exps.iter().map(|exp| Ok((exp / &sum)?)).collect()
}

/// The representations `r_i` of eq. 2 at the given places, `(P, D)`: `place_group` and `place_song`,
/// `(P)` u32, say which row of `queries` `(G, D)` looks at which song of `fields`, `(S, D)` each.
///
/// # Errors
/// Shapes that do not fit.
pub fn represent(
    dense: &Dense,
    attention: Attention,
    queries: &Tensor,
    fields: &[Tensor],
    place_group: &Tensor,
    place_song: &Tensor,
) -> Result<Tensor> {
    let values: Vec<Tensor> =
        fields.iter().map(|field| Ok(field.index_select(place_song, 0)?)).collect::<Result<_>>()?; // F × (P, D)
    if attention == Attention::Mean {
        let count = fields.len() as f64;
        return Ok((sum(values)? / count)?);
    }
    let scale = 1.0 / (queries.dims2()?.1 as f64).sqrt();
    let queries = (queries.index_select(place_group, 0)? * scale)?; // (P, D)
    let mut logits = Vec::with_capacity(values.len());
    for (j, value) in values.iter().enumerate() {
        let key = match &dense.field_key {
            Some(keys) => value.broadcast_add(&keys.get(j)?)?,
            None => value.clone(),
        };
        logits.push((key * &queries)?.sum_keepdim(1)?); // (P, 1)
    }
    let weights = softmax_over(&logits)?;
    let parts = values.iter().zip(&weights).map(|(value, weight)| Ok(value.broadcast_mul(weight)?));
    sum(parts.collect::<Result<_>>()?)
}

fn sum(parts: Vec<Tensor>) -> Result<Tensor> {
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or_else(|| Error::Compute("a song has no field".into()))?;
    parts.try_fold(first, |sum, part| Ok((sum + part)?))
}

/// Eqs. 3–5: user codes `(B, D)` from sequences.
///
/// `places` `(P, D)` are representations; `sequence` `(B, L')` u32 holds places counted from 1, the
/// latest song last, 0 for padding before it. `L' ≤ L`: shorter batches use the last positions.
/// `keep` `(B, L', D)`, if given, multiplies the inputs (dropout).
///
/// # Errors
/// Shapes that do not fit.
pub fn user_codes(
    dense: &Dense,
    places: &Tensor,
    sequence: &Tensor,
    keep: Option<&Tensor>,
) -> Result<Tensor> {
    let (batch, length) = sequence.dims2()?;
    let (max_length, size) = dense.position.dims2()?;
    let skip = max_length - length;
    let pad = Tensor::zeros((1, size), places.dtype(), places.device())?;
    let padded = Tensor::cat(&[&pad, places], 0)?; // (P + 1, D)
    let real = sequence.ne(0u32)?.to_dtype(places.dtype())?; // (B, L')
    let key_mask = ((real.affine(1.0, -1.0)?) * 1e9)?.unsqueeze(1)?; // (B, 1, L')
    let songs = padded.index_select(&sequence.flatten_all()?, 0)?.reshape((batch, length, size))?;
    let mut f = songs.broadcast_add(&dense.position.narrow(0, skip, length)?)?; // (B, L', D)
    if let Some(keep) = keep {
        f = (f * keep)?;
    }
    let flat = f.reshape((batch * length, size))?;
    let project = |(weight, bias): &(Tensor, Tensor)| -> Result<Tensor> {
        let projected = flat.matmul(&weight.t()?)?.reshape((batch, length, size))?;
        Ok(projected.broadcast_add(&bias.narrow(0, skip, length)?)?.relu()?)
    };
    let mut o = nn::self_attention(&project(&dense.q)?, &project(&dense.k)?, &f, &key_mask)?;
    if dense.residual {
        o = (o + &f)?;
    }
    let o = o.broadcast_mul(&real.unsqueeze(2)?)?; // padding contributes nothing
    let output = dense.output.narrow(1, skip * size, length * size)?;
    Ok(o.reshape((batch, length * size))?.matmul(&output.t()?)?)
}

/// Scores `u · r_n` of `N` candidates, `(B, N)` (the exponent of eq. 6).
///
/// `codes` is `(B, D)`; `weights` a `(B, N)` tensor per field, each example's view of the
/// candidates; `fields` a `(N, D)` tensor per field.
///
/// # Errors
/// Shapes that do not fit.
pub fn candidate_scores(codes: &Tensor, weights: &[Tensor], fields: &[Tensor]) -> Result<Tensor> {
    let parts = weights
        .iter()
        .zip(fields)
        .map(|(weight, field)| Ok((codes.matmul(&field.t()?)? * weight)?))
        .collect::<Result<_>>()?;
    sum(parts)
}
