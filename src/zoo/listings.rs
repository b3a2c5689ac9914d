//! The networks of the document's six training listings, exactly as their code builds them; some also
//! as they were probably meant, and each narrow, to be trained on digits in seconds.

use super::resnet::{BASIC, Shortcut, WIDTHS, stages, unit};
use super::{CIFAR, DIGITS, IMAGENET, Line, line};
use crate::graph::{Shape, Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "article_lenet5_cifar10",
        "The document's section 1.9 (PyTorch): Lenet5 on CIFAR-10",
        CIFAR,
        |x| lenet5(x, AsWritten, [16, 32, 32]),
    ),
    line(
        "article_lenet5_meant_cifar10",
        "The document's section 1.9 (PyTorch) as it was probably meant: an activation after each convolution",
        CIFAR,
        |x| lenet5(x, AsMeant, [16, 32, 32]),
    ),
    line(
        "article_lenet5_digits",
        "The document's section 1.9 (PyTorch): Lenet5 with half of its widths, for digits enlarged to 32x32",
        ENLARGED,
        |x| lenet5(x, AsWritten, [8, 16, 16]),
    ),
    line(
        "article_lenet5_meant_digits",
        "The document's section 1.9 (PyTorch) as it was probably meant, with half of its widths, for digits enlarged to 32x32",
        ENLARGED,
        |x| lenet5(x, AsMeant, [8, 16, 16]),
    ),
    line(
        "article_vgg_cifar100",
        "The document's section 3.3 (TensorFlow 2): VGG on CIFAR-100, its two Sequentials in a row",
        CIFAR,
        |x| vgg(x, 1, [300, 200, 100]),
    ),
    line(
        "article_vgg_digits",
        "The document's section 3.3 (TensorFlow 2): VGG with an eighth of its widths, for digits of 8x8",
        DIGITS,
        |x| vgg(x, 8, [37, 25, 10]),
    ),
    line(
        "article_tf_resnet18_cifar100",
        "The document's section 5.3.1 (TensorFlow 2): ResNet18 on CIFAR-100",
        CIFAR,
        |x| tensorflow_resnet(x, 1, [2; 4], 100),
    ),
    line(
        "article_tf_resnet18_digits",
        "The document's section 5.3.1 (TensorFlow 2): ResNet18 with an eighth of its widths, for digits of 8x8",
        DIGITS,
        |x| tensorflow_resnet(x, 8, [2; 4], 10),
    ),
    line(
        "article_tf_resnet34_cifar100",
        "The document's section 5.3.1 (TensorFlow 2): resnet34(), which is never called; its later units share the weights of the second",
        CIFAR,
        |x| tensorflow_resnet(x, 1, [3, 4, 6, 3], 100),
    ),
    line(
        "article_pt_resnet18_cifar10",
        "The document's section 5.3.2 (PyTorch): ResNet18 on CIFAR-10; its last shortcut is added by broadcasting",
        CIFAR,
        |x| pytorch_resnet18(x, AsWritten, 1, 2, 10),
    ),
    line(
        "article_pt_resnet18_meant_cifar10",
        "The document's section 5.3.2 (PyTorch) as it was probably meant: the last shortcut projects too",
        CIFAR,
        |x| pytorch_resnet18(x, AsMeant, 1, 2, 10),
    ),
    line(
        "article_pt_resnet18_digits",
        "The document's section 5.3.2 (PyTorch): ResNet18 with an eighth of its widths, for digits enlarged to 32x32, which its last shortcut needs to be added by broadcasting",
        ENLARGED,
        |x| pytorch_resnet18(x, AsWritten, 8, 2, 10),
    ),
    line(
        "article_pt_resnet18_meant_digits",
        "The document's section 5.3.2 (PyTorch) as it was probably meant, with an eighth of its widths, for digits enlarged to 32x32",
        ENLARGED,
        |x| pytorch_resnet18(x, AsMeant, 8, 2, 10),
    ),
    line(
        "article_pt_resnet18_pokemon",
        "The document's section 5.3.3 (PyTorch): the same with stride 1 in its last block, five classes",
        IMAGENET,
        |x| pytorch_resnet18(x, AsWritten, 1, 1, 5),
    ),
    line(
        "article_pt_resnet18_pokemon_digits",
        "The document's section 5.3.3 (PyTorch): the same with an eighth of its widths and ten classes, for digits enlarged to 32x32",
        ENLARGED,
        |x| pytorch_resnet18(x, AsWritten, 8, 1, 10),
    ),
    line(
        "article_transfer_resnet18_pokemon",
        "The document's section 5.3.4 (PyTorch): torchvision's resnet18 without its classifier, in a Sequential, with five classes",
        IMAGENET,
        |x| transfer_resnet18(x, 1, 5),
    ),
    line(
        "article_transfer_resnet18_digits",
        "The document's section 5.3.4 (PyTorch): the same with an eighth of its widths and ten classes, for digits enlarged to 32x32",
        ENLARGED,
        |x| transfer_resnet18(x, 8, 10),
    ),
];

/// Digits as large as the images of CIFAR.
const ENLARGED: Shape = Shape::map(1, 32, 32);

/// Whether a listing's accident is kept.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    AsWritten,
    AsMeant,
}
use Reading::{AsMeant, AsWritten};

/// The listing has no activation after its convolutions.
fn lenet5<'g>(x: Value<'g>, reading: Reading, [first, second, hidden]: [usize; 3]) -> Value<'g> {
    let act = |x: Value<'g>| match reading {
        AsWritten => x,
        AsMeant => x.relu(),
    };
    x.scope("conv_unit", |x| {
        let x = act(x.conv(0, conv(first, 5))).max_pool(1, pool(2));
        act(x.conv(2, conv(second, 5))).max_pool(3, pool(2))
    })
    .flatten()
    .scope("fc_unit", |x| x.linear(0, hidden).relu().linear(2, 10))
}

/// Under the names that Keras' summary prints: the first layer of a kind has no number.
fn vgg(x: Value, divisor: usize, [first, second, classes]: [usize; 3]) -> Value {
    let numbered = |kind: &str, i: usize| match i {
        0 => kind.to_string(),
        i => format!("{kind}_{i}"),
    };
    x.scope("conv_network", |mut x| {
        for (unit, channels) in [64, 128, 256, 512, 512].into_iter().enumerate() {
            for i in [2 * unit, 2 * unit + 1] {
                x = x
                    .conv(numbered("conv2d", i), conv(channels / divisor, 3).same())
                    .relu();
            }
            x = x.max_pool(numbered("max_pooling2d", unit), pool(2).same());
        }
        x
    })
    .flatten()
    .scope("fullcon_network", |x| {
        x.linear("dense", first)
            .relu()
            .linear("dense_1", second)
            .relu()
            .linear("dense_2", classes)
    })
}

/// Stage by stage that many units: the listing makes one unit of stride 1 and adds it again and again.
fn tensorflow_resnet(x: Value, divisor: usize, units: [usize; 4], classes: usize) -> Value {
    let mut x = x.scope("preprocessBlock", |x| {
        keras_bn(x.conv("conv", conv(50 / divisor, 3)), "bn")
            .relu()
            .max_pool("pool", pool(2).stride(1).same())
    });
    let stages = [(50, 1), (150, 2), (300, 2), (500, 2)];
    for (block, ((channels, stride), units)) in stages.into_iter().zip(units).enumerate() {
        let channels = channels / divisor;
        x = x.scope(format!("residualBlock{}", block + 1), |x| {
            let x = x.scope(0, |x| keras_unit(x, channels, stride));
            let x = x.scope(1, |x| keras_unit(x, channels, 1));
            (2..units).fold(x, |x, _| x.again(1, |x| keras_unit(x, channels, 1)))
        });
    }
    x.global_avg_pool()
        .flatten()
        .linear("fullcon_Layer", classes)
}

/// Keras' defaults: epsilon 1e-3, momentum 0.99 of the old statistics.
fn keras_bn<'g>(x: Value<'g>, name: &str) -> Value<'g> {
    x.batch_norm(name, 1e-3, 0.01)
}

/// The listing projects where the stride is not 1, whatever the widths.
fn keras_unit(x: Value, channels: usize, stride: usize) -> Value {
    let y = x.conv("conv1", conv(channels, 3).stride(stride).same());
    let y = keras_bn(y, "bn1").relu();
    let y = keras_bn(y.conv("conv2", conv(channels, 3).same()), "bn2");
    let shortcut = if stride == 1 {
        x
    } else {
        x.conv("identity_layer", conv(channels, 1).stride(stride))
    };
    (y + shortcut).relu()
}

/// `last_stride` is that of the fourth block, whose widths are equal, so that the listing gives it no
/// projection: at stride 2 its sum works only because PyTorch repeats the 1x1 map.
fn pytorch_resnet18(
    x: Value,
    reading: Reading,
    divisor: usize,
    last_stride: usize,
    classes: usize,
) -> Value {
    let mut x = x
        .scope("conv1", |x| {
            x.conv(0, conv(64 / divisor, 3).stride(3)).bn(1)
        })
        .relu();
    for (block, (channels, stride)) in [(128, 2), (256, 2), (512, 2), (512, last_stride)]
        .into_iter()
        .enumerate()
    {
        x = x.scope(format!("residualBlock{}", block + 1), |x| {
            let same = x.channels();
            let x = x.scope("basic_block_stride_eq", |x| {
                pytorch_unit(x, reading, same, 1)
            });
            x.scope("basic_block_stride_not_eq", |x| {
                pytorch_unit(x, reading, channels / divisor, stride)
            })
        });
    }
    x.global_avg_pool().flatten().linear("outlayer", classes)
}

/// The listing projects where the widths differ, whatever the stride.
fn pytorch_unit(x: Value, reading: Reading, channels: usize, stride: usize) -> Value {
    let y = x
        .conv("conv1", conv(channels, 3).stride(stride).pad(1))
        .bn("bn1")
        .relu()
        .conv("conv2", conv(channels, 3).pad(1))
        .bn("bn2");
    let fits = match reading {
        AsWritten => x.channels() == channels,
        AsMeant => x.shape() == y.shape(),
    };
    let shortcut = if fits {
        x
    } else {
        x.scope("identity", |x| {
            x.conv(0, conv(channels, 1).stride(stride)).bn(1)
        })
    };
    let sum = if shortcut.shape() == y.shape() {
        shortcut + y
    } else {
        shortcut.broadcast_add(y)
    };
    sum.relu()
}

/// The children of torchvision's resnet18 lose their names in a `Sequential`: `layer1` becomes `4`.
fn transfer_resnet18(x: Value, divisor: usize, classes: usize) -> Value {
    let x = x
        .conv(0, conv(64 / divisor, 7).stride(2).pad(3).no_bias())
        .bn(1)
        .relu()
        .max_pool(3, pool(3).stride(2).pad(1));
    stages(
        x,
        |stage| (stage + 4).to_string(),
        WIDTHS.map(|width| width / divisor),
        [2; 4],
        |x, width, stride| unit(x, BASIC, Shortcut::ProjectChanges, width, stride),
    )
    .global_avg_pool()
    .flatten()
    .linear(10, classes)
}
