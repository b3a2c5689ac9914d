//! DenseNet and DenseNet-BC (Huang, Liu, van der Maaten & Weinberger 2016): Table 1 for ImageNet,
//! Table 2 for CIFAR-10.

use super::{CIFAR, DIGITS, IMAGENET, Line, line};
use crate::graph::{Value, concat, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line("densenet121", TORCHVISION, IMAGENET, |x| {
        imagenet(x, 32, [6, 12, 24, 16])
    }),
    line("densenet169", TORCHVISION, IMAGENET, |x| {
        imagenet(x, 32, [6, 12, 32, 32])
    }),
    line("densenet201", TORCHVISION, IMAGENET, |x| {
        imagenet(x, 32, [6, 12, 48, 32])
    }),
    line(
        "densenet161",
        "torchvision: Huang et al. 2016, the authors' wide model of growth rate 48",
        IMAGENET,
        |x| imagenet(x, 48, [6, 12, 36, 24]),
    ),
    line("densenet_cifar_l40_k12", BASIC, CIFAR, |x| {
        basic(x, 40, 12, 16)
    }),
    line("densenet_cifar_l100_k12", BASIC, CIFAR, |x| {
        basic(x, 100, 12, 16)
    }),
    line("densenet_cifar_l100_k24", BASIC, CIFAR, |x| {
        basic(x, 100, 24, 16)
    }),
    line(
        "densenet_cifar_l40_k12_init24",
        "Huang et al. 2016, Table 2, as in the authors' later code: twice the growth rate in the first convolution without BC too",
        CIFAR,
        |x| basic(x, 40, 12, 24),
    ),
    line("densenet_cifar_bc_l100_k12", BC, CIFAR, |x| bc(x, 100, 12)),
    line(
        "densenet_cifar_l22_k12",
        "Huang et al. 2016, section 3, shallower: 22 layers, about as many parameters as a residual net of 20",
        CIFAR,
        |x| basic(x, 22, 12, 16),
    ),
    line(
        "densenet_l28_k4_digits",
        "Huang et al. 2016, section 3, in small: 28 layers of growth rate 4 for digits of 8x8, about as many parameters as a residual net of 20 layers of 8, 16, 32 maps",
        DIGITS,
        |x| basic(x, 28, 4, 16),
    ),
    line("densenet_cifar_bc_l250_k24", BC, CIFAR, |x| bc(x, 250, 24)),
    line("densenet_cifar_bc_l190_k40", BC, CIFAR, |x| bc(x, 190, 40)),
];

const TORCHVISION: &str = "torchvision: Huang et al. 2016, Table 1 (DenseNet-BC)";
const BASIC: &str =
    "Huang et al. 2016, section 3 and Table 2: DenseNet, 16 channels in the first convolution";
const BC: &str =
    "Huang et al. 2016, section 3 and Table 2: DenseNet-BC, bottlenecks and compression by 0.5";

/// What distinguishes DenseNet-BC (section 3).
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    /// A layer is one 3x3 convolution; transitions keep the channels.
    Basic,
    /// A 1x1 convolution to four times the growth rate comes first; transitions halve the channels.
    Bc,
}

fn imagenet(x: Value, growth: usize, layers: [usize; 4]) -> Value {
    let x = x.scope("features", |x| {
        let x = x
            .conv("conv0", conv(2 * growth, 7).stride(2).pad(3).no_bias())
            .bn("norm0")
            .relu()
            .max_pool("pool0", pool(3).stride(2).pad(1));
        blocks(x, Variant::Bc, growth, layers)
    });
    head(x, 1000)
}

/// `depth` counts the first convolution, two transitions and the classifier beside the three blocks.
fn basic(x: Value, depth: usize, growth: usize, initial: usize) -> Value {
    cifar(x, Variant::Basic, growth, initial, (depth - 4) / 3)
}

/// A layer has two convolutions.
fn bc(x: Value, depth: usize, growth: usize) -> Value {
    cifar(x, Variant::Bc, growth, 2 * growth, (depth - 4) / 6)
}

fn cifar(x: Value, variant: Variant, growth: usize, initial: usize, layers: usize) -> Value {
    let x = x.scope("features", |x| {
        let x = x.conv("conv0", conv(initial, 3).pad(1).no_bias());
        blocks(x, variant, growth, [layers; 3])
    });
    head(x, 10)
}

fn head(x: Value, classes: usize) -> Value {
    x.relu()
        .global_avg_pool()
        .flatten()
        .linear("classifier", classes)
}

/// Dense blocks, a transition between two, and the norm behind the last.
fn blocks<const N: usize>(
    mut x: Value<'_>,
    variant: Variant,
    growth: usize,
    layers: [usize; N],
) -> Value<'_> {
    for (block, layers) in (1..).zip(layers) {
        if block > 1 {
            x = x.scope(format!("transition{}", block - 1), |x| {
                transition(x, variant)
            });
        }
        x = x.scope(format!("denseblock{block}"), |mut x| {
            for i in 1..=layers {
                let new = x.scope(format!("denselayer{i}"), |x| layer(x, variant, growth));
                x = concat(&[x, new]);
            }
            x
        });
    }
    x.bn(format!("norm{}", N + 1))
}

fn layer(x: Value, variant: Variant, growth: usize) -> Value {
    let x = x.bn("norm1").relu();
    match variant {
        Variant::Basic => x.conv("conv1", conv(growth, 3).pad(1).no_bias()),
        Variant::Bc => x
            .conv("conv1", conv(4 * growth, 1).no_bias())
            .bn("norm2")
            .relu()
            .conv("conv2", conv(growth, 3).pad(1).no_bias()),
    }
}

fn transition(x: Value, variant: Variant) -> Value {
    let channels = match variant {
        Variant::Basic => x.channels(),
        Variant::Bc => x.channels() / 2,
    };
    x.bn("norm")
        .relu()
        .conv("conv", conv(channels, 1).no_bias())
        .avg_pool("pool", pool(2))
}
