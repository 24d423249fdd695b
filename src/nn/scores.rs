//! Scores of the whole catalogue as matrix products.

use candle_core::Tensor;

use crate::error::Result;

/// Products are taken over so many rows at a time, the last block filled up. How a product is
/// summed depends on its size, so this makes a row score bit for bit the same alone and among
/// others.
const BLOCK: usize = 16;

/// On the CPU products are taken with so many songs at a time, so that what they read and write stays
/// in the processor's cache.
const TILE: usize = 4096;

/// `codes · table + bias` into `out`, row-major `(B, V)`: the scores of all songs.
///
/// `codes` is `(B, D)`, `table` `(D, V)`, contiguous, both f32; `bias` has an entry a song.
///
/// # Errors
/// Shapes that do not fit.
pub fn score_catalogue(
    codes: &Tensor,
    table: &Tensor,
    bias: Option<&[f32]>,
    out: &mut [f32],
) -> Result<()> {
    let (rows, songs) = (codes.dims2()?.0, table.dims2()?.1);
    if rows == 0 || songs == 0 {
        return Ok(());
    }
    let filled = codes.pad_with_zeros(0, 0, rows.next_multiple_of(BLOCK) - rows)?;
    let tile = if table.device().is_cpu() { TILE } else { songs };
    for first in (0..songs).step_by(tile) {
        let end = songs.min(first + tile);
        let part = table.narrow(1, first, end - first)?; // (D, T)
        for (block, out) in out.chunks_mut(BLOCK * songs).enumerate() {
            let scores = filled.narrow(0, block * BLOCK, BLOCK)?.matmul(&part)?; // (BLOCK, T)
            let scores = scores.flatten_all()?.to_vec1::<f32>()?;
            for (out, scores) in out.chunks_exact_mut(songs).zip(scores.chunks_exact(end - first)) {
                out[first..end].copy_from_slice(scores);
            }
        }
    }
    if let Some(bias) = bias {
        for scores in out.chunks_exact_mut(songs) {
            scores.iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
        }
    }
    Ok(())
}

/// Gives songs without plays, about which a model learned nothing, the worst score of the others.
/// `scores` has a row for each context, `play_counts` an entry a song.
pub fn rank_unplayed_last(scores: &mut [f32], play_counts: &[u32]) {
    let songs = || play_counts.iter().enumerate();
    let unplayed: Vec<usize> = songs().filter(|(_, n)| **n == 0).map(|(song, _)| song).collect();
    if unplayed.is_empty() || unplayed.len() == play_counts.len() {
        return;
    }
    for scores in scores.chunks_exact_mut(play_counts.len()) {
        let played = scores.iter().zip(play_counts).filter(|(_, plays)| **plays > 0);
        let worst = played.map(|(score, _)| *score).fold(f32::INFINITY, f32::min);
        unplayed.iter().for_each(|&song| scores[song] = worst);
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn rows_score_alike_alone_and_among_others() {
        let numbers = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        for songs in [9, TILE + 9] {
            let codes = Tensor::from_vec(numbers(37 * 5), (37, 5), &Device::Cpu).unwrap();
            let table = Tensor::from_vec(numbers(5 * songs), (5, songs), &Device::Cpu).unwrap();
            let bias = numbers(songs);
            let mut all = vec![0.0; 37 * songs];
            score_catalogue(&codes, &table, Some(&bias), &mut all).unwrap();
            for row in [0, 15, 16, 36] {
                let mut one = vec![0.0; songs];
                let code = codes.narrow(0, row, 1).unwrap();
                score_catalogue(&code, &table, Some(&bias), &mut one).unwrap();
                assert_eq!(one, all[row * songs..(row + 1) * songs]);
                let song = songs - 5;
                let product =
                    |d| numbers(37 * 5)[row * 5 + d] * numbers(5 * songs)[d * songs + song];
                let expected = (0..5).map(product).sum::<f32>() + bias[song];
                assert!((one[song] - expected).abs() < 1e-6, "{} {expected}", one[song]);
            }
        }
    }

    #[test]
    fn songs_without_plays_score_as_the_worst_of_the_others() {
        let mut scores = [3.0, 9.0, -1.0, 0.0, 9.0, 2.0];
        rank_unplayed_last(&mut scores, &[1, 0, 5]);
        assert_eq!(scores, [3.0, -1.0, -1.0, 0.0, 0.0, 2.0]);
    }
}
