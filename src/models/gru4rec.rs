//! GRU4Rec: a recurrent network reads a session song by song.
//!
//! Hidasi, Karatzoglou, Baltrunas & Tikk, "Session-based recommendations with recurrent neural
//! networks", ICLR 2016, and Hidasi & Karatzoglou, "Recurrent neural networks with top-k gains for
//! session-based recommendations", CIKM 2018.
//!
//! The state of a GRU after a song is the code of the session so far; its product with a song's
//! output embedding, plus a bias, is the song's score. Sessions stand end to end in `batch_size`
//! parallel streams; a step moves on by one play in each, states are carried to the next step and
//! reset where a session begins (2016, §3.1.1). A target is held against the targets of the other
//! streams and against further songs drawn by `plays^alpha` (2018, §3.1).
//!
//! # Readings (where the print is silent)
//! - Embeddings of inputs and outputs are one table (`tied`), and cross-entropy corrects for how
//!   negatives are drawn, as in its authors' current code.
//! - Adagrad has momentum with the learning rate inside; songs that a batch does not touch move on
//!   their momentum, too.
//!
//! # Deviations
//! - Streams are of equal length, so that an epoch ends in all of them at once; in each but the
//!   first, a session may be cut at the beginning. There are no more streams than sessions.
//! - `steps` lets gradients flow back through more than the last play.
//! - Dropout takes from what a layer passes on, not from what it remembers.
//! - The loss `sampled_softmax` does not count a target among its own negatives.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::train::sequence::{self, Batching, Config, Design, Recurrent};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE_BY_OPTIMIZER, MOMENTUM, ModelSpec, OPTIMIZER, Objective,
    OptimizerConfig, Options, Param, REG, SCHEDULE, WARMUP, objective, params,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "gru4rec",
    summary: "A recurrent network (GRU) that reads sessions song by song.",
    source: "Hidasi et al. 2016; Hidasi & Karatzoglou 2018",
    example: "FROM train_gru4rec('plays', epochs := 2, embedding_size := 16)",
    inputs: &[],
    params: PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(sequence::memory(dataset, &design(options)?)),
    start: |dataset, options, device| sequence::start(dataset, design(options)?, device),
    load: |artifact, device| sequence::load(artifact, design(&artifact.options)?, device),
};

const PARAMS: &[Param] = &[
    params::EPOCHS,
    Param {
        doc: "Parallel streams of sessions, at most as many as there are sessions.",
        ..params::BATCH_SIZE
    },
    Param {
        doc: "D, the size of the embeddings of songs.",
        ..params::EMBEDDING_SIZE.with_default(Default::Int(128))
    },
    Param::new(
        "hidden_size",
        Kind::Int { min: 1, max: 4096 },
        Default::Depends(|options| options.get("embedding_size").cloned()),
        "H, the size of the network's state; default embedding_size, which tied embeddings need.",
    ),
    Param::new(
        "layers",
        Kind::Int { min: 1, max: 16 },
        Default::Int(1),
        "Layers of recurrent units.",
    ),
    Param::new(
        "tied",
        Kind::Bool,
        Default::Bool(true),
        "Whether songs have one embedding, as what was played and as what may come.",
    ),
    Param::new(
        "steps",
        Kind::Int { min: 1, max: 1_000 },
        Default::Int(1),
        "Plays of each stream in a step, through which gradients flow back.",
    ),
    Param {
        doc: "The latest songs of a session that are looked at when answering.",
        ..params::MAX_LENGTH
    },
    Param {
        doc: "Share of what the network passes on that is set to 0 in training.",
        ..params::DROPOUT.with_default(Default::Float(0.1))
    },
    Param::new(
        "input_dropout",
        params::RATE,
        Default::Float(0.2),
        "Share of the numbers in embeddings of played songs that is set to 0 in training.",
    ),
    params::TEMPERATURE,
    Param {
        doc: "What is minimised; default sampled_softmax over the pool and the batch; softmax takes \
              all songs; bpr_max, top1_max, bpr and top1 rank the target against the pool, bce and \
              gbce take each song for itself.",
        ..objective::LOSS
    },
    objective::NEGATIVES,
    objective::POOL,
    objective::ALPHA,
    objective::IN_BATCH.with_default(Default::Bool(true)),
    objective::LOGQ,
    objective::CALIBRATION,
    objective::SCORE_REG,
    OPTIMIZER.with_default(Default::Text("adagrad")),
    LEARNING_RATE_BY_OPTIMIZER,
    MOMENTUM,
    REG,
    CLIP,
    SCHEDULE,
    WARMUP,
];

/// The model that the options describe.
fn design(options: &Options) -> Result<Design> {
    let (inputs, size) = (options.count("embedding_size"), options.count("hidden_size"));
    let tied = options.bool("tied");
    if tied && size != inputs {
        return Err(Error::data(format!(
            "hidden_size := {size} and embedding_size := {inputs} differ, and tied embeddings need \
             them alike; set tied := false"
        )));
    }
    let encoder = Recurrent {
        inputs,
        size,
        layers: options.count("layers"),
        input_dropout: options.float("input_dropout"),
        dropout: options.float("dropout"),
    };
    let config = Config {
        embedding_size: inputs,
        deviation: DEVIATION,
        max_length: options.count("max_length"),
        batch_size: Some(options.count("batch_size")),
        batching: Batching::Streams { steps: options.count("steps") },
        tied,
        bias: true,
        temperature: params::temperature(options),
        objective: Objective::new(options)?,
        optimizer: OptimizerConfig::new(options)?,
        seed: options.int("seed").unwrap_or(0) as u64,
    };
    Ok(Design { config, encoder: Arc::new(encoder) })
}

/// The deviation of embeddings before training.
const DEVIATION: f32 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Setting;
    use crate::train::sequence::golden_tests;

    #[test]
    fn codes_scores_and_gradients_equal_the_golden_numbers() {
        golden_tests::assert_golden("gru4rec", PARAMS, design);
    }

    #[test]
    fn tied_embeddings_need_one_size() {
        let mut options = Options::defaults(PARAMS);
        options.set("hidden_size", Setting::Int(7));
        let message = design(&options.resolved(PARAMS)).err().unwrap().to_string();
        assert!(
            message.contains("hidden_size := 7") && message.contains("tied := false"),
            "{message}"
        );
    }
}
