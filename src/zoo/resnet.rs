//! ResNet and plain nets for ImageNet (He, Zhang, Ren & Sun 2015, Table 1).

use super::{IMAGENET, Model, model};
use crate::graph::{Value, conv, pool};

pub(super) const MODELS: &[Model] = &[
    model("resnet18", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BASIC, [2, 2, 2, 2])
    }),
    model("resnet34", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BASIC, [3, 4, 6, 3])
    }),
    model("resnet50", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 4, 6, 3])
    }),
    model("resnet101", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 4, 23, 3])
    }),
    model("resnet152", TORCHVISION, IMAGENET, |x| {
        torchvision(x, BOTTLENECK, [3, 8, 36, 3])
    }),
    model("resnet50_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 4, 6, 3])
    }),
    model("resnet101_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 4, 23, 3])
    }),
    model("resnet152_v1_original", ORIGINAL, IMAGENET, |x| {
        torchvision(x, BOTTLENECK_ORIGINAL, [3, 8, 36, 3])
    }),
    model("resnet18_imagenet_optiona", OPTION_A, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::Pad, [2, 2, 2, 2])
    }),
    model("resnet34_imagenet_optiona", OPTION_A, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::Pad, [3, 4, 6, 3])
    }),
    model(
        "resnet34_imagenet_optionb",
        "He et al. 2015, section 3.3 and Table 3: option B, 1x1 projections where the shape changes",
        IMAGENET,
        |x| resnet(x, BASIC, Shortcut::ProjectChanges, [3, 4, 6, 3]),
    ),
    model(
        "resnet34_imagenet_optionc",
        "He et al. 2015, section 3.3 and Table 3: option C, a 1x1 projection on every shortcut",
        IMAGENET,
        |x| resnet(x, BASIC, Shortcut::ProjectAll, [3, 4, 6, 3]),
    ),
    model("plain18_imagenet", PLAIN, IMAGENET, |x| {
        resnet(x, BASIC, Shortcut::None, [2, 2, 2, 2])
    }),
    model("plain34_imagenet", PLAIN, IMAGENET, |x| {
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
    /// 1x1, 3x3, 1x1 to four times the width (figure 5, right).
    Bottleneck {
        /// Whether the unit's stride is on the 3x3, or else on the first 1x1.
        stride_on_3x3: bool,
    },
}

const BASIC: Block = Block::Basic;
const BOTTLENECK: Block = Block::Bottleneck {
    stride_on_3x3: true,
};
const BOTTLENECK_ORIGINAL: Block = Block::Bottleneck {
    stride_on_3x3: false,
};

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

fn torchvision(x: Value, block: Block, units: [usize; 4]) -> Value {
    resnet(x, block, Shortcut::ProjectChanges, units)
}

fn resnet(x: Value, block: Block, shortcut: Shortcut, units: [usize; 4]) -> Value {
    let x = x
        .conv("conv1", conv(64, 7).stride(2).pad(3).no_bias())
        .bn("bn1")
        .relu()
        .max_pool("maxpool", pool(3).stride(2).pad(1));
    stages(x, block, shortcut, layer, [64, 128, 256, 512], units)
        .global_avg_pool()
        .flatten()
        .linear("fc", 1000)
}

/// What torchvision calls a stage.
pub(super) fn layer(stage: usize) -> String {
    format!("layer{}", stage + 1)
}

/// Stages of units of one width; from the second stage on the first unit halves the map.
pub(super) fn stages<'g, const N: usize>(
    mut x: Value<'g>,
    block: Block,
    shortcut: Shortcut,
    name: fn(usize) -> String,
    widths: [usize; N],
    units: [usize; N],
) -> Value<'g> {
    for (stage, (width, units)) in widths.into_iter().zip(units).enumerate() {
        x = x.scope(name(stage), |mut x| {
            for i in 0..units {
                let stride = if stage > 0 && i == 0 { 2 } else { 1 };
                x = x.scope(i, |x| unit(x, block, shortcut, width, stride));
            }
            x
        });
    }
    x
}

fn unit(x: Value, block: Block, shortcut: Shortcut, width: usize, stride: usize) -> Value {
    let y = match block {
        Block::Basic => x
            .conv("conv1", conv(width, 3).stride(stride).pad(1).no_bias())
            .bn("bn1")
            .relu()
            .conv("conv2", conv(width, 3).pad(1).no_bias())
            .bn("bn2"),
        Block::Bottleneck { stride_on_3x3 } => {
            let (first, second) = if stride_on_3x3 {
                (1, stride)
            } else {
                (stride, 1)
            };
            x.conv("conv1", conv(width, 1).stride(first).no_bias())
                .bn("bn1")
                .relu()
                .conv("conv2", conv(width, 3).stride(second).pad(1).no_bias())
                .bn("bn2")
                .relu()
                .conv("conv3", conv(4 * width, 1).no_bias())
                .bn("bn3")
        }
    };
    let project = || {
        x.scope("downsample", |x| {
            x.conv(0, conv(y.channels(), 1).stride(stride).no_bias())
                .bn(1)
        })
    };
    let changes = x.shape() != y.shape();
    let joined = match shortcut {
        Shortcut::None => y,
        Shortcut::ProjectAll => y + project(),
        Shortcut::ProjectChanges if changes => y + project(),
        Shortcut::Pad if changes => y + x.pad_shortcut(y.channels(), stride),
        Shortcut::Pad | Shortcut::ProjectChanges => y + x,
    };
    joined.relu()
}
