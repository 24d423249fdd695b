//! Ranking scores.
//!
//! A list for a listener breaks ties by the song's index, which follows the order of the ids. An
//! evaluation counts how many songs have the same score, and its tie rule decides.

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

/// How many scores are compared with the bar at once.
const BLOCK: usize = 64;

/// The `k` best songs, best first; songs that score negative infinity or NaN are left out.
///
/// One pass that keeps at most `2k` songs. Whenever these are full, the worse half goes, and from
/// then on only what beats the `k`-th, the bar, is looked at, and whole blocks are passed over that
/// do not.
pub fn top_k(scores: &[f32], k: usize) -> Vec<Ranked> {
    let room = k.saturating_mul(2).min(scores.len());
    let mut ranked: Vec<Ranked> = Vec::with_capacity(room);
    let mut bar = f32::NEG_INFINITY;
    for (block, scores) in scores.chunks(BLOCK).enumerate() {
        // Without a branch inside, so that the compiler compares several at a time.
        if !scores.iter().fold(false, |any, score| any | score.total_cmp(&bar).is_gt()) {
            continue;
        }
        for (at, &score) in scores.iter().enumerate() {
            // A later song that ties with the bar is behind it.
            if score.total_cmp(&bar).is_le() || score.is_nan() {
                continue;
            }
            ranked.push(Ranked { song: (block * BLOCK + at) as u32, score });
            if ranked.len() == room && k < room {
                ranked.select_nth_unstable_by(k - 1, better);
                ranked.truncate(k);
                bar = ranked[k - 1].score;
            }
        }
    }
    ranked.sort_unstable_by(better);
    ranked.truncate(k);
    ranked
}

/// How many scores are greater than `bar`, and how many equal it.
pub fn compare(scores: &[f32], bar: f32) -> (u32, u32) {
    /// Counters side by side, so that the compiler counts several scores at a time. It cannot where
    /// it has to check for overflow, which there is none of: a catalogue has fewer than 2³² songs.
    const LANES: usize = 16;
    let (mut greater, mut equal) = ([0_u32; LANES], [0_u32; LANES]);
    let mut count = |lane: usize, score: f32| {
        greater[lane] = greater[lane].wrapping_add(u32::from(score > bar));
        equal[lane] = equal[lane].wrapping_add(u32::from(score == bar));
    };
    let blocks = scores.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        (0..LANES).for_each(|lane| count(lane, block[lane]));
    }
    rest.iter().enumerate().for_each(|(lane, &score)| count(lane, score));
    (greater.iter().sum(), equal.iter().sum())
}

/// Scores all songs negative infinity that are not allowed.
pub fn keep_only(scores: &mut [f32], allowed: &[bool]) {
    for (score, allowed) in scores.iter_mut().zip(allowed) {
        if !allowed {
            *score = f32::NEG_INFINITY;
        }
    }
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
    fn one_pass_finds_what_sorting_finds() {
        let mut state = 1_u32;
        for songs in [1, 2, 7, 100, 1000] {
            // Few different scores, so that many tie; zeros of both signs among them.
            let scores: Vec<f32> = (0..songs)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((state >> 24) % 23) as f32 * if state & 1 << 20 == 0 { 1.0 } else { -1.0 }
                })
                .collect();
            let mut sorted: Vec<Ranked> =
                (0..songs).map(|song| Ranked { song: song as u32, score: scores[song] }).collect();
            sorted.sort_by(better);
            for k in [0, 1, 2, 3, 10, 99, 500, 1000, usize::MAX] {
                assert_eq!(top_k(&scores, k), sorted[..k.min(songs)], "{k} of {songs}");
            }
        }
    }

    #[test]
    fn scores_are_compared_with_a_bar() {
        assert_eq!(compare(&[0.0, 5.0, -0.0, f32::NEG_INFINITY], 0.0), (1, 2));
        assert_eq!(compare(&[0.0, 5.0, 1.0, f32::NEG_INFINITY], f32::NEG_INFINITY), (3, 1));
        let many: Vec<f32> = (0..100).map(|song| (song % 10) as f32).collect();
        assert_eq!(compare(&many, 7.0), (20, 10));
        let mut scores = [1.0, 2.0, 3.0];
        keep_only(&mut scores, &[false, true, false]);
        assert_eq!(scores, [f32::NEG_INFINITY, 2.0, f32::NEG_INFINITY]);
    }
}
