//! Inception-v3 as in torchvision, and the Inception-v2 of the same paper (Szegedy et al. 2015,
//! "Rethinking the Inception Architecture", Table 1).
//!
//! The paper's figures give the modules' kernels but not their widths; those are Inception-v3's.

use super::googlenet::{conv_bn, transform_input};
use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, DROPOUT, WIDTH, arguments};
use crate::graph::{Conv, Shape, Value, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<InceptionV3>("inception_v3", V3, MAP_299),
    architecture::<InceptionV2>("inception_v2", V2, MAP_299),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("inception_v3", V3, "inception_v3"),
    line("inception_v3_transform_input", "torchvision's inception_v3 as its published weights want it: the input, normalised by ImageNet's means and deviations, is mapped to -1 to 1 first (transform_input)", "inception_v3{transform_input=true}"),
    line("inception_v3_aux", "torchvision's inception_v3 with its auxiliary classifier (Szegedy et al. 2015, section 4 and figure 8)", "inception_v3{auxiliary=true}"),
    line("inception_v2_rethinking_4", FOUR, "inception_v2"),
    line("inception_v2_rethinking_5", FIVE, "inception_v2{widths=[128,160,160,192,192]}"),
];

const V3: &str = "torchvision's inception_v3 (Szegedy et al. 2015, section 10)";
const V2: &str = "Szegedy et al. 2015, Table 1; the modules' widths are an interpretation (Inception-v3's), not in the paper";
const FOUR: &str = "Szegedy et al. 2015, Table 1, with four modules of figure 6, the fifth being the reduction; the modules' widths are an interpretation (Inception-v3's), not in the paper";
const FIVE: &str = "Szegedy et al. 2015, Table 1, with five modules of figure 6 between reductions of their own; the modules' widths are an interpretation (Inception-v3's), not in the paper";

const MAP_299: Shape = Shape::map(3, 299, 299);

arguments! {
    /// torchvision's.
    struct InceptionV3 {
        /// whether there is the auxiliary classifier of training
        auxiliary: bool = false, ();
        /// whether the input is mapped first, as torchvision's published weights want it
        transform_input: bool = false, ();
        /// probability of zero before the classifier
        dropout: f64 = 0.5, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for InceptionV3 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let half = pool(3).stride(2);
        let x = match self.transform_input {
            true => transform_input(x),
            false => x,
        };
        let x = conv_bn(x, "Conv2d_1a_3x3", conv(32, 3).stride(2));
        let x = conv_bn(x, "Conv2d_2a_3x3", conv(32, 3));
        let x = conv_bn(x, "Conv2d_2b_3x3", conv(64, 3).pad(1)).max_pool("maxpool1", half);
        let x = conv_bn(x, "Conv2d_3b_1x1", conv(80, 1));
        let x = conv_bn(x, "Conv2d_4a_3x3", conv(192, 3)).max_pool("maxpool2", half);

        let x = x.scope("Mixed_5b", |x| two_3x3(x, 5, 32));
        let x = x.scope("Mixed_5c", |x| two_3x3(x, 5, 64));
        let x = x.scope("Mixed_5d", |x| two_3x3(x, 5, 64));
        let x = x.scope("Mixed_6a", reduce_to_17);
        let x = x.scope("Mixed_6b", |x| one_by_seven(x, 128));
        let x = x.scope("Mixed_6c", |x| one_by_seven(x, 160));
        let x = x.scope("Mixed_6d", |x| one_by_seven(x, 160));
        let x = x.scope("Mixed_6e", |x| one_by_seven(x, 192));
        if self.auxiliary {
            x.scope("AuxLogits", |x| {
                let x = x.avg_pool("avg_pool", pool(5).stride(3));
                let x = conv_bn(x, "conv0", conv(128, 1));
                conv_bn(x, "conv1", conv(768, 5))
                    .global_avg_pool()
                    .flatten()
                    .linear("fc", self.classes)
            })
            .output("aux");
        }
        x.scope("Mixed_7a", |x| {
            let branch3x3 = in_a_row(x, "branch3x3", &[conv(192, 1), conv(320, 3).stride(2)]);
            let branch7x7x3 = in_a_row(
                x,
                "branch7x7x3",
                &[conv(192, 1), row(192), column(192), conv(192, 3).stride(2)],
            );
            concat(&[branch3x3, branch7x7x3, x.max_pool("max_pool", half)])
        })
        .scope("Mixed_7b", expanded)
        .scope("Mixed_7c", expanded)
        .adaptive_avg_pool("avgpool", 1)
        .dropout(self.dropout)
        .flatten()
        .linear("fc", self.classes)
    }
}

arguments! {
    /// The paper's.
    struct InceptionV2 {
        /// maps inside each module of figure 6
        widths: Vec<usize> = vec![128, 160, 160, 192], (1..=20, WIDTH);
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for InceptionV2 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let x = conv_bn(x, "conv1", conv(32, 3).stride(2));
        let x = conv_bn(x, "conv2", conv(32, 3));
        let x = conv_bn(x, "conv3", conv(64, 3).pad(1)).max_pool("pool3", pool(3).stride(2));
        let x = conv_bn(x, "conv4", conv(80, 3));
        let x = conv_bn(x, "conv5", conv(192, 3).stride(2));
        let mut x = conv_bn(x, "conv6", conv(288, 3).pad(1));
        for module in 1..=3 {
            x = x.scope(format!("figure5_{module}"), |x| two_3x3(x, 3, 64));
        }
        x = x.scope("reduction_17", reduce_to_17);
        for (module, &width) in (1..).zip(&self.widths) {
            x = x.scope(format!("figure6_{module}"), |x| one_by_seven(x, width));
        }
        x.scope("reduction_8", |x| {
            let branch3x3 = in_a_row(x, "branch3x3", &[conv(192, 1), conv(320, 3).stride(2)]);
            let branch3x3dbl = in_a_row(
                x,
                "branch3x3dbl",
                &[conv(192, 1), conv(192, 3).pad(1), conv(192, 3).stride(2)],
            );
            let pooled = x.max_pool("max_pool", pool(3).stride(2));
            concat(&[branch3x3, branch3x3dbl, pooled])
        })
        .scope("figure7_1", expanded)
        .scope("figure7_2", expanded)
        .avg_pool("pool", pool(8))
        .flatten()
        .linear("fc", self.classes)
    }
}

/// Figure 5: two 3x3 convolutions for one of 5x5. The other branch keeps a `kernel` of 5 in
/// torchvision's Inception-v3; in the figure it is 3.
fn two_3x3(x: Value, kernel: usize, pooled: usize) -> Value {
    let branch1x1 = conv_bn(x, "branch1x1", conv(64, 1));
    let single = in_a_row(
        x,
        &format!("branch{kernel}x{kernel}"),
        &[conv(48, 1), conv(64, kernel).pad(kernel / 2)],
    );
    let double = in_a_row(
        x,
        "branch3x3dbl",
        &[conv(64, 1), conv(96, 3).pad(1), conv(96, 3).pad(1)],
    );
    concat(&[branch1x1, single, double, pool_branch(x, pooled)])
}

/// Figure 10: convolutions and pooling under stride 2, side by side.
fn reduce_to_17(x: Value) -> Value {
    let single = conv_bn(x, "branch3x3", conv(384, 3).stride(2));
    let double = in_a_row(
        x,
        "branch3x3dbl",
        &[conv(64, 1), conv(96, 3).pad(1), conv(96, 3).stride(2)],
    );
    let pooled = x.max_pool("max_pool", pool(3).stride(2));
    concat(&[single, double, pooled])
}

/// Figure 6 with n = 7: 1x7 and 7x1 convolutions in place of 7x7.
fn one_by_seven(x: Value, width: usize) -> Value {
    let branch1x1 = conv_bn(x, "branch1x1", conv(192, 1));
    let single = in_a_row(x, "branch7x7", &[conv(width, 1), row(width), column(192)]);
    let double = in_a_row(
        x,
        "branch7x7dbl",
        &[
            conv(width, 1),
            column(width),
            row(width),
            column(width),
            row(192),
        ],
    );
    concat(&[branch1x1, single, double, pool_branch(x, 192)])
}

/// Figure 7: 3x3 kernels opened into 1x3 and 3x1, for wide outputs on the coarsest grid.
fn expanded(x: Value) -> Value {
    let branch1x1 = conv_bn(x, "branch1x1", conv(320, 1));
    let single = in_a_row(x, "branch3x3", &[conv(384, 1)]);
    let single = fork(single, "branch3x3_2");
    let double = in_a_row(x, "branch3x3dbl", &[conv(448, 1), conv(384, 3).pad(1)]);
    let double = fork(double, "branch3x3dbl_3");
    concat(&[branch1x1, single, double, pool_branch(x, 192)])
}

/// 1x3 and 3x1 side by side.
fn fork<'g>(x: Value<'g>, branch: &str) -> Value<'g> {
    let a = conv_bn(x, format!("{branch}a"), conv(384, [1, 3]).pad([0, 1]));
    let b = conv_bn(x, format!("{branch}b"), conv(384, [3, 1]).pad([1, 0]));
    concat(&[a, b])
}

fn pool_branch(x: Value, channels: usize) -> Value {
    let x = x.avg_pool("avg_pool", pool(3).stride(1).pad(1));
    conv_bn(x, "branch_pool", conv(channels, 1))
}

/// A branch's convolutions, numbered from 1.
fn in_a_row<'g>(mut x: Value<'g>, branch: &str, convs: &[Conv]) -> Value<'g> {
    for (number, conv) in (1..).zip(convs.iter().cloned()) {
        x = conv_bn(x, format!("{branch}_{number}"), conv);
    }
    x
}

fn row(channels: usize) -> Conv {
    conv(channels, [1, 7]).pad([0, 3])
}

fn column(channels: usize) -> Conv {
    conv(channels, [7, 1]).pad([3, 0])
}
