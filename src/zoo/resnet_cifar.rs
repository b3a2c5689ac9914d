//! ResNet and plain nets of 6n + 2 layers for CIFAR-10 (He et al. 2015, section 4.2).

use super::resnet::{BASIC, Shortcut, layer, stages, unit};
use super::{CIFAR, Model, model};
use crate::graph::{Value, conv};

pub(super) const MODELS: &[Model] = &[
    model("resnet20_cifar", RESIDUAL, CIFAR, |x| residual(x, 20)),
    model("resnet32_cifar", RESIDUAL, CIFAR, |x| residual(x, 32)),
    model("resnet44_cifar", RESIDUAL, CIFAR, |x| residual(x, 44)),
    model("resnet56_cifar", RESIDUAL, CIFAR, |x| residual(x, 56)),
    model("resnet110_cifar", RESIDUAL, CIFAR, |x| residual(x, 110)),
    model("resnet1202_cifar", RESIDUAL, CIFAR, |x| residual(x, 1202)),
    model("plain20_cifar", PLAIN, CIFAR, |x| plain(x, 20)),
    model("plain32_cifar", PLAIN, CIFAR, |x| plain(x, 32)),
    model("plain44_cifar", PLAIN, CIFAR, |x| plain(x, 44)),
    model("plain56_cifar", PLAIN, CIFAR, |x| plain(x, 56)),
    model("plain110_cifar", PLAIN, CIFAR, |x| plain(x, 110)),
];

const RESIDUAL: &str =
    "He et al. 2015, section 4.2 and Table 6: 6n + 2 layers of 16, 32, 64 maps, option A shortcuts";
const PLAIN: &str = "He et al. 2015, section 4.2: the same layers without shortcuts";

fn residual(x: Value, depth: usize) -> Value {
    network(x, depth, Shortcut::Pad)
}

fn plain(x: Value, depth: usize) -> Value {
    network(x, depth, Shortcut::None)
}

fn network(x: Value, depth: usize, shortcut: Shortcut) -> Value {
    let n = (depth - 2) / 6;
    let x = x
        .conv("conv1", conv(16, 3).pad(1).no_bias())
        .bn("bn1")
        .relu();
    stages(x, layer, [16, 32, 64], [n; 3], |x, width, stride| {
        unit(x, BASIC, shortcut, width, stride)
    })
    .global_avg_pool()
    .flatten()
    .linear("linear", 10)
}
