//! Which predictions an evaluation asks for, and the ranks the answers get among all songs.

use super::answer::{Repeats, answer, contexts_at_once};
use crate::control::Control;
use crate::data::{Dataset, TestPlays};
use crate::error::{Error, Result};
use crate::nn;
use crate::train::{Context, Model};

/// What the model is told before it predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The songs before it in the same test session.
    Session,
    /// The user's latest training session (their whole history where plays have no sessions),
    /// followed by the test plays before it.
    History,
}

/// Which plays of a test session are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// All that have something before them.
    Every,
    /// The last one.
    Last,
}

/// How an evaluation is run.
#[derive(Debug, Clone, Copy)]
pub struct Cases {
    /// What the model is told.
    pub protocol: Protocol,
    /// Which plays are predicted.
    pub targets: Targets,
    /// What happens to songs heard before.
    pub repeats: Repeats,
    /// Whether plays of songs unknown to the model are left out; otherwise they are misses.
    pub skip_unknown: bool,
}

/// The outcome of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranks {
    /// The rank of each case's answer among all songs, from 1, behind songs of equal score; `None`
    /// where the model cannot rank it: an unknown song, or one that `repeats` rules out.
    pub ranks: Vec<Option<usize>>,
    /// How many answers are songs unknown to the model, counted whether skipped or not.
    pub unknown: usize,
}

struct Case {
    user: Option<u32>,
    /// The context's songs, in `Prepared::songs`.
    start: usize,
    end: usize,
    target: u32,
}

#[derive(Default)]
struct Prepared {
    songs: Vec<u32>,
    cases: Vec<Case>,
    unknown: usize,
}

/// Ranks the answer of every case.
///
/// # Errors
/// The model fails or scores NaN; the evaluation is stopped.
pub fn ranks(
    model: &dyn Model,
    dataset: &Dataset,
    test: &TestPlays,
    cases: Cases,
    control: &Control,
) -> Result<Ranks> {
    let prepared = prepare(dataset, test, cases);
    let songs = dataset.songs.len();
    let mut ranks = Vec::with_capacity(prepared.cases.len());
    let rows = contexts_at_once(songs);
    let mut scores = vec![0.0; rows.min(prepared.cases.len()) * songs];
    for batch in prepared.cases.chunks(rows) {
        control.check()?;
        let contexts: Vec<Context<'_>> = batch
            .iter()
            .map(|case| Context { user: case.user, songs: &prepared.songs[case.start..case.end] })
            .collect();
        let scores = &mut scores[..batch.len() * songs];
        answer(model, dataset, &contexts, cases.repeats, scores)?;
        for (case, scores) in batch.iter().zip(scores.chunks_exact(songs.max(1))) {
            ranks.push(rank(scores, case.target)?);
        }
    }
    Ok(Ranks { ranks, unknown: prepared.unknown })
}

fn rank(scores: &[f32], target: u32) -> Result<Option<usize>> {
    if target == TestPlays::UNKNOWN_SONG {
        return Ok(None);
    }
    let rank = nn::rank_of(scores, target).ok_or_else(|| {
        Error::Compute(
            "the model scores songs as NaN, so they cannot be ranked; train it again with a lower \
             learning_rate"
                .into(),
        )
    })?;
    Ok((scores[target as usize] > f32::NEG_INFINITY).then_some(rank))
}

fn prepare(dataset: &Dataset, test: &TestPlays, cases: Cases) -> Prepared {
    let mut prepared = Prepared::default();
    let (mut start, mut last_user) = (0, None);
    for session in 0..test.sessions() {
        let user = test.users[session];
        let plays = test.session(session);
        // A history runs on over all test sessions of its user, which follow one another.
        let goes_on = cases.protocol == Protocol::History && user.is_some() && user == last_user;
        last_user = user;
        if !goes_on {
            start = prepared.songs.len();
        }
        let mut first = usize::from(!goes_on);
        if cases.protocol == Protocol::History
            && !goes_on
            && let Some(user) = user
        {
            prepared.songs.extend_from_slice(dataset.plays.last_session(user));
            first = 0;
        }
        for (position, &target) in plays.iter().enumerate() {
            let wanted = position >= first
                && (cases.targets == Targets::Every || position + 1 == plays.len());
            let known = target != TestPlays::UNKNOWN_SONG;
            if wanted {
                prepared.unknown += usize::from(!known);
                if known || !cases.skip_unknown {
                    let end = prepared.songs.len();
                    prepared.cases.push(Case { user, start, end, target });
                }
            }
            if known {
                prepared.songs.push(target);
            }
        }
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Keys, Plays, Vocab};
    use crate::train::Weights;

    /// Scores song `i` as `-|i - last|`, so that the last song itself is best.
    struct Near(usize);

    impl Model for Near {
        fn score_all(&self, contexts: &[Context<'_>], out: &mut [f32]) -> Result<()> {
            for (scores, context) in out.chunks_exact_mut(self.0).zip(contexts) {
                let last = context.songs.last().copied().unwrap_or(0) as f32;
                for (song, score) in scores.iter_mut().enumerate() {
                    *score = -(song as f32 - last).abs();
                }
            }
            Ok(())
        }

        fn weights(&self) -> Result<Weights> {
            Ok(Weights::new())
        }
    }

    struct Broken;

    impl Model for Broken {
        fn score_all(&self, _: &[Context<'_>], out: &mut [f32]) -> Result<()> {
            out.fill(f32::NAN);
            Ok(())
        }

        fn weights(&self) -> Result<Weights> {
            Ok(Weights::new())
        }
    }

    /// One user who played song 4 then 3; five songs.
    fn dataset() -> Dataset {
        Dataset {
            users: Vocab::new("BIGINT", Keys::Integers(vec![7])),
            songs: Vocab::new("BIGINT", Keys::Integers((0..5).collect())),
            user_fields: Vec::new(),
            song_fields: Vec::new(),
            plays: Plays::in_order(vec![4, 3], vec![0, 2], vec![0, 1]),
            play_counts: vec![0, 0, 0, 1, 1],
            has_sessions: true,
            rejected: 0,
            notes: Vec::new(),
            fingerprint: String::new(),
        }
    }

    fn test_plays(user: Option<u32>, songs: &[u32]) -> TestPlays {
        TestPlays {
            users: vec![user],
            session_offsets: vec![0, songs.len() as u64],
            songs: songs.to_vec(),
            has_sessions: true,
            rejected: 0,
            notes: Vec::new(),
        }
    }

    const EVERY: Cases = Cases {
        protocol: Protocol::Session,
        targets: Targets::Every,
        repeats: Repeats::Allow,
        skip_unknown: false,
    };

    fn run(user: Option<u32>, songs: &[u32], cases: Cases) -> Ranks {
        let test = test_plays(user, songs);
        ranks(&Near(5), &dataset(), &test, cases, &Control::default()).unwrap()
    }

    #[test]
    fn every_prefix_of_a_session_is_a_case_and_ties_rank_last() {
        // After 0 comes 1: second. After 1 comes 0, tied with 2: third.
        assert_eq!(run(None, &[0, 1, 0], EVERY).ranks, [Some(2), Some(3)]);
        let last = Cases { targets: Targets::Last, ..EVERY };
        assert_eq!(run(None, &[0, 1, 0], last).ranks, [Some(3)]);
    }

    #[test]
    fn histories_go_on_from_the_training_plays() {
        let history = Cases { protocol: Protocol::History, ..EVERY };
        // After 3 come 2 and 4, then 1: fourth.
        assert_eq!(run(Some(0), &[3, 1], history).ranks, [Some(1), Some(4)]);
        // Of an unknown user nothing is known before the first play.
        assert_eq!(run(None, &[3, 1], history).ranks.len(), 1);
    }

    #[test]
    fn a_history_runs_on_over_the_sessions_of_its_user() {
        let mut test = test_plays(Some(0), &[2, 1]);
        test.users = vec![Some(0); 2];
        test.session_offsets = vec![0, 1, 2];
        let history = Cases { protocol: Protocol::History, ..EVERY };
        let ranks = ranks(&Near(5), &dataset(), &test, history, &Control::default()).unwrap();
        // After 3 come 2 and 4, tied, so 2 is third; after 2 come 1 and 3.
        assert_eq!(ranks.ranks, [Some(3), Some(3)]);
    }

    #[test]
    fn unknown_songs_are_misses_or_skipped_and_counted() {
        let songs = [0, TestPlays::UNKNOWN_SONG, 0];
        let missed = run(None, &songs, EVERY);
        assert_eq!((missed.ranks, missed.unknown), (vec![None, Some(1)], 1));
        let skipped = run(None, &songs, Cases { skip_unknown: true, ..EVERY });
        assert_eq!((skipped.ranks, skipped.unknown), (vec![Some(1)], 1));
    }

    #[test]
    fn heard_songs_can_be_ruled_out_or_required() {
        let exclude = Cases { repeats: Repeats::Exclude, ..EVERY };
        // Heard: 4 and 3 in training, 2 in the session; after 2 comes 3.
        assert_eq!(run(Some(0), &[2, 3], exclude).ranks, [None]);
        assert_eq!(run(Some(0), &[2, 1], exclude).ranks, [Some(1)]);
        let only = Cases { repeats: Repeats::Only, ..EVERY };
        assert_eq!(run(Some(0), &[2, 3], only).ranks, [Some(2)]);
        assert_eq!(run(Some(0), &[2, 1], only).ranks, [None]);
    }

    #[test]
    fn contexts_without_songs_get_popularity() {
        let songs = [TestPlays::UNKNOWN_SONG, 3, 0];
        // 3 and 4 were played once each: tied at the top.
        assert_eq!(run(None, &songs, EVERY).ranks[0], Some(2));
    }

    #[test]
    fn nan_is_an_error_not_a_rank() {
        let test = test_plays(None, &[0, 1]);
        let outcome = ranks(&Broken, &dataset(), &test, EVERY, &Control::default());
        assert!(outcome.unwrap_err().to_string().contains("NaN"));
    }

    #[test]
    fn a_stop_ends_the_evaluation() {
        let control = Control::default();
        control.stop();
        let outcome = ranks(&Near(5), &dataset(), &test_plays(None, &[0, 1]), EVERY, &control);
        assert!(matches!(outcome, Err(Error::Interrupted)));
    }
}
