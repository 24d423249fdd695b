//! Held-out plays, coded with the vocabularies of a trained model.

use xxhash_rust::xxh3::Xxh3;

/// Held-out sessions, packed; the songs of a session are in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestPlays {
    /// The user of each session; `None` for one the model does not know.
    pub users: Vec<Option<u32>>,
    /// Where each session starts in `songs`; one more than there are sessions.
    pub session_offsets: Vec<u64>,
    /// Song indices, [`TestPlays::UNKNOWN_SONG`] for songs the model does not know.
    pub songs: Vec<u32>,
    /// Whether the plays came with sessions; without, all plays of a user are one session.
    pub has_sessions: bool,
    /// Rows left out because user, song, session or time was NULL.
    pub rejected: u64,
    /// Remarks for the analyst.
    pub notes: Vec<String>,
}

impl TestPlays {
    /// Stands for a song that the model does not know.
    pub const UNKNOWN_SONG: u32 = u32::MAX;

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.users.len()
    }

    /// The songs of one session.
    pub fn session(&self, session: usize) -> &[u32] {
        &self.songs
            [self.session_offsets[session] as usize..self.session_offsets[session + 1] as usize]
    }

    /// A hash of the plays, as 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        hash.update(&[u8::from(self.has_sessions)]);
        for length in [self.users.len(), self.session_offsets.len(), self.songs.len()] {
            hash.update(&(length as u64).to_le_bytes());
        }
        for user in &self.users {
            hash.update(&user.map_or(-1, i64::from).to_le_bytes());
        }
        self.session_offsets.iter().for_each(|offset| hash.update(&offset.to_le_bytes()));
        self.songs.iter().for_each(|song| hash.update(&song.to_le_bytes()));
        format!("{:032x}", hash.digest128())
    }
}
