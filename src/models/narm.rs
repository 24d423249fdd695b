//! NARM: a recurrent network with attention on what a session was about.
//!
//! Li, Ren, Chen, Ren, Lian & Ma, "Neural attentive session-based recommendation", CIKM 2017, whose
//! equations the code names.
//!
//! A GRU reads the session. Its last state is the global encoding, of what is played in order
//! (eqs. 2–5). The local encoding is a sum of all states, `Σ_j α_tj h_j`, each weighed by how it fits
//! the last one: `α_tj = vᵀσ(A₁h_t + A₂h_j)` (eqs. 6–8). Both side by side (eq. 9) meet a song's
//! embedding in a bilinear form, which gives the score (eq. 10).
//!
//! Each prefix of a session is an example, as in the paper. All of a session's are trained in one
//! pass: its code at every position looks at that position and those before it alone. A session longer
//! than `max_length` is cut into windows, each of which begins anew.
//!
//! # Readings (where the print is silent)
//! - The weights α are not normalised: the print has no softmax.
//! - Dropout on the embeddings (`input_dropout`) and on the two encodings (`dropout`), Adam.
//!
//! # Deviations
//! - Sampled softmax with logQ correction by default; `loss := 'softmax'` is the paper's
//!   cross-entropy over all songs.

use std::sync::Arc;

use candle_core::Tensor;

use crate::error::Result;
use crate::nn::{self, Dropout};
use crate::train::sequence::{self, Batching, Config, Design, Encoder, Recurrent, Sequences};
use crate::train::{
    CLIP, Default, Initial, Kind, LEARNING_RATE, MOMENTUM, ModelSpec, OPTIMIZER, Objective,
    OptimizerConfig, Options, Param, REG, SCHEDULE, WARMUP, Weights, objective, params, weight,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "narm",
    summary: "A recurrent network with attention on what the session was about.",
    source: "Li et al. 2017",
    example: "FROM train_narm('plays', epochs := 2, embedding_size := 16, max_length := 10)",
    inputs: &[],
    params: PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(sequence::memory(dataset, &design(options)?)),
    start: |dataset, options, device| sequence::start(dataset, design(options)?, device),
    load: |artifact, device| sequence::load(artifact, design(&artifact.options)?, device),
};

const PARAMS: &[Param] = &[
    params::EPOCHS,
    sequence::WINDOWS_PER_STEP,
    Param {
        doc: "D, the size of the embeddings of songs.",
        ..params::EMBEDDING_SIZE.with_default(Default::Int(64))
    },
    Param::new(
        "hidden_size",
        Kind::Int { min: 1, max: 4096 },
        Default::Int(100),
        "H, the size of the network's state.",
    ),
    params::MAX_LENGTH.with_default(Default::Int(20)),
    Param::new(
        "input_dropout",
        params::RATE,
        Default::Float(0.25),
        "Share of the numbers in embeddings of played songs that is set to 0 in training.",
    ),
    Param {
        doc: "Share of the global and local encodings that is set to 0 in training.",
        ..params::DROPOUT.with_default(Default::Float(0.5))
    },
    params::BIAS,
    params::TEMPERATURE,
    Param {
        doc: "What is minimised; default sampled_softmax over the pool; softmax, the paper's, takes \
              all songs; bpr_max, top1_max, bpr and top1 rank the target against the pool, bce and \
              gbce take each song for itself.",
        ..objective::LOSS
    },
    objective::NEGATIVES,
    objective::POOL,
    objective::ALPHA,
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
    let (inputs, size) = (options.count("embedding_size"), options.count("hidden_size"));
    let gru = Recurrent {
        inputs,
        size,
        layers: 1,
        input_dropout: options.float("input_dropout"),
        dropout: 0.0,
    };
    let config = Config {
        embedding_size: inputs,
        deviation: DEVIATION,
        max_length: options.count("max_length"),
        batch_size: options.has("batch_size").then(|| options.count("batch_size")),
        batching: Batching::WINDOWS,
        tied: true,
        bias: options.bool("bias"),
        temperature: params::temperature(options),
        objective: Objective::new(options)?,
        optimizer: OptimizerConfig::new(options)?,
        seed: options.int("seed").unwrap_or(0) as u64,
    };
    Ok(Design { config, encoder: Arc::new(Narm { gru, dropout: options.float("dropout") }) })
}

/// The deviation of embeddings before training.
const DEVIATION: f32 = 0.05;

struct Narm {
    /// The encoder, global and local alike.
    gru: Recurrent,
    dropout: f64,
}

/// `A₁` and `A₂` `(H, H)`, `v` `(H, 1)`, and the bilinear form `B` `(2H, D)`.
const LAST: &str = "attention.last";
const EACH: &str = "attention.each";
const FIT: &str = "attention.fit";
const DECODER: &str = "decoder";

impl Encoder for Narm {
    fn parameters(&self) -> Vec<Initial> {
        let (h, d) = (self.gru.size, self.gru.inputs);
        let mut all = self.gru.parameters();
        for (name, rows, columns) in [(LAST, h, h), (EACH, h, h), (FIT, h, 1), (DECODER, 2 * h, d)]
        {
            let deviation = (2.0 / (rows + columns) as f32).sqrt();
            all.push(Initial::normal(name, &[rows, columns], deviation));
        }
        all
    }

    fn width(&self) -> usize {
        self.gru.inputs
    }

    fn encode(
        &self,
        weights: &Weights,
        sequences: &mut Sequences,
        dropout: &mut Dropout<'_>,
    ) -> Result<Tensor> {
        let states = self.gru.encode(weights, sequences, dropout)?; // (B, L, H), h_j
        let (batch, length, size) = states.dims3()?;
        let last = nn::linear(&states, &weight(weights, LAST)?, None)?;
        let each = nn::linear(&states, &weight(weights, EACH)?, None)?;
        let fit = weight(weights, FIT)?.squeeze(1)?;
        let alpha = nn::causal_additive(&last, &each, &fit)?; // (B, L, L), eq. 8
        let local = alpha.matmul(&states)?; // (B, L, H), eq. 7
        let both = Tensor::cat(&[&states, &local], 2)?.reshape((batch, length, 2 * size))?;
        nn::linear(&dropout.apply(&both, self.dropout)?, &weight(weights, DECODER)?, None) // (B, L, D)
    }

    fn numbers(&self, places: u64, length: u64) -> u64 {
        let size = self.gru.size as u64;
        self.gru.numbers(places, length) + places * (2 * length + 8 * size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::sequence::golden_tests;

    #[test]
    fn codes_scores_and_gradients_equal_the_golden_numbers() {
        golden_tests::assert_golden("narm", PARAMS, design);
    }
}
