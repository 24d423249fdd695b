//! The chords of songs, in order, packed.

use super::{Id, Interner};

/// A sequence of chord symbols for each song.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chords {
    /// The distinct symbols, in ascending order of their texts.
    pub symbols: Vec<String>,
    /// Where each song's chords start in `codes`; one more than there are songs.
    pub offsets: Vec<u64>,
    /// The symbols of all songs, as places in `symbols`.
    pub codes: Vec<u32>,
}

impl Chords {
    /// The chords of a song, first to last; empty for a song without chords.
    pub fn of(&self, song: u32) -> &[u32] {
        let song = song as usize;
        &self.codes[self.offsets[song] as usize..self.offsets[song + 1] as usize]
    }

    /// How many distinct symbols there are.
    pub fn cardinality(&self) -> usize {
        self.symbols.len()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> u64 {
        let texts = self.symbols.iter().map(|symbol| size_of::<String>() + symbol.len());
        (texts.sum::<usize>() + self.offsets.len() * 8 + self.codes.len() * 4) as u64
    }
}

/// Collects chords in any order of rows.
#[derive(Debug)]
pub struct ChordsBuilder {
    symbols: Interner,
    songs: Vec<u32>,
    positions: Vec<i64>,
    codes: Vec<u32>,
}

impl Default for ChordsBuilder {
    fn default() -> Self {
        let (songs, positions, codes) = Default::default();
        Self { symbols: Interner::new(false), songs, positions, codes }
    }
}

impl ChordsBuilder {
    /// Adds a chord. `song` is a code in order of first occurrence, `position` any number that grows
    /// with the place of the chord in its song.
    pub fn push(&mut self, song: u32, position: i64, symbol: &str) {
        self.songs.push(song);
        self.positions.push(position);
        self.codes.push(self.symbols.code(Id::Text(symbol)));
    }

    /// How many chords were added.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether no chord was added.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Orders the chords by song, then position; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// The song, as an index, that has two chords at one position.
    pub fn finish(self, ranks: &[u32]) -> Result<Chords, u32> {
        let song = |row: u32| ranks[self.songs[row as usize] as usize];
        let key = |row: u32| (song(row), self.positions[row as usize]);
        let mut rows: Vec<u32> = (0..self.codes.len() as u32).collect();
        rows.sort_unstable_by_key(|&row| key(row));
        if let Some(pair) = rows.windows(2).find(|pair| key(pair[0]) == key(pair[1])) {
            return Err(song(pair[0]));
        }
        let mut offsets = vec![0; ranks.len() + 1];
        for &row in &rows {
            offsets[song(row) as usize + 1] += 1;
        }
        for place in 0..ranks.len() {
            offsets[place + 1] += offsets[place];
        }
        let (vocab, order) = self.symbols.finish("VARCHAR");
        let symbols = (0..vocab.len() as u32).map(|code| vocab.text(code).into_owned()).collect();
        let code = |row: u32| order[self.codes[row as usize] as usize];
        Ok(Chords { symbols, offsets, codes: rows.into_iter().map(code).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_come_by_song_and_position_whatever_the_order_of_rows() {
        let rows = [(1, 2, "G"), (0, 5, "C"), (1, 1, "Am"), (1, 3, "C")];
        let mut builder = ChordsBuilder::default();
        rows.iter().for_each(|&(song, position, symbol)| builder.push(song, position, symbol));
        // The song of code 0 comes last; nobody says anything of the one in the middle.
        let chords = builder.finish(&[2, 0, 1]).unwrap();
        assert_eq!(chords.symbols, ["Am", "C", "G"]);
        assert_eq!(chords.of(0), [0, 2, 1]);
        assert_eq!(chords.of(1), [0; 0]);
        assert_eq!(chords.of(2), [1]);
        assert_eq!(chords.cardinality(), 3);
    }
    #[test]
    fn two_chords_at_one_position_have_no_order() {
        let mut builder = ChordsBuilder::default();
        [7, 3, 7].iter().for_each(|&position| builder.push(0, position, "C"));
        assert_eq!(builder.finish(&[4, 0, 1, 2, 3]), Err(4));
    }
}
