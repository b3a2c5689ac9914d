//! ResNet and plain nets of 6n + 2 layers for CIFAR-10 (He et al. 2015, section 4.2).

use super::resnet::{BASIC, Shortcut, layer, stages, unit};
use super::{CIFAR, DIGITS, Line, line};
use crate::graph::{Value, conv};

pub(super) const MODELS: &[Line] = &[
    line("resnet20_cifar", RESIDUAL, CIFAR, |x| residual(x, 20)),
    line("resnet32_cifar", RESIDUAL, CIFAR, |x| residual(x, 32)),
    line("resnet44_cifar", RESIDUAL, CIFAR, |x| residual(x, 44)),
    line("resnet56_cifar", RESIDUAL, CIFAR, |x| residual(x, 56)),
    line("resnet110_cifar", RESIDUAL, CIFAR, |x| residual(x, 110)),
    line("resnet1202_cifar", RESIDUAL, CIFAR, |x| residual(x, 1202)),
    line("plain20_cifar", PLAIN, CIFAR, |x| plain(x, 20)),
    line("plain32_cifar", PLAIN, CIFAR, |x| plain(x, 32)),
    line("plain44_cifar", PLAIN, CIFAR, |x| plain(x, 44)),
    line("plain56_cifar", PLAIN, CIFAR, |x| plain(x, 56)),
    line("plain110_cifar", PLAIN, CIFAR, |x| plain(x, 110)),
    line("resnet20_digits", NARROW, DIGITS, |x| {
        narrow(x, 20, Shortcut::Pad)
    }),
    line("resnet32_digits", NARROW, DIGITS, |x| {
        narrow(x, 32, Shortcut::Pad)
    }),
    line("resnet44_digits", NARROW, DIGITS, |x| {
        narrow(x, 44, Shortcut::Pad)
    }),
    line("resnet56_digits", NARROW, DIGITS, |x| {
        narrow(x, 56, Shortcut::Pad)
    }),
    line("plain20_digits", NARROW_PLAIN, DIGITS, |x| {
        narrow(x, 20, Shortcut::None)
    }),
    line("plain32_digits", NARROW_PLAIN, DIGITS, |x| {
        narrow(x, 32, Shortcut::None)
    }),
    line("plain44_digits", NARROW_PLAIN, DIGITS, |x| {
        narrow(x, 44, Shortcut::None)
    }),
    line("plain56_digits", NARROW_PLAIN, DIGITS, |x| {
        narrow(x, 56, Shortcut::None)
    }),
];

const RESIDUAL: &str =
    "He et al. 2015, section 4.2 and Table 6: 6n + 2 layers of 16, 32, 64 maps, option A shortcuts";
const PLAIN: &str = "He et al. 2015, section 4.2: the same layers without shortcuts";

const NARROW: &str =
    "He et al. 2015, section 4.2, in small: 6n + 2 layers of 8, 16, 32 maps for digits of 8x8";
const NARROW_PLAIN: &str =
    "He et al. 2015, section 4.2, in small: the same layers without shortcuts";

fn residual(x: Value, depth: usize) -> Value {
    network(x, depth, [16, 32, 64], Shortcut::Pad)
}

fn plain(x: Value, depth: usize) -> Value {
    network(x, depth, [16, 32, 64], Shortcut::None)
}

fn narrow(x: Value, depth: usize, shortcut: Shortcut) -> Value {
    network(x, depth, [8, 16, 32], shortcut)
}

fn network(x: Value, depth: usize, widths: [usize; 3], shortcut: Shortcut) -> Value {
    let n = (depth - 2) / 6;
    let x = x
        .conv("conv1", conv(widths[0], 3).pad(1).no_bias())
        .bn("bn1")
        .relu();
    stages(x, layer, widths, [n; 3], |x, width, stride| {
        unit(x, BASIC, shortcut, width, stride)
    })
    .global_avg_pool()
    .flatten()
    .linear("linear", 10)
}
