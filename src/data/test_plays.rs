//! Held-out plays, coded with the vocabularies of a trained model.

/// A song that the model does not know.
pub const UNKNOWN_SONG: u32 = u32::MAX;

/// Held-out sessions, packed; the songs of a session are in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestPlays {
    /// The user of each session; `None` for one the model does not know.
    pub users: Vec<Option<u32>>,
    /// Where each session starts in `songs`; one more than there are sessions.
    pub offsets: Vec<u64>,
    /// Song indices, [`UNKNOWN_SONG`] for songs the model does not know.
    pub songs: Vec<u32>,
    /// Whether the plays came with sessions; without, all plays of a user are one session.
    pub has_sessions: bool,
    /// Rows left out because user, song, session or time was NULL.
    pub rejected: u64,
}

impl TestPlays {
    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.users.len()
    }

    /// The songs of one session.
    pub fn session(&self, session: usize) -> &[u32] {
        &self.songs[self.offsets[session] as usize..self.offsets[session + 1] as usize]
    }
}
