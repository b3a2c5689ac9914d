//! Residual nets that normalise and activate before each convolution: pre-activation ResNet (He et
//! al. 2016) and WRN (Zagoruyko & Komodakis 2016), under timm's names.

use super::network::{Architecture, Line, Network, architecture, line};
use super::resnet::{Block, stages};
use super::{
    CIFAR, CLASSES, DEPTH, DROPOUT, IMAGENET, UNITS, WIDTH, arguments, choice, drop, whole_units,
};
use crate::graph::{Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<Preact>(
        "preact_cifar",
        "He et al. 2016, full pre-activation, for small images",
        CIFAR,
    ),
    architecture::<Wrn>(
        "wrn",
        "Zagoruyko & Komodakis 2016, Table 1: wide residual nets for small images",
        CIFAR,
    ),
    architecture::<ResNetV2>("resnetv2", "timm: He et al. 2016 for ImageNet", IMAGENET),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("preact_resnet110_cifar_a", PAD, "preact_cifar"),
    line("preact_resnet110_cifar_proj", PROJECT, "preact_cifar{shortcut=project}"),
    line("preact_resnet164_cifar", DEEP, "preact_cifar{block=bottleneck, depth=164, shortcut=project}"),
    line("preact_resnet1001_cifar", DEEP, "preact_cifar{block=bottleneck, depth=1001, shortcut=project}"),
    line("wrn_16_4", WRN, "wrn{depth=16, widen=4}"),
    line("wrn_16_8", WRN, "wrn{depth=16, widen=8}"),
    line("wrn_16_10", WRN, "wrn{depth=16, widen=10}"),
    line("wrn_22_8", WRN, "wrn{depth=22, widen=8}"),
    line("wrn_22_10", WRN, "wrn{depth=22, widen=10}"),
    line("wrn_28_10", WRN, "wrn{depth=28, widen=10}"),
    line("wrn_28_12", WRN, "wrn{depth=28, widen=12}"),
    line("wrn_40_1", WRN, "wrn{depth=40, widen=1}"),
    line("wrn_40_2", WRN, "wrn{depth=40, widen=2}"),
    line("wrn_40_4", WRN, "wrn{depth=40, widen=4}"),
    line("wrn_40_8", WRN, "wrn{depth=40, widen=8}"),
    line("resnetv2_18", TIMM, "resnetv2"),
    line("resnetv2_34", TIMM, "resnetv2{units=[3,4,6,3]}"),
    line("resnetv2_50", TIMM, "resnetv2{block=bottleneck, units=[3,4,6,3]}"),
    line("resnetv2_101", TIMM, "resnetv2{block=bottleneck, units=[3,4,23,3]}"),
    line("resnetv2_152", TIMM, "resnetv2{block=bottleneck, units=[3,8,36,3]}"),
    line("preact_resnet20_digits", NARROW, "preact_cifar{depth=20, widths=[8,16,32], input=1x8x8}"),
    line("preact_resnet56_digits", NARROW, "preact_cifar{depth=56, widths=[8,16,32], input=1x8x8}"),
];

const PAD: &str = "He et al. 2016, Table 2, full pre-activation; shortcuts without parameters, zero maps added to the activated input";
const PROJECT: &str =
    "Variant of He et al. 2016, Table 2, full pre-activation; projections where the shape changes";
const DEEP: &str = "He et al. 2016, Table 4: bottlenecks of 9n + 2 layers, a bottleneck's stride on its first 1x1 convolution, as in the authors' models";
const NARROW: &str = "He et al. 2016, Table 2, full pre-activation, in small: 6n + 2 layers of 8, 16, 32 maps for digits of 8x8, shortcuts without parameters";
const WRN: &str = "Zagoruyko & Komodakis 2016, Table 1: depth and widening of the residual net of He et al. 2016; 6n + 4 layers count a projection in each stage; no dropout";
const TIMM: &str = "timm: He et al. 2016 for ImageNet, batch normalisation, a bottleneck's stride on its 3x3 convolution, a 1x1 convolution as classifier";

choice! {
    /// What joins a unit's input to its output where the shape changes.
    enum Shortcut {
        /// Zero maps.
        Pad = "pad",
        /// A 1x1 convolution.
        Project = "project",
    }
}

arguments! {
    /// Three stages of n units for small images.
    struct Preact {
        /// a unit's layers
        block: Block = Block::Basic, ();
        /// weighted layers, 6n + 2 or, of bottlenecks, 9n + 2
        depth: usize = 110, DEPTH;
        /// maps of each stage's units; a bottleneck ends in four times as many
        widths: [usize; 3] = [16, 32, 64], WIDTH;
        /// what joins a unit's input to its output where the shape changes
        shortcut: Shortcut = Shortcut::Pad, ();
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Preact {
    /// Weighted layers of a unit.
    fn layers(&self) -> usize {
        match self.block {
            Block::Basic => 6,
            Block::Bottleneck => 9,
        }
    }
}

impl Network for Preact {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let n = (self.depth - 2) / self.layers();
        let x = x.conv("stem.conv", conv(self.widths[0], 3).pad(1).no_bias());
        let x = stages(x, blocks, self.widths, [n; 3], |x, width, stride| {
            match self.block {
                Block::Basic => basic(x, self.shortcut, width, stride, 0.0),
                // the authors' models halve the map by the first 1x1
                Block::Bottleneck => bottleneck(x, self.shortcut, width, [stride, 1]),
            }
        });
        head(x, self.classes)
    }

    fn check(&self) -> Result<(), String> {
        whole_units(self.depth, self.layers(), 2)
    }
}

arguments! {
    /// Three stages of n wide basic units for small images.
    struct Wrn {
        /// weighted layers, 6n + 4
        depth: usize = 28, DEPTH;
        /// times the maps of the residual net of 16, 32 and 64 maps
        widen: usize = 10, 1..=1_000;
        /// probability of zero between the two convolutions of a unit; 0: nothing is dropped
        dropout: f64 = 0.0, DROPOUT;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for Wrn {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let n = (self.depth - 4) / 6;
        let widths = [16, 32, 64].map(|width| width * self.widen);
        let x = x.conv("stem.conv", conv(16, 3).pad(1).no_bias());
        let x = stages(x, blocks, widths, [n; 3], |x, width, stride| {
            basic(x, Shortcut::Project, width, stride, self.dropout)
        });
        head(x, self.classes)
    }

    fn check(&self) -> Result<(), String> {
        whole_units(self.depth, 6, 4)
    }
}

arguments! {
    /// Four stages of units for large images.
    struct ResNetV2 {
        /// a unit's layers
        block: Block = Block::Basic, ();
        /// units of each stage
        units: [usize; 4] = [2, 2, 2, 2], UNITS;
        /// maps of each stage's units; a bottleneck ends in four times as many
        widths: [usize; 4] = [64, 128, 256, 512], WIDTH;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for ResNetV2 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let stem = conv(self.widths[0], 7).stride(2).pad(3).no_bias();
        let x = x
            .conv("stem.conv", stem)
            .max_pool("stem.pool", pool(3).stride(2).pad(1));
        stages(
            x,
            blocks,
            self.widths,
            self.units,
            |x, width, stride| match self.block {
                Block::Basic => basic(x, Shortcut::Project, width, stride, 0.0),
                Block::Bottleneck => bottleneck(x, Shortcut::Project, width, [1, stride]),
            },
        )
        .bn("norm")
        .relu()
        .global_avg_pool()
        .conv("head.fc", conv(self.classes, 1))
        .flatten()
    }
}

/// What timm calls a stage's units.
fn blocks(stage: usize) -> String {
    format!("stages.{stage}.blocks")
}

fn head(x: Value, classes: usize) -> Value {
    x.bn("norm")
        .relu()
        .global_avg_pool()
        .flatten()
        .linear("head.fc", classes)
}

fn basic(x: Value, shortcut: Shortcut, width: usize, stride: usize, dropout: f64) -> Value {
    let (activated, shortcut) = enter(x, shortcut, width, stride);
    let y = activated
        .conv("conv1", conv(width, 3).stride(stride).pad(1).no_bias())
        .bn("norm2")
        .relu();
    let y = drop(y, dropout);
    y.conv("conv2", conv(width, 3).pad(1).no_bias()) + shortcut
}

/// `strides`: of the first and the second convolution, one of which has the unit's.
fn bottleneck(x: Value, shortcut: Shortcut, width: usize, strides: [usize; 2]) -> Value {
    let [first, second] = strides;
    let (activated, shortcut) = enter(x, shortcut, 4 * width, first * second);
    let y = activated
        .conv("conv1", conv(width, 1).stride(first).no_bias())
        .bn("norm2")
        .relu()
        .conv("conv2", conv(width, 3).stride(second).pad(1).no_bias())
        .bn("norm3")
        .relu()
        .conv("conv3", conv(4 * width, 1).no_bias());
    y + shortcut
}

/// The activated input, which the shortcut shares where the shape changes, and the shortcut.
fn enter(x: Value, shortcut: Shortcut, out: usize, stride: usize) -> (Value, Value) {
    let activated = x.registers(&["downsample"]).bn("norm1").relu();
    let shortcut = match shortcut {
        _ if stride == 1 && x.channels() == out => x,
        Shortcut::Pad => activated.pad_shortcut(out, stride),
        Shortcut::Project => {
            activated.conv("downsample.conv", conv(out, 1).stride(stride).no_bias())
        }
    };
    (activated, shortcut)
}
