//! From a model's scores to what a listener gets: the one place that falls back to popularity and
//! handles songs heard before. Recommendations and evaluations both go through it.

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::{Context, Model};

/// What happens to songs the listener already played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// They compete like all others: music is heard again.
    Allow,
    /// They are left out.
    Exclude,
    /// Only they are left.
    Only,
}

impl Repeats {
    /// The values of the option `repeats`.
    pub const NAMES: &'static [&'static str] = &["allow", "exclude", "only"];

    /// The choice of that name.
    ///
    /// # Errors
    /// A name that is not among [`Repeats::NAMES`].
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "allow" => Ok(Self::Allow),
            "exclude" => Ok(Self::Exclude),
            "only" => Ok(Self::Only),
            _ => Err(Error::data(format!(
                "unknown value '{name}' for repeats; use one of {}",
                Self::NAMES.join(", ")
            ))),
        }
    }
}

/// Where a ranking comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The model's scores.
    Model,
    /// Play counts, for a listener of whom nothing is known, or nothing that the model knows.
    Popularity,
}

impl Source {
    /// The name shown in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Popularity => "popularity",
        }
    }
}

/// How many contexts to score at once: at most 256, and no more than 64 MB of scores.
pub fn contexts_at_once(songs: usize) -> usize {
    ((1 << 24) / songs.max(1)).clamp(1, 256)
}

/// Scores every song for each context into `out`, `(contexts.len(), songs)`, and says where each
/// row comes from: what [`settle`] makes of each.
///
/// # Errors
/// The model fails or scores NaN.
pub fn answer(
    model: &dyn Model,
    dataset: &Dataset,
    contexts: &[Context<'_>],
    repeats: Repeats,
    out: &mut [f32],
) -> Result<Vec<Source>> {
    let songs = dataset.songs.len();
    if songs == 0 {
        return Ok(vec![Source::Popularity; contexts.len()]);
    }
    model.score_all(contexts, out)?;
    let rows = out.chunks_exact_mut(songs).zip(contexts);
    rows.map(|(scores, context)| settle(dataset, context, &[], repeats, scores)).collect()
}

/// Turns a model's scores of all songs into what the listener gets. A context without songs, and one
/// that the model answers with zeros alone, gets play counts. Songs that `repeats` rules out get negative infinity; heard are the user's training
/// plays, the context's songs, and `heard`.
///
/// # Errors
/// A score is NaN.
pub fn settle(
    dataset: &Dataset,
    context: &Context<'_>,
    heard: &[u32],
    repeats: Repeats,
    scores: &mut [f32],
) -> Result<Source> {
    // Without a branch for each score, so that the compiler compares several at a time.
    if scores.iter().fold(false, |any, score| any | score.is_nan()) {
        return Err(Error::Compute(
            "the model scores songs as NaN, so they cannot be ranked; train it again with a lower \
             learning_rate"
                .into(),
        ));
    }
    let source = if context.songs.is_empty() || scores.iter().all(|&score| score == 0.0) {
        for (score, &plays) in scores.iter_mut().zip(&dataset.play_counts) {
            *score = plays as f32;
        }
        Source::Popularity
    } else {
        Source::Model
    };
    mask_repeats(dataset, context, heard, repeats, scores);
    Ok(source)
}

fn mask_repeats(
    dataset: &Dataset,
    context: &Context<'_>,
    heard: &[u32],
    repeats: Repeats,
    scores: &mut [f32],
) {
    if repeats == Repeats::Allow {
        return;
    }
    let trained = context.user.map_or(&[][..], |user| dataset.plays.history(user));
    let heard = || trained.iter().chain(context.songs).chain(heard).map(|&song| song as usize);
    match repeats {
        Repeats::Allow => {}
        Repeats::Exclude => heard().for_each(|song| scores[song] = f32::NEG_INFINITY),
        Repeats::Only => {
            let kept: Vec<(usize, f32)> = heard().map(|song| (song, scores[song])).collect();
            scores.fill(f32::NEG_INFINITY);
            kept.into_iter().for_each(|(song, score)| scores[song] = score);
        }
    }
}
