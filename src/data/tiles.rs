//! The tiles of songs: pictures along time, as PNG files.

use std::ops::Range;

use super::placed::Placed;

/// The pictures of songs, in order, as the files that they came as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles {
    /// Which tile is each song's first; one more than there are songs.
    offsets: Vec<u64>,
    files: Vec<Box<[u8]>>,
}

impl Tiles {
    /// How many tiles there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Which tiles are a song's.
    pub fn of(&self, song: u32) -> Range<usize> {
        self.offsets[song as usize] as usize..self.offsets[song as usize + 1] as usize
    }

    /// Where each song's tiles begin; one more than there are songs.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// The file of a tile.
    pub fn file(&self, tile: usize) -> &[u8] {
        &self.files[tile]
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> u64 {
        (self.offsets.len() * 8) as u64 + file_bytes(&self.files)
    }
}

fn file_bytes(files: &[Box<[u8]>]) -> u64 {
    files.iter().map(|file| (size_of_val(file) + file.len()) as u64).sum()
}

/// Collects tiles in any order.
#[derive(Debug, Default)]
pub struct TilesBuilder {
    placed: Placed,
    files: Vec<Box<[u8]>>,
    bytes: u64,
}

impl TilesBuilder {
    /// Adds a tile. `song` is a code in order of first occurrence, `position` any number that grows with
    /// the place of the tile in its song.
    pub fn push(&mut self, song: u32, position: i64, file: &[u8]) {
        self.placed.push(song, position);
        let file: Box<[u8]> = file.into();
        self.bytes += (size_of_val(&file) + file.len()) as u64;
        self.files.push(file);
    }

    /// How many tiles were added.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether no tile was added.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Orders the tiles by song, then position; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// The song, as an index, that has two tiles at one position.
    pub fn finish(mut self, ranks: &[u32]) -> Result<Tiles, u32> {
        let (rows, offsets) = self.placed.order(ranks)?;
        let files = rows.into_iter().map(|row| std::mem::take(&mut self.files[row as usize]));
        Ok(Tiles { offsets, files: files.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_come_by_song_and_position() {
        let mut builder = TilesBuilder::default();
        for (song, position, file) in [(1, 5, b"d"), (0, 0, b"a"), (1, -2, b"c"), (0, 1, b"b")] {
            builder.push(song, position, file);
        }
        assert!(builder.bytes() > 4);
        // Nobody says anything of the song in the middle.
        let tiles = builder.finish(&[2, 0, 1]).unwrap();
        assert_eq!((tiles.len(), tiles.offsets()), (4, &[0, 2, 2, 4][..]));
        assert_eq!((tiles.file(0), tiles.of(1), tiles.of(2)), (&b"c"[..], 2..2, 2..4));
        assert_eq!(tiles.file(3), b"b");
        let mut builder = TilesBuilder::default();
        builder.push(0, 7, b"a");
        builder.push(0, 7, b"b");
        assert_eq!(builder.finish(&[3]), Err(3));
    }
}
