//! Where would a number made of further values lie?

use super::{Interval, around, deviation, mean, prediction_interval};
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;

/// What a number is made of that is none of the values at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// One more value.
    One,
    /// The mean of so many more.
    Mean(u32),
    /// The median of so many more, an odd number of them.
    Median(u32),
    /// The least of so many more.
    Least(u32),
    /// The largest of so many more.
    Largest(u32),
}

/// Where that number of further values of the population lies, with that confidence, half of the doubt on each side:
/// nothing for fewer than two values at hand. The population is taken to be normal.
pub fn further_interval(values: &[f64], level: f64, further: Further) -> Option<Interval> {
    let n = values.len();
    let (rank, of) = match further {
        Further::One => return prediction_interval(values, level, 0.0),
        Further::Mean(k) => {
            let parts = f64::from(k).recip() + (n as f64).recip();
            return around(values, level, parts, 0.0);
        }
        Further::Median(k) => (k.div_ceil(2), k),
        Further::Least(k) => (1, k),
        Further::Largest(k) => (k, k),
    };
    let freedom = n.checked_sub(2)? as f64 + 1.0;
    let order = Order::new(rank, of, n as f64, freedom);
    let (mean, deviation) = (mean(values), deviation(values));
    let interval = Interval {
        low: mean + deviation * order.quantile(0.5 - level / 2.0),
        high: mean + deviation * order.quantile(0.5 + level / 2.0),
    };
    (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
}

/// How the `rank`-th smallest of `of` further values is distributed about the mean of `n` values, in their standard
/// deviations, which have so many degrees of freedom.
struct Order {
    rank: f64,
    of: f64,
    /// Where the mean may lie about that of the population, in deviations of the population, with weights.
    means: Vec<[f64; 2]>,
    /// What the deviation may be, as a part of the population's, with weights.
    deviations: Vec<[f64; 2]>,
}

impl Order {
    /// Both distributions by the trapezoidal rule, whose error for such functions is far below what an interval shows.
    fn new(rank: u32, of: u32, n: f64, freedom: f64) -> Order {
        const STEP: f64 = 0.5;
        let normal = |i: i32| {
            let x = f64::from(i) * STEP;
            [x / n.sqrt(), (-0.5 * x * x).exp()]
        };
        // over the logarithm of the deviation, where the density is largest at 0 and falls on both sides
        let step = 0.4 / (2.0 * freedom).sqrt();
        let chi = |i: i32| {
            let t = f64::from(i) * step;
            let exponent = freedom * (t - ((2.0 * t).exp() - 1.0) / 2.0);
            [t.exp(), exponent.exp()]
        };
        let is_some = |[_, weight]: &[f64; 2]| *weight > 1e-11;
        let below = (1..).map(|i| chi(-i)).take_while(is_some);
        let above = (0..).map(chi).take_while(is_some);
        Order {
            rank: f64::from(rank),
            of: f64::from(of),
            means: weighted((-12..=12).map(normal)),
            deviations: weighted(below.chain(above)),
        }
    }

    /// How likely it lies at or below so many deviations from the mean.
    fn at_most(&self, x: f64) -> f64 {
        let normal = Normal::standard();
        let likely = |x: f64| beta_reg(self.rank, self.of - self.rank + 1.0, normal.cdf(x));
        let under = |deviation: f64| -> f64 {
            let means = self.means.iter();
            means
                .map(|[mean, weight]| weight * likely(x * deviation + mean))
                .sum()
        };
        let deviations = self.deviations.iter();
        deviations
            .map(|[deviation, weight]| weight * under(*deviation))
            .sum()
    }

    /// Where it lies at or below as likely as that, found by halving.
    fn quantile(&self, likely: f64) -> f64 {
        let mut bound = 1.0;
        while bound < 1e9 && (self.at_most(-bound) > likely || self.at_most(bound) < likely) {
            bound *= 2.0;
        }
        let (mut low, mut high) = (-bound, bound);
        while high - low > 1e-8 * bound {
            let middle = f64::midpoint(low, high);
            match self.at_most(middle) < likely {
                true => low = middle,
                false => high = middle,
            }
        }
        f64::midpoint(low, high)
    }
}

/// Places with weights that add up to 1.
fn weighted(places: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let places: Vec<_> = places.collect();
    let all: f64 = places.iter().map(|[_, weight]| weight).sum();
    places
        .into_iter()
        .map(|[at, weight]| [at, weight / all])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    const LEVEL: f64 = 0.99;

    /// The ends in deviations from the mean, of `n` values.
    fn factors(n: u64, level: f64, further: Further) -> [f64; 2] {
        let values: Vec<f64> = (0..n).map(|i| Key::seed(2).normal(i)).collect();
        let interval = further_interval(&values, level, further).unwrap();
        [interval.low, interval.high].map(|end| (end - mean(&values)) / deviation(&values))
    }

    /// Factors for one more value (Hahn 1969, Table 1) and for the mean of some, by Student's t.
    #[test]
    fn published_factors_of_one_more_and_of_means() {
        for (n, level, further, factor) in [
            (5, 0.95, Further::One, 3.04),
            (5, 0.99, Further::One, 5.04),
            (10, 0.95, Further::One, 2.37),
            (10, 0.99, Further::One, 3.41),
            // t with 7 degrees of freedom is 3.499
            (8, 0.99, Further::Mean(8), 3.499 * 0.5),
            (8, 0.99, Further::Mean(2), 3.499 * (0.625f64).sqrt()),
        ] {
            let [low, high] = factors(n, level, further);
            assert!((high - factor).abs() < 6e-3, "{n} {further:?}: {high}");
            assert!((low + high).abs() < 1e-9);
        }
    }

    /// The largest of several differences from one mean is Dunnett's statistic, of which he printed a table
    /// (1955, Tables 1a and 1b): there a control has as many values as each treatment.
    #[test]
    fn published_factors_of_the_largest() {
        for (freedom, likely, table) in [
            (5.0, 0.95, [2.02, 2.44, 2.68, 2.85, 2.98]),
            (10.0, 0.95, [1.81, 2.15, 2.34, 2.47, 2.56]),
            (10.0, 0.99, [2.76, 3.11, 3.31, 3.45, 3.56]),
        ] {
            for (k, factor) in (1..).zip(table) {
                let found = Order::new(k, k, 1.0, freedom).quantile(likely) / 2f64.sqrt();
                assert!((found - factor).abs() < 6e-3, "{freedom} {k}: {found}");
            }
        }
    }

    /// One of one is one more, by another way; the least of some is the largest of them turned round.
    #[test]
    fn orders_agree_with_each_other() {
        for n in [2, 5, 8] {
            let [low, high] = factors(n, LEVEL, Further::One);
            let [least, most] = factors(n, LEVEL, Further::Least(1));
            assert!((low - least).abs() < 1e-5 * high && (high - most).abs() < 1e-5 * high);
            let [low, high] = factors(n, LEVEL, Further::Least(5));
            let turned = factors(n, LEVEL, Further::Largest(5));
            assert!((low + turned[1]).abs() < 1e-6 * turned[1]);
            assert!((high + turned[0]).abs() < 1e-6 * turned[1]);
            let [low, high] = factors(n, LEVEL, Further::Median(5));
            assert!((low + high).abs() < 1e-6 * high);
        }
    }

    /// What is foretold happens as often as it is said, and fails as often on each side.
    #[test]
    fn further_values_lie_where_they_should() {
        const TIMES: u64 = 20_000;
        for n in [5, 8] {
            for further in [
                Further::Mean(5),
                Further::Median(5),
                Further::Least(5),
                Further::Largest(3),
            ] {
                let [low, high] = factors(n, LEVEL, further);
                let key = Key::named("further").fold_in(n);
                let (mut below, mut above) = (0, 0);
                for i in 0..TIMES {
                    let draw = |j| key.fold_in(i).normal(j);
                    let values: Vec<f64> = (0..n).map(draw).collect();
                    let new = |k: u32| -> Vec<f64> {
                        let mut new: Vec<f64> = (n..n + u64::from(k)).map(draw).collect();
                        new.sort_by(f64::total_cmp);
                        new
                    };
                    let number = match further {
                        Further::One => new(1)[0],
                        Further::Mean(k) => mean(&new(k)),
                        Further::Median(k) => new(k)[k as usize / 2],
                        Further::Least(k) => new(k)[0],
                        Further::Largest(k) => new(k)[k as usize - 1],
                    };
                    let at = (number - mean(&values)) / deviation(&values);
                    below += u32::from(at < low);
                    above += u32::from(at > high);
                }
                // five standard errors of a share of 0.005
                for misses in [below, above].map(|n| f64::from(n) / TIMES as f64) {
                    assert!((misses - 0.005).abs() < 0.0025, "{n} {further:?}: {misses}");
                }
            }
        }
    }

    #[test]
    fn too_few_values_foretell_nothing() {
        for further in [Further::One, Further::Mean(5), Further::Least(5)] {
            assert_eq!(further_interval(&[], LEVEL, further), None);
            assert_eq!(further_interval(&[1.0], LEVEL, further), None);
            assert_eq!(further_interval(&[1.0, f64::NAN], LEVEL, further), None);
            let same = further_interval(&[0.5; 8], LEVEL, further).unwrap();
            assert_eq!([same.low, same.high], [0.5; 2]);
        }
    }
}
