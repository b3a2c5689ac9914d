//! Inception modules by themselves, with and without reductions; three ways to halve the grid; and units
//! of the networks from which Inception and ResNet took ideas.

use super::CIFAR;
use super::googlenet::{Form, INCEPTION_3A, inception};
use super::network::{Architecture, Line, fixed};
use crate::graph::{Shape, Value, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[];

pub(super) const MODELS: &[Line] = &[
    fixed(
        "inception_naive_3a",
        "Szegedy et al. 2014, figure 2a, on module 3a's input and with its widths: 1x1, 3x3, 5x5 and max pooling side by side, nothing reduced",
        INPUT_3A,
        naive,
    ),
    fixed(
        "inception_reduced_3a",
        "Szegedy et al. 2014, figure 2b and Table 1: module 3a",
        INPUT_3A,
        |x| inception(x, Form::Paper, "inception3a", INCEPTION_3A),
    ),
    fixed(
        "conv5x5_128_to_256",
        "the built-in article's example of the 1x1 kernel's use: 128 maps of 100x100 to 256 maps by 5x5, no bias",
        MAPS_128,
        |x| x.conv("conv", conv(256, 5).pad(2).no_bias()),
    ),
    fixed(
        "conv1x1_32_conv5x5_128_to_256",
        "the built-in article's example of the 1x1 kernel's use: 1x1 to 32 maps before the 5x5, no bias",
        MAPS_128,
        |x| {
            x.conv("reduce", conv(32, 1).no_bias())
                .relu()
                .conv("conv", conv(256, 5).pad(2).no_bias())
        },
    ),
    fixed(
        "grid_pool_then_inception",
        "Szegedy et al. 2015, section 5 and figure 9, left: max pooling and then 640 maps; simplified: the Inception module is one 3x3 convolution",
        GRID,
        |x| widen(halve(x)),
    ),
    fixed(
        "grid_inception_then_pool",
        "Szegedy et al. 2015, section 5 and figure 9, right: 640 maps and then max pooling; simplified: the Inception module is one 3x3 convolution",
        GRID,
        |x| halve(widen(x)),
    ),
    fixed(
        "grid_parallel",
        "Szegedy et al. 2015, section 5 and figure 10, right: 320 maps by convolution beside 320 by max pooling, both under stride 2; simplified: the convolutional branches are one 3x3 convolution",
        GRID,
        |x| {
            let convolved = x.conv("conv", conv(320, 3).stride(2)).relu();
            concat(&[convolved, halve(x)])
        },
    ),
    fixed(
        "highway_layer",
        "Srivastava et al. 2015, equation 3: y = H(x) T(x) + x (1 - T(x)), 50 units, H with ReLU",
        Shape::vector(50),
        highway,
    ),
    fixed(
        "nin_block",
        "Lin et al. 2013, section 3.1: an mlpconv layer, a convolution and two of 1x1; kernel and widths of the first one in the authors' CIFAR-10 model",
        CIFAR,
        |x| {
            x.conv("conv1", conv(192, 5).pad(2))
                .relu()
                .conv("cccp1", conv(160, 1))
                .relu()
                .conv("cccp2", conv(96, 1))
                .relu()
        },
    ),
    fixed(
        "overfeat_dense_head",
        "Sermanet et al. 2013, Table 1 (fast model), layers 6 to 8, as convolutions of 6x6, 1x1, 1x1 (section 3.5): a larger input gives a map of scores",
        Shape::map(1024, 6, 6),
        |x| {
            x.conv("fc6", conv(3072, 6))
                .relu()
                .dropout(0.5)
                .conv("fc7", conv(4096, 1))
                .relu()
                .dropout(0.5)
                .conv("fc8", conv(1000, 1))
        },
    ),
];

const INPUT_3A: Shape = Shape::map(192, 28, 28);
const MAPS_128: Shape = Shape::map(128, 100, 100);
const GRID: Shape = Shape::map(320, 35, 35);

fn naive(x: Value) -> Value {
    let [one, _, three, _, five, _] = INCEPTION_3A;
    concat(&[
        x.conv("conv1x1", conv(one, 1)).relu(),
        x.conv("conv3x3", conv(three, 3).pad(1)).relu(),
        x.conv("conv5x5", conv(five, 5).pad(2)).relu(),
        x.max_pool("pool", pool(3).stride(1).pad(1)),
    ])
}

/// Twice the maps.
fn widen(x: Value) -> Value {
    x.conv("conv", conv(640, 3).pad(1)).relu()
}

fn halve(x: Value) -> Value {
    x.max_pool("pool", pool(3).stride(2))
}

fn highway(x: Value) -> Value {
    let units = x.channels();
    let h = x.linear("h", units).relu();
    let t = x.linear("t", units).sigmoid();
    h * t + x * t.scale(-1.0, 1.0)
}
