//! VGG (Simonyan & Zisserman 2014): the six configurations of Table 1, torchvision's nets, the
//! fully convolutional form of test time, the 5x5 net of section 4.1, and narrow ones for small images.

use super::{CIFAR, DIGITS, IMAGENET, Line, line};
use crate::graph::{Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "vgg11",
        "torchvision's vgg11: configuration A",
        IMAGENET,
        |x| torchvision(x, &A, false),
    ),
    line(
        "vgg13",
        "torchvision's vgg13: configuration B",
        IMAGENET,
        |x| torchvision(x, &B, false),
    ),
    line(
        "vgg16",
        "torchvision's vgg16: configuration D",
        IMAGENET,
        |x| torchvision(x, &D, false),
    ),
    line(
        "vgg19",
        "torchvision's vgg19: configuration E",
        IMAGENET,
        |x| torchvision(x, &E, false),
    ),
    line(
        "vgg11_bn",
        "torchvision's vgg11_bn: configuration A with batch normalisation",
        IMAGENET,
        |x| torchvision(x, &A, true),
    ),
    line(
        "vgg13_bn",
        "torchvision's vgg13_bn: configuration B with batch normalisation",
        IMAGENET,
        |x| torchvision(x, &B, true),
    ),
    line(
        "vgg16_bn",
        "torchvision's vgg16_bn: configuration D with batch normalisation",
        IMAGENET,
        |x| torchvision(x, &D, true),
    ),
    line(
        "vgg19_bn",
        "torchvision's vgg19_bn: configuration E with batch normalisation",
        IMAGENET,
        |x| torchvision(x, &E, true),
    ),
    line(
        "vgg_paper_a",
        "Simonyan & Zisserman 2014, Table 1, A (11 layers)",
        IMAGENET,
        |x| dense_head(features(x, &A)),
    ),
    line(
        "vgg_paper_a_lrn",
        "Simonyan & Zisserman 2014, Table 1, A-LRN: A with local response normalisation after the first convolution",
        IMAGENET,
        |x| dense_head(features(x, &A_LRN)),
    ),
    line(
        "vgg_paper_b",
        "Simonyan & Zisserman 2014, Table 1, B (13 layers)",
        IMAGENET,
        |x| dense_head(features(x, &B)),
    ),
    line(
        "vgg_paper_c",
        "Simonyan & Zisserman 2014, Table 1, C (16 layers, three of them 1x1)",
        IMAGENET,
        |x| dense_head(features(x, &C)),
    ),
    line(
        "vgg_paper_d",
        "Simonyan & Zisserman 2014, Table 1, D (16 layers): VGG-16",
        IMAGENET,
        |x| dense_head(features(x, &D)),
    ),
    line(
        "vgg_paper_e",
        "Simonyan & Zisserman 2014, Table 1, E (19 layers): VGG-19",
        IMAGENET,
        |x| dense_head(features(x, &E)),
    ),
    line(
        "vgg_paper_b_5x5",
        "Simonyan & Zisserman 2014, section 4.1: B with one 5x5 convolution for each pair of 3x3",
        IMAGENET,
        |x| dense_head(features(x, &B_5X5)),
    ),
    line(
        "vgg16_fully_convolutional",
        "Simonyan & Zisserman 2014, section 3.2: D with its fully connected layers as convolutions of 7x7, 1x1, 1x1, the score map averaged; any input from 224 up",
        IMAGENET,
        |x| convolutional_head(features(x, &D)),
    ),
    line("vgg_a_cifar", QUARTER, CIFAR, |x| small(x, &A, &ON_CIFAR)),
    line("vgg_a_lrn_cifar", QUARTER, CIFAR, |x| {
        small(x, &A_LRN, &ON_CIFAR)
    }),
    line("vgg_a_no_dropout_cifar", QUARTER, CIFAR, |x| {
        small(x, &A_KEPT, &ON_CIFAR)
    }),
    line("vgg_b_cifar", QUARTER, CIFAR, |x| small(x, &B, &ON_CIFAR)),
    line("vgg_b_5x5_cifar", QUARTER, CIFAR, |x| {
        small(x, &B_5X5, &ON_CIFAR)
    }),
    line("vgg_d_cifar", QUARTER, CIFAR, |x| small(x, &D, &ON_CIFAR)),
    line("vgg_d_bn_cifar", QUARTER, CIFAR, |x| {
        small(x, &D_BN, &ON_CIFAR)
    }),
    line("vgg_e_cifar", QUARTER, CIFAR, |x| small(x, &E, &ON_CIFAR)),
    line("vgg_a_digits", EIGHTH, DIGITS, |x| small(x, &A, &ON_DIGITS)),
    line("vgg_a_lrn_digits", EIGHTH, DIGITS, |x| {
        small(x, &A_LRN, &ON_DIGITS)
    }),
    line("vgg_a_no_dropout_digits", EIGHTH, DIGITS, |x| {
        small(x, &A_KEPT, &ON_DIGITS)
    }),
    line("vgg_b_digits", EIGHTH, DIGITS, |x| small(x, &B, &ON_DIGITS)),
    line("vgg_b_5x5_digits", EIGHTH, DIGITS, |x| {
        small(x, &B_5X5, &ON_DIGITS)
    }),
    line("vgg_d_digits", EIGHTH, DIGITS, |x| small(x, &D, &ON_DIGITS)),
    line("vgg_d_bn_digits", EIGHTH, DIGITS, |x| {
        small(x, &D_BN, &ON_DIGITS)
    }),
    line("vgg_e_digits", EIGHTH, DIGITS, |x| small(x, &E, &ON_DIGITS)),
];

const QUARTER: &str = "Simonyan & Zisserman 2014, Table 1 and section 4.1, in small: a quarter of the channels (16 to 128) and a sixteenth of the hidden units (256), for images of 32x32 and ten classes";
const EIGHTH: &str = "Simonyan & Zisserman 2014, Table 1 and section 4.1, in small: the first three of five stages, an eighth of the channels (8, 16, 32) and 64 hidden units, for digits of 8x8";

/// Five stages of a configuration: channels, and the kernel of each convolution.
struct Configuration {
    stages: [(usize, &'static [usize]); 5],
    lrn: bool,
    norm: bool,
    dropout: bool,
}

const fn configuration(kernels: [&'static [usize]; 5]) -> Configuration {
    let [a, b, c, d, e] = kernels;
    Configuration {
        stages: [(64, a), (128, b), (256, c), (512, d), (512, e)],
        lrn: false,
        norm: false,
        dropout: true,
    }
}

const A: Configuration = configuration([&[3], &[3], &[3, 3], &[3, 3], &[3, 3]]);
const A_LRN: Configuration = Configuration { lrn: true, ..A };
/// Nothing is dropped.
const A_KEPT: Configuration = Configuration {
    dropout: false,
    ..A
};
const B: Configuration = configuration([&[3, 3]; 5]);
const C: Configuration = configuration([&[3, 3], &[3, 3], &[3, 3, 1], &[3, 3, 1], &[3, 3, 1]]);
const D: Configuration = configuration([&[3, 3], &[3, 3], &[3, 3, 3], &[3, 3, 3], &[3, 3, 3]]);
const D_BN: Configuration = Configuration { norm: true, ..D };
const E: Configuration = configuration([
    &[3, 3],
    &[3, 3],
    &[3, 3, 3, 3],
    &[3, 3, 3, 3],
    &[3, 3, 3, 3],
]);
const B_5X5: Configuration = configuration([&[5]; 5]);

/// What of a configuration a small image is given.
struct Reduction {
    stages: usize,
    divisor: usize,
    hidden: usize,
}

const WHOLE: Reduction = Reduction {
    stages: 5,
    divisor: 1,
    hidden: 4096,
};
const ON_CIFAR: Reduction = Reduction {
    stages: 5,
    divisor: 4,
    hidden: 256,
};
const ON_DIGITS: Reduction = Reduction {
    stages: 3,
    divisor: 8,
    hidden: 64,
};

/// A configuration for ten classes.
fn small<'g>(x: Value<'g>, configuration: &Configuration, to: &Reduction) -> Value<'g> {
    let x = reduced_features(x, configuration, to);
    hidden_layers(x, to.hidden, configuration.dropout).linear("fc8", 10)
}

fn features<'g>(x: Value<'g>, configuration: &Configuration) -> Value<'g> {
    reduced_features(x, configuration, &WHOLE)
}

/// The convolutional part under Caffe's names: `conv1_1`, ..., `pool5`.
fn reduced_features<'g>(
    mut x: Value<'g>,
    configuration: &Configuration,
    to: &Reduction,
) -> Value<'g> {
    for (stage, (channels, kernels)) in (1..=to.stages).zip(configuration.stages) {
        for (layer, &kernel) in (1..).zip(kernels) {
            x = x.conv(
                format!("conv{stage}_{layer}"),
                conv(channels / to.divisor, kernel).pad(kernel / 2),
            );
            if configuration.norm {
                x = x.bn(format!("bn{stage}_{layer}"));
            }
            x = x.relu();
            if configuration.lrn && stage == 1 && layer == 1 {
                x = x.lrn("norm1", 5, 1e-4, 0.75, 2.0);
            }
        }
        x = x.max_pool(format!("pool{stage}"), pool(2));
    }
    x
}

fn dense_head(x: Value) -> Value {
    hidden_layers(x, WHOLE.hidden, true).linear("fc8", 1000)
}

fn hidden_layers(x: Value, units: usize, dropout: bool) -> Value {
    (["fc6", "fc7"].into_iter()).fold(x.flatten(), |x, name| {
        let x = x.linear(name, units).relu();
        if dropout { x.dropout(0.5) } else { x }
    })
}

fn convolutional_head(x: Value) -> Value {
    x.conv("fc6", conv(4096, 7))
        .relu()
        .dropout(0.5)
        .conv("fc7", conv(4096, 1))
        .relu()
        .dropout(0.5)
        .conv("fc8", conv(1000, 1))
        .global_avg_pool()
        .flatten()
}

/// The same stages in torchvision's numbered `Sequential`s, which count every module.
fn torchvision<'g>(x: Value<'g>, configuration: &Configuration, norm: bool) -> Value<'g> {
    x.scope("features", |mut x| {
        let mut modules = 0..;
        let mut next = || modules.next().expect("the range has no end");
        for (channels, kernels) in configuration.stages {
            for &kernel in kernels {
                x = x.conv(next(), conv(channels, kernel).pad(kernel / 2));
                if norm {
                    x = x.bn(next());
                }
                next(); // the ReLU's number
                x = x.relu();
            }
            x = x.max_pool(next(), pool(2));
        }
        x
    })
    .adaptive_avg_pool("avgpool", 7)
    .flatten()
    .scope("classifier", |x| {
        x.linear(0, 4096)
            .relu()
            .dropout(0.5)
            .linear(3, 4096)
            .relu()
            .dropout(0.5)
            .linear(6, 1000)
    })
}
