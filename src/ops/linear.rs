//! Fully connected layers. Small batches have kernels here, which read each weight once for all samples;
//! large ones, tensors that are not contiguous and other devices use candle's matrix product.

mod blend;
mod dots;

use super::cpu::{by_dtype, tensor, view};
use super::uninit::UninitVec;
use blend::blend;
use candle_core::{Error, Result, Tensor};
use dots::dots;
use rayon::prelude::*;

/// Samples up to which the forward pass is faster here than by candle's product.
const FORWARD: usize = 32;

/// The same for the gradients.
const BACKWARD: usize = 8;

/// Rows of a weight that one task works on.
const ROWS: usize = 8;

/// Rows of a weight's gradient that one task works on; it holds them in a cache before they are written.
const GRADIENT_ROWS: usize = 2;

/// `[n, in]` to `[n, out]`; the weight is `[out, in]`.
///
/// # Errors
/// Tensors on different devices, of unequal types or of sizes that do not fit.
pub fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let ((n, width), (out, inputs)) = (x.dims2()?, weight.dims2()?);
    fit(width, inputs)?;
    fit(bias.map_or(out, Tensor::elem_count), out)?;
    if !is_small(FORWARD, x, weight) {
        let y = x.matmul(&weight.t()?)?;
        return match bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        };
    }
    by_dtype!(x, T => {
        let (samples, weight) = (view::<T>(x)?, view::<T>(weight)?);
        let mut columns = vec![<T as num_traits::Zero>::zero(); out * n];
        let tasks = columns.par_chunks_mut(ROWS * n).zip(weight.par_chunks(ROWS * width));
        tasks.for_each(|(out, rows)| dots(rows, &samples, width, out));
        let bias = bias.map(view::<T>).transpose()?;
        let mut y = Vec::with_capacity(n * out);
        for sample in 0..n {
            let column = columns[sample..].iter().step_by(n);
            match &bias {
                Some(bias) => y.extend(column.zip(&**bias).map(|(y, bias)| y + bias)),
                None => y.extend(column),
            }
        }
        tensor(y, &[n, out])
    })
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn input_gradient(weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let ((out, width), (n, outputs)) = (weight.dims2()?, dy.dims2()?);
    fit(outputs, out)?;
    if !is_small(BACKWARD, dy, weight) {
        return dy.matmul(weight);
    }
    by_dtype!(weight, T => {
        let (weight, dy) = (view::<T>(weight)?, view::<T>(dy)?);
        let (weight, dy): (&[T], &[T]) = (&weight, &dy);
        let mut dx = vec![<T as num_traits::Zero>::zero(); n * width];
        let runs: Vec<Vec<&mut [T]>> = by_runs(&mut dx, width).collect();
        runs.into_par_iter().enumerate().for_each(|(i, mut dx)| {
            blend(&run(weight, width, i), |sample, row| dy[sample * out + row], &mut dx);
        });
        tensor(dx, &[n, width])
    })
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(x: &Tensor, dy: &Tensor, bias: bool) -> Result<Vec<Tensor>> {
    let ((n, width), (samples, out)) = (x.dims2()?, dy.dims2()?);
    fit(n, samples)?;
    if !is_small(BACKWARD, x, dy) {
        let mut gradients = vec![dy.t()?.matmul(x)?];
        if bias {
            gradients.push(dy.sum(0)?);
        }
        return Ok(gradients);
    }
    by_dtype!(x, T => {
        let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
        let (x, dy): (&[T], &[T]) = (&x, &dy);
        let mut dw = UninitVec::new(out * width);
        let tasks = dw.chunks(GRADIENT_ROWS * width).enumerate();
        tasks.for_each_init(Vec::new, |rows, (task, mut dw)| {
            let first = task * GRADIENT_ROWS;
            rows.resize(GRADIENT_ROWS.min(out - first) * width, 0.0);
            for (i, mut rows) in by_runs(rows, width).enumerate() {
                let factor = |row, sample| dy[sample * out + first + row];
                blend(&run(x, width, i), factor, &mut rows);
            }
            dw.extend(rows.iter().copied());
        });
        let mut gradients = vec![tensor(dw.finish(), &[out, width])?];
        if bias {
            let mut sums = vec![<T as num_traits::Zero>::zero(); out];
            let rows: Vec<&[T]> = dy.chunks_exact(out).collect();
            blend(&rows, |_, _| 1.0, &mut [&mut sums]);
            gradients.push(tensor(sums, &[out])?);
        }
        Ok(gradients)
    })
}

/// Whether the kernels here take a batch of at most so many samples, with another tensor.
fn is_small(most: usize, batch: &Tensor, other: &Tensor) -> bool {
    let here = |tensor: &Tensor| {
        tensor.device().is_cpu() && tensor.is_contiguous() && tensor.elem_count() > 0
    };
    batch.dims()[0] <= most && here(batch) && here(other)
}

/// Numbers of a row that one task works on: at most a page or two, which the machine reads ahead best,
/// and of a row an even number of runs, at least four, for as many threads.
fn run_of(width: usize) -> usize {
    let runs = (2 * width.div_ceil(4096)).max(4);
    width.div_ceil(runs).next_multiple_of(16)
}

/// Run `i` of each row.
fn run<T>(rows: &[T], width: usize, i: usize) -> Vec<&[T]> {
    let rows = rows.chunks_exact(width);
    rows.filter_map(|row| row.chunks(run_of(width)).nth(i))
        .collect()
}

/// For each run, that of each row.
fn by_runs<T>(rows: &mut [T], width: usize) -> impl Iterator<Item = Vec<&mut [T]>> {
    let run = run_of(width);
    let rows = rows.chunks_exact_mut(width);
    let mut rows: Vec<_> = rows.map(|row| row.chunks_mut(run)).collect();
    (0..width.div_ceil(run)).map(move |_| rows.iter_mut().filter_map(Iterator::next).collect())
}

/// An error unless two sizes are equal.
fn fit(a: usize, b: usize) -> Result<()> {
    match a == b {
        true => Ok(()),
        false => Err(Error::Msg(format!("{a} numbers do not fit {b}")).bt()),
    }
}
