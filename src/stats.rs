//! What do a few numbers say about the many that they stand for?

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

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

/// How many values would likely (in four of five cases) give an interval of the mean that leaves out a
/// bound at that distance from it: nothing for a distance of zero, or beyond a million.
pub fn enough(distance: f64, deviation: f64, level: f64) -> Option<u64> {
    const POWER: f64 = 0.8;
    let normal = Normal::standard();
    let needed = normal.inverse_cdf(0.5 + level / 2.0) + normal.inverse_cdf(POWER);
    let n = (needed * deviation / distance).powi(2).ceil();
    // Student's t is wider than the normal for few values: two more make up for it
    (n < 1e6).then_some(n as u64 + 2)
}

/// The variance of a share counted on `n` images, if the true share is `p`.
pub fn binomial_variance(p: f64, n: u64) -> f64 {
    p * (1.0 - p) / n as f64
}
