//! Networks of equal layers, on which gradients are followed back: with three activations, with and
//! without shortcuts; stacks that are trained; and one classifier in two forms.

use super::{CIFAR, DIGITS, Line, line};
use crate::graph::{Shape, Value, conv};

pub(super) const MODELS: &[Line] = &[
    line(
        "sigmoid_10",
        "the document's section 5.1 in small: 10 convolutions of 16 maps, each with sigmoid",
        MAPS,
        |x| plain(x, 16, 10, Value::sigmoid),
    ),
    line(
        "sigmoid_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with sigmoid",
        MAPS,
        |x| plain(x, 16, 30, Value::sigmoid),
    ),
    line(
        "sigmoid_residual_30",
        "the document's section 5.2 in small: as sigmoid_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 16, 30, Value::sigmoid),
    ),
    line(
        "tanh_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with tanh",
        MAPS,
        |x| plain(x, 16, 30, Value::tanh),
    ),
    line(
        "tanh_residual_30",
        "the document's section 5.2 in small: as tanh_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 16, 30, Value::tanh),
    ),
    line(
        "relu_10",
        "the document's section 5.1 in small: 10 convolutions of 16 maps, each with ReLU",
        MAPS,
        |x| plain(x, 16, 10, Value::relu),
    ),
    line(
        "relu_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with ReLU",
        MAPS,
        |x| plain(x, 16, 30, Value::relu),
    ),
    line(
        "relu_residual_30",
        "the document's section 5.2 in small: as relu_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 16, 30, Value::relu),
    ),
    line("sigmoid_10_digits", ON_DIGITS, DIGITS, |x| {
        plain(x, 8, 10, Value::sigmoid)
    }),
    line("relu_10_digits", ON_DIGITS, DIGITS, |x| {
        plain(x, 8, 10, Value::relu)
    }),
    line("tanh_10_digits", ON_DIGITS, DIGITS, |x| {
        plain(x, 8, 10, Value::tanh)
    }),
    line("tanh_residual_10_digits", ON_DIGITS, DIGITS, |x| {
        residual(x, 8, 10, Value::tanh)
    }),
    line("sigmoid_10_cifar", ON_CIFAR, CIFAR, |x| {
        plain(x, 16, 10, Value::sigmoid)
    }),
    line("relu_10_cifar", ON_CIFAR, CIFAR, |x| {
        plain(x, 16, 10, Value::relu)
    }),
    line("tanh_10_cifar", ON_CIFAR, CIFAR, |x| {
        plain(x, 16, 10, Value::tanh)
    }),
    line("tanh_residual_10_cifar", ON_CIFAR, CIFAR, |x| {
        residual(x, 16, 10, Value::tanh)
    }),
    line(
        "linear_head",
        "the document's section 3 in small: VGG's fully connected layers on maps of 7x7",
        HEAD,
        |x| x.flatten().linear("fc6", 16).relu().linear("fc7", 10),
    ),
    line(
        "conv_head",
        "the document's section 3 in small: the layers of linear_head as convolutions of 7x7 and 1x1",
        HEAD,
        |x| x.conv("fc6", conv(16, 7)).relu().conv("fc7", conv(10, 1)),
    ),
];

const MAPS: Shape = Shape::map(16, 16, 16);
const HEAD: Shape = Shape::map(8, 7, 7);

const ON_DIGITS: &str = "the document's sections 5.1 and 5.2 in small: 10 convolutions of 8 maps on digits of 8x8, each with its activation; residual: an identity around each layer but the first";
const ON_CIFAR: &str = "the document's sections 5.1 and 5.2 in small: 10 convolutions of 16 maps on images of 32x32, each with its activation; residual: an identity around each layer but the first";

fn plain<'g>(
    x: Value<'g>,
    maps: usize,
    depth: usize,
    act: fn(Value<'g>) -> Value<'g>,
) -> Value<'g> {
    classified((0..depth).fold(x, |x, i| act(layer(x, maps, i))))
}

/// Around a layer that changes the shape there is no identity.
fn residual<'g>(
    x: Value<'g>,
    maps: usize,
    depth: usize,
    act: fn(Value<'g>) -> Value<'g>,
) -> Value<'g> {
    classified((0..depth).fold(x, |x, i| {
        let y = act(layer(x, maps, i));
        if x.channels() == maps { y + x } else { y }
    }))
}

fn layer(x: Value, maps: usize, i: usize) -> Value {
    x.conv(format!("conv{}", i + 1), conv(maps, 3).pad(1))
}

fn classified(x: Value) -> Value {
    x.global_avg_pool().flatten().linear("fc", 10)
}
