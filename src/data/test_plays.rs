//! Held-out plays and what belongs to them.

use xxhash_rust::xxh3::Xxh3;

use super::fingerprint::{add_plays, add_vocab};
use super::{Dataset, Plays, Vocab};

/// Held-out plays, coded with vocabularies of their own, so that several models can be asked about
/// the very same plays. The vocabularies also hold what the other relations mention.
#[derive(Debug, Clone)]
pub struct TestPlays {
    /// Whoever played. Without a user column each session is a listener of its own.
    pub users: Vocab,
    /// What was played.
    pub songs: Vocab,
    /// The plays to predict.
    pub plays: Plays,
    /// Whether the plays came with users; without, no listener is known to any model.
    pub has_users: bool,
    /// Whether the plays came with sessions; without, all plays of a user are one session.
    pub has_sessions: bool,
    /// What listeners played before, in place of the plays a model was trained on.
    pub history: Option<Plays>,
    /// The wrong answers to rank the right ones among, for each listener.
    pub negatives: Option<SongSets>,
    /// The songs to choose from, ascending.
    pub candidates: Option<Vec<u32>>,
    /// Rows left out because user, song, session or time was NULL.
    pub rejected: u64,
    /// Remarks for the analyst.
    pub notes: Vec<String>,
}

/// A set of songs for each listener, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SongSets {
    offsets: Vec<usize>,
    songs: Vec<u32>,
}

impl SongSets {
    /// Packs pairs of listener and song; repeats count once.
    pub fn new(users: usize, mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let offsets = (0..=users as u32).map(|user| pairs.partition_point(|pair| pair.0 < user));
        Self { offsets: offsets.collect(), songs: pairs.into_iter().map(|pair| pair.1).collect() }
    }

    /// Of these songs those that are to be kept.
    #[must_use]
    pub fn only(&self, keep: impl Fn(u32) -> bool) -> Self {
        let mut kept = Self { offsets: vec![0], songs: Vec::with_capacity(self.songs.len()) };
        for user in 0..self.offsets.len() as u32 - 1 {
            kept.songs.extend(self.of(user).iter().filter(|&&song| keep(song)));
            kept.offsets.push(kept.songs.len());
        }
        kept
    }

    /// The songs of one listener, ascending.
    pub fn of(&self, user: u32) -> &[u32] {
        &self.songs[self.offsets[user as usize]..self.offsets[user as usize + 1]]
    }
}

/// What test plays are called in the vocabularies of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// For each listener the model's user, if it knows them.
    pub users: Vec<Option<u32>>,
    /// For each song the model's song, [`Known::UNKNOWN`] if it has none.
    pub songs: Vec<u32>,
}

impl Known {
    /// Stands for a song that the model does not know.
    pub const UNKNOWN: u32 = u32::MAX;

    /// The model's song, if it knows it.
    pub fn song(&self, song: u32) -> Option<u32> {
        Some(self.songs[song as usize]).filter(|&song| song != Self::UNKNOWN)
    }
}

impl TestPlays {
    /// What users and songs are called in a model's vocabularies.
    pub fn known(&self, dataset: &Dataset) -> Known {
        let users = match self.has_users {
            true => self.users.indices_in(&dataset.users),
            // A session of the test is nobody that the model knows, whatever its number.
            false => vec![None; self.users.len()],
        };
        let songs = self.songs.indices_in(&dataset.songs);
        let songs = songs.into_iter().map(|song| song.unwrap_or(Known::UNKNOWN)).collect();
        Known { users, songs }
    }

    /// A hash of the plays, as 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(&[u8::from(self.has_users), u8::from(self.has_sessions)]);
        add_vocab(&mut hash, &self.users);
        add_vocab(&mut hash, &self.songs);
        add_plays(&mut hash, &self.plays);
        format!("{:032x}", hash.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_packed_by_listener() {
        let sets = SongSets::new(3, vec![(2, 5), (0, 4), (2, 1), (2, 5)]);
        assert_eq!((sets.of(0), sets.of(1), sets.of(2)), (&[4][..], &[][..], &[1, 5][..]));
    }
}
