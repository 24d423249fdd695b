//! SASRec: self-attention over the songs of a session.
//!
//! Kang & McAuley, "Self-attentive sequential recommendation", ICDM 2018, whose equations the code
//! names.
//!
//! Songs are embedded and scaled by √D, learned positions added (eq. 1). In each block, every
//! position attends to itself and those before it (eqs. 2–3), and a feed-forward network of two
//! layers follows (eq. 5); both with layer normalisation, dropout and a residual connection (§3.3).
//! A last normalisation gives the code, whose product with a song's embedding, the same as at the
//! input, is the song's score (eq. 7). All positions of a session are trained in one pass.
//!
//! # Readings (where the print is silent)
//! - As printed, positions are counted from the latest song of a window, which always has the same one.
//! - Sessions longer than `max_length` are cut into windows, so that every play is predicted once;
//!   the released code drops all but the latest.
//! - The normalisation after the last block, the scale √D and several heads are from the released
//!   code; each head attends in D / `heads` columns.
//! - The negatives of a batch come from one shared pool, each counting `negatives / pool`, in place of
//!   one drawn for each position: the same expectation.
//! - Negatives are not held against what the listener played before, only against the target.
//!
//! # Deviations (the default; `paper := true` has none of them)
//! - Softmax over shared negatives with logQ correction, drawn by popularity, in place of binary
//!   cross-entropy with one uniform negative.
//! - Positions are counted from the first song of a window (`positions`), so that a prefix is trained by
//!   the very computation that later answers it.

use std::sync::Arc;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::nn::{self, Dropout};
use crate::train::sequence::{self, Batching, Config, Design, Encoder, Sequences};
use crate::train::{
    CLIP, Default, Initial, Kind, LEARNING_RATE, MOMENTUM, ModelSpec, OPTIMIZER, Objective,
    OptimizerConfig, Options, Param, REG, SCHEDULE, WARMUP, Weights, objective, params, weight,
};

/// SASRec's line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "sasrec",
    summary: "Self-attention over the songs of a session.",
    source: "Kang & McAuley, ICDM 2018",
    example: "FROM train_sasrec('plays', epochs := 2, embedding_size := 16, max_length := 10)",
    inputs: &[],
    params: PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(sequence::memory(dataset, &design(options)?)),
    start: |dataset, options, device| sequence::start(dataset, design(options)?, device),
    load: |artifact, device| sequence::load(artifact, design(&artifact.options)?, device),
};

const PARAMS: &[Param] = &[
    Param {
        doc: "The model as printed: binary cross-entropy with one uniform negative.",
        ..params::PAPER
    },
    params::EPOCHS.with_default(Default::Int(20)),
    sequence::WINDOWS_PER_STEP,
    params::EMBEDDING_SIZE,
    params::MAX_LENGTH,
    Param::new(
        "blocks",
        Kind::Int { min: 0, max: 64 },
        Default::Int(2),
        "Blocks of self-attention and feed-forward network.",
    ),
    Param::new(
        "heads",
        Kind::Int { min: 1, max: 64 },
        Default::Int(1),
        "Heads of self-attention, which divide the embedding among them.",
    ),
    Param::new(
        "norm",
        Kind::Choice(&["pre", "post"]),
        Default::Text("pre"),
        "Layer normalisation of what enters attention and feed-forward network (pre, as printed), or \
         of what leaves them with the residual connection (post).",
    ),
    Param::new(
        "positions",
        Kind::Choice(&["start", "end"]),
        Default::Depends(|options| params::by_paper(options, "end", "start")),
        "Where positions are counted from: the first song of a window, so that a session is trained as \
         it will be asked for, or the latest; default start, with paper end.",
    ),
    params::DROPOUT,
    params::BIAS,
    params::TEMPERATURE,
    Param {
        doc: "What is minimised; default sampled_softmax over a pool of songs, with paper bce; softmax \
              takes all songs; gbce calibrates bce; bpr, bpr_max, top1 and top1_max rank the target \
              against the pool.",
        default: Default::Depends(|options| params::by_paper(options, "bce", "sampled_softmax")),
        ..objective::LOSS
    },
    objective::NEGATIVES,
    objective::POOL,
    Param {
        default: Default::Depends(|options| params::by_paper(options, 0.0, 0.5)),
        doc: "Exponent on the play counts of the distribution that negatives are drawn from; default \
              0.5, with paper 0, which is uniform.",
        ..objective::ALPHA
    },
    objective::IN_BATCH,
    objective::LOGQ,
    objective::CALIBRATION,
    objective::SCORE_REG,
    OPTIMIZER,
    LEARNING_RATE,
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The model that the options describe.
fn design(options: &Options) -> Result<Design> {
    let size = options.count("embedding_size");
    let encoder = SasRec {
        size,
        max_length: options.count("max_length"),
        blocks: options.count("blocks"),
        heads: options.count("heads"),
        post_norm: options.text("norm") == Some("post"),
        from_start: options.text("positions") == Some("start"),
        dropout: options.float("dropout"),
    };
    if !size.is_multiple_of(encoder.heads) {
        return Err(Error::data(format!(
            "embedding_size := {size} cannot be divided among heads := {}; give a multiple",
            encoder.heads
        )));
    }
    let config = Config {
        embedding_size: size,
        deviation: DEVIATION,
        max_length: encoder.max_length,
        batch_size: options.has("batch_size").then(|| options.count("batch_size")),
        batching: Batching::WINDOWS,
        tied: true,
        bias: options.bool("bias"),
        temperature: params::temperature(options),
        objective: Objective::new(options)?,
        optimizer: OptimizerConfig::new(options)?,
        seed: options.int("seed").unwrap_or(0) as u64,
    };
    Ok(Design { config, encoder: Arc::new(encoder) })
}

/// The deviation of embeddings before training: with it, first scores are small.
const DEVIATION: f32 = 0.02;

struct SasRec {
    size: usize,
    max_length: usize,
    blocks: usize,
    heads: usize,
    post_norm: bool,
    from_start: bool,
    dropout: f64,
}

const POSITIONS: &str = "position";

impl SasRec {
    /// Each position's embedding `(B, L, D)`.
    fn positions(&self, weights: &Weights, sequences: &Sequences) -> Result<Tensor> {
        let (batch, length, size) = sequences.inputs.dims3()?;
        let place = |n: usize, at: usize| {
            // Padding, which stands behind the latest song, takes its position.
            let at = at.min(n - 1);
            (if self.from_start { at } else { self.max_length - n + at }) as u32
        };
        let places: Vec<u32> = sequences
            .lengths
            .iter()
            .flat_map(|&n| (0..length).map(move |at| place(n, at)))
            .collect();
        let places = Tensor::from_slice(&places, places.len(), sequences.inputs.device())?;
        let positions = weight(weights, POSITIONS)?.index_select(&places, 0)?;
        Ok(positions.reshape((batch, length, size))?)
    }
}

impl Encoder for SasRec {
    fn parameters(&self) -> Vec<Initial> {
        let d = self.size;
        let deviation = 1.0 / (d as f32).sqrt();
        let mut all = vec![Initial::normal(POSITIONS, &[self.max_length, d], DEVIATION)];
        let norm = |all: &mut Vec<Initial>, name: &str| {
            all.push(Initial::constant(format!("{name}.weight"), &[d], 1.0));
            all.push(Initial::constant(format!("{name}.bias"), &[d], 0.0));
        };
        for block in 0..self.blocks {
            let name = |part: &str| format!("block.{block}.{part}");
            norm(&mut all, &name("attention.norm"));
            for part in ["query", "key", "value"] {
                let name = name(&format!("attention.{part}"));
                all.push(Initial::normal(name, &[d, d], deviation));
            }
            norm(&mut all, &name("feed_forward.norm"));
            for layer in [1, 2] {
                let name = |part: &str| name(&format!("feed_forward.{layer}.{part}"));
                all.push(Initial::normal(name("weight"), &[d, d], deviation));
                all.push(Initial::constant(name("bias"), &[d], 0.0));
            }
        }
        if !self.post_norm {
            norm(&mut all, "norm");
        }
        all
    }

    fn width(&self) -> usize {
        self.size
    }

    fn encode(
        &self,
        weights: &Weights,
        sequences: &mut Sequences,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let get = |name: String| weight(weights, &name);
        let norm = |x: &Tensor, name: &str| {
            nn::layer_norm(x, &get(format!("{name}.weight"))?, &get(format!("{name}.bias"))?)
        };
        let scale = (self.size as f64).sqrt();
        let inputs = ((&sequences.inputs * scale)? + self.positions(weights, sequences)?)?;
        let mut x = dropout.apply(&inputs, self.dropout)?; // (B, L, D)
        for block in 0..self.blocks {
            let name = |part: &str| format!("block.{block}.{part}");
            x = self.residual(x, &norm, &name("attention.norm"), dropout, |x, dropout| {
                let project =
                    |part: &str| nn::linear(x, &get(name(&format!("attention.{part}")))?, None);
                let (query, key, value) = (project("query")?, project("key")?, project("value")?);
                nn::causal_attention(&query, &key, &value, self.heads, dropout, self.dropout)
            })?;
            x = self.residual(x, &norm, &name("feed_forward.norm"), dropout, |x, dropout| {
                let layer = |x: &Tensor, layer: usize| {
                    let name = |part: &str| name(&format!("feed_forward.{layer}.{part}"));
                    nn::linear(x, &get(name("weight"))?, Some(&get(name("bias"))?))
                };
                let hidden = layer(x, 1)?.relu()?;
                layer(&dropout.apply(&hidden, self.dropout)?, 2)
            })?;
        }
        if self.post_norm { Ok(x) } else { norm(&x, "norm") }
    }

    fn numbers(&self, places: u64, length: u64) -> u64 {
        let (d, heads, blocks) = (self.size as u64, self.heads as u64, self.blocks as u64);
        places * (4 * d + blocks * (20 * d + 4 * heads * length))
    }
}

impl SasRec {
    /// `x + dropout(f(norm(x)))`, or `norm(x + dropout(f(x)))` with post-norm (§3.3).
    fn residual(
        &self,
        x: Tensor,
        norm: &impl Fn(&Tensor, &str) -> Result<Tensor>,
        name: &str,
        dropout: &mut Dropout<'_>,
        f: impl Fn(&Tensor, &mut Dropout<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        if self.post_norm {
            let y = f(&x, dropout)?;
            return norm(&(x + dropout.apply(&y, self.dropout)?)?, name);
        }
        let y = f(&norm(&x, name)?, dropout)?;
        Ok((x + dropout.apply(&y, self.dropout)?)?)
    }
}

#[cfg(test)]
mod tests;
