//! Convolution: groups, strides, padding on each side, dilation, connection tables.

mod geometry;
mod padded;
mod phases;
mod pieces;
mod table;
mod weight;

use super::cpu::{Real, by_dtype, tensor, view};
use super::packed::{Right, Strided};
use super::product::{Left, Product, To};
use super::uninit::{UninitChunk, UninitVec};
use crate::graph::Conv;
use candle_core::{Result, Tensor};
use geometry::Geometry;
use padded::{Groups, Last};
use phases::Phases;
use pieces::{Division, Piece, is_one_strip};
use rayon::prelude::*;
use table::dense;

/// The weights of each group.
fn strided<'a, T: Real>(
    conv: &Conv,
    weight: &'a [T],
    maps: usize,
) -> impl Iterator<Item = Strided<'a, T>> {
    let columns = conv.out / conv.groups;
    let terms = maps / conv.groups * conv.window.taps();
    let of_group = move |numbers| Strided {
        numbers,
        columns,
        apart: terms,
        taps: (0..terms).collect(),
        repeats: 1,
        repeat_stride: terms,
    };
    weight.chunks_exact(columns * terms).map(of_group)
}

/// `[n, c, h, w]` to `[n, out, h', w']`.
///
/// # Errors
/// Tensors that are not on the CPU or of unequal types.
pub fn forward(conv: &Conv, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    by_dtype!(x, T => {
        let geometry = Geometry::new(conv, x)?;
        let weight = view::<T>(weight)?;
        let weight = dense(conv, &weight, geometry.maps[0]);
        let once = is_one_strip(x.dims()[0], geometry.output());
        let weights: Vec<Right<T>> = strided(conv, &weight, geometry.maps[0])
            .map(|strided| Right::new(strided, once))
            .collect();
        cpu_forward::<T>(&geometry, x, &weights, bias)
    })
}

/// What a thread keeps from piece to piece.
struct Scratch<T> {
    last: Last<T>,
    blocks: Vec<T>,
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Self {
        Scratch {
            last: Last::default(),
            blocks: Vec::new(),
        }
    }
}

fn cpu_forward<T: Real>(
    geometry: &Geometry,
    x: &Tensor,
    weights: &[Right<T>],
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let n = x.dims()[0];
    let [_, group_out] = geometry.group();
    let x = view::<T>(x)?;
    let bias = bias.map(view::<T>).transpose()?;
    let bias = bias.as_deref();
    let terms = geometry.window_taps();
    let [h, w] = geometry.output();
    let mut out = UninitVec::new(n * geometry.maps[1] * h * w);
    let division = Division::strips::<T>(n, geometry.groups, group_out, [h, w]);
    let frame = geometry.frame();
    let rows = in_samples(
        &geometry.windows(),
        division.together,
        geometry.maps[0] * frame.units()[0],
    );
    let left = Groups::new(frame, &x, n * geometry.groups, division.together > 1);
    let work = |scratch: &mut Scratch<T>, piece: Piece<UninitChunk<T>>| {
        let group = piece.samples.start * geometry.groups + piece.group;
        let first = piece.group * group_out + piece.columns.start;
        let rows = &rows[piece.rows.start..][..piece.samples.len() * piece.rows.len()];
        Product {
            left: &Left::new(left.padded(group, &mut scratch.last), rows, &terms, [1, 0]),
            right: weights[piece.group].blocks(piece.columns.clone(), &mut scratch.blocks),
            to: To::New(bias.map(|bias| &bias[first..]), piece.out),
        }
        .run();
    };
    let pieces = division.uninit(&mut out).into_par_iter();
    pieces.for_each_init(Scratch::default, work);
    tensor(out.finish(), &[n, geometry.maps[1], h, w])
}

/// The places of windows in each of some samples, which lie so many numbers apart.
fn in_samples(windows: &[usize], samples: usize, apart: usize) -> Vec<usize> {
    let of_sample = |sample| windows.iter().map(move |window| sample * apart + window);
    (0..samples).flat_map(of_sample).collect()
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
    let [group_in, _] = geometry.group();
    let (weight, dy) = (view::<T>(weight)?, view::<T>(dy)?);
    let weight = dense(conv, &weight, geometry.maps[0]);
    // all units in order
    let in_strips = geometry.stride == [1, 1];
    let once = match in_strips {
        true => is_one_strip(n, geometry.input),
        false => n == 1,
    };
    let Phases { phases, frame } = Phases::new(&geometry, &weight, once);
    let groups = n * geometry.groups;
    let dx = match &phases[..] {
        [phase] if in_strips => {
            let mut dx = UninitVec::new(x.elem_count());
            let division = Division::strips::<T>(n, geometry.groups, group_in, geometry.input);
            let apart = geometry.maps[1] * frame.units()[0];
            let rows = in_samples(&phase.rows, division.together, apart);
            let left = Groups::new(frame, &dy, groups, division.together > 1);
            let work = |scratch: &mut Scratch<T>, piece: Piece<UninitChunk<T>>| {
                let group = piece.samples.start * geometry.groups + piece.group;
                let rows = &rows[piece.rows.start..][..piece.samples.len() * piece.rows.len()];
                Product {
                    left: &Left::new(
                        left.padded(group, &mut scratch.last),
                        rows,
                        &phase.terms,
                        [1, 0],
                    ),
                    right: phase.right[piece.group].blocks(piece.columns, &mut scratch.blocks),
                    to: To::New(None, piece.out),
                }
                .run();
            };
            let pieces = division.uninit(&mut dx).into_par_iter();
            pieces.for_each_init(Scratch::default, work);
            dx.finish()
        }
        // units that no tap reaches keep a gradient of zero
        _ => {
            let mut dx = vec![T::zero(); x.elem_count()];
            let division =
                Division::whole::<T>(geometry.groups, group_in, x.dims()[2] * x.dims()[3]);
            // each phase would pad anew
            let left = Groups::new(frame, &dy, groups, true);
            for phase in &phases {
                let work = |scratch: &mut Scratch<T>, piece: Piece<&mut [T]>| {
                    let group = piece.samples.start * geometry.groups + piece.group;
                    let left = left.padded(group, &mut scratch.last);
                    Product {
                        left: &Left::new(left, &phase.rows, &phase.terms, [1, 0]),
                        right: phase.right[piece.group].blocks(piece.columns, &mut scratch.blocks),
                        to: To::Places(&phase.places, piece.out),
                    }
                    .run();
                };
                let pieces = division.zeros(&mut dx).into_par_iter();
                pieces.for_each_init(Scratch::default, work);
            }
            dx
        }
    };
    tensor(dx, x.dims())
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    by_dtype!(x, T => weight::gradient::<T>(conv, x, dy))
}
