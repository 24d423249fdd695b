//! HARM's forward pass over tensors (equations 1–9 of the paper).
//!
//! Shapes: `G` groups (a user in a session), `S` distinct songs of the batch, `F` fields,
//! `P` places (a song in a group's sequence), `B` examples, `L` positions, `D` embedding size.

use candle_core::Tensor;

use super::config::Attention;
use crate::error::Result;
use crate::nn::{self, Dropout, Places};

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

/// The keys' part of eq. 2's logits, `(G, F)`: `q · key_j`, with `queries` scaled already.
fn key_logits(dense: &Dense, queries: &Tensor, fields: usize) -> Result<Tensor> {
    match &dense.field_key {
        Some(keys) => Ok(queries.matmul(&keys.t()?)?),
        None => {
            let shape = (queries.dims2()?.0, fields);
            Ok(Tensor::zeros(shape, queries.dtype(), queries.device())?)
        }
    }
}

/// The field weights of eq. 2, `(G, F, S)`: softmax over the fields of `q · (e_j + key_j) / √D`.
/// `fields` is `(F, S, D)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn field_weights(
    dense: &Dense,
    attention: Attention,
    queries: &Tensor,
    fields: &Tensor,
) -> Result<Tensor> {
    let (count, songs, size) = fields.dims3()?;
    let shape = (queries.dims2()?.0, count, songs);
    if attention == Attention::Mean {
        return Ok((Tensor::ones(shape, queries.dtype(), queries.device())? / count as f64)?);
    }
    let scaled = (queries / (size as f64).sqrt())?;
    let logits = scaled.matmul(&fields.flatten_to(1)?.t()?)?.reshape(shape)?;
    let keys = key_logits(dense, &scaled, count)?.unsqueeze(2)?;
    nn::softmax_along(&logits.broadcast_add(&keys)?, 1)
}

/// The representations `r_i` of eq. 2 at the given places, `(P, D)`: which row of `queries` `(G, D)`
/// looks at which song of `fields` `(F, S, D)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn represent(
    dense: &Dense,
    attention: Attention,
    queries: &Tensor,
    fields: &Tensor,
    places: &Places,
) -> Result<Tensor> {
    let (count, _, size) = fields.dims3()?;
    if attention == Attention::Mean {
        let songs = Tensor::from_slice(&places.song, places.song.len(), fields.device())?;
        return Ok(fields.mean(0)?.index_select(&songs, 0)?);
    }
    let keys = match &dense.field_key {
        Some(keys) => keys.clone(),
        None => Tensor::zeros((count, size), fields.dtype(), fields.device())?,
    };
    nn::attend_fields(fields, &(queries / (size as f64).sqrt())?, &keys, places)
}

/// Eqs. 3–5: user codes `(B, D)` from the representations of sequences, `(B, L', D)`, the latest song
/// last. What comes before the position in `starts` (B) is padding. `L' ≤ L`: shorter batches use the
/// last positions. Dropout, at `rate`, is on the inputs.
///
/// # Errors
/// Shapes that do not fit.
pub fn user_codes(
    dense: &Dense,
    songs: &Tensor,
    starts: &[usize],
    dropout: &mut Dropout<'_>,
    rate: f64,
) -> Result<Tensor> {
    let (batch, length, size) = songs.dims3()?;
    let skip = dense.position.dims2()?.0 - length;
    // One bias for each position, added as one long row.
    let add = |rows: &Tensor, bias: &Tensor| {
        let bias = bias.narrow(0, skip, length)?.flatten_all()?;
        nn::add_bias(&rows.reshape((batch, length * size))?, &bias)
    };
    let f = dropout.apply(&add(songs, &dense.position)?, rate)?; // (B, L'·D)
    let flat = f.reshape((batch * length, size))?;
    let project = |(weight, bias): &(Tensor, Tensor)| -> Result<Tensor> {
        Ok(add(&flat.matmul(&weight.t()?)?, bias)?.relu()?.reshape((batch, length, size))?)
    };
    let f = f.reshape((batch, length, size))?;
    let mut o = nn::self_attention(&project(&dense.q)?, &project(&dense.k)?, &f, starts)?;
    if dense.residual {
        o = (o + &f)?;
    }
    let real = starts.iter().flat_map(|&start| (0..length).map(move |l| l >= start));
    let real = real.flat_map(|real| std::iter::repeat_n(f32::from(u8::from(real)), size));
    let o = nn::times(&o, real.collect())?; // padding contributes nothing
    let output = dense.output.narrow(1, skip * size, length * size)?;
    Ok(o.reshape((batch, length * size))?.matmul(&output.t()?)?)
}

/// Scores `u · r_n` of `N` candidates, `(B, N)` (the exponent of eq. 6), each as the example's user
/// sees it. `queries` and `codes` are `(B, D)`, `fields` `(F, N, D)`.
///
/// # Errors
/// Shapes that do not fit.
pub fn candidate_scores(
    dense: &Dense,
    attention: Attention,
    queries: &Tensor,
    codes: &Tensor,
    fields: &Tensor,
) -> Result<Tensor> {
    if attention == Attention::Mean {
        return Ok(codes.matmul(&fields.mean(0)?.t()?)?);
    }
    let (count, _, size) = fields.dims3()?;
    let scaled = (queries / (size as f64).sqrt())?;
    let vectors = Tensor::cat(&[&scaled, codes], 0)?; // (2B, D)
    let products = vectors.matmul(&fields.flatten_to(1)?.t()?)?; // (2B, F·N)
    nn::mix_fields(&products, &key_logits(dense, &scaled, count)?)
}
