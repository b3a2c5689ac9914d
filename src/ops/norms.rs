//! Normalisation within a sample: over groups of channels, and over the last axes.

use super::cpu::{Real, by_dtype, tensor, view};
use super::uninit::UninitVec;
use candle_core::{Result, Tensor, WithDType};
use rayon::prelude::*;

/// Which units are normalised together, and which scale each has.
#[derive(Debug, Clone, Copy)]
pub struct Together {
    /// Units of a row: those that are normalised together stand one behind the other.
    row: usize,
    /// Rows after which the scales begin again.
    rows: usize,
    /// Units that share a scale.
    run: usize,
}

impl Together {
    /// Groups of channels, of a tensor of those dimensions.
    pub fn groups(groups: usize, dims: &[usize]) -> Together {
        let plane: usize = dims[2..].iter().product();
        Together {
            row: dims[1] / groups * plane,
            rows: groups,
            run: plane,
        }
    }

    /// The last axes.
    pub fn last(axes: usize, dims: &[usize]) -> Together {
        Together {
            row: dims[dims.len() - axes..].iter().product(),
            rows: 1,
            run: 1,
        }
    }

    /// The scale of a row's unit.
    fn scale_of(self, row: usize, unit: usize) -> usize {
        (row % self.rows * self.row + unit) / self.run
    }
}

/// Mean, and one over the standard deviation.
fn moments<T: Real>(row: &[T], eps: f64) -> [f64; 2] {
    let n = row.len() as f64;
    let mean = row.iter().map(|&x| WithDType::to_f64(x)).sum::<f64>() / n;
    let squares = row
        .iter()
        .map(|&x| (WithDType::to_f64(x) - mean).powi(2))
        .sum::<f64>();
    [mean, 1.0 / (squares / n + eps).sqrt()]
}

/// Normalised, then scaled and shifted where there are such tensors.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(
    together: Together,
    eps: f64,
    x: &Tensor,
    scale: Option<&Tensor>,
    shift: Option<&Tensor>,
) -> Result<Tensor> {
    by_dtype!(x, T => {
        let numbers = view::<T>(x)?;
        let scale = scale.map(view::<T>).transpose()?;
        let shift = shift.map(view::<T>).transpose()?;
        let (scale, shift): (Option<&[T]>, Option<&[T]>) = (scale.as_deref(), shift.as_deref());
        let mut out = UninitVec::new(numbers.len());
        let rows = out.chunks(together.row).zip(numbers.par_chunks(together.row)).enumerate();
        rows.for_each(|(i, (mut out, row))| {
            let [mean, factor] = moments(row, eps);
            out.extend(row.iter().enumerate().map(|(unit, &x)| {
                let of = together.scale_of(i, unit);
                let scale = scale.map_or(1.0, |scale| WithDType::to_f64(scale[of]));
                let shift = shift.map_or(0.0, |shift| WithDType::to_f64(shift[of]));
                ((WithDType::to_f64(x) - mean) * factor * scale + shift) as T
            }));
        });
        tensor(out.finish(), x.dims())
    })
}

/// The gradients with respect to input, scale and shift.
///
/// # Errors
/// As [`forward`].
pub fn backward(
    together: Together,
    eps: f64,
    x: &Tensor,
    scale: Option<&Tensor>,
    shift: bool,
    dy: &Tensor,
) -> Result<(Tensor, Vec<Tensor>)> {
    by_dtype!(x, T => {
        let (numbers, gradient) = (view::<T>(x)?, view::<T>(dy)?);
        let scales = scale.map(view::<T>).transpose()?;
        let scales: Option<&[T]> = scales.as_deref();
        let mut dx = UninitVec::new(numbers.len());
        let rows = numbers.par_chunks(together.row).zip(gradient.par_chunks(together.row));
        dx.chunks(together.row).zip(rows).enumerate().for_each(|(i, (mut dx, (row, dy)))| {
            let [mean, factor] = moments(row, eps);
            let units = || row.iter().zip(dy).enumerate().map(|(unit, (&x, &dy))| {
                let scale = scales.map_or(1.0, |scale| WithDType::to_f64(scale[together.scale_of(i, unit)]));
                ((WithDType::to_f64(x) - mean) * factor, WithDType::to_f64(dy) * scale)
            });
            let n = row.len() as f64;
            let sum = units().map(|(_, dy)| dy).sum::<f64>() / n;
            let projected = units().map(|(x, dy)| x * dy).sum::<f64>() / n;
            dx.extend(units().map(|(x, dy)| (factor * (dy - sum - x * projected)) as T));
        });
        let count = scale.map_or(together.rows * together.row / together.run, Tensor::elem_count);
        let (mut scaled, mut shifted) = (vec![0.0; count], vec![0.0; count]);
        if scale.is_some() || shift {
            let rows = numbers.chunks(together.row).zip(gradient.chunks(together.row));
            for (i, (row, dy)) in rows.enumerate() {
                let [mean, factor] = moments(row, eps);
                for (unit, (&x, &dy)) in row.iter().zip(dy).enumerate() {
                    let of = together.scale_of(i, unit);
                    scaled[of] += WithDType::to_f64(dy) * (WithDType::to_f64(x) - mean) * factor;
                    shifted[of] += WithDType::to_f64(dy);
                }
            }
        }
        // as many axes as the scale has: those of the last axes, or the channels
        let dims = match (scale, together.run) {
            (Some(scale), _) => scale.dims().to_vec(),
            (None, 1) if together.rows == 1 => x.dims()[last_axes(x.dims(), together.row)..].to_vec(),
            (None, _) => vec![count],
        };
        let weight = |sums: Vec<f64>| tensor(sums.into_iter().map(|x| x as T).collect(), &dims);
        let mut weights = Vec::new();
        if scale.is_some() {
            weights.push(weight(scaled)?);
        }
        if shift {
            weights.push(weight(shifted)?);
        }
        Ok((tensor(dx.finish(), x.dims())?, weights))
    })
}

/// Where the last axes begin that have so many units together.
fn last_axes(dims: &[usize], units: usize) -> usize {
    let mut product = 1;
    for (axis, size) in dims.iter().enumerate().rev() {
        product *= size;
        if product == units {
            return axis;
        }
    }
    0
}
