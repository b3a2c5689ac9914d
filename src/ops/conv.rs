//! Convolution: groups, strides, padding on each side, dilation, connection tables.

mod geometry;
mod phases;
mod pieces;
mod table;
mod weight;

use super::cpu::{Real, by_dtype, tensor, view};
use super::packed::{Layout, Packed};
use super::product::{Left, Product, Start};
use crate::graph::Conv;
use candle_core::{Result, Tensor};
use geometry::{Geometry, pad};
use phases::Phases;
use pieces::Division;
use rayon::prelude::*;
use table::dense;

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
    let taps: Vec<usize> = (0..terms.len()).collect();
    let layout = Layout {
        column: terms.len(),
        outer: terms.len(),
        taps: &taps,
    };
    let packed: Vec<Packed<T>> = (0..geometry.groups)
        .map(|group| {
            let weight = &weight[group * group_out * terms.len()..];
            Packed::new(weight, layout, 1, group_out)
        })
        .collect();
    let left = pad(&x, geometry.input, geometry.before(), geometry.padded());
    let maps = left.len() / (n * geometry.groups);
    let [h, w] = geometry.output();
    let mut out = vec![T::zero(); n * geometry.maps[1] * h * w];
    let division = Division::new::<T>(&geometry, group_out, group_in * geometry.taps(), [h, w]);
    let pieces = division.pieces(&mut out, n * geometry.groups);
    pieces.into_par_iter().for_each(|piece| {
        let group = piece.maps % geometry.groups;
        let left = &left[piece.maps * maps..][..maps];
        Product {
            left: &Left::new(left, &rows, &terms, [1, 0]),
            right: packed[group].block(piece.block),
            start: match &bias {
                Some(bias) => Start::Column(&bias[group * group_out + piece.first..]),
                None => Start::Zero,
            },
            places: None,
            rows: piece.rows,
            out: piece.out,
        }
        .run();
    });
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
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (weight, dy) = (view::<T>(weight)?, view::<T>(dy)?);
    let weight = dense(conv, &weight, geometry.maps[0]);
    let Phases {
        phases,
        before,
        padded,
    } = Phases::new(&geometry, &weight);
    let left = pad(&dy, geometry.output(), before, padded);
    let maps = left.len() / (n * geometry.groups);
    let mut dx = vec![T::zero(); x.elem_count()];
    for phase in &phases {
        let division = match phase.places {
            Some(_) => Division::whole(group_in, geometry.input),
            None => Division::new::<T>(&geometry, group_in, phase.terms.len(), geometry.input),
        };
        let pieces = division.pieces(&mut dx, n * geometry.groups);
        pieces.into_par_iter().for_each(|piece| {
            let group = piece.maps % geometry.groups;
            let left = &left[piece.maps * maps..][..maps];
            Product {
                left: &Left::new(left, &phase.rows, &phase.terms, [1, 0]),
                right: phase.packed[group].block(piece.block),
                start: Start::Zero,
                rows: match &phase.places {
                    Some(places) => 0..places.len(),
                    None => piece.rows,
                },
                places: phase.places.as_deref(),
                out: piece.out,
            }
            .run();
        });
    }
    tensor(dx, x.dims())
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    by_dtype!(x, T => weight::gradient::<T>(conv, x, dy))
}
