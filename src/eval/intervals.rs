//! How sure a figure is: the percentile bootstrap, and the paired randomisation test.
//!
//! Cases of one listener are alike, and resampling them as if they were not would make every
//! interval too narrow. So what is resampled are listeners, each with all of their cases (the cluster
//! bootstrap; Davison & Hinkley, "Bootstrap Methods and their Application", 1997, §3.8), and what is
//! swapped in a test are two models' results for a listener (Fisher's randomisation test, which Smucker,
//! Allan & Carterette, CIKM 2007, recommend over the sign and Wilcoxon tests).

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::control::Control;
use crate::error::{Error, Result};

/// Totals of each listener, in some columns.
#[derive(Debug, Clone, Default)]
pub struct Units {
    columns: usize,
    /// Shape (listeners, columns).
    totals: Vec<f64>,
    last: Option<u32>,
}

/// A figure: the total of one column over that of another, less a constant.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// The column to divide.
    pub numerator: usize,
    /// The column to divide by.
    pub denominator: usize,
    /// What is subtracted.
    pub less: f64,
}

/// How often and how is resampled.
#[derive(Debug, Clone, Copy)]
pub struct Resampling {
    /// How many times.
    pub samples: usize,
    /// The share of samples that an interval holds.
    pub confidence: f64,
    /// Where the randomness comes from.
    pub seed: u64,
}

impl Units {
    /// No listeners yet, of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { columns, totals: Vec::new(), last: None }
    }

    /// Adds a case of a listener; those of one listener come one after the other.
    pub fn add(&mut self, user: u32, values: &[f64]) {
        if self.last != Some(user) {
            self.last = Some(user);
            self.totals.resize(self.totals.len() + self.columns, 0.0);
        }
        let start = self.totals.len() - self.columns;
        self.totals[start..].iter_mut().zip(values).for_each(|(total, value)| *total += value);
    }

    /// How many listeners there are.
    pub fn len(&self) -> usize {
        self.totals.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Whether there is no listener.
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }

    /// The totals of all listeners.
    pub fn sum(&self) -> Vec<f64> {
        self.weighted(|_| 1.0)
    }

    /// The totals of all listeners, each with a weight.
    fn weighted(&self, mut weight: impl FnMut(usize) -> f64) -> Vec<f64> {
        let mut sum = vec![0.0; self.columns];
        for (unit, totals) in self.totals.chunks_exact(self.columns.max(1)).enumerate() {
            let weight = weight(unit);
            sum.iter_mut().zip(totals).for_each(|(sum, total)| *sum += weight * total);
        }
        sum
    }
}

impl Ratio {
    /// The figure; NaN where there is nothing to divide by.
    pub fn of(&self, totals: &[f64]) -> f64 {
        totals[self.numerator] / totals[self.denominator] - self.less
    }
}

impl Resampling {
    fn rng(&self, sample: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(sample as u64);
        rng
    }

    /// For each figure the interval that holds the middle share of those of resampled listeners;
    /// `None` for fewer than two listeners. Computes on the rayon pool it is called in.
    ///
    /// # Errors
    /// The analyst stopped the statement.
    pub fn intervals(
        &self,
        units: &Units,
        figures: &[Ratio],
        control: &Control,
    ) -> Result<Vec<Option<(f64, f64)>>> {
        let count = units.len();
        if count < 2 || self.samples == 0 {
            return Ok(vec![None; figures.len()]);
        }
        let resampled: Vec<Vec<f64>> = (0..self.samples)
            .into_par_iter()
            .map(|sample| {
                control.check()?;
                let mut rng = self.rng(sample);
                let mut drawn = vec![0_u32; count];
                (0..count).for_each(|_| drawn[rng.random_range(0..count)] += 1);
                let totals = units.weighted(|unit| f64::from(drawn[unit]));
                Ok(figures.iter().map(|figure| figure.of(&totals)).collect())
            })
            .collect::<Result<_>>()?;
        let interval = |figure: usize| {
            let values = resampled.iter().map(|figures| figures[figure]);
            let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
            values.sort_unstable_by(f64::total_cmp);
            let outside = (1.0 - self.confidence) / 2.0;
            Some((quantile(&values, outside)?, quantile(&values, 1.0 - outside)?))
        };
        Ok((0..figures.len()).map(interval).collect())
    }

    /// For each column how likely a total as far from 0 is if every listener's sign is a matter of
    /// chance: the two-sided p-value. Computes on the rayon pool it is called in.
    ///
    /// # Errors
    /// The analyst stopped the statement.
    pub fn p_values(&self, units: &Units, control: &Control) -> Result<Vec<f64>> {
        let observed = units.sum();
        let as_far: Vec<u32> = (0..self.samples)
            .into_par_iter()
            .map(|sample| {
                control.check()?;
                let (mut rng, mut bits) = (self.rng(sample), 0);
                let swapped = units.weighted(|unit| {
                    if unit % 64 == 0 {
                        bits = rng.next_u64();
                    }
                    if bits >> (unit % 64) & 1 == 1 { 1.0 } else { -1.0 }
                });
                let as_far = swapped.iter().zip(&observed).map(|(swapped, observed)| {
                    // The same numbers added in another order may differ in the last digits.
                    u32::from(swapped.abs() >= observed.abs() * (1.0 - 1e-12))
                });
                Ok::<_, Error>(as_far.collect())
            })
            .try_reduce(
                || vec![0; observed.len()],
                |a: Vec<u32>, b| Ok(a.iter().zip(&b).map(|(a, b)| a + b).collect()),
            )?;
        // The observed totals are one of the possible.
        Ok(as_far.iter().map(|&n| f64::from(n + 1) / (self.samples + 1) as f64).collect())
    }
}

/// The value below which a share of ascending values lies, between two of them in proportion.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// p-values as large as keeps the chance of any false finding among all at that of one (Holm,
/// "A simple sequentially rejective multiple test procedure", 1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (smaller, &at) in order.iter().enumerate() {
        least = least.max((p_values[at] * (p_values.len() - smaller) as f64).min(1.0));
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Resampling = Resampling { samples: 4000, confidence: 0.95, seed: 3 };

    /// Listeners with a case each, of these values.
    fn units(values: impl IntoIterator<Item = f64>) -> Units {
        let mut units = Units::new(2);
        (0..).zip(values).for_each(|(user, value)| units.add(user, &[1.0, value]));
        units
    }

    const MEAN: Ratio = Ratio { numerator: 1, denominator: 0, less: 0.0 };

    fn interval(units: &Units) -> Option<(f64, f64)> {
        RESAMPLING.intervals(units, &[MEAN], &Control::default()).unwrap()[0]
    }

    fn p_value(units: &Units) -> f64 {
        RESAMPLING.p_values(units, &Control::default()).unwrap()[1]
    }

    #[test]
    fn resampling_can_be_stopped() {
        let (control, units) = (Control::default(), units([1.0, 2.0]));
        control.stop();
        assert!(RESAMPLING.intervals(&units, &[MEAN], &control).is_err());
        assert!(RESAMPLING.p_values(&units, &control).is_err());
    }

    #[test]
    fn intervals_are_as_wide_as_theory_says() {
        // Of 400 cases a quarter are hits: a standard error of √(¼·¾/400) = .02165.
        let units = units((0..400).map(|case| f64::from(u8::from(case % 4 == 0))));
        let (low, high) = interval(&units).unwrap();
        assert!((low - (0.25 - 1.96 * 0.02165)).abs() < 0.005, "{low}");
        assert!((high - (0.25 + 1.96 * 0.02165)).abs() < 0.005, "{high}");
        assert_eq!(interval(&units), Some((low, high)));
    }

    #[test]
    fn cases_of_one_listener_stand_and_fall_together() {
        // The same cases, from 40 listeners with ten equal ones each: √10 times as wide.
        let mut units = Units::new(2);
        for user in 0..40 {
            let hit = f64::from(u8::from(user % 4 == 0));
            (0..10).for_each(|_| units.add(user, &[1.0, hit]));
        }
        assert_eq!((units.len(), units.sum()), (40, vec![400.0, 100.0]));
        let (low, high) = interval(&units).unwrap();
        assert!((high - low - 2.0 * 1.96 * 0.0685).abs() < 0.04, "{low} {high}");
    }

    #[test]
    fn one_listener_has_no_interval() {
        assert_eq!(interval(&units([1.0])), None);
        let off = Resampling { samples: 0, ..RESAMPLING };
        assert_eq!(
            off.intervals(&units([1.0, 2.0]), &[MEAN], &Control::default()).unwrap(),
            [None]
        );
    }

    #[test]
    fn p_values_are_those_of_all_swaps() {
        // Of the 2^5 swaps, two are as far from 0 as all five wins.
        let wins = p_value(&units([1.0; 5]));
        assert!((wins - 2.0 / 32.0).abs() < 0.015, "{wins}");
        // 3 : 1 of four equal differences: all but the even splits, 6 of 16, are as far.
        let mixed = p_value(&units([1.0, 1.0, 1.0, -1.0]));
        assert!((mixed - 10.0 / 16.0).abs() < 0.03, "{mixed}");
        assert_eq!(p_value(&units([0.0; 9])), 1.0);
    }

    #[test]
    fn holm_by_hand() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5]);
        assert_eq!(holm(&[0.9, 0.6]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
