//! DenseNet and DenseNet-BC (Huang, Liu, van der Maaten & Weinberger 2016): Table 1 for ImageNet,
//! Table 2 for CIFAR-10.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CIFAR, CLASSES, DEPTH, DROPOUT, IMAGENET, UNITS, WIDTH, arguments, drop, whole_units};
use crate::graph::{Value, concat, conv, pool};
use std::ops::RangeInclusive;

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<ImageNet>(
        "densenet",
        "torchvision: Huang et al. 2016, Table 1",
        IMAGENET,
    ),
    architecture::<Cifar>(
        "densenet_cifar",
        "Huang et al. 2016, section 3 and Table 2, for small images; DenseNet-BC with bottleneck=4 and compression=0.5",
        CIFAR,
    ),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("densenet121", TORCHVISION, "densenet"),
    line("densenet169", TORCHVISION, "densenet{layers=[6,12,32,32]}"),
    line("densenet201", TORCHVISION, "densenet{layers=[6,12,48,32]}"),
    line("densenet161", LARGE, "densenet{growth=48, initial=96, layers=[6,12,36,24]}"),
    line("densenet_cifar_l40_k12", BASIC, "densenet_cifar"),
    line("densenet_cifar_l100_k12", BASIC, "densenet_cifar{depth=100}"),
    line("densenet_cifar_l100_k24", BASIC, "densenet_cifar{depth=100, growth=24}"),
    line("densenet_cifar_l40_k12_init24", INITIAL, "densenet_cifar{initial=24}"),
    line("densenet_cifar_bc_l100_k12", BC, "densenet_cifar{depth=100, initial=24, bottleneck=4, compression=0.5}"),
    line("densenet_cifar_l22_k12", SHALLOW, "densenet_cifar{depth=22}"),
    line("densenet_l28_k4_digits", NARROW, "densenet_cifar{depth=28, growth=4, input=1x8x8}"),
    line("densenet_cifar_bc_l250_k24", BC, "densenet_cifar{depth=250, growth=24, initial=48, bottleneck=4, compression=0.5}"),
    line("densenet_cifar_bc_l190_k40", BC, "densenet_cifar{depth=190, growth=40, initial=80, bottleneck=4, compression=0.5}"),
];

const TORCHVISION: &str = "torchvision: Huang et al. 2016, Table 1 (DenseNet-BC)";
const LARGE: &str = "torchvision: Huang et al. 2016, the authors' wide model of growth rate 48";
const BASIC: &str =
    "Huang et al. 2016, section 3 and Table 2: DenseNet, 16 channels in the first convolution";
const INITIAL: &str = "Huang et al. 2016, Table 2, as in the authors' later code: twice the growth rate in the first convolution without BC too";
const BC: &str =
    "Huang et al. 2016, section 3 and Table 2: DenseNet-BC, bottlenecks and compression by 0.5";
const SHALLOW: &str = "Huang et al. 2016, section 3, shallower: 22 layers, about as many parameters as a residual net of 20";
const NARROW: &str = "Huang et al. 2016, section 3, in small: 28 layers of growth rate 4 for digits of 8x8, about as many parameters as a residual net of 20 layers of 8, 16, 32 maps";

/// Times the growth rate.
const BOTTLENECK: RangeInclusive<usize> = 0..=64;
const COMPRESSION: RangeInclusive<f64> = 0.01..=1.0;

arguments! {
    /// Four dense blocks for large images.
    struct ImageNet {
        /// maps that a layer adds
        growth: usize = 32, WIDTH;
        /// maps of the first convolution
        initial: usize = 64, WIDTH;
        /// layers of each block
        layers: [usize; 4] = [6, 12, 24, 16], UNITS;
        /// times the growth rate: maps of the 1x1 convolution that begins a layer; 0: there is none
        bottleneck: usize = 4, BOTTLENECK;
        /// the share of the maps that a transition keeps
        compression: f64 = 0.5, COMPRESSION;
        /// probability of zero behind a layer's last convolution; 0: nothing is dropped
        dropout: f64 = 0.0, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for ImageNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let dense = Dense {
            growth: self.growth,
            bottleneck: self.bottleneck,
            compression: self.compression,
            dropout: self.dropout,
        };
        let x = x.scope("features", |x| {
            let stem = conv(self.initial, 7).stride(2).pad(3).no_bias();
            let x = x
                .conv("conv0", stem)
                .bn("norm0")
                .relu()
                .max_pool("pool0", pool(3).stride(2).pad(1));
            dense.blocks(x, self.layers)
        });
        head(x, self.classes)
    }
}

arguments! {
    /// Three dense blocks for small images.
    struct Cifar {
        /// weighted layers, 3n + 4 or, with bottlenecks, 6n + 4: the first convolution, two transitions and the classifier beside three blocks
        depth: usize = 40, DEPTH;
        /// maps that a layer adds
        growth: usize = 12, WIDTH;
        /// maps of the first convolution
        initial: usize = 16, WIDTH;
        /// times the growth rate: maps of the 1x1 convolution that begins a layer; 0: there is none
        bottleneck: usize = 0, BOTTLENECK;
        /// the share of the maps that a transition keeps
        compression: f64 = 1.0, COMPRESSION;
        /// probability of zero behind a layer's last convolution; 0: nothing is dropped
        dropout: f64 = 0.0, DROPOUT;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Cifar {
    /// Weighted layers that one more layer in each block adds.
    fn step(&self) -> usize {
        if self.bottleneck > 0 { 6 } else { 3 }
    }
}

impl Network for Cifar {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let layers = (self.depth - 4) / self.step();
        let dense = Dense {
            growth: self.growth,
            bottleneck: self.bottleneck,
            compression: self.compression,
            dropout: self.dropout,
        };
        let x = x.scope("features", |x| {
            let x = x.conv("conv0", conv(self.initial, 3).pad(1).no_bias());
            dense.blocks(x, [layers; 3])
        });
        head(x, self.classes)
    }

    fn check(&self) -> Result<(), String> {
        whole_units(self.depth, self.step(), 4)
    }
}

/// What comes behind the last block.
fn head(x: Value, classes: usize) -> Value {
    x.relu()
        .global_avg_pool()
        .flatten()
        .linear("classifier", classes)
}

/// What both have in common.
#[derive(Clone, Copy)]
struct Dense {
    growth: usize,
    bottleneck: usize,
    compression: f64,
    dropout: f64,
}

impl Dense {
    /// Dense blocks, a transition between two, and the norm behind the last.
    fn blocks<const N: usize>(self, mut x: Value<'_>, layers: [usize; N]) -> Value<'_> {
        for (block, layers) in (1..).zip(layers) {
            if block > 1 {
                x = x.scope(format!("transition{}", block - 1), |x| self.transition(x));
            }
            x = x.scope(format!("denseblock{block}"), |mut x| {
                for i in 1..=layers {
                    let new = x.scope(format!("denselayer{i}"), |x| self.layer(x));
                    x = concat(&[x, new]);
                }
                x
            });
        }
        x.bn(format!("norm{}", N + 1))
    }

    /// The maps that a layer adds.
    fn layer(self, x: Value) -> Value {
        let x = x.bn("norm1").relu();
        let x = match self.bottleneck {
            0 => x.conv("conv1", conv(self.growth, 3).pad(1).no_bias()),
            times => x
                .conv("conv1", conv(times * self.growth, 1).no_bias())
                .bn("norm2")
                .relu()
                .conv("conv2", conv(self.growth, 3).pad(1).no_bias()),
        };
        drop(x, self.dropout)
    }

    /// Fewer maps, of half the size.
    fn transition(self, x: Value) -> Value {
        let kept = (x.channels() as f64 * self.compression) as usize;
        x.bn("norm")
            .relu()
            .conv("conv", conv(kept, 1).no_bias())
            .avg_pool("pool", pool(2))
    }
}
