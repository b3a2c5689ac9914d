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

use crate::graph::{Graph, Shape, ShapeError, Value};

/// One registered network or unit.
pub struct Model {
    /// Registry name, `lower_snake` with the variant as suffix.
    pub name: &'static str,
    /// Which paper, table and variant, or which listing it is.
    pub source: &'static str,
    /// Input shape per sample that its source gives.
    pub input: Shape,
    /// Its description.
    describe: for<'g> fn(Value<'g>) -> Value<'g>,
}

/// Models that one description yields.
pub struct Family {
    /// Name of the file, as in `list models`.
    pub name: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// The year of its paper, if it is from one.
    pub year: Option<u16>,
    /// Its registry lines.
    pub models: &'static [Model],
}

/// Every family, in the order in which the document treats them.
#[rustfmt::skip]
pub const FAMILIES: &[Family] = &[
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

const fn family(
    name: &'static str,
    title: &'static str,
    year: Option<u16>,
    models: &'static [Model],
) -> Family {
    Family {
        name,
        title,
        year,
        models,
    }
}

/// Every registered model, family by family.
pub fn models() -> impl Iterator<Item = &'static Model> {
    FAMILIES.iter().flat_map(|family| family.models)
}

/// The model of that name.
///
/// # Errors
/// [`ZooError::Unknown`], with the nearest names.
pub fn find(name: &str) -> Result<&'static Model, ZooError> {
    models()
        .find(|model| model.name == name)
        .ok_or_else(|| ZooError::Unknown {
            name: name.to_string(),
            nearest: nearest(name, models().map(|model| model.name)),
        })
}

/// Up to three names that are most like a misspelt one, or that it begins.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = names
        .map(|other| {
            let begun = f64::from(u8::from(other.starts_with(name)));
            (strsim::jaro_winkler(name, other) + begun, other)
        })
        .filter(|(score, _)| *score > 0.7)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(3)
        .map(|(_, name)| name.to_string())
        .collect()
}

/// Why a network cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZooError {
    /// No model has that name.
    #[error("there is no model `{name}`{}", did_you_mean(.nearest))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names like it.
        nearest: Vec<String>,
    },
    /// A layer cannot take what reaches it.
    #[error("{model} cannot take an input of {input}: {error}")]
    Shape {
        /// The model.
        model: &'static str,
        /// The input that was asked for.
        input: Shape,
        /// The layer and what is wrong.
        error: ShapeError,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    match nearest {
        [] => "; `convcheck list models` shows all".into(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}

impl Model {
    /// The network on the input that its source gives.
    ///
    /// # Errors
    /// [`ZooError::Shape`] if its description does not fit together.
    pub fn graph(&self) -> Result<Graph, ZooError> {
        self.build(self.input)
    }

    /// The same network, weights and all, on an input of another size.
    ///
    /// # Errors
    /// [`ZooError::Shape`] names the first layer that does not work at that size, or whose weights
    /// would have to have other dimensions.
    pub fn graph_at(&self, input: Shape) -> Result<Graph, ZooError> {
        let graph = self.build(input)?;
        if input == self.input {
            return Ok(graph);
        }
        let own = self.graph()?;
        for (there, here) in graph.nodes().iter().zip(own.nodes()) {
            let (takes, gets) = (own.input_of(here), graph.input_of(there));
            if there.op.tensors(gets) != here.op.tensors(takes) {
                return Err(ZooError::Shape {
                    model: self.name,
                    input,
                    error: ShapeError {
                        path: here.path.clone(),
                        what: format!(
                            "its weights take {} inputs (from {takes}), but {} come in (from {gets}); the network is made for {}",
                            takes.channels(),
                            gets.channels(),
                            self.input
                        ),
                    },
                });
            }
        }
        Ok(graph)
    }

    fn build(&self, input: Shape) -> Result<Graph, ZooError> {
        Graph::build(input, self.describe).map_err(|error| ZooError::Shape {
            model: self.name,
            input,
            error,
        })
    }
}

/// A registry line.
const fn model(
    name: &'static str,
    source: &'static str,
    input: Shape,
    describe: for<'g> fn(Value<'g>) -> Value<'g>,
) -> Model {
    Model {
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
