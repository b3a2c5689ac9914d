//! Operations on arrays: by candle's views and element-wise operations, and what these lack.

use super::cpu::{Real, by_dtype, tensor, view};
use super::function;
use super::uninit::UninitVec;
use crate::graph::{Arithmetic, Array, Interpolation, Own, Padding, Reduction, Resize};
use crate::random::Key;
use candle_core::{D, DType, Result, Tensor, WithDType};
use rayon::prelude::*;

/// The output of an operation. A `key` drops samples in training.
///
/// # Errors
/// Tensors that are not on the CPU, of unequal types or of shapes that it does not take.
pub fn forward(array: &Array, inputs: &[&Tensor], key: Option<Key>) -> Result<Tensor> {
    let x = inputs[0];
    match *array {
        Array::Function(function) => function::forward(function, x),
        Array::Arithmetic(by) => {
            let axes = x.rank().max(inputs[1].rank());
            combine(by, &raised(x, axes)?, &raised(inputs[1], axes)?)
        }
        Array::Reduce { by, axes, keep } => {
            let reduced = reduced(by, x, &axes)?;
            reduced.reshape(match keep {
                true => reduced.dims().to_vec(),
                false => without(x.dims(), &axes),
            })
        }
        Array::Softmax { axis } => {
            let raised = x.broadcast_sub(&x.max_keepdim(axis + 1)?)?.exp()?;
            raised.broadcast_div(&raised.sum_keepdim(axis + 1)?)
        }
        Array::Resize(ref resize) => resized(resize, x),
        Array::Pad {
            before,
            after,
            with,
        } => padded(&before, &after, with, x),
        Array::Reshape { to } => x.reshape(of_batch(x, &to)),
        Array::Permute { axes } => x.permute(batched(&axes))?.contiguous(),
        Array::Slice {
            axis,
            from,
            to,
            step: 1,
        } => x.narrow(axis + 1, from, to - from)?.contiguous(),
        Array::Slice {
            axis,
            from,
            to,
            step,
        } => x.index_select(&indices((from..to).step_by(step), x)?, axis + 1),
        Array::Concat { axis } => Tensor::cat(inputs, axis + 1)?.contiguous(),
        Array::ChannelShuffle { groups } => shuffled(x, groups),
        Array::PixelShuffle { factor } => {
            let (n, c, h, w) = x.dims4()?;
            let square = [n, c / (factor * factor), factor, factor, h, w];
            let moved = x.reshape(&square[..])?.permute([0, 1, 4, 2, 5, 3])?;
            moved
                .reshape((n, square[1], h * factor, w * factor))?
                .contiguous()
        }
        Array::StochasticDepth { p } => match key {
            Some(key) => x.broadcast_mul(&survivors(x, p, key)?),
            None => Ok(x.clone()),
        },
    }
}

/// What a backward pass reads: the inputs and the output as far as they are kept, and the inputs' dimensions.
pub struct Read<'a> {
    /// The inputs.
    pub inputs: &'a [Option<&'a Tensor>],
    /// Their dimensions.
    pub dims: &'a [Vec<usize>],
    /// The output.
    pub output: Option<&'a Tensor>,
    /// The key of what was dropped.
    pub key: Option<Key>,
}

/// The gradients with respect to the inputs.
///
/// # Errors
/// As [`forward`], and what was not kept.
pub fn backward(array: &Array, read: &Read, dy: &Tensor) -> Result<Vec<Tensor>> {
    let kept = |kept: Option<&Tensor>| kept.cloned().ok_or_else(|| super::not_kept("value"));
    let x = || kept(read.inputs[0]);
    let dims = &read.dims[0];
    let dx = match *array {
        Array::Function(function) => function::backward(function, &x()?, dy)?,
        Array::Arithmetic(by) => {
            let axes = dims.len().max(read.dims[1].len());
            let inputs = match by {
                Arithmetic::Add | Arithmetic::Subtract => None,
                _ => Some([raised(&x()?, axes)?, raised(&kept(read.inputs[1])?, axes)?]),
            };
            let raised_dims = [raise(dims, axes), raise(&read.dims[1], axes)];
            let parts = combine_backward(by, inputs.as_ref(), &raised_dims, dy)?;
            let parts = parts.iter().zip(read.dims);
            return parts.map(|(part, dims)| part.reshape(&dims[..])).collect();
        }
        Array::Reduce { by, axes, .. } => {
            let dy = dy.reshape(with_ones(dims, &axes))?;
            match by {
                Reduction::Sum => dy.broadcast_as(&dims[..])?.contiguous()?,
                Reduction::Mean => {
                    let units: usize = axes.iter().map(|axis| dims[axis + 1]).product();
                    (dy / units as f64)?.broadcast_as(&dims[..])?.contiguous()?
                }
                Reduction::Maximum => {
                    // equal ones share the gradient
                    let x = x()?;
                    let largest = reduced(Reduction::Maximum, &x, &axes)?;
                    let is_largest = x.broadcast_eq(&largest)?.to_dtype(dy.dtype())?;
                    let count = reduced(Reduction::Sum, &is_largest, &axes)?;
                    is_largest.broadcast_mul(&(dy / count)?)?
                }
            }
        }
        Array::Softmax { axis } => {
            let y = kept(read.output)?;
            let sum = (&y * dy)?.sum_keepdim(axis + 1)?;
            (&y * dy.broadcast_sub(&sum)?)?
        }
        Array::Resize(ref resize) => resized_backward(resize, dims, dy)?,
        Array::Pad {
            before,
            after,
            with,
        } => padded_backward(&before, &after, with, dims, dy)?,
        Array::Reshape { .. } => dy.reshape(&dims[..])?,
        Array::Permute { axes } => {
            let mut back = vec![0; axes.len()];
            for (to, &from) in axes.iter().enumerate() {
                back[from] = to;
            }
            dy.permute(batched(&back))?.contiguous()?
        }
        Array::Slice {
            axis,
            from,
            to,
            step,
        } => {
            let zero = Tensor::zeros(&dims[..], dy.dtype(), dy.device())?;
            zero.index_add(&indices((from..to).step_by(step), dy)?, dy, axis + 1)?
        }
        Array::Concat { axis } => {
            let mut from = 0;
            let parts = read.dims.iter().map(|dims| {
                let part = dy.narrow(axis + 1, from, dims[axis + 1])?.contiguous();
                from += dims[axis + 1];
                part
            });
            return parts.collect();
        }
        Array::ChannelShuffle { groups } => shuffled(dy, dims[1] / groups)?,
        Array::PixelShuffle { factor } => {
            let [n, c, h, w] = dims[..] else {
                return Err(super::not_kept("shape"));
            };
            let spread = [n, c / (factor * factor), h, factor, w, factor];
            let moved = dy.reshape(&spread[..])?.permute([0, 1, 3, 5, 2, 4])?;
            moved.reshape((n, c, h, w))?.contiguous()?
        }
        Array::StochasticDepth { p } => match read.key {
            Some(key) => dy.broadcast_mul(&survivors(dy, p, key)?)?,
            None => dy.clone(),
        },
    };
    Ok(vec![dx])
}

/// Arithmetic with a tensor of the layer's own.
///
/// # Errors
/// As [`forward`].
pub fn own(own: &Own, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let weight = weight.reshape(raise_whole(&own.view, x.rank()))?;
    match own.first {
        true => combine(own.by, &weight, x),
        false => combine(own.by, x, &weight),
    }
}

/// The gradients with respect to the input and to the tensor.
///
/// # Errors
/// As [`forward`].
pub fn own_backward(own: &Own, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
    let raised = raise_whole(&own.view, x.rank());
    let weight = weight.reshape(&raised[..])?;
    let mut inputs = [x.clone(), weight];
    let mut dims = [x.dims().to_vec(), raised];
    if own.first {
        inputs.reverse();
        dims.reverse();
    }
    let [a, b] = combine_backward(own.by, Some(&inputs), &dims, dy)?;
    let (dx, dw) = if own.first { (b, a) } else { (a, b) };
    Ok([dx, dw.reshape(&own.dims[..])?])
}

/// A batch's dimensions with ones behind the batch, so that there are so many.
fn raise(dims: &[usize], axes: usize) -> Vec<usize> {
    let ones = vec![1; axes - dims.len()];
    [&dims[..1], &ones, &dims[1..]].concat()
}

/// The dimensions of a tensor that has no batch, so that there are so many.
fn raise_whole(dims: &[usize], axes: usize) -> Vec<usize> {
    let ones = vec![1; axes.saturating_sub(dims.len())];
    [&ones, dims].concat()
}

fn raised(x: &Tensor, axes: usize) -> Result<Tensor> {
    x.reshape(raise(x.dims(), axes))
}

fn combine(by: Arithmetic, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match by {
        Arithmetic::Add => a.broadcast_add(b),
        Arithmetic::Subtract => a.broadcast_sub(b),
        Arithmetic::Multiply => a.broadcast_mul(b),
        Arithmetic::Divide => a.broadcast_div(b),
        Arithmetic::Maximum => a.broadcast_maximum(b),
        Arithmetic::Minimum => a.broadcast_minimum(b),
    }
}

/// The gradients of [`combine`], each of its input's dimensions; the inputs are needed but for sums and differences.
fn combine_backward(
    by: Arithmetic,
    inputs: Option<&[Tensor; 2]>,
    dims: &[Vec<usize>; 2],
    dy: &Tensor,
) -> Result<[Tensor; 2]> {
    let given = || inputs.ok_or_else(|| super::not_kept("input"));
    // of two that are equal each is the larger by half
    let share = |[a, b]: &[Tensor; 2]| -> Result<Tensor> {
        let (above, equal) = (a.broadcast_gt(b)?, a.broadcast_eq(b)?);
        above.to_dtype(dy.dtype())? + (equal.to_dtype(dy.dtype())? * 0.5)?
    };
    let [a, b] = match by {
        Arithmetic::Add => [dy.clone(), dy.clone()],
        Arithmetic::Subtract => [dy.clone(), dy.neg()?],
        Arithmetic::Multiply => {
            let [a, b] = given()?;
            [dy.broadcast_mul(b)?, dy.broadcast_mul(a)?]
        }
        Arithmetic::Divide => {
            let [a, b] = given()?;
            let da = dy.broadcast_div(b)?;
            let db = da.broadcast_mul(a)?.broadcast_div(b)?.neg()?;
            [da, db]
        }
        Arithmetic::Maximum => {
            let share = share(given()?)?;
            [(dy * &share)?, (dy * (1.0 - share)?)?]
        }
        Arithmetic::Minimum => {
            let share = share(given()?)?;
            [(dy * (1.0 - &share)?)?, (dy * share)?]
        }
    };
    Ok([summed(&a, &dims[0])?, summed(&b, &dims[1])?])
}

/// The sum over the axes along which a tensor of those dimensions was repeated.
fn summed(gradient: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let repeated: Vec<usize> = (0..dims.len())
        .filter(|&axis| dims[axis] != gradient.dims()[axis])
        .collect();
    let mut sum = gradient.clone();
    for axis in repeated {
        sum = sum.to_dtype(DType::F64)?.sum_keepdim(axis)?;
    }
    sum.to_dtype(gradient.dtype())?.contiguous()
}

/// With axes of one unit where they were reduced.
fn reduced(by: Reduction, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    if by == Reduction::Maximum {
        let mut largest = x.clone();
        for axis in axes {
            largest = largest.max_keepdim(axis + 1)?;
        }
        return largest.contiguous();
    }
    // long sums in f64
    let mut sum = x.to_dtype(DType::F64)?;
    for axis in axes {
        sum = sum.sum_keepdim(axis + 1)?;
    }
    if by == Reduction::Mean {
        let units: usize = axes.iter().map(|axis| x.dims()[axis + 1]).product();
        sum = (sum / units as f64)?;
    }
    sum.to_dtype(x.dtype())?.contiguous()
}

/// Dimensions of a batch without those axes; one unit, if nothing is left of a sample.
fn without(dims: &[usize], axes: &[usize]) -> Vec<usize> {
    let left = (0..dims.len()).filter(|axis| *axis == 0 || !axes.contains(&(axis - 1)));
    let mut left: Vec<usize> = left.map(|axis| dims[axis]).collect();
    if left.len() == 1 {
        left.push(1);
    }
    left
}

fn with_ones(dims: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut dims = dims.to_vec();
    axes.iter().for_each(|axis| dims[axis + 1] = 1);
    dims
}

/// The dimensions of a batch of samples of those sizes, of which one may follow from the others.
fn of_batch(x: &Tensor, to: &[usize]) -> Vec<usize> {
    let n = x.dims()[0];
    let known: usize = to.iter().filter(|&&size| size > 0).product();
    let sizes = to.iter().map(|&size| match size {
        0 => x.elem_count() / n / known,
        size => size,
    });
    [n].into_iter().chain(sizes).collect()
}

/// A sample's axes as those of a batch.
fn batched(axes: &[usize]) -> Vec<usize> {
    [0].into_iter()
        .chain(axes.iter().map(|axis| axis + 1))
        .collect()
}

fn indices(units: impl Iterator<Item = usize>, like: &Tensor) -> Result<Tensor> {
    let units: Vec<u32> = units.map(|unit| unit as u32).collect();
    let count = units.len();
    Tensor::from_vec(units, count, like.device())
}

fn shuffled(x: &Tensor, groups: usize) -> Result<Tensor> {
    let (n, c) = (x.dims()[0], x.dims()[1]);
    let moved = x.reshape((n, groups, c / groups, ()))?.transpose(1, 2)?;
    moved.contiguous()?.reshape(x.dims())
}

/// For each sample 0, or what makes up for those that are dropped.
fn survivors(x: &Tensor, p: f64, key: Key) -> Result<Tensor> {
    let n = x.dims()[0];
    let factors = (0..n as u64).map(|sample| match key.uniform(sample) < p {
        true => 0.0,
        false => 1.0 / (1.0 - p),
    });
    let mut dims = vec![1; x.rank()];
    dims[0] = n;
    Tensor::from_vec(factors.collect::<Vec<f64>>(), dims, x.device())?.to_dtype(x.dtype())
}

/// For each unit of the padded axis the one that stands there.
fn sources(n: usize, before: usize, after: usize, with: Padding) -> impl Iterator<Item = usize> {
    (0..before + n + after).map(move |i| {
        let at = i as isize - before as isize;
        let last = n as isize - 1;
        let at = match with {
            Padding::Constant(_) | Padding::Replicate => at.clamp(0, last),
            Padding::Reflect if at < 0 => -at,
            Padding::Reflect if at > last => 2 * last - at,
            Padding::Reflect => at,
            Padding::Circular => at.rem_euclid(n as isize),
        };
        at as usize
    })
}

fn padded(before: &[usize], after: &[usize], with: Padding, x: &Tensor) -> Result<Tensor> {
    let mut y = x.clone();
    for (axis, (&before, &after)) in before.iter().zip(after).enumerate() {
        let axis = axis + 1;
        if [before, after] == [0, 0] {
            continue;
        }
        y = match with {
            Padding::Constant(value) => {
                let block = |size: usize| {
                    let mut dims = y.dims().to_vec();
                    dims[axis] = size;
                    Tensor::full(value, dims, y.device())?.to_dtype(y.dtype())
                };
                Tensor::cat(&[&block(before)?, &y, &block(after)?], axis)?
            }
            _ => {
                let units = sources(y.dims()[axis], before, after, with);
                y.index_select(&indices(units, &y)?, axis)?
            }
        };
    }
    y.contiguous()
}

fn padded_backward(
    before: &[usize],
    after: &[usize],
    with: Padding,
    dims: &[usize],
    dy: &Tensor,
) -> Result<Tensor> {
    let mut dx = dy.clone();
    for (axis, (&before, &after)) in before.iter().zip(after).enumerate().rev() {
        let axis = axis + 1;
        if [before, after] == [0, 0] {
            continue;
        }
        let n = dims[axis];
        dx = match with {
            Padding::Constant(_) => dx.narrow(axis, before, n)?.contiguous()?,
            _ => {
                let mut of = dx.dims().to_vec();
                of[axis] = n;
                let zero = Tensor::zeros(of, dx.dtype(), dx.device())?;
                let units = indices(sources(n, before, after, with), &dx)?;
                zero.index_add(&units, &dx, axis)?
            }
        };
    }
    Ok(dx)
}

/// For each unit along an axis the two of the input between which it stands, with their shares.
fn between(resize: &Resize, axis: usize, from: usize) -> Vec<[(usize, f64); 2]> {
    let to = resize.output[axis];
    let step = match resize.scale {
        Some(scale) => 1.0 / scale[axis],
        None => from as f64 / to as f64,
    };
    let last = from - 1;
    let unit = |i: usize| match resize.by {
        Interpolation::Nearest => {
            let at = ((i as f64 * step).floor() as usize).min(last);
            [(at, 1.0), (at, 0.0)]
        }
        Interpolation::Bilinear | Interpolation::BilinearCorners => {
            let at = match resize.by {
                Interpolation::BilinearCorners if to > 1 => {
                    i as f64 * (last as f64 / (to - 1) as f64)
                }
                Interpolation::BilinearCorners => 0.0,
                _ => ((i as f64 + 0.5) * step - 0.5).max(0.0),
            };
            let first = (at.floor() as usize).min(last);
            let share = (at - first as f64).clamp(0.0, 1.0);
            [(first, 1.0 - share), ((first + 1).min(last), share)]
        }
    };
    (0..to).map(unit).collect()
}

fn resized(resize: &Resize, x: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (rows, columns) = (between(resize, 0, h), between(resize, 1, w));
    let [to_h, to_w] = resize.output;
    by_dtype!(x, T => {
        let numbers = view::<T>(x)?;
        let mut out = UninitVec::new(n * c * to_h * to_w);
        let maps = out.chunks(to_h * to_w).zip(numbers.par_chunks(h * w));
        maps.for_each(|(mut out, map)| {
            out.extend(rows.iter().flat_map(|&row| {
                columns.iter().map(move |&column| blended(map, w, row, column) as T)
            }));
        });
        tensor(out.finish(), &[n, c, to_h, to_w])
    })
}

/// A unit between four.
fn blended<T: Real>(map: &[T], w: usize, row: [(usize, f64); 2], column: [(usize, f64); 2]) -> f64 {
    let along = |i: usize| -> f64 {
        let [(a, x), (b, y)] = column;
        WithDType::to_f64(map[i * w + a]) * x + WithDType::to_f64(map[i * w + b]) * y
    };
    let [(a, x), (b, y)] = row;
    along(a) * x + along(b) * y
}

fn resized_backward(resize: &Resize, dims: &[usize], dy: &Tensor) -> Result<Tensor> {
    let [_, _, h, w] = dims[..] else {
        return Err(super::not_kept("shape"));
    };
    let (rows, columns) = (between(resize, 0, h), between(resize, 1, w));
    let [to_h, to_w] = resize.output;
    by_dtype!(dy, T => {
        let gradient = view::<T>(dy)?;
        let maps = gradient.par_chunks(to_h * to_w).flat_map_iter(|map| {
            let mut dx = vec![0.0; h * w];
            for (row, line) in rows.iter().zip(map.chunks(to_w)) {
                for (column, dy) in columns.iter().zip(line) {
                    for &(i, x) in row {
                        for &(j, y) in column {
                            dx[i * w + j] += WithDType::to_f64(*dy) * x * y;
                        }
                    }
                }
            }
            dx.into_iter().map(|x: f64| x as T)
        });
        tensor(maps.collect(), dims)
    })
}

/// PReLU: a factor below zero, for each channel or for all.
///
/// # Errors
/// As [`forward`].
pub fn prelu(x: &Tensor, factor: &Tensor) -> Result<Tensor> {
    let factor = of_channels(factor, x)?;
    let below = x.minimum(0.0)?;
    x.maximum(0.0)? + below.broadcast_mul(&factor)?
}

/// The gradients with respect to the input and to the factors.
///
/// # Errors
/// As [`forward`].
pub fn prelu_backward(x: &Tensor, factor: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
    let raised = of_channels(factor, x)?;
    let above = x.gt(0.0)?.to_dtype(x.dtype())?;
    let below = (1.0 - &above)?;
    let dx = (dy * (above + below.broadcast_mul(&raised)?)?)?;
    let of_units = (dy * x.minimum(0.0)?)?;
    Ok([
        dx,
        summed(&of_units, raised.dims())?.reshape(factor.dims())?,
    ])
}

/// One number a channel, or one for all, repeated over a batch.
fn of_channels(factor: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut dims = vec![1; x.rank()];
    dims[1] = factor.elem_count();
    factor.reshape(dims)
}

/// A fully connected layer on the last axis, by one on vectors.
///
/// # Errors
/// As [`forward`].
pub fn as_vectors(x: &Tensor) -> Result<Tensor> {
    let last = x.dim(D::Minus1)?;
    x.reshape(((), last))
}
