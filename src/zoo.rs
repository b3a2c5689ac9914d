//! Which networks are there? The registry of everything that can be named in a claim.
//!
//! A family is one file. It describes architectures, each with arguments ([`Argument`]), and its registry
//! lines give names to them with values, as anybody can: `wrn_16_4` is `wrn{depth=16, widen=4}`. This is
//! the only place with architecture in it.
//!
//! A paper's year, in sources and of families, is that of its first appearance, on arXiv as a rule.

mod alexnet;
mod bn_inception;
mod densenet;
mod dpn;
mod fractalnet;
mod googlenet;
mod inception_resnet;
mod inception_units;
mod inception_v3;
mod inception_v4;
mod lenet;
mod listings;
mod preact;
mod resnet;
mod resnet_cifar;
mod resnext;
mod senet;
mod stacks;
mod units;
mod vgg;

mod arguments;
mod error;
mod expression;
mod model;
mod network;
mod registry;

pub use arguments::Argument;
pub use error::ZooError;
pub use model::Model;
pub use network::Architecture;
pub use registry::{Family, Registry};

use crate::graph::{Shape, Value};
use arguments::{CLASSES, DEPTH, DROPOUT, UNITS, WIDTH, arguments, choice, whole_units};
use network::{Line, Network};

/// Every family, in the order in which the built-in article treats them.
#[rustfmt::skip]
const FAMILIES: &[Lines] = &[
    family("lenet", "LeNet-5", Some(1998), lenet::ARCHITECTURES, lenet::MODELS),
    family("alexnet", "AlexNet", Some(2012), alexnet::ARCHITECTURES, alexnet::MODELS),
    family("vgg", "VGG", Some(2014), vgg::ARCHITECTURES, vgg::MODELS),
    family("googlenet", "GoogLeNet (Inception-v1)", Some(2014), googlenet::ARCHITECTURES, googlenet::MODELS),
    family("bn_inception", "BN-Inception", Some(2015), bn_inception::ARCHITECTURES, bn_inception::MODELS),
    family("inception_v3", "Inception-v2 and Inception-v3", Some(2015), inception_v3::ARCHITECTURES, inception_v3::MODELS),
    family("inception_v4", "Inception-v4", Some(2016), inception_v4::ARCHITECTURES, inception_v4::MODELS),
    family("inception_resnet", "Inception-ResNet", Some(2016), inception_resnet::ARCHITECTURES, inception_resnet::MODELS),
    family("resnet", "ResNet and plain nets for ImageNet", Some(2015), resnet::ARCHITECTURES, resnet::MODELS),
    family("resnet_cifar", "ResNet and plain nets for CIFAR-10", Some(2015), resnet_cifar::ARCHITECTURES, resnet_cifar::MODELS),
    family("preact", "Pre-activation ResNet and WRN", Some(2016), preact::ARCHITECTURES, preact::MODELS),
    family("densenet", "DenseNet", Some(2016), densenet::ARCHITECTURES, densenet::MODELS),
    family("fractalnet", "FractalNet", Some(2016), fractalnet::ARCHITECTURES, fractalnet::MODELS),
    family("resnext", "ResNeXt and ResNet with wide bottlenecks", Some(2016), resnext::ARCHITECTURES, resnext::MODELS),
    family("dpn", "Dual path networks", Some(2017), dpn::ARCHITECTURES, dpn::MODELS),
    family("senet", "SENet", Some(2017), senet::ARCHITECTURES, senet::MODELS),
    family("listings", "The built-in article's listings", None, listings::ARCHITECTURES, listings::MODELS),
    family("units", "Units that are not whole networks", None, units::ARCHITECTURES, units::MODELS),
    family("stacks", "Stacks of equal layers, and one classifier in two forms", None, stacks::ARCHITECTURES, stacks::MODELS),
    family("inception_units", "Inception modules and units of related networks", None, inception_units::ARCHITECTURES, inception_units::MODELS),
];

/// The registry lines of one file.
struct Lines {
    name: &'static str,
    title: &'static str,
    year: Option<u16>,
    architectures: &'static [Architecture],
    models: &'static [Line],
}

const fn family(
    name: &'static str,
    title: &'static str,
    year: Option<u16>,
    architectures: &'static [Architecture],
    models: &'static [Line],
) -> Lines {
    Lines {
        name,
        title,
        year,
        architectures,
        models,
    }
}

/// Input of the ImageNet networks.
const IMAGENET: Shape = Shape::map(3, 224, 224);

/// Input of the CIFAR networks.
const CIFAR: Shape = Shape::map(3, 32, 32);

/// Dropout, unless nothing is dropped: then there is no layer.
fn drop(x: Value, p: f64) -> Value {
    if p > 0.0 { x.dropout(p) } else { x }
}
