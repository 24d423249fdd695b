//! Which distinct songs each session has, and in which sessions each song is.

use super::Plays;

/// Session–song incidence, both ways, packed.
#[derive(Debug, Clone)]
pub struct Incidence {
    song_offsets: Vec<usize>,
    songs: Vec<u32>,
    session_offsets: Vec<usize>,
    sessions: Vec<u32>,
}

impl Incidence {
    /// Every session of `plays`, over a catalogue of `songs` songs.
    pub fn new(plays: &Plays, songs: usize) -> Self {
        Self::of((0..plays.sessions()).map(|session| plays.session(session)), songs)
    }

    /// The same with sessions renumbered: those of `order`, in that order.
    pub fn in_order(plays: &Plays, songs: usize, order: &[u32]) -> Self {
        Self::of(order.iter().map(|&session| plays.session(session as usize)), songs)
    }

    /// The same with the whole history of each user in the place of a session.
    pub fn by_user(plays: &Plays, songs: usize) -> Self {
        let users = plays.user_sessions.len().saturating_sub(1) as u32;
        Self::of((0..users).map(|user| plays.history(user)), songs)
    }

    fn of<'a>(sessions: impl Iterator<Item = &'a [u32]>, songs: usize) -> Self {
        let (mut song_offsets, mut distinct_songs) = (vec![0], Vec::new());
        for session in sessions {
            let mut distinct = session.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            distinct_songs.extend(distinct);
            song_offsets.push(distinct_songs.len());
        }
        let mut session_offsets = vec![0; songs + 1];
        for &song in &distinct_songs {
            session_offsets[song as usize + 1] += 1;
        }
        for i in 1..session_offsets.len() {
            session_offsets[i] += session_offsets[i - 1];
        }
        let mut next = session_offsets.clone();
        let mut sessions = vec![0; distinct_songs.len()];
        for session in 0..song_offsets.len() - 1 {
            for &song in &distinct_songs[song_offsets[session]..song_offsets[session + 1]] {
                sessions[next[song as usize]] = session as u32;
                next[song as usize] += 1;
            }
        }
        Self { song_offsets, songs: distinct_songs, session_offsets, sessions }
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.song_offsets.len() - 1
    }

    /// The distinct songs of a session, ascending.
    pub fn songs_of(&self, session: u32) -> &[u32] {
        let session = session as usize;
        &self.songs[self.song_offsets[session]..self.song_offsets[session + 1]]
    }

    /// The sessions with a song, ascending.
    pub fn sessions_of(&self, song: u32) -> &[u32] {
        let song = song as usize;
        &self.sessions[self.session_offsets[song]..self.session_offsets[song + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_count_once_and_both_ways_agree() {
        let plays = Plays::in_order(vec![2, 0, 2, 1, 2], vec![0, 3, 5], vec![0, 2]);
        let incidence = Incidence::new(&plays, 4);
        assert_eq!(incidence.sessions(), 2);
        assert_eq!((incidence.songs_of(0), incidence.songs_of(1)), (&[0, 2][..], &[1, 2][..]));
        assert_eq!(incidence.sessions_of(2), [0, 1]);
        assert_eq!(incidence.sessions_of(3), [0; 0]);
        assert_eq!(Incidence::by_user(&plays, 4).songs_of(0), [0, 1, 2]);
        let plays = Plays { session_ranks: vec![1, 0], ..plays };
        let order = plays.sessions_by_age().unwrap();
        assert_eq!(Incidence::in_order(&plays, 4, &order).songs_of(0), [1, 2]);
    }
}
