//! Plays as they arrive, row by row, packed into [`Plays`].

use std::collections::HashMap;

use rayon::prelude::*;

use super::Plays;
use crate::control::Control;
use crate::error::{Error, Result};

/// The most plays one dataset can hold.
pub const MAX_PLAYS: usize = u32::MAX as usize;

/// Collects plays in row order; holds 8 to 20 bytes a play until they are ordered.
#[derive(Debug)]
pub struct PlaysBuilder {
    users: Vec<u32>,
    songs: Vec<u32>,
    sessions: Option<Vec<u32>>,
    times: Option<Vec<i64>>,
}

impl PlaysBuilder {
    /// Says which of the optional columns every row will have.
    pub fn new(has_sessions: bool, has_times: bool) -> Self {
        Self {
            users: Vec::new(),
            songs: Vec::new(),
            sessions: has_sessions.then(Vec::new),
            times: has_times.then(Vec::new),
        }
    }

    /// Adds a play. `user`, `song` and `session` are codes in order of first occurrence, `time`
    /// is any number that grows with time; what the builder was told not to expect is ignored.
    pub fn push(&mut self, user: u32, song: u32, session: u32, time: i64) {
        self.users.push(user);
        self.songs.push(song);
        if let Some(sessions) = &mut self.sessions {
            sessions.push(session);
        }
        if let Some(times) = &mut self.times {
            times.push(time);
        }
    }

    /// How many plays were added.
    pub fn len(&self) -> usize {
        self.songs.len()
    }

    /// The memory in bytes that the plays so far take while they are ordered.
    pub fn bytes(&self) -> u64 {
        let session = if self.sessions.is_some() { 4 } else { 0 };
        let time = if self.times.is_some() { 8 } else { 0 };
        // User, song, the order of rows, and the packed song.
        self.len() as u64 * (4 + 4 + session + time + 4 + 4)
    }

    /// Whether no play was added.
    pub fn is_empty(&self) -> bool {
        self.songs.is_empty()
    }

    /// Orders the plays by user, then session (by its first play), then time, then row.
    ///
    /// `user_ranks` and `song_ranks` give the index of each code; there are as many users as
    /// `user_ranks` has entries, with or without plays.
    ///
    /// # Errors
    /// Too many plays; the analyst stopped the statement.
    pub fn finish(
        mut self,
        user_ranks: &[u32],
        song_ranks: &[u32],
        control: &Control,
    ) -> Result<Plays> {
        if self.len() > MAX_PLAYS {
            return Err(Error::data(format!(
                "there are {} plays, but a model holds at most {MAX_PLAYS}: give fewer, for \
                 example the latest year in a query in parentheses",
                self.len()
            )));
        }
        for user in &mut self.users {
            *user = user_ranks[*user as usize];
        }
        control.check()?;
        let (mut rows, user_offsets) = group_by_user(&self.users, user_ranks.len());
        control.check()?;
        self.order_within_users(&mut rows, control)?;
        Ok(self.pack(&rows, &user_offsets, song_ranks))
    }

    fn order_within_users(&self, rows: &mut [u32], control: &Control) -> Result<()> {
        let (times, sessions) = (self.times.as_deref(), self.sessions.as_deref());
        if times.is_none() && sessions.is_none() {
            return Ok(());
        }
        rows.par_chunk_by_mut(|&a, &b| self.users[a as usize] == self.users[b as usize])
            .try_for_each(|rows| {
                control.check()?;
                if let Some(times) = times {
                    rows.sort_by_key(|&row| times[row as usize]);
                }
                if let Some(sessions) = sessions {
                    let mut ranks = HashMap::new();
                    for &row in rows.iter() {
                        let next = ranks.len();
                        ranks.entry(sessions[row as usize]).or_insert(next);
                    }
                    rows.sort_by_cached_key(|&row| ranks[&sessions[row as usize]]);
                }
                Ok(())
            })
    }

    fn pack(&self, rows: &[u32], user_offsets: &[usize], song_ranks: &[u32]) -> Plays {
        let songs = rows.iter().map(|&row| song_ranks[self.songs[row as usize] as usize]).collect();
        let mut session_offsets = vec![0];
        let mut user_sessions = vec![0];
        // The row of each session's last play.
        let mut last_rows = Vec::new();
        for bounds in user_offsets.windows(2) {
            let rows = &rows[bounds[0]..bounds[1]];
            for (position, pair) in rows.windows(2).enumerate() {
                let changes = self.sessions.as_deref().is_some_and(|sessions| {
                    sessions[pair[0] as usize] != sessions[pair[1] as usize]
                });
                if changes {
                    last_rows.push(pair[0]);
                    session_offsets.push((bounds[0] + position + 1) as u64);
                }
            }
            if let Some(&last) = rows.last() {
                last_rows.push(last);
                session_offsets.push(bounds[1] as u64);
            }
            user_sessions.push((session_offsets.len() - 1) as u32);
        }
        let session_ranks = self.rank_sessions(&last_rows);
        Plays { songs, session_offsets, user_sessions, session_ranks }
    }

    /// The place of each session by the time of its last play; of equal times by user, so that it
    /// does not hang on how the rows of different users are mixed. None without times.
    fn rank_sessions(&self, last_rows: &[u32]) -> Vec<u32> {
        let Some(times) = &self.times else { return Vec::new() };
        let mut order: Vec<u32> = (0..last_rows.len() as u32).collect();
        order.par_sort_unstable_by_key(|&session| {
            (times[last_rows[session as usize] as usize], session)
        });
        let mut ranks = vec![0; order.len()];
        for (rank, &session) in order.iter().enumerate() {
            ranks[session as usize] = rank as u32;
        }
        ranks
    }
}

/// Row numbers in order of user, then row; and where each user's rows start.
fn group_by_user(users: &[u32], count: usize) -> (Vec<u32>, Vec<usize>) {
    let mut offsets = vec![0; count + 1];
    for &user in users {
        offsets[user as usize + 1] += 1;
    }
    for user in 0..count {
        offsets[user + 1] += offsets[user];
    }
    let mut next = offsets.clone();
    let mut rows = vec![0; users.len()];
    for (row, &user) in users.iter().enumerate() {
        let place = &mut next[user as usize];
        rows[*place] = row as u32;
        *place += 1;
    }
    (rows, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of (user, song, session, time), with ids equal to codes.
    fn plays(rows: &[(u32, u32, u32, i64)], sessions: bool, times: bool, users: u32) -> Plays {
        let mut builder = PlaysBuilder::new(sessions, times);
        for &(user, song, session, time) in rows {
            builder.push(user, song, session, time);
        }
        let same: Vec<u32> = (0..users).collect();
        let songs: Vec<u32> = (0..100).collect();
        builder.finish(&same, &songs, &Control::default()).unwrap()
    }

    #[test]
    fn orders_by_time_and_keeps_row_order_for_equal_times() {
        let plays =
            plays(&[(1, 5, 0, 9), (0, 1, 0, 3), (1, 6, 0, 2), (1, 7, 0, 9)], false, true, 3);
        assert_eq!(plays.history(0), [1]);
        assert_eq!(plays.history(1), [6, 5, 7]);
        assert_eq!(plays.history(2), [0; 0]);
        assert_eq!(plays.sessions(), 2);
        assert_eq!(plays.last_session(2), [0; 0]);
    }

    #[test]
    fn sessions_come_in_order_of_their_first_play_and_stay_whole() {
        // Session 8 starts first; session 3 is interleaved with it.
        let rows = [(0, 1, 3, 20), (0, 2, 8, 10), (0, 3, 8, 30), (0, 4, 3, 25), (1, 5, 8, 1)];
        let plays = plays(&rows, true, true, 2);
        assert_eq!(plays.session(0), [2, 3]);
        assert_eq!(plays.session(1), [1, 4]);
        // The other user's session ended first.
        assert_eq!(plays.session_ranks, [2, 1, 0]);
        // The same session id of another user is another session.
        assert_eq!(plays.sessions_of(1), 2..3);
        assert_eq!(plays.history(1), [5]);
    }

    #[test]
    fn without_times_rows_are_the_order() {
        let plays = plays(&[(0, 9, 1, 0), (0, 9, 1, 0), (0, 2, 0, 0)], true, false, 1);
        assert_eq!(plays.history(0), [9, 9, 2]);
        assert_eq!(plays.sessions(), 2);
        // Nothing says which session of whom ended first.
        assert!(plays.session_ranks.is_empty() && !plays.has_times());
    }

    #[test]
    fn nothing_gives_users_without_sessions() {
        let plays = plays(&[], true, true, 2);
        assert_eq!(plays.user_sessions, [0, 0, 0]);
        assert_eq!(plays.sessions(), 0);
    }

    #[test]
    fn a_stop_is_obeyed() {
        let mut builder = PlaysBuilder::new(false, true);
        builder.push(0, 0, 0, 0);
        let control = Control::default();
        control.stop();
        let result = builder.finish(&[0], &[0], &control);
        assert!(matches!(result, Err(Error::Interrupted)));
    }
}
