//! Residual nets that normalise and activate before each convolution: pre-activation ResNet (He et
//! al. 2016) and WRN (Zagoruyko & Komodakis 2016), under timm's names.

use super::resnet::{BASIC, BOTTLENECK, BOTTLENECK_ORIGINAL, Block, WIDTHS, stages};
use super::{CIFAR, DIGITS, IMAGENET, Line, line};
use crate::graph::{Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "preact_resnet110_cifar_a",
        "He et al. 2016, Table 2, full pre-activation; shortcuts without parameters, zero maps added to the activated input",
        CIFAR,
        |x| cifar(x, BASIC, Shortcut::Pad, 1, 18),
    ),
    line(
        "preact_resnet110_cifar_proj",
        "Variant of He et al. 2016, Table 2, full pre-activation; projections where the shape changes",
        CIFAR,
        |x| cifar(x, BASIC, Shortcut::Project, 1, 18),
    ),
    line("preact_resnet164_cifar", DEEP, CIFAR, |x| {
        cifar(x, BOTTLENECK_ORIGINAL, Shortcut::Project, 1, 18)
    }),
    line("preact_resnet1001_cifar", DEEP, CIFAR, |x| {
        cifar(x, BOTTLENECK_ORIGINAL, Shortcut::Project, 1, 111)
    }),
    line("wrn_16_4", WRN, CIFAR, |x| wrn(x, 16, 4)),
    line("wrn_16_8", WRN, CIFAR, |x| wrn(x, 16, 8)),
    line("wrn_16_10", WRN, CIFAR, |x| wrn(x, 16, 10)),
    line("wrn_22_8", WRN, CIFAR, |x| wrn(x, 22, 8)),
    line("wrn_22_10", WRN, CIFAR, |x| wrn(x, 22, 10)),
    line("wrn_28_10", WRN, CIFAR, |x| wrn(x, 28, 10)),
    line("wrn_28_12", WRN, CIFAR, |x| wrn(x, 28, 12)),
    line("wrn_40_1", WRN, CIFAR, |x| wrn(x, 40, 1)),
    line("wrn_40_2", WRN, CIFAR, |x| wrn(x, 40, 2)),
    line("wrn_40_4", WRN, CIFAR, |x| wrn(x, 40, 4)),
    line("wrn_40_8", WRN, CIFAR, |x| wrn(x, 40, 8)),
    line("resnetv2_18", TIMM, IMAGENET, |x| {
        imagenet(x, BASIC, [2, 2, 2, 2])
    }),
    line("resnetv2_34", TIMM, IMAGENET, |x| {
        imagenet(x, BASIC, [3, 4, 6, 3])
    }),
    line("resnetv2_50", TIMM, IMAGENET, |x| {
        imagenet(x, BOTTLENECK, [3, 4, 6, 3])
    }),
    line("resnetv2_101", TIMM, IMAGENET, |x| {
        imagenet(x, BOTTLENECK, [3, 4, 23, 3])
    }),
    line("resnetv2_152", TIMM, IMAGENET, |x| {
        imagenet(x, BOTTLENECK, [3, 8, 36, 3])
    }),
    line("preact_resnet20_digits", NARROW, DIGITS, |x| narrow(x, 20)),
    line("preact_resnet56_digits", NARROW, DIGITS, |x| narrow(x, 56)),
];

const DEEP: &str = "He et al. 2016, Table 4: bottlenecks of 9n + 2 layers, a bottleneck's stride on its first 1x1 convolution, as in the authors' models";
const NARROW: &str = "He et al. 2016, Table 2, full pre-activation, in small: 6n + 2 layers of 8, 16, 32 maps for digits of 8x8, shortcuts without parameters";
const WRN: &str = "Zagoruyko & Komodakis 2016, Table 1: depth and widening of the residual net of He et al. 2016; 6n + 4 layers count a projection in each stage; no dropout";
const TIMM: &str = "timm: He et al. 2016 for ImageNet, batch normalisation, a bottleneck's stride on its 3x3 convolution, a 1x1 convolution as classifier";

/// What joins a unit's input to its output where the shape changes.
#[derive(Clone, Copy)]
enum Shortcut {
    /// Zero maps.
    Pad,
    /// A 1x1 convolution.
    Project,
}

fn wrn(x: Value, depth: usize, widening: usize) -> Value {
    cifar(x, BASIC, Shortcut::Project, widening, (depth - 4) / 6)
}

fn narrow(x: Value, depth: usize) -> Value {
    let widths = [8, 16, 32];
    three_stages(x, 8, BASIC, Shortcut::Pad, widths, (depth - 2) / 6)
}

fn cifar(x: Value, block: Block, shortcut: Shortcut, widening: usize, n: usize) -> Value {
    let widths = [16, 32, 64].map(|width| width * widening);
    three_stages(x, 16, block, shortcut, widths, n)
}

/// Three stages of `n` units.
fn three_stages(
    x: Value,
    first: usize,
    block: Block,
    shortcut: Shortcut,
    widths: [usize; 3],
    n: usize,
) -> Value {
    let x = x.conv("stem.conv", conv(first, 3).pad(1).no_bias());
    stages(x, blocks, widths, [n; 3], |x, width, stride| {
        unit(x, block, shortcut, width, stride)
    })
    .bn("norm")
    .relu()
    .global_avg_pool()
    .flatten()
    .linear("head.fc", 10)
}

fn imagenet(x: Value, block: Block, units: [usize; 4]) -> Value {
    let x = x
        .conv("stem.conv", conv(64, 7).stride(2).pad(3).no_bias())
        .max_pool("stem.pool", pool(3).stride(2).pad(1));
    stages(x, blocks, WIDTHS, units, |x, width, stride| {
        unit(x, block, Shortcut::Project, width, stride)
    })
    .bn("norm")
    .relu()
    .global_avg_pool()
    .conv("head.fc", conv(1000, 1))
    .flatten()
}

/// What timm calls a stage's units.
fn blocks(stage: usize) -> String {
    format!("stages.{stage}.blocks")
}

/// Where the shape changes, the shortcut shares the first normalisation and activation.
fn unit(x: Value, block: Block, shortcut: Shortcut, width: usize, stride: usize) -> Value {
    let convs = block.convs(width, stride);
    let out = convs.last().map_or(width, |conv| conv.out);
    let activated = x.registers(&["downsample"]).bn("norm1").relu();
    let shortcut = match shortcut {
        _ if stride == 1 && x.channels() == out => x,
        Shortcut::Pad => activated.pad_shortcut(out, stride),
        Shortcut::Project => {
            activated.conv("downsample.conv", conv(out, 1).stride(stride).no_bias())
        }
    };
    let mut y = activated;
    for (i, conv) in (1..).zip(convs) {
        if i > 1 {
            y = y.bn(format!("norm{i}")).relu();
        }
        y = y.conv(format!("conv{i}"), conv);
    }
    y + shortcut
}
