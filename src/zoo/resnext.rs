//! ResNeXt (Xie et al. 2016) and ResNet with wide bottlenecks (Zagoruyko & Komodakis 2016): residual
//! nets whose bottleneck differs in the 3x3 convolution's maps and groups.

use super::resnet::{Shortcut, grouped, layer, stages, torchvision, unit};
use super::{CIFAR, IMAGENET, Line, line};
use crate::graph::{Value, conv};

pub(super) const MODELS: &[Line] = &[
    line("resnext50_32x4d", TORCHVISION, IMAGENET, |x| {
        torchvision(x, grouped(32, 4), LAYERS_50)
    }),
    line("resnext101_32x4d", TIMM, IMAGENET, |x| {
        torchvision(x, grouped(32, 4), LAYERS_101)
    }),
    line("resnext101_32x8d", TORCHVISION, IMAGENET, |x| {
        torchvision(x, grouped(32, 8), LAYERS_101)
    }),
    line("resnext101_64x4d", TORCHVISION, IMAGENET, |x| {
        torchvision(x, grouped(64, 4), LAYERS_101)
    }),
    line("wide_resnet50_2", WIDE, IMAGENET, |x| {
        torchvision(x, grouped(1, 128), LAYERS_50)
    }),
    line("wide_resnet101_2", WIDE, IMAGENET, |x| {
        torchvision(x, grouped(1, 128), LAYERS_101)
    }),
    line("resnext29_8x64d_cifar", SMALL, CIFAR, |x| cifar(x, 8, 64)),
    line("resnext29_16x64d_cifar", SMALL, CIFAR, |x| cifar(x, 16, 64)),
];

const TORCHVISION: &str = "torchvision: Xie et al. 2016, Table 1 and section 5.1, groups x maps of a group in the first stage";
const TIMM: &str = "timm: Xie et al. 2016, Table 3, groups x maps of a group in the first stage";
const WIDE: &str = "torchvision: Zagoruyko & Komodakis 2016, Table 8, WRN-50-2-bottleneck: ResNet whose 3x3 convolutions have twice the maps";
const SMALL: &str = "Xie et al. 2016, section 5.3 and Table 7: 29 layers for CIFAR-10, three stages of three units, groups x maps of a group in the first stage";

const LAYERS_50: [usize; 4] = [3, 4, 6, 3];
const LAYERS_101: [usize; 4] = [3, 4, 23, 3];

fn cifar(x: Value, groups: usize, group_width: usize) -> Value {
    let x = x
        .conv("conv1", conv(64, 3).pad(1).no_bias())
        .bn("bn1")
        .relu();
    stages(x, layer, [64, 128, 256], [3; 3], |x, width, stride| {
        let block = grouped(groups, group_width);
        unit(x, block, Shortcut::ProjectChanges, width, stride)
    })
    .global_avg_pool()
    .flatten()
    .linear("fc", 10)
}
