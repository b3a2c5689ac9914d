//! Between `[n][c][h][w]`, as images come and scores go, and blocks of channels.

use super::Unit;
use super::layout::{Layout, Maps, NONE};
use super::parts::{Cut, share};
use crate::ops::wide::wide;
use rayon::prelude::*;

/// Maps into blocks.
pub(super) fn to_blocks(x: &[f32], channels: usize, output: &Layout, out: &mut [Unit<f32>]) {
    let (height, width) = (output.height, output.width);
    share(output, out, &Cut::light(output), |mut part| {
        part.fill_gaps(0.0);
        for block in part.blocks.clone() {
            let lanes = &output.lanes[block * super::LANES..][..super::LANES];
            for row in part.rows.clone() {
                let (sample, y) = (row / height, row % height);
                let out = part.row(block, row);
                for (lane, &channel) in lanes.iter().enumerate() {
                    if channel == NONE {
                        out.iter_mut().for_each(|unit| unit[lane] = 0.0);
                        continue;
                    }
                    let from = ((sample * channels + channel as usize) * height + y) * width;
                    let x = &x[from..][..width];
                    out.iter_mut().zip(x).for_each(|(unit, &x)| unit[lane] = x);
                }
            }
        }
    });
}

/// Blocks into maps.
pub(super) fn from_blocks(x: Maps<f32>, channels: usize) -> Vec<f32> {
    let Layout {
        samples,
        height,
        width,
        ..
    } = *x.layout;
    let plane = height * width;
    let mut maps = vec![0.0; samples * channels * plane];
    let mut places = vec![None; channels];
    for (channel, block, lane) in x.layout.channels() {
        places[channel] = Some((block, lane));
    }
    let each = (TURNED / plane.max(1)).max(1);
    let some = maps.par_chunks_mut(each * plane.max(1)).enumerate();
    some.for_each(|(i, maps)| {
        for (j, map) in maps.chunks_exact_mut(plane).enumerate() {
            let (sample, channel) = ((i * each + j) / channels, (i * each + j) % channels);
            let Some((block, lane)) = places[channel] else {
                continue;
            };
            for (y, row) in map.chunks_exact_mut(width).enumerate() {
                let units = x.row(block, sample * height + y);
                (row.iter_mut().zip(units)).for_each(|(to, unit)| *to = unit[lane]);
            }
        }
    });
    maps
}

/// Numbers that one task turns, about.
const TURNED: usize = 1 << 14;

/// Maps into planes, whose rows have zeros between them: `[channel][sample][row][column]`.
pub(super) fn to_planes(x: &[f32], channels: usize, output: &Layout, out: &mut [f32]) {
    let (height, width, gap) = (output.height, output.width, output.gap);
    let planes = out.chunks_exact_mut(output.block()).take(channels);
    let of_plane = |(channel, plane): (usize, &mut [f32])| {
        wide!({
            plane[..gap].fill(0.0);
            for (row, to) in plane[gap..].chunks_exact_mut(width + gap).enumerate() {
                let (sample, y) = (row / height, row % height);
                let from = ((sample * channels + channel) * height + y) * width;
                to[..width].copy_from_slice(&x[from..][..width]);
                to[width..].fill(0.0);
            }
        });
    };
    rayon::scope(|scope| {
        for plane in planes.enumerate() {
            scope.spawn(move |_| of_plane(plane));
        }
    });
}

/// Units of a vector from maps: `[block][row][column]` becomes its blocks.
pub(super) fn flatten(x: Maps<f32>, out: &mut [Unit<f32>]) {
    let Layout {
        samples,
        height,
        width,
        ..
    } = *x.layout;
    for block in 0..x.layout.blocks() {
        for sample in 0..samples {
            for y in 0..height {
                for (i, unit) in x.row(block, sample * height + y).iter().enumerate() {
                    out[((block * height + y) * width + i) * samples + sample] = *unit;
                }
            }
        }
    }
}
