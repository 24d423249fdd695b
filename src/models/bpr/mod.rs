//! BPR-MF: a vector for each user and each song, trained to rank what a user played above what
//! they did not.
//!
//! Rendle, Freudenthaler, Gantner & Schmidt-Thieme, "BPR: Bayesian personalized ranking from
//! implicit feedback", UAI 2009. The score of song `i` for user `u` is `x_ui = p_u·q_i + b_i` (eq. 8
//! with a bias), and training minimises `−Σ ln σ(x_ui − x_uj) + λ‖θ‖²` (BPR-OPT, §4.1) over songs
//! `i` that `u` played and songs `j` that `u` did not.
//!
//! With `per := 'session'` a session takes the place of a user. It ends before it is asked about,
//! so answers do as those to unknown users: the mean of the vectors of the running session's songs
//! takes the place of `p_u`, as in the session-based comparisons (Hidasi et al. 2016; Ludewig &
//! Jannach 2018).
//!
//! # Deviations
//! - Steps are mini-batches whose gradients are summed, with any of the optimisers, in place of one
//!   triple with plain SGD (§4.2): `batch_size := 1, optimizer := 'sgd'` is the paper's. L2 acts once
//!   a step on what the batch touches.
//! - An epoch goes through all pairs of user and song in random order (`sampling := 'pairs'`), each
//!   with a fresh negative. The paper draws triples with replacement.
//! - Of `hardest_of` songs drawn, the one with the highest score is the negative: most others are
//!   ranked right already and teach nothing (Zhang et al., SIGIR 2013). 1 is the paper's.
//! - A song that nobody played, about which nothing was learned, scores as the worst of the others.

mod config;
mod learner;
mod scorer;
#[cfg(test)]
mod tests;

use crate::train::ModelSpec;

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "bpr",
    summary: "Users and songs as vectors, trained to rank played songs above others (BPR-MF).",
    source: "Rendle et al. 2009",
    example: "FROM train_bpr('plays', epochs := 5, embedding_size := 16)",
    inputs: &[],
    params: config::PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(learner::memory(dataset, &config::Config::new(options)?)),
    start: |dataset, options, device| {
        let config = config::Config::new(options)?;
        Ok(Box::new(learner::Learner::new(dataset, config, device)?))
    },
    load: |artifact, device| {
        let (dataset, weights) = (artifact.dataset.clone(), artifact.weights.clone());
        Ok(Box::new(scorer::Bpr::new(dataset, weights, device)?))
    },
};
