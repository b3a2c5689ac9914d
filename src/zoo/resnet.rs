//! ResNet and plain nets for ImageNet (He, Zhang, Ren & Sun 2015, Table 1).

use super::{IMAGENET, Line, line};
use crate::graph::{Conv, Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line("resnet18", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BASIC, [2, 2, 2, 2])
    }),
    line("resnet34", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BASIC, [3, 4, 6, 3])
    }),
    line("resnet50", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 4, 6, 3])
    }),
    line("resnet101", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 4, 23, 3])
    }),
    line("resnet152", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 8, 36, 3])
    }),
    line("resnet50_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 4, 6, 3])
    }),
    line("resnet101_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 4, 23, 3])
    }),
    line("resnet152_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 8, 36, 3])
    }),
    line("resnet18_imagenet_optiona", OPTION_A, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::Pad, [2, 2, 2, 2])
    }),
    line("resnet34_imagenet_optiona", OPTION_A, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::Pad, [3, 4, 6, 3])
    }),
    line(
        "resnet34_imagenet_optionb",
        "He et al. 2015, section 3.3 and Table 3: option B, 1x1 projections where the shape changes",
        IMAGENET,
        |x| resnet(x, BASIC, Shortcut::ProjectChanges, [3, 4, 6, 3]),
    ),
    line(
        "resnet34_imagenet_optionc",
        "He et al. 2015, section 3.3 and Table 3: option C, a 1x1 projection on every shortcut",
        IMAGENET,
        |x| resnet(x, BASIC, Shortcut::ProjectAll, [3, 4, 6, 3]),
    ),
    line("plain18_imagenet", PLAIN, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::None, [2, 2, 2, 2])
    }),
    line("plain34_imagenet", PLAIN, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::None, [3, 4, 6, 3])
    }),
];

const TORCHVISION: &str =
    "torchvision: He et al. 2015, Table 1, option B, a bottleneck's stride on its 3x3 convolution";
const ORIGINAL: &str = "He et al. 2015, Table 1, option B, a bottleneck's stride on its first 1x1 convolution, as in the authors' models";
const OPTION_A: &str = "He et al. 2015, section 3.3 and Table 3: option A, shortcuts without parameters, zero maps added";
const PLAIN: &str = "He et al. 2015, Table 1 without the shortcuts (figure 3, middle)";

/// What a residual unit computes beside its shortcut.
#[derive(Clone, Copy)]
pub(super) enum Block {
    /// Two 3x3 convolutions (figure 5, left).
    Basic,
    /// 1x1, 3x3, 1x1 (figure 5, right).
    Bottleneck(Bottleneck),
}

/// 1x1, 3x3, 1x1 to four times the unit's width.
#[derive(Clone, Copy)]
pub(super) struct Bottleneck {
    /// Whether the unit's stride is on the 3x3, or else on the first 1x1.
    pub stride_on_3x3: bool,
    /// Groups of the 3x3: ResNeXt's cardinality.
    pub groups: usize,
    /// Maps of each group where the unit's width is 64.
    pub group_width: usize,
    /// SENet-154's saving: the first 1x1 has half as many maps as the 3x3.
    pub first_halved: bool,
}

pub(super) const BASIC: Block = Block::Basic;
pub(super) const BOTTLENECK: Block = grouped(1, 64);
pub(super) const BOTTLENECK_ORIGINAL: Block = Block::Bottleneck(Bottleneck {
    stride_on_3x3: false,
    groups: 1,
    group_width: 64,
    first_halved: false,
});

/// A bottleneck whose 3x3 convolution has `groups` groups of `group_width` maps in the first stage.
pub(super) const fn grouped(groups: usize, group_width: usize) -> Block {
    Block::Bottleneck(Bottleneck {
        stride_on_3x3: true,
        groups,
        group_width,
        first_halved: false,
    })
}

impl Block {
    /// Its convolutions, from first to last.
    pub(super) fn convs(self, width: usize, stride: usize) -> Vec<Conv> {
        let convs = match self {
            Block::Basic => vec![conv(width, 3).stride(stride).pad(1), conv(width, 3).pad(1)],
            Block::Bottleneck(block) => {
                let inner = width * block.groups * block.group_width / 64;
                let reduced = if block.first_halved { inner / 2 } else { inner };
                let (first, second) = if block.stride_on_3x3 {
                    (1, stride)
                } else {
                    (stride, 1)
                };
                vec![
                    conv(reduced, 1).stride(first),
                    conv(inner, 3).stride(second).pad(1).groups(block.groups),
                    conv(4 * width, 1),
                ]
            }
        };
        convs.into_iter().map(Conv::no_bias).collect()
    }
}

/// What joins a unit's input to its output (section 3.3).
#[derive(Clone, Copy)]
pub(super) enum Shortcut {
    /// Nothing: a plain net.
    None,
    /// Option A: zero maps.
    Pad,
    /// Option B: a projection where the shape changes.
    ProjectChanges,
    /// Option C: a projection everywhere.
    ProjectAll,
}

pub(super) fn torchvision(x: Value, block: Block, units: [usize; 4]) -> Value {
    resnet(x, block, Shortcut::ProjectChanges, units)
}

fn resnet(x: Value, block: Block, shortcut: Shortcut, units: [usize; 4]) -> Value {
    stages(stem(x), layer, WIDTHS, units, |x, width, stride| {
        unit(x, block, shortcut, width, stride)
    })
    .global_avg_pool()
    .flatten()
    .linear("fc", 1000)
}

/// Widths of the units of the four stages for ImageNet.
pub(super) const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// What comes before the first stage.
pub(super) fn stem(x: Value) -> Value {
    x.conv("conv1", conv(64, 7).stride(2).pad(3).no_bias())
        .bn("bn1")
        .relu()
        .max_pool("maxpool", pool(3).stride(2).pad(1))
}

/// What torchvision calls a stage.
pub(super) fn layer(stage: usize) -> String {
    format!("layer{}", stage + 1)
}

/// Stages of units of one width; from the second stage on the first unit halves the map.
/// `unit` takes its input, its width and its stride.
pub(super) fn stages<'g, const N: usize>(
    mut x: Value<'g>,
    name: fn(usize) -> String,
    widths: [usize; N],
    units: [usize; N],
    unit: impl Fn(Value<'g>, usize, usize) -> Value<'g>,
) -> Value<'g> {
    for (stage, (width, units)) in widths.into_iter().zip(units).enumerate() {
        x = x.scope(name(stage), |mut x| {
            for i in 0..units {
                let stride = if stage > 0 && i == 0 { 2 } else { 1 };
                x = x.scope(i, |x| unit(x, width, stride));
            }
            x
        });
    }
    x
}

pub(super) fn unit(
    x: Value,
    block: Block,
    shortcut: Shortcut,
    width: usize,
    stride: usize,
) -> Value {
    let y = residual(x, block, width, stride);
    let changes = x.shape() != y.shape();
    let project = || project(x, conv(y.channels(), 1).stride(stride));
    let joined = match shortcut {
        Shortcut::None => y,
        Shortcut::ProjectAll => y + project(),
        Shortcut::ProjectChanges if changes => y + project(),
        Shortcut::Pad if changes => y + x.pad_shortcut(y.channels(), stride),
        Shortcut::Pad | Shortcut::ProjectChanges => y + x,
    };
    joined.relu()
}

/// What a unit adds to its shortcut.
pub(super) fn residual(x: Value, block: Block, width: usize, stride: usize) -> Value {
    let mut y = x;
    for (i, conv) in (1..).zip(block.convs(width, stride)) {
        if i > 1 {
            y = y.relu();
        }
        y = y.conv(format!("conv{i}"), conv).bn(format!("bn{i}"));
    }
    y
}

/// A shortcut that changes the shape by a convolution.
pub(super) fn project(x: Value, conv: Conv) -> Value {
    x.scope("downsample", |x| x.conv(0, conv.no_bias()).bn(1))
}
