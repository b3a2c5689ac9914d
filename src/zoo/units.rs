//! Small kernels in a row against one large kernel, and the units of ResNet and SENet by themselves.

use super::network::{Architecture, Line, fixed};
use super::senet::squeeze_excite;
use crate::graph::{Shape, Value, conv};

pub(super) const ARCHITECTURES: &[Architecture] = &[];

pub(super) const MODELS: &[Line] = &[
    fixed(
        "conv3x3",
        "Simonyan & Zisserman 2014, section 2.3: one 3x3 kernel, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 3]]),
    ),
    fixed(
        "conv5x5",
        "Simonyan & Zisserman 2014, section 2.3: one 5x5 kernel, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[5, 5]]),
    ),
    fixed(
        "conv7x7",
        "Simonyan & Zisserman 2014, section 2.3: one 7x7 kernel, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[7, 7]]),
    ),
    fixed(
        "two_conv3x3",
        "Simonyan & Zisserman 2014, section 2.3: two 3x3 kernels in a row, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 3]; 2]),
    ),
    fixed(
        "three_conv3x3",
        "Simonyan & Zisserman 2014, section 2.3: three 3x3 kernels in a row, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 3]; 3]),
    ),
    fixed(
        "four_conv3x3",
        "the built-in article, Inception V2, after Szegedy et al. 2015, section 3.1: four 3x3 kernels in a row for one of 9x9, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 3]; 4]),
    ),
    fixed(
        "five_conv3x3",
        "the built-in article, Inception V2, after Szegedy et al. 2015, section 3.1: five 3x3 kernels in a row for one of 11x11, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 3]; 5]),
    ),
    fixed(
        "conv9x9",
        "the built-in article, Inception V2, after Szegedy et al. 2015, section 3.1: one 9x9 kernel, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[9, 9]]),
    ),
    fixed(
        "conv11x11",
        "the built-in article, Inception V2, after Szegedy et al. 2015, section 3.1: one 11x11 kernel, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[11, 11]]),
    ),
    fixed(
        "conv1x3_conv3x1",
        "Szegedy et al. 2015, section 3.2: a 1x3 kernel and then one of 3x1, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[1, 3], [3, 1]]),
    ),
    fixed(
        "conv1x5_conv5x1",
        "Szegedy et al. 2015, section 3.2: a 1x5 kernel and then one of 5x1, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[1, 5], [5, 1]]),
    ),
    fixed(
        "conv1x7_conv7x1",
        "Szegedy et al. 2015, section 3.2: a 1x7 kernel and then one of 7x1, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[1, 7], [7, 1]]),
    ),
    fixed(
        "three_conv3x1",
        "the built-in article, Inception V2: three 3x1 kernels in a row, one map, no bias",
        ONE_MAP,
        |x| stack(x, &[[3, 1]; 3]),
    ),
    fixed(
        "basic_unit_256",
        "He et al. 2015, figure 5, left, at 256 maps: two 3x3 convolutions without bias or normalisation",
        MAPS_256,
        |x| {
            let y = x
                .conv("conv1", conv(256, 3).pad(1).no_bias())
                .relu()
                .conv("conv2", conv(256, 3).pad(1).no_bias());
            (y + x).relu()
        },
    ),
    fixed(
        "bottleneck_unit_256",
        "He et al. 2015, figure 5, right: 1x1 to 64 maps, 3x3, 1x1 back to 256, without bias or normalisation",
        MAPS_256,
        |x| {
            let y = x
                .conv("conv1", conv(64, 1).no_bias())
                .relu()
                .conv("conv2", conv(64, 3).pad(1).no_bias())
                .relu()
                .conv("conv3", conv(256, 1).no_bias());
            (y + x).relu()
        },
    ),
    fixed(
        "se_unit_256",
        "Hu et al. 2017, section 3 and figure 1: squeeze and excitation of 256 maps, reduction 16, biased 1x1 convolutions",
        MAPS_256,
        |x| squeeze_excite(x, "se", x.channels() / 16),
    ),
];

const ONE_MAP: Shape = Shape::map(1, 32, 32);
const MAPS_256: Shape = Shape::map(256, 14, 14);

fn stack<'g>(mut x: Value<'g>, kernels: &[[usize; 2]]) -> Value<'g> {
    for (layer, &kernel) in (1..).zip(kernels) {
        x = x
            .conv(format!("conv{layer}"), conv(1, kernel).no_bias())
            .relu();
    }
    x
}
