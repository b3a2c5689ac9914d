//! Fully connected layers. Small batches have kernels here, which read each weight once for all samples;
//! large ones, tensors that are not contiguous and other devices use candle's matrix product.

mod blend;
mod dots;

use super::cpu::{by_dtype, tensor, view};
use blend::blend;
use candle_core::{Error, Result, Tensor};
use dots::dots;
use rayon::prelude::*;

/// Samples of a small batch.
const SMALL: usize = 10_000;

/// Rows of a weight that one task works on.
const ROWS: usize = 16;

/// Numbers of a row that one task works on: rows of so many stay in the first cache.
const RUN: usize = 512;

/// `[n, in]` to `[n, out]`; the weight is `[out, in]`.
///
/// # Errors
/// Tensors on different devices, of unequal types or of sizes that do not fit.
pub fn forward(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let ((n, width), (out, inputs)) = (x.dims2()?, weight.dims2()?);
    fit(width, inputs)?;
    if !is_small(x, weight) {
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
    if !is_small(dy, weight) {
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
    if !is_small(x, dy) {
        let mut gradients = vec![dy.t()?.matmul(x)?];
        if bias {
            gradients.push(dy.sum(0)?);
        }
        return Ok(gradients);
    }
    by_dtype!(x, T => {
        let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
        let (x, dy): (&[T], &[T]) = (&x, &dy);
        let mut dw = vec![<T as num_traits::Zero>::zero(); out * width];
        dw.par_chunks_mut(ROWS * width).enumerate().for_each(|(task, dw)| {
            for (i, mut dw) in by_runs(dw, width).enumerate() {
                let factor = |row, sample| dy[sample * out + task * ROWS + row];
                blend(&run(x, width, i), factor, &mut dw);
            }
        });
        let mut gradients = vec![tensor(dw, &[out, width])?];
        if bias {
            let mut sums = vec![<T as num_traits::Zero>::zero(); out];
            let rows: Vec<&[T]> = dy.chunks_exact(out).collect();
            blend(&rows, |_, _| 1.0, &mut [&mut sums]);
            gradients.push(tensor(sums, &[out])?);
        }
        Ok(gradients)
    })
}

/// Whether the kernels here take a batch; the tensors' first dimensions are samples or outputs.
fn is_small(batch: &Tensor, other: &Tensor) -> bool {
    let here = |tensor: &Tensor| {
        tensor.device().is_cpu() && tensor.is_contiguous() && tensor.elem_count() > 0
    };
    batch.dims()[0] <= SMALL && here(batch) && here(other)
}

/// Run `i` of each row.
fn run<T>(rows: &[T], width: usize, i: usize) -> Vec<&[T]> {
    let run = i * RUN..width.min((i + 1) * RUN);
    rows.chunks_exact(width)
        .map(|row| &row[run.clone()])
        .collect()
}

/// For each run, that of each row.
fn by_runs<T>(rows: &mut [T], width: usize) -> impl Iterator<Item = Vec<&mut [T]>> {
    let mut rows: Vec<_> = rows
        .chunks_exact_mut(width)
        .map(|row| row.chunks_mut(RUN))
        .collect();
    (0..width.div_ceil(RUN)).map(move |_| rows.iter_mut().filter_map(Iterator::next).collect())
}

fn fit(a: usize, b: usize) -> Result<()> {
    match a == b {
        true => Ok(()),
        false => Err(Error::Msg(format!("{a} numbers do not fit {b}")).bt()),
    }
}
