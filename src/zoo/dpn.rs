//! Dual path networks (Chen, Li, Xiao, Jin, Yan & Feng 2017): residual and dense maps side by side.

use super::{IMAGENET, Line, line};
use crate::graph::{Conv, Name, Value, concat, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "dpn68",
        "timm: Chen et al. 2017, the authors' small model",
        IMAGENET,
        |x| dpn(x, &DPN68),
    ),
    line(
        "dpn68b",
        "timm: Chen et al. 2017, the authors' small model, with one convolution for each path at a unit's end",
        IMAGENET,
        |x| {
            dpn(
                x,
                &Configuration {
                    split: true,
                    ..DPN68
                },
            )
        },
    ),
    line("dpn92", TABLE, IMAGENET, |x| dpn(x, &DPN92)),
    line("dpn98", TABLE, IMAGENET, |x| dpn(x, &DPN98)),
    line("dpn107", AUTHORS, IMAGENET, |x| dpn(x, &DPN107)),
    line("dpn131", AUTHORS, IMAGENET, |x| dpn(x, &DPN131)),
];

const TABLE: &str = "timm: Chen et al. 2017, Table 1";
const AUTHORS: &str = "timm: Chen et al. 2017, the authors' larger models";

/// A column of the paper's Table 1.
struct Configuration {
    /// Channels and kernel of the first convolution.
    stem: (usize, usize),
    /// Residual maps of the first stage; each further stage doubles them.
    residual: usize,
    /// Maps of the first stage's 3x3 convolutions; each further stage doubles them.
    width: usize,
    /// Groups of the 3x3 convolutions.
    groups: usize,
    /// Units in each stage.
    units: [usize; 4],
    /// Dense maps that a unit of each stage adds.
    increments: [usize; 4],
    /// Whether a unit ends in one convolution for each path.
    split: bool,
}

const DPN68: Configuration = Configuration {
    stem: (10, 3),
    residual: 64,
    width: 128,
    groups: 32,
    units: [3, 4, 12, 3],
    increments: [16, 32, 32, 64],
    split: false,
};

const DPN92: Configuration = Configuration {
    stem: (64, 7),
    residual: 256,
    width: 96,
    groups: 32,
    units: [3, 4, 20, 3],
    increments: [16, 32, 24, 128],
    split: false,
};

const DPN98: Configuration = Configuration {
    stem: (96, 7),
    width: 160,
    groups: 40,
    units: [3, 6, 20, 3],
    increments: [16, 32, 32, 128],
    ..DPN92
};

const DPN107: Configuration = Configuration {
    stem: (128, 7),
    width: 200,
    groups: 50,
    units: [4, 8, 20, 3],
    increments: [20, 64, 64, 128],
    ..DPN92
};

const DPN131: Configuration = Configuration {
    stem: (128, 7),
    units: [4, 8, 28, 3],
    ..DPN98
};

fn dpn<'g>(x: Value<'g>, configuration: &Configuration) -> Value<'g> {
    x.scope("features", |x| {
        let (channels, kernel) = configuration.stem;
        let stem = conv(channels, kernel).stride(2).pad(kernel / 2).no_bias();
        let mut x = x
            .scope("conv1_1", |x| norm(x.conv("conv", stem)))
            .max_pool("conv1_pool", pool(3).stride(2).pad(1));
        for stage in 0..4 {
            for unit in 1..=configuration.units[stage] {
                x = x.scope(format!("conv{}_{unit}", stage + 2), |x| {
                    dual_path(x, configuration, stage, unit == 1)
                });
            }
        }
        x.scope("conv5_bn_ac", norm)
    })
    .global_avg_pool()
    .conv("classifier", conv(1000, 1))
    .flatten()
}

/// The residual maps come first in `x`, the dense ones behind them.
fn dual_path<'g>(
    x: Value<'g>,
    configuration: &Configuration,
    stage: usize,
    first: bool,
) -> Value<'g> {
    let residual = configuration.residual << stage;
    let width = configuration.width << stage;
    let increment = configuration.increments[stage];
    let stride = if first && stage > 0 { 2 } else { 1 };

    let shortcut = if first {
        let maps = conv(residual + 2 * increment, 1).stride(stride);
        norm_conv(x, format!("c1x1_w_s{stride}"), maps)
    } else {
        x
    };
    let grouped = conv(width, 3)
        .stride(stride)
        .pad(1)
        .groups(configuration.groups);
    let y = norm_conv(x, "c1x1_a", conv(width, 1));
    let y = norm_conv(y, "c3x3_b", grouped);
    let (added, new) = if configuration.split {
        let y = y.scope("c1x1_c", norm);
        (
            y.conv("c1x1_c1", conv(residual, 1).no_bias()),
            y.conv("c1x1_c2", conv(increment, 1).no_bias()),
        )
    } else {
        let y = norm_conv(y, "c1x1_c", conv(residual + increment, 1));
        paths(y, residual)
    };
    let (kept, dense) = paths(shortcut, residual);
    concat(&[kept + added, dense, new])
}

/// The residual and the dense maps.
fn paths(x: Value, residual: usize) -> (Value, Value) {
    (x.slice(0, residual), x.slice(residual, x.channels()))
}

fn norm_conv<'g>(x: Value<'g>, name: impl Name, conv: Conv) -> Value<'g> {
    x.scope(name, |x| norm(x).conv("conv", conv.no_bias()))
}

/// The authors' epsilon is 1e-3.
fn norm(x: Value) -> Value {
    x.batch_norm("bn", 1e-3, 0.1).relu()
}
