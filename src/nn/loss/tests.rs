//! The losses by hand, without overflow, and their gradients.

use candle_core::{DType, Device, Tensor};

use super::*;
use crate::nn::gradient_tests::{assert_gradients, random};

const ALL: [Loss; 7] = [
    Loss::Logistic { beta: 1.0 },
    Loss::Logistic { beta: 0.3 },
    Loss::Softmax,
    Loss::Bpr,
    Loss::BprMax { reg: 0.7 },
    Loss::Top1,
    Loss::Top1Max,
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The loss of two examples over three negatives, in both precisions: the first with target score
/// 0.5 + 1.5 and negatives 0.5, −1, 1 of weights 1, 3, 2; the second has its own target as the last one.
#[track_caller]
fn check(loss: Loss, expected: impl Fn(f64, &[(f64, f64)]) -> f64) {
    let shared =
        Shared { weights: vec![1.0, 3.0, 2.0], own: vec![ABSENT, 2], offsets: vec![1.5, -1.0] };
    let examples = [
        expected(2.0, &[(0.5, 1.0), (-1.0, 3.0), (1.0, 2.0)]),
        expected(-0.5, &[(0.2, 1.0), (0.4, 3.0)]),
    ];
    for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 2e-6)] {
        let positives = Tensor::new(&[0.5_f64, 0.5], &Device::Cpu).unwrap();
        let negatives = Tensor::new(&[[0.5_f64, -1.0, 1.0], [0.2, 0.4, 5.0]], &Device::Cpu);
        let (positives, negatives) =
            (positives.to_dtype(dtype).unwrap(), negatives.unwrap().to_dtype(dtype).unwrap());
        let got = loss.mean(&positives, &negatives, &shared).unwrap();
        let got = got.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
        let expected = examples.iter().sum::<f64>() / 2.0;
        assert!((got - expected).abs() < tolerance, "{loss:?} {dtype:?}: {got}, not {expected}");
    }
}

fn shares(negatives: &[(f64, f64)]) -> Vec<f64> {
    let total: f64 = negatives.iter().map(|(n, w)| w * n.exp()).sum();
    negatives.iter().map(|(n, w)| w * n.exp() / total).collect()
}

#[test]
fn losses_by_hand() {
    for beta in [1.0, 0.3] {
        check(Loss::Logistic { beta }, |p, negatives| {
            let missed: f64 = negatives.iter().map(|(n, w)| -w * sigmoid(-n).ln()).sum();
            missed - f64::from(beta) * sigmoid(p).ln()
        });
    }
    check(Loss::Softmax, |p, negatives| {
        let rest: f64 = negatives.iter().map(|(n, w)| w * n.exp()).sum();
        -(p.exp() / (p.exp() + rest)).ln()
    });
    check(Loss::Bpr, |p, negatives| negatives.iter().map(|(n, w)| -w * sigmoid(p - n).ln()).sum());
    check(Loss::Top1, |p, negatives| {
        negatives.iter().map(|(n, w)| w * (sigmoid(n - p) + sigmoid(n * n))).sum()
    });
    check(Loss::Top1Max, |p, negatives| {
        let parts = negatives.iter().map(|(n, _)| sigmoid(n - p) + sigmoid(n * n));
        parts.zip(shares(negatives)).map(|(part, share)| part * share).sum()
    });
    check(Loss::BprMax { reg: 0.7 }, |p, negatives| {
        let pairs = || negatives.iter().zip(shares(negatives));
        let won: f64 = pairs().map(|((n, _), share)| share * sigmoid(p - n)).sum();
        let size: f64 = pairs().map(|((n, _), share)| share * n * n).sum();
        // f32's λ.
        -won.ln() + f64::from(0.7_f32) * size
    });
}

#[test]
fn gradients_are_right() {
    for loss in ALL {
        let shared = Shared {
            weights: vec![1.0, 0.5, 2.0, 3.0],
            own: vec![ABSENT, 3, 0],
            offsets: vec![0.1, -0.3, 0.2],
        };
        assert_gradients(&[random(&[3], 1), random(&[3, 4], 2)], |args| {
            loss.mean(&args[0], &args[1], &shared)
        });
        // Rows 4 and 3 are targets, row 3 of two examples, and a negative of the others.
        assert_gradients(&[random(&[3, 5], 1), random(&[6, 5], 2)], |args| {
            loss.mean_of_products(&args[0], &args[1], &[4, 3, 3], &shared)
        });
    }
}

#[test]
fn products_are_taken_some_rows_at_a_time() {
    // More scores than are held at once.
    let (examples, count) = (300, 1500);
    let weights = (0..count).map(|n| 1.0 + f64::from(n % 3)).collect();
    let own = (0..examples).map(|p| if p % 2 == 0 { p } else { ABSENT }).collect();
    let targets: Vec<u32> = (0..examples).map(|p| if p % 2 == 0 { p } else { 1500 + p }).collect();
    let shared = Shared { weights, own, offsets: vec![] };
    let gradients = |dtype| {
        let var = |shape: &[usize], seed| {
            candle_core::Var::from_tensor(&random(shape, seed).to_dtype(dtype).unwrap()).unwrap()
        };
        let (codes, embeddings) = (var(&[300, 4], 1), var(&[1800, 4], 2));
        let loss = Loss::Softmax.mean_of_products(&codes, &embeddings, &targets, &shared).unwrap();
        let grads = loss.backward().unwrap();
        [&loss, grads.get(&codes).unwrap(), grads.get(&embeddings).unwrap()]
            .map(|tensor| tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap())
            .map(|tensor| tensor.to_vec1::<f64>().unwrap())
            .concat()
    };
    for (fused, plain) in gradients(DType::F32).iter().zip(gradients(DType::F64)) {
        assert!((fused - plain).abs() < 1e-5 * (1.0 + plain.abs()), "{fused} {plain}");
    }
}

#[test]
fn large_scores_neither_overflow_nor_lose_their_gradient() {
    let shared = Shared { weights: vec![1.0, 1.0], own: vec![ABSENT; 2], offsets: vec![] };
    for loss in ALL {
        for dtype in [DType::F32, DType::F64] {
            let tensor = |values: &[f64], shape: &[usize]| {
                let tensor = Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
                candle_core::Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap()
            };
            let positives = tensor(&[500.0, -500.0], &[2]);
            let negatives = tensor(&[-500.0, 500.0, 500.0, -500.0], &[2, 2]);
            let value = loss.mean(&positives, &negatives, &shared).unwrap();
            let grads = value.backward().unwrap();
            let value = value.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
            assert!(value.is_finite(), "{loss:?} {dtype:?}: {value}");
            for var in [&positives, &negatives] {
                let grad = grads.get(var).unwrap().to_dtype(DType::F64).unwrap();
                let grad: Vec<f64> = grad.flatten_all().unwrap().to_vec1().unwrap();
                assert!(grad.iter().all(|g| g.is_finite()), "{loss:?} {dtype:?}: {grad:?}");
            }
        }
    }
}

#[test]
fn calibration_runs_from_plain_bce_to_the_sampling_rate() {
    assert!((Loss::calibration(0.0, 10, 101) - 1.0).abs() < 1e-6);
    assert!((Loss::calibration(1.0, 10, 101) - 0.1).abs() < 1e-6);
    assert!((Loss::calibration(0.75, 256, 3417) - 0.306_21).abs() < 1e-4);
    assert_eq!(Loss::calibration(0.5, 10, 1), 1.0);
}

#[test]
fn scores_of_another_shape_are_refused() {
    let shared = Shared { weights: vec![1.0; 3], own: vec![ABSENT; 2], offsets: vec![] };
    let message = Loss::Softmax
        .mean(
            &Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap(),
            &Tensor::zeros((2, 4), DType::F32, &Device::Cpu).unwrap(),
            &shared,
        )
        .unwrap_err()
        .to_string();
    assert!(message.contains("[2, 4]") && message.contains("(2, 3)"), "{message}");
    let zeros = |shape: (usize, usize)| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let products = |codes, embeddings, targets: &[u32]| {
        Loss::Softmax.mean_of_products(&zeros(codes), &zeros(embeddings), targets, &shared)
    };
    assert!(products((2, 4), (3, 4), &[2, 0]).is_ok());
    assert!(products((2, 5), (3, 4), &[2, 0]).is_err());
    assert!(products((2, 4), (2, 4), &[1, 0]).is_err());
    assert!(products((2, 4), (3, 4), &[3, 0]).is_err());
}
