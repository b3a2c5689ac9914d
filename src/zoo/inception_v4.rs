//! Inception-v4 (Szegedy, Ioffe, Vanhoucke & Alemi 2016).
//!
//! As in the paper's figures, `same` is a convolution without a V: its output has its input's size.

use super::googlenet::conv_bn;
use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, DROPOUT, arguments};
use crate::graph::{Conv, Shape, Value, Window, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] =
    &[architecture::<InceptionV4>("inception_v4", SOURCE, INPUT)];

pub(super) const MODELS: &[Line] = &[line("inception_v4", SOURCE, "inception_v4")];

const SOURCE: &str = "timm: Szegedy et al. 2016 (Inception-v4), figures 3 to 9";

/// Input of this paper's networks.
pub(super) const INPUT: Shape = Shape::map(3, 299, 299);

arguments! {
    /// Modules A, B and C with reductions between them.
    struct InceptionV4 {
        /// probability of zero before the classifier
        dropout: f64 = 0.2, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for InceptionV4 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let x = x.scope("features", |x| {
            let x = conv_bn(x, 0, conv(32, 3).stride(2));
            let x = conv_bn(x, 1, conv(32, 3));
            let x = conv_bn(x, 2, conv(64, 3).same());
            let x = x.scope(3, |x| {
                let pooled = x.max_pool("maxpool", halving());
                concat(&[pooled, conv_bn(x, "conv", conv(96, 3).stride(2))])
            });
            let x = x.scope(4, |x| {
                let three = [conv(64, 1), conv(96, 3)];
                let seven = [
                    conv(64, 1),
                    conv(64, [1, 7]).same(),
                    conv(64, [7, 1]).same(),
                    conv(96, 3),
                ];
                concat(&[branch(x, "branch0", &three), branch(x, "branch1", &seven)])
            });
            let mut x = x.scope(5, |x| {
                let strided = conv_bn(x, "conv", conv(192, 3).stride(2));
                concat(&[strided, x.max_pool("maxpool", halving())])
            });
            for i in 6..10 {
                x = x.scope(i, inception_a);
            }
            x = x.scope(10, |x| reduction_a(x, [192, 224, 256, 384]));
            for i in 11..18 {
                x = x.scope(i, inception_b);
            }
            x = x.scope(18, reduction_b);
            for i in 19..22 {
                x = x.scope(i, inception_c);
            }
            x
        });
        head(x, "last_linear", self.dropout, self.classes)
    }
}

/// Figure 4.
fn inception_a(x: Value) -> Value {
    let one = [conv(96, 1)];
    let three = [conv(64, 1), conv(96, 3).same()];
    let five = [conv(64, 1), conv(96, 3).same(), conv(96, 3).same()];
    concat(&[
        branch(x, "branch0", &one),
        branch(x, "branch1", &three),
        branch(x, "branch2", &five),
        pooled_branch(x, 96),
    ])
}

/// Figure 5.
fn inception_b(x: Value) -> Value {
    let one = [conv(384, 1)];
    let seven = [
        conv(192, 1),
        conv(224, [1, 7]).same(),
        conv(256, [7, 1]).same(),
    ];
    let thirteen = [
        conv(192, 1),
        conv(192, [7, 1]).same(),
        conv(224, [1, 7]).same(),
        conv(224, [7, 1]).same(),
        conv(256, [1, 7]).same(),
    ];
    concat(&[
        branch(x, "branch0", &one),
        branch(x, "branch1", &seven),
        branch(x, "branch2", &thirteen),
        pooled_branch(x, 128),
    ])
}

/// Figure 6.
fn inception_c(x: Value) -> Value {
    let one = conv_bn(x, "branch0", conv(256, 1));
    let three = conv_bn(x, "branch1_0", conv(384, 1));
    let three = concat(&[
        conv_bn(three, "branch1_1a", conv(256, [1, 3]).same()),
        conv_bn(three, "branch1_1b", conv(256, [3, 1]).same()),
    ]);
    let five = conv_bn(x, "branch2_0", conv(384, 1));
    let five = conv_bn(five, "branch2_1", conv(448, [3, 1]).same());
    let five = conv_bn(five, "branch2_2", conv(512, [1, 3]).same());
    let five = concat(&[
        conv_bn(five, "branch2_3a", conv(256, [1, 3]).same()),
        conv_bn(five, "branch2_3b", conv(256, [3, 1]).same()),
    ]);
    concat(&[one, three, five, pooled_branch(x, 256)])
}

/// Figure 7, for all three networks; the letters are those of Table 1.
pub(super) fn reduction_a(x: Value, [k, l, m, n]: [usize; 4]) -> Value {
    let one = [conv(n, 3).stride(2)];
    let two = [conv(k, 1), conv(l, 3).same(), conv(m, 3).stride(2)];
    concat(&[
        branch(x, "branch0", &one),
        branch(x, "branch1", &two),
        x.max_pool("branch2", halving()),
    ])
}

/// Figure 8.
fn reduction_b(x: Value) -> Value {
    let three = [conv(192, 1), conv(192, 3).stride(2)];
    let seven = [
        conv(256, 1),
        conv(256, [1, 7]).same(),
        conv(320, [7, 1]).same(),
        conv(320, 3).stride(2),
    ];
    concat(&[
        branch(x, "branch0", &three),
        branch(x, "branch1", &seven),
        x.max_pool("branch2", halving()),
    ])
}

/// Convolutions in a row; timm numbers them where there are several.
pub(super) fn branch<'g>(x: Value<'g>, name: &str, convs: &[Conv]) -> Value<'g> {
    match convs {
        [conv] => conv_bn(x, name, conv.clone()),
        convs => x.scope(name, |mut x| {
            for (i, conv) in convs.iter().enumerate() {
                x = conv_bn(x, i, conv.clone());
            }
            x
        }),
    }
}

pub(super) fn pooled_branch(x: Value, channels: usize) -> Value {
    x.scope("branch3", |x| {
        let x = x.avg_pool_without_pad(0, pool(3).stride(1).same());
        conv_bn(x, 1, conv(channels, 1))
    })
}

/// 3x3 with stride 2, as every pool that shrinks the map.
pub(super) fn halving() -> Window {
    pool(3).stride(2)
}

pub(super) fn head<'g>(x: Value<'g>, name: &str, dropout: f64, classes: usize) -> Value<'g> {
    x.global_avg_pool()
        .flatten()
        .dropout(dropout)
        .linear(name, classes)
}
