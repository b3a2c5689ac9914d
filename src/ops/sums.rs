//! Sums over maps, in f64 and in an order that depends on their sizes alone.

use super::cpu::Real;

/// Sums that run side by side: one vector, as the compiler keeps no more in registers.
const LANES: usize = 8;

/// The sum of `f` over maps.
#[inline(always)]
pub(super) fn sum<'a, T: Real>(maps: impl Iterator<Item = &'a [T]>, f: impl Fn(T) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    for map in maps {
        let (runs, rest) = map.as_chunks::<LANES>();
        for run in runs {
            for i in 0..LANES {
                lanes[i] += f(run[i]);
            }
        }
        let rest = lanes.iter_mut().zip(rest);
        rest.for_each(|(lane, &x)| *lane += f(x));
    }
    lanes.iter().sum()
}

/// The sums of what `f` says to each pair of numbers, over pairs of maps of equal size.
#[inline(always)]
pub(super) fn sums<'a, T: Real, const SUMS: usize>(
    pairs: impl Iterator<Item = (&'a [T], &'a [T])>,
    f: impl Fn(T, T) -> [f64; SUMS],
) -> [f64; SUMS] {
    let mut lanes = [[0.0; LANES]; SUMS];
    for (a, b) in pairs {
        let ((runs_a, rest_a), (runs_b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in runs_a.iter().zip(runs_b) {
            // one sum after the other, as the compiler mixes the vectors of one loop
            for (k, lanes) in lanes.iter_mut().enumerate() {
                for i in 0..LANES {
                    lanes[i] += f(a[i], b[i])[k];
                }
            }
        }
        for (i, (&a, &b)) in rest_a.iter().zip(rest_b).enumerate() {
            let terms = f(a, b);
            (lanes.iter_mut().zip(terms)).for_each(|(lanes, term)| lanes[i] += term);
        }
    }
    lanes.map(|lanes| lanes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, of which no sum is rounded, in maps that fill no run, one and several.
    #[test]
    fn nothing_is_left_out_or_counted_twice() {
        for size in 0..40 {
            let a: Vec<f32> = (0..3 * size).map(|i| i as f32).collect();
            let b: Vec<f32> = (0..3 * size).map(|i| (i * i % 7) as f32).collect();
            let maps = |all: &'static [f32]| all.chunks(size.max(1));
            let (a, b): (&'static [f32], &'static [f32]) = (a.leak(), b.leak());
            let all = |f: fn(f32, f32) -> f32| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(f(a, b))).sum()
            };
            assert_eq!(sum(maps(a), f64::from), all(|a, _| a));
            let both = sums(maps(a).zip(maps(b)), |a, b| [b.into(), (a * b).into()]);
            assert_eq!(both, [all(|_, b| b), all(|a, b| a * b)]);
        }
    }
}
