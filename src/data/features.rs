//! A matrix of features for each song: frames × coefficients, such as its MFCC.

use super::placed::Placed;

/// Feature matrices of songs, packed, each coefficient with mean 0 and deviation 1 over all frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// K, how many coefficients a frame has.
    pub coefficients: usize,
    /// Which frame is each song's first; one more than there are songs.
    pub offsets: Vec<u64>,
    /// The frames of all songs `(frames, K)`, row-major.
    pub values: Vec<f32>,
}

impl Features {
    /// How many songs there are.
    pub fn songs(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The frames of a song `(frames, K)`, row-major; empty for a song without features.
    pub fn of(&self, song: u32) -> &[f32] {
        let at = |song: usize| self.offsets[song] as usize * self.coefficients;
        &self.values[at(song as usize)..at(song as usize + 1)]
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> u64 {
        (self.offsets.len() * 8 + self.values.len() * 4) as u64
    }
}

/// Collects frames in any order.
#[derive(Debug, Default)]
pub struct FeaturesBuilder {
    coefficients: usize,
    placed: Placed,
    values: Vec<f32>,
}

impl FeaturesBuilder {
    /// Adds a frame. `song` is a code in order of first occurrence, `position` any number that grows
    /// with the place of the frame in its song.
    ///
    /// # Errors
    /// How many coefficients the frames before have, where this one has another number.
    pub fn push(&mut self, song: u32, position: i64, frame: &[f32]) -> Result<(), usize> {
        if self.is_empty() {
            self.coefficients = frame.len();
        }
        if frame.len() != self.coefficients {
            return Err(self.coefficients);
        }
        self.placed.push(song, position);
        self.values.extend_from_slice(frame);
        Ok(())
    }

    /// How many frames were added.
    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// Whether no frame was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Orders the frames by song, then position, and normalises every coefficient; `ranks` gives the
    /// index of each song's code.
    ///
    /// # Errors
    /// The song, as an index, that has two frames at one position.
    pub fn finish(self, ranks: &[u32]) -> Result<Features, u32> {
        let (rows, offsets) = self.placed.order(ranks)?;
        let width = self.coefficients;
        let frame = |row: u32| &self.values[row as usize * width..(row as usize + 1) * width];
        let mut values: Vec<f32> = rows.into_iter().flat_map(frame).copied().collect();
        normalise(&mut values, width);
        Ok(Features { coefficients: width, offsets, values })
    }
}

/// Gives every column of `values` `(rows, width)` mean 0 and deviation 1; one that is always the
/// same becomes 0.
fn normalise(values: &mut [f32], width: usize) {
    let rows = (values.len() / width.max(1)).max(1) as f64;
    for column in 0..width {
        let each = || values.iter().skip(column).step_by(width).map(|&x| f64::from(x));
        let mean = each().sum::<f64>() / rows;
        let deviation = (each().map(|x| (x - mean).powi(2)).sum::<f64>() / rows).sqrt();
        let scale = if deviation > 1e-9 * mean.abs().max(1e-9) { 1.0 / deviation } else { 0.0 };
        for value in values.iter_mut().skip(column).step_by(width) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_by_song_and_position_and_are_normalised() {
        let mut builder = FeaturesBuilder::default();
        for (song, position, frame) in
            [(1, 5, [3.0, 7.0]), (0, 0, [1.0, 7.0]), (1, -2, [1.0, 7.0]), (0, 1, [3.0, 7.0])]
        {
            builder.push(song, position, &frame).unwrap();
        }
        // The song of code 0 comes last; nobody says anything of the one in the middle.
        let features = builder.finish(&[2, 0, 1]).unwrap();
        assert_eq!(features.songs(), 3);
        assert_eq!(features.of(0), [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!((features.of(1), features.of(2)), (&[][..], &[-1.0, 0.0, 1.0, 0.0][..]));
    }

    #[test]
    fn what_makes_no_matrix_is_refused() {
        let mut builder = FeaturesBuilder::default();
        builder.push(0, 3, &[1.0]).unwrap();
        assert_eq!(builder.push(0, 4, &[1.0, 2.0]), Err(1));
        builder.push(0, 3, &[2.0]).unwrap();
        assert_eq!(builder.finish(&[4, 0, 1, 2, 3]), Err(4));
    }
}
