//! How is a network trained? Everything that decides a run but its seed.

use crate::data::{Augment, Fit, Source};
use crate::digest;
use crate::net::{Init, Norm};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of a model, with arguments or without: `resnet18{classes=10}`.
    pub model: String,
    /// Data set.
    pub data: Source,
    /// Of the training images, only so many, the first.
    pub images: Option<usize>,
    /// Rows and columns to which images are brought before they are altered; the model's without it.
    pub size: Option<usize>,
    /// How they are brought to it.
    #[serde(default)]
    pub fit: Fit,
    /// Alterations of the training images.
    #[serde(default)]
    pub augment: Vec<Augment>,
    /// Alterations of the images that the network is evaluated on.
    #[serde(default)]
    pub augment_evaluation: Vec<Augment>,
    /// The scale of the numbers.
    #[serde(default)]
    pub normalise: Normalise,
    /// Passes over the training images.
    pub epochs: u32,
    /// Images a step.
    pub batch: usize,
    /// What becomes of a last batch that is smaller.
    #[serde(default)]
    pub last_batch: LastBatch,
    /// In which order the images come.
    #[serde(default)]
    pub order: Order,
    /// How weights start.
    #[serde(default)]
    pub init: Init,
    /// How batch normalisation runs in training.
    #[serde(default)]
    pub norm: Norm,
    /// How weights follow their gradients.
    pub optimizer: Optimizer,
    /// How the rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Steps over which the rate rises from zero, in equal parts.
    #[serde(default)]
    pub warm_up: u64,
    /// Share of the target that is spread over all classes (Szegedy et al. 2015, section 7).
    #[serde(default)]
    pub smoothing: f64,
    /// Weight of each auxiliary head's loss (Szegedy et al. 2014, section 5: 0.3).
    #[serde(default)]
    pub auxiliary: f64,
}

/// The scale of an image's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// Mean and deviation of the training images.
    #[default]
    Own,
    /// Those of ImageNet.
    Imagenet,
    /// Between 0 and 1.
    Unit,
}

/// What becomes of a last batch that is smaller than the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LastBatch {
    /// It is a step like the others.
    #[default]
    Keep,
    /// It is left out.
    Drop,
}

/// In which order the images of an epoch come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Each order is as likely as any other.
    #[default]
    Shuffled,
    /// As TensorFlow's `shuffle`: each is drawn from a buffer of that many, which fills up with the next
    /// image of the file.
    Buffer(usize),
}

/// How weights follow their gradients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam (Kingma & Ba 2015); `weight_decay` is added to the gradient.
    Adam(Adam),
    /// AdamW (Loshchilov & Hutter 2019): `weight_decay` shrinks the weights themselves.
    AdamW(Adam),
}

/// Stochastic gradient descent, in PyTorch's form: `v = momentum v + g`, `w = w - rate v`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// Learning rate, before the schedule.
    pub rate: f64,
    /// Share of the last step that goes on.
    #[serde(default)]
    pub momentum: f64,
    /// Whether the gradient is looked up ahead (Nesterov 1983): `w = w - rate (g + momentum v)`.
    #[serde(default)]
    pub nesterov: bool,
    /// That much of each weight is added to its gradient.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether biases and the tensors of normalisations decay too.
    #[serde(default = "yes")]
    pub decay_all: bool,
}

/// Adam's constants.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// Learning rate, before the schedule.
    pub rate: f64,
    /// Share of the old mean of gradients that stays.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// Share of the old mean of squares that stays.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// Whose form: it decides the epsilon and where it is added.
    #[serde(default)]
    pub form: AdamForm,
    /// How much weights decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether biases and the tensors of normalisations decay too.
    #[serde(default = "yes")]
    pub decay_all: bool,
}

/// Whose Adam.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdamForm {
    /// PyTorch's: epsilon 1e-8, added to the root of the corrected mean of squares.
    #[default]
    Torch,
    /// Keras': epsilon 1e-7, added to the root before it is corrected.
    Keras,
}

/// How the rate changes over a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It does not.
    #[default]
    Constant,
    /// It falls in a line, to zero behind the last step.
    Linear,
    /// It falls along half a cosine, to zero behind the last step (Loshchilov & Hutter 2017).
    Cosine,
    /// It is multiplied at certain steps.
    Step {
        /// Numbers of steps taken before each change.
        at: Vec<u64>,
        /// By what it is multiplied.
        factor: f64,
    },
    /// It rises along half a cosine from a 25th of the rate, and falls along half a cosine to a
    /// 250,000th of it (Smith & Topin 2018, in PyTorch's default form).
    OneCycle {
        /// Share of the steps that it rises.
        rise: f64,
    },
}

const fn yes() -> bool {
    true
}

const fn beta1() -> f64 {
    0.9
}

const fn beta2() -> f64 {
    0.999
}

impl Recipe {
    /// Steps of an epoch over so many images.
    pub fn steps_of_epoch(&self, images: usize) -> u64 {
        // no recipe that can be followed has empty batches
        let batch = self.batch.max(1);
        (match self.last_batch {
            LastBatch::Keep => images.div_ceil(batch),
            LastBatch::Drop => images / batch,
        }) as u64
    }

    /// What it is, in 16 hexadecimal digits: of SHA-256 over its JSON in canonical form. The model's name is not part of
    /// it: a network is known by the digest of its graph, whatever it is called.
    pub fn fingerprint(&self) -> String {
        let mut json = self.canonical();
        json.as_object_mut().map(|keys| keys.remove("model"));
        digest::of_json(&json)
    }

    /// Its JSON with sorted keys, without those that stand for their defaults: a key is left out where the recipe reads
    /// the same without it. So a key that is new, with a default that is what was done before, changes no fingerprint.
    pub(super) fn canonical(&self) -> Json {
        let mut json = serde_json::to_value(self).expect("a recipe is numbers, names and lists");
        json.sort_all_objects();
        let mut places = vec![String::new()];
        while let Some(place) = places.pop() {
            let keys: Vec<String> = match json.pointer(&place) {
                Some(Json::Object(keys)) => keys.keys().cloned().collect(),
                Some(Json::Array(items)) => {
                    places.extend((0..items.len()).map(|i| format!("{place}/{i}")));
                    continue;
                }
                _ => continue,
            };
            for key in keys {
                let mut shorter = json.clone();
                if let Some(Json::Object(keys)) = shorter.pointer_mut(&place) {
                    keys.remove(&key);
                }
                match Recipe::deserialize(&shorter).is_ok_and(|recipe| recipe == *self) {
                    true => json = shorter,
                    false => places.push(format!("{place}/{key}")),
                }
            }
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn smallest() -> Json {
        json!({
            "model": "m",
            "data": "digits",
            "epochs": 1,
            "batch": 8,
            "optimizer": { "adam": { "rate": 0.1 } },
            "augment": [{ "pad-crop": 1 }],
        })
    }

    fn read(json: &Json) -> Recipe {
        Recipe::deserialize(json).unwrap()
    }

    /// Whoever writes a default out follows the same recipe; so does one written before the key was there.
    #[test]
    fn defaults_that_are_written_out_change_no_fingerprint() {
        let recipe = read(&smallest());
        assert_eq!(recipe.canonical(), smallest());
        let mut whole = serde_json::to_value(&recipe).unwrap();
        assert!(whole.as_object().unwrap().len() > smallest().as_object().unwrap().len());
        whole["optimizer"]["adam"]["beta1"] = json!(0.9);
        assert_eq!(read(&whole).fingerprint(), recipe.fingerprint());
    }

    /// A network is known by its graph, not by its name; all else that a recipe says counts.
    #[test]
    fn all_but_the_name_of_the_model_counts() {
        let recipe = read(&smallest());
        let with = |pointer: &str, value: Json| {
            let mut json = serde_json::to_value(&recipe).unwrap();
            *json.pointer_mut(pointer).unwrap() = value;
            read(&json).fingerprint()
        };
        assert_eq!(with("/model", json!("another")), recipe.fingerprint());
        for (pointer, value) in [
            ("/batch", json!(9)),
            ("/optimizer/adam/beta1", json!(0.8)),
            ("/augment/0/pad-crop", json!(2)),
            ("/smoothing", json!(0.1)),
            ("/schedule", json!({ "step": { "at": [1], "factor": 0.1 } })),
        ] {
            assert_ne!(with(pointer, value), recipe.fingerprint(), "{pointer}");
        }
    }
}
