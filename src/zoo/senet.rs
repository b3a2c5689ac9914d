//! SENet: residual nets whose units gate their maps (Hu et al. 2017), in timm's two implementations.

use super::network::{Architecture, Line, Network, architecture, line};
use super::resnet::{Block, Bottleneck, StrideOn, basic, layer, project, stages, stem};
use super::{CLASSES, DROPOUT, IMAGENET, UNITS, WIDTH, arguments, choice};
use crate::graph::{Conv, Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    architecture::<Legacy>(
        "legacy_senet",
        "timm, legacy, after the authors' models: Hu et al. 2017",
        IMAGENET,
    ),
    architecture::<Timm>(
        "senet",
        "timm: Hu et al. 2017 on torchvision's ResNet or ResNeXt",
        IMAGENET,
    ),
];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("legacy_seresnet18", LEGACY_BASIC, "legacy_senet{block=basic, units=[2,2,2,2]}"),
    line("legacy_seresnet34", LEGACY_BASIC, "legacy_senet{block=basic}"),
    line("legacy_seresnet50", LEGACY, "legacy_senet"),
    line("legacy_seresnet101", LEGACY, "legacy_senet{units=[3,4,23,3]}"),
    line("legacy_seresnet152", LEGACY, "legacy_senet{units=[3,8,36,3]}"),
    line("legacy_seresnext26_32x4d", LEGACY_RESNEXT, "legacy_senet{units=[2,2,2,2], stride_on=3x3, groups=32, group_width=4}"),
    line("legacy_seresnext50_32x4d", LEGACY_RESNEXT, "legacy_senet{stride_on=3x3, groups=32, group_width=4}"),
    line("legacy_seresnext101_32x4d", LEGACY_RESNEXT, "legacy_senet{units=[3,4,23,3], stride_on=3x3, groups=32, group_width=4}"),
    line("legacy_senet154", LEGACY_154, "legacy_senet{form=senet154, units=[3,8,36,3], stride_on=3x3, groups=64, group_width=4}"),
    line("seresnet18", TIMM, "senet{block=basic, units=[2,2,2,2]}"),
    line("seresnet34", TIMM, "senet{block=basic}"),
    line("seresnet50", TIMM, "senet"),
    line("seresnet101", TIMM, "senet{units=[3,4,23,3]}"),
    line("seresnet152", TIMM, "senet{units=[3,8,36,3]}"),
    line("seresnext50_32x4d", TIMM, "senet{groups=32, group_width=4}"),
    line("seresnext101_32x4d", TIMM, "senet{units=[3,4,23,3], groups=32, group_width=4}"),
    line("senet154", TIMM_154, "senet{form=senet154, units=[3,8,36,3], groups=64, group_width=4}"),
];

const LEGACY: &str = "timm, legacy, after the authors' models: Hu et al. 2017, Table 1, a bottleneck's stride on its first 1x1 convolution";
const LEGACY_BASIC: &str = "timm, legacy: the gate of Hu et al. 2017 in ResNets of basic units, which activate before the gate too";
const LEGACY_RESNEXT: &str = "timm, legacy, after the authors' models: Hu et al. 2017, Table 1, right, stride on the 3x3 convolution";
const LEGACY_154: &str =
    "timm, legacy, after the authors' model: Hu et al. 2017, appendix on SENet-154";
const TIMM: &str = "timm: Hu et al. 2017 on torchvision's ResNet or ResNeXt, the squeezed width rounded up to a multiple of 8";
const TIMM_154: &str = "timm: Hu et al. 2017, appendix on SENet-154, without dropout";

/// Times fewer values between the two layers of a gate.
const REDUCTION: std::ops::RangeInclusive<usize> = 1..=256;

choice! {
    /// Whose layers surround the gates.
    enum Form {
        /// ResNet's: a 7x7 stem, 1x1 projections.
        ResNet = "resnet",
        /// SENet-154's: three 3x3 convolutions as stem, 3x3 where a projection has a stride, and in each
        /// bottleneck half as many maps in the first 1x1 as in the 3x3.
        SeNet154 = "senet154",
    }
}

arguments! {
    /// The authors' models, in Caffe's conventions.
    struct Legacy {
        /// a unit's layers
        block: Block = Block::Bottleneck, ();
        /// whose stem, projections and first convolutions
        form: Form = Form::ResNet, ();
        /// units of each stage
        units: [usize; 4] = [3, 4, 6, 3], UNITS;
        /// maps of each stage's units; a bottleneck ends in four times as many
        widths: [usize; 4] = [64, 128, 256, 512], WIDTH;
        /// which convolution of a bottleneck has its stride
        stride_on: StrideOn = StrideOn::First, ();
        /// groups of a bottleneck's 3x3 convolution
        groups: usize = 1, WIDTH;
        /// maps of each of them where the unit's width is 64
        group_width: usize = 64, WIDTH;
        /// times fewer values between a gate's two layers
        reduction: usize = 16, REDUCTION;
        /// probability of zero before the classifier
        dropout: f64 = 0.2, DROPOUT;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Legacy {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let bottleneck = self.bottleneck();
        let x = x
            .scope("layer0", |x| match self.form {
                Form::ResNet => {
                    let first = conv(self.widths[0], 7).stride(2).pad(3).no_bias();
                    x.conv("conv1", first).bn("bn1").relu()
                }
                Form::SeNet154 => {
                    let [first, second, third] = deep_stem(self.widths[0]);
                    let x = x.conv("conv1", first).bn("bn1").relu();
                    let x = x.conv("conv2", second).bn("bn2").relu();
                    x.conv("conv3", third).bn("bn3").relu()
                }
            })
            .max_pool("pool0", pool(3).stride(2).ceil());
        stages(x, layer, self.widths, self.units, |x, width, stride| {
            x.registers(&CONVOLUTIONS)
                .registers(&["se_module", "downsample"]);
            let y = match self.block {
                Block::Basic => basic(x, width, stride).relu(),
                Block::Bottleneck => bottleneck.describe(x, width, stride),
            };
            // the projection runs before the gate, though the gate is registered first
            let shortcut = shortcut(x, y, self.form, stride);
            let gated = squeeze_excite(y, "se_module", y.channels() / self.reduction);
            (gated + shortcut).relu()
        })
        .global_avg_pool()
        .flatten()
        .dropout(self.dropout)
        .linear("last_linear", self.classes)
    }

    fn check(&self) -> Result<(), String> {
        (self.bottleneck()).check(self.block, StrideOn::First)
    }
}

impl Legacy {
    fn bottleneck(&self) -> Bottleneck {
        Bottleneck::new(self.groups, self.group_width)
            .stride_on(self.stride_on)
            .halved(self.form == Form::SeNet154)
    }
}

/// A unit's layers in the order in which they are registered.
const CONVOLUTIONS: [&str; 6] = ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3"];

arguments! {
    /// timm's ResNet with gates.
    struct Timm {
        /// a unit's layers
        block: Block = Block::Bottleneck, ();
        /// whose stem, projections and first convolutions
        form: Form = Form::ResNet, ();
        /// units of each stage
        units: [usize; 4] = [3, 4, 6, 3], UNITS;
        /// maps of each stage's units; a bottleneck ends in four times as many
        widths: [usize; 4] = [64, 128, 256, 512], WIDTH;
        /// groups of a bottleneck's 3x3 convolution
        groups: usize = 1, WIDTH;
        /// maps of each of them where the unit's width is 64
        group_width: usize = 64, WIDTH;
        /// times fewer values between a gate's two layers, rounded up to a multiple of 8
        reduction: usize = 16, REDUCTION;
        /// classes told apart
        classes: usize = 1000, CLASSES;
    }
}

impl Network for Timm {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let bottleneck = self.bottleneck();
        let x = match self.form {
            Form::ResNet => stem(x, self.widths[0]),
            Form::SeNet154 => {
                let [first, second, third] = deep_stem(self.widths[0]);
                x.scope("conv1", |x| {
                    let x = x.conv(0, first).bn(1).relu();
                    x.conv(3, second).bn(4).relu().conv(6, third)
                })
                .bn("bn1")
                .relu()
                .max_pool("maxpool", pool(3).stride(2).pad(1))
            }
        };
        stages(x, layer, self.widths, self.units, |x, width, stride| {
            let y = match self.block {
                Block::Basic => basic(x, width, stride),
                Block::Bottleneck => bottleneck.describe(x, width, stride),
            };
            let squeezed = (y.channels() / self.reduction).next_multiple_of(8);
            let gated = squeeze_excite(y, "se", squeezed);
            (gated + shortcut(x, gated, self.form, stride)).relu()
        })
        .global_avg_pool()
        .flatten()
        .linear("fc", self.classes)
    }

    fn check(&self) -> Result<(), String> {
        (self.bottleneck()).check(self.block, StrideOn::Second)
    }
}

impl Timm {
    fn bottleneck(&self) -> Bottleneck {
        Bottleneck::new(self.groups, self.group_width).halved(self.form == Form::SeNet154)
    }
}

/// Each map times a factor that follows from the means of all maps (section 3, figure 1).
pub(super) fn squeeze_excite<'g>(x: Value<'g>, name: &str, squeezed: usize) -> Value<'g> {
    x * x.scope(name, |x| {
        x.global_avg_pool()
            .conv("fc1", conv(squeezed, 1))
            .relu()
            .conv("fc2", conv(x.channels(), 1))
            .sigmoid()
    })
}

/// SENet-154's three 3x3 convolutions in place of the 7x7.
fn deep_stem(width: usize) -> [Conv; 3] {
    [
        conv(width, 3).stride(2).pad(1).no_bias(),
        conv(width, 3).pad(1).no_bias(),
        conv(2 * width, 3).pad(1).no_bias(),
    ]
}

/// The input, or a projection of it where the shape changes.
fn shortcut<'g>(x: Value<'g>, y: Value<'g>, form: Form, stride: usize) -> Value<'g> {
    let projection = match form {
        Form::SeNet154 if stride > 1 => conv(y.channels(), 3).stride(stride).pad(1),
        Form::ResNet | Form::SeNet154 => conv(y.channels(), 1).stride(stride),
    };
    match x.shape() == y.shape() {
        true => x,
        false => project(x, projection),
    }
}
