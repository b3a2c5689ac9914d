//! Inception-ResNet (Szegedy, Ioffe, Vanhoucke & Alemi 2016): Inception modules with a residual join.

use super::googlenet::conv_bn;
use super::inception_v4::{INPUT, branch, halving, head, pooled_branch, reduction_a};
use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, DROPOUT, UNITS, arguments};
use crate::graph::{Conv, Value, concat, conv};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<V2>("inception_resnet_v2", SECOND, INPUT),
    architecture::<V1>("inception_resnet_v1", FIRST, INPUT),
];

pub(super) const MODELS: &[Line] = &[
    line("inception_resnet_v2", SECOND, "inception_resnet_v2"),
    line("inception_resnet_v1", FIRST, "inception_resnet_v1"),
];

const SECOND: &str = "timm: Szegedy et al. 2016 (Inception-v4), Inception-ResNet-v2 as in TF-slim: another stem, 10, 20 and 10 blocks, the last without ReLU";
const FIRST: &str = "Szegedy et al. 2016 (Inception-v4), figures 10 to 15: Inception-ResNet-v1, the residuals scaled as in TF-slim";

arguments! {
    /// The second version.
    struct V2 {
        /// blocks A, B and C
        blocks: [usize; 3] = [10, 20, 10], UNITS;
        /// probability of zero before the classifier
        dropout: f64 = 0.2, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for V2 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let x = stem(x).max_pool("maxpool_5a", halving());
        let x = x.scope("mixed_5b", |x| {
            let one = [conv(96, 1)];
            let five = [conv(48, 1), conv(64, 5).same()];
            let three = [conv(64, 1), conv(96, 3).same(), conv(96, 3).same()];
            concat(&[
                branch(x, "branch0", &one),
                branch(x, "branch1", &five),
                branch(x, "branch2", &three),
                pooled_branch(x, 64),
            ])
        });
        let a: [&[Conv]; 3] = [
            &[conv(32, 1)],
            &[conv(32, 1), conv(32, 3).same()],
            &[conv(32, 1), conv(48, 3).same(), conv(64, 3).same()],
        ];
        let b: [&[Conv]; 2] = [
            &[conv(192, 1)],
            &[
                conv(128, 1),
                conv(160, [1, 7]).same(),
                conv(192, [7, 1]).same(),
            ],
        ];
        let c: [&[Conv]; 2] = [
            &[conv(192, 1)],
            &[
                conv(192, 1),
                conv(224, [1, 3]).same(),
                conv(256, [3, 1]).same(),
            ],
        ];
        let x = residuals(x, "repeat", self.blocks[0], &a, 0.17);
        let x = x.scope("mixed_6a", |x| reduction_a(x, [256, 256, 384, 384]));
        let x = residuals(x, "repeat_1", self.blocks[1], &b, 0.1);
        let x = x.scope("mixed_7a", |x| reduction_b(x, [288, 288, 320]));
        let x = residuals(x, "repeat_2", self.blocks[2] - 1, &c, 0.2);
        let x = x.scope("block8", |x| residual(x, &c, 1.0));
        head(
            conv_bn(x, "conv2d_7b", conv(1536, 1)),
            "classif",
            self.dropout,
            self.classes,
        )
    }
}

arguments! {
    /// The first version, under the names of the second.
    struct V1 {
        /// blocks A, B and C
        blocks: [usize; 3] = [5, 10, 5], UNITS;
        /// probability of zero before the classifier
        dropout: f64 = 0.2, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for V1 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let a: [&[Conv]; 3] = [
            &[conv(32, 1)],
            &[conv(32, 1), conv(32, 3).same()],
            &[conv(32, 1), conv(32, 3).same(), conv(32, 3).same()],
        ];
        let b: [&[Conv]; 2] = [
            &[conv(128, 1)],
            &[
                conv(128, 1),
                conv(128, [1, 7]).same(),
                conv(128, [7, 1]).same(),
            ],
        ];
        let c: [&[Conv]; 2] = [
            &[conv(192, 1)],
            &[
                conv(192, 1),
                conv(192, [1, 3]).same(),
                conv(192, [3, 1]).same(),
            ],
        ];
        let x = conv_bn(stem(x), "conv2d_4b", conv(256, 3).stride(2));
        let x = residuals(x, "repeat", self.blocks[0], &a, 0.17);
        let x = x.scope("mixed_6a", |x| reduction_a(x, [192, 192, 256, 384]));
        let x = residuals(x, "repeat_1", self.blocks[1], &b, 0.1);
        let x = x.scope("mixed_7a", |x| reduction_b(x, [256, 256, 256]));
        let x = residuals(x, "repeat_2", self.blocks[2], &c, 0.2);
        head(x, "classif", self.dropout, self.classes)
    }
}

/// Figure 14 up to its last layer.
fn stem(x: Value) -> Value {
    let x = conv_bn(x, "conv2d_1a", conv(32, 3).stride(2));
    let x = conv_bn(x, "conv2d_2a", conv(32, 3));
    let x = conv_bn(x, "conv2d_2b", conv(64, 3).same()).max_pool("maxpool_3a", halving());
    let x = conv_bn(x, "conv2d_3b", conv(80, 1));
    conv_bn(x, "conv2d_4a", conv(192, 3))
}

fn residuals<'g>(
    x: Value<'g>,
    name: &str,
    count: usize,
    branches: &[&[Conv]],
    factor: f64,
) -> Value<'g> {
    x.scope(name, |mut x| {
        for i in 0..count {
            x = x.scope(i, |x| residual(x, branches, factor).relu());
        }
        x
    })
}

/// The sum of the input and a linear projection of the branches, scaled (figure 20).
fn residual<'g>(x: Value<'g>, branches: &[&[Conv]], factor: f64) -> Value<'g> {
    let branches: Vec<Value> = branches
        .iter()
        .enumerate()
        .map(|(i, convs)| branch(x, &format!("branch{i}"), convs))
        .collect();
    let projected = concat(&branches).conv("conv2d", conv(x.channels(), 1));
    x + projected.scale(factor, 0.0)
}

/// Reduction-B (figures 12 and 18), whose two versions differ in three widths.
fn reduction_b(x: Value, [single, inner, double]: [usize; 3]) -> Value {
    let one = [conv(256, 1), conv(384, 3).stride(2)];
    let two = [conv(256, 1), conv(single, 3).stride(2)];
    let three = [
        conv(256, 1),
        conv(inner, 3).same(),
        conv(double, 3).stride(2),
    ];
    concat(&[
        branch(x, "branch0", &one),
        branch(x, "branch1", &two),
        branch(x, "branch2", &three),
        x.max_pool("branch3", halving()),
    ])
}
