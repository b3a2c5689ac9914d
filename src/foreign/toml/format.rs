//! The format: what stands in a file, with the places at which it stands.

use super::verb::{Named, Verb};
use crate::graph::TensorKind;
use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// A network, layer by layer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "convcheck network")]
pub struct NetworkFile {
    /// Where it is from: paper, table, address.
    pub source: Option<String>,
    /// The size of a sample (`"3x224x224"`: channels, rows, columns), or several inputs by name.
    #[schemars(with = "InputsFile")]
    pub input: Spanned<InputsFile>,
    /// The layers, each behind those that it reads.
    #[serde(default, rename = "layer")]
    #[schemars(with = "Vec<LayerFile>")]
    pub layers: Vec<Spanned<LayerFile>>,
    /// What the network puts out, the prediction first; without it, what the last layer computes.
    #[serde(default, rename = "output")]
    #[schemars(with = "Vec<OutputFile>")]
    pub outputs: Vec<Spanned<OutputFile>>,
    /// Modules that stand behind all layers in the `state_dict`, where they are none themselves.
    #[serde(default)]
    pub registers: Vec<String>,
}

/// What goes into a network.
#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "must be a size such as \"3x224x224\", or a list of { name, size }"
)]
pub enum InputsFile {
    /// One, called `input`.
    One(String),
    /// By name.
    Named(Vec<InputFile>),
}

/// An input.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Its name.
    pub name: String,
    /// The size of a sample.
    pub size: String,
}

/// What a network puts out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputFile {
    /// Under which name.
    #[serde(default = "prediction")]
    pub name: String,
    /// The layer that computes it.
    #[schemars(with = "String")]
    pub of: Spanned<String>,
    /// Whether it is for training only.
    #[serde(default)]
    pub auxiliary: bool,
}

/// A layer: its kind with its constants, and these.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerFile {
    /// Its path, scopes joined by dots; without it, it is called as its kind is: `relu`, `relu_2`, and so on.
    #[schemars(with = "Option<String>")]
    pub name: Option<Spanned<String>>,
    /// The layer that it reads, or those; without it the one before.
    #[schemars(with = "Option<OfFile>")]
    pub of: Option<Spanned<OfFile>>,
    /// The layer whose weights it uses.
    #[schemars(with = "Option<String>")]
    pub weights_of: Option<Spanned<String>>,
    /// Its tensors' keys in a `state_dict`, in order, where they are not called after it.
    pub stored: Option<Vec<StoredFile>>,
    /// Modules that stand before it in the `state_dict`, and come later here.
    pub registers: Option<Vec<String>>,
    /// What it computes.
    #[serde(flatten)]
    #[schemars(with = "Verb")]
    pub verb: Option<(String, Verb)>,
    /// What is wrong with its keys.
    #[schemars(skip)]
    pub fault: Option<(Range<usize>, String)>,
}

/// One layer or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "must be the name of a layer, or a list of such")]
pub enum OfFile {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

/// A tensor in a `state_dict`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Its key.
    pub key: String,
    /// What training does with it.
    pub kind: TensorKind,
}

/// Keys of a layer beside its kind.
const COMMON: [&str; 5] = ["name", "of", "weights_of", "stored", "registers"];

pub(super) fn prediction() -> String {
    "output".into()
}

impl<'de> Deserialize<'de> for LayerFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<LayerFile, D::Error> {
        from.deserialize_map(Layers)
    }
}

struct Layers;

impl<'de> Visitor<'de> for Layers {
    type Value = LayerFile;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a layer: `conv = { out = 16, kernel = 3 }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LayerFile, A::Error> {
        let mut layer = LayerFile {
            name: None,
            of: None,
            weights_of: None,
            stored: None,
            registers: None,
            verb: None,
            fault: None,
        };
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let (span, key) = (key.span(), key.into_inner());
            match &*key {
                "name" => layer.name = Some(map.next_value()?),
                "of" => layer.of = Some(map.next_value()?),
                "weights_of" => layer.weights_of = Some(map.next_value()?),
                "stored" => layer.stored = Some(map.next_value()?),
                "registers" => layer.registers = Some(map.next_value()?),
                _ => match (map.next_value_seed(Named(&key))?, &layer.verb) {
                    (Some(verb), None) => layer.verb = Some((key, verb)),
                    (Some(_), Some((other, _))) => {
                        let what = format!("a layer has one kind, not `{other}` and `{key}`");
                        layer.fault.get_or_insert((span, what));
                    }
                    (None, _) => {
                        layer.fault.get_or_insert((span, unknown(&key)));
                    }
                },
            }
        }
        Ok(layer)
    }
}

/// What is said of a key that no layer has.
fn unknown(key: &str) -> String {
    let known = Verb::NAMES.iter().chain(&COMMON).copied();
    let like = crate::nearest::did_you_mean(key, known, "convcheck schema network");
    format!("there is no kind of layer, and no key of one, `{key}`; {like}")
}

/// The format as a JSON Schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(NetworkFile).to_value()
}
