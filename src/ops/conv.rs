//! Convolution: groups, strides, padding on each side, dilation, connection tables.

mod geometry;
mod phases;
mod table;

use super::cpu::{Real, by_dtype, sum_f64, tensor, view};
use super::product::{Packed, Product, Start, pack};
use crate::graph::Conv;
use candle_core::{Result, Tensor};
use geometry::{Geometry, pad};
use phases::Phases;
use rayon::prelude::*;
use table::{dense, sparse};

/// Parts of a batch whose weight gradients are summed apart; a constant, so that the sum's order
/// does not depend on the number of threads.
const PARTS: usize = 8;

/// `[n, c, h, w]` to `[n, out, h', w']`.
///
/// # Errors
/// Tensors that are not on the CPU or of unequal types.
pub fn forward(conv: &Conv, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    by_dtype!(x, T => cpu_forward::<T>(conv, x, weight, bias))
}

fn cpu_forward<T: Real>(
    conv: &Conv,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let geometry = Geometry::new(conv, x)?;
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (x, weight) = (view::<T>(x)?, view::<T>(weight)?);
    let bias = bias.map(view::<T>).transpose()?;
    let weight = dense(conv, &weight, geometry.maps[0]);
    let (rows, terms) = (geometry.windows(), geometry.window_taps());
    let places: Vec<usize> = (0..rows.len()).collect();
    let packed: Vec<Packed<T>> = (0..geometry.groups)
        .map(|group| {
            let first = group * group_out;
            pack(terms.len(), group_out, &weight, |term, column| {
                (first + column) * terms.len() + term
            })
        })
        .collect();
    let plane = rows.len();
    let mut out = vec![T::zero(); n * geometry.maps[1] * plane];
    let map_in = geometry.input[0] * geometry.input[1];
    let before = [geometry.axes[0].before, geometry.axes[1].before];
    out.par_chunks_mut(group_out * plane)
        .enumerate()
        .for_each(|(i, out)| {
            let group = i % geometry.groups;
            let maps = &x[i * group_in * map_in..][..group_in * map_in];
            Product {
                left: &pad(maps, geometry.input, before, geometry.padded()),
                rows: &rows,
                terms: &terms,
                right: &packed[group],
                start: match &bias {
                    Some(bias) => Start::Column(&bias[group * group_out..][..group_out]),
                    None => Start::Zero,
                },
                places: &places,
            }
            .run(out, plane);
        });
    let [h, w] = geometry.output();
    tensor(out, &[n, geometry.maps[1], h, w])
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn input_gradient(conv: &Conv, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => cpu_input_gradient::<T>(conv, x, weight, dy))
}

fn cpu_input_gradient<T: Real>(
    conv: &Conv,
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
) -> Result<Tensor> {
    let geometry = Geometry::new(conv, x)?;
    let [group_in, group_out] = geometry.group();
    let (weight, dy) = (view::<T>(weight)?, view::<T>(dy)?);
    let weight = dense(conv, &weight, geometry.maps[0]);
    let Phases {
        phases,
        before,
        padded,
    } = Phases::new(&geometry, &weight);
    let plane = geometry.input[0] * geometry.input[1];
    let output = geometry.output();
    let plane_out = output[0] * output[1];
    let mut dx = vec![T::zero(); x.elem_count()];
    dx.par_chunks_mut(group_in * plane)
        .enumerate()
        .for_each(|(i, dx)| {
            let maps = &dy[i * group_out * plane_out..][..group_out * plane_out];
            let left = pad(maps, output, before, padded);
            for phase in &phases {
                Product {
                    left: &left,
                    rows: &phase.rows,
                    terms: &phase.terms,
                    right: &phase.packed[i % geometry.groups],
                    start: Start::Zero,
                    places: &phase.places,
                }
                .run(dx, plane);
            }
        });
    tensor(dx, x.dims())
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    by_dtype!(x, T => cpu_weight_gradient::<T>(conv, x, dy))
}

fn cpu_weight_gradient<T: Real>(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    let geometry = Geometry::new(conv, x)?;
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let (rows, terms) = (geometry.window_taps(), geometry.windows());
    let places: Vec<usize> = (0..rows.len()).collect();
    let (map_in, map_out) = (geometry.input[0] * geometry.input[1], terms.len());
    let before = [geometry.axes[0].before, geometry.axes[1].before];
    let size = geometry.maps[1] * rows.len();
    let part = |samples: std::ops::Range<usize>| {
        let mut dw = vec![T::zero(); size];
        for i in samples.start * geometry.groups..samples.end * geometry.groups {
            let maps = &x[i * group_in * map_in..][..group_in * map_in];
            let dy = &dy[i * group_out * map_out..][..group_out * map_out];
            let group = i % geometry.groups;
            Product {
                left: &pad(maps, geometry.input, before, geometry.padded()),
                rows: &rows,
                terms: &terms,
                right: &pack(map_out, group_out, dy, |term, column| {
                    column * map_out + term
                }),
                start: Start::Itself,
                places: &places,
            }
            .run(&mut dw[group * group_out * rows.len()..], rows.len());
        }
        dw
    };
    let parts = PARTS.min(n);
    let partial: Vec<Vec<T>> = (0..parts)
        .into_par_iter()
        .map(|i| part(n * i / parts..n * (i + 1) / parts))
        .collect();
    let mut dw = vec![T::zero(); size];
    for partial in partial {
        for (sum, x) in dw.iter_mut().zip(partial) {
            *sum += x;
        }
    }
    let [kh, kw] = geometry.kernel;
    let dw = sparse(conv, dw, geometry.maps[0]);
    let dims = match conv.table {
        Some(_) => vec![dw.len() / (kh * kw), kh, kw],
        None => vec![geometry.maps[1], group_in, kh, kw],
    };
    let mut gradients = vec![tensor(dw, &dims)?];
    if conv.bias {
        gradients.push(bias_gradient::<T>(&dy, n, geometry.maps[1])?);
    }
    Ok(gradients)
}

/// The sum over samples and units, for each map.
fn bias_gradient<T: Real>(dy: &[T], n: usize, maps: usize) -> Result<Tensor> {
    let plane = dy.len() / (n * maps);
    let sum = |map: usize| {
        (0..n)
            .map(|i| sum_f64(&dy[(i * maps + map) * plane..][..plane], |x| x.to_f64()))
            .sum::<f64>()
    };
    let sums = (0..maps).map(|map| T::from_f64(sum(map))).collect();
    tensor(sums, &[maps])
}
