//! Dual path networks (Chen, Li, Xiao, Jin, Yan & Feng 2017): residual and dense maps side by side.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, IMAGENET, UNITS, WIDTH, arguments};
use crate::graph::{Conv, Name, Value, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<Dpn>(
    "dpn",
    "timm: Chen et al. 2017, Table 1",
    IMAGENET,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("dpn68", "timm: Chen et al. 2017, the authors' small model", "dpn{stem=10, kernel=3, residual=64, width=128, units=[3,4,12,3], increments=[16,32,32,64]}"),
    line("dpn68b", SPLIT, "dpn{stem=10, kernel=3, residual=64, width=128, units=[3,4,12,3], increments=[16,32,32,64], split=true}"),
    line("dpn92", TABLE, "dpn"),
    line("dpn98", TABLE, "dpn{stem=96, width=160, groups=40, units=[3,6,20,3], increments=[16,32,32,128]}"),
    line("dpn107", AUTHORS, "dpn{stem=128, width=200, groups=50, units=[4,8,20,3], increments=[20,64,64,128]}"),
    line("dpn131", AUTHORS, "dpn{stem=128, width=160, groups=40, units=[4,8,28,3], increments=[16,32,32,128]}"),
];

const TABLE: &str = "timm: Chen et al. 2017, Table 1";
const AUTHORS: &str = "timm: Chen et al. 2017, the authors' larger models";
const SPLIT: &str = "timm: Chen et al. 2017, the authors' small model, with one convolution for each path at a unit's end";

arguments! {
    /// A column of the paper's Table 1.
    struct Dpn {
        /// maps of the first convolution
        stem: usize = 64, WIDTH;
        /// its kernel, rows and columns
        kernel: usize = 7, 1..=31;
        /// residual maps of the first stage; each further stage doubles them
        residual: usize = 256, WIDTH;
        /// maps of the first stage's 3x3 convolutions; each further stage doubles them
        width: usize = 96, WIDTH;
        /// groups of the 3x3 convolutions
        groups: usize = 32, WIDTH;
        /// units of each stage
        units: [usize; 4] = [3, 4, 20, 3], UNITS;
        /// dense maps that a unit of each stage adds
        increments: [usize; 4] = [16, 32, 24, 128], WIDTH;
        /// whether a unit ends in one convolution for each path
        split: bool = false, ();
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Dpn {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        x.scope("features", |x| {
            let stem = conv(self.stem, self.kernel).stride(2);
            let stem = stem.pad(self.kernel / 2).no_bias();
            let mut x = x
                .scope("conv1_1", |x| norm(x.conv("conv", stem)))
                .max_pool("conv1_pool", pool(3).stride(2).pad(1));
            for (stage, units) in self.units.into_iter().enumerate() {
                for unit in 1..=units {
                    x = x.scope(format!("conv{}_{unit}", stage + 2), |x| {
                        self.dual_path(x, stage, unit == 1)
                    });
                }
            }
            x.scope("conv5_bn_ac", norm)
        })
        .global_avg_pool()
        .conv("classifier", conv(self.classes, 1))
        .flatten()
    }
}

impl Dpn {
    /// The residual maps come first in `x`, the dense ones behind them.
    fn dual_path<'g>(&self, x: Value<'g>, stage: usize, first: bool) -> Value<'g> {
        let residual = self.residual << stage;
        let width = self.width << stage;
        let increment = self.increments[stage];
        let stride = if first && stage > 0 { 2 } else { 1 };

        let shortcut = if first {
            let maps = conv(residual + 2 * increment, 1).stride(stride);
            norm_conv(x, format!("c1x1_w_s{stride}"), maps)
        } else {
            x
        };
        let grouped = conv(width, 3).stride(stride).pad(1).groups(self.groups);
        let y = norm_conv(x, "c1x1_a", conv(width, 1));
        let y = norm_conv(y, "c3x3_b", grouped);
        let (added, new) = if self.split {
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
