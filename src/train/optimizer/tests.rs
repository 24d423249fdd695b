//! Update rules by hand, and resting rows against dense updates.

use super::*;

fn config(kind: OptimizerKind) -> OptimizerConfig {
    OptimizerConfig {
        kind,
        learning_rate: 0.1,
        momentum: 0.0,
        reg: 0.0,
        clip: f64::INFINITY,
        schedule: ScheduleKind::Constant,
        warmup: 0.0,
        epochs: 1,
    }
}

fn near(got: f32, expected: f32, tolerance: f32) {
    assert!((got - expected).abs() < tolerance, "{got} {expected}");
}

/// Two steps on f(x) = x² from x = 1.
fn two_steps(config: &OptimizerConfig) -> f32 {
    let mut optimizer = Optimizer::new(config, 2);
    let (mut x, mut a, mut b) = ([1.0_f32], [0.0_f32], [0.0_f32]);
    for _ in 0..2 {
        let grad = [2.0 * x[0]];
        optimizer.begin_step(|| f64::from(grad[0].abs()));
        optimizer.update(&mut x, &grad, [&mut a, &mut b]);
    }
    x[0]
}

#[test]
fn sgd_by_hand() {
    let sgd = config(OptimizerKind::Sgd);
    near(two_steps(&sgd), 0.64, 1e-6);
    // With λ = 0.5 the gradient is 3x.
    near(two_steps(&OptimizerConfig { reg: 0.5, ..sgd.clone() }), 0.49, 1e-6);
    // v = -0.2, x = 0.8; v = 0.5 · -0.2 - 0.16, x = 0.54.
    near(two_steps(&OptimizerConfig { momentum: 0.5, ..sgd }), 0.54, 1e-6);
}

#[test]
fn adagrad_by_hand() {
    let adagrad = config(OptimizerKind::Adagrad);
    // 1 - 0.1 · 2/2 = 0.9; then 0.9 - 0.1 · 1.8/√(4 + 3.24).
    let second = 0.1 * 1.8 / (4.0_f32 + 3.24).sqrt();
    near(two_steps(&adagrad), 0.9 - second, 1e-6);
    // The second step repeats half of the first.
    near(two_steps(&OptimizerConfig { momentum: 0.5, ..adagrad }), 0.9 - second - 0.05, 1e-6);
}

#[test]
fn adam_by_hand() {
    // The first step has the size of the learning rate: 0.9; gradient 1.8 follows.
    let m = (0.9_f32 * 0.2 + 0.1 * 1.8) / (1.0 - 0.81);
    let v = (0.999_f32 * 0.004 + 0.001 * 3.24) / (1.0 - 0.998_001);
    near(two_steps(&config(OptimizerKind::Adam)), 0.9 - 0.1 * m / v.sqrt(), 1e-4);
}

#[test]
fn decoupled_decay_by_hand() {
    let adamw = config(OptimizerKind::AdamW);
    near(two_steps(&adamw), two_steps(&config(OptimizerKind::Adam)), 1e-7);
    // λ = 0.5 takes a twentieth off before each step: 0.95 - 0.1 = 0.85; gradient 1.7 follows.
    let m = (0.9_f32 * 0.2 + 0.1 * 1.7) / (1.0 - 0.81);
    let v = (0.999_f32 * 0.004 + 0.001 * 2.89) / (1.0 - 0.998_001);
    let expected = 0.95 * 0.85 - 0.1 * m / v.sqrt();
    near(two_steps(&OptimizerConfig { reg: 0.5, ..adamw.clone() }), expected, 1e-4);
    // More than everything is not taken off.
    near(two_steps(&OptimizerConfig { reg: 99.0, ..adamw }), 0.0, 0.2);
}

#[test]
fn small_numbers_survive_a_decay_but_not_a_penalty() {
    // Gradients that come and go say nothing; what begins at 0.01 should stay about there.
    let after = |kind| {
        let config = OptimizerConfig { learning_rate: 0.002, reg: 1e-5, ..config(kind) };
        let mut optimizer = Optimizer::new(&config, 100);
        let (mut x, mut a, mut b) = ([0.01_f32], [0.0_f32], [0.0_f32]);
        for step in 0..100 {
            let grad = [if step % 2 == 0 { 1e-8 } else { -1e-8 }];
            optimizer.begin_step(|| 0.0);
            optimizer.update(&mut x, &grad, [&mut a, &mut b]);
        }
        x[0]
    };
    let (penalty, decay) = (after(OptimizerKind::Adam), after(OptimizerKind::AdamW));
    assert!(penalty.abs() < 0.002 && decay > 0.008, "{penalty} {decay}");
}

#[test]
fn long_gradients_are_scaled_and_short_ones_are_not() {
    let sgd = config(OptimizerKind::Sgd);
    // Gradients 2 and 1.9, both cut to 1.
    near(two_steps(&OptimizerConfig { clip: 1.0, ..sgd.clone() }), 0.8, 1e-6);
    near(two_steps(&OptimizerConfig { clip: 2.0, ..sgd }), 0.64, 1e-6);
}

#[test]
fn the_schedule_scales_the_learning_rate() {
    let sgd = config(OptimizerKind::Sgd);
    // Of two steps the second has half the rate: 0.8 - 0.05 · 1.6.
    let linear = OptimizerConfig { schedule: ScheduleKind::Linear, ..sgd };
    near(two_steps(&linear), 0.72, 1e-6);
}

const GRADIENTS: [f32; 10] = [0.7, 0.0, 0.0, -0.4, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0];

/// A value after [`GRADIENTS`], with its state: updated in every step, or only in those with a
/// gradient, after catching up or not.
fn after(config: &OptimizerConfig, dense: bool, catch_up: bool) -> [f32; 3] {
    let mut optimizer = Optimizer::new(config, GRADIENTS.len());
    let (mut x, mut a, mut b, mut since) = ([1.0_f32], [0.0_f32], [0.0_f32], 0);
    for grad in GRADIENTS {
        let touched = dense || grad != 0.0;
        if touched && catch_up {
            optimizer.catch_up(since, &mut x, [&mut a, &mut b]);
        }
        optimizer.begin_step(|| 0.0);
        if touched {
            optimizer.update(&mut x, &[grad], [&mut a, &mut b]);
            since = optimizer.step();
        }
    }
    if catch_up {
        optimizer.catch_up(since, &mut x, [&mut a, &mut b]);
    }
    [x[0], a[0], b[0]]
}

#[test]
fn a_row_that_catches_up_equals_one_that_every_step_updated() {
    use OptimizerKind::{Adagrad, Adam, AdamW, Sgd};
    for kind in [Sgd, Adagrad, Adam, AdamW] {
        let momentum = if kind.has_moments() { 0.0 } else { 0.8 };
        for schedule in [ScheduleKind::Constant, ScheduleKind::Cosine] {
            let config = OptimizerConfig { momentum, schedule, warmup: 0.3, ..config(kind) };
            let [dense, rested, lazy] =
                [(true, false), (false, true), (false, false)].map(|(d, c)| after(&config, d, c));
            for (got, expected) in rested.iter().zip(dense) {
                near(*got, expected, 3e-6);
            }
            // What a lazy optimiser leaves out is not small.
            assert!((dense[0] - lazy[0]).abs() > 0.02, "{kind:?} {dense:?} {lazy:?}");
        }
    }
}

#[test]
fn a_step_counter_taken_back_goes_on_the_same() {
    let config = OptimizerConfig {
        schedule: ScheduleKind::Linear,
        epochs: 3,
        ..config(OptimizerKind::Adam)
    };
    let mut whole = Optimizer::new(&config, 100);
    (0..250).for_each(|_| whole.begin_step(|| 0.0));
    let mut resumed = Optimizer::new(&config, 100);
    resumed.set_step(200);
    (0..50).for_each(|_| resumed.begin_step(|| 0.0));
    let after = |optimizer: &Optimizer, since: u32| {
        let (mut x, mut m, mut v) = ([1.0_f32], [0.3_f32], [0.2_f32]);
        optimizer.catch_up(since, &mut x, [&mut m, &mut v]);
        optimizer.update(&mut x, &[0.1], [&mut m, &mut v]);
        [x[0], m[0], v[0]].map(f32::to_bits)
    };
    for since in [1, 30, 180, 200, 249, 250] {
        assert_eq!(after(&whole, since), after(&resumed, since));
    }
}

#[test]
fn moments_that_fade_become_nothing() {
    let momentum = |kind| OptimizerConfig { momentum: 0.9, ..config(kind) };
    let kinds = [
        config(OptimizerKind::Adam),
        momentum(OptimizerKind::Sgd),
        momentum(OptimizerKind::Adagrad),
    ];
    for config in kinds {
        let mut optimizer = Optimizer::new(&config, 1);
        let (mut x, mut a, mut b) = ([1.0_f32; 40], [0.0_f32; 40], [0.0_f32; 40]);
        for step in 0..2_000 {
            let grad = [if step == 0 { 1.0 } else { 0.0 }; 40];
            optimizer.begin_step(|| 1.0);
            optimizer.update(&mut x, &grad, [&mut a, &mut b]);
        }
        // One number too many for full vectors, all the same.
        let moments = if config.kind == OptimizerKind::Adagrad { b } else { a };
        assert!(moments.iter().all(|&moment| moment == 0.0), "{moments:?}");
        assert!(x.iter().all(|&value| value == x[0] && value < 1.0), "{x:?}");
    }
}
