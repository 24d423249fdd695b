//! The losses as compositions of tensor operations, for any device and precision.

use candle_core::{D, Tensor};

use super::{Loss, Shared};
use crate::error::Result;
use crate::nn::masked_softmax;

/// `log(1 + exp(x))` without overflow.
fn softplus(x: &Tensor) -> Result<Tensor> {
    let tail = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    Ok((x.relu()? + tail)?)
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    // log σ(x) = −softplus(−x) neither overflows nor divides by 0.
    Ok(softplus(&x.neg()?)?.neg()?.exp()?)
}

/// The loss's mean over examples.
pub fn mean(loss: Loss, positives: &Tensor, negatives: &Tensor, shared: &Shared) -> Result<Tensor> {
    let (device, dtype) = (negatives.device(), negatives.dtype());
    let (examples, count) = negatives.dims2()?;
    let columns = Tensor::arange(0, count as u32, device)?.unsqueeze(0)?; // (1, N)
    let own = Tensor::from_slice(&shared.own, (examples, 1), device)?;
    let own = columns.broadcast_eq(&own)?.to_dtype(dtype)?; // (P, N): 1 where the target stands
    let weights = Tensor::from_slice(&shared.weights, (1, count), device)?.to_dtype(dtype)?;
    let offsets = (own.affine(-1e9, 0.0))?.broadcast_add(&weights.log()?)?; // (P, N)
    let weights = own.affine(-1.0, 1.0)?.broadcast_mul(&weights)?; // (P, N)
    let mut positives = positives.unsqueeze(1)?; // (P, 1)
    if !shared.offsets.is_empty() {
        let offsets = Tensor::from_slice(&shared.offsets, (examples, 1), device)?;
        positives = (positives + offsets.to_dtype(dtype)?)?;
    }
    let ahead = || Ok::<_, crate::error::Error>(negatives.broadcast_sub(&positives)?);
    let losses = match loss {
        Loss::Logistic { beta } => {
            let hit = (softplus(&positives.neg()?)? * f64::from(beta))?;
            (hit + (softplus(negatives)? * weights)?.sum_keepdim(D::Minus1)?)?
        }
        Loss::Softmax => {
            let negatives = (negatives + offsets)?;
            let max = negatives.max_keepdim(D::Minus1)?.maximum(&positives)?.detach();
            let rest = negatives.broadcast_sub(&max)?.exp()?.sum_keepdim(D::Minus1)?;
            let target = positives.sub(&max)?;
            (rest.add(&target.exp()?)?.log()? - target)?
        }
        Loss::Bpr => (softplus(&ahead()?)? * weights)?.sum_keepdim(D::Minus1)?,
        Loss::Top1 => (top1(negatives, &ahead()?)? * weights)?.sum_keepdim(D::Minus1)?,
        Loss::Top1Max => {
            let shares = masked_softmax(negatives, Some(&offsets))?;
            (top1(negatives, &ahead()?)? * shares)?.sum_keepdim(D::Minus1)?
        }
        Loss::BprMax { reg } => {
            let shares = masked_softmax(negatives, Some(&offsets))?;
            let won = (sigmoid(&ahead()?.neg()?)? * &shares)?.sum_keepdim(D::Minus1)?;
            let size = (negatives.sqr()? * shares)?.sum_keepdim(D::Minus1)?;
            ((won + super::kernel::TINY)?.log()?.neg()? + (size * f64::from(reg))?)?
        }
    };
    Ok(losses.mean_all()?)
}

/// `σ(n − p) + σ(n²)`.
fn top1(negatives: &Tensor, ahead: &Tensor) -> Result<Tensor> {
    Ok((sigmoid(ahead)? + sigmoid(&negatives.sqr()?)?)?)
}
