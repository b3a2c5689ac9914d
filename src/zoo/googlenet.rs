//! GoogLeNet (Szegedy et al. 2014, Table 1), and torchvision's net of that name.

use super::{IMAGENET, Model, model};
use crate::graph::{Conv, Name, Value, concat, conv, pool};

pub(super) const MODELS: &[Model] = &[
    model("googlenet", TORCHVISION, IMAGENET, |x| {
        googlenet(x, Form::Torchvision, false)
    }),
    model(
        "googlenet_aux",
        "torchvision's googlenet with its two auxiliary classifiers",
        IMAGENET,
        |x| googlenet(x, Form::Torchvision, true),
    ),
    model(
        "googlenet_paper",
        "Szegedy et al. 2014, Table 1 and figure 3, without the auxiliary classifiers; maps rounded up under stride 2, LRN with the constants of Krizhevsky et al.",
        IMAGENET,
        |x| googlenet(x, Form::Paper, false),
    ),
    model(
        "googlenet_paper_aux",
        "Szegedy et al. 2014, Table 1, figure 3 and section 5: with the two auxiliary classifiers of training",
        IMAGENET,
        |x| googlenet(x, Form::Paper, true),
    ),
];

const TORCHVISION: &str = "torchvision's googlenet (Szegedy et al. 2014): batch normalisation in place of biases and LRN, a 3x3 kernel where the paper has 5x5, the last max pooling 2x2";

/// Whose layers fill the plan of Table 1.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Convolutions with bias, LRN in the stem, true 5x5 kernels.
    Paper,
    /// Batch normalisation after each convolution, 3x3 for 5x5.
    Torchvision,
}

/// Module 3a's row of Table 1, in the columns' order: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
pub(super) const INCEPTION_3A: [usize; 6] = [64, 96, 128, 16, 32, 32];

fn googlenet(x: Value, form: Form, auxiliary: bool) -> Value {
    let half = pool(3).stride(2).ceil();
    let x = layer(x, form, "conv1", conv(64, 7).stride(2).pad(3)).max_pool("maxpool1", half);
    let x = layer(lrn(x, form, "norm1"), form, "conv2", conv(64, 1));
    let x = layer(x, form, "conv3", conv(192, 3).pad(1));
    let x = lrn(x, form, "norm2").max_pool("maxpool2", half);

    let x = inception(x, form, "inception3a", INCEPTION_3A);
    let x = inception(x, form, "inception3b", [128, 128, 192, 32, 96, 64]);
    let x = x.max_pool("maxpool3", half);

    let x4a = inception(x, form, "inception4a", [192, 96, 208, 16, 48, 64]);
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
    if auxiliary {
        classify_early(x4a, form, "aux1");
        classify_early(x4d, form, "aux2");
    }
    let x = match form {
        Form::Paper => x
            .avg_pool("avgpool", pool(7).stride(1))
            .flatten()
            .dropout(0.4),
        Form::Torchvision => x.adaptive_avg_pool("avgpool", 1).flatten().dropout(0.2),
    };
    x.linear("fc", 1000)
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

/// An auxiliary classifier (section 5).
fn classify_early(x: Value, form: Form, name: &str) {
    x.scope(name, |x| {
        let x = match form {
            Form::Paper => x.avg_pool("avgpool", pool(5).stride(3)),
            Form::Torchvision => x.adaptive_avg_pool("avgpool", 4),
        };
        layer(x, form, "conv", conv(128, 1))
            .flatten()
            .linear("fc1", 1024)
            .relu()
            .dropout(0.7)
            .linear("fc2", 1000)
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
