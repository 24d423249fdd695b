//! HARM: attention over a song's fields, seen by each user, and over the session.
//!
//! "Music recommendation algorithm based on multilayer attention representation" (the paper whose
//! equations the code names).
//!
//! A song is a set of discrete fields, its id among them, each with an embedding table. A user's
//! attributes give a query (eq. 1) that weighs the fields of every song (eq. 2), so that two users
//! see the same song differently. Self-attention with positions runs over the session (eqs. 3–4),
//! one linear layer over the concatenated positions gives the user's code (eq. 5), and its dot
//! product with a song's representation is the score (eq. 6).
//!
//! # Readings (where the print is silent)
//! - The weights of eq. 2 are scaled dot products of query and field embedding.
//! - Sequences are right-aligned; padding takes no part. Positions are learned.
//! - Audio (§3.1) is a vector given for each song, such as those of `train_audio_cnn`, through a learned
//!   map; with `fine_tune` the vectors are trained as well, not the network that they come from.
//! - A multi-valued field is the mean of its values; a missing value is a category of its own.
//! - The expectation over negatives in eq. 9 is estimated by one pool of songs per batch, drawn
//!   from the play frequencies and shared by the batch's examples, each counting `negatives / pool`.
//! - L2 applies to the parameters that a batch touches.
//! - Every prefix of every session is an example.
//!
//! # Deviations (the default; `paper := true` has none of them)
//! - A learned vector per field is added to the attention keys (`key_bias`).
//! - A residual connection around self-attention, with the last block of `W_U` started as the
//!   identity (`residual`).
//! - The user's id is replaced by the unknown user's in 60 % of the predictions (`user_dropout`), and
//!   a song's id by the unknown song's in 40 % of the batches (`song_dropout`), so that the rows for
//!   unknown ids are trained and cold songs score through their fields. Songs without plays use the
//!   unknown song's row.
//! - A tenth of the inputs to self-attention is dropped (`dropout`).
//! - The query's bias starts above 0.
//! - Sampled softmax with logQ correction, Adam.

mod audio;
mod batch;
mod columns;
mod config;
mod initial;
mod learner;
mod network;
mod scorer;
mod tables;
#[cfg(test)]
mod tests;

use crate::train::ModelSpec;
use crate::train::inputs::AUDIO;

/// HARM's line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "harm",
    summary: "Attention over a song's fields, seen by each user, and over the session.",
    source: "HARM, equations 1–9",
    example: "FROM train_harm('plays', songs := 'songs', users := 'users',\n                \
              fields := ['artist', 'genre'], epochs := 2, max_length := 5)",
    inputs: AUDIO,
    params: config::PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(initial::memory(dataset, &config::Config::of(dataset, options)?)),
    start: |dataset, options, device| {
        let config = config::Config::of(&dataset, options)?;
        Ok(Box::new(learner::Learner::new(dataset, config, device)?))
    },
    load: |artifact, device| {
        let config = config::Config::new(&artifact.options)?;
        let weights = artifact.weights.clone();
        Ok(Box::new(scorer::Harm::new(artifact.dataset.clone(), config, weights, device)?))
    },
};
