//! Neural collaborative filtering: GMF and NeuMF.

mod config;
mod content;
mod network;

use crate::train::{ModelSpec, pairs};

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
