//! Networks of equal layers, on which gradients are followed back: with three activations, with and
//! without shortcuts; and one classifier in two forms.

use super::{Model, model};
use crate::graph::{Shape, Value, conv};

pub(super) const MODELS: &[Model] = &[
    model(
        "sigmoid_10",
        "the document's section 5.1 in small: 10 convolutions of 16 maps, each with sigmoid",
        MAPS,
        |x| plain(x, 10, Value::sigmoid),
    ),
    model(
        "sigmoid_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with sigmoid",
        MAPS,
        |x| plain(x, 30, Value::sigmoid),
    ),
    model(
        "sigmoid_residual_30",
        "the document's section 5.2 in small: as sigmoid_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 30, Value::sigmoid),
    ),
    model(
        "tanh_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with tanh",
        MAPS,
        |x| plain(x, 30, Value::tanh),
    ),
    model(
        "tanh_residual_30",
        "the document's section 5.2 in small: as tanh_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 30, Value::tanh),
    ),
    model(
        "relu_10",
        "the document's section 5.1 in small: 10 convolutions of 16 maps, each with ReLU",
        MAPS,
        |x| plain(x, 10, Value::relu),
    ),
    model(
        "relu_30",
        "the document's section 5.1 in small: 30 convolutions of 16 maps, each with ReLU",
        MAPS,
        |x| plain(x, 30, Value::relu),
    ),
    model(
        "relu_residual_30",
        "the document's section 5.2 in small: as relu_30, with an identity around each layer",
        MAPS,
        |x| residual(x, 30, Value::relu),
    ),
    model(
        "linear_head",
        "the document's section 3 in small: VGG's fully connected layers on maps of 7x7",
        HEAD,
        |x| x.flatten().linear("fc6", 16).relu().linear("fc7", 10),
    ),
    model(
        "conv_head",
        "the document's section 3 in small: the layers of linear_head as convolutions of 7x7 and 1x1",
        HEAD,
        |x| x.conv("fc6", conv(16, 7)).relu().conv("fc7", conv(10, 1)),
    ),
];

const MAPS: Shape = Shape::map(16, 16, 16);
const HEAD: Shape = Shape::map(8, 7, 7);

fn plain<'g>(x: Value<'g>, depth: usize, act: fn(Value<'g>) -> Value<'g>) -> Value<'g> {
    classified((0..depth).fold(x, |x, i| act(layer(x, i))))
}

fn residual<'g>(x: Value<'g>, depth: usize, act: fn(Value<'g>) -> Value<'g>) -> Value<'g> {
    classified((0..depth).fold(x, |x, i| act(layer(x, i)) + x))
}

fn layer(x: Value, i: usize) -> Value {
    x.conv(format!("conv{}", i + 1), conv(16, 3).pad(1))
}

fn classified(x: Value) -> Value {
    x.global_avg_pool().flatten().linear("fc", 10)
}
