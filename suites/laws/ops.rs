//! Laws over the kernels: what each computes, against an oracle that the law's name says.
//!
//! *Definition*: the output against the formula, summed one by one. *candle*: output and gradient
//! against candle's own, where they are right. (Gradients against differences: [`super::gradients`].)

use crate::law;
use crate::laws::graphs::run;
use candle_core::{DType, Device, Tensor, Var};
use convcheck::graph::{Activation, Conv, Graph, Lrn, Shape, Window, conv, pool};
use convcheck::net::{Init, Mode, Net};
use convcheck::ops::{
    activation, batch_norm, conv as kernels, dropout, join, loss, lrn, max_pool, pool as pools,
};
use convcheck::random::Key;
use libtest_mimic::Trial;
use proptest::prelude::*;

pub fn trials() -> Vec<Trial> {
    vec![
        law("ops::conv::definition", || {
            run(convolution(), |case| conv_definition(&case))
        }),
        law("ops::conv::candle", || {
            run(convolution(), |case| conv_candle(&case))
        }),
        law("ops::conv::f32-near-f64", || {
            run(convolution(), |case| conv_f32(&case))
        }),
        law("ops::conv::the-table-of-lenet5", table),
        law("ops::max_pool::definition", || {
            run(pooling(), |case| pool_definition(&case, true))
        }),
        law("ops::avg_pool::definition", || {
            run(pooling(), |case| pool_definition(&case, false))
        }),
        law("ops::pad_shortcut::definition", pad_definition),
        law("ops::join::definition", join_definition),
        law("ops::batch_norm::standardises", standardises),
        law("ops::lrn::definition", lrn_definition),
        law("ops::dropout::keeps-its-share-and-its-mask", masks),
        law("ops::loss::differences", loss_differences),
        law("ops::activation::extreme-values-stay-finite", extremes),
        law("ops::no-result-depends-on-the-number-of-threads", threads),
    ]
}

pub fn number(key: Key, i: u64, below: usize) -> usize {
    (key.uniform(i) * below as f64) as usize
}

pub fn window(key: Key) -> Window {
    let kernel = 1 + number(key, 20, 4);
    let pad = |i: u64| number(key, i, kernel / 2 + 1);
    let after = [22, 24][number(key, 25, 2)];
    let window = pool(kernel)
        .stride(1 + number(key, 21, 5))
        .pad_around(pad(22), pad(after));
    if number(key, 23, 2) == 0 {
        window.ceil()
    } else {
        window
    }
}

pub fn random(dims: &[usize], key: Key) -> Tensor {
    let count = dims.iter().product::<usize>() as u64;
    let numbers: Vec<f64> = (0..count).map(|i| key.normal(i)).collect();
    Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
}

pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// A convolution with its tensors.
#[derive(Debug, Clone)]
struct Convolution {
    layer: Conv,
    dims: [usize; 4],
    seed: u64,
}

impl Convolution {
    fn tensors(&self) -> (Tensor, Tensor, Tensor) {
        let key = Key::seed(self.seed);
        let [kh, kw] = self.layer.window.kernel;
        let weight = [self.layer.out, self.dims[1] / self.layer.groups, kh, kw];
        (
            random(&self.dims, key.fold_in(1)),
            random(&weight, key.fold_in(2)),
            random(&[self.layer.out], key.fold_in(3)),
        )
    }
}

fn convolution() -> impl Strategy<Value = Convolution> {
    let sizes = (
        1..4usize,
        1..4usize,
        1..14usize,
        1..14usize,
        1..3usize,
        1..20usize,
    );
    let pads = ([0..3usize, 0..3usize], [0..3usize, 0..3usize]);
    let window = (1..5usize, 1..4usize, pads, 1..3usize);
    (sizes, window, any::<u64>()).prop_filter_map(
        "the window must fit",
        |((n, c, h, w, groups, out), (kernel, stride, (before, after), dilation), seed)| {
            let layer = conv(out * groups, kernel)
                .stride(stride)
                .pad_around(before, after)
                .dilation(dilation)
                .groups(groups);
            let fits = |axis, size| layer.window.axis(axis, size).is_ok();
            (fits(0, h) && fits(1, w)).then_some(Convolution {
                layer,
                dims: [n, c * groups, h, w],
                seed,
            })
        },
    )
}

/// The sum of products, one by one.
fn conv_definition(case: &Convolution) {
    let (x, weight, bias) = case.tensors();
    let found = kernels::forward(&case.layer, &x, &weight, Some(&bias)).unwrap();
    let (x, weight, bias) = (numbers(&x), numbers(&weight), numbers(&bias));
    let [_, c, h, w] = case.dims;
    let (n, out, down, across) = found.dims4().unwrap();
    let found = numbers(&found);
    let window = case.layer.window;
    let axes = [window.axis(0, h).unwrap(), window.axis(1, w).unwrap()];
    let (group_in, group_out) = (c / case.layer.groups, out / case.layer.groups);
    for (i, found) in found.iter().enumerate() {
        let (column, row, map, sample) = (
            i % across,
            i / across % down,
            i / (across * down) % out,
            i / (across * down * out),
        );
        assert!(sample < n);
        let mut sum = bias[map];
        for ci in 0..group_in {
            for kh in 0..window.kernel[0] {
                for kw in 0..window.kernel[1] {
                    let y = (row * window.stride[0] + kh * window.dilation[0])
                        .wrapping_sub(axes[0].before);
                    let z = (column * window.stride[1] + kw * window.dilation[1])
                        .wrapping_sub(axes[1].before);
                    if y < h && z < w {
                        let map_in = map / group_out * group_in + ci;
                        sum += x[((sample * c + map_in) * h + y) * w + z]
                            * weight[((map * group_in + ci) * window.kernel[0] + kh)
                                * window.kernel[1]
                                + kw];
                    }
                }
            }
        }
        assert!((sum - found).abs() < 1e-10, "{sum} {found}");
    }
}

/// candle's convolution and its gradients are right on square inputs that its windows leave on no
/// side (elsewhere they fail).
fn conv_candle(case: &Convolution) {
    let [n, c, side, _] = case.dims;
    let pad = (case.layer.window.axis(0, side)).map_or(0, |axis| axis.before);
    let case = Convolution {
        dims: [n, c, side, side],
        layer: case.layer.clone().pad(pad),
        ..*case
    };
    let window = case.layer.window;
    if window.axis(0, side).is_err() {
        return;
    }
    let (x, weight, _) = case.tensors();
    let y = kernels::forward(&case.layer, &x, &weight, None).unwrap();
    let (x, weight) = (
        Var::from_tensor(&x).unwrap(),
        Var::from_tensor(&weight).unwrap(),
    );
    let theirs = x
        .conv2d(
            &weight,
            pad,
            window.stride[0],
            window.dilation[0],
            case.layer.groups,
        )
        .unwrap();
    near(&y, &theirs, 1e-10);
    let covered = (y.dims()[2] - 1) * window.stride[0] + window.span(0).unwrap();
    if covered < 2 * pad {
        return;
    }
    let seed = random(y.dims(), Key::seed(case.seed).fold_in(4));
    let layer = case.layer.no_bias();
    // candle loses the gradient of units that no window reaches under a stride, and says so
    let Ok(store) = (&theirs * &seed).unwrap().sum_all().unwrap().backward() else {
        return;
    };
    near(
        &kernels::input_gradient(&layer, &x, &weight, &seed).unwrap(),
        store.get(&x).unwrap(),
        1e-10,
    );
    near(
        &kernels::weight_gradient(&layer, &x, &seed).unwrap()[0],
        store.get(&weight).unwrap(),
        1e-10,
    );
}

fn near(ours: &Tensor, theirs: &Tensor, limit: f64) {
    assert_eq!(ours.dims(), theirs.dims());
    for (a, b) in numbers(ours).iter().zip(numbers(theirs)) {
        assert!((a - b).abs() <= limit * (1.0 + b.abs()), "{a} {b}");
    }
}

/// Rounding: f32 against f64, in units of the root of the number of terms.
fn conv_f32(case: &Convolution) {
    let (x, weight, bias) = case.tensors();
    let short = |tensor: &Tensor| tensor.to_dtype(DType::F32).unwrap();
    let ours = kernels::forward(
        &case.layer,
        &short(&x),
        &short(&weight),
        Some(&short(&bias)),
    )
    .unwrap();
    let exact = kernels::forward(&case.layer, &x, &weight, Some(&bias)).unwrap();
    let terms = (weight.elem_count() / case.layer.out) as f64;
    for (a, b) in numbers(&ours).iter().zip(numbers(&exact)) {
        assert!((a - b).abs() < 1e-6 * (1.0 + 4.0 * terms.sqrt()), "{a} {b}");
    }
}

/// A map that a row of the table does not name has no influence.
fn table() {
    let layer = conv(2, 2).table(&[&[0], &[1, 2]]);
    let key = Key::seed(1);
    let weight = random(&[3, 2, 2], key);
    let bias = random(&[2], key.fold_in(1));
    let x = random(&[1, 3, 4, 4], key.fold_in(2));
    let y = kernels::forward(&layer, &x, &weight, Some(&bias)).unwrap();
    let whole = |map: usize, kernel: usize| {
        let one = x.narrow(1, map, 1).unwrap().contiguous().unwrap();
        let kernel = weight
            .narrow(0, kernel, 1)
            .unwrap()
            .reshape((1, 1, 2, 2))
            .unwrap();
        kernels::forward(&conv(1, 2).no_bias(), &one, &kernel, None).unwrap()
    };
    let bias = numbers(&bias);
    let first = (whole(0, 0) + bias[0]).unwrap();
    let second = ((whole(1, 1) + whole(2, 2)).unwrap() + bias[1]).unwrap();
    near(&y, &Tensor::cat(&[first, second], 1).unwrap(), 1e-12);
}

fn pooling() -> impl Strategy<Value = (usize, usize, u64)> {
    (1..12usize, 1..12usize, any::<u64>())
}

/// The largest or the mean of what each window sees, unit by unit.
fn pool_definition(&(h, w, seed): &(usize, usize, u64), max: bool) {
    let key = Key::seed(seed);
    let window = window(key);
    let (Ok(down), Ok(across)) = (window.axis(0, h), window.axis(1, w)) else {
        return;
    };
    let x = random(&[2, 3, h, w], key);
    let count_pad = number(key, 30, 2) == 0;
    let found = match max {
        true => max_pool::forward(&window, &x).unwrap(),
        false => pools::mean(
            pools::Mean::Window {
                window: &window,
                count_pad,
            },
            &x,
        )
        .unwrap(),
    };
    let (x, found) = (numbers(&x), numbers(&found));
    let (rows, columns) = (down.output, across.output);
    assert_eq!(found.len(), 6 * rows * columns);
    for (i, found) in found.iter().enumerate() {
        let (map, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
        let (mut seen, mut counted) = (Vec::new(), 0);
        for kh in 0..window.kernel[0] {
            for kw in 0..window.kernel[1] {
                let y = (row * window.stride[0] + kh) as isize - down.before as isize;
                let z = (column * window.stride[1] + kw) as isize - across.before as isize;
                let inside = |at: isize, size: usize, pad: usize| at < (size + pad) as isize;
                counted += usize::from(inside(y, h, down.after) && inside(z, w, across.after));
                if (0..h as isize).contains(&y) && (0..w as isize).contains(&z) {
                    seen.push(x[(map * h + y as usize) * w + z as usize]);
                }
            }
        }
        let expected = match max {
            true => seen.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            false if count_pad => seen.iter().sum::<f64>() / counted as f64,
            false => seen.iter().sum::<f64>() / seen.len().max(1) as f64,
        };
        assert!(
            (expected - found).abs() < 1e-12 || expected == *found,
            "{expected} {found}"
        );
    }
}

/// Option A of He et al. 2015: every second unit, as many maps of zeros in front as behind.
fn pad_definition() {
    let x = random(&[2, 3, 5, 4], Key::seed(1));
    let y = join::pad_shortcut(&x, 7, 2).unwrap();
    assert_eq!(y.dims(), [2, 7, 3, 2]);
    let (x, y) = (numbers(&x), numbers(&y));
    for (i, y) in y.into_iter().enumerate() {
        let (column, row, map, sample) = (i % 2, i / 2 % 3, i / 6 % 7, i / 42);
        let expected = match map {
            2..5 => x[((sample * 3 + map - 2) * 5 + 2 * row) * 4 + 2 * column],
            _ => 0.0,
        };
        assert_eq!(y, expected);
    }
}

/// Concatenation, slice and gate, unit by unit.
fn join_definition() {
    let (a, b) = (
        random(&[2, 2, 1, 3], Key::seed(1)),
        random(&[2, 3, 1, 3], Key::seed(2)),
    );
    let both = join::concat(&[&a, &b]).unwrap();
    assert_eq!(both.dims(), [2, 5, 1, 3]);
    assert_eq!(numbers(&join::slice(&both, 0, 2).unwrap()), numbers(&a));
    assert_eq!(numbers(&join::slice(&both, 2, 5).unwrap()), numbers(&b));
    let gate = random(&[2, 2, 1, 1], Key::seed(3));
    let gated = numbers(&join::gate(&a, &gate).unwrap());
    let (a, gate) = (numbers(&a), numbers(&gate));
    for (i, y) in gated.into_iter().enumerate() {
        assert_eq!(y, a[i] * gate[i / 3]);
    }
}

/// Normalised by the batch's statistics, each channel has mean 0 and variance 1.
fn standardises() {
    let x = ((random(&[5, 3, 4, 6], Key::seed(3)) * 4.0).unwrap() + 7.0).unwrap();
    let ones = Tensor::ones(3, DType::F64, &Device::Cpu).unwrap();
    let statistics = batch_norm::Statistics::of(&x).unwrap();
    let y = batch_norm::forward(
        &x,
        &statistics,
        0.0,
        [&ones, &ones.zeros_like().unwrap()],
        batch_norm::Epilogue::default(),
    )
    .unwrap();
    let after = batch_norm::Statistics::of(&y).unwrap();
    near(&after.mean, &ones.zeros_like().unwrap(), 1e-12);
    near(&after.variance, &ones, 1e-12);
}

/// The formula of Krizhevsky et al. 2012, section 3.3, with its bounds.
fn lrn_definition() {
    for size in 1..8 {
        let x = random(&[2, 6, 1, 3], Key::seed(size as u64));
        let constants = Lrn {
            size,
            alpha: 0.4,
            beta: 0.75,
            k: 2.0,
        };
        let found = numbers(&lrn::forward(&constants, &x).unwrap());
        let x = numbers(&x);
        for i in 0..x.len() {
            let (sample, channel, unit) = (i / 18, i / 3 % 6, i % 3);
            let from = channel.saturating_sub(size / 2);
            let to = (channel + size.div_ceil(2)).min(6);
            let squares: f64 = (from..to)
                .map(|j| x[sample * 18 + j * 3 + unit].powi(2))
                .sum();
            let expected = x[i] / (2.0 + 0.4 * squares).powf(0.75);
            assert!((expected - found[i]).abs() < 1e-14);
        }
    }
}

fn masks() {
    let x = Tensor::ones((4, 5000), DType::F32, &Device::Cpu).unwrap();
    let key = Key::seed(5);
    let y = numbers(&dropout::dropout(&x, 0.3, key).unwrap());
    assert_eq!(
        y,
        numbers(&dropout::dropout(&x, 0.3, key).unwrap()),
        "the mask is a function of its key"
    );
    assert_ne!(
        y,
        numbers(&dropout::dropout(&x, 0.3, key.fold_in(1)).unwrap())
    );
    let zeros = y.iter().filter(|&&y| y == 0.0).count() as f64 / y.len() as f64;
    // four standard deviations of a share of 0.3 among 20,000
    assert!(
        (zeros - 0.3).abs() < 4.0 * (0.21f64 / 20_000.0).sqrt(),
        "{zeros}"
    );
    assert!(y.iter().all(|&y| y == 0.0 || (y - 1.0 / 0.7).abs() < 1e-6));
    for inputs in 1..5 {
        let shares = dropout::shares(inputs, 200, 0.9, key);
        for sample in 0..200 {
            let of_sample: f64 = shares.iter().map(|shares| shares[sample]).sum();
            assert!(
                (of_sample - 1.0).abs() < 1e-12,
                "one input always stays, and means are means"
            );
        }
    }
}

fn loss_differences() {
    run(
        (1..5usize, 2..9usize, 0.0..0.5f64, any::<u64>()),
        |(n, classes, smoothing, seed)| {
            let key = Key::seed(seed);
            let scores = random(&[n, classes], key);
            let labels: Vec<usize> = (0..n)
                .map(|i| number(key, 50 + i as u64, classes))
                .collect();
            let (value, gradient) = loss::cross_entropy(&scores, &labels, smoothing).unwrap();
            assert!(value > 0.0);
            let gradient = numbers(&gradient);
            for (unit, gradient_of) in gradient.iter().enumerate() {
                let at = |by: f64| {
                    let mut moved = numbers(&scores);
                    moved[unit] += by;
                    let moved = Tensor::from_vec(moved, (n, classes), &Device::Cpu).unwrap();
                    loss::cross_entropy(&moved, &labels, smoothing).unwrap().0
                };
                let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!(
                    (expected - gradient_of).abs() < 1e-8,
                    "{expected} {gradient_of}"
                );
            }
            // equal scores know nothing
            let equal = Tensor::zeros((n, classes), DType::F64, &Device::Cpu).unwrap();
            let (value, _) = loss::cross_entropy(&equal, &labels, smoothing).unwrap();
            assert!((value - (classes as f64).ln()).abs() < 1e-12);
        },
    );
    let scores = Tensor::zeros((1, 3), DType::F32, &Device::Cpu).unwrap();
    assert!(loss::cross_entropy(&scores, &[3], 0.0).is_err());
    assert!(loss::cross_entropy(&scores, &[0, 1], 0.0).is_err());
}

fn extremes() {
    let x = Tensor::from_vec(
        vec![-1e30f32, -100.0, 0.0, 100.0, 1e30],
        (1, 5),
        &Device::Cpu,
    )
    .unwrap();
    for kind in [
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::ScaledTanh,
        Activation::Softmax,
    ] {
        let y = activation::forward(kind, &x).unwrap();
        let dx = activation::backward(kind, &y, &y.ones_like().unwrap()).unwrap();
        assert!(
            numbers(&y)
                .iter()
                .chain(&numbers(&dx))
                .all(|x| x.is_finite()),
            "{kind:?}"
        );
    }
    let hidden =
        Tensor::from_vec(vec![f32::NAN, 1.0, -1.0, 0.0], (1, 1, 2, 2), &Device::Cpu).unwrap();
    assert!(numbers(&activation::forward(Activation::Relu, &hidden).unwrap())[0].is_nan());
    assert!(
        numbers(&max_pool::forward(&pool(2), &hidden).unwrap())[0].is_nan(),
        "a NaN is not hidden"
    );
}

fn threads() {
    let graph = Graph::build(Shape::map(3, 33, 29), |x| {
        let x = x.conv("a", conv(20, 3).pad(1).stride(2)).bn("bn").relu();
        let x = x + x.conv("b", conv(20, 3).pad(1).groups(4));
        x.max_pool("pool", pool(3).stride(2))
            .flatten()
            .linear("fc", 10)
    })
    .unwrap();
    let weights = Init::He.weights(&graph, 1, DType::F32).unwrap();
    let net = Net::new(graph, weights, DType::F32).unwrap();
    let x = random(&[19, 3, 33, 29], Key::seed(2))
        .to_dtype(DType::F32)
        .unwrap();
    let result = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let pass = net.forward(&x, Mode::train(1, 1)).unwrap();
            let y = pass.output().clone();
            let prediction = net.graph().outputs()[0].node;
            let gradients = net.backward(pass, &[(prediction, &y)], true).unwrap();
            let mut all = numbers(&y);
            all.extend(numbers(gradients.input.as_ref().unwrap()));
            for (id, _) in net.graph().nodes().iter().enumerate() {
                gradients
                    .of(id)
                    .iter()
                    .for_each(|gradient| all.extend(numbers(gradient)));
            }
            all
        })
    };
    let one = result(1);
    assert!(one.iter().all(|x| x.is_finite()));
    for threads in [2, 3, 8] {
        assert!(result(threads) == one, "{threads} threads");
    }
}
