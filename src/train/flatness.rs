//! Whether a trained model tells songs apart.
//!
//! A training can get stuck where every output is the same, wholly or for most songs and listeners, and
//! end there: every loss is finite, and early stopping keeps one epoch or another. The metrics then say
//! little, since ties have them; that all scores are alike can be seen directly.

use super::{Context, Model};
use crate::data::Dataset;
use crate::error::Result;

/// So many listeners are looked at, spread over all.
const LISTENERS: usize = 32;
/// And so many of the songs that were played.
const SONGS: usize = 256;
/// Fewer songs than this say nothing.
const LEAST_SONGS: usize = 10;
/// Scores closer to each other than this share of their size are the same.
const SAME: f32 = 1e-6;

/// How many of how many listeners with plays have one score for all of the songs that were played, but
/// for the twentieth part with the highest scores and that with the lowest; of at most 32 listeners, and
/// 256 songs.
///
/// # Errors
/// The model cannot score.
pub fn flat_listeners(model: &dyn Model, dataset: &Dataset) -> Result<(usize, usize)> {
    let listeners: Vec<u32> = (0..dataset.users.len() as u32)
        .filter(|&user| !dataset.plays.history(user).is_empty())
        .collect();
    let songs: Vec<u32> = (0..dataset.songs.len() as u32)
        .filter(|&song| dataset.play_counts[song as usize] > 0)
        .collect();
    if songs.len() < LEAST_SONGS {
        return Ok((0, 0));
    }
    let (listeners, songs) = (spread(&listeners, LISTENERS), spread(&songs, SONGS));
    let mut scores = vec![0.0; dataset.songs.len()];
    let mut flat = 0;
    for &user in &listeners {
        let context =
            Context { user: Some(user), songs: dataset.plays.last_session(user), continues: true };
        model.score_some(&[context], std::slice::from_ref(&songs), &mut scores)?;
        let scores: Vec<f32> = songs.iter().map(|&song| scores[song as usize]).collect();
        flat += usize::from(is_flat(scores));
    }
    Ok((flat, listeners.len()))
}

/// Whether all scores are the same but for the highest and the lowest twentieth part.
fn is_flat(mut scores: Vec<f32>) -> bool {
    scores.sort_by(f32::total_cmp);
    let cut = scores.len().div_ceil(20);
    let (low, high) = (scores[cut], scores[scores.len() - 1 - cut]);
    low == high || high - low <= SAME * (1.0 + high.abs())
}

/// At most `count` of the ids, at equal distances.
fn spread(ids: &[u32], count: usize) -> Vec<u32> {
    let taken = ids.len().min(count);
    (0..taken).map(|at| ids[at * ids.len() / taken]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Weights;

    /// Gives users below `flat` one score for all songs but the first, others a score each.
    struct Fixed {
        flat: u32,
    }

    impl Model for Fixed {
        fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
            let songs = out.len() / contexts.len();
            for (context, scores) in contexts.iter().zip(out.chunks_mut(songs)) {
                for (song, score) in scores.iter_mut().enumerate() {
                    let is_flat = context.user.is_some_and(|user| user < self.flat);
                    *score = if is_flat { f32::from(song == 0) } else { song as f32 };
                }
            }
            Ok(())
        }

        fn weights(&self) -> Result<Weights> {
            Ok(Weights::new())
        }
    }

    fn asked(flat: u32, listeners: u32, songs: u32) -> (usize, usize) {
        let histories: Vec<Vec<u32>> = (0..listeners)
            .map(|user| (0..songs).filter(|s| (s + user) % 2 == 0).collect())
            .collect();
        let dataset = Dataset::of_histories(&histories, songs as usize + 5);
        flat_listeners(&Fixed { flat }, &dataset).unwrap()
    }

    #[test]
    fn listeners_whose_songs_are_all_alike_are_counted() {
        assert_eq!(asked(0, 8, 40), (0, 8));
        assert_eq!(asked(3, 8, 40), (3, 8));
        assert_eq!(asked(8, 8, 40), (8, 8));
        // At most 32 of them, spread over all.
        assert_eq!(asked(50, 100, 400), (16, 32));
    }

    #[test]
    fn a_handful_of_songs_says_nothing() {
        assert_eq!(asked(8, 8, 9), (0, 0));
        assert_eq!(asked(8, 8, 10), (8, 8));
    }

    #[test]
    fn scores_are_flat_where_all_but_the_ends_are_the_same() {
        let scores = |alike: usize| {
            let mut scores = vec![2.0; alike];
            scores
                .extend((alike..100).map(|at| if at % 2 == 0 { at as f32 } else { -(at as f32) }));
            scores
        };
        assert!(is_flat(scores(100)) && is_flat(scores(92)) && !is_flat(scores(80)));
        let above = |count: usize| (0..100).map(|at| f32::from(u8::from(at < count))).collect();
        assert!(is_flat(above(5)) && !is_flat(above(6)));
        assert!(is_flat(vec![f32::NEG_INFINITY; 20]) && is_flat(vec![1e6, 1e6 + 0.1]));
        assert!(!is_flat((0..10).map(|at| 1.0 + 1e-4 * at as f32).collect()));
    }
}
