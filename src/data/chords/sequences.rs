//! The chords of songs, in order, packed.

use std::borrow::Cow;

use super::{Chord, Vocabulary, estimate_key};
use crate::data::placed::Placed;
use crate::data::{Id, Interner};
use crate::error::Result;

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

/// What becomes of the symbols of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChordReading {
    /// Which chords are told apart; `None` for texts as they are given, which need be no symbols.
    pub vocabulary: Option<Vocabulary>,
    /// Whether songs are transposed to C major or A minor, each from its most likely key.
    pub common_key: bool,
    /// How many chords that follow each other make one symbol.
    pub ngram: usize,
}

impl Default for ChordReading {
    fn default() -> Self {
        Self { vocabulary: None, common_key: false, ngram: 1 }
    }
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

    /// Packs codes of an interner.
    fn pack(symbols: Interner, offsets: Vec<u64>, mut codes: Vec<u32>) -> Self {
        let (vocab, ranks) = symbols.finish("VARCHAR");
        codes.iter_mut().for_each(|code| *code = ranks[*code as usize]);
        let texts = (0..vocab.len() as u32).map(|code| vocab.text(code));
        Self { symbols: texts.map(Cow::into_owned).collect(), offsets, codes }
    }

    fn songs(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.offsets.len() as u32 - 1).map(|song| self.of(song))
    }

    /// The same songs in another reading.
    ///
    /// # Errors
    /// A text is no chord symbol, where the reading needs one; the message names it.
    pub fn read_as(self, reading: ChordReading) -> Result<Self> {
        let ChordReading { vocabulary, common_key, ngram } = reading;
        let chords = if vocabulary.is_some() || common_key {
            self.simplified(vocabulary.unwrap_or(Vocabulary::Full), common_key)?
        } else {
            self
        };
        Ok(if ngram > 1 { chords.ngrams(ngram) } else { chords })
    }

    /// Chords of a vocabulary, in the songs' own keys or in a common one.
    fn simplified(self, vocabulary: Vocabulary, common_key: bool) -> Result<Self> {
        let chords: Vec<Chord> =
            self.symbols.iter().map(|symbol| Chord::parse(symbol)).collect::<Result<_>>()?;
        let mut symbols = Interner::new(false);
        // For each symbol and number of semitones its code, once it is met.
        let mut known: Vec<[Option<u32>; 12]> = vec![[None; 12]; chords.len()];
        let mut codes = Vec::with_capacity(self.codes.len());
        for song in self.songs() {
            let sounding = song.iter().map(|&code| &chords[code as usize]);
            let key = if common_key { estimate_key(sounding) } else { None };
            let shift = key.map_or(0, |key| key.to_common());
            codes.extend(song.iter().map(|&code| {
                let place = &mut known[code as usize][shift as usize];
                *place.get_or_insert_with(|| {
                    let chord = vocabulary.simplify(&chords[code as usize].transpose(shift));
                    symbols.code(Id::Text(&chord.to_string()))
                })
            }));
        }
        Ok(Self::pack(symbols, self.offsets, codes))
    }

    /// All runs of `n` chords of each song, each as one symbol.
    fn ngrams(self, n: usize) -> Self {
        let mut symbols = Interner::new(false);
        let (mut offsets, mut codes) = (vec![0], Vec::new());
        for song in self.songs() {
            codes.extend(song.windows(n).map(|run| {
                let texts: Vec<&str> =
                    run.iter().map(|&code| self.symbols[code as usize].as_str()).collect();
                symbols.code(Id::Text(&texts.join(" ")))
            }));
            offsets.push(codes.len() as u64);
        }
        Self::pack(symbols, offsets, codes)
    }
}

/// Collects chords in any order of rows.
#[derive(Debug)]
pub struct ChordsBuilder {
    symbols: Interner,
    placed: Placed,
    codes: Vec<u32>,
}

impl Default for ChordsBuilder {
    fn default() -> Self {
        Self { symbols: Interner::new(false), placed: Placed::default(), codes: Vec::new() }
    }
}

impl ChordsBuilder {
    /// Adds a chord. `song` is a code in order of first occurrence, `position` any number that grows
    /// with the place of the chord in its song.
    pub fn push(&mut self, song: u32, position: i64, symbol: &str) {
        self.placed.push(song, position);
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
    pub fn finish(self, ranks: &[u32]) -> std::result::Result<Chords, u32> {
        let (rows, offsets) = self.placed.order(ranks)?;
        let codes = rows.iter().map(|&row| self.codes[row as usize]).collect();
        Ok(Chords::pack(self.symbols, offsets, codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Songs as texts of symbols.
    fn chords(songs: &[&str]) -> Chords {
        let mut builder = ChordsBuilder::default();
        for (song, text) in (0..).zip(songs) {
            let symbols = (0..).zip(text.split_whitespace());
            symbols.for_each(|(position, symbol)| builder.push(song, position, symbol));
        }
        builder.finish(&(0..songs.len() as u32).collect::<Vec<_>>()).unwrap()
    }

    fn texts(chords: &Chords) -> Vec<String> {
        let text = |song: &[u32]| {
            let symbols = song.iter().map(|&code| chords.symbols[code as usize].as_str());
            symbols.collect::<Vec<_>>().join(", ")
        };
        assert!(chords.symbols.is_sorted());
        chords.songs().map(text).collect()
    }

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

    #[test]
    fn texts_as_given_need_be_no_symbols() {
        let given = chords(&["verse C", "", "C H7"]);
        assert_eq!(given.clone().read_as(ChordReading::default()).unwrap(), given);
        let reading = ChordReading { vocabulary: Some(Vocabulary::Full), ..Default::default() };
        let message = given.read_as(reading).unwrap_err().to_string();
        assert!(message.starts_with("'H7' is no chord symbol"), "{message}");
    }

    #[test]
    fn vocabularies_and_a_common_key() {
        let songs = chords(&["D:maj7 G A7 D", "N", "Dm7 Gm A7 Dm", "C/E F G C"]);
        let read = |vocabulary, common_key| {
            let reading = ChordReading { vocabulary, common_key, ngram: 1 };
            texts(&songs.clone().read_as(reading).unwrap())
        };
        assert_eq!(
            read(Some(Vocabulary::MajMin), false),
            [
                "D:maj, G:maj, A:maj, D:maj",
                "N",
                "D:min, G:min, A:maj, D:min",
                "C:maj, F:maj, G:maj, C:maj"
            ]
        );
        assert_eq!(
            read(None, true),
            [
                "C:maj7, F:maj, G:7, C:maj",
                "N",
                "A:min7, D:min, E:7, A:min",
                "C:maj/3, F:maj, G:maj, C:maj"
            ]
        );
    }

    #[test]
    fn runs_of_chords_are_symbols() {
        let reading = ChordReading { ngram: 2, ..Default::default() };
        let read = chords(&["C G C G", "Am", ""]).read_as(reading).unwrap();
        assert_eq!(texts(&read), ["C G, G C, C G", "", ""]);
        assert_eq!(read.cardinality(), 2);
    }
}
