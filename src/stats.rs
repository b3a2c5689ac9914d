//! What do a few numbers say about the many that they stand for?

mod prediction;

pub use prediction::{Further, further_interval};

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use std::cmp::Ordering;

/// The confidence of every interval that decides, of a question and of a comparison. Of differences that
/// are none, one in a hundred is taken for one, half of them on each side.
pub const LEVEL: f64 = 0.99;

/// An interval, its ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The mean; not a number for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The geometric mean of positive values, as of ratios; nothing for no values.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
    (!logs.is_empty()).then(|| mean(&logs).exp())
}

/// The standard deviation of the population that the values are drawn from (by n - 1); not a number
/// for fewer than two.
pub fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// Where the mean of the population lies, with that confidence (Student 1908): nothing for fewer than
/// two values. Of paired values, give the differences.
pub fn mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    around(values, level, (values.len() as f64).recip(), 0.0)
}

/// Where one more value of the population lies, with that confidence; `variance` is what its own
/// measurement adds.
pub fn prediction_interval(values: &[f64], level: f64, variance: f64) -> Option<Interval> {
    around(values, level, 1.0 + (values.len() as f64).recip(), variance)
}

/// The mean, give or take Student's t times the root of `parts` of the variance and `more` of it.
fn around(values: &[f64], level: f64, parts: f64, more: f64) -> Option<Interval> {
    let freedom = values.len().checked_sub(2)? as f64 + 1.0;
    let (mean, variance) = (mean(values), deviation(values).powi(2));
    let t = StudentsT::new(0.0, 1.0, freedom)
        .ok()?
        .inverse_cdf(0.5 + level / 2.0);
    let half = t * (variance * parts + more).sqrt();
    let interval = Interval {
        low: mean - half,
        high: mean + half,
    };
    interval.low.is_finite().then_some(interval)
}

/// On which side of a bound the mean of the population lies, with that confidence in an interval of it;
/// nothing where the interval does not leave the bound out. Values that differ from each other by no more
/// than rounding have no interval to speak of. If all lie on one side they decide once they are so many
/// that, were both sides as likely, this would happen no oftener (the sign test): 8 for 99 %.
pub fn side(values: &[f64], bound: f64, level: f64) -> Option<Ordering> {
    let interval = mean_interval(values, level)?;
    let largest = values.iter().fold(bound.abs(), |most, x| most.max(x.abs()));
    let noise = ROUNDING * largest;
    let by_chance = 0.5f64.powi(i32::try_from(values.len()).unwrap_or(i32::MAX));
    if deviation(values) <= noise && by_chance > (1.0 - level) / 2.0 {
        return None;
    }
    match (interval.low > bound + noise, interval.high < bound - noise) {
        (true, _) => Some(Ordering::Greater),
        (_, true) => Some(Ordering::Less),
        _ => None,
    }
}

/// Sums of a few numbers are off by no more than this share of the largest.
const ROUNDING: f64 = 1e-12;

/// How many values would likely (in four of five cases) give an interval of the mean that leaves out a
/// bound at that distance from it: nothing for a distance of zero, or beyond a million.
pub fn enough(distance: f64, deviation: f64, level: f64) -> Option<u64> {
    const POWER: f64 = 0.8;
    let normal = Normal::standard();
    let (sure, likely) = (
        normal.inverse_cdf(0.5 + level / 2.0),
        normal.inverse_cdf(POWER),
    );
    // the second term makes up for Student's t, which is wider than the normal (Guenther 1981)
    let n = ((sure + likely) * deviation / distance).powi(2) + sure * sure / 2.0;
    (n < 1e6).then_some(n.ceil() as u64)
}

/// The variance of a share counted on `n` images, if the true share is `p`.
pub fn binomial_variance(p: f64, n: u64) -> f64 {
    p * (1.0 - p) / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    /// Extra hours of sleep under two drugs, the differences of ten patients (Student 1908).
    const SLEEP: [f64; 10] = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];

    fn near(a: f64, b: f64, by: f64) -> bool {
        (a - b).abs() <= by
    }

    #[test]
    fn a_geometric_mean_takes_twice_and_half_as_one() {
        assert_eq!(geometric_mean(&[]), None);
        for (values, right) in [
            (&[2.0, 0.5][..], 1.0),
            (&[1.5], 1.5),
            (&[1.0, 2.0, 4.0], 2.0),
        ] {
            assert!(near(geometric_mean(values).unwrap(), right, 1e-12));
        }
    }

    /// The classical example of paired values, and quantiles of Student's t from printed tables.
    #[test]
    fn published_values() {
        assert!(near(mean(&SLEEP), 1.58, 1e-12));
        assert!(near(deviation(&SLEEP), 1.230, 5e-4));
        let interval = mean_interval(&SLEEP, 0.95).unwrap();
        assert!(near(interval.low, 0.7001, 5e-5) && near(interval.high, 2.4599, 5e-5));
        for (freedom, level, t) in [
            (1.0, 0.95, 12.706),
            (4.0, 0.99, 4.604),
            (7.0, 0.95, 2.365),
            (7.0, 0.99, 3.499),
            (29.0, 0.99, 2.756),
        ] {
            let n = freedom as usize + 1;
            // of values with this deviation the half width is t over the root of n
            let values: Vec<f64> = (0..n).map(|i| Key::seed(1).normal(i as u64)).collect();
            let interval = mean_interval(&values, level).unwrap();
            let half = (interval.high - interval.low) / 2.0;
            let found = half / deviation(&values) * (n as f64).sqrt();
            assert!(near(found, t, 6e-4), "{freedom} {level}: {found}");
        }
        assert!(near(binomial_variance(0.5, 100), 0.0025, 1e-15));
    }

    #[test]
    fn too_few_values_and_no_numbers_have_no_interval() {
        assert_eq!(mean_interval(&[], 0.99), None);
        assert_eq!(mean_interval(&[1.0], 0.99), None);
        assert_eq!(mean_interval(&[1.0, f64::NAN, 2.0], 0.99), None);
        assert_eq!(mean_interval(&[1.0, f64::INFINITY], 0.99), None);
        assert_eq!(enough(0.0, 1.0, 0.99), None);
        assert_eq!(enough(f64::NAN, 1.0, 0.99), None);
        assert_eq!(enough(1e-9, 1.0, 0.99), None);
    }

    /// Without spread, what decides is how many lie on one side; what rounding leaves is no difference.
    #[test]
    fn equal_values_decide_once_they_are_many() {
        let side = |x: f64, n: usize| side(&vec![x; n], 0.0, 0.99);
        assert_eq!(side(0.0, 8), None);
        assert_eq!(side(0.5, 7), None);
        assert_eq!(side(0.5, 8), Some(Ordering::Greater));
        assert_eq!(side(-0.1, 9), Some(Ordering::Less));
        let rounded = 0.1 + 0.2 - 0.3;
        assert!(rounded > 0.0);
        assert_eq!(super::side(&[0.3 + rounded; 9], 0.3, 0.99), None);
    }

    /// One more value lies within its interval as often as the interval says.
    #[test]
    fn predictions_come_true() {
        const TIMES: u64 = 20_000;
        for n in [5, 8] {
            let key = Key::named("prediction").fold_in(n);
            let hits = (0..TIMES).filter(|&i| {
                let draw = |j| key.fold_in(i).normal(j);
                let values: Vec<f64> = (0..n).map(draw).collect();
                let interval = prediction_interval(&values, 0.99, 0.0).unwrap();
                (interval.low..=interval.high).contains(&draw(n))
            });
            let share = hits.count() as f64 / TIMES as f64;
            // four standard errors of a share of 0.99
            assert!(near(share, 0.99, 0.003), "{n}: {share}");
        }
    }

    /// So many values as are called enough decide in four of five cases.
    #[test]
    fn enough_is_enough() {
        const TIMES: u64 = 4_000;
        for distance in [0.5, 1.0, 1.5] {
            let n = enough(distance, 1.0, 0.99).unwrap();
            let key = Key::named("enough").fold_in(n);
            let decided = (0..TIMES).filter(|&i| {
                let draw = |j| distance + key.fold_in(i).normal(j);
                let values: Vec<f64> = (0..n).map(draw).collect();
                side(&values, 0.0, 0.99) == Some(Ordering::Greater)
            });
            let share = decided.count() as f64 / TIMES as f64;
            assert!(near(share, 0.81, 0.05), "{distance}: {n} values, {share}");
        }
    }
}
