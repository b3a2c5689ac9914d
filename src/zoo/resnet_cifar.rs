//! ResNet and plain nets of 6n + 2 layers for CIFAR-10 (He et al. 2015, section 4.2).

use super::network::{Architecture, Line, Network, architecture, line};
use super::resnet::{Shortcut, basic, join, layer, stages};
use super::{CIFAR, CLASSES, DEPTH, WIDTH, arguments, whole_units};
use crate::graph::{Value, conv};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<ResNet>(
    "resnet_cifar",
    "He et al. 2015, section 4.2: 6n + 2 layers for small images",
    CIFAR,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("resnet20_cifar", RESIDUAL, "resnet_cifar"),
    line("resnet32_cifar", RESIDUAL, "resnet_cifar{depth=32}"),
    line("resnet44_cifar", RESIDUAL, "resnet_cifar{depth=44}"),
    line("resnet56_cifar", RESIDUAL, "resnet_cifar{depth=56}"),
    line("resnet110_cifar", RESIDUAL, "resnet_cifar{depth=110}"),
    line("resnet1202_cifar", RESIDUAL, "resnet_cifar{depth=1202}"),
    line("plain20_cifar", PLAIN, "resnet_cifar{shortcut=none}"),
    line("plain32_cifar", PLAIN, "resnet_cifar{depth=32, shortcut=none}"),
    line("plain44_cifar", PLAIN, "resnet_cifar{depth=44, shortcut=none}"),
    line("plain56_cifar", PLAIN, "resnet_cifar{depth=56, shortcut=none}"),
    line("plain110_cifar", PLAIN, "resnet_cifar{depth=110, shortcut=none}"),
    line("resnet20_digits", NARROW, "resnet_cifar{widths=[8,16,32], input=1x8x8}"),
    line("resnet32_digits", NARROW, "resnet_cifar{depth=32, widths=[8,16,32], input=1x8x8}"),
    line("resnet44_digits", NARROW, "resnet_cifar{depth=44, widths=[8,16,32], input=1x8x8}"),
    line("resnet56_digits", NARROW, "resnet_cifar{depth=56, widths=[8,16,32], input=1x8x8}"),
    line("plain20_digits", NARROW_PLAIN, "resnet_cifar{shortcut=none, widths=[8,16,32], input=1x8x8}"),
    line("plain32_digits", NARROW_PLAIN, "resnet_cifar{depth=32, shortcut=none, widths=[8,16,32], input=1x8x8}"),
    line("plain44_digits", NARROW_PLAIN, "resnet_cifar{depth=44, shortcut=none, widths=[8,16,32], input=1x8x8}"),
    line("plain56_digits", NARROW_PLAIN, "resnet_cifar{depth=56, shortcut=none, widths=[8,16,32], input=1x8x8}"),
];

const RESIDUAL: &str =
    "He et al. 2015, section 4.2 and Table 6: 6n + 2 layers of 16, 32, 64 maps, option A shortcuts";
const PLAIN: &str = "He et al. 2015, section 4.2: the same layers without shortcuts";
const NARROW: &str =
    "He et al. 2015, section 4.2, in small: 6n + 2 layers of 8, 16, 32 maps for digits of 8x8";
const NARROW_PLAIN: &str =
    "He et al. 2015, section 4.2, in small: the same layers without shortcuts";

arguments! {
    /// Three stages of n basic units for small images.
    struct ResNet {
        /// weighted layers, 6n + 2
        depth: usize = 20, DEPTH;
        /// maps of each stage
        widths: [usize; 3] = [16, 32, 64], WIDTH;
        /// what joins a unit's input to its output: options A (pad), B (project) and C (project_all)
        shortcut: Shortcut = Shortcut::Pad, ();
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for ResNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let n = (self.depth - 2) / 6;
        let x = stem(x, self.widths[0]);
        stages(x, layer, self.widths, [n; 3], |x, width, stride| {
            join(x, basic(x, width, stride), self.shortcut, stride)
        })
        .global_avg_pool()
        .flatten()
        .linear("linear", self.classes)
    }

    fn check(&self) -> Result<(), String> {
        whole_units(self.depth, 6, 2)
    }
}

/// What comes before the first stage.
pub(super) fn stem(x: Value, width: usize) -> Value {
    x.conv("conv1", conv(width, 3).pad(1).no_bias())
        .bn("bn1")
        .relu()
}
