//! Networks of equal layers, on which gradients are followed back: with three activations, with and
//! without shortcuts; stacks that are trained; and one classifier in two forms.

use super::network::{Architecture, Line, Network, architecture, fixed, line};
use super::{CLASSES, DEPTH, WIDTH, arguments, choice};
use crate::graph::{Shape, Value, conv};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<Stack>(
    "stack",
    "the built-in article's sections 5.1 and 5.2 in small: equal convolutions, each with its activation",
    Shape::map(16, 16, 16),
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("sigmoid_10", "the built-in article's section 5.1 in small: 10 convolutions of 16 maps, each with sigmoid", "stack{activation=sigmoid}"),
    line("sigmoid_30", "the built-in article's section 5.1 in small: 30 convolutions of 16 maps, each with sigmoid", "stack{activation=sigmoid, depth=30}"),
    line("sigmoid_residual_30", "the built-in article's section 5.2 in small: as sigmoid_30, with an identity around each layer", "stack{activation=sigmoid, depth=30, residual=true}"),
    line("tanh_30", "the built-in article's section 5.1 in small: 30 convolutions of 16 maps, each with tanh", "stack{activation=tanh, depth=30}"),
    line("tanh_residual_30", "the built-in article's section 5.2 in small: as tanh_30, with an identity around each layer", "stack{activation=tanh, depth=30, residual=true}"),
    line("relu_10", "the built-in article's section 5.1 in small: 10 convolutions of 16 maps, each with ReLU", "stack"),
    line("relu_30", "the built-in article's section 5.1 in small: 30 convolutions of 16 maps, each with ReLU", "stack{depth=30}"),
    line("relu_residual_30", "the built-in article's section 5.2 in small: as relu_30, with an identity around each layer", "stack{depth=30, residual=true}"),
    line("sigmoid_10_digits", ON_DIGITS, "stack{activation=sigmoid, maps=8, input=1x8x8}"),
    line("relu_10_digits", ON_DIGITS, "stack{maps=8, input=1x8x8}"),
    line("tanh_10_digits", ON_DIGITS, "stack{activation=tanh, maps=8, input=1x8x8}"),
    line("tanh_residual_10_digits", ON_DIGITS, "stack{activation=tanh, maps=8, residual=true, input=1x8x8}"),
    line("sigmoid_10_cifar", ON_CIFAR, "stack{activation=sigmoid, input=3x32x32}"),
    line("relu_10_cifar", ON_CIFAR, "stack{input=3x32x32}"),
    line("tanh_10_cifar", ON_CIFAR, "stack{activation=tanh, input=3x32x32}"),
    line("tanh_residual_10_cifar", ON_CIFAR, "stack{activation=tanh, residual=true, input=3x32x32}"),
    fixed("linear_head", "the built-in article's section 3 in small: VGG's fully connected layers on maps of 7x7", HEAD, |x| {
        x.flatten().linear("fc6", 16).relu().linear("fc7", 10)
    }),
    fixed("conv_head", "the built-in article's section 3 in small: the layers of linear_head as convolutions of 7x7 and 1x1", HEAD, |x| {
        x.conv("fc6", conv(16, 7)).relu().conv("fc7", conv(10, 1))
    }),
];

const HEAD: Shape = Shape::map(8, 7, 7);

const ON_DIGITS: &str = "the built-in article's sections 5.1 and 5.2 in small: 10 convolutions of 8 maps on digits of 8x8, each with its activation; residual: an identity around each layer but the first";
const ON_CIFAR: &str = "the built-in article's sections 5.1 and 5.2 in small: 10 convolutions of 16 maps on images of 32x32, each with its activation; residual: an identity around each layer but the first";

choice! {
    /// What follows each convolution.
    enum Activation {
        /// max(x, 0).
        Relu = "relu",
        /// Logistic function.
        Sigmoid = "sigmoid",
        /// Hyperbolic tangent.
        Tanh = "tanh",
    }
}

arguments! {
    /// Convolutions of 3x3, all of one width.
    struct Stack {
        /// convolutions
        depth: usize = 10, DEPTH;
        /// maps of each
        maps: usize = 16, WIDTH;
        /// what follows each
        activation: Activation = Activation::Relu, ();
        /// whether an identity goes around each layer that keeps the shape
        residual: bool = false, ();
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for Stack {
    fn describe<'g>(&self, mut x: Value<'g>) -> Value<'g> {
        for i in 1..=self.depth {
            let y = x.conv(format!("conv{i}"), conv(self.maps, 3).pad(1));
            let y = match self.activation {
                Activation::Relu => y.relu(),
                Activation::Sigmoid => y.sigmoid(),
                Activation::Tanh => y.tanh(),
            };
            x = match self.residual && x.channels() == self.maps {
                true => y + x,
                false => y,
            };
        }
        x.global_avg_pool().flatten().linear("fc", self.classes)
    }
}
