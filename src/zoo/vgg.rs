//! VGG (Simonyan & Zisserman 2014): the six configurations of Table 1, torchvision's nets, the
//! fully convolutional form of test time, the 5x5 net of section 4.1, and narrow ones for small images.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, DROPOUT, IMAGENET, WIDTH, arguments, choice, drop};
use crate::graph::{Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<Torchvision>(
        "vgg",
        "torchvision: Simonyan & Zisserman 2014, Table 1",
        IMAGENET,
    ),
    architecture::<Paper>(
        "vgg_paper",
        "Simonyan & Zisserman 2014, Table 1 and section 4.1, under Caffe's names",
        IMAGENET,
    ),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("vgg11", "torchvision's vgg11: configuration A", "vgg{configuration=a}"),
    line("vgg13", "torchvision's vgg13: configuration B", "vgg{configuration=b}"),
    line("vgg16", "torchvision's vgg16: configuration D", "vgg"),
    line("vgg19", "torchvision's vgg19: configuration E", "vgg{configuration=e}"),
    line("vgg11_bn", "torchvision's vgg11_bn: configuration A with batch normalisation", "vgg{configuration=a, batch_norm=true}"),
    line("vgg13_bn", "torchvision's vgg13_bn: configuration B with batch normalisation", "vgg{configuration=b, batch_norm=true}"),
    line("vgg16_bn", "torchvision's vgg16_bn: configuration D with batch normalisation", "vgg{batch_norm=true}"),
    line("vgg19_bn", "torchvision's vgg19_bn: configuration E with batch normalisation", "vgg{configuration=e, batch_norm=true}"),
    line("vgg_paper_a", "Simonyan & Zisserman 2014, Table 1, A (11 layers)", "vgg_paper{configuration=a}"),
    line("vgg_paper_a_lrn", "Simonyan & Zisserman 2014, Table 1, A-LRN: A with local response normalisation after the first convolution", "vgg_paper{configuration=a, lrn=true}"),
    line("vgg_paper_b", "Simonyan & Zisserman 2014, Table 1, B (13 layers)", "vgg_paper{configuration=b}"),
    line("vgg_paper_c", "Simonyan & Zisserman 2014, Table 1, C (16 layers, three of them 1x1)", "vgg_paper{configuration=c}"),
    line("vgg_paper_d", "Simonyan & Zisserman 2014, Table 1, D (16 layers): VGG-16", "vgg_paper"),
    line("vgg_paper_e", "Simonyan & Zisserman 2014, Table 1, E (19 layers): VGG-19", "vgg_paper{configuration=e}"),
    line("vgg_paper_b_5x5", "Simonyan & Zisserman 2014, section 4.1: B with one 5x5 convolution for each pair of 3x3", "vgg_paper{configuration=b_5x5}"),
    line("vgg16_fully_convolutional", CONVOLUTIONAL, "vgg_paper{head=convolutional}"),
    line("vgg_a_cifar", QUARTER, "vgg_paper{configuration=a, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_a_lrn_cifar", QUARTER, "vgg_paper{configuration=a, lrn=true, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_a_no_dropout_cifar", QUARTER, "vgg_paper{configuration=a, dropout=0, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_b_cifar", QUARTER, "vgg_paper{configuration=b, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_b_5x5_cifar", QUARTER, "vgg_paper{configuration=b_5x5, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_d_cifar", QUARTER, "vgg_paper{widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_d_bn_cifar", QUARTER, "vgg_paper{batch_norm=true, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_e_cifar", QUARTER, "vgg_paper{configuration=e, widths=[16,32,64,128,128], hidden=256, classes=10, input=3x32x32}"),
    line("vgg_a_digits", EIGHTH, "vgg_paper{configuration=a, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_a_lrn_digits", EIGHTH, "vgg_paper{configuration=a, lrn=true, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_a_no_dropout_digits", EIGHTH, "vgg_paper{configuration=a, dropout=0, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_b_digits", EIGHTH, "vgg_paper{configuration=b, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_b_5x5_digits", EIGHTH, "vgg_paper{configuration=b_5x5, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_d_digits", EIGHTH, "vgg_paper{widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_d_bn_digits", EIGHTH, "vgg_paper{batch_norm=true, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
    line("vgg_e_digits", EIGHTH, "vgg_paper{configuration=e, widths=[8,16,32], hidden=64, classes=10, input=1x8x8}"),
];

const CONVOLUTIONAL: &str = "Simonyan & Zisserman 2014, section 3.2: D with its fully connected layers as convolutions of 7x7, 1x1, 1x1, the score map averaged; any input from 224 up";
const QUARTER: &str = "Simonyan & Zisserman 2014, Table 1 and section 4.1, in small: a quarter of the channels (16 to 128) and a sixteenth of the hidden units (256), for images of 32x32 and ten classes";
const EIGHTH: &str = "Simonyan & Zisserman 2014, Table 1 and section 4.1, in small: the first three of five stages, an eighth of the channels (8, 16, 32) and 64 hidden units, for digits of 8x8";

choice! {
    /// A column of Table 1, or the net of section 4.1.
    enum Configuration {
        /// 11 weighted layers.
        A = "a",
        /// 13.
        B = "b",
        /// 16, three of them 1x1.
        C = "c",
        /// 16.
        D = "d",
        /// 19.
        E = "e",
        /// B with one 5x5 convolution for each pair of 3x3.
        B5x5 = "b_5x5",
    }
}

impl Configuration {
    /// The kernel of each convolution, stage by stage.
    fn kernels(self) -> [&'static [usize]; 5] {
        match self {
            Configuration::A => [&[3], &[3], &[3, 3], &[3, 3], &[3, 3]],
            Configuration::B => [&[3, 3]; 5],
            Configuration::C => [&[3, 3], &[3, 3], &[3, 3, 1], &[3, 3, 1], &[3, 3, 1]],
            Configuration::D => [&[3, 3], &[3, 3], &[3, 3, 3], &[3, 3, 3], &[3, 3, 3]],
            Configuration::E => [&[3, 3], &[3, 3], &[3; 4], &[3; 4], &[3; 4]],
            Configuration::B5x5 => [&[5]; 5],
        }
    }
}

choice! {
    /// What the layers behind the stages are.
    enum Head {
        /// Fully connected.
        Dense = "dense",
        /// Convolutions of 7x7, 1x1 and 1x1, whose scores are averaged.
        Convolutional = "convolutional",
    }
}

arguments! {
    /// The paper's nets.
    struct Paper {
        /// the column of Table 1, or section 4.1's net of 5x5 convolutions
        configuration: Configuration = Configuration::D, ();
        /// maps of each stage; fewer than five: the first stages only
        widths: Vec<usize> = vec![64, 128, 256, 512, 512], (1..=5, WIDTH);
        /// whether local response normalisation follows the first convolution
        lrn: bool = false, ();
        /// whether batch normalisation follows each convolution
        batch_norm: bool = false, ();
        /// whether the last three layers are fully connected
        head: Head = Head::Dense, ();
        /// units of each of the two layers before the classifier
        hidden: usize = 4096, WIDTH;
        /// probability of zero behind each of them; 0: nothing is dropped
        dropout: f64 = 0.5, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Paper {
    fn describe<'g>(&self, mut x: Value<'g>) -> Value<'g> {
        let stages = self.widths.iter().zip(self.configuration.kernels());
        for (stage, (&width, kernels)) in (1..).zip(stages) {
            for (layer, &kernel) in (1..).zip(kernels) {
                let name = format!("conv{stage}_{layer}");
                x = x.conv(name, conv(width, kernel).pad(kernel / 2));
                if self.batch_norm {
                    x = x.bn(format!("bn{stage}_{layer}"));
                }
                x = x.relu();
                if self.lrn && stage == 1 && layer == 1 {
                    x = x.lrn("norm1", 5, 1e-4, 0.75, 2.0);
                }
            }
            x = x.max_pool(format!("pool{stage}"), pool(2));
        }
        match self.head {
            Head::Dense => {
                let x = drop(x.flatten().linear("fc6", self.hidden).relu(), self.dropout);
                let x = drop(x.linear("fc7", self.hidden).relu(), self.dropout);
                x.linear("fc8", self.classes)
            }
            Head::Convolutional => {
                let x = drop(x.conv("fc6", conv(self.hidden, 7)).relu(), self.dropout);
                let x = drop(x.conv("fc7", conv(self.hidden, 1)).relu(), self.dropout);
                let scores = x.conv("fc8", conv(self.classes, 1));
                scores.global_avg_pool().flatten()
            }
        }
    }
}

arguments! {
    /// The same stages in torchvision's numbered `Sequential`s.
    struct Torchvision {
        /// the column of Table 1
        configuration: Configuration = Configuration::D, ();
        /// maps of each stage
        widths: [usize; 5] = [64, 128, 256, 512, 512], WIDTH;
        /// whether batch normalisation follows each convolution
        batch_norm: bool = false, ();
        /// units of each of the two layers before the classifier
        hidden: usize = 4096, WIDTH;
        /// probability of zero behind each of them
        dropout: f64 = 0.5, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Torchvision {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        x.scope("features", |mut x| {
            // a `Sequential` numbers every module, the ReLUs too
            let mut modules = 0..;
            let mut next = || modules.next().expect("the range has no end");
            for (width, kernels) in self.widths.into_iter().zip(self.configuration.kernels()) {
                for &kernel in kernels {
                    x = x.conv(next(), conv(width, kernel).pad(kernel / 2));
                    if self.batch_norm {
                        x = x.bn(next());
                    }
                    next();
                    x = x.relu();
                }
                x = x.max_pool(next(), pool(2));
            }
            x
        })
        .adaptive_avg_pool("avgpool", 7)
        .flatten()
        .scope("classifier", |x| {
            x.linear(0, self.hidden)
                .relu()
                .dropout(self.dropout)
                .linear(3, self.hidden)
                .relu()
                .dropout(self.dropout)
                .linear(6, self.classes)
        })
    }
}
