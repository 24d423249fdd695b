//! Improved GRU4Rec: GRU4Rec's network, trained on prefixes of sessions with songs left out, and
//! on the latest sessions last.
//!
//! Tan, Xu & Liu, "Improved recurrent neural networks for session-based recommendations", DLRS
//! 2016. Two of its proposals, both on by default:
//!
//! - Data augmentation (§3.1): every prefix of a session is an example, and songs of it are left
//!   out at random (`item_dropout`).
//! - Pre-training (§3.2): the first epochs look at all sessions, the last `recent_epochs` at the
//!   latest `recent` of them alone.
//!
//! All prefixes of a session are trained in one pass, since the state after a song depends on the
//! prefix up to it alone. A session longer than `max_length` is cut into windows, each of which begins
//! anew.
//!
//! # Deviations
//! - Songs are left out once for all prefixes of a session, not for each anew. What comes after one
//!   that was left out is predicted after the latest that was not; the first is kept.
//! - The optimiser goes on between the two stages with what it has gathered. The second stage is the
//!   last `recent_epochs` of `epochs`, and the first has one epoch at least. A training that stops
//!   early does not reach the second.
//! - Plays without times have no latest sessions: all epochs look at all of them.
//! - Privileged information and the output of embeddings (§3.3–3.4) are not offered: they are
//!   about other data and about speed. Scores are products with embeddings, as in GRU4Rec.
//! - Sampled softmax with logQ correction in place of all songs, Adam.

use std::sync::Arc;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::sequence::{self, Batching, Config, Design, Recurrent};
use crate::train::{
    CLIP, Default, Kind, LEARNING_RATE, MOMENTUM, ModelSpec, OPTIMIZER, Objective, OptimizerConfig,
    Options, Param, REG, SCHEDULE, WARMUP, objective, params,
};

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "improved_gru4rec",
    summary: "GRU4Rec on prefixes with songs left out, and on the latest sessions last.",
    source: "Tan et al. 2016",
    example: "FROM train_improved_gru4rec('plays', epochs := 2, embedding_size := 16)",
    inputs: &[],
    params: PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(sequence::memory(dataset, &design(options)?)),
    start: |dataset, options, device| {
        refuse_without_times(&dataset, options)?;
        sequence::start(dataset, design(options)?, device)
    },
    load: |artifact, device| sequence::load(artifact, design(&artifact.options)?, device),
};

const PARAMS: &[Param] = &[
    params::EPOCHS,
    sequence::WINDOWS_PER_STEP,
    Param {
        doc: "D, the size of the embeddings of songs and of the network's state.",
        ..params::EMBEDDING_SIZE.with_default(Default::Int(128))
    },
    Param::new(
        "layers",
        Kind::Int { min: 1, max: 16 },
        Default::Int(1),
        "Layers of recurrent units.",
    ),
    params::MAX_LENGTH,
    Param::new(
        "item_dropout",
        params::RATE,
        Default::Float(0.25),
        "Share of the songs of a session that is left out in training.",
    ),
    Param::new(
        "recent",
        Kind::Float { min: 0.001, max: 1.0 },
        Default::Absent,
        "Share of the sessions, the latest, that the last epochs look at; default 0.5, and 1 where \
         plays have no times.",
    ),
    Param::new(
        "recent_epochs",
        Kind::Int { min: 0, max: 100_000 },
        Default::Int(2),
        "How many of the epochs these are: all but the first, at most. A training that stops early \
         does not reach them; a patience of epochs keeps it from that.",
    ),
    Param {
        doc: "Share of what the network passes on that is set to 0 in training.",
        ..params::DROPOUT.with_default(Default::Float(0.1))
    },
    params::TEMPERATURE,
    Param {
        doc: "What is minimised; default sampled_softmax over the pool; softmax takes all songs; \
              bpr_max, top1_max, bpr and top1 rank the target against the pool, bce and gbce take \
              each song for itself.",
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

/// Refuses to look at the latest sessions of plays that do not say which these are.
fn refuse_without_times(dataset: &Dataset, options: &Options) -> Result<()> {
    if !options.has("recent") || options.float("recent") == 1.0 || dataset.plays.has_times() {
        return Ok(());
    }
    Err(Error::data(format!(
        "recent := {} asks for the latest sessions, but the plays have no time column; name it with \
         \"time\" := '…', or leave recent out",
        options.float("recent")
    )))
}

/// The model that the options describe.
fn design(options: &Options) -> Result<Design> {
    let size = options.count("embedding_size");
    let encoder = Recurrent {
        inputs: size,
        size,
        layers: options.count("layers"),
        input_dropout: 0.0,
        dropout: options.float("dropout"),
    };
    let recent = if options.has("recent") { options.float("recent") } else { RECENT };
    let before = options.count("epochs").saturating_sub(1);
    let config = Config {
        embedding_size: size,
        deviation: DEVIATION,
        max_length: options.count("max_length"),
        batch_size: options.has("batch_size").then(|| options.count("batch_size")),
        batching: Batching::Windows {
            item_dropout: options.float("item_dropout"),
            recent: (options.count("recent_epochs").min(before), recent),
        },
        tied: true,
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

/// The share of the sessions that the last epochs look at.
const RECENT: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Setting;

    #[test]
    fn the_first_stage_has_an_epoch_at_least() {
        for (epochs, expected) in [(1, 0), (2, 1), (3, 2), (10, 2)] {
            let mut options = Options::defaults(PARAMS);
            options.set("epochs", Setting::Int(epochs));
            let batching = design(&options.resolved(PARAMS)).unwrap().config.batching;
            let expected = Batching::Windows { item_dropout: 0.25, recent: (expected, RECENT) };
            assert_eq!(batching, expected);
        }
    }
}
