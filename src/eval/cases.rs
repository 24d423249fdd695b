//! Which predictions an evaluation asks for, and what a model is told before each.

use super::opponents::Examinee;
use crate::data::{Dataset, Known, TestPlays};

/// What a model is told before it predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The songs before it in the same test session.
    Session,
    /// What the user played last (the latest session of the training plays or of
    /// [`TestPlays::history`]; all of them where those have no sessions), then the test plays before.
    History,
}

impl Protocol {
    /// The protocol for a test of which nothing else is said: histories if there are any given, or no
    /// session has a play before another.
    pub fn suited(test: &TestPlays) -> Self {
        let longer = |bounds: &[u64]| bounds[1] > bounds[0] + 1;
        let sessions = test.has_sessions && test.plays.session_offsets.windows(2).any(longer);
        if sessions && test.history.is_none() { Self::Session } else { Self::History }
    }
}

/// Which plays are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Each that has something before it.
    Every,
    /// The last one of each session.
    Last,
    /// From each that has something before it, all up to the end of the session at once.
    Remaining,
    /// All of a session at once, told nothing of it.
    All,
}

/// What is asked of all models.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What they are told.
    pub protocol: Protocol,
    /// Which plays are predicted.
    pub targets: Targets,
    /// Whether plays of songs that no model knows are left out; otherwise they are misses.
    pub skip_unknown: bool,
}

/// One prediction. Positions count the plays of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The listener, in [`TestPlays::users`].
    pub user: u32,
    /// The session of the test.
    pub session: usize,
    /// Where what the model is told of the test begins.
    pub start: usize,
    /// Where it ends, and the right answers begin.
    pub at: usize,
    /// Where the right answers end.
    pub end: usize,
}

/// All predictions of an evaluation, in order of user and time.
pub struct Cases<'a> {
    /// The plays.
    pub test: &'a TestPlays,
    /// What is asked.
    pub asked: Asked,
    /// The predictions.
    pub list: Vec<Case>,
    /// How many of the plays to predict are of songs that none of the models knows, counted whether
    /// skipped or not.
    pub unknown: usize,
    /// What each song is if it is played.
    answers: Vec<Answer>,
}

/// What a played song is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// A right answer that some model can give.
    Known,
    /// One that no model can give.
    Unknown,
    /// No candidate, and so no answer.
    Never,
}

impl<'a> Cases<'a> {
    /// The predictions asked of models that know of the test what `known` says, one for each model.
    ///
    /// A play is predicted where something comes before it: under [`Protocol::Session`] in its
    /// session, under [`Protocol::History`] also a play in [`TestPlays::history`] or, without that,
    /// the training of any of the models. Where there are candidates, only plays of these are
    /// predicted.
    pub fn new(test: &'a TestPlays, known: &[&Known], asked: Asked) -> Self {
        let songs = 0..test.songs.len() as u32;
        let is_known = |&song: &u32| known.iter().any(|known| known.song(song).is_some());
        let is_candidate = |song: &u32| {
            test.candidates.as_ref().is_none_or(|songs| songs.binary_search(song).is_ok())
        };
        let answers: Vec<Answer> = songs
            .map(|song| match (is_candidate(&song), is_known(&song)) {
                (false, _) => Answer::Never,
                (true, true) => Answer::Known,
                (true, false) => Answer::Unknown,
            })
            .collect();
        let mut cases = Self { test, asked, list: Vec::new(), unknown: 0, answers };
        for user in 0..test.users.len() as u32 {
            let past = match &test.history {
                Some(history) => !history.history(user).is_empty(),
                None => known.iter().any(|known| known.users[user as usize].is_some()),
            };
            for session in test.plays.sessions_of(user) {
                cases.add_session(user, session, past);
            }
        }
        cases
    }

    /// Adds the cases of a session; `past` says whether its user has plays before the test.
    fn add_session(&mut self, user: u32, session: usize, past: bool) {
        let plays = &self.test.plays;
        let offset = |session: usize| plays.session_offsets[session] as usize;
        let (begin, end) = (offset(session), offset(session + 1));
        let history = self.asked.protocol == Protocol::History;
        let start = if history { offset(plays.sessions_of(user).start) } else { begin };
        // With nothing before it, a session's first play cannot be predicted.
        let first = if begin > start || (history && past) { begin } else { begin + 1 };
        let spans: Vec<(usize, usize)> = match self.asked.targets {
            Targets::Every => (first..end).map(|at| (at, at + 1)).collect(),
            Targets::Last => (first..end).next_back().map(|at| (at, end)).into_iter().collect(),
            Targets::Remaining => (first..end).map(|at| (at, end)).collect(),
            Targets::All => (first == begin).then_some((begin, end)).into_iter().collect(),
        };
        if let Some(&(at, _)) = spans.first() {
            let unknown = |&&song: &&u32| self.answers[song as usize] == Answer::Unknown;
            self.unknown += plays.songs[at..end].iter().filter(unknown).count();
        }
        for (at, end) in spans {
            if plays.songs[at..end].iter().any(|&song| self.is_right(song)) {
                self.list.push(Case { user, session, start, at, end });
            }
        }
    }

    fn is_right(&self, song: u32) -> bool {
        match self.answers[song as usize] {
            Answer::Known => true,
            Answer::Unknown => !self.asked.skip_unknown,
            Answer::Never => false,
        }
    }

    /// The right answers of a case, in [`TestPlays::songs`], ascending, each once.
    pub fn targets(&self, case: &Case) -> Vec<u32> {
        let plays = self.test.plays.songs[case.at..case.end].iter().copied();
        let mut targets: Vec<u32> = plays.filter(|&song| self.is_right(song)).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// How many songs a model can rank.
    pub fn rankable(&self, model: &Examinee<'_>) -> usize {
        match &self.test.candidates {
            Some(songs) => songs.iter().filter(|&&song| model.known.song(song).is_some()).count(),
            None => model.dataset.songs.len(),
        }
    }

    /// The play of a case's first right answer: plays before it may be of songs left out.
    pub fn answer(&self, case: &Case) -> usize {
        let is_right = |&at: &usize| self.is_right(self.test.plays.songs[at]);
        (case.at..case.end).find(is_right).unwrap_or(case.at)
    }

    /// The number of that play in its session, from 1.
    pub fn position(&self, case: &Case) -> usize {
        self.answer(case) - self.test.plays.session_offsets[case.session] as usize + 1
    }
}

/// What one model is told in each case, in its own vocabulary.
pub(super) struct Told {
    /// For each listener what they played before the test, then their test plays, without songs that
    /// the model does not know.
    songs: Vec<u32>,
    /// For each listener where that begins.
    users: Vec<usize>,
    /// For each play of the test how many songs stand before it.
    plays: Vec<usize>,
    protocol: Protocol,
}

impl Told {
    /// Lays out the songs of all listeners.
    pub(super) fn new(cases: &Cases<'_>, known: &Known, dataset: &Dataset) -> Self {
        let (test, protocol) = (cases.test, cases.asked.protocol);
        let mut told = Self { songs: Vec::new(), users: Vec::new(), plays: Vec::new(), protocol };
        for user in 0..test.users.len() as u32 {
            told.users.push(told.songs.len());
            if protocol == Protocol::History {
                match (&test.history, known.users[user as usize]) {
                    (Some(history), _) => {
                        let songs = history.last_session(user).iter();
                        told.songs.extend(songs.filter_map(|&song| known.song(song)));
                    }
                    (None, Some(user)) => {
                        told.songs.extend_from_slice(dataset.plays.last_session(user));
                    }
                    (None, None) => {}
                }
            }
            for &song in test.plays.history(user) {
                told.plays.push(told.songs.len());
                told.songs.extend(known.song(song));
            }
        }
        told
    }

    /// What the model is told in a case.
    pub(super) fn before(&self, case: &Case) -> &[u32] {
        let start = match self.protocol {
            Protocol::Session => self.plays[case.start],
            Protocol::History => self.users[case.user as usize],
        };
        &self.songs[start..self.plays[case.at]]
    }

    /// Whether these songs of a case begin with the user's latest session of the training plays.
    pub(super) fn continues(&self, user: Option<u32>, songs: &[u32], dataset: &Dataset) -> bool {
        let trained = |user| dataset.plays.last_session(user);
        self.protocol == Protocol::History && user.is_some_and(|u| songs.starts_with(trained(u)))
    }
}

#[cfg(test)]
#[path = "cases_tests.rs"]
mod tests;
