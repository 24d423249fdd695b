//! Neural collaborative filtering: GMF and NeuMF, and NeuMF that hears songs.
//!
//! He, Liao, Zhang, Nie, Hu & Chua, "Neural collaborative filtering", WWW 2017. GMF multiplies the
//! embeddings of a user and a song, number by number, and weighs the products (eqs. 8–9). NeuMF has a
//! perceptron over embeddings of its own beside it, a tower each of whose layers is half as wide as
//! the one before, and one output layer over both (eqs. 10–12). Training is binary cross-entropy (eq. 7)
//! over the songs that a user played, each with `negatives` songs that they did not, drawn anew every
//! epoch from all songs that anybody played.
//!
//! `neumf_cnn` and `neumf_lstm` are the baselines of COAT's paper (Feng, Li & Yang, §IV): a
//! network reads a song's matrix of features, such as its MFCC, and its code joins the last layer. What
//! the networks look like is not printed: here two convolutions over frames, or an LSTM, over songs
//! brought to the same number of frames.
//!
//! An unknown user, or anybody in a model of sessions (`per := 'session'`), is answered from the mean
//! of the embeddings of those who played the running session's songs.
//!
//! # Deviations
//! - `pretrained` (§3.4.1) trains both parts side by side for so many epochs, each with a loss of its
//!   own, on the same examples, and joins them with half a say each (α = ½). Adam goes on with its
//!   moments, where the paper begins anew with plain gradient descent.
//! - Training is by AdamW, with a weight decay, but with `paper := true`: the paper's Adam learns its
//!   examples by heart.
//! - The perceptron is narrow by default, `[D, D/2, D/4]`: as printed, `[4 D, 2 D, D]`, it learns its
//!   examples by heart earlier, and takes most of the time.
//! - The perceptron's embeddings have half the width of its first layer, as the text has it; the
//!   authors' code has twice as much.
//! - Batches keep a played song and its negatives together, so that a user's part is computed once.
//! - A user's taste for content, a vector that meets a song's code, is ours. With `paper := true` the
//!   code is weighed the same for all users, which cannot tell one user from another.
//! - Songs without plays, of which GMF and NeuMF know nothing, score as the worst of the others there.
//!   Where features are known, `song_dropout` hides songs' ids at random, and what is learned without
//!   an id speaks for songs without plays. A song without features is heard as the mean of all frames.

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
    source: "He et al. 2017; Feng, Li & Yang, COAT",
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
    source: "He et al. 2017; Feng, Li & Yang, COAT",
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
