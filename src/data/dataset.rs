//! The immutable training data: who played what, in which session, and what songs and users are.

use std::sync::Arc;

use super::{Chords, Features, Field, Tiles, Vocab};

/// All plays, packed: 4 bytes each, in order of user, session and time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plays {
    /// Song indices.
    pub songs: Vec<u32>,
    /// Where each session starts in `songs`; one more than there are sessions. Sessions of a user
    /// are consecutive and ordered by their first play.
    pub session_offsets: Vec<u64>,
    /// Where each user's sessions start in `session_offsets`; one more than there are users.
    pub user_sessions: Vec<u32>,
    /// The place of each session among all, by the time of its last play: 0 ended first. Empty where
    /// plays have no times: nobody knows then.
    pub session_ranks: Vec<u32>,
}

impl Plays {
    /// Plays whose sessions ended in the order in which they stand.
    pub fn in_order(songs: Vec<u32>, session_offsets: Vec<u64>, user_sessions: Vec<u32>) -> Self {
        let session_ranks = (0..session_offsets.len().saturating_sub(1) as u32).collect();
        Self { songs, session_offsets, user_sessions, session_ranks }
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.session_offsets.len().saturating_sub(1)
    }

    /// Whether it is known when sessions ended.
    pub fn has_times(&self) -> bool {
        self.session_ranks.len() == self.sessions()
    }

    /// All sessions in the order in which they ended, the oldest first; `None` where plays have no
    /// times.
    pub fn sessions_by_age(&self) -> Option<Vec<u32>> {
        if !self.has_times() {
            return None;
        }
        let mut order = vec![0; self.sessions()];
        for (session, &rank) in self.session_ranks.iter().enumerate() {
            order[rank as usize] = session as u32;
        }
        Some(order)
    }

    /// The songs of one session, oldest first.
    pub fn session(&self, session: usize) -> &[u32] {
        let range =
            self.session_offsets[session] as usize..self.session_offsets[session + 1] as usize;
        &self.songs[range]
    }

    /// The sessions of one user, oldest first.
    pub fn sessions_of(&self, user: u32) -> std::ops::Range<usize> {
        self.user_sessions[user as usize] as usize..self.user_sessions[user as usize + 1] as usize
    }

    /// All songs a user played, oldest first, repeats included.
    pub fn history(&self, user: u32) -> &[u32] {
        let sessions = self.sessions_of(user);
        let start = self.session_offsets[sessions.start] as usize;
        &self.songs[start..self.session_offsets[sessions.end] as usize]
    }

    /// The songs of a user's latest session; empty for a user without plays.
    pub fn last_session(&self, user: u32) -> &[u32] {
        let sessions = self.sessions_of(user);
        if sessions.is_empty() { &[] } else { self.session(sessions.end - 1) }
    }
}

/// Everything a model trains on and, kept with it, everything it needs to answer.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Users of plays and of the users relation.
    pub users: Vocab,
    /// Songs of plays and of the songs relation.
    pub songs: Vocab,
    /// Attributes of users; each has one entry per user of `users`.
    pub user_fields: Vec<Field>,
    /// Fields of songs, without the id; each has one entry per song of `songs`.
    pub song_fields: Vec<Field>,
    /// The chords of every song of `songs`; `None` for models that do not read them.
    pub chords: Option<Arc<Chords>>,
    /// The feature matrices of songs; `None` for models that do not read them, and in models as they
    /// are stored: those keep what they made of them.
    pub features: Option<Features>,
    /// Pictures of songs; as `features`.
    pub tiles: Option<Tiles>,
    /// Who played what.
    pub plays: Plays,
    /// How often each song was played.
    pub play_counts: Vec<u32>,
    /// Whether the plays came with sessions; without, a user's history is one session.
    pub has_sessions: bool,
    /// Rows of the plays relation left out because user, song, session or time was NULL.
    pub rejected: u64,
    /// Remarks for the analyst on how columns were read (fields skipped, rows left out).
    pub notes: Vec<String>,
    /// A hash of everything above: equal fingerprints mean equal training data.
    pub fingerprint: String,
}

impl Dataset {
    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> u64 {
        let features = self.features.as_ref().map_or(0, Features::bytes);
        let tiles = self.tiles.as_ref().map_or(0, Tiles::bytes);
        self.stored_bytes() + features + tiles
    }

    /// About how many bytes of it are stored with a model.
    pub fn stored_bytes(&self) -> u64 {
        let plays = &self.plays;
        let offsets = plays.session_offsets.len() * 8 + plays.user_sessions.len() * 4;
        let ranks = plays.session_ranks.len();
        let counts = (plays.songs.len() + self.play_counts.len() + ranks) * 4;
        let fields = self.user_fields.iter().chain(&self.song_fields).map(Field::bytes);
        let chords = self.chords.as_ref().map_or(0, |chords| chords.bytes());
        let vocabs = self.users.bytes() + self.songs.bytes();
        (offsets + counts) as u64 + vocabs + fields.sum::<u64>() + chords
    }
}

#[cfg(test)]
impl Dataset {
    /// These plays of users and songs whose ids count from 0 and of whom nothing else is known.
    pub fn of_plays(plays: Plays, songs: usize) -> Self {
        let ids = |count: usize| {
            let keys = super::Keys::Integers((0..count as i64).collect());
            Vocab::new("BIGINT", keys)
        };
        let mut play_counts = vec![0; songs];
        plays.songs.iter().for_each(|&song| play_counts[song as usize] += 1);
        Self {
            users: ids(plays.user_sessions.len().saturating_sub(1)),
            songs: ids(songs),
            user_fields: Vec::new(),
            song_fields: Vec::new(),
            chords: None,
            features: None,
            tiles: None,
            plays,
            play_counts,
            has_sessions: true,
            rejected: 0,
            notes: Vec::new(),
            fingerprint: String::new(),
        }
    }

    /// The same for the sessions of one user, oldest first.
    pub fn of_sessions<S: AsRef<[u32]>>(sessions: &[S], songs: usize) -> Self {
        let (all, offsets) = joined(sessions);
        Self::of_plays(Plays::in_order(all, offsets, vec![0, sessions.len() as u32]), songs)
    }

    /// The same for users with one session each, or none where it would be empty.
    pub fn of_histories<S: AsRef<[u32]>>(histories: &[S], songs: usize) -> Self {
        let histories = || histories.iter().map(AsRef::as_ref);
        let (all, offsets) = joined(&histories().filter(|h| !h.is_empty()).collect::<Vec<_>>());
        let mut user_sessions = vec![0];
        user_sessions.extend(histories().scan(0, |sessions, history| {
            *sessions += u32::from(!history.is_empty());
            Some(*sessions)
        }));
        Self::of_plays(Plays::in_order(all, offsets, user_sessions), songs)
    }
}

/// All songs, and where each session starts among them, with the end of the last.
#[cfg(test)]
fn joined<S: AsRef<[u32]>>(sessions: &[S]) -> (Vec<u32>, Vec<u64>) {
    let (mut all, mut offsets) = (Vec::new(), vec![0]);
    for session in sessions {
        all.extend_from_slice(session.as_ref());
        offsets.push(all.len() as u64);
    }
    (all, offsets)
}
