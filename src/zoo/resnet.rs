//! ResNet and plain nets for ImageNet (He, Zhang, Ren & Sun 2015, Table 1), and what was made of them
//! by other bottlenecks: ResNeXt and wide ResNet.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, IMAGENET, UNITS, WIDTH, arguments, choice};
use crate::graph::{Conv, Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<ResNet>(
    "resnet",
    "He et al. 2015, Table 1, under torchvision's names; ResNeXt (Xie et al. 2016) in its groups",
    IMAGENET,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("resnet18", TORCHVISION, "resnet"),
    line("resnet34", TORCHVISION, "resnet{units=[3,4,6,3]}"),
    line("resnet50", TORCHVISION, "resnet{block=bottleneck, units=[3,4,6,3]}"),
    line("resnet101", TORCHVISION, "resnet{block=bottleneck, units=[3,4,23,3]}"),
    line("resnet152", TORCHVISION, "resnet{block=bottleneck, units=[3,8,36,3]}"),
    line("resnet50_v1_original", ORIGINAL, "resnet{block=bottleneck, units=[3,4,6,3], stride_on=1x1}"),
    line("resnet101_v1_original", ORIGINAL, "resnet{block=bottleneck, units=[3,4,23,3], stride_on=1x1}"),
    line("resnet152_v1_original", ORIGINAL, "resnet{block=bottleneck, units=[3,8,36,3], stride_on=1x1}"),
    line("resnet18_imagenet_optiona", OPTION_A, "resnet{shortcut=pad}"),
    line("resnet34_imagenet_optiona", OPTION_A, "resnet{shortcut=pad, units=[3,4,6,3]}"),
    line("resnet34_imagenet_optionb", OPTION_B, "resnet{units=[3,4,6,3]}"),
    line("resnet34_imagenet_optionc", OPTION_C, "resnet{shortcut=project_all, units=[3,4,6,3]}"),
    line("plain18_imagenet", PLAIN, "resnet{shortcut=none}"),
    line("plain34_imagenet", PLAIN, "resnet{shortcut=none, units=[3,4,6,3]}"),
];

const TORCHVISION: &str =
    "torchvision: He et al. 2015, Table 1, option B, a bottleneck's stride on its 3x3 convolution";
const ORIGINAL: &str = "He et al. 2015, Table 1, option B, a bottleneck's stride on its first 1x1 convolution, as in the authors' models";
const OPTION_A: &str = "He et al. 2015, section 3.3 and Table 3: option A, shortcuts without parameters, zero maps added";
const OPTION_B: &str =
    "He et al. 2015, section 3.3 and Table 3: option B, 1x1 projections where the shape changes";
const OPTION_C: &str =
    "He et al. 2015, section 3.3 and Table 3: option C, a 1x1 projection on every shortcut";
const PLAIN: &str = "He et al. 2015, Table 1 without the shortcuts (figure 3, middle)";

choice! {
    /// The two kinds of unit.
    enum Block {
        /// Two 3x3 convolutions (figure 5, left).
        Basic = "basic",
        /// 1x1, 3x3, 1x1 to four times the width (figure 5, right).
        Bottleneck = "bottleneck",
    }
}

choice! {
    /// Which of a bottleneck's convolutions halves the map.
    enum StrideOn {
        /// The first, as in the authors' models.
        First = "1x1",
        /// The second, as in torchvision.
        Second = "3x3",
    }
}

choice! {
    /// What joins a unit's input to its output (section 3.3).
    enum Shortcut {
        /// Nothing: a plain net.
        None = "none",
        /// Option A: zero maps.
        Pad = "pad",
        /// Option B: a projection where the shape changes.
        Project = "project",
        /// Option C: a projection everywhere.
        ProjectAll = "project_all",
    }
}

arguments! {
    /// Four stages of units for large images.
    struct ResNet {
        /// a unit's layers
        block: Block = Block::Basic, ();
        /// units of each stage
        units: [usize; 4] = [2, 2, 2, 2], UNITS;
        /// maps of each stage's units; a bottleneck ends in four times as many
        widths: [usize; 4] = [64, 128, 256, 512], WIDTH;
        /// what joins a unit's input to its output: options A (pad), B (project) and C (project_all)
        shortcut: Shortcut = Shortcut::Project, ();
        /// which convolution of a bottleneck has its stride
        stride_on: StrideOn = StrideOn::Second, ();
        /// groups of a bottleneck's 3x3 convolution
        groups: usize = 1, WIDTH;
        /// maps of each of them where the unit's width is 64
        group_width: usize = 64, WIDTH;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for ResNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let x = stem(x, self.widths[0]);
        stages(x, layer, self.widths, self.units, |x, width, stride| {
            let y = match self.block {
                Block::Basic => basic(x, width, stride),
                Block::Bottleneck => self.bottleneck().describe(x, width, stride),
            };
            join(x, y, self.shortcut, stride)
        })
        .global_avg_pool()
        .flatten()
        .linear("fc", self.classes)
    }

    fn check(&self) -> Result<(), String> {
        (self.bottleneck()).check(self.block, StrideOn::Second)
    }
}

impl ResNet {
    fn bottleneck(&self) -> Bottleneck {
        Bottleneck::new(self.groups, self.group_width).stride_on(self.stride_on)
    }
}

/// What comes before the first stage.
pub(super) fn stem(x: Value, width: usize) -> Value {
    x.conv("conv1", conv(width, 7).stride(2).pad(3).no_bias())
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

/// What a basic unit adds to its shortcut.
pub(super) fn basic(x: Value, width: usize, stride: usize) -> Value {
    x.conv("conv1", conv(width, 3).stride(stride).pad(1).no_bias())
        .bn("bn1")
        .relu()
        .conv("conv2", conv(width, 3).pad(1).no_bias())
        .bn("bn2")
}

/// What is open in a bottleneck.
#[derive(Clone, Copy)]
pub(super) struct Bottleneck {
    /// Which convolution has the unit's stride.
    stride_on: StrideOn,
    /// Groups of the 3x3: ResNeXt's cardinality.
    groups: usize,
    /// Maps of each group where the unit's width is 64.
    group_width: usize,
    /// SENet-154's saving: the first 1x1 has half as many maps as the 3x3.
    first_halved: bool,
}

impl Bottleneck {
    /// With its stride on the 3x3.
    pub(super) fn new(groups: usize, group_width: usize) -> Bottleneck {
        Bottleneck {
            stride_on: StrideOn::Second,
            groups,
            group_width,
            first_halved: false,
        }
    }

    /// With its stride there.
    pub(super) fn stride_on(self, stride_on: StrideOn) -> Bottleneck {
        Bottleneck { stride_on, ..self }
    }

    /// With half as many maps in the first 1x1 as in the 3x3, or with as many.
    pub(super) fn halved(self, first_halved: bool) -> Bottleneck {
        Bottleneck {
            first_halved,
            ..self
        }
    }

    /// Basic units have no groups, and their stride where it is: to say so of them would give one network two names.
    pub(super) fn check(self, block: Block, usual: StrideOn) -> Result<(), String> {
        let what = match block {
            Block::Basic if (self.groups, self.group_width) != (1, 64) => {
                "groups and group_width are"
            }
            Block::Basic if self.stride_on != usual => "stride_on is",
            Block::Basic | Block::Bottleneck => return Ok(()),
        };
        Err(format!("{what} a bottleneck's: block=bottleneck"))
    }

    /// What it adds to its shortcut.
    pub(super) fn describe<'g>(self, x: Value<'g>, width: usize, stride: usize) -> Value<'g> {
        let inner = width * self.groups * self.group_width / 64;
        let reduced = if self.first_halved { inner / 2 } else { inner };
        let [first, second] = match self.stride_on {
            StrideOn::First => [stride, 1],
            StrideOn::Second => [1, stride],
        };
        let grouped = conv(inner, 3).pad(1).groups(self.groups);
        x.conv("conv1", conv(reduced, 1).stride(first).no_bias())
            .bn("bn1")
            .relu()
            .conv("conv2", grouped.stride(second).no_bias())
            .bn("bn2")
            .relu()
            .conv("conv3", conv(4 * width, 1).no_bias())
            .bn("bn3")
    }
}

/// A unit's input and what it adds, joined and activated.
pub(super) fn join<'g>(x: Value<'g>, y: Value<'g>, shortcut: Shortcut, stride: usize) -> Value<'g> {
    let changes = x.shape() != y.shape();
    let projection = conv(y.channels(), 1).stride(stride);
    let joined = match shortcut {
        Shortcut::None => y,
        Shortcut::ProjectAll => y + project(x, projection),
        Shortcut::Project if changes => y + project(x, projection),
        Shortcut::Pad if changes => y + x.pad_shortcut(y.channels(), stride),
        Shortcut::Pad | Shortcut::Project => y + x,
    };
    joined.relu()
}

/// A shortcut that changes the shape by a convolution.
pub(super) fn project(x: Value<'_>, conv: Conv) -> Value<'_> {
    x.scope("downsample", |x| x.conv(0, conv.no_bias()).bn(1))
}
