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
use crate::ops::packed::{Layout, pack};
use crate::ops::product::{Left, Product, To};
use crate::ops::sums::sum;
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
    let chunks = chunks(n, windows.len());
    let mut dw = vec![T::zero(); geometry.maps[1] * rows.len()];
    let work = |packed: &mut Vec<T>, mut piece: Piece<&mut [T]>| {
        let first = piece.group * group_out + piece.first;
        for (samples, units) in &chunks {
            let maps = samples.start * step + piece.group * (step / geometry.groups);
            let dy = &dy[samples.start * step_out + first * windows.len()..];
            let taps: Vec<usize> = units.clone().collect();
            let layout = Layout {
                column: windows.len(),
                outer: step_out,
                taps: &taps,
            };
            let terms = &windows[units.clone()];
            Product {
                left: &Left::new(
                    &left[maps..],
                    &rows[piece.rows.clone()],
                    terms,
                    [samples.len(), step],
                ),
                right: pack(packed, dy, layout, samples.len(), piece.columns),
                columns: piece.columns,
                to: To::Itself(piece.out.iter_mut().map(|out| &mut **out).collect()),
            }
            .run();
        }
    };
    let taps = [group_in, geometry.taps()];
    // the right operand is packed anew for each piece, whatever comes first
    let division = Division::columns::<T>(geometry.groups, group_out, taps);
    let pieces = division.zeros(&mut dw).into_par_iter();
    pieces.for_each_init(Vec::new, work);
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

/// The output units of all samples: some of one sample, or all of several.
fn chunks(samples: usize, units: usize) -> Vec<(Range<usize>, Range<usize>)> {
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
