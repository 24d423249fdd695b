//! WMF: vectors of users and songs from weighted least squares over all pairs, by alternating least
//! squares.
//!
//! Hu, Koren & Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008. Over all
//! pairs of user `u` and song `i`, played or not, it minimises
//!
//! `Σ c_ui (p_ui − x_u·y_i)² + Σ λ_u |x_u|² + Σ λ_i |y_i|²` (eq. 3)
//!
//! with `p_ui` 1 for songs that were played and 0 for others. The paper's confidence `c = 1 + α r` (§4)
//! stands here divided by α: `c = α₀ + r`, `α₀ = 1/α`, which changes the scale of the objective and of λ
//! alone. With one side's vectors fixed, each of the other side's solves a linear system (eqs. 4–5):
//! [`als`] has it. `r` is the number of plays, the logarithm of 1 + plays (eq. 6 with ε = 1), or 1.
//! By default the penalty grows with a vector's weight, `λ_u = reg · (Σ_i r_ui + α₀ |I|)^ν`, as in Rendle,
//! Krichene, Zhang & Koren, "Revisiting the performance of iALS on item recommendation benchmarks", RecSys
//! 2022 (§3); `|I|` counts songs that were played. The score of a song is `x_u·y_i`.
//!
//! An epoch is a sweep: all users, then all songs. Its loss is the objective itself, divided by the
//! number of pairs of a user and a song that they played.
//!
//! **Who is asked about.** A user whose context has songs that are new to their training plays, and
//! whoever is unknown, is solved exactly from what they played (fold-in): the vector that training would
//! have given them with the songs as they are. With `per := 'session'` everybody is, from the songs of
//! the running session.
//!
//! # Deviations
//! - `paper := true` is the paper's model, with the exact solution by Cholesky. It prints no λ; ours was
//!   chosen on validation plays. Not printed either are initial values: normal, with deviation σ/√D.
//! - Not with it: `r` is 1, ν is 1, and a vector takes `cg_steps` steps of conjugate gradients a
//!   sweep, from where it stands (Takács, Pilászy & Tikk, RecSys 2011).
//! - A song that nobody played, whose vector is 0, scores as the worst of the others.

mod als;
mod config;
mod learner;
mod observed;
mod scorer;
#[cfg(test)]
mod tests;

use crate::train::ModelSpec;

/// The line in the registry.
pub const SPEC: ModelSpec = ModelSpec {
    name: "wmf",
    summary: "Users and songs as vectors, by weighted least squares over all pairs (WMF, also iALS).",
    source: "Hu, Koren & Volinsky 2008; Rendle et al. 2022",
    example: "FROM train_wmf('plays', embedding_size := 16, epochs := 5)",
    inputs: &[],
    params: config::PARAMS,
    iterative: true,
    memory: |dataset, options| Ok(learner::memory(dataset, &config::Config::new(options))),
    start: |dataset, options, device| {
        Ok(Box::new(learner::Learner::new(dataset, config::Config::new(options), device)?))
    },
    load: |artifact, device| {
        let (dataset, weights) = (artifact.dataset.clone(), artifact.weights.clone());
        let config = config::Config::new(&artifact.options);
        Ok(Box::new(scorer::Wmf::new(dataset, config, weights, device)?))
    },
};
