//! How negatives count, by hand.

use rand::SeedableRng;

use super::*;
use crate::data::{Keys, Plays, Vocab};

fn sampler(objective: Objective) -> NegativeSampler {
    let play_counts = vec![1, 0, 7, 2];
    let dataset = Dataset {
        users: Vocab::new("BIGINT", Keys::Integers(Vec::new())),
        songs: Vocab::new("BIGINT", Keys::Integers((0..4).collect())),
        user_fields: Vec::new(),
        song_fields: Vec::new(),
        plays: Plays::default(),
        play_counts,
        has_sessions: true,
        rejected: 0,
        notes: Vec::new(),
        fingerprint: String::new(),
    };
    NegativeSampler::new(&dataset, objective)
}

#[test]
fn the_pool_estimates_the_sum_over_all_songs() {
    for in_batch in [false, true] {
        let objective =
            Objective { alpha: 0.5, pool: 40, in_batch, ..Objective::of(LossKind::SampledSoftmax) };
        let sampler = sampler(objective);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sums = [0.0; 4];
        for _ in 0..2000 {
            // Targets follow the plays, as in training.
            let targets: Vec<u32> = (0..20).map(|_| sampler.targets.draw(&mut rng)).collect();
            let pool = sampler.draw(&targets, &mut rng);
            let shared = sampler.shared(&pool, &targets);
            for (&song, weight) in pool.songs.iter().zip(&shared.weights) {
                sums[song as usize] += weight / 2000.0;
            }
            for (target, own) in targets.iter().zip(shared.own) {
                assert!(own == ABSENT || pool.songs[own as usize] == *target);
                assert!(!in_batch || own != ABSENT);
            }
        }
        for (sum, expected) in sums.iter().zip([1.0, 0.0, 1.0, 1.0]) {
            assert!((sum - expected).abs() < 0.03, "{in_batch}: {sums:?}");
        }
    }
}

#[test]
fn the_pool_stands_for_k_negatives() {
    for (loss, expected) in [(LossKind::Gbce, 5.0), (LossKind::Bpr, 1.0), (LossKind::Top1Max, 30.0)]
    {
        let objective = Objective { negatives: 5, pool: 30, ..Objective::of(loss) };
        let sampler = sampler(objective);
        let pool = sampler.draw(&[], &mut ChaCha8Rng::seed_from_u64(1));
        assert!(pool.songs.is_sorted() && !pool.songs.contains(&1));
        let total: f64 = sampler.shared(&pool, &[]).weights.iter().sum();
        assert!((total - expected).abs() < 1e-9, "{loss:?}: {total}");
    }
}

#[test]
fn full_softmax_takes_every_song_and_the_printed_loss_spares_none() {
    let full = sampler(Objective::of(LossKind::Softmax));
    let pool = full.draw(&[2], &mut ChaCha8Rng::seed_from_u64(1));
    let shared = full.shared(&pool, &[2]);
    assert_eq!((pool.songs, shared.weights), (vec![0, 1, 2, 3], vec![1.0; 4]));
    assert_eq!(shared.own, [2]);
    let printed = sampler(Objective::of(LossKind::Negative));
    let pool = printed.draw(&[2], &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(printed.shared(&pool, &[2]).own, [ABSENT]);
}

#[test]
fn options_say_what_differs_from_the_models_own_defaults() {
    use crate::train::Setting;
    let mut options = Options::default();
    options.set("loss", Setting::Text("gbce".into()));
    options.set("negatives", Setting::Int(256));
    let otherwise = Objective { alpha: 0.0, ..Objective::of(LossKind::Bce) };
    let got = Objective::new(&options, otherwise).unwrap();
    let expected = Objective { loss: LossKind::Gbce, negatives: 256, ..otherwise };
    assert_eq!(got, expected);
    options.set("loss", Setting::Text("hinge".into()));
    let message = Objective::new(&options, otherwise).unwrap_err().to_string();
    assert!(message.contains("'hinge'") && message.contains("bpr_max"), "{message}");
}
