//! Rows that stand at a position of a song, in any order, such as chords and frames.

/// The songs and positions of rows.
#[derive(Debug, Default)]
pub(super) struct Placed {
    songs: Vec<u32>,
    positions: Vec<i64>,
}

impl Placed {
    /// Adds a row. `song` is a code in order of first occurrence.
    pub(super) fn push(&mut self, song: u32, position: i64) {
        self.songs.push(song);
        self.positions.push(position);
    }

    pub(super) fn len(&self) -> usize {
        self.songs.len()
    }

    /// The rows by song, then position, and the number of rows before each song, in the end that of
    /// all; `ranks` gives the index of each song's code.
    ///
    /// # Errors
    /// The song, as an index, that has two rows at one position.
    pub(super) fn order(&self, ranks: &[u32]) -> Result<(Vec<u32>, Vec<u64>), u32> {
        let song = |row: u32| ranks[self.songs[row as usize] as usize];
        let key = |row: u32| (song(row), self.positions[row as usize]);
        let mut rows: Vec<u32> = (0..self.len() as u32).collect();
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
        Ok((rows, offsets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(rows: &[(u32, i64)]) -> Placed {
        let mut placed = Placed::default();
        rows.iter().for_each(|&(song, position)| placed.push(song, position));
        placed
    }

    #[test]
    fn rows_come_by_song_and_position() {
        // The song of code 0 comes last; nobody says anything of the one in the middle.
        let rows = [(1, 2), (0, 5), (1, -1), (1, 3)];
        assert_eq!(placed(&rows).order(&[2, 0, 1]), Ok((vec![2, 0, 3, 1], vec![0, 3, 3, 4])));
        assert_eq!(placed(&[]).order(&[0]), Ok((vec![], vec![0, 0])));
    }

    #[test]
    fn two_rows_at_one_position_have_no_order() {
        assert_eq!(placed(&[(0, 7), (0, 3), (0, 7)]).order(&[4, 0, 1, 2, 3]), Err(4));
    }
}
