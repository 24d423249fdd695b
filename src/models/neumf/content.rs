//! What songs contain, as networks read it.

use candle_core::Tensor;

use crate::data::Features;
use crate::error::Result;
use crate::train::{Initial, Weights};

/// A network that makes a code of a song's matrix of features.
pub trait Content: Send + Sync {
    /// C, the width of its codes.
    fn width(&self) -> usize;

    /// Its parameters before training.
    fn parameters(&self) -> Vec<Initial>;

    /// The codes of songs `(S, C)`.
    ///
    /// # Errors
    /// A parameter is missing or has a wrong shape.
    fn codes(&self, weights: &Weights, songs: &[u32]) -> Result<Tensor>;

    /// About how many numbers a forward pass keeps for so many songs.
    fn numbers(&self, songs: u64) -> u64;
}

/// The feature matrices of all songs, brought to the same number of frames.
pub struct Frames {
    /// T, how many frames a song has.
    pub count: usize,
    /// K, how many coefficients a frame has.
    pub coefficients: usize,
    /// `(V, T, K)`, row-major; empty where a model answers, from codes that it was stored with.
    values: Vec<f32>,
}

impl Frames {
    /// Only the sizes, without what songs contain.
    pub fn sizes(features: Option<&Features>, count: usize) -> Self {
        let coefficients = features.map_or(0, |features| features.coefficients);
        Self { count, coefficients, values: Vec::new() }
    }

    /// Divides every song into `count` stretches, each of which becomes the mean of its frames. A
    /// song of fewer frames repeats them; a song without any has zeros, which is the mean of all
    /// frames.
    pub fn new(features: Option<&Features>, count: usize) -> Self {
        let Some(features) = features else {
            return Self::sizes(None, count);
        };
        let coefficients = features.coefficients;
        let mut values = vec![0.0; features.songs() * count * coefficients];
        let songs = values.chunks_exact_mut((count * coefficients).max(1)).enumerate();
        for (song, out) in songs {
            let all = features.of(song as u32);
            let frames = all.len() / coefficients;
            if frames == 0 {
                continue;
            }
            for (stretch, out) in out.chunks_exact_mut(coefficients).enumerate() {
                let first = stretch * frames / count;
                let end = ((stretch + 1) * frames / count).max(first + 1);
                for frame in
                    all[first * coefficients..end * coefficients].chunks_exact(coefficients)
                {
                    out.iter_mut().zip(frame).for_each(|(sum, x)| *sum += x);
                }
                out.iter_mut().for_each(|sum| *sum /= (end - first) as f32);
            }
        }
        Self { count, coefficients, values }
    }

    /// The frames of songs `(S, T, K)`, of the type and on the device of `like`.
    ///
    /// # Errors
    /// Out of memory.
    pub fn of(&self, songs: &[u32], like: &Tensor) -> Result<Tensor> {
        let size = self.count * self.coefficients;
        let rows = songs.iter().map(|&song| song as usize * size);
        let values: Vec<f32> =
            rows.flat_map(|first| &self.values[first..first + size]).copied().collect();
        let shape = (songs.len(), self.count, self.coefficients);
        Ok(Tensor::from_vec(values, shape, like.device())?.to_dtype(like.dtype())?)
    }

    /// One frame of each song `(S, K)`, as [`Frames::of`].
    ///
    /// # Errors
    /// Out of memory.
    pub fn at(&self, songs: &[u32], frame: usize, like: &Tensor) -> Result<Tensor> {
        let size = self.coefficients;
        let rows = songs.iter().map(|&song| (song as usize * self.count + frame) * size);
        let values: Vec<f32> =
            rows.flat_map(|first| &self.values[first..first + size]).copied().collect();
        Ok(Tensor::from_vec(values, (songs.len(), size), like.device())?.to_dtype(like.dtype())?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn songs_of_any_length_have_the_same_number_of_frames() {
        // Songs of 4, 0 and 1 frames of one coefficient, whose mean is 0 and deviation 1 already.
        let values = vec![-1.0, 1.0, 1.0, -1.0, 0.0];
        let features = Features { coefficients: 1, offsets: vec![0, 4, 4, 5], values };
        let frames = Frames::new(Some(&features), 2);
        let like = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
        let all = frames.of(&[2, 0, 1], &like).unwrap();
        assert_eq!(all.dims(), [3, 2, 1]);
        assert_eq!(all.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [0.0; 6]);
        let frames = Frames::new(Some(&features), 4);
        let second = frames.at(&[0], 1, &like).unwrap();
        assert_eq!(second.to_vec2::<f32>().unwrap(), [[1.0]]);
        let long = Frames::new(Some(&features), 8).of(&[0], &like).unwrap();
        let long = long.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(long, [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0]);
    }
}
