//! Where ways meet and part: sum, mean, concatenation, gate, slice; and the sum by repetition that a
//! listing depends on.

use super::activation::{each, each_2};
use super::cpu::{Real, by_dtype, planes, tensor, view};
use super::sums::sums;
use super::uninit::UninitVec;
use super::wide::wide;
use candle_core::{Result, Tensor, WithDType};
use rayon::prelude::*;

/// The sum of two tensors of one shape.
///
/// # Errors
/// Tensors that are not on the CPU, not contiguous or of another type than f32 and f64.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    by_dtype!(a, T => each_2::<T>(a, b, |a, b| a + b))
}

/// The mean of tensors of one shape.
///
/// # Errors
/// As [`add`].
pub fn mean(inputs: &[&Tensor]) -> Result<Tensor> {
    let mut sum = inputs[0].clone();
    for input in &inputs[1..] {
        sum = add(&sum, input)?;
    }
    scale(&sum, 1.0 / inputs.len() as f64, 0.0)
}

/// Each unit times `factor` plus `offset`.
///
/// # Errors
/// As [`add`].
pub fn scale(x: &Tensor, factor: f64, offset: f64) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (factor, offset) = (factor as T, offset as T);
        each::<T>(x, move |x| x * factor + offset)
    })
}

/// Channels of all inputs one after the other.
///
/// # Errors
/// As [`add`].
pub fn concat(inputs: &[&Tensor]) -> Result<Tensor> {
    by_dtype!(inputs[0], T => {
        let (n, _, plane) = planes(inputs[0]);
        let parts = inputs.iter().map(|x| view::<T>(x)).collect::<Result<Vec<_>>>()?;
        let channels: usize = inputs.iter().map(|x| x.dims()[1]).sum();
        let of_sample = |sample| {
            let parts = parts.iter().map(move |part| (part, part.len() / n));
            parts.flat_map(move |(part, size)| part[sample * size..][..size].chunks_exact(plane))
        };
        let mut dims = inputs[0].dims().to_vec();
        dims[1] = channels;
        tensor(maps((0..n).flat_map(of_sample).collect(), plane), &dims)
    })
}

/// Copies of maps, one behind the other.
fn maps<T: Real>(maps: Vec<&[T]>, plane: usize) -> Vec<T> {
    let mut out = UninitVec::new(maps.len() * plane);
    let pairs = out.chunks(plane).zip(maps);
    pairs.for_each(|(mut out, map)| out.extend(map.iter().copied()));
    out.finish()
}

/// The channels from one number up to another.
///
/// # Errors
/// As [`add`].
pub fn slice(x: &Tensor, from: usize, to: usize) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (n, c, plane) = planes(x);
        let numbers = view::<T>(x)?;
        let of_sample = |sample: usize| {
            numbers[(sample * c + from) * plane..(sample * c + to) * plane].chunks_exact(plane)
        };
        let mut dims = x.dims().to_vec();
        dims[1] = to - from;
        tensor(maps((0..n).flat_map(of_sample).collect(), plane), &dims)
    })
}

/// The gradient of [`slice()`] with respect to an input of those dimensions: zero outside.
///
/// # Errors
/// As [`add`].
pub fn slice_backward(dims: &[usize], from: usize, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(dy, T => {
        let (n, _, plane) = planes(dy);
        let gradient = view::<T>(dy)?;
        let size = gradient.len() / n;
        let mut dx = vec![T::default(); dims.iter().product()];
        for sample in 0..n {
            dx[(sample * dims[1] + from) * plane..][..size]
                .copy_from_slice(&gradient[sample * size..][..size]);
        }
        tensor(dx, dims)
    })
}

/// `x` times `gate`, which has one value for each map or one for each unit.
///
/// # Errors
/// As [`add`].
pub fn gate(x: &Tensor, gate: &Tensor) -> Result<Tensor> {
    if x.dims() == gate.dims() {
        return by_dtype!(x, T => each_2::<T>(x, gate, |x, gate| x * gate));
    }
    by_dtype!(x, T => {
        let (_, _, plane) = planes(x);
        let (numbers, gates) = (view::<T>(x)?, view::<T>(gate)?);
        let mut out = UninitVec::new(numbers.len());
        let maps = out.chunks(plane).zip(numbers.par_chunks(plane));
        maps.zip(&gates[..]).for_each(|((mut out, map), &gate)| {
            wide!(out.extend(map.iter().map(move |&x| x * gate)));
        });
        tensor(out.finish(), x.dims())
    })
}

/// The gradients of [`gate`] with respect to both inputs.
///
/// # Errors
/// As [`add`].
pub fn gate_backward(x: &Tensor, gates: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
    let dx = gate(dy, gates)?;
    if x.dims() == gates.dims() {
        return Ok([dx, gate(dy, x)?]);
    }
    by_dtype!(x, T => {
        let (_, _, plane) = planes(x);
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let maps = numbers.par_chunks(plane).zip(gradient.par_chunks(plane));
        let sums: Vec<T> = maps
            .map(|pair| {
                let [sum] = wide!(sums([pair].into_iter(), |x, dy| [x.to_f64() * dy.to_f64()]));
                sum as T
            })
            .collect();
        Ok([dx, tensor(sums, gates.dims())?])
    })
}

/// The sum of inputs of which one row, column or channel is repeated to the other's.
///
/// # Errors
/// As [`add`], and shapes that cannot be repeated to one.
pub fn broadcast_add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.broadcast_add(b)
}

/// Of the gradient of [`broadcast_add`], what reaches an input of those dimensions: the sum over its
/// repetitions.
///
/// # Errors
/// As [`add`].
pub fn broadcast_add_backward(dims: &[usize], dy: &Tensor) -> Result<Tensor> {
    if dims == dy.dims() {
        return Ok(dy.clone());
    }
    by_dtype!(dy, T => {
        let (gradient, repeated) = (view::<T>(dy)?, dy.dims());
        let mut dx = vec![0.0; dims.iter().product()];
        for (i, &dy) in gradient.iter().enumerate() {
            // the place of a unit, and of the one that was repeated to it, from the last axis on
            let (mut rest, mut to, mut stride) = (i, 0, 1);
            for (&size, &repeated) in dims.iter().zip(repeated).rev() {
                to += (rest % repeated).min(size - 1) * stride;
                rest /= repeated;
                stride *= size;
            }
            dx[to] += dy.to_f64();
        }
        tensor(dx.into_iter().map(|x| x as T).collect::<Vec<T>>(), dims)
    })
}

/// ResNet's option A shortcut: every `stride`-th unit, with maps of zeros in front and behind up to
/// `channels`.
///
/// # Errors
/// As [`add`].
pub fn pad_shortcut(x: &Tensor, channels: usize, stride: usize) -> Result<Tensor> {
    by_dtype!(x, T => {
        let (n, c, h, w) = x.dims4()?;
        let numbers = view::<T>(x)?;
        let (down, across) = (h.div_ceil(stride), w.div_ceil(stride));
        let mut out = vec![T::default(); n * channels * down * across];
        for (to, from) in kept_rows([n, c, h, w], channels, stride) {
            let row = numbers[from..][..w].iter().step_by(stride);
            out[to..][..across].iter_mut().zip(row).for_each(|(y, &x)| *y = x);
        }
        tensor(out, &[n, channels, down, across])
    })
}

/// The gradient of [`pad_shortcut`] with respect to an input of those dimensions.
///
/// # Errors
/// As [`add`].
pub fn pad_shortcut_backward(
    dims: [usize; 4],
    channels: usize,
    stride: usize,
    dy: &Tensor,
) -> Result<Tensor> {
    by_dtype!(dy, T => {
        let gradient = view::<T>(dy)?;
        let mut dx = vec![T::default(); dims.iter().product()];
        let (w, across) = (dims[3], dims[3].div_ceil(stride));
        for (from, to) in kept_rows(dims, channels, stride) {
            let row = dx[to..][..w].iter_mut().step_by(stride);
            row.zip(&gradient[from..][..across]).for_each(|(dx, &dy)| *dx = dy);
        }
        tensor(dx, &dims)
    })
}

/// Where the rows start that a [`pad_shortcut`] keeps: behind it, and in front of it.
fn kept_rows(
    [n, c, h, w]: [usize; 4],
    channels: usize,
    stride: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let (down, across) = (h.div_ceil(stride), w.div_ceil(stride));
    let front = (channels - c) / 2;
    (0..n * c * down).map(move |i| {
        let (map, row) = (i / down, i % down);
        let (sample, channel) = (map / c, map % c);
        let to = ((sample * channels + front + channel) * down + row) * across;
        (to, (map * h + row * stride) * w)
    })
}
