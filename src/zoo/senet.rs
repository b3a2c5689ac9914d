//! SENet: residual nets whose units gate their maps (Hu et al. 2017), in timm's two implementations.

use super::resnet::{
    BASIC, BOTTLENECK, BOTTLENECK_ORIGINAL, Block, Bottleneck, WIDTHS, grouped, layer, project,
    residual, stages, stem,
};
use super::{IMAGENET, Line, line};
use crate::graph::{Conv, Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line("legacy_seresnet18", LEGACY_BASIC, IMAGENET, |x| {
        legacy(x, BASIC, LAYERS_18)
    }),
    line("legacy_seresnet34", LEGACY_BASIC, IMAGENET, |x| {
        legacy(x, BASIC, LAYERS_50)
    }),
    line("legacy_seresnet50", LEGACY, IMAGENET, |x| {
        legacy(x, BOTTLENECK_ORIGINAL, LAYERS_50)
    }),
    line("legacy_seresnet101", LEGACY, IMAGENET, |x| {
        legacy(x, BOTTLENECK_ORIGINAL, LAYERS_101)
    }),
    line("legacy_seresnet152", LEGACY, IMAGENET, |x| {
        legacy(x, BOTTLENECK_ORIGINAL, LAYERS_152)
    }),
    line("legacy_seresnext26_32x4d", LEGACY_RESNEXT, IMAGENET, |x| {
        legacy(x, grouped(32, 4), LAYERS_18)
    }),
    line("legacy_seresnext50_32x4d", LEGACY_RESNEXT, IMAGENET, |x| {
        legacy(x, grouped(32, 4), LAYERS_50)
    }),
    line("legacy_seresnext101_32x4d", LEGACY_RESNEXT, IMAGENET, |x| {
        legacy(x, grouped(32, 4), LAYERS_101)
    }),
    line("legacy_senet154", LEGACY_154, IMAGENET, |x| {
        legacy(x, HALVED, LAYERS_152)
    }),
    line("seresnet18", TIMM, IMAGENET, |x| timm(x, BASIC, LAYERS_18)),
    line("seresnet34", TIMM, IMAGENET, |x| timm(x, BASIC, LAYERS_50)),
    line("seresnet50", TIMM, IMAGENET, |x| {
        timm(x, BOTTLENECK, LAYERS_50)
    }),
    line("seresnet101", TIMM, IMAGENET, |x| {
        timm(x, BOTTLENECK, LAYERS_101)
    }),
    line("seresnet152", TIMM, IMAGENET, |x| {
        timm(x, BOTTLENECK, LAYERS_152)
    }),
    line("seresnext50_32x4d", TIMM, IMAGENET, |x| {
        timm(x, grouped(32, 4), LAYERS_50)
    }),
    line("seresnext101_32x4d", TIMM, IMAGENET, |x| {
        timm(x, grouped(32, 4), LAYERS_101)
    }),
    line("senet154", TIMM_154, IMAGENET, |x| {
        timm(x, HALVED, LAYERS_152)
    }),
];

const LEGACY: &str = "timm, legacy, after the authors' models: Hu et al. 2017, Table 1, a bottleneck's stride on its first 1x1 convolution";
const LEGACY_BASIC: &str = "timm, legacy: the gate of Hu et al. 2017 in ResNets of basic units, which activate before the gate too";
const LEGACY_RESNEXT: &str = "timm, legacy, after the authors' models: Hu et al. 2017, Table 1, right, stride on the 3x3 convolution";
const LEGACY_154: &str =
    "timm, legacy, after the authors' model: Hu et al. 2017, appendix on SENet-154";
const TIMM: &str = "timm: Hu et al. 2017 on torchvision's ResNet or ResNeXt, the squeezed width rounded up to a multiple of 8";
const TIMM_154: &str = "timm: Hu et al. 2017, appendix on SENet-154, without dropout";

const LAYERS_18: [usize; 4] = [2, 2, 2, 2];
const LAYERS_50: [usize; 4] = [3, 4, 6, 3];
const LAYERS_101: [usize; 4] = [3, 4, 23, 3];
const LAYERS_152: [usize; 4] = [3, 8, 36, 3];

/// SENet-154's bottleneck.
const HALVED: Block = Block::Bottleneck(Bottleneck {
    stride_on_3x3: true,
    groups: 64,
    group_width: 4,
    first_halved: true,
});

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

fn is_senet154(block: Block) -> bool {
    matches!(block, Block::Bottleneck(block) if block.first_halved)
}

/// SENet-154's strided projections are 3x3.
fn projection(block: Block, out: usize, stride: usize) -> Conv {
    if is_senet154(block) && stride > 1 {
        conv(out, 3).stride(stride).pad(1)
    } else {
        conv(out, 1).stride(stride)
    }
}

/// SENet-154's three 3x3 convolutions in place of the 7x7, without bias.
fn deep_stem() -> [Conv; 3] {
    [
        conv(64, 3).stride(2).pad(1).no_bias(),
        conv(64, 3).pad(1).no_bias(),
        conv(128, 3).pad(1).no_bias(),
    ]
}

fn legacy(x: Value, block: Block, units: [usize; 4]) -> Value {
    let stem = if is_senet154(block) {
        deep_stem().to_vec()
    } else {
        vec![conv(64, 7).stride(2).pad(3).no_bias()]
    };
    let x = x.scope("layer0", |mut x| {
        for (i, conv) in (1..).zip(stem) {
            x = x.conv(format!("conv{i}"), conv).bn(format!("bn{i}")).relu();
        }
        x
    });
    let x = x.max_pool("pool0", pool(3).stride(2).ceil());
    stages(x, layer, WIDTHS, units, |x, width, stride| {
        legacy_unit(x, block, width, stride)
    })
    .global_avg_pool()
    .flatten()
    .dropout(0.2)
    .linear("last_linear", 1000)
}

/// Runs its projection before its gate, though the gate is registered first.
fn legacy_unit(x: Value, block: Block, width: usize, stride: usize) -> Value {
    x.registers(&[
        "conv1",
        "bn1",
        "conv2",
        "bn2",
        "conv3",
        "bn3",
        "se_module",
        "downsample",
    ]);
    let mut y = residual(x, block, width, stride);
    if let Block::Basic = block {
        y = y.relu();
    }
    let shortcut = shortcut(x, y, block, stride);
    (squeeze_excite(y, "se_module", y.channels() / 16) + shortcut).relu()
}

fn timm(x: Value, block: Block, units: [usize; 4]) -> Value {
    let x = if is_senet154(block) {
        timm_deep_stem(x)
    } else {
        stem(x)
    };
    stages(x, layer, WIDTHS, units, |x, width, stride| {
        let y = residual(x, block, width, stride);
        let squeezed = (y.channels() / 16).next_multiple_of(8);
        let gated = squeeze_excite(y, "se", squeezed);
        (gated + shortcut(x, gated, block, stride)).relu()
    })
    .global_avg_pool()
    .flatten()
    .linear("fc", 1000)
}

fn timm_deep_stem(x: Value) -> Value {
    let [first, second, third] = deep_stem();
    x.scope("conv1", |x| {
        let x = x.conv(0, first).bn(1).relu();
        x.conv(3, second).bn(4).relu().conv(6, third)
    })
    .bn("bn1")
    .relu()
    .max_pool("maxpool", pool(3).stride(2).pad(1))
}

fn shortcut<'g>(x: Value<'g>, y: Value<'g>, block: Block, stride: usize) -> Value<'g> {
    if x.shape() == y.shape() {
        x
    } else {
        project(x, projection(block, y.channels(), stride))
    }
}
