//! The networks of the built-in article's six training listings, exactly as their code builds them; some also
//! as they were probably meant, and each narrow, to be trained on digits in seconds.

use super::network::{Architecture, Line, Network, architecture, line};
use super::resnet::{Shortcut, basic, join, stages};
use super::{CIFAR, CLASSES, IMAGENET, UNITS, WIDTH, arguments, choice};
use crate::graph::{Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<LeNet5>(
        "article_lenet5",
        "The built-in article's section 1.9 (PyTorch)",
        CIFAR,
    ),
    architecture::<Vgg>(
        "article_vgg",
        "The built-in article's section 3.3 (TensorFlow 2)",
        CIFAR,
    ),
    architecture::<TensorFlowResNet>(
        "article_tf_resnet",
        "The built-in article's section 5.3.1 (TensorFlow 2)",
        CIFAR,
    ),
    architecture::<PyTorchResNet>(
        "article_pt_resnet18",
        "The built-in article's section 5.3.2 (PyTorch)",
        CIFAR,
    ),
    architecture::<TransferResNet>(
        "article_transfer_resnet18",
        "The built-in article's section 5.3.4 (PyTorch)",
        IMAGENET,
    ),
];

// digits are enlarged to 32x32 where a listing's layers leave nothing of 8x8
#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("article_lenet5_cifar10", "The built-in article's section 1.9 (PyTorch): Lenet5 on CIFAR-10", "article_lenet5"),
    line("article_lenet5_meant_cifar10", "The built-in article's section 1.9 (PyTorch) as it was probably meant: an activation after each convolution", "article_lenet5{reading=as_meant}"),
    line("article_lenet5_digits", "The built-in article's section 1.9 (PyTorch): Lenet5 with half of its widths, for digits enlarged to 32x32", "article_lenet5{widths=[8,16], hidden=16, input=1x32x32}"),
    line("article_lenet5_meant_digits", "The built-in article's section 1.9 (PyTorch) as it was probably meant, with half of its widths, for digits enlarged to 32x32", "article_lenet5{reading=as_meant, widths=[8,16], hidden=16, input=1x32x32}"),
    line("article_vgg_cifar100", "The built-in article's section 3.3 (TensorFlow 2): VGG on CIFAR-100, its two Sequentials in a row", "article_vgg"),
    line("article_vgg_digits", "The built-in article's section 3.3 (TensorFlow 2): VGG with an eighth of its widths, for digits of 8x8", "article_vgg{widths=[8,16,32,64,64], hidden=[37,25], classes=10, input=1x8x8}"),
    line("article_tf_resnet18_cifar100", "The built-in article's section 5.3.1 (TensorFlow 2): ResNet18 on CIFAR-100", "article_tf_resnet"),
    line("article_tf_resnet18_digits", "The built-in article's section 5.3.1 (TensorFlow 2): ResNet18 with an eighth of its widths, for digits of 8x8", "article_tf_resnet{widths=[6,18,37,62], classes=10, input=1x8x8}"),
    line("article_tf_resnet34_cifar100", "The built-in article's section 5.3.1 (TensorFlow 2): resnet34(), which is never called; its later units share the weights of the second", "article_tf_resnet{units=[3,4,6,3]}"),
    line("article_pt_resnet18_cifar10", "The built-in article's section 5.3.2 (PyTorch): ResNet18 on CIFAR-10; its last shortcut is added by broadcasting", "article_pt_resnet18"),
    line("article_pt_resnet18_meant_cifar10", "The built-in article's section 5.3.2 (PyTorch) as it was probably meant: the last shortcut projects too", "article_pt_resnet18{reading=as_meant}"),
    line("article_pt_resnet18_digits", "The built-in article's section 5.3.2 (PyTorch): ResNet18 with an eighth of its widths, for digits enlarged to 32x32, which its last shortcut needs to be added by broadcasting", "article_pt_resnet18{widths=[8,16,32,64,64], input=1x32x32}"),
    line("article_pt_resnet18_meant_digits", "The built-in article's section 5.3.2 (PyTorch) as it was probably meant, with an eighth of its widths, for digits enlarged to 32x32", "article_pt_resnet18{reading=as_meant, widths=[8,16,32,64,64], input=1x32x32}"),
    line("article_pt_resnet18_pokemon", "The built-in article's section 5.3.3 (PyTorch): the same with stride 1 in its last block, five classes", "article_pt_resnet18{last_stride=1, classes=5, input=3x224x224}"),
    line("article_pt_resnet18_pokemon_digits", "The built-in article's section 5.3.3 (PyTorch): the same with an eighth of its widths and ten classes, for digits enlarged to 32x32", "article_pt_resnet18{last_stride=1, widths=[8,16,32,64,64], input=1x32x32}"),
    line("article_transfer_resnet18_pokemon", "The built-in article's section 5.3.4 (PyTorch): torchvision's resnet18 without its classifier, in a Sequential, with five classes", "article_transfer_resnet18"),
    line("article_transfer_resnet18_digits", "The built-in article's section 5.3.4 (PyTorch): the same with an eighth of its widths and ten classes, for digits enlarged to 32x32", "article_transfer_resnet18{widths=[8,16,32,64], classes=10, input=1x32x32}"),
];

choice! {
    /// Whether a listing's accident is kept.
    enum Reading {
        /// As its code says.
        AsWritten = "as_written",
        /// As it was probably meant.
        AsMeant = "as_meant",
    }
}

arguments! {
    /// Section 1.9's Lenet5.
    struct LeNet5 {
        /// whether convolutions have no activation, as in the listing, or one
        reading: Reading = Reading::AsWritten, ();
        /// maps of the two convolutions
        widths: [usize; 2] = [16, 32], WIDTH;
        /// units of the first fully connected layer
        hidden: usize = 32, WIDTH;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for LeNet5 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let [first, second] = self.widths;
        let act = |x: Value<'g>| match self.reading {
            Reading::AsWritten => x,
            Reading::AsMeant => x.relu(),
        };
        x.scope("conv_unit", |x| {
            let x = act(x.conv(0, conv(first, 5))).max_pool(1, pool(2));
            act(x.conv(2, conv(second, 5))).max_pool(3, pool(2))
        })
        .flatten()
        .scope("fc_unit", |x| {
            x.linear(0, self.hidden).relu().linear(2, self.classes)
        })
    }
}

arguments! {
    /// Section 3.3's VGG, under the names that Keras' summary prints.
    struct Vgg {
        /// maps of each pair of convolutions
        widths: [usize; 5] = [64, 128, 256, 512, 512], WIDTH;
        /// units of the two layers before the classifier
        hidden: [usize; 2] = [300, 200], WIDTH;
        /// classes told apart
        classes: usize = 100, CLASSES;
    }
}

impl Network for Vgg {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        // the first layer of a kind has no number
        let numbered = |kind: &str, i: usize| match i {
            0 => kind.to_string(),
            i => format!("{kind}_{i}"),
        };
        x.scope("conv_network", |mut x| {
            for (unit, width) in self.widths.into_iter().enumerate() {
                for i in [2 * unit, 2 * unit + 1] {
                    x = x.conv(numbered("conv2d", i), conv(width, 3).same()).relu();
                }
                x = x.max_pool(numbered("max_pooling2d", unit), pool(2).same());
            }
            x
        })
        .flatten()
        .scope("fullcon_network", |x| {
            x.linear("dense", self.hidden[0])
                .relu()
                .linear("dense_1", self.hidden[1])
                .relu()
                .linear("dense_2", self.classes)
        })
    }
}

arguments! {
    /// Section 5.3.1's ResNet.
    struct TensorFlowResNet {
        /// maps of each stage
        widths: [usize; 4] = [50, 150, 300, 500], WIDTH;
        /// units of each stage; the third and all later ones are the second again, weights and all
        units: [usize; 4] = [2, 2, 2, 2], 2..=400;
        /// classes told apart
        classes: usize = 100, CLASSES;
    }
}

impl Network for TensorFlowResNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let mut x = x.scope("preprocessBlock", |x| {
            keras_bn(x.conv("conv", conv(self.widths[0], 3)), "bn")
                .relu()
                .max_pool("pool", pool(2).stride(1).same())
        });
        for (stage, (width, units)) in self.widths.into_iter().zip(self.units).enumerate() {
            let stride = if stage > 0 { 2 } else { 1 };
            x = x.scope(format!("residualBlock{}", stage + 1), |x| {
                let x = x.scope(0, |x| keras_unit(x, width, stride));
                let x = x.scope(1, |x| keras_unit(x, width, 1));
                // the listing makes one unit of stride 1 and adds it again and again
                (2..units).fold(x, |x, _| x.again(1, |x| keras_unit(x, width, 1)))
            });
        }
        x.global_avg_pool()
            .flatten()
            .linear("fullcon_Layer", self.classes)
    }
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

arguments! {
    /// ResNet18 of sections 5.3.2 and 5.3.3.
    struct PyTorchResNet {
        /// whether a unit projects only where the widths differ, as in the listing, or where the shape does
        reading: Reading = Reading::AsWritten, ();
        /// maps of the first convolution and of each block
        widths: [usize; 5] = [64, 128, 256, 512, 512], WIDTH;
        /// stride of the fourth block
        last_stride: usize = 2, 1..=2;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for PyTorchResNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let [first, widths @ ..] = self.widths;
        let mut x = x
            .scope("conv1", |x| x.conv(0, conv(first, 3).stride(3)).bn(1))
            .relu();
        // the fourth block's widths are equal, so that the listing gives it no projection: at stride 2
        // its sum works only because PyTorch repeats the 1x1 map
        let strides = [2, 2, 2, self.last_stride];
        for (block, (width, stride)) in (1..).zip(widths.into_iter().zip(strides)) {
            x = x.scope(format!("residualBlock{block}"), |x| {
                let same = x.channels();
                let x = x.scope("basic_block_stride_eq", |x| {
                    pytorch_unit(x, self.reading, same, 1)
                });
                x.scope("basic_block_stride_not_eq", |x| {
                    pytorch_unit(x, self.reading, width, stride)
                })
            });
        }
        x.global_avg_pool()
            .flatten()
            .linear("outlayer", self.classes)
    }
}

/// As written, a unit projects where the widths differ, whatever the stride.
fn pytorch_unit(x: Value, reading: Reading, channels: usize, stride: usize) -> Value {
    let y = x
        .conv("conv1", conv(channels, 3).stride(stride).pad(1))
        .bn("bn1")
        .relu()
        .conv("conv2", conv(channels, 3).pad(1))
        .bn("bn2");
    let fits = match reading {
        Reading::AsWritten => x.channels() == channels,
        Reading::AsMeant => x.shape() == y.shape(),
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

arguments! {
    /// Section 5.3.4's: torchvision's resnet18 in a `Sequential`.
    struct TransferResNet {
        /// units of each stage
        units: [usize; 4] = [2, 2, 2, 2], UNITS;
        /// maps of each stage
        widths: [usize; 4] = [64, 128, 256, 512], WIDTH;
        /// classes told apart
        classes: usize = 5, CLASSES;
    }
}

impl Network for TransferResNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let x = x
            .conv(0, conv(self.widths[0], 7).stride(2).pad(3).no_bias())
            .bn(1)
            .relu()
            .max_pool(3, pool(3).stride(2).pad(1));
        // the children lose their names: `layer1` becomes `4`
        let name = |stage: usize| (stage + 4).to_string();
        stages(x, name, self.widths, self.units, |x, width, stride| {
            join(x, basic(x, width, stride), Shortcut::Project, stride)
        })
        .global_avg_pool()
        .flatten()
        .linear(10, self.classes)
    }
}
