//! Pooling by maximum.
//!
//! The first of the largest units of a window, in the order in which it is read, is the first of the
//! largest that its rows have: so rows are searched first, for all windows that share them.

mod search;

use super::cpu::{by_dtype, planes, tensor, view};
use super::phase_layout::PhaseLayout;
use super::wide::wide;
use crate::graph::Window;
use candle_core::{Error, Result, Tensor};
use rayon::prelude::*;
use search::{Search, place};

/// The largest unit in each window; minus infinity where it sees none.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(window: &Window, x: &Tensor) -> Result<Tensor> {
    let layout = PhaseLayout::of(window, x.dims())?;
    by_dtype!(x, T => {
        let (n, c, _) = planes(x);
        let numbers = view::<T>(x)?;
        let mut out = vec![<T as num_traits::Zero>::zero(); n * c * layout.output()];
        out.par_chunks_mut(layout.maps * layout.output())
            .zip(numbers.par_chunks(layout.maps * layout.input()))
            .for_each_init(
                || Search::<T>::new(&layout),
                |search, (out, maps)| wide!(search.values(&layout, maps, out)),
            );
        tensor(out, &[n, c, layout.down.output, layout.across.output])
    })
}

/// The gradient of [`forward`]: all of it goes to the first of the largest units.
///
/// # Errors
/// As [`forward`].
pub fn backward(window: &Window, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let layout = PhaseLayout::of(window, x.dims())?;
    if layout.input() >= u32::MAX as usize {
        return Err(Error::Msg("pools maps of less than 2^32 units".into()).bt());
    }
    by_dtype!(x, T => {
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let mut dx = vec![<T as num_traits::Zero>::zero(); numbers.len()];
        dx.par_chunks_mut(layout.maps * layout.input())
            .zip(numbers.par_chunks(layout.maps * layout.input()))
            .zip(gradient.par_chunks(layout.maps * layout.output()))
            .for_each_init(
                || Search::<T>::new(&layout),
                |search, ((dx, maps), dy)| {
                    wide!(search.units(&layout, maps));
                    place(&layout, search, dy, dx);
                },
            );
        tensor(dx, x.dims())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::pool;
    use crate::ops::view;
    use crate::random::Key;
    use candle_core::{DType, Device};
    use proptest::prelude::*;

    /// Of one map `[h, w]`: each window's value, and the gradient that reaches each unit.
    fn definition(
        window: &Window,
        h: usize,
        w: usize,
        x: &[f32],
        dy: &[f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let [down, across] = [(0, h), (1, w)].map(|(axis, size)| window.axis(axis, size).unwrap());
        let (mut y, mut dx) = (Vec::new(), vec![0.0; x.len()]);
        for i in 0..down.output {
            for j in 0..across.output {
                let (mut best, mut at) = (f32::NEG_INFINITY, None);
                for kh in 0..window.kernel[0] {
                    for kw in 0..window.kernel[1] {
                        let row = (i * window.stride[0] + kh * window.dilation[0])
                            .checked_sub(down.before);
                        let column = (j * window.stride[1] + kw * window.dilation[1])
                            .checked_sub(across.before);
                        let (Some(row), Some(column)) = (row, column) else {
                            continue;
                        };
                        if row >= h || column >= w {
                            continue;
                        }
                        let x = x[row * w + column];
                        if at.is_none() || x > best || x.is_nan() && !best.is_nan() {
                            (best, at) = (x, Some(row * w + column));
                        }
                    }
                }
                if let Some(at) = at {
                    dx[at] += dy[y.len()];
                }
                y.push(best);
            }
        }
        (y, dx)
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        // any NaN is as good as another
        let bits = |x: &f32| if x.is_nan() { u32::MAX } else { x.to_bits() };
        numbers.iter().map(bits).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn bits_are_those_of_the_definition(
            (h, w, maps, seed) in (1..20usize, 1..40usize, 1..4usize, any::<u64>()),
            (kernel, stride, pad, dilation, same, ceil) in
                ([1..6usize, 1..6usize], [1..5usize, 1..5usize], [0..5usize, 0..5usize],
                 [1..4usize, 1..4usize], any::<bool>(), any::<bool>()),
        ) {
            let mut window = pool(kernel).stride(stride).pad(pad).dilation(dilation);
            window.ceil = ceil;
            if same {
                window = window.same();
            }
            let (Ok(down), Ok(across)) = (window.axis(0, h), window.axis(1, w)) else {
                return Ok(());
            };
            let key = Key::seed(seed);
            // few different numbers, so that there are ties, and among them those that compare oddly
            let odd = [0.0, -0.0, 1.0, -1.0, f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::NAN];
            let kinds = [3, 4, 6, 8][key.bits(0) as usize % 4];
            let x: Vec<f32> = (0..maps * h * w).map(|i| odd[key.fold_in(1).bits(i as u64) as usize % kinds]).collect();
            let outputs = down.output * across.output;
            let dy: Vec<f32> = (0..maps * outputs).map(|i| key.fold_in(2).normal(i as u64) as f32).collect();
            let tensor = |numbers: &[f32], h, w| {
                Tensor::from_slice(numbers, (1, maps, h, w), &Device::Cpu).unwrap()
            };
            let (of_x, of_dy) = (tensor(&x, h, w), tensor(&dy, down.output, across.output));
            for dtype in [DType::F32, DType::F64] {
                let [of_x, of_dy] = [&of_x, &of_dy].map(|x| x.to_dtype(dtype).unwrap());
                let single = |x: Tensor| x.to_dtype(DType::F32).unwrap();
                let y = single(forward(&window, &of_x).unwrap());
                let dx = backward(&window, &of_x, &of_dy).unwrap();
                let (y, sums) = (view::<f32>(&y).unwrap(), single(dx));
                let sums = view::<f32>(&sums).unwrap();
                for (map, x) in x.chunks(h * w).enumerate() {
                    let (values, gradients) = definition(&window, h, w, x, &dy[map * outputs..]);
                    prop_assert_eq!(bits(&y[map * outputs..][..outputs]), bits(&values));
                    let sums = &sums[map * h * w..][..h * w];
                    match dtype {
                        DType::F32 => prop_assert_eq!(bits(sums), bits(&gradients)),
                        // rounded once, where the definition rounds each sum
                        _ => for (a, b) in sums.iter().zip(&gradients) {
                            prop_assert!((a - b).abs() < 1e-4);
                        },
                    }
                }
            }
        }
    }
}
