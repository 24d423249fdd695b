//! Which plays are predicted, and what is told before.

use super::*;
use crate::data::{Keys, Plays, Vocab};

fn vocab(keys: &[i64]) -> Vocab {
    Vocab::new("BIGINT", Keys::Integers(keys.to_vec()))
}

/// Users 7 and 8 of a model that knows songs 0 to 4; user 7 played 4 then 3 in one session and 2 in
/// the next.
fn dataset() -> Dataset {
    Dataset {
        users: vocab(&[7, 8]),
        ..Dataset::of_plays(Plays::in_order(vec![4, 3, 2], vec![0, 2, 3], vec![0, 2, 2]), 5)
    }
}

/// The model's user 7 plays 0 1 and then 9 2 3, of which it does not know 9; user 5, whom it does
/// not know, plays 1 1 4.
fn test_plays() -> TestPlays {
    TestPlays {
        users: vocab(&[5, 7]),
        songs: vocab(&[0, 1, 2, 3, 4, 9]),
        plays: Plays::in_order(vec![1, 1, 4, 0, 1, 5, 2, 3], vec![0, 3, 5, 8], vec![0, 1, 3]),
        has_users: true,
        has_sessions: true,
        history: None,
        negatives: None,
        candidates: None,
        rejected: 0,
        notes: Vec::new(),
    }
}

/// What is told, as the model's songs, and what is right, as the test's.
type Expected = (Vec<u32>, Vec<u32>);

/// Every case, and how many answers the model does not know.
fn run(test: &TestPlays, asked: Asked) -> (Vec<Expected>, usize) {
    let data = dataset();
    let known = test.known(&data);
    let cases = Cases::new(test, &[&known], asked);
    let told = Told::new(&cases, &known, &data);
    let case = |case| (told.before(case).to_vec(), cases.targets(case));
    (cases.list.iter().map(case).collect(), cases.unknown)
}

const EVERY: Asked =
    Asked { protocol: Protocol::Session, targets: Targets::Every, skip_unknown: false };

#[test]
fn every_prefix_of_a_session_is_a_case() {
    let expected = vec![
        (vec![1], vec![1]),
        (vec![1, 1], vec![4]),
        (vec![0], vec![1]),
        // The model is not told of song 9, which it does not know.
        (vec![], vec![2]),
        (vec![2], vec![3]),
    ];
    assert_eq!(run(&test_plays(), EVERY), (expected.clone(), 0));
    let last = Asked { targets: Targets::Last, ..EVERY };
    let of = |places: &[usize]| places.iter().map(|&at| expected[at].clone()).collect::<Vec<_>>();
    assert_eq!(run(&test_plays(), last), (of(&[1, 2, 4]), 0));
}

#[test]
fn all_that_remains_is_right_at_once_and_a_song_counts_once() {
    let remaining = Asked { targets: Targets::Remaining, ..EVERY };
    let expected = vec![
        (vec![1], vec![1, 4]),
        (vec![1, 1], vec![4]),
        (vec![0], vec![1]),
        (vec![], vec![2, 3]),
        (vec![2], vec![3]),
    ];
    assert_eq!(run(&test_plays(), remaining), (expected, 0));
}

#[test]
fn histories_go_on_from_the_latest_training_session() {
    let history = Asked { protocol: Protocol::History, ..EVERY };
    let (cases, unknown) = run(&test_plays(), history);
    let told: Vec<&[u32]> = cases.iter().map(|case| case.0.as_slice()).collect();
    // Of user 5 nothing is known before the first play.
    let expected: [&[u32]; 7] =
        [&[1], &[1, 1], &[2], &[2, 0], &[2, 0, 1], &[2, 0, 1], &[2, 0, 1, 2]];
    assert_eq!((told.as_slice(), unknown), (&expected[..], 1));
    let skip = Asked { skip_unknown: true, ..history };
    let (cases, unknown) = run(&test_plays(), skip);
    assert_eq!((cases.len(), unknown), (6, 1));
    // All of a session at once, told nothing of it: user 5 cannot be asked.
    let all = Asked { targets: Targets::All, ..history };
    let expected = vec![(vec![2], vec![0, 1]), (vec![2, 0, 1], vec![2, 3, 5])];
    assert_eq!(run(&test_plays(), all), (expected, 1));
    let skip = Asked { skip_unknown: true, ..all };
    assert_eq!(run(&test_plays(), skip).0[1].1, [2, 3]);
}

#[test]
fn only_histories_continue_a_session_of_the_training_plays() {
    let (data, test) = (dataset(), test_plays());
    let known = test.known(&data);
    let continues = |protocol, user, songs: &[u32]| {
        let cases = Cases::new(&test, &[&known], Asked { protocol, ..EVERY });
        Told::new(&cases, &known, &data).continues(user, songs, &data)
    };
    assert!(continues(Protocol::History, Some(0), &[2, 0]));
    assert!(!continues(Protocol::History, Some(0), &[3, 2]));
    assert!(!continues(Protocol::History, None, &[2, 0]));
    // A test session that happens to begin like it is another.
    assert!(!continues(Protocol::Session, Some(0), &[2, 0]));
}

#[test]
fn a_history_takes_the_place_of_the_training_plays() {
    let mut test = test_plays();
    // User 5 played 3 and 9, user 7 nothing.
    test.history = Some(Plays::in_order(vec![3, 5], vec![0, 2], vec![0, 1, 1]));
    let last = Asked { protocol: Protocol::History, targets: Targets::All, ..EVERY };
    let expected = vec![(vec![3], vec![1, 4]), (vec![0, 1], vec![2, 3, 5])];
    assert_eq!(run(&test, last), (expected, 1));
}

#[test]
fn only_candidates_are_right() {
    let mut test = test_plays();
    test.candidates = Some(vec![3, 5]);
    // Song 9 is a candidate that the model does not know.
    let expected = vec![(vec![2], vec![3])];
    assert_eq!(run(&test, EVERY), (expected, 0));
    let remaining = Asked { targets: Targets::Remaining, ..EVERY };
    assert_eq!(run(&test, remaining).0, [(vec![], vec![3]), (vec![2], vec![3])]);
}

#[test]
fn several_models_are_asked_what_any_can_be_told() {
    let (test, data) = (test_plays(), dataset());
    let known = test.known(&data);
    let mut other = known.clone();
    other.users = vec![Some(0), None];
    let history = Asked { protocol: Protocol::History, targets: Targets::All, skip_unknown: false };
    let cases = Cases::new(&test, &[&known, &other], history);
    assert_eq!(cases.list.len(), 3);
    let positions: Vec<usize> = cases.list.iter().map(|case| cases.position(case)).collect();
    assert_eq!(positions, [1, 1, 1]);
}
