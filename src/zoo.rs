//! Which networks are there? The registry of everything that can be named in a claim.
//!
//! A family is one file and one parametrised description; its registry lines stand beside it, in its
//! `MODELS`. Variants are entries of their own, never options read at run time. This is the only
//! place with architecture in it.

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

mod model;
mod registry;

pub use model::Model;
pub use registry::{Family, Registry, ZooError};

use crate::graph::{Shape, Value};

/// Every family, in the order in which the document treats them.
#[rustfmt::skip]
const FAMILIES: &[Lines] = &[
    family("lenet", "LeNet-5", Some(1998), lenet::MODELS),
    family("alexnet", "AlexNet", Some(2012), alexnet::MODELS),
    family("vgg", "VGG", Some(2014), vgg::MODELS),
    family("googlenet", "GoogLeNet (Inception-v1)", Some(2014), googlenet::MODELS),
    family("bn_inception", "BN-Inception", Some(2015), bn_inception::MODELS),
    family("inception_v3", "Inception-v2 and Inception-v3", Some(2015), inception_v3::MODELS),
    family("inception_v4", "Inception-v4", Some(2016), inception_v4::MODELS),
    family("inception_resnet", "Inception-ResNet", Some(2016), inception_resnet::MODELS),
    family("resnet", "ResNet and plain nets for ImageNet", Some(2015), resnet::MODELS),
    family("resnet_cifar", "ResNet and plain nets for CIFAR-10", Some(2015), resnet_cifar::MODELS),
    family("preact", "Pre-activation ResNet and WRN", Some(2016), preact::MODELS),
    family("densenet", "DenseNet", Some(2017), densenet::MODELS),
    family("fractalnet", "FractalNet", Some(2017), fractalnet::MODELS),
    family("resnext", "ResNeXt and ResNet with wide bottlenecks", Some(2017), resnext::MODELS),
    family("dpn", "Dual path networks", Some(2017), dpn::MODELS),
    family("senet", "SENet", Some(2018), senet::MODELS),
    family("listings", "The document's listings", None, listings::MODELS),
    family("units", "Units that are not whole networks", None, units::MODELS),
    family("stacks", "Stacks of equal layers, and one classifier in two forms", None, stacks::MODELS),
    family("inception_units", "Inception modules and units of related networks", None, inception_units::MODELS),
];

/// The registry lines of one file.
struct Lines {
    name: &'static str,
    title: &'static str,
    year: Option<u16>,
    models: &'static [Line],
}

const fn family(
    name: &'static str,
    title: &'static str,
    year: Option<u16>,
    models: &'static [Line],
) -> Lines {
    Lines {
        name,
        title,
        year,
        models,
    }
}

/// A registry line.
struct Line {
    name: &'static str,
    source: &'static str,
    input: Shape,
    describe: for<'g> fn(Value<'g>) -> Value<'g>,
}

const fn line(
    name: &'static str,
    source: &'static str,
    input: Shape,
    describe: for<'g> fn(Value<'g>) -> Value<'g>,
) -> Line {
    Line {
        name,
        source,
        input,
        describe,
    }
}

/// Input of the ImageNet networks.
const IMAGENET: Shape = Shape::map(3, 224, 224);

/// Input of the CIFAR networks.
const CIFAR: Shape = Shape::map(3, 32, 32);

/// Input of the networks for the embedded digits.
const DIGITS: Shape = Shape::map(1, 8, 8);
