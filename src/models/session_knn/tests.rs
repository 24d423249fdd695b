//! Votes by hand.

use super::*;
use crate::data::Plays;
use crate::train::Setting;

fn scores(options: &[(&str, Setting)], context: &[u32]) -> Vec<f32> {
    let context = Context { user: None, songs: context, continues: false };
    answer(options, context, true).unwrap()
}

/// Sessions 0–3 of user 0, of which 3 is the latest, if there are times.
fn answer(options: &[(&str, Setting)], context: Context, times: bool) -> Result<Vec<f32>> {
    let songs = vec![0, 1, 2, 0, 1, 3, 1, 4, 5, 5];
    let mut plays = Plays::in_order(songs, vec![0, 3, 6, 8, 10], vec![0, 4]);
    if !times {
        plays.session_ranks.clear();
    }
    let dataset = Dataset::of_plays(plays, 6);
    let mut settings = Options::defaults(SPEC.params);
    settings.set("paper", Setting::Bool(true));
    options.iter().for_each(|(name, setting)| settings.set(name, setting.clone()));
    let mut scores = vec![f32::NAN; 6];
    let training = (SPEC.start)(Arc::new(dataset), &SPEC.resolve(&settings), &Device::Cpu)?;
    training.model()?.score_all(&[context], &mut scores)?;
    Ok(scores)
}

#[test]
fn neighbours_vote_by_similarity_and_latest_match() {
    // Of [0, 1] song 0 weighs 1/2, song 1 weighs 1. Sessions 0 and 1 share both (1.5), session
    // 2 shares song 1 alone (1); all match at the end, at distance 1.
    assert_eq!(scores(&[], &[0, 1]), [3.0, 4.0, 1.5, 1.5, 1.0, 0.0]);
    // [1, 0]: sessions 0 and 1 as before; session 2 matches at distance 2 with weight 1/2.
    assert_eq!(scores(&[], &[1, 0]), [3.0, 3.25, 1.5, 1.5, 0.25, 0.0]);
    assert_eq!(scores(&[], &[]), [0.0; 6]);
}

#[test]
fn the_latest_sessions_are_compared_and_the_nearest_vote() {
    let sample = [("sample", Setting::Int(1))];
    assert_eq!(scores(&sample, &[0, 1]), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    // Sessions 0 and 1 are equally near: the later one votes.
    let nearest = [("neighbors", Setting::Int(1))];
    assert_eq!(scores(&nearest, &[0, 1]), [1.5, 1.5, 0.0, 1.5, 0.0, 0.0]);
}

#[test]
fn options_change_similarities_and_votes() {
    let text = |value: &str| Setting::Text(value.into());
    let cosine = scores(&[("similarity", text("cosine"))], &[0, 1])[4];
    assert!((cosine - 0.5_f32.sqrt()).abs() < 1e-6);
    // Session 2 has songs 1 and 4: one shared of three.
    let jaccard = scores(&[("similarity", text("jaccard"))], &[0, 1])[4];
    assert!((jaccard - 1.0 / 3.0).abs() < 1e-6);
    let idf = scores(&[("idf", Setting::Bool(true))], &[0, 1])[4];
    assert!((idf - 4.0_f32.ln()).abs() < 1e-6);
    let even = scores(&[("position_decay", text("none"))], &[0, 1])[2];
    assert!((even - 2.0).abs() < 1e-6);
    let quadratic = scores(&[("match_decay", text("quadratic"))], &[1, 0])[4];
    assert!((quadratic - 0.125).abs() < 1e-6);
    let latest = scores(&[("max_length", Setting::Int(1))], &[5, 0]);
    assert_eq!(latest[5], 0.0);
}

#[test]
fn votes_fall_with_distance_age_and_backwards() {
    let near = scores(&[("proximity", Setting::Float(2.0))], &[1]);
    // Session 0 is [0, 1, 2], session 1 [0, 1, 3], session 2 [1, 4]: a vote of 1 each.
    let one = (-0.5_f32).exp();
    let expected = [2.0 * one, 3.0, one, one, one, 0.0];
    assert!(near.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{near:?}");
    let forward = scores(&[("backward", Setting::Float(0.25))], &[1]);
    assert_eq!(forward, [0.5, 3.0, 1.0, 1.0, 1.0, 0.0]);
    // Of four sessions three ended after session 0.
    let aged = scores(&[("recency", Setting::Float(0.5))], &[1]);
    let age = |after: f32| (-after / 4.0 / 0.5).exp();
    let expected =
        [age(3.0) + age(2.0), age(3.0) + age(2.0) + age(1.0), age(3.0), age(2.0), age(1.0), 0.0];
    assert!(aged.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{aged:?}");
}

#[test]
fn a_song_that_a_neighbour_repeats_counts_where_it_is_nearest() {
    // Session 3 is [5, 5].
    let scores = scores(&[("proximity", Setting::Float(1.0))], &[5]);
    assert_eq!(scores[5], 1.0);
}

#[test]
fn a_running_session_is_no_neighbour_of_itself() {
    let context = Context { user: Some(0), songs: &[5, 5], continues: true };
    assert_eq!(answer(&[], context, true).unwrap(), [0.0; 6]);
    // A play after it, in session 2.
    let context = Context { songs: &[5, 5, 4], ..context };
    assert_eq!(answer(&[], context, true).unwrap(), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    // The same songs again are another session.
    let context = Context { continues: false, ..context };
    assert!(answer(&[], context, true).unwrap()[5] > 0.0);
}

#[test]
fn without_times_no_session_is_a_late_one() {
    let context = Context { user: None, songs: &[1], continues: false };
    let even = [2.0, 3.0, 1.0, 1.0, 1.0, 0.0];
    // By default votes fall with age.
    let default = [("paper", Setting::Bool(false)), ("proximity", Setting::Float(0.0))];
    let default = [&default[..], &[("backward", Setting::Float(1.0))]].concat();
    assert!(
        answer(&default, context, true).unwrap()[2] < answer(&default, context, true).unwrap()[4]
    );
    let scores = answer(&default, context, false).unwrap();
    assert_eq!(scores[2], scores[4]);
    assert_eq!(answer(&[], context, false).unwrap(), even);
    // Which one session is compared hangs on the seed.
    let sampled = |seed: i64| {
        let options = [("sample", Setting::Int(1)), ("seed", Setting::Int(seed))];
        answer(&options, context, false).unwrap()
    };
    let met: Vec<Vec<f32>> = (0..40).map(sampled).collect();
    assert!([2, 3, 4].iter().all(|&song: &usize| met.iter().any(|scores| scores[song] > 0.0)));
    let refused = answer(&[("recency", Setting::Float(1.0))], context, false).unwrap_err();
    assert!(refused.to_string().contains("\"time\" := '…'"), "{refused}");
}
