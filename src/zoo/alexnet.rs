//! AlexNet (Krizhevsky, Sutskever & Hinton 2012), and torchvision's single-tower net of that name.

use super::{IMAGENET, Line, line};
use crate::graph::{Shape, Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "alexnet",
        "torchvision's alexnet: one tower of 64-192-384-256-256 maps, no LRN (Krizhevsky 2014, without its weights on two GPUs)",
        IMAGENET,
        torchvision,
    ),
    line(
        "alexnet_2012_grouped",
        "Krizhevsky et al. 2012, section 3.5: two groups in the second, fourth and fifth convolution; input 227 so that the sizes work out",
        Shape::map(3, 227, 227),
        |x| paper(x, 2),
    ),
    line(
        "alexnet_2012_ungrouped",
        "Krizhevsky et al. 2012, with all maps of the previous layer in reach, to compare",
        Shape::map(3, 227, 227),
        |x| paper(x, 1),
    ),
];

fn paper(x: Value, groups: usize) -> Value {
    let x = x.conv("conv1", conv(96, 11).stride(4)).relu();
    let x = lrn(x, "norm1").max_pool("pool1", pool(3).stride(2));
    let x = x.conv("conv2", conv(256, 5).pad(2).groups(groups)).relu();
    let x = lrn(x, "norm2").max_pool("pool2", pool(3).stride(2));
    x.conv("conv3", conv(384, 3).pad(1))
        .relu()
        .conv("conv4", conv(384, 3).pad(1).groups(groups))
        .relu()
        .conv("conv5", conv(256, 3).pad(1).groups(groups))
        .relu()
        .max_pool("pool5", pool(3).stride(2))
        .flatten()
        .linear("fc6", 4096)
        .relu()
        .dropout(0.5)
        .linear("fc7", 4096)
        .relu()
        .dropout(0.5)
        .linear("fc8", 1000)
}

/// Local response normalisation with the constants of section 3.3.
fn lrn<'g>(x: Value<'g>, name: &str) -> Value<'g> {
    x.lrn(name, 5, 1e-4, 0.75, 2.0)
}

fn torchvision(x: Value) -> Value {
    let half = pool(3).stride(2);
    x.scope("features", |x| {
        x.conv(0, conv(64, 11).stride(4).pad(2))
            .relu()
            .max_pool(2, half)
            .conv(3, conv(192, 5).pad(2))
            .relu()
            .max_pool(5, half)
            .conv(6, conv(384, 3).pad(1))
            .relu()
            .conv(8, conv(256, 3).pad(1))
            .relu()
            .conv(10, conv(256, 3).pad(1))
            .relu()
            .max_pool(12, half)
    })
    .adaptive_avg_pool("avgpool", 6)
    .flatten()
    .scope("classifier", |x| {
        x.dropout(0.5)
            .linear(1, 4096)
            .relu()
            .dropout(0.5)
            .linear(4, 4096)
            .relu()
            .linear(6, 1000)
    })
}
