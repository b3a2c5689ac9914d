use super::WeightGradient;
use crate::cpu::direct::{Source, Taps};
use crate::cpu::layout::{Layout, in_order};
use crate::cpu::{LANES, Unit, turn};
use crate::ops::simd::fewer::Vectors;
use crate::random::Key;

/// Units along a side of a tile, and how far such gradients may be off. Of 13,860 units that are summed, 1.8e-7 was seen
/// by the definition, 4.9e-7 and 2.9e-6 in tiles.
const LIMITS: [(Option<usize>, f64); 3] = [(None, 1e-6), (Some(2), 2e-6), (Some(4), 1e-5)];

/// A value of random numbers, `[sample][channel][row][column]`, and its units.
fn value(key: u64, channels: usize, layout: &Layout) -> (Vec<f32>, Vec<Unit<f32>>) {
    let count = layout.samples * channels * layout.height * layout.width;
    let numbers: Vec<f32> = (0..count as u64)
        .map(|i| Key::seed(key).signed(i) as f32)
        .collect();
    let mut units = vec![[0.0; LANES]; layout.units()];
    turn::to_blocks(&numbers, channels, layout, &mut units);
    (numbers, units)
}

/// How far the gradient of 3x3 windows, in tiles of `m` units if that is said, is from that by the definition, in parts of its length.
fn far(
    m: Option<usize>,
    [samples, height, width]: [usize; 3],
    [inputs, outputs]: [usize; 2],
) -> f64 {
    let layout = |channels: usize, gap: usize| Layout {
        lanes: in_order(channels),
        samples,
        height,
        width,
        gap,
    };
    let (of_x, of_dy) = (layout(inputs, 1), layout(outputs, 0));
    let ((x, x_units), (dy, dy_units)) = (value(1, inputs, &of_x), value(2, outputs, &of_dy));
    let taps = Taps {
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        before: [1, 1],
    };
    let group = [inputs, outputs];
    let source = Source::Blocks(of_x);
    let mut gradient = WeightGradient::new(taps, source, of_dy, group, m);
    // what an earlier step left counts no more
    gradient.run(x_units.as_flattened(), &dy_units);
    let found = gradient.run(x_units.as_flattened(), &dy_units);
    let at = |maps: &[f32], channels: usize, [s, c, y, x]: [usize; 4]| {
        f64::from(maps[((s * channels + c) * height + y) * width + x])
    };
    let (mut apart, mut length) = (0.0, 0.0);
    for (i, found) in found.iter().enumerate() {
        let (out, channel, ky, kx) = (i / 9 / inputs, i / 9 % inputs, i / 3 % 3, i % 3);
        let mut sum = 0.0;
        for (s, y, column) in (0..samples)
            .flat_map(|s| (0..height).flat_map(move |y| (0..width).map(move |x| (s, y, x))))
        {
            let (row, from) = ((y + ky).wrapping_sub(1), (column + kx).wrapping_sub(1));
            if row < height && from < width {
                sum +=
                    at(&x, inputs, [s, channel, row, from]) * at(&dy, outputs, [s, out, y, column]);
            }
        }
        apart += (f64::from(*found) - sum).powi(2);
        length += sum * sum;
    }
    (apart / length).sqrt()
}

#[test]
fn gradients_in_tiles_are_those_by_definition() {
    // edges that cut tiles, blocks that are not full, one block and several
    for (m, limit) in LIMITS {
        for (maps, channels) in [
            ([1, 4, 4], [16, 16]),
            ([3, 7, 5], [20, 40]),
            ([2, 1, 9], [33, 17]),
            ([1, 2, 2], [16, 64]),
        ] {
            let far = far(m, maps, channels);
            assert!(far < limit, "{m:?}, {maps:?}, {channels:?}: {far:e}");
        }
    }
}

#[test]
fn tiles_that_do_not_fit_are_summed_one_part_after_the_other() {
    for (m, limit) in LIMITS {
        let far = far(m, [3, 70, 66], [16, 16]);
        assert!(far < limit, "{m:?}: {far:e}");
    }
}

/// On machines with fewer vectors than this one, and on several threads.
#[test]
fn any_vectors_and_threads_sum_tiles() {
    for vectors in Vectors::ALL {
        for threads in [1, 3] {
            let far = vectors.run(threads, || far(Some(4), [2, 6, 7], [20, 40]));
            assert!(far < 1e-5, "{vectors:?}, {threads}: {far:e}");
        }
    }
}
