//! Ranking scores: the one place that says how ties are broken.
//!
//! A list for a listener breaks ties by the song's index, which follows the order of the ids. An
//! evaluation places a song behind all others of the same score (the pessimistic rule), so that a
//! model which cannot tell songs apart gains nothing from their order.

use std::cmp::Ordering;

/// A song and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The song's index.
    pub song: u32,
    /// Its score.
    pub score: f32,
}

fn better(a: &Ranked, b: &Ranked) -> Ordering {
    b.score.total_cmp(&a.score).then(a.song.cmp(&b.song))
}

/// The `k` best songs, best first; songs that score negative infinity are left out. A partial
/// selection: `O(songs + k log k)`.
pub fn top_k(scores: &[f32], k: usize) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = scores
        .iter()
        .enumerate()
        .filter(|&(_, &score)| score > f32::NEG_INFINITY)
        .map(|(song, &score)| Ranked { song: song as u32, score })
        .collect();
    if k < ranked.len() {
        ranked.select_nth_unstable_by(k, better);
        ranked.truncate(k);
    }
    ranked.sort_unstable_by(better);
    ranked
}

/// The rank of `song` among all scores, from 1, behind all songs of equal score. `None` if any
/// score is NaN.
pub fn rank_of(scores: &[f32], song: u32) -> Option<usize> {
    let own = scores[song as usize];
    let mut rank = 0_usize;
    let mut nan = false;
    for &score in scores {
        rank += usize::from(score >= own);
        nan |= score.is_nan();
    }
    (!nan).then_some(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_first_and_ties_by_index() {
        let songs: Vec<u32> =
            top_k(&[1.0, 3.0, 3.0, f32::NEG_INFINITY, 2.0], 3).iter().map(|r| r.song).collect();
        assert_eq!(songs, [1, 2, 4]);
        assert_eq!(top_k(&[1.0, f32::NEG_INFINITY], 5).len(), 1);
        assert!(top_k(&[], 5).is_empty());
    }

    #[test]
    fn tied_songs_rank_last_among_their_equals() {
        assert_eq!(rank_of(&[0.0, 5.0, 0.0, 0.0], 2), Some(4));
        assert_eq!(rank_of(&[0.0, 5.0, 0.0, 0.0], 1), Some(1));
        assert_eq!(rank_of(&[0.0, f32::NAN], 0), None);
    }
}
