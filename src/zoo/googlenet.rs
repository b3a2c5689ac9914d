//! GoogLeNet (Szegedy et al. 2014, Table 1), torchvision's net of that name, and narrow ones for small
//! images.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CIFAR, CLASSES, DROPOUT, IMAGENET, arguments, choice};
use crate::graph::{Conv, Name, Value, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<GoogLeNet>("googlenet", TORCHVISION, IMAGENET),
    architecture::<Small>("googlenet_small", SMALL, CIFAR),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("googlenet", TORCHVISION, "googlenet"),
    line("googlenet_transform_input", "torchvision's googlenet as its published weights want it: the input, normalised by ImageNet's means and deviations, is mapped to -1 to 1 first (transform_input)", "googlenet{transform_input=true}"),
    line("googlenet_aux", "torchvision's googlenet with its two auxiliary classifiers", "googlenet{auxiliary=true}"),
    line("googlenet_paper", PAPER, "googlenet{form=paper, dropout=0.4}"),
    line("googlenet_paper_aux", "Szegedy et al. 2014, Table 1, figure 3 and section 5: with the two auxiliary classifiers of training", "googlenet{form=paper, dropout=0.4, auxiliary=true}"),
    line("googlenet_cifar", QUARTER, "googlenet_small"),
    line("googlenet_aux_cifar", QUARTER, "googlenet_small{auxiliary=true}"),
    line("googlenet_fc_cifar", QUARTER, "googlenet_small{head=fully_connected}"),
    line("googlenet_digits", EIGHTH, "googlenet_small{stem=false, divisor=8, input=1x8x8}"),
    line("googlenet_aux_digits", EIGHTH, "googlenet_small{stem=false, divisor=8, auxiliary=true, input=1x8x8}"),
    line("googlenet_fc_digits", EIGHTH, "googlenet_small{stem=false, divisor=8, head=fully_connected, input=1x8x8}"),
];

const PAPER: &str = "Szegedy et al. 2014, Table 1 and figure 3, without the auxiliary classifiers; maps rounded up under stride 2, LRN with the constants of Krizhevsky et al.";
const SMALL: &str =
    "Szegedy et al. 2014, Table 1 and section 5, in small: modules 3a, 3b and 4a for small images";
const QUARTER: &str = "Szegedy et al. 2014, Table 1 and section 5, in small: modules 3a, 3b and 4a with a quarter of the channels, for images of 32x32 and ten classes";
const EIGHTH: &str = "Szegedy et al. 2014, Table 1 and section 5, in small: modules 3a, 3b and 4a with an eighth of the channels, for digits of 8x8";

const TORCHVISION: &str = "torchvision's googlenet (Szegedy et al. 2014): batch normalisation in place of biases and LRN, a 3x3 kernel where the paper has 5x5, the last max pooling 2x2";

choice! {
    /// Whose layers fill the plan of Table 1.
    enum Form {
        /// Convolutions with bias, LRN in the stem, true 5x5 kernels.
        Paper = "paper",
        /// Batch normalisation after each convolution, 3x3 for 5x5.
        Torchvision = "torchvision",
    }
}

/// Module 3a's row of Table 1, in the columns' order: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
pub(super) const INCEPTION_3A: [usize; 6] = [64, 96, 128, 16, 32, 32];
const INCEPTION_3B: [usize; 6] = [128, 128, 192, 32, 96, 64];
const INCEPTION_4A: [usize; 6] = [192, 96, 208, 16, 48, 64];

arguments! {
    /// Nine modules for large images.
    struct GoogLeNet {
        /// whose layers fill the plan of Table 1
        form: Form = Form::Torchvision, ();
        /// whether there are the two auxiliary classifiers of training
        auxiliary: bool = false, ();
        /// whether the input is mapped first, as torchvision's published weights want it
        transform_input: bool = false, ();
        /// probability of zero before the classifier
        dropout: f64 = 0.2, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for GoogLeNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let form = self.form;
        let x = match self.transform_input {
            true => transform_input(x),
            false => x,
        };
        let half = pool(3).stride(2).ceil();
        let x = layer(x, form, "conv1", conv(64, 7).stride(2).pad(3)).max_pool("maxpool1", half);
        let x = layer(lrn(x, form, "norm1"), form, "conv2", conv(64, 1));
        let x = layer(x, form, "conv3", conv(192, 3).pad(1));
        let x = lrn(x, form, "norm2").max_pool("maxpool2", half);

        let x = inception(x, form, "inception3a", INCEPTION_3A);
        let x = inception(x, form, "inception3b", INCEPTION_3B);
        let x = x.max_pool("maxpool3", half);

        let x4a = inception(x, form, "inception4a", INCEPTION_4A);
        let x = inception(x4a, form, "inception4b", [160, 112, 224, 24, 64, 64]);
        let x = inception(x, form, "inception4c", [128, 128, 256, 24, 64, 64]);
        let x4d = inception(x, form, "inception4d", [112, 144, 288, 32, 64, 64]);
        let x = inception(x4d, form, "inception4e", [256, 160, 320, 32, 128, 128]);
        let last = match form {
            Form::Paper => half,
            Form::Torchvision => pool(2).ceil(),
        };
        let x = x.max_pool("maxpool4", last);

        let x = inception(x, form, "inception5a", [256, 160, 320, 32, 128, 128]);
        let x = inception(x, form, "inception5b", [384, 192, 384, 48, 128, 128]);
        if self.auxiliary {
            let pooled = |x: Value<'g>| match form {
                Form::Paper => x.avg_pool("avgpool", pool(5).stride(3)),
                Form::Torchvision => x.adaptive_avg_pool("avgpool", 4),
            };
            classify_early(x4a, form, "aux1", pooled, [128, 1024, self.classes]);
            classify_early(x4d, form, "aux2", pooled, [128, 1024, self.classes]);
        }
        let x = match form {
            Form::Paper => x.avg_pool("avgpool", pool(7).stride(1)).flatten(),
            Form::Torchvision => x.adaptive_avg_pool("avgpool", 1).flatten(),
        };
        x.dropout(self.dropout).linear("fc", self.classes)
    }
}

/// Colours that are normalised by ImageNet's means and deviations, as if they were by 0.5 and 0.5: torchvision's GoogLeNet and
/// Inception-v3 do so where they have the weights that came from TensorFlow.
pub(super) fn transform_input(x: Value<'_>) -> Value<'_> {
    const MEANS: [f64; 3] = [0.485, 0.456, 0.406];
    const DEVIATIONS: [f64; 3] = [0.229, 0.224, 0.225];
    x.scope("transform_input", |x| {
        let of = |c: usize| {
            let (factor, offset) = (DEVIATIONS[c] / 0.5, (MEANS[c] - 0.5) / 0.5);
            x.slice(c, c + 1).scale(factor, offset)
        };
        concat(&[of(0), of(1), of(2)])
    })
}

/// The Inception module with dimension reductions (figure 2b).
pub(super) fn inception<'g>(
    x: Value<'g>,
    form: Form,
    name: &str,
    [one, reduce3, three, reduce5, five, project]: [usize; 6],
) -> Value<'g> {
    let kernel = match form {
        Form::Paper => 5,
        Form::Torchvision => 3,
    };
    x.scope(name, |x| {
        let branch1 = layer(x, form, "branch1", conv(one, 1));
        let branch2 = x.scope("branch2", |x| {
            let x = layer(x, form, 0, conv(reduce3, 1));
            layer(x, form, 1, conv(three, 3).pad(1))
        });
        let branch3 = x.scope("branch3", |x| {
            let x = layer(x, form, 0, conv(reduce5, 1));
            layer(x, form, 1, conv(five, kernel).pad(kernel / 2))
        });
        let branch4 = x.scope("branch4", |x| {
            let x = x.max_pool(0, pool(3).stride(1).pad(1));
            layer(x, form, 1, conv(project, 1))
        });
        concat(&[branch1, branch2, branch3, branch4])
    })
}

choice! {
    /// What a small net ends in.
    enum Head {
        /// Average pooling and one fully connected layer, as the paper's.
        Average = "average",
        /// Two fully connected layers.
        FullyConnected = "fully_connected",
    }
}

arguments! {
    /// Three modules with a part of the paper's channels, for small images.
    struct Small {
        /// whether a convolution and a pooling come first, which halve the maps
        stem: bool = true, ();
        /// by how much the paper's channels are divided
        divisor: usize = 4, 1..=16;
        /// whether maps are averaged before the classifier, or a fully connected layer reads them all
        head: Head = Head::Average, ();
        /// whether module 3b has an auxiliary classifier
        auxiliary: bool = false, ();
        /// probability of zero before the classifier
        dropout: f64 = 0.4, DROPOUT;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for Small {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let (form, half) = (Form::Paper, pool(3).stride(2).ceil());
        let divisor = self.divisor;
        let part = |plan: [usize; 6]| plan.map(|channels| channels / divisor);
        let x = match self.stem {
            true => {
                layer(x, form, "conv1", conv(64 / divisor, 3).pad(1)).max_pool("maxpool1", half)
            }
            false => x,
        };
        let x = layer(x, form, "conv3", conv(192 / divisor, 3).pad(1));
        let x = inception(x, form, "inception3a", part(INCEPTION_3A)).max_pool("maxpool3", half);
        let x3b = inception(x, form, "inception3b", part(INCEPTION_3B));
        let x = inception(x3b, form, "inception4a", part(INCEPTION_4A));
        if self.auxiliary {
            let pooled = |x: Value<'g>| x.adaptive_avg_pool("avgpool", 4);
            let plan = [128 / divisor, 1024 / divisor, self.classes];
            classify_early(x3b, form, "aux1", pooled, plan);
        }
        let x = match self.head {
            Head::Average => x.global_avg_pool().flatten(),
            Head::FullyConnected => x.flatten().linear("fc1", 1024 / divisor).relu(),
        };
        x.dropout(self.dropout).linear("fc", self.classes)
    }
}

/// An auxiliary classifier (section 5): its channels, hidden units and classes.
fn classify_early<'g>(
    x: Value<'g>,
    form: Form,
    name: &str,
    pooled: impl FnOnce(Value<'g>) -> Value<'g>,
    [channels, hidden, classes]: [usize; 3],
) {
    x.scope(name, |x| {
        layer(pooled(x), form, "conv", conv(channels, 1))
            .flatten()
            .linear("fc1", hidden)
            .relu()
            .dropout(0.7)
            .linear("fc2", classes)
    })
    .output(name);
}

fn layer<'g>(x: Value<'g>, form: Form, name: impl Name, conv: Conv) -> Value<'g> {
    match form {
        Form::Paper => x.scope(name, |x| x.conv("conv", conv).relu()),
        Form::Torchvision => conv_bn(x, name, conv),
    }
}

/// torchvision's convolution without bias, batch normalisation and ReLU.
pub(super) fn conv_bn<'g>(x: Value<'g>, name: impl Name, conv: Conv) -> Value<'g> {
    x.scope(name, |x| {
        x.conv("conv", conv.no_bias())
            .batch_norm("bn", 1e-3, 0.1)
            .relu()
    })
}

/// Local response normalisation; the paper gives no constants.
fn lrn<'g>(x: Value<'g>, form: Form, name: &str) -> Value<'g> {
    match form {
        Form::Paper => x.lrn(name, 5, 1e-4, 0.75, 2.0),
        Form::Torchvision => x,
    }
}
