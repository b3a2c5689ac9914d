//! The gradients with respect to weight and bias.
//!
//! Each weight is the sum over the output units of all samples. These are gone through in chunks of
//! about [`CHUNK`], of which the output's gradient is packed, so that it stays in the cache while all
//! taps meet it.

use super::geometry::Geometry;
use super::pieces::{Division, Piece};
use super::table::sparse;
use crate::graph::Conv;
use crate::ops::cpu::{Real, tensor, view};
use crate::ops::packed::Strided;
use crate::ops::product::{Left, Product, To};
use crate::ops::sums::sum;
use crate::ops::uninit::{UninitChunk, UninitVec};
use crate::ops::wide::wide;
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// Output units that are packed at once; a constant, since partial sums end with them.
const CHUNK: usize = 2048;

pub(super) fn gradient<T: Real>(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    let geometry = Geometry::new(conv, x)?;
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let (rows, windows) = (geometry.window_taps(), geometry.windows());
    let left = geometry.frame().pad(&x);
    let (step, step_out) = (left.len() / n, dy.len() / n);
    let meet = Meeting {
        x: &left,
        dy: &dy,
        rows: &rows,
        windows: &windows,
        samples: [step, step_out],
        group: [step / geometry.groups, group_out],
    };
    let count = geometry.maps[1] * rows.len();
    let taps = [group_in, geometry.taps()];
    // the right operand is packed anew for each piece, whatever comes first
    let division = Division::columns::<T>(geometry.groups, group_out, taps);
    let dw = match &chunks(n, windows.len())[..] {
        [all] => {
            let mut dw = UninitVec::new(count);
            let work = |scratch: &mut Vec<T>, mut piece: Piece<UninitChunk<T>>| {
                let out = std::mem::take(&mut piece.out);
                meet.run(scratch, &piece, all, To::New(None, out));
            };
            let pieces = division.uninit(&mut dw).into_par_iter();
            pieces.for_each_init(Vec::new, work);
            dw.finish()
        }
        chunks => {
            let mut dw = vec![T::zero(); count];
            let work = |scratch: &mut Vec<T>, mut piece: Piece<&mut [T]>| {
                let mut out = std::mem::take(&mut piece.out);
                for chunk in chunks {
                    let out = out.iter_mut().map(|out| &mut **out).collect();
                    meet.run(scratch, &piece, chunk, To::Itself(out));
                }
            };
            let pieces = division.zeros(&mut dw).into_par_iter();
            pieces.for_each_init(Vec::new, work);
            dw
        }
    };
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

/// An input and the gradient of the output that belongs to it.
struct Meeting<'a, T> {
    x: &'a [T],
    dy: &'a [T],
    /// The taps of a window, and where windows are.
    rows: &'a [usize],
    windows: &'a [usize],
    /// Numbers of a sample of `x` and of `dy`.
    samples: [usize; 2],
    /// Numbers of a group of `x`, and its maps of `dy`.
    group: [usize; 2],
}

impl<T: Real> Meeting<'_, T> {
    /// What a piece of the weights has from a chunk.
    fn run<C>(&self, scratch: &mut Vec<T>, piece: &Piece<C>, chunk: &Chunk, to: To<T>) {
        let (samples, units) = chunk;
        let (count, [step, step_out]) = (samples.len(), self.samples);
        let [group, group_out] = self.group;
        let first = piece.group * group_out + piece.columns.start;
        let dy = Strided {
            numbers: &self.dy[samples.start * step_out + first * self.windows.len()..],
            columns: piece.columns.len(),
            apart: self.windows.len(),
            taps: units.clone().collect(),
            repeats: count,
            repeat_stride: step_out,
        };
        Product {
            left: &Left::new(
                &self.x[samples.start * step + piece.group * group..],
                &self.rows[piece.rows.clone()],
                &self.windows[units.clone()],
                [count, step],
            ),
            right: dy.blocks(0..dy.columns, scratch),
            to,
        }
        .run();
    }
}

/// Some samples, and units of each.
type Chunk = (Range<usize>, Range<usize>);

/// The output units of all samples: some of one sample, or all of several.
fn chunks(samples: usize, units: usize) -> Vec<Chunk> {
    let cut = |all: usize, most: usize| {
        (0..all)
            .step_by(most)
            .map(move |from| from..all.min(from + most))
    };
    let together = (CHUNK / units).max(1);
    cut(samples, together)
        .flat_map(|samples| cut(units, CHUNK).map(move |units| (samples.clone(), units)))
        .collect()
}

/// The sum over samples and units, for each map.
fn bias_gradient<T: Real>(dy: &[T], n: usize, maps: usize) -> Result<Tensor> {
    let plane = dy.len() / (n * maps);
    let of_map = |map: usize| {
        let units = |i: usize| &dy[(i * maps + map) * plane..][..plane];
        T::from_f64(wide!(sum((0..n).map(units), |x| x.to_f64())))
    };
    tensor((0..maps).map(of_map).collect(), &[maps])
}
