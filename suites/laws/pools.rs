//! Laws over pooling by mean and LeNet-5's subsampling: output and gradient against what each window or
//! cell sees, unit by unit, with all that a window may have, and on maps enough for several tasks.

use crate::law;
use crate::laws::graphs::run;
use crate::laws::ops::{number, numbers, random};
use candle_core::{DType, Tensor};
use convcheck::graph::{Window, pool};
use convcheck::ops::pool::{self as pools, Mean};
use convcheck::random::Key;
use libtest_mimic::Trial;
use proptest::prelude::*;
use std::ops::Range;

pub fn trials() -> Vec<Trial> {
    let sizes = || (1..20usize, 1..20usize, any::<u64>());
    vec![
        law("ops::avg_pool::every-window", move || {
            run(sizes(), |(h, w, seed)| windows([2, 3, h, w], seed))
        }),
        law("ops::adaptive_avg_pool::definition", move || {
            run(sizes(), |(h, w, seed)| cells([2, 3, h, w], seed))
        }),
        law("ops::pools::many-maps", || {
            for seed in 0..60 {
                let key = Key::seed(seed);
                // more maps than a task takes, and a last task with fewer
                let [h, w] = [1, 2].map(|i| 5 + number(key, i, 40));
                let dims = [3, 5 + 20_000 / (h * w), h, w];
                windows(dims, seed);
                cells(dims, seed);
            }
        }),
    ]
}

/// A window with all that it may have.
fn any_window(key: Key) -> Window {
    let pair = |i: u64, below: usize| [number(key, i, below), number(key, i + 1, below)];
    let window = pool(pair(20, 5).map(|x| x + 1))
        .stride(pair(22, 4).map(|x| x + 1))
        .pad(pair(24, 4))
        .dilation(pair(26, 3).map(|x| x + 1));
    match number(key, 28, 3) {
        0 => window,
        1 => window.ceil(),
        _ => window.same(),
    }
}

/// For each output along an axis the rows that it sees, and how many count when padding does.
type Seen = Vec<(Vec<usize>, usize)>;

fn seen_by_windows(window: &Window, axis: usize, size: usize) -> Option<Seen> {
    let found = window.axis(axis, size).ok()?;
    let of_output = |i: usize| {
        let taps = (0..window.kernel[axis])
            .map(|tap| i * window.stride[axis] + tap * window.dilation[axis]);
        let taps: Vec<usize> = taps.collect();
        let on_map = taps.iter().filter_map(|tap| tap.checked_sub(found.before));
        let end = found.before + size + found.after;
        let counted = taps.iter().filter(|&&tap| tap < end).count();
        (on_map.filter(|&row| row < size).collect(), counted)
    };
    Some((0..found.output).map(of_output).collect())
}

fn windows(dims: [usize; 4], seed: u64) {
    let key = Key::seed(seed);
    let window = any_window(key);
    let seen =
        [(0, dims[2]), (1, dims[3])].map(|(axis, size)| seen_by_windows(&window, axis, size));
    let [Some(down), Some(across)] = seen else {
        return;
    };
    for count_pad in [true, false] {
        let over = Mean::Window {
            window: &window,
            count_pad,
        };
        means(over, dims, &down, &across, count_pad, key);
    }
    subsampling(&window, dims, &down, &across, key);
}

fn cells(dims: [usize; 4], seed: u64) {
    let key = Key::seed(seed);
    let cells = [number(key, 40, 8) + 1, number(key, 41, 8) + 1];
    let seen = |cells: usize, size: usize| -> Seen {
        let of_cell =
            |i: usize| -> Range<usize> { i * size / cells..((i + 1) * size).div_ceil(cells) };
        (0..cells)
            .map(|i| (of_cell(i).collect(), of_cell(i).len()))
            .collect()
    };
    let (down, across) = (seen(cells[0], dims[2]), seen(cells[1], dims[3]));
    means(Mean::Grid(cells), dims, &down, &across, true, key);
}

fn means(over: Mean, dims: [usize; 4], down: &Seen, across: &Seen, count_pad: bool, key: Key) {
    let count =
        |(rows, counted): &(Vec<usize>, usize)| if count_pad { *counted } else { rows.len() };
    let factor =
        |_: usize, i: usize, j: usize| 1.0 / (count(&down[i]) * count(&across[j])).max(1) as f64;
    let forward = |x: &Tensor| pools::mean(over, x).unwrap();
    let backward = |dy: &Tensor| pools::mean_backward(over, &dims, dy).unwrap();
    weighted(
        dims,
        [down, across],
        key,
        factor,
        |_| 0.0,
        forward,
        backward,
    );
}

fn subsampling(window: &Window, dims: [usize; 4], down: &Seen, across: &Seen, key: Key) {
    let [weight, bias] = [31, 32].map(|i| random(&[dims[1]], key.fold_in(i)));
    let (factors, summands) = (numbers(&weight), numbers(&bias));
    let like = |tensor: &Tensor, x: &Tensor| tensor.to_dtype(x.dtype()).unwrap();
    let forward =
        |x: &Tensor| pools::subsample(window, x, &like(&weight, x), &like(&bias, x)).unwrap();
    let backward =
        |dy: &Tensor| pools::subsample_backward(window, &dims, &like(&weight, dy), dy).unwrap();
    let seen = [down, across];
    weighted(
        dims,
        seen,
        key,
        |map, _, _| factors[map],
        |map| summands[map],
        forward,
        backward,
    );
}

/// Whether `forward` is the sum of what is seen times a factor (of map, row and column) plus a summand,
/// and `backward` what follows from that, in both types of number.
fn weighted(
    dims: [usize; 4],
    [down, across]: [&Seen; 2],
    key: Key,
    factor: impl Fn(usize, usize, usize) -> f64,
    summand: impl Fn(usize) -> f64,
    forward: impl Fn(&Tensor) -> Tensor,
    backward: impl Fn(&Tensor) -> Tensor,
) {
    let [n, c, h, w] = dims;
    let out = [n, c, down.len(), across.len()];
    for (dtype, limit) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
        let tensor = |dims: &[usize], i| random(dims, key.fold_in(i)).to_dtype(dtype).unwrap();
        let (x, dy) = (tensor(&dims, 33), tensor(&out, 34));
        let (y, dx) = (forward(&x), backward(&dy));
        assert_eq!((y.dims(), dx.dims()), (&out[..], &dims[..]));
        let [x, dy, y, dx] = [x, dy, y, dx].map(|tensor| numbers(&tensor));
        let mut expected_dx = vec![0.0; dx.len()];
        for (unit, y) in y.into_iter().enumerate() {
            let (map, i, j) = (
                unit / (out[2] * out[3]),
                unit / out[3] % out[2],
                unit % out[3],
            );
            let factor = factor(map % c, i, j);
            let mut sum = 0.0;
            for row in &down[i].0 {
                for column in &across[j].0 {
                    let at = (map * h + row) * w + column;
                    sum += x[at];
                    expected_dx[at] += dy[unit] * factor;
                }
            }
            let expected = sum * factor + summand(map % c);
            assert!((expected - y).abs() < limit, "{expected} {y}");
        }
        for (expected, dx) in expected_dx.iter().zip(dx) {
            assert!((expected - dx).abs() < limit, "{expected} {dx}, a gradient");
        }
    }
}
