//! How much is known of whom and what: a sparse matrix of weights, row by row.

use super::config::{Confidence, Config, Per};
use crate::data::Plays;

/// What one row has observed.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Rows of the other side.
    pub columns: &'a [u32],
    /// How much more each weighs than a pair that was not observed.
    pub weights: &'a [f32],
}

/// The observed pairs of one side with the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl Observed {
    /// Users (or sessions) and their songs.
    pub fn new(plays: &Plays, config: &Config) -> Self {
        let users = plays.user_sessions.len().saturating_sub(1);
        let (mut offsets, mut columns, mut weights) = (vec![0], Vec::new(), Vec::new());
        let rows = if config.per == Per::User { users } else { plays.sessions() };
        for row in 0..rows {
            let songs = match config.per {
                Per::User => plays.history(row as u32),
                Per::Session => plays.session(row),
            };
            for (song, plays) in counted(songs) {
                columns.push(song);
                weights.push(config.confidence.of(plays));
            }
            offsets.push(columns.len());
        }
        Self { offsets, columns, weights }
    }

    /// One row of songs.
    pub fn of_songs(counts: impl Iterator<Item = (u32, u32)>, confidence: Confidence) -> Self {
        let (columns, weights): (Vec<_>, Vec<_>) =
            counts.map(|(song, plays)| (song, confidence.of(plays))).unzip();
        Self { offsets: vec![0, columns.len()], columns, weights }
    }

    /// The same matrix from the other side, which has `rows` rows.
    pub fn transposed(&self, rows: usize) -> Self {
        let mut offsets = vec![0; rows + 1];
        for &column in &self.columns {
            offsets[column as usize + 1] += 1;
        }
        for row in 0..rows {
            offsets[row + 1] += offsets[row];
        }
        let mut next = offsets.clone();
        let (mut columns, mut weights) = (vec![0; self.pairs()], vec![0.0; self.pairs()]);
        for row in 0..self.rows() {
            for at in self.offsets[row]..self.offsets[row + 1] {
                let to = &mut next[self.columns[at] as usize];
                columns[*to] = row as u32;
                weights[*to] = self.weights[at];
                *to += 1;
            }
        }
        Self { offsets, columns, weights }
    }

    /// What one row has observed.
    pub fn row(&self, row: usize) -> Row<'_> {
        let range = self.offsets[row]..self.offsets[row + 1];
        Row { columns: &self.columns[range.clone()], weights: &self.weights[range] }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many rows have observed anything.
    pub fn active(&self) -> usize {
        self.offsets.windows(2).filter(|bounds| bounds[0] < bounds[1]).count()
    }

    /// How many pairs were observed.
    pub fn pairs(&self) -> usize {
        self.columns.len()
    }
}

/// Distinct songs, ascending, with how often each occurs.
pub fn counted(songs: &[u32]) -> Vec<(u32, u32)> {
    let mut sorted = songs.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
}
