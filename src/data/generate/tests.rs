//! The planted structure, measured.

use std::collections::{HashMap, HashSet};

use super::*;

/// Plan with a thousand users, enough for shares to settle.
fn plan(aspects: &[Aspect]) -> ListeningPlan {
    ListeningPlan {
        users: 1000,
        songs: 600,
        plays: 60_000,
        seed: 7,
        aspects: aspects.to_vec(),
        ..ListeningPlan::default()
    }
}

/// What a song has of each aspect, read from the rows that models see.
fn values_of(listening: &Listening) -> Vec<[HashSet<String>; 4]> {
    let songs = &listening.songs;
    let mut values: Vec<[HashSet<String>; 4]> = (0..songs.song_id.len())
        .map(|i| {
            [
                HashSet::from([songs.artist[i].to_owned()]),
                HashSet::from([songs.genre[i].to_owned()]),
                songs.tags[i].iter().map(|&tag| tag.to_owned()).collect(),
                HashSet::new(),
            ]
        })
        .collect();
    let chords = &listening.chords;
    for row in 0..chords.len() {
        if CHORD_PLACES.contains(&(chords.position[row] as usize)) {
            let value = format!("{} at {}", chords.chord(row), chords.position[row]);
            values[chords.song_id[row] as usize - 1][3].insert(value);
        }
    }
    values
}

/// For users of each planted aspect: how often two consecutive songs of a session share a value of
/// each aspect.
fn shared(listening: &Listening) -> [[f64; 4]; 4] {
    let values = values_of(listening);
    let plays = &listening.plays;
    let mut counts = [[0.0; 4]; 4];
    let mut pairs = [0.0; 4];
    for row in 1..plays.song_id.len() {
        if plays.session_id[row] != plays.session_id[row - 1] {
            continue;
        }
        let planted = listening.user_aspects[plays.user_id[row] as usize - 1];
        let planted = Aspect::ALL.iter().position(|&aspect| aspect == planted).unwrap();
        let (a, b) = (plays.song_id[row - 1] as usize - 1, plays.song_id[row] as usize - 1);
        pairs[planted] += 1.0;
        for aspect in 0..4 {
            if !values[a][aspect].is_disjoint(&values[b][aspect]) {
                counts[planted][aspect] += 1.0;
            }
        }
    }
    for (row, total) in counts.iter_mut().zip(pairs) {
        row.iter_mut().for_each(|count| *count /= total);
    }
    counts
}

#[test]
fn consecutive_songs_share_the_planted_aspect_and_no_other() {
    let shares = shared(&generate(&plan(&Aspect::ALL)).unwrap());
    for (planted, row) in shares.iter().enumerate() {
        for (aspect, &share) in row.iter().enumerate() {
            if aspect == planted {
                // .85² of pairs without noise, .9 of which stay on their value.
                assert!((0.6..0.8).contains(&share), "{shares:?}");
            } else {
                assert!(share < 0.2, "{shares:?}");
            }
        }
    }
}

#[test]
fn noise_and_stay_set_how_strong_the_structure_is() {
    let pure = ListeningPlan { noise: 0.0, stay: 1.0, ..plan(&[Aspect::Genre]) };
    let share = shared(&generate(&pure).unwrap())[1][1];
    assert_eq!(share, 1.0);
    let none = ListeningPlan { noise: 1.0, ..pure };
    assert!(shared(&generate(&none).unwrap())[1][1] < 0.15);
}

#[test]
fn every_planned_aspect_has_a_similar_share_of_users() {
    for aspects in [&Aspect::ALL[..], &Aspect::ALL[..3], &Aspect::ALL[1..3], &Aspect::ALL[3..]] {
        let listening = generate(&plan(aspects)).unwrap();
        for aspect in Aspect::ALL {
            let share =
                listening.user_aspects.iter().filter(|&&a| a == aspect).count() as f64 / 1000.0;
            let fair = if aspects.contains(&aspect) { 1.0 / aspects.len() as f64 } else { 0.0 };
            assert!((share - fair).abs() < 0.03, "{aspect}: {share} of {aspects:?}");
        }
    }
}

#[test]
fn the_aspect_follows_from_age_and_gender() {
    let listening = generate(&plan(&Aspect::ALL)).unwrap();
    let mut known = HashMap::new();
    let mut by_age: HashMap<i32, HashSet<Aspect>> = HashMap::new();
    for (user, &aspect) in listening.user_aspects.iter().enumerate() {
        if let (Some(age), Some(gender)) = (listening.users.age[user], listening.users.gender[user])
        {
            assert_eq!(*known.entry((age, gender)).or_insert(aspect), aspect);
            by_age.entry(age).or_default().insert(aspect);
        }
    }
    assert!(by_age.values().any(|aspects| aspects.len() > 1), "gender says nothing");
}

#[test]
fn a_few_attributes_are_missing() {
    let users = generate(&plan(&Aspect::ALL)).unwrap().users;
    assert_eq!(users.user_id, (1..=1000).collect::<Vec<i64>>());
    let missing = [
        users.age.iter().filter(|v| v.is_none()).count(),
        users.gender.iter().filter(|v| v.is_none()).count(),
        users.country.iter().filter(|v| v.is_none()).count(),
    ];
    assert!(missing.iter().all(|count| (10..=60).contains(count)), "{missing:?}");
}

#[test]
fn values_of_all_aspects_have_similar_numbers_of_songs_and_are_crossed() {
    let listening = generate(&plan(&Aspect::ALL)).unwrap();
    let values = values_of(&listening);
    for aspect in 0..4 {
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        values.iter().flat_map(|v| &v[aspect]).for_each(|v| *sizes.entry(v).or_default() += 1);
        assert!(sizes.values().all(|size| (12..=24).contains(size)), "{aspect}: {sizes:?}");
    }
    let artist = listening.songs.artist[0];
    let genres: HashSet<_> = (0..600)
        .filter(|&i| listening.songs.artist[i] == artist)
        .map(|i| listening.songs.genre[i])
        .collect();
    assert!(genres.len() >= 8, "{artist}'s songs have only {genres:?}");
}

#[test]
fn songs_have_tags_chords_and_albums_as_documented() {
    let listening = generate(&plan(&Aspect::ALL)).unwrap();
    let songs = &listening.songs;
    let mut album_artist = HashMap::new();
    for i in 0..600 {
        let distinct: HashSet<_> = songs.tags[i].iter().collect();
        assert!((1..=3).contains(&songs.tags[i].len()) && distinct.len() == songs.tags[i].len());
        let entry = (songs.artist[i], songs.year[i]);
        assert_eq!(*album_artist.entry(&songs.album[i]).or_insert(entry), entry);
    }
    let mut lengths = vec![0; 600];
    for row in 0..listening.chords.len() {
        let song = listening.chords.song_id[row] as usize - 1;
        assert_eq!(listening.chords.position[row], lengths[song]);
        lengths[song] += 1;
        let (root, quality) = listening.chords.chord(row).split_once(':').unwrap();
        assert!(!root.is_empty() && ["maj", "min", "7", "maj7"].contains(&quality));
    }
    assert!(lengths.iter().all(|length| (40..=120).contains(length)));
}

#[test]
fn popularity_has_a_long_tail() {
    let listening = generate(&plan(&Aspect::ALL)).unwrap();
    let share = |ids: &[i64], entities: usize| {
        let mut counts = vec![0u32; entities];
        ids.iter().for_each(|&id| counts[id as usize - 1] += 1);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let top: u32 = counts[..entities / 10].iter().sum();
        (f64::from(top) / ids.len() as f64, counts[entities - 1])
    };
    let (songs, _) = share(&listening.plays.song_id, 600);
    assert!((0.3..0.7).contains(&songs), "top tenth of songs has {songs}");
    let (users, least) = share(&listening.plays.user_id, 1000);
    assert!((0.25..0.7).contains(&users), "top tenth of users has {users}");
    assert!(least >= 5, "a user has {least} plays");
}

#[test]
fn sessions_are_ordered_and_apart() {
    let listening = generate(&plan(&Aspect::ALL)).unwrap();
    let plays = &listening.plays;
    assert!(plays.session_id.is_sorted() && plays.user_id.is_sorted());
    let mut lengths: HashMap<i64, usize> = HashMap::new();
    plays.session_id.iter().for_each(|&id| *lengths.entry(id).or_default() += 1);
    assert!(lengths.values().all(|length| (5..=20).contains(length)));
    for row in 1..plays.song_id.len() {
        if plays.user_id[row] != plays.user_id[row - 1] {
            assert_ne!(plays.session_id[row], plays.session_id[row - 1]);
            continue;
        }
        let gap = (plays.played_at[row] - plays.played_at[row - 1]) / 60_000_000;
        if plays.session_id[row] == plays.session_id[row - 1] {
            assert!((2..6).contains(&gap));
            assert_ne!(plays.song_id[row], plays.song_id[row - 1], "an immediate repeat");
        } else {
            assert!((180..60 * 24 * 30).contains(&gap), "{gap} minutes");
        }
    }
}

#[test]
fn counts_are_exact_at_every_size() {
    for (users, songs, plays) in
        [(1, 20, 1), (3, 20, 3), (3, 21, 11), (7, 50, 1000), (100, 5000, 499)]
    {
        let plan = ListeningPlan { users, songs, plays, ..ListeningPlan::default() };
        let made = generate(&plan).unwrap();
        assert_eq!(made.plays.song_id.len(), plays);
        assert_eq!(made.plays.played_at.len(), plays);
        assert_eq!(made.songs.song_id.len(), songs);
        assert_eq!(made.users.user_id.len(), users);
        assert_eq!(made.user_aspects.len(), users);
        let listeners: HashSet<_> = made.plays.user_id.iter().collect();
        assert_eq!(listeners.len(), users, "every user has a play");
        assert!(made.plays.song_id.iter().all(|&id| (1..=songs as i64).contains(&id)));
    }
}

#[test]
fn a_seed_decides_everything() {
    let once = generate(&plan(&Aspect::ALL)).unwrap();
    assert_eq!(once, generate(&plan(&Aspect::ALL)).unwrap());
    let other = generate(&ListeningPlan { seed: 8, ..plan(&Aspect::ALL) }).unwrap();
    assert_ne!(once.plays, other.plays);
    assert_ne!(once.songs, other.songs);
    assert_ne!(once.users, other.users);
    assert_ne!(once.chords, other.chords);
}

#[test]
fn more_plays_leave_songs_and_users_as_they_were() {
    let small = generate(&plan(&Aspect::ALL)).unwrap();
    let large = generate(&ListeningPlan { plays: 70_000, ..plan(&Aspect::ALL) }).unwrap();
    assert_eq!((small.songs, small.users), (large.songs, large.users));
}

#[test]
fn bad_plans_name_the_option() {
    let base = ListeningPlan::default;
    let cases = [
        (ListeningPlan { users: 0, ..base() }, "users", "from 1"),
        (ListeningPlan { songs: 19, ..base() }, "songs", "from 20"),
        (ListeningPlan { songs: SONGS_MAX + 1, ..base() }, "songs", "100000000"),
        (ListeningPlan { plays: 0, ..base() }, "plays", "from 1"),
        (ListeningPlan { plays: 199, ..base() }, "plays", "200 users"),
        (ListeningPlan { noise: 1.01, ..base() }, "noise", "from 0 to 1"),
        (ListeningPlan { noise: f64::NAN, ..base() }, "noise", "from 0 to 1"),
        (ListeningPlan { stay: -0.5, ..base() }, "stay", "from 0 to 1"),
        (ListeningPlan { aspects: vec![], ..base() }, "aspects", "artist, genre, tags, chords"),
        (
            ListeningPlan { aspects: vec![Aspect::Tags, Aspect::Tags], ..base() },
            "aspects",
            "'tags' twice",
        ),
    ];
    for (plan, option, part) in cases {
        let message = generate(&plan).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("generate_listening: option '{option}'")),
            "{message}"
        );
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn aspects_are_parsed_by_name() {
    for aspect in Aspect::ALL {
        assert_eq!(aspect.as_str().parse::<Aspect>().unwrap(), aspect);
    }
    assert_eq!("Genre".parse::<Aspect>().unwrap(), Aspect::Genre);
    let message = "mood".parse::<Aspect>().unwrap_err().to_string();
    assert!(message.contains("'mood'") && message.contains("artist, genre, tags, chords"));
}

#[test]
fn a_stop_interrupts() {
    let control = Control::default();
    control.stop();
    assert!(matches!(generate_with(&plan(&Aspect::ALL), &control), Err(Error::Interrupted)));
}
