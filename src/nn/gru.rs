//! Gated recurrent units over a sequence (Cho et al. 2014), with PyTorch's gates.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use super::{host, sigmoid_of};
use crate::error::Result;

/// The states `(B, L, H)` of a GRU at every position:
///
/// ```text
/// r = σ(x_r + h·W_r + b_r),   z = σ(x_z + h·W_z + b_z),
/// n = tanh(x_n + r ∘ (h·W_n + b_n)),   h ← (1 − z) ∘ n + z ∘ h.
/// ```
///
/// `inputs` `(B, L, 3H)` are the inputs' parts `x_r`, `x_z`, `x_n` side by side, projected already;
/// `weight` `(H, 3H)` and `bias` `(3H)` hold the parts of `W` and `b` likewise. `state` `(B, H)` is
/// `h` before the first position. Where `resets` `(B·L)` says so, `h` is 0 before the position;
/// empty means nowhere.
///
/// # Errors
/// Shapes that do not fit.
pub fn gru(
    inputs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    state: &Tensor,
    resets: &[bool],
) -> Result<Tensor> {
    let (batch, length, _) = inputs.dims3()?;
    let size = weight.dims2()?.0;
    let gates = (inputs.dims()[2], weight.dims()[1], bias.dims1()?);
    if gates != (3 * size, 3 * size, 3 * size) || state.dims() != [batch, size] {
        return Err(candle_core::Error::Msg(format!(
            "a GRU of size {size} got gates {gates:?} and states {:?}",
            state.dims()
        ))
        .into());
    }
    let resets = if resets.is_empty() { vec![false; batch * length] } else { resets.to_vec() };
    if !host::is_fused(inputs) {
        return plain(inputs, weight, bias, state, &resets);
    }
    let recurrent = Tensor::cat(&[weight, &bias.unsqueeze(0)?], 0)?; // (H + 1, 3H)
    Ok(inputs.contiguous()?.apply_op3(&recurrent, &state.contiguous()?, Gru(resets))?)
}

/// The composition of tensor operations.
fn plain(
    inputs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    state: &Tensor,
    resets: &[bool],
) -> Result<Tensor> {
    let (batch, length, size) = (inputs.dims()[0], inputs.dims()[1], weight.dims2()?.0);
    let mut h = state.clone();
    let mut states = Vec::with_capacity(length);
    for t in 0..length {
        let keep: Vec<f64> =
            (0..batch).map(|b| f64::from(u8::from(!resets[b * length + t]))).collect();
        let keep = Tensor::from_vec(keep, (batch, 1), h.device())?.to_dtype(h.dtype())?;
        h = h.broadcast_mul(&keep)?;
        let x = inputs.narrow(1, t, 1)?.squeeze(1)?; // (B, 3H)
        let y = h.matmul(weight)?.broadcast_add(bias)?; // (B, 3H)
        let gate = |x: &Tensor, i: usize| x.narrow(1, i * size, size);
        let r = sigmoid_of(&(gate(&x, 0)? + gate(&y, 0)?)?)?;
        let z = sigmoid_of(&(gate(&x, 1)? + gate(&y, 1)?)?)?;
        let n = (gate(&x, 2)? + (r * gate(&y, 2)?)?)?.tanh()?;
        h = (&n + (z * (h - &n)?)?)?;
        states.push(h.clone());
    }
    Ok(Tensor::stack(&states, 1)?)
}

/// The whole recurrence as one operation, with its own backward pass through time: a plain one
/// would pad the gradient of every position to the size of the whole sequence. Holds `resets`.
struct Gru(Vec<bool>);

/// Sizes: B, L, H.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    length: usize,
    size: usize,
}

impl Sizes {
    /// One sequence's numbers at a position, `width` for each position.
    fn at(self, b: usize, t: usize, width: usize) -> std::ops::Range<usize> {
        let start = (b * self.length + t) * width;
        start..start + width
    }
}

/// The gates of one unit: `r`, `z`, `n`.
#[inline(always)]
fn gates(x: [f32; 3], y: [f32; 3]) -> [f32; 3] {
    let r = host::sigmoid(x[0] + y[0]);
    // tanh x = 2σ(2x) − 1.
    let n = 2.0 * host::sigmoid(2.0 * (x[2] + r * y[2])) - 1.0;
    [r, host::sigmoid(x[1] + y[1]), n]
}

/// `a · b` for row-major `a` `(rows, inner)`.
fn product(a: Vec<f32>, rows: usize, b: &Tensor) -> candle_core::Result<Vec<f32>> {
    let inner = a.len() / rows.max(1);
    host::values(&Tensor::from_vec(a, (rows, inner), b.device())?.matmul(b)?)
}

impl Gru {
    fn sizes(state: &Shape, inputs: &Shape) -> candle_core::Result<Sizes> {
        let (batch, size) = state.dims2()?;
        Ok(Sizes { batch, length: inputs.dims()[1], size })
    }

    /// The states, row-major `(B, L, H)`.
    fn forward(
        &self,
        inputs: &[f32],
        recurrent: &[f32],
        state: &[f32],
        sizes: Sizes,
    ) -> candle_core::Result<Vec<f32>> {
        let Sizes { batch, length, size } = sizes;
        let (weight, bias) = recurrent.split_at(3 * size * size);
        let weight = Tensor::from_slice(weight, (size, 3 * size), &candle_core::Device::Cpu)?;
        let (mut h, mut states) = (state.to_vec(), vec![0.0; batch * length * size]);
        for t in 0..length {
            for (b, h) in h.chunks_exact_mut(size).enumerate() {
                if self.0[b * length + t] {
                    h.fill(0.0);
                }
            }
            let mut y = product(h.clone(), batch, &weight)?; // (B, 3H)
            for (b, h) in h.chunks_exact_mut(size).enumerate() {
                let x = &inputs[sizes.at(b, t, 3 * size)];
                let y = &mut y[b * 3 * size..(b + 1) * 3 * size];
                y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
                let ([x_r, x_z, x_n], [y_r, y_z, y_n]) = (thirds(x), thirds(y));
                for i in 0..size {
                    let [_, z, n] = gates([x_r[i], x_z[i], x_n[i]], [y_r[i], y_z[i], y_n[i]]);
                    h[i] = n + z * (h[i] - n);
                }
                states[sizes.at(b, t, size)].copy_from_slice(h);
            }
        }
        Ok(states)
    }

    /// The states before each position, `(L, B, H)`.
    fn before(&self, state: &[f32], states: &[f32], sizes: Sizes) -> Vec<f32> {
        let Sizes { batch, length, size } = sizes;
        let mut before = vec![0.0; batch * length * size];
        for (at, before) in before.chunks_exact_mut(size).enumerate() {
            let (t, b) = (at / batch, at % batch);
            if !self.0[b * length + t] {
                before.copy_from_slice(match t {
                    0 => &state[b * size..(b + 1) * size],
                    _ => &states[sizes.at(b, t - 1, size)],
                });
            }
        }
        before
    }
}

/// The parts of a vector for the three gates.
fn thirds(values: &[f32]) -> [&[f32]; 3] {
    let size = values.len() / 3;
    [&values[..size], &values[size..2 * size], &values[2 * size..3 * size]]
}

fn thirds_mut(values: &mut [f32]) -> [&mut [f32]; 3] {
    let size = values.len() / 3;
    let (r, rest) = values.split_at_mut(size);
    let (z, n) = rest.split_at_mut(size);
    [r, z, n]
}

impl CustomOp3 for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        recurrent: &CpuStorage,
        recurrent_layout: &Layout,
        state: &CpuStorage,
        state_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let sizes = Self::sizes(state_layout.shape(), inputs_layout.shape())?;
        let states = self.forward(
            host::slice(inputs, inputs_layout)?,
            host::slice(recurrent, recurrent_layout)?,
            host::slice(state, state_layout)?,
            sizes,
        )?;
        Ok((CpuStorage::F32(states), Shape::from((sizes.batch, sizes.length, sizes.size))))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        recurrent: &Tensor,
        state: &Tensor,
        states: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = Self::sizes(state.shape(), inputs.shape())?;
        let Sizes { batch, length, size } = sizes;
        let (x, grad) = (host::values(inputs)?, host::values(grad)?);
        let before = self.before(&host::values(state)?, &host::values(states)?, sizes);
        let weight = recurrent.narrow(0, 0, size)?.contiguous()?; // (H, 3H)
        let bias = host::values(&recurrent.narrow(0, size, 1)?)?;
        // All states are known, so their products are taken at once.
        let y = product(before.clone(), length * batch, &weight)?; // (L, B, 3H)
        let transposed = weight.t()?.contiguous()?;
        let mut x_grad = vec![0.0; x.len()]; // (B, L, 3H)
        let mut y_grad = vec![0.0; x.len()]; // (L, B, 3H)
        let mut carried = vec![0.0; batch * size]; // (B, H), what later positions ask of h
        for t in (0..length).rev() {
            let rows = t * batch * 3 * size..(t + 1) * batch * 3 * size;
            for b in 0..batch {
                let at = t * batch + b;
                let x = thirds(&x[sizes.at(b, t, 3 * size)]);
                let y = thirds(&y[at * 3 * size..(at + 1) * 3 * size]);
                let [x_r, x_z, x_n] = thirds_mut(&mut x_grad[sizes.at(b, t, 3 * size)]);
                let [y_r, y_z, y_n] = thirds_mut(&mut y_grad[at * 3 * size..(at + 1) * 3 * size]);
                let h = &before[at * size..(at + 1) * size];
                let grad = &grad[sizes.at(b, t, size)];
                let carried = &mut carried[b * size..(b + 1) * size];
                let bias = thirds(&bias);
                for i in 0..size {
                    let y = [0, 1, 2].map(|gate| y[gate][i] + bias[gate][i]);
                    let [r, z, n] = gates([x[0][i], x[1][i], x[2][i]], y);
                    let dh = grad[i] + carried[i];
                    let dn = dh * (1.0 - z) * (1.0 - n * n);
                    (x_n[i], y_n[i]) = (dn, dn * r);
                    x_r[i] = dn * y[2] * r * (1.0 - r);
                    x_z[i] = dh * (h[i] - n) * z * (1.0 - z);
                    (y_r[i], y_z[i]) = (x_r[i], x_z[i]);
                    carried[i] = dh * z;
                }
            }
            let through = product(y_grad[rows].to_vec(), batch, &transposed)?; // (B, H)
            for (b, (carried, through)) in
                carried.chunks_exact_mut(size).zip(through.chunks_exact(size)).enumerate()
            {
                if self.0[b * length + t] {
                    carried.fill(0.0);
                } else {
                    carried.iter_mut().zip(through).for_each(|(sum, part)| *sum += part);
                }
            }
        }
        let device = inputs.device();
        let y_grad = Tensor::from_vec(y_grad, (length * batch, 3 * size), device)?;
        let before = Tensor::from_vec(before, (length * batch, size), device)?;
        let ones = Tensor::ones((1, length * batch), y_grad.dtype(), device)?;
        let recurrent_grad =
            Tensor::cat(&[before.t()?.matmul(&y_grad)?, ones.matmul(&y_grad)?], 0)?;
        let x_grad = Tensor::from_vec(x_grad, inputs.shape(), device)?;
        let state_grad = Tensor::from_vec(carried, (batch, size), device)?;
        Ok((Some(x_grad), Some(recurrent_grad), Some(state_grad)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::nn::gradient_tests::{assert_gradients, random};

    fn args() -> Vec<Tensor> {
        vec![random(&[3, 4, 6], 1), random(&[2, 6], 2), random(&[6], 3), random(&[3, 2], 4)]
    }

    fn resets() -> Vec<bool> {
        (0..12).map(|at| at % 5 == 2).collect()
    }

    fn f32s(args: &[Tensor]) -> Vec<Tensor> {
        args.iter().map(|arg| arg.to_dtype(DType::F32).unwrap()).collect()
    }

    #[test]
    fn one_unit_by_hand() {
        let tensor = |values: &[f64], shape: &[usize]| {
            Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
        };
        let args = [
            tensor(&[0.1, -0.2, 0.3], &[1, 1, 3]),
            tensor(&[0.5, 0.6, 0.7], &[1, 3]),
            tensor(&[0.01, 0.02, 0.03], &[3]),
            tensor(&[0.4], &[1, 1]),
        ];
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (r, z) = (sigmoid(0.1 + 0.2 + 0.01), sigmoid(-0.2 + 0.24 + 0.02));
        let n = (0.3 + r * (0.28 + 0.03)).tanh();
        let expected = (1.0 - z) * n + z * 0.4;
        let got = gru(&args[0], &args[1], &args[2], &args[3], &[]).unwrap();
        assert!((got.flatten_all().unwrap().to_vec1::<f64>().unwrap()[0] - expected).abs() < 1e-12);
    }

    #[test]
    fn fused_and_plain_agree_and_gradients_are_right() {
        for resets in [Vec::new(), resets()] {
            let run = |args: &[Tensor]| gru(&args[0], &args[1], &args[2], &args[3], &resets);
            let plain = run(&args()).unwrap();
            let fused = run(&f32s(&args())).unwrap().to_dtype(DType::F64).unwrap();
            let difference = (plain - fused).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f64>().unwrap() < 1e-6);
            assert_gradients(&args(), run);
        }
    }

    #[test]
    fn a_carried_state_goes_on_and_a_reset_begins_anew() {
        let args = f32s(&args());
        let run = |from: usize, length: usize, state: &Tensor, resets: &[bool]| {
            let inputs = args[0].narrow(1, from, length).unwrap();
            gru(&inputs, &args[1], &args[2], state, resets).unwrap()
        };
        let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let whole = run(0, 4, &args[3], &[]);
        let first = run(0, 2, &args[3], &[]);
        let state = first.narrow(1, 1, 1).unwrap().squeeze(1).unwrap();
        assert_eq!(values(run(2, 2, &state, &[])), values(whole.narrow(1, 2, 2).unwrap()));
        let zeros = args[3].zeros_like().unwrap();
        let reset = [true, false].repeat(3);
        assert_eq!(values(run(2, 2, &state, &reset)), values(run(2, 2, &zeros, &[])));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let args = args();
        assert!(gru(&args[0], &args[1], &args[2], &random(&[2, 2], 5), &[]).is_err());
    }
}
