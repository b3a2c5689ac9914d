//! The ops that networks of other people's files are made of, each with random constants: laws over all ops walk through them
//! too. They run on the CPU; that a GPU refuses them by name is a law here.

use crate::law;
use crate::laws::gradients::{Describe, OPS};
use crate::laws::ops::number;
use convcheck::graph::{
    Arithmetic, Array, Dims, Function, Graph, Interpolation, Own, Padding, Reduction, Resize,
    Shape, TensorKind, Transposed, Value, conv,
};
use convcheck::random::Key;
use libtest_mimic::Trial;

/// Every op of a paper, and every one of a file.
pub fn all() -> impl Iterator<Item = &'static (&'static str, Describe)> {
    OPS.iter().chain(ARRAYS)
}

/// A number between 0.1 and 2.1.
fn real(key: Key, i: u64) -> f64 {
    0.1 + number(key, i, 20) as f64 / 10.0
}

fn dims(sizes: &[usize]) -> Dims {
    Dims::from_slice(sizes).unwrap()
}

fn map(x: Value) -> [usize; 3] {
    x.shape().maps().unwrap()
}

/// Maps between 0.5 and 1.5, whatever stands before them.
fn positive<'g>(x: Value<'g>) -> Value<'g> {
    x.sigmoid().scale(1.0, 0.5)
}

fn joined<'g>(x: Value<'g>, key: Key, by: Arithmetic) -> Value<'g> {
    // an operand that is repeated over rows and columns, or over channels, or over nothing
    let other = match number(key, 0, 3) {
        0 => x.reduce(Reduction::Mean, &[1, 2], true),
        1 => x.reduce(Reduction::Sum, &[0], false),
        _ => x.scale(0.3, 0.7),
    };
    match number(key, 1, 2) {
        0 => positive(x).with(by, positive(other)),
        _ => positive(other).with(by, positive(x)),
    }
}

fn own<'g>(x: Value<'g>, key: Key, by: Arithmetic) -> Value<'g> {
    let [c, _, w] = map(x);
    let (sizes, view) = match number(key, 0, 3) {
        0 => (dims(&[c]), dims(&[c, 1, 1])),
        1 => (dims(&[w]), dims(&[w])),
        _ => (dims(&[1, c]), dims(&[c, 1, 1])),
    };
    x.own(
        "op",
        Own {
            by,
            dims: sizes,
            view,
            first: number(key, 1, 2) == 0,
            kind: [TensorKind::Trainable, TensorKind::Buffer][number(key, 5, 2)],
        },
    )
}

fn axes(key: Key) -> &'static [usize] {
    [&[0][..], &[1], &[2], &[1, 2], &[0, 2], &[0, 1, 2]][number(key, 0, 6)]
}

pub const ARRAYS: &[(&str, Describe)] = &[
    ("conv_transpose", |x, key| {
        let groups = [1, 2][number(key, 0, 2)];
        let stride = [1 + number(key, 1, 3), 1 + number(key, 2, 3)];
        let kernel = [1 + number(key, 3, 3), 1 + number(key, 4, 3)];
        let dilation = 1 + number(key, 5, 2);
        let window = conv(1, kernel)
            .stride(stride)
            .dilation(dilation)
            .pad([number(key, 6, kernel[0]), number(key, 7, kernel[1])])
            .window;
        x.conv_transpose(
            "op",
            Transposed {
                out: groups * (1 + number(key, 8, 3)),
                window,
                extra: [number(key, 9, stride[0]), number(key, 10, stride[1])],
                groups,
                bias: number(key, 11, 2) == 0,
            },
        )
    }),
    ("group_norm", |x, key| {
        x.group_norm_with(
            "op",
            [1, 2, 4][number(key, 0, 3)],
            real(key, 1),
            number(key, 2, 2) == 0,
        )
    }),
    ("layer_norm", |x, key| {
        let [scale, shift] = [2, 3].map(|i| number(key, i, 2) == 0);
        x.layer_norm_with("op", 1 + number(key, 0, 3), real(key, 1), scale, shift)
    }),
    ("prelu", |x, key| x.prelu("op", number(key, 0, 2) == 0)),
    ("linear_last", |x, key| {
        x.linear_last("op", 2 + number(key, 0, 4), number(key, 1, 2) == 0)
    }),
    ("layer_scale", |x, key| own(x, key, Arithmetic::Multiply)),
    ("own", |x, key| {
        let by = [Arithmetic::Add, Arithmetic::Subtract][number(key, 3, 2)];
        own(x, key, by)
    }),
    ("clip", |x, key| {
        let (min, max) = (-real(key, 0) / 2.0, real(key, 1) / 2.0);
        x.function(Function::Clip { min, max })
    }),
    ("hard_swish", |x, _| {
        x.scale(4.0, 0.0).function(Function::HardSwish)
    }),
    ("hard_sigmoid", |x, _| {
        x.scale(4.0, 0.0).function(Function::HardSigmoid)
    }),
    ("silu", |x, _| x.scale(3.0, 0.0).function(Function::Silu)),
    ("gelu", |x, _| x.scale(3.0, 0.0).function(Function::Gelu)),
    ("gelu_tanh", |x, _| {
        x.scale(3.0, 0.0).function(Function::GeluTanh)
    }),
    ("leaky_relu", |x, key| {
        x.function(Function::LeakyRelu {
            slope: real(key, 0),
        })
    }),
    ("elu", |x, key| {
        let (alpha, scale) = (real(key, 0), real(key, 1));
        x.function(Function::Elu { alpha, scale })
    }),
    ("softplus", |x, key| {
        x.function(Function::Softplus { beta: real(key, 0) })
    }),
    ("mish", |x, _| x.scale(3.0, 0.0).function(Function::Mish)),
    ("power", |x, key| {
        let exponent = [0.5, -0.5, 2.0, -1.0, 1.7][number(key, 0, 5)];
        positive(x).function(Function::Power { exponent })
    }),
    ("exp", |x, _| x.tanh().function(Function::Exp)),
    ("abs", |x, _| x.function(Function::Abs)),
    ("sum", |x, key| joined(x, key, Arithmetic::Add)),
    ("subtract", |x, key| joined(x, key, Arithmetic::Subtract)),
    ("multiply", |x, key| joined(x, key, Arithmetic::Multiply)),
    ("divide", |x, key| joined(x, key, Arithmetic::Divide)),
    ("maximum", |x, key| joined(x, key, Arithmetic::Maximum)),
    ("minimum", |x, key| joined(x, key, Arithmetic::Minimum)),
    ("reduce_max", |x, key| {
        x.reduce(Reduction::Maximum, axes(key), number(key, 1, 2) == 0)
    }),
    ("reduce_mean", |x, key| {
        x.reduce(Reduction::Mean, axes(key), number(key, 1, 2) == 0)
    }),
    ("reduce_sum", |x, key| {
        x.reduce(Reduction::Sum, axes(key), number(key, 1, 2) == 0)
    }),
    ("softmax_over", |x, key| {
        x.array(Array::Softmax {
            axis: number(key, 0, 3),
        })
    }),
    ("resize", |x, key| {
        let [_, h, w] = map(x);
        let by = [
            Interpolation::Nearest,
            Interpolation::Bilinear,
            Interpolation::BilinearCorners,
        ][number(key, 0, 3)];
        x.resize(Resize {
            output: [
                1 + number(key, 1, 2 * h.min(20)),
                1 + number(key, 2, 2 * w.min(20)),
            ],
            by,
            scale: match number(key, 3, 2) {
                0 => None,
                _ => Some([real(key, 4), real(key, 5)]),
            },
        })
    }),
    ("pad", |x, key| {
        let with = [
            Padding::Constant(real(key, 9)),
            Padding::Reflect,
            Padding::Replicate,
            Padding::Circular,
        ][number(key, 0, 4)];
        let sides = |from: u64| {
            [
                number(key, from, 2),
                number(key, from + 1, 3),
                number(key, from + 2, 3),
            ]
        };
        x.pad(&sides(1), &sides(4), with)
    }),
    ("reshape", |x, key| {
        let [c, h, w] = map(x);
        let to = [
            dims(&[c.saturating_mul(h), w]),
            dims(&[2, c / 2, h, 0]),
            dims(&[w, h, c]),
        ][number(key, 0, 3)];
        x.array(Array::Reshape { to })
    }),
    ("permute", |x, key| {
        let axes = [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0]][number(key, 0, 4)].into();
        x.array(Array::Permute { axes })
    }),
    ("slice_of", |x, key| {
        let axis = number(key, 0, 3);
        let size = x.shape().dims()[axis];
        let from = number(key, 1, size);
        let to = from + 1 + number(key, 2, size - from);
        let step = 1 + number(key, 3, 3);
        x.array(Array::Slice {
            axis,
            from,
            to,
            step,
        })
    }),
    ("concat_on", |x, key| {
        x.concat_on(number(key, 0, 3), &[x.scale(2.0, 1.0), x])
    }),
    ("channel_shuffle", |x, key| {
        x.array(Array::ChannelShuffle {
            groups: [1, 2, 4][number(key, 0, 3)],
        })
    }),
    ("pixel_shuffle", |x, key| {
        x.array(Array::PixelShuffle {
            factor: 1 + number(key, 0, 2),
        })
    }),
    ("stochastic_depth", |x, key| {
        x.array(Array::StochasticDepth {
            p: real(key, 0) / 3.0,
        })
    }),
];

pub fn trials() -> Vec<Trial> {
    vec![law("gpu::what-has-no-commands-is-refused-by-name", refused)]
}

/// A GPU names the layer that it has no commands for.
fn refused() {
    for (name, describe) in ARRAYS {
        let graph = (0..64).find_map(|seed| {
            Graph::build(Shape::map(4, 9, 8), |x| describe(x, Key::seed(seed))).ok()
        });
        let graph = graph.unwrap();
        let error = convcheck::gpu::runs(&graph).unwrap_err().to_string();
        assert!(error.contains("on a GPU"), "{name}: {error}");
    }
}
