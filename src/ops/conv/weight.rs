//! The gradients with respect to weight and bias.
//!
//! Each weight is the sum over the output units of all samples. These are gone through in chunks of
//! about [`CHUNK`], of which the output's gradient is packed, so that it stays in the cache while all
//! taps meet it.

use super::geometry::Geometry;
use super::table::sparse;
use crate::graph::Conv;
use crate::ops::cpu::{Real, sum_f64, tensor, view};
use crate::ops::packed::{Block, Layout, blocks, pack};
use crate::ops::product::{Add, Finish, Left, Product};
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
    pieces(&mut dw, &geometry, rows.len())
        .into_par_iter()
        .for_each(|mut piece| {
            let first = piece.group * group_out + piece.columns.start;
            for (samples, units) in &chunks {
                let maps = samples.start * step + piece.group * (step / geometry.groups);
                let dy = &dy[samples.start * step_out + first * windows.len()..];
                let taps: Vec<usize> = units.clone().collect();
                let layout = Layout {
                    column: windows.len(),
                    outer: step_out,
                    taps: &taps,
                };
                let (numbers, width) = pack(dy, layout, samples.len(), piece.columns.len());
                let terms = &windows[units.clone()];
                Product {
                    left: &Left::new(&left[maps..], &rows, terms, [samples.len(), step]),
                    rows: piece.rows.clone(),
                    right: Block {
                        numbers: &numbers,
                        width,
                    },
                    finish: Finish {
                        add: Add::Itself,
                        ..Finish::NOTHING
                    },
                    places: None,
                    out: piece.out.iter_mut().map(|out| &mut **out).collect(),
                }
                .run();
            }
        });
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

/// Some taps of some output maps of a group.
struct Piece<'o, T> {
    group: usize,
    columns: Range<usize>,
    rows: Range<usize>,
    /// Of each output map the taps.
    out: Vec<&'o mut [T]>,
}

/// One piece for each block of output maps, or more where these are too few for all threads.
fn pieces<'o, T: Real>(dw: &'o mut [T], geometry: &Geometry, rows: usize) -> Vec<Piece<'o, T>> {
    let group_out = geometry.group()[1];
    let count = blocks::<T>(group_out).count() * geometry.groups;
    let part = rows
        .div_ceil(rayon::current_num_threads().div_ceil(count))
        .next_multiple_of(8);
    let mut pieces = Vec::new();
    for (group, mut dw) in dw.chunks_exact_mut(group_out * rows).enumerate() {
        for columns in blocks::<T>(group_out) {
            let (these, rest) = dw.split_at_mut(columns.len() * rows);
            dw = rest;
            let from = pieces.len();
            pieces.extend((0..rows).step_by(part).map(|row| Piece {
                group,
                columns: columns.clone(),
                rows: row..rows.min(row + part),
                out: Vec::new(),
            }));
            for column in these.chunks_exact_mut(rows) {
                let parts = column.chunks_mut(part);
                (pieces[from..].iter_mut().zip(parts))
                    .for_each(|(piece, part)| piece.out.push(part));
            }
        }
    }
    pieces
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
