//! Neural collaborative filtering: GMF and NeuMF.

mod cnn;
mod config;
mod content;
mod lstm;
mod network;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::train::{ModelSpec, inputs, pairs};

/// GMF's line in the registry.
pub const GMF: ModelSpec = ModelSpec {
    name: "gmf",
    summary: "Users and songs as vectors whose weighed product says whether a song is played (GMF).",
    source: "He et al. 2017",
    example: "FROM train_gmf('plays', epochs := 5, embedding_size := 16)",
    inputs: &[],
    params: config::GMF_PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(pairs::memory(dataset, &config::design(options, false, None)?)),
    start: |dataset, options, device| {
        pairs::start(dataset, config::design(options, false, None)?, device)
    },
    load: |artifact, device| {
        pairs::load(artifact, config::design(&artifact.options, false, None)?, device)
    },
};

/// NeuMF's line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "neumf",
    summary: "Matrix factorisation and a perceptron over users and songs, side by side (NeuMF).",
    source: "He et al. 2017",
    example: "FROM train_neumf('plays', epochs := 5, embedding_size := 8)",
    inputs: &[],
    params: config::NEUMF_PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(pairs::memory(dataset, &config::design(options, true, None)?)),
    start: |dataset, options, device| {
        pairs::start(dataset, config::design(options, true, None)?, device)
    },
    load: |artifact, device| {
        pairs::load(artifact, config::design(&artifact.options, true, None)?, device)
    },
};

const ENCODE_CNN: config::Encode =
    |frames, size| Arc::new(cnn::Convolutions { frames, channels: size });

/// The line in the registry of NeuMF with convolutions over their features.
pub const CNN: ModelSpec = ModelSpec {
    name: "neumf_cnn",
    summary: "NeuMF that hears songs: convolutions over their features, such as MFCC.",
    source: "He et al. 2017; Feng et al. 2022",
    example: "FROM train_neumf_cnn('plays', features := '(SELECT song_id, 1 AS frame, [1.0, 2.0] AS features FROM songs)', epochs := 2)",
    inputs: inputs::FEATURES,
    params: config::CONTENT_PARAMS,
    iterative: true,
    memory: |dataset, options| config::content_memory(dataset, options, ENCODE_CNN),
    start: |dataset, options, device| {
        let design = config::with_content(dataset.features.as_ref(), options, ENCODE_CNN)?;
        pairs::start(dataset, design, device)
    },
    load: |artifact, device| {
        let design = config::with_content(None, &artifact.options, ENCODE_CNN)?;
        pairs::load(artifact, design, device)
    },
};

const ENCODE_LSTM: config::Encode = |frames, size| Arc::new(lstm::Memory { frames, size });

/// The line in the registry of NeuMF with a recurrent network over their features.
pub const LSTM: ModelSpec = ModelSpec {
    name: "neumf_lstm",
    summary: "NeuMF that hears songs: a recurrent network over their features, such as MFCC.",
    source: "He et al. 2017; Feng et al. 2022",
    example: "FROM train_neumf_lstm('plays', features := '(SELECT song_id, 1 AS frame, [1.0, 2.0] AS features FROM songs)', epochs := 2)",
    inputs: inputs::FEATURES,
    params: config::CONTENT_PARAMS,
    iterative: true,
    memory: |dataset, options| config::content_memory(dataset, options, ENCODE_LSTM),
    start: |dataset, options, device| {
        let design = config::with_content(dataset.features.as_ref(), options, ENCODE_LSTM)?;
        pairs::start(dataset, design, device)
    },
    load: |artifact, device| {
        let design = config::with_content(None, &artifact.options, ENCODE_LSTM)?;
        pairs::load(artifact, design, device)
    },
};
