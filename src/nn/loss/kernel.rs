//! One example's loss and gradient on the CPU, in one go.

use super::{ABSENT, Loss, Shared};
use crate::nn::host::{dot, exp, max, sigmoid, softplus, sum};

/// Keeps BPR-max's logarithm finite.
pub const TINY: f64 = 1e-24;

/// A loss over the negatives of a batch.
pub struct Kernel<'a> {
    loss: Loss,
    own: &'a [u32],
    /// Added to the targets' scores.
    targets: &'a [f64],
    weights: Vec<f32>,
    /// The logarithms of the weights.
    offsets: Vec<f32>,
    /// Room for the softmax over the negatives.
    shares: Vec<f32>,
}

impl<'a> Kernel<'a> {
    /// Prepares what all examples share.
    pub fn new(loss: Loss, shared: &'a Shared) -> Self {
        let weights = shared.weights.iter().map(|&weight| weight as f32).collect();
        let offsets = shared.weights.iter().map(|weight| weight.ln() as f32).collect();
        let shares = vec![0.0; shared.weights.len()];
        Self { loss, own: &shared.own, targets: &shared.offsets, weights, offsets, shares }
    }

    /// The loss of an example whose target scores `p`, and its derivative by `p`; turns the scores
    /// of the negatives into the derivatives by them.
    pub fn example(&mut self, example: usize, p: f32, negatives: &mut [f32]) -> (f32, f32) {
        let own = self.own[example];
        let own = if own == ABSENT { None } else { Some(own as usize) };
        let p = p + self.targets.get(example).map_or(0.0, |&offset| offset as f32);
        match self.loss {
            Loss::Logistic { beta } => self.logistic(beta, own, p, negatives),
            Loss::Softmax => self.softmax(own, p, negatives),
            Loss::Bpr => self.bpr(own, p, negatives),
            Loss::BprMax { reg } => self.bpr_max(reg, own, p, negatives),
            Loss::Top1 => self.top1(own, p, negatives),
            Loss::Top1Max => self.top1_max(own, p, negatives),
        }
    }

    fn logistic(&mut self, beta: f32, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        for ((n, &weight), part) in n.iter_mut().zip(&self.weights).zip(&mut self.shares) {
            *part = weight * softplus(*n);
            *n = weight * sigmoid(*n);
        }
        let missed = self.total(own, n);
        (beta * softplus(-p) + missed, -beta * sigmoid(-p))
    }

    fn softmax(&self, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        n.iter_mut().zip(&self.offsets).for_each(|(n, offset)| *n += offset);
        if let Some(own) = own {
            n[own] = f32::NEG_INFINITY;
        }
        let top = max(n).max(p);
        n.iter_mut().for_each(|n| *n = exp(*n - top));
        if let Some(own) = own {
            n[own] = 0.0;
        }
        let all = sum(n) + exp(p - top);
        let share = 1.0 / all;
        n.iter_mut().for_each(|n| *n *= share);
        (all.ln() + top - p, exp(p - top) * share - 1.0)
    }

    fn bpr(&mut self, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        for ((n, &weight), part) in n.iter_mut().zip(&self.weights).zip(&mut self.shares) {
            let ahead = *n - p;
            *part = weight * softplus(ahead);
            *n = weight * sigmoid(ahead);
        }
        let loss = self.total(own, n);
        (loss, -sum(n))
    }

    fn top1(&mut self, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        let mut pull = 0.0;
        for (j, (n, &weight)) in n.iter_mut().zip(&self.weights).enumerate() {
            let (value, by_n, by_p) = top1(*n, p);
            self.shares[j] = weight * value;
            *n = weight * by_n;
            pull += if own == Some(j) { 0.0 } else { weight * by_p };
        }
        (self.total(own, n), pull)
    }

    /// The sum of the parts in `shares`; the own target's and its derivative become 0.
    fn total(&mut self, own: Option<usize>, derivatives: &mut [f32]) -> f32 {
        if let Some(own) = own {
            self.shares[own] = 0.0;
            derivatives[own] = 0.0;
        }
        sum(&self.shares)
    }

    /// The softmax over the negatives, in `shares`.
    fn share(&mut self, own: Option<usize>, n: &[f32]) {
        let shares = &mut self.shares;
        for ((share, n), offset) in shares.iter_mut().zip(n).zip(&self.offsets) {
            *share = n + offset;
        }
        if let Some(own) = own {
            shares[own] = f32::NEG_INFINITY;
        }
        let top = max(shares);
        shares.iter_mut().for_each(|share| *share = exp(*share - top));
        if let Some(own) = own {
            shares[own] = 0.0;
        }
        let all = sum(shares);
        let factor = if all > 0.0 { 1.0 / all } else { 0.0 };
        shares.iter_mut().for_each(|share| *share *= factor);
    }

    fn bpr_max(&mut self, reg: f32, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        self.share(own, n);
        let (mut won, mut size, mut pull) = (0.0, 0.0, 0.0);
        for (&n, &share) in n.iter().zip(&self.shares) {
            let ahead = sigmoid(p - n);
            won += share * ahead;
            pull += share * ahead * (1.0 - ahead);
            size += share * n * n;
        }
        let scale = 1.0 / (won + TINY as f32);
        for (n, &share) in n.iter_mut().zip(&self.shares) {
            let ahead = sigmoid(p - *n);
            // Through the share, and through σ and the square themselves.
            let won_by_n = share * (ahead - won) - share * ahead * (1.0 - ahead);
            let size_by_n = share * (*n * *n - size) + share * 2.0 * *n;
            *n = reg * size_by_n - scale * won_by_n;
        }
        (-(won + TINY as f32).ln() + reg * size, -scale * pull)
    }

    fn top1_max(&mut self, own: Option<usize>, p: f32, n: &mut [f32]) -> (f32, f32) {
        self.share(own, n);
        let mut pull = 0.0;
        let values: Vec<f32> = n
            .iter_mut()
            .zip(&self.shares)
            .map(|(n, share)| {
                let (value, by_n, by_p) = top1(*n, p);
                *n = share * by_n;
                pull += share * by_p;
                value
            })
            .collect();
        let loss = dot(&values, &self.shares);
        for ((n, value), share) in n.iter_mut().zip(&values).zip(&self.shares) {
            *n += share * (value - loss);
        }
        (loss, pull)
    }
}

/// `σ(n − p) + σ(n²)` and its derivatives by `n` and `p`.
#[inline(always)]
fn top1(n: f32, p: f32) -> (f32, f32, f32) {
    let (ahead, size) = (sigmoid(n - p), sigmoid(n * n));
    let slope = ahead * (1.0 - ahead);
    (ahead + size, slope + 2.0 * n * size * (1.0 - size), -slope)
}
