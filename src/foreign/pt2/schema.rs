//! The JSON of an exported program, as far as it is read: PyTorch's `torch/_export/serde/schema.py`, major version 8. Keys that
//! are not named here are passed over.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Deserialize)]
pub struct Program {
    pub graph_module: GraphModule,
    #[serde(default)]
    pub torch_version: String,
}

/// The version alone, which is read first.
#[derive(Deserialize)]
pub struct Versioned {
    pub schema_version: Version,
}

#[derive(Deserialize)]
pub struct Version {
    pub major: i64,
    #[serde(default)]
    pub minor: i64,
}

#[derive(Deserialize)]
pub struct GraphModule {
    pub graph: Graph,
    pub signature: Signature,
    #[serde(default)]
    pub module_call_graph: Vec<ModuleCall>,
}

#[derive(Deserialize)]
pub struct ModuleCall {
    pub fqn: String,
    #[serde(default)]
    pub signature: Option<ModuleSignature>,
}

#[derive(Deserialize)]
pub struct ModuleSignature {
    #[serde(default)]
    pub out_spec: String,
}

#[derive(Deserialize)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub tensor_values: BTreeMap<String, TensorMeta>,
    #[serde(default)]
    pub sym_int_values: BTreeMap<String, Size>,
}

#[derive(Deserialize)]
pub struct Node {
    pub target: String,
    pub inputs: Vec<NamedArgument>,
    pub outputs: Vec<Argument>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct NamedArgument {
    #[serde(default)]
    pub name: String,
    pub arg: Argument,
}

#[derive(Deserialize)]
pub struct TensorMeta {
    pub dtype: i64,
    pub sizes: Vec<Size>,
    #[serde(default)]
    pub strides: Vec<Size>,
    #[serde(default)]
    pub storage_offset: Option<Size>,
}

#[derive(Deserialize)]
pub struct Signature {
    pub input_specs: Vec<InputSpec>,
    pub output_specs: Vec<OutputSpec>,
}

#[derive(Deserialize)]
pub struct TensorName {
    pub name: String,
}

/// Which input of the graph is which; others are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct InputSpec {
    pub parameter: Option<ParameterSpec>,
    pub buffer: Option<BufferSpec>,
    pub tensor_constant: Option<ConstantSpec>,
    pub user_input: Option<UserSpec>,
}

#[derive(Deserialize)]
pub struct ParameterSpec {
    pub arg: TensorName,
    pub parameter_name: String,
}

#[derive(Deserialize)]
pub struct BufferSpec {
    pub arg: TensorName,
    pub buffer_name: String,
}

#[derive(Deserialize)]
pub struct ConstantSpec {
    pub arg: TensorName,
    pub tensor_constant_name: String,
}

#[derive(Deserialize)]
pub struct UserSpec {
    pub arg: Argument,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct OutputSpec {
    pub user_output: Option<UserSpec>,
}

/// What a call is given, or gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    Tensor(String),
    Tensors(Vec<String>),
    None,
    Int(i64),
    Ints(Vec<i64>),
    Float(f64),
    Floats(Vec<f64>),
    Bool(bool),
    Text(String),
    /// Numbers that may follow from sizes.
    Symbol(Symbol),
    Symbols(Vec<Symbol>),
    /// What no operator that is known is given.
    Other,
}

/// A number, or the name of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Symbol {
    Int(i64),
    Name(String),
}

/// A size: a number, or an expression with the number that it had for the example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size(pub Option<i64>);

/// Reads a map of one key by what that key says.
macro_rules! by_key {
    ($type:ident, $expecting:literal, |$key:ident, $map:ident| $body:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct OfKey;
                impl<'de> Visitor<'de> for OfKey {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut $map: A) -> Result<$type, A::Error> {
                        let mut found = None;
                        while let Some(key) = $map.next_key::<String>()? {
                            let $key = key.as_str();
                            let read: Option<$type> = $body;
                            if found.is_none() {
                                found = read;
                            }
                        }
                        found.ok_or_else(|| serde::de::Error::custom(concat!("needs ", $expecting)))
                    }
                }
                deserializer.deserialize_map(OfKey)
            }
        }
    };
}

by_key!(Argument, "an argument", |key, map| Some(match key {
    "as_tensor" => Argument::Tensor(map.next_value::<TensorName>()?.name),
    "as_tensors" => {
        let names: Vec<TensorName> = map.next_value()?;
        Argument::Tensors(names.into_iter().map(|tensor| tensor.name).collect())
    }
    "as_none" => {
        map.next_value::<IgnoredAny>()?;
        Argument::None
    }
    "as_int" => Argument::Int(map.next_value()?),
    "as_ints" => Argument::Ints(map.next_value()?),
    "as_float" => Argument::Float(map.next_value::<Float>()?.0),
    "as_floats" => {
        let floats: Vec<Float> = map.next_value()?;
        Argument::Floats(floats.into_iter().map(|float| float.0).collect())
    }
    "as_bool" => Argument::Bool(map.next_value()?),
    "as_string" => Argument::Text(map.next_value()?),
    "as_sym_int" => Argument::Symbol(map.next_value()?),
    "as_sym_ints" => Argument::Symbols(map.next_value()?),
    _ => {
        map.next_value::<IgnoredAny>()?;
        Argument::Other
    }
}));

by_key!(Symbol, "a number or its name", |key, map| match key {
    "as_int" => Some(Symbol::Int(map.next_value()?)),
    "as_name" => Some(Symbol::Name(map.next_value()?)),
    _ => {
        map.next_value::<IgnoredAny>()?;
        None
    }
});

by_key!(Size, "a size", |key, map| match key {
    "as_int" => Some(Size(Some(map.next_value()?))),
    "as_expr" => Some(Size(
        map.next_value::<Expression>()?.hint.and_then(|hint| hint.0)
    )),
    _ => {
        map.next_value::<IgnoredAny>()?;
        None
    }
});

#[derive(Deserialize)]
struct Expression {
    #[serde(default)]
    hint: Option<Size>,
}

/// A number, or one of the words for those that JSON has not.
struct Float(f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Float, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Float(number)),
            Written::Word(word) => match word.as_str() {
                "Infinity" => Ok(Float(f64::INFINITY)),
                "-Infinity" => Ok(Float(f64::NEG_INFINITY)),
                "NaN" => Ok(Float(f64::NAN)),
                _ => Err(serde::de::Error::custom(format!("`{word}` is no number"))),
            },
        }
    }
}
