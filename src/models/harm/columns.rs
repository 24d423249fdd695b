//! The fields of a catalogue, as scores read them.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::data::{Dataset, Field};

/// One field of the catalogue: which rows of its table each song is made of. Songs share what they
/// have in common: the mean over a set of rows, such as tags, is taken once for all songs with that set.
pub struct Column {
    /// Which set each song has (V).
    pub sets: Vec<u32>,
    /// Where the rows of each set start; empty where set `i` is row `i` alone.
    offsets: Vec<usize>,
    rows: Vec<u32>,
}

impl Column {
    fn of(field: &Field, songs: u32) -> Self {
        if !field.is_multi_valued() {
            let sets = (0..songs).flat_map(|song| field.codes_of(song)).copied().collect();
            return Self { sets, offsets: Vec::new(), rows: Vec::new() };
        }
        let mut numbers: HashMap<&[u32], u32> = HashMap::new();
        let mut column = Self { sets: Vec::new(), offsets: vec![0], rows: Vec::new() };
        for song in 0..songs {
            let rows = field.codes_of(song);
            let next = numbers.len() as u32;
            let set = *numbers.entry(rows).or_insert_with(|| {
                column.rows.extend_from_slice(rows);
                column.offsets.push(column.rows.len());
                next
            });
            column.sets.push(set);
        }
        column
    }

    /// A field of which every song has a row of its own.
    pub fn each(songs: u32) -> Self {
        Self { sets: (0..songs).collect(), offsets: Vec::new(), rows: Vec::new() }
    }

    /// The value of every set, the mean over its rows, of a number for each row of the table.
    pub fn values<'a>(&self, table: &'a [f32]) -> Cow<'a, [f32]> {
        if self.offsets.is_empty() {
            return Cow::Borrowed(table);
        }
        let mean = |ends: &[usize]| {
            let rows = &self.rows[ends[0]..ends[1]];
            rows.iter().map(|&row| table[row as usize]).sum::<f32>() / rows.len() as f32
        };
        Cow::Owned(self.offsets.windows(2).map(mean).collect())
    }
}

/// The columns of a catalogue: song ids, where a song without plays is the unknown one, and the
/// fields.
pub fn columns(dataset: &Dataset) -> Vec<Column> {
    let ids = dataset.play_counts.iter().enumerate();
    let sets = ids.map(|(song, &plays)| if plays == 0 { 0 } else { song as u32 + 1 }).collect();
    let id = Column { sets, offsets: Vec::new(), rows: Vec::new() };
    let songs = dataset.songs.len() as u32;
    let fields = dataset.song_fields.iter().map(|field| Column::of(field, songs));
    std::iter::once(id).chain(fields).collect()
}
