//! COAT: a user's attention over the chord progression of a song.
//!
//! Feng, Li & Yang, "COAT: a music recommendation model based on chord progression and attention
//! mechanisms", whose equations the code names.
//!
//! Users and songs are embedded and multiplied number by number (GMF, eq. 1). A song's chords are
//! repeated in order, and cut, to exactly `max_length` places; each place gets a weight that depends
//! on the user, the chord and the place, `softmax_p(hᵀ relu(Wᵀ[e_u; C_p; pos_p] + b))` (eqs. 2–3), and
//! the weighed sum of the chords' embeddings is what the song sounds like to the user (eq. 4). Both
//! enter a tower of layers that ends in the probability that the user plays the song (eq. 5).
//!
//! `W` meets its three inputs one by one, so that the logit of a place depends on a song only through
//! its chord and the place: scoring the catalogue takes one hidden layer for each of these pairs that
//! occurs, not one for each place of each song. Exact.
//!
//! # Readings (where the print is silent)
//! - The embedding `e_u` of attention and of eq. 1 are one.
//! - Binary cross-entropy, `negatives` uniform songs for each played one, drawn anew every epoch; Adam;
//!   attention of width D; with `paper := true` a tower 2D → D → D/2 → 1 of rectified linear units.
//! - The tables' variants without attention: every weight 1 (`attention := 'sum'`); `'mean'` weighs
//!   places alike with the scale that attention has.
//! - A song without chords sounds like nothing: 0.
//!
//! # Deviations (the default; `paper := true` has none of them)
//! - The user's embedding enters the tower, too (layers 4D → 2D → D → 1): as printed, a user meets a
//!   song's chords only through the weights, which says little about songs that nobody played.
//! - The id of a share of the songs is hidden in training (`song_dropout`), so that songs without plays
//!   are scored as it was learned for songs without an id. As printed, their embeddings never learn
//!   anything; here they share one, so that at least their chords tell them apart.
//! - Embeddings start at a deviation of 0.1 in place of 0.01, from where their products have gradients
//!   to speak of.
//!
//! What this attention cannot see: a weight knows nothing of neighbouring chords, so a user can like
//! a chord at a place, not a progression as such; with `ngram := 2` and more, chords are taken
//! together.

mod catalogue;
mod config;
mod network;
#[cfg(test)]
mod tests;

use crate::train::{ModelSpec, inputs, pairs};

/// COAT's line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "coat",
    summary: "A user's attention over the chord progression of a song.",
    source: "Feng, Li & Yang, COAT",
    example: "FROM train_coat('plays', chords := 'chords', epochs := 2, embedding_size := 8)",
    params: config::PARAMS,
    inputs: inputs::CHORDS,
    iterative: true,
    memory: |dataset, options| Ok(pairs::memory(dataset, &config::design(options, dataset)?)),
    start: |dataset, options, device| {
        let design = config::design(options, &dataset)?;
        pairs::start(dataset, design, device)
    },
    load: |artifact, device| {
        pairs::load(artifact, config::design(&artifact.options, &artifact.dataset)?, device)
    },
};
