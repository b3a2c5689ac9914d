//! ResNeXt (Xie et al. 2016) and ResNet with wide bottlenecks (Zagoruyko & Komodakis 2016): residual
//! nets whose bottleneck differs in the 3x3 convolution's maps and groups.

use super::network::{Architecture, Line, Network, architecture, line};
use super::resnet::{Bottleneck, Shortcut, join, layer, stages};
use super::resnet_cifar::stem;
use super::{CIFAR, CLASSES, DEPTH, WIDTH, arguments, whole_units};
use crate::graph::Value;

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<ResNext>(
    "resnext_cifar",
    "Xie et al. 2016, section 5.3: 9n + 2 layers for small images",
    CIFAR,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("resnext50_32x4d", TORCHVISION, "resnet{block=bottleneck, units=[3,4,6,3], groups=32, group_width=4}"),
    line("resnext101_32x4d", TIMM, "resnet{block=bottleneck, units=[3,4,23,3], groups=32, group_width=4}"),
    line("resnext101_32x8d", TORCHVISION, "resnet{block=bottleneck, units=[3,4,23,3], groups=32, group_width=8}"),
    line("resnext101_64x4d", TORCHVISION, "resnet{block=bottleneck, units=[3,4,23,3], groups=64, group_width=4}"),
    line("wide_resnet50_2", WIDE, "resnet{block=bottleneck, units=[3,4,6,3], group_width=128}"),
    line("wide_resnet101_2", WIDE, "resnet{block=bottleneck, units=[3,4,23,3], group_width=128}"),
    line("resnext29_8x64d_cifar", SMALL, "resnext_cifar"),
    line("resnext29_16x64d_cifar", SMALL, "resnext_cifar{groups=16}"),
];

const TORCHVISION: &str = "torchvision: Xie et al. 2016, Table 1 and section 5.1, groups x maps of a group in the first stage";
const TIMM: &str = "timm: Xie et al. 2016, Table 3, groups x maps of a group in the first stage";
const WIDE: &str = "torchvision: Zagoruyko & Komodakis 2016, Table 8, WRN-50-2-bottleneck: ResNet whose 3x3 convolutions have twice the maps";
const SMALL: &str = "Xie et al. 2016, section 5.3 and Table 7: 29 layers for CIFAR-10, three stages of three units, groups x maps of a group in the first stage";

arguments! {
    /// Three stages of n bottlenecks for small images.
    struct ResNext {
        /// weighted layers, 9n + 2
        depth: usize = 29, DEPTH;
        /// maps of each stage's units, which end in four times as many
        widths: [usize; 3] = [64, 128, 256], WIDTH;
        /// groups of a unit's 3x3 convolution
        groups: usize = 8, WIDTH;
        /// maps of each of them where the unit's width is 64
        group_width: usize = 64, WIDTH;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for ResNext {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let n = (self.depth - 2) / 9;
        let bottleneck = Bottleneck::new(self.groups, self.group_width);
        let x = stem(x, self.widths[0]);
        stages(x, layer, self.widths, [n; 3], |x, width, stride| {
            let y = bottleneck.describe(x, width, stride);
            join(x, y, Shortcut::Project, stride)
        })
        .global_avg_pool()
        .flatten()
        .linear("fc", self.classes)
    }

    fn check(&self) -> Result<(), String> {
        whole_units(self.depth, 9, 2)
    }
}
