//! Songs: which artist, genre, tags and chords each has, and how popular it is.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::draw::{Deck, Stream, below, generator, index, weight, weighted};
use super::names::{ALBUMS, ARTISTS, GENRES, MAJOR, MIN, MINOR, NOUNS, TAGS, WORDS, tonic};
use super::{Aspect, CHORD_PLACES, ChordRows, ListeningPlan, SongRows};
use crate::control::Control;
use crate::error::Result;

/// How many songs a value of an aspect has where the catalogue is small.
const SONGS_PER_VALUE: usize = 20;
const VALUES_MIN: usize = 4;
/// As many artists and genres there are names for, and half as many as tags.
const VALUES_MAX: usize = 40;
const ALBUM_SONGS: u32 = 10;
const CHORDS_MIN: usize = 40;
const CHORDS_MAX: usize = 120;
/// Chords a verse or chorus has.
const SECTION: usize = CHORD_PLACES[1];

/// Songs by the values of one aspect, and values by song.
pub(super) struct Values {
    /// Song `s` has the values `of_songs[song_offsets[s]..song_offsets[s + 1]]`.
    song_offsets: Vec<u32>,
    of_songs: Vec<u16>,
    /// Value `v` has the songs `songs[value_offsets[v]..value_offsets[v + 1]]`, ascending.
    value_offsets: Vec<u32>,
    songs: Vec<u32>,
    /// Running sums of the songs' weights, from 0 for each value.
    sums: Vec<u64>,
}

impl Values {
    /// Builds the index; `weights` has one entry a song.
    fn new(count: usize, song_offsets: Vec<u32>, of_songs: Vec<u16>, weights: &[u64]) -> Self {
        let mut value_offsets = vec![0u32; count + 1];
        for &value in &of_songs {
            value_offsets[usize::from(value) + 1] += 1;
        }
        for value in 0..count {
            value_offsets[value + 1] += value_offsets[value];
        }
        let mut fill = value_offsets.clone();
        let mut running = vec![0u64; count];
        let mut songs = vec![0u32; of_songs.len()];
        let mut sums = vec![0u64; of_songs.len()];
        for song in 0..weights.len() {
            for &value in &of_songs[song_offsets[song] as usize..song_offsets[song + 1] as usize] {
                let value = usize::from(value);
                running[value] += weights[song];
                songs[fill[value] as usize] = song as u32;
                sums[fill[value] as usize] = running[value];
                fill[value] += 1;
            }
        }
        Self { song_offsets, of_songs, value_offsets, songs, sums }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.value_offsets.len() - 1
    }

    /// The values of a song; never empty.
    pub(super) fn of(&self, song: usize) -> &[u16] {
        &self.of_songs[self.song_offsets[song] as usize..self.song_offsets[song + 1] as usize]
    }

    /// A song of the value, by popularity, other than `last` if there is another.
    pub(super) fn draw(&self, value: usize, last: Option<usize>, rng: &mut ChaCha8Rng) -> usize {
        let range = self.value_offsets[value] as usize..self.value_offsets[value + 1] as usize;
        let songs = &self.songs[range.clone()];
        let avoid = last.and_then(|last| songs.binary_search(&(last as u32)).ok());
        songs[weighted(rng, &self.sums[range], avoid)] as usize
    }
}

/// All songs.
pub(super) struct Catalogue {
    artists: Values,
    genres: Values,
    tags: Values,
    chords: Values,
    /// How many chords stand at each of the places; values of place 1 follow those of place 0.
    tonics: usize,
    /// Running sums of the songs' weights.
    pub(super) popularity: Vec<u64>,
}

impl Catalogue {
    /// Deals every song its values, each aspect independently of the others.
    pub(super) fn deal(plan: &ListeningPlan) -> Self {
        let songs = plan.songs;
        let count = (songs / SONGS_PER_VALUE).clamp(VALUES_MIN, VALUES_MAX);
        let weights = weights(plan);
        let mut rng = generator(plan.seed, Stream::Catalogue);
        let artists = single(count, &weights, &mut rng);
        let genres = single(count, &weights, &mut rng);

        // Two tags a song on average: twice the values make as many songs a value.
        let mut deck = Deck::new(2 * count);
        let (mut offsets, mut tags) = (vec![0], Vec::with_capacity(2 * songs));
        for _ in 0..songs {
            let start = tags.len();
            for _ in 0..1 + index(&mut rng, 3) {
                let tag = deck.deal_other(&mut rng, &tags[start..]);
                tags.push(tag);
            }
            offsets.push(tags.len() as u32);
        }
        let tags = Values::new(2 * count, offsets, tags, &weights);

        // Each place has its own deck; a place's chords are as many as there are artists.
        let mut decks = CHORD_PLACES.map(|_| Deck::new(count));
        let mut chords = Vec::with_capacity(decks.len() * songs);
        for _ in 0..songs {
            for (place, deck) in decks.iter_mut().enumerate() {
                chords.push((place * count) as u16 + deck.deal(&mut rng));
            }
        }
        let offsets = (0..=songs).map(|song| (song * decks.len()) as u32).collect();
        let chords = Values::new(decks.len() * count, offsets, chords, &weights);
        let popularity = running_sums(&weights);
        Self { artists, genres, tags, chords, tonics: count, popularity }
    }

    /// The songs by the values of an aspect.
    pub(super) fn values(&self, aspect: Aspect) -> &Values {
        match aspect {
            Aspect::Artist => &self.artists,
            Aspect::Genre => &self.genres,
            Aspect::Tags => &self.tags,
            Aspect::Chords => &self.chords,
        }
    }

    /// The songs as rows.
    pub(super) fn songs(&self, plan: &ListeningPlan, control: &Control) -> Result<SongRows> {
        let mut rng = generator(plan.seed, Stream::Titles);
        let mut rows = SongRows::default();
        let mut released = vec![0u32; self.artists.len()];
        let mut years = vec![0i32; self.artists.len()];
        for song in 0..plan.songs {
            control.check()?;
            let artist = usize::from(self.artists.of(song)[0]);
            if released[artist].is_multiple_of(ALBUM_SONGS) {
                years[artist] = 1975 + below(&mut rng, 48) as i32;
            }
            let album = (released[artist] / ALBUM_SONGS) as usize;
            released[artist] += 1;
            let word = WORDS[index(&mut rng, WORDS.len())];
            let noun = NOUNS[index(&mut rng, NOUNS.len())];
            rows.song_id.push(song as i64 + 1);
            rows.title.push(format!("{word} {noun}"));
            rows.artist.push(ARTISTS[artist]);
            rows.album.push(album_title(artist, album));
            rows.genre.push(GENRES[usize::from(self.genres.of(song)[0])]);
            rows.tags.push(self.tags.of(song).iter().map(|&tag| TAGS[usize::from(tag)]).collect());
            rows.year.push(years[artist]);
        }
        Ok(rows)
    }

    /// The chords as rows: verse and chorus by turns, each a progression in its own key.
    pub(super) fn chords(&self, plan: &ListeningPlan, control: &Control) -> Result<ChordRows> {
        let mut rng = generator(plan.seed, Stream::Chords);
        let mut rows = ChordRows::default();
        for song in 0..plan.songs {
            control.check()?;
            let keys = self.chords.of(song);
            let verse = progression(usize::from(keys[0]), &mut rng);
            let chorus = progression(usize::from(keys[1]) - self.tonics, &mut rng);
            let length = CHORDS_MIN + index(&mut rng, CHORDS_MAX - CHORDS_MIN + 1);
            for position in 0..length {
                let part = if (position / SECTION).is_multiple_of(2) { verse } else { chorus };
                rows.song_id.push(song as i64 + 1);
                rows.position.push(position as i32);
                rows.symbol.push(part[position % part.len()]);
            }
        }
        Ok(rows)
    }
}

/// The weight of each song: popularity ranks in random order.
fn weights(plan: &ListeningPlan) -> Vec<u64> {
    let mut rng = generator(plan.seed, Stream::Popularity);
    let mut weights: Vec<u64> = (0..plan.songs).map(|rank| weight(rank, 4)).collect();
    weights.shuffle(&mut rng);
    weights
}

fn running_sums(weights: &[u64]) -> Vec<u64> {
    let mut sums = weights.to_vec();
    for i in 1..sums.len() {
        sums[i] += sums[i - 1];
    }
    sums
}

/// An aspect of which every song has one value.
fn single(count: usize, weights: &[u64], rng: &mut ChaCha8Rng) -> Values {
    let mut deck = Deck::new(count);
    let of_songs = weights.iter().map(|_| deck.deal(rng)).collect();
    Values::new(count, (0..=weights.len() as u32).collect(), of_songs, weights)
}

/// The title of an artist's album, counted from 0; artists begin at different places of the list.
fn album_title(artist: usize, album: usize) -> String {
    let name = ALBUMS[(artist * 7 + album) % ALBUMS.len()];
    let title = format!("{} {name}", ARTISTS[artist]);
    match album / ALBUMS.len() {
        0 => title,
        again => format!("{title} {}", again + 1),
    }
}

/// Four chords that begin with the tonic: indices of symbols.
fn progression(key: usize, rng: &mut ChaCha8Rng) -> [u8; 4] {
    let (root, quality) = tonic(key);
    let templates = if quality == MIN { &MINOR[..] } else { &MAJOR[..] };
    let template = templates[index(rng, templates.len())];
    let mut chords = template.map(|(step, quality)| ((root + step) % 12) * 4 + quality);
    chords[0] = root * 4 + quality;
    chords
}
