//! Scores of the whole catalogue as matrix products.

use candle_core::{Storage, Tensor};
use rayon::prelude::*;

use super::host;
use super::product::{Matrix, product};
use crate::error::{Error, Result};

/// Products are taken over a multiple of so many rows, filled up. How a product is summed depends on its
/// size only for fewer rows, so this makes a row score bit for bit the same alone and among others.
const ROWS: usize = 16;

/// Products over more numbers than these are cut into parts that depend on how many rows there are; they
/// are taken over [`ROWS`] rows each.
const UNCUT: usize = 256;

/// Products are taken with so many songs at a time, so that what they read stays in the processor's cache.
const TILE: usize = 2048;

/// `codes · table + bias` into `out`, row-major `(B, V)`: the scores of all songs.
///
/// `codes` is `(B, D)`, `table` `(D, V)`, both f32; `bias` has an entry a song. On the CPU the rows are
/// shared among the threads of the pool this is called in.
///
/// # Errors
/// Shapes that do not fit.
pub fn score_catalogue(
    codes: &Tensor,
    table: &Tensor,
    bias: Option<&[f32]>,
    out: &mut [f32],
) -> Result<()> {
    let ((rows, width), (depth, songs)) = (codes.dims2()?, table.dims2()?);
    if width != depth
        || width == 0
        || out.len() != rows * songs
        || bias.is_some_and(|bias| bias.len() != songs)
    {
        return Err(Error::Compute(format!(
            "{rows} codes of {width} numbers and {songs} songs of {depth} do not give {} scores",
            out.len()
        )));
    }
    if out.is_empty() {
        return Ok(());
    }
    if codes.device().is_cpu() {
        score_on_cpu(codes, table, out)?;
    } else {
        // As many rows at a time on every call, for the same reason.
        for (block, out) in out.chunks_mut(ROWS * songs).enumerate() {
            let rows = out.len() / songs;
            let codes = codes.narrow(0, block * ROWS, rows)?.pad_with_zeros(0, 0, ROWS - rows)?;
            out.copy_from_slice(&host::values(&codes.matmul(table)?)?[..rows * songs]);
        }
    }
    if let Some(bias) = bias {
        for scores in out.chunks_exact_mut(songs) {
            scores.iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
        }
    }
    Ok(())
}

fn score_on_cpu(codes: &Tensor, table: &Tensor, out: &mut [f32]) -> Result<()> {
    let (width, songs) = table.dims2()?;
    let codes = host::values(codes)?;
    // Of a transposed table, small products are summed in another order than large ones.
    let table = table.contiguous()?;
    let (storage, layout) = table.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::Compute("codes and songs are on different devices".into()));
    };
    let table = Table { values: host::slice(storage, layout)?, width, songs };
    let share = (out.len() / songs).div_ceil(rayon::current_num_threads()).next_multiple_of(ROWS);
    out.par_chunks_mut(share * songs).zip(codes.par_chunks(share * width)).for_each(
        |(out, codes)| {
            let whole = out.len() / songs / ROWS * ROWS;
            let (out, rest) = out.split_at_mut(whole * songs);
            let (codes, rest_codes) = codes.split_at(whole * width);
            let rows = if width <= UNCUT { whole.max(ROWS) } else { ROWS };
            let blocks = out.chunks_mut(rows * songs).zip(codes.chunks(rows * width));
            blocks.for_each(|(out, codes)| table.score(codes, out));
            if !rest.is_empty() {
                let (mut filled, mut scores) = (rest_codes.to_vec(), vec![0.0; ROWS * songs]);
                filled.resize(ROWS * width, 0.0);
                table.score(&filled, &mut scores);
                rest.copy_from_slice(&scores[..rest.len()]);
            }
        },
    );
    Ok(())
}

/// Embeddings of songs `(D, V)`, row-major.
struct Table<'a> {
    values: &'a [f32],
    width: usize,
    songs: usize,
}

impl Table<'_> {
    /// `codes · table` into `out`, for codes `(R, D)`, row-major.
    fn score(&self, codes: &[f32], out: &mut [f32]) {
        let &Self { values, width, songs } = self;
        let rows = out.len() / songs;
        assert!(codes.len() == rows * width && out.len() == rows * songs);
        assert!(values.len() == width * songs);
        for first in (0..songs).step_by(TILE) {
            let tile = TILE.min(songs - first);
            let columns = Matrix::new(&values[first..], width, tile, songs);
            product(
                Matrix::new(codes, rows, width, width),
                columns,
                &mut out[first..],
                songs,
                false,
            );
        }
    }
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
        for (width, songs) in [(5, 9), (16, 7), (5, TILE + 9), (700, 40)] {
            let rows = 17 * ROWS + 5;
            let codes = numbers(rows * width);
            let by_number = numbers(width * songs);
            let bias = numbers(songs);
            let tensor = |values: &[f32], shape| Tensor::from_slice(values, shape, &Device::Cpu);
            let codes = tensor(&codes, (rows, width)).unwrap();
            let table = tensor(&by_number, (width, songs)).unwrap();
            let by_song = table.t().unwrap().contiguous().unwrap();
            let mut all = vec![0.0; rows * songs];
            score_catalogue(&codes, &table, Some(&bias), &mut all).unwrap();
            let mut other = vec![0.0; rows * songs];
            score_catalogue(&codes, &by_song.t().unwrap(), Some(&bias), &mut other).unwrap();
            assert_eq!(all, other);
            let expected = codes.matmul(&table).unwrap().to_vec2::<f32>().unwrap();
            for row in [0, 15, 16, 271, 272, rows - 1] {
                let mut one = vec![0.0; songs];
                let code = codes.narrow(0, row, 1).unwrap();
                for table in [&table, &by_song.t().unwrap()] {
                    score_catalogue(&code, table, Some(&bias), &mut one).unwrap();
                    assert_eq!(one, all[row * songs..(row + 1) * songs]);
                }
                for song in [0, songs - 5, songs - 1] {
                    let expected = expected[row][song] + bias[song];
                    assert!((one[song] - expected).abs() < 1e-4, "{} {expected}", one[song]);
                }
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let zeros = |rows, columns| {
            Tensor::zeros((rows, columns), candle_core::DType::F32, &Device::Cpu).unwrap()
        };
        let (codes, table) = (zeros(2, 3), zeros(3, 4));
        assert!(score_catalogue(&codes, &zeros(2, 4), None, &mut [0.0; 8]).is_err());
        assert!(score_catalogue(&codes, &table, None, &mut [0.0; 7]).is_err());
        assert!(score_catalogue(&codes, &table, Some(&[0.0; 3]), &mut [0.0; 8]).is_err());
        assert!(score_catalogue(&zeros(0, 3), &table, None, &mut []).is_ok());
    }

    #[test]
    fn songs_without_plays_score_as_the_worst_of_the_others() {
        let mut scores = [3.0, 9.0, -1.0, 0.0, 9.0, 2.0];
        rank_unplayed_last(&mut scores, &[1, 0, 5]);
        assert_eq!(scores, [3.0, -1.0, -1.0, 0.0, 0.0, 2.0]);
    }
}
