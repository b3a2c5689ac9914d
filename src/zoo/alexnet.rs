//! AlexNet (Krizhevsky, Sutskever & Hinton 2012), and torchvision's single-tower net of that name.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, DROPOUT, IMAGENET, WIDTH, arguments};
use crate::graph::{Shape, Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<Torchvision>("alexnet", TORCHVISION, IMAGENET),
    architecture::<Paper>(
        "alexnet_2012",
        "Krizhevsky et al. 2012, section 3.5",
        Shape::map(3, 227, 227),
    ),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("alexnet", TORCHVISION, "alexnet"),
    line("alexnet_2012_grouped", GROUPED, "alexnet_2012"),
    line("alexnet_2012_ungrouped", "Krizhevsky et al. 2012, with all maps of the previous layer in reach, to compare", "alexnet_2012{groups=1}"),
];

const TORCHVISION: &str = "torchvision's alexnet: one tower of 64-192-384-256-256 maps, no LRN (Krizhevsky 2014, without its weights on two GPUs)";
const GROUPED: &str = "Krizhevsky et al. 2012, section 3.5: two groups in the second, fourth and fifth convolution; input 227 so that the sizes work out";

arguments! {
    /// The paper's two towers as groups.
    struct Paper {
        /// groups of the second, fourth and fifth convolution
        groups: usize = 2, WIDTH;
        /// units of each of the two layers before the classifier
        hidden: usize = 4096, WIDTH;
        /// probability of zero behind each of them
        dropout: f64 = 0.5, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Paper {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let groups = self.groups;
        let x = x.conv("conv1", conv(96, 11).stride(4)).relu();
        let x = lrn(x, "norm1").max_pool("pool1", pool(3).stride(2));
        let x = x.conv("conv2", conv(256, 5).pad(2).groups(groups)).relu();
        let x = lrn(x, "norm2").max_pool("pool2", pool(3).stride(2));
        x.conv("conv3", conv(384, 3).pad(1))
            .relu()
            .conv("conv4", conv(384, 3).pad(1).groups(groups))
            .relu()
            .conv("conv5", conv(256, 3).pad(1).groups(groups))
            .relu()
            .max_pool("pool5", pool(3).stride(2))
            .flatten()
            .linear("fc6", self.hidden)
            .relu()
            .dropout(self.dropout)
            .linear("fc7", self.hidden)
            .relu()
            .dropout(self.dropout)
            .linear("fc8", self.classes)
    }
}

/// Local response normalisation with the constants of section 3.3.
fn lrn<'g>(x: Value<'g>, name: &str) -> Value<'g> {
    x.lrn(name, 5, 1e-4, 0.75, 2.0)
}

arguments! {
    /// One tower.
    struct Torchvision {
        /// units of each of the two layers before the classifier
        hidden: usize = 4096, WIDTH;
        /// probability of zero before each of them
        dropout: f64 = 0.5, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Torchvision {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let half = pool(3).stride(2);
        x.scope("features", |x| {
            x.conv(0, conv(64, 11).stride(4).pad(2))
                .relu()
                .max_pool(2, half)
                .conv(3, conv(192, 5).pad(2))
                .relu()
                .max_pool(5, half)
                .conv(6, conv(384, 3).pad(1))
                .relu()
                .conv(8, conv(256, 3).pad(1))
                .relu()
                .conv(10, conv(256, 3).pad(1))
                .relu()
                .max_pool(12, half)
        })
        .adaptive_avg_pool("avgpool", 6)
        .flatten()
        .scope("classifier", |x| {
            x.dropout(self.dropout)
                .linear(1, self.hidden)
                .relu()
                .dropout(self.dropout)
                .linear(4, self.hidden)
                .relu()
                .linear(6, self.classes)
        })
    }
}
