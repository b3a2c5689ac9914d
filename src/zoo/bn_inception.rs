//! BN-Inception (Ioffe & Szegedy 2015, figure 5): GoogLeNet with batch normalisation and two 3x3
//! convolutions for each of 5x5.

use self::Pooling::{Average, Max};
use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, IMAGENET, WIDTH, arguments};
use crate::graph::{Conv, Value, concat, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<BnInception>(
    "bn_inception",
    PRINTED,
    IMAGENET,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("bn_inception", PRINTED, "bn_inception"),
    line("bn_inception_bias", "Ioffe & Szegedy 2015, figure 5 (after Szegedy et al. 2014), with biases before the normalisation, as the Caffe model has them", "bn_inception{bias=true}"),
    line("bn_inception_576", NARROWER, "bn_inception{project=96}"),
];

const PRINTED: &str = "Ioffe & Szegedy 2015, figure 5 (after Szegedy et al. 2014): the branches' widths as printed, so that 4c and 4d have 608 maps where it prints 576; plain 7x7 for the separable first convolution";
const NARROWER: &str = "Ioffe & Szegedy 2015, figure 5 (after Szegedy et al. 2014), with pool projections of 96 in 4c and 4d, so that these have the 576 maps and 4e the 1024 that it prints, to compare";

arguments! {
    /// Ten modules.
    struct BnInception {
        /// whether convolutions have biases before the normalisation
        bias: bool = false, ();
        /// maps of the pool projections of modules 4c and 4d
        project: usize = 128, WIDTH;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for BnInception {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let bias = self.bias;
        let half = pool(3).stride(2).ceil();
        let x = layer(x, bias, "conv1", conv(64, 7).stride(2).pad(3)).max_pool("pool1", half);
        let x = layer(x, bias, "conv2_reduce", conv(64, 1));
        let x = layer(x, bias, "conv2", conv(192, 3).pad(1)).max_pool("pool2", half);

        let x = inception(x, bias, "3a", [64, 64, 64, 64, 96], Average(32));
        let x = inception(x, bias, "3b", [64, 64, 96, 64, 96], Average(64));
        let x = reduction(x, bias, "3c", [128, 160, 64, 96]);

        let x = inception(x, bias, "4a", [224, 64, 96, 96, 128], Average(128));
        let x = inception(x, bias, "4b", [192, 96, 128, 96, 128], Average(128));
        let x = inception(
            x,
            bias,
            "4c",
            [160, 128, 160, 128, 160],
            Average(self.project),
        );
        let x = inception(
            x,
            bias,
            "4d",
            [96, 128, 192, 160, 192],
            Average(self.project),
        );
        let x = reduction(x, bias, "4e", [128, 192, 192, 256]);

        let x = inception(x, bias, "5a", [352, 192, 320, 160, 224], Average(128));
        let x = inception(x, bias, "5b", [352, 192, 320, 192, 224], Max(128));
        x.global_avg_pool().flatten().linear("fc", self.classes)
    }
}

/// What a module pools by, and the width to which it then projects.
enum Pooling {
    Average(usize),
    Max(usize),
}

/// A row of figure 5, in the columns' order: 1x1, 3x3 reduce, 3x3, double 3x3 reduce, double 3x3;
/// pool and projection.
fn inception<'g>(
    x: Value<'g>,
    bias: bool,
    name: &str,
    [one, reduce3, three, reduce_double, double]: [usize; 5],
    pooling: Pooling,
) -> Value<'g> {
    x.scope(format!("inception_{name}"), |x| {
        let one = layer(x, bias, "1x1", conv(one, 1));
        let [three, double] = convolutions(x, bias, 1, [reduce3, three, reduce_double, double]);
        let window = pool(3).stride(1).pad(1);
        let (pooled, project) = match pooling {
            Average(project) => (x.avg_pool("pool", window), project),
            Max(project) => (x.max_pool("pool", window), project),
        };
        let pooled = layer(pooled, bias, "pool_proj", conv(project, 1));
        concat(&[one, three, double, pooled])
    })
}

/// A row of stride 2: no 1x1 branch, and the pooled maps pass through.
fn reduction<'g>(x: Value<'g>, bias: bool, name: &str, widths: [usize; 4]) -> Value<'g> {
    x.scope(format!("inception_{name}"), |x| {
        let [three, double] = convolutions(x, bias, 2, widths);
        concat(&[three, double, x.max_pool("pool", pool(3).stride(2).ceil())])
    })
}

/// The branches of one and of two 3x3 convolutions; the last of each takes the stride.
fn convolutions<'g>(
    x: Value<'g>,
    bias: bool,
    stride: usize,
    [reduce3, three, reduce_double, double]: [usize; 4],
) -> [Value<'g>; 2] {
    let y = layer(x, bias, "3x3_reduce", conv(reduce3, 1));
    let single = layer(y, bias, "3x3", conv(three, 3).stride(stride).pad(1));
    let y = layer(x, bias, "double_3x3_reduce", conv(reduce_double, 1));
    let y = layer(y, bias, "double_3x3_1", conv(double, 3).pad(1));
    let last = conv(double, 3).stride(stride).pad(1);
    [single, layer(y, bias, "double_3x3_2", last)]
}

fn layer<'g>(x: Value<'g>, bias: bool, name: &str, conv: Conv) -> Value<'g> {
    x.scope(name, |x| {
        x.conv("conv", Conv { bias, ..conv }).bn("bn").relu()
    })
}
