//! The field audio: what a song sounds like, as a learned linear map of a vector that is given.
//!
//! A song's vector `v` (A numbers; the mean over its frames, where there are several) becomes the
//! embedding `W_vᵀ v + b`, which takes part in attention and scores as those of other fields do. A song
//! without a vector has an embedding of its own, as every field's missing value has. `W_v` `(A, D)`,
//! `b` and the missing value's embedding are the rows of one parameter `(A + 2, D)`.

use candle_core::{Device, Tensor};

use crate::data::Features;
use crate::error::Result;
use crate::nn;
use crate::train::{Parameters, StepVariables};

/// The map.
pub const MAP: &str = "audio.map";
/// The vectors `(V, A)`, where they are trained.
pub const VECTORS: &str = "audio.vectors";
/// In a stored model, what comes of both: the embeddings `(V, D)` of all songs.
pub const TABLE: &str = "audio";

/// So many songs are mapped at a time.
const TILE: usize = 4096;

/// The vectors of songs.
pub struct Audio {
    /// A.
    pub width: usize,
    /// The vectors `(V, A)`, row-major; zeros where there is none.
    pub vectors: Vec<f32>,
    /// Which songs have one (V).
    known: Vec<bool>,
}

impl Audio {
    /// The mean over each song's frames.
    pub fn new(features: &Features) -> Self {
        let (width, songs) = (features.coefficients, features.songs());
        let (mut vectors, mut known) = (vec![0.0; songs * width], vec![false; songs]);
        for (song, vector) in vectors.chunks_exact_mut(width.max(1)).enumerate() {
            let frames = features.of(song as u32).chunks_exact(width);
            known[song] = frames.len() > 0;
            let share = 1.0 / frames.len() as f32;
            for frame in frames {
                vector.iter_mut().zip(frame).for_each(|(sum, x)| *sum += share * x);
            }
        }
        Self { width, vectors, known }
    }

    /// The embeddings `(S, D)` of songs in a step of training.
    ///
    /// # Errors
    /// A parameter is missing.
    pub fn embed(
        &self,
        songs: &[u32],
        parameters: &mut Parameters,
        step: &mut StepVariables,
        device: &Device,
    ) -> Result<Tensor> {
        let vectors = match parameters.contains(VECTORS) {
            true => self.masked(&parameters.rows(VECTORS, songs, step, device)?, songs)?,
            false => self.given(songs, device)?,
        };
        self.map(&vectors, songs, &parameters.dense(MAP, step, device)?)
    }

    /// The embeddings `(V, D)` of all songs from trained weights.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn table(&self, map: &Tensor, vectors: Option<&Tensor>) -> Result<Tensor> {
        let all: Vec<u32> = (0..self.known.len() as u32).collect();
        let tiles = all.chunks(TILE).map(|songs| {
            let given = match vectors {
                Some(vectors) => {
                    let rows = vectors.narrow(0, songs[0] as usize, songs.len())?;
                    self.masked(&rows, songs)?
                }
                None => self.given(songs, map.device())?,
            };
            self.map(&given, songs, map)
        });
        Ok(Tensor::cat(&tiles.collect::<Result<Vec<_>>>()?, 0)?)
    }

    fn given(&self, songs: &[u32], device: &Device) -> Result<Tensor> {
        let row = |&song: &u32| &self.vectors[song as usize * self.width..][..self.width];
        let rows: Vec<f32> = songs.iter().flat_map(row).copied().collect();
        Ok(Tensor::from_vec(rows, (songs.len(), self.width), device)?)
    }

    /// Zeros for songs without a vector: they have none to train.
    fn masked(&self, rows: &Tensor, songs: &[u32]) -> Result<Tensor> {
        let known = |&song: &u32| f32::from(u8::from(self.known[song as usize]));
        let known = songs.iter().map(known).flat_map(|x| std::iter::repeat_n(x, self.width));
        nn::times(rows, known.collect())
    }

    /// `(S, D)` from vectors `(S, A)`.
    fn map(&self, vectors: &Tensor, songs: &[u32], map: &Tensor) -> Result<Tensor> {
        let sides = songs.iter().flat_map(|&song| match self.known[song as usize] {
            true => [1.0_f32, 0.0],
            false => [0.0, 1.0],
        });
        let sides = Tensor::from_iter(sides, vectors.device())?.reshape((songs.len(), 2))?;
        Ok(Tensor::cat(&[vectors, &sides], 1)?.matmul(map)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::FeaturesBuilder;

    #[test]
    fn songs_are_the_mean_of_their_frames_and_those_without_have_their_own_embedding() {
        let mut builder = FeaturesBuilder::default();
        for (song, place, frame) in [(0, 0, [1.0, 0.0]), (0, 1, [3.0, 0.0]), (2, 0, [5.0, 1.5])] {
            builder.push(song, place, &frame).unwrap();
        }
        let audio = Audio::new(&builder.finish(&[0, 1, 2]).unwrap());
        assert_eq!((audio.width, &audio.known[..]), (2, &[true, false, true][..]));
        let mean = |song: usize| audio.vectors[2 * song];
        assert!(mean(0) < 0.0 && mean(1) == 0.0 && mean(2) > 0.0, "{:?}", audio.vectors);
        let device = Device::Cpu;
        let map = [[1.0_f32, 10.0], [0.0, 0.0], [0.5, 0.0], [7.0, 8.0]];
        let map = Tensor::new(&map, &device).unwrap();
        let table: Vec<Vec<f32>> = audio.table(&map, None).unwrap().to_vec2().unwrap();
        assert_eq!(table[1], [7.0, 8.0]);
        for song in [0, 2] {
            assert!((table[song][0] - mean(song) - 0.5).abs() < 1e-6);
            assert!((table[song][1] - 10.0 * mean(song)).abs() < 1e-5);
        }
        // Trained vectors of songs that have none say nothing.
        let trained = Tensor::new(&[[1.0_f32, 0.0], [9.0, 9.0], [0.0, 1.0]], &device).unwrap();
        let table: Vec<Vec<f32>> = audio.table(&map, Some(&trained)).unwrap().to_vec2().unwrap();
        assert_eq!(table, [[1.5, 10.0], [7.0, 8.0], [0.5, 0.0]]);
    }
}
