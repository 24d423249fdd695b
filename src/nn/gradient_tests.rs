//! Checks of gradients, for the tests of this module.

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;

/// Numbers between −1 and 1, as f64.
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> =
        (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A number that depends on every output, unlike a plain sum, which hides some mistakes.
fn weighted(output: &Tensor) -> Tensor {
    let weights = random(output.dims(), 99).to_dtype(output.dtype()).unwrap();
    (output * weights).unwrap().sum_all().unwrap()
}

fn gradients(
    args: &[Tensor],
    dtype: DType,
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Vec<Vec<f64>> {
    let vars: Vec<Var> =
        args.iter().map(|arg| Var::from_tensor(&arg.to_dtype(dtype).unwrap()).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let grads = weighted(&f(&tensors).unwrap()).backward().unwrap();
    vars.iter().map(|var| flat(grads.get(var).unwrap())).collect()
}

/// Holds the gradients of `f` at `args` (f64) against central differences, in f64, which takes the
/// plain composition, and in f32, which takes the fused operation.
#[track_caller]
pub fn assert_gradients(args: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    const STEP: f64 = 1e-5;
    let plain = gradients(args, DType::F64, &f);
    let fused = gradients(args, DType::F32, &f);
    for (at, arg) in args.iter().enumerate() {
        let values = flat(arg);
        for i in 0..values.len() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[i] += by;
                let mut args = args.to_vec();
                args[at] = Tensor::from_vec(values, arg.dims(), &Device::Cpu).unwrap();
                weighted(&f(&args).unwrap()).to_scalar::<f64>().unwrap()
            };
            let numeric = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let scale = 1.0 + numeric.abs();
            let (plain, fused) = (plain[at][i], fused[at][i]);
            assert!((plain - numeric).abs() < 1e-7 * scale, "plain {at}[{i}]: {plain} {numeric}");
            assert!((fused - numeric).abs() < 2e-5 * scale, "fused {at}[{i}]: {fused} {numeric}");
        }
    }
}
