//! A node of a graph, and its attributes.

use super::constant::decimal;
use rten_onnx::onnx::{AttributeProto, NodeProto, TensorProto};

/// One call of an operator.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// `Conv`; of another domain than ONNX's own with that before it.
    pub op: String,
    pub name: String,
    /// An empty one is left out.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub attributes: Vec<AttributeProto>,
}

impl Node {
    pub fn new(node: NodeProto) -> Node {
        let op = node.op_type.unwrap_or_default();
        let op = match node.domain.as_deref() {
            None | Some("" | "ai.onnx") => op,
            Some(domain) => format!("{domain}.{op}"),
        };
        Node {
            op,
            name: node.name.unwrap_or_default(),
            inputs: node.input,
            outputs: node.output,
            attributes: node.attribute,
        }
    }

    /// The name of its input of that number.
    pub fn input(&self, i: usize) -> Option<&str> {
        self.inputs
            .get(i)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// The name of its output of that number.
    pub fn output(&self, i: usize) -> Option<&str> {
        self.outputs
            .get(i)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    pub fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some(name))
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name)
            .map_or(default, |found| found.i.unwrap_or(0))
    }

    pub fn float(&self, name: &str, default: f64) -> f64 {
        self.attribute(name)
            .map_or(default, |found| decimal(found.f.unwrap_or(0.0)))
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|found| &found.ints[..])
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.s.as_deref()
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// Sizes of an attribute, none of them negative.
    pub fn sizes(&self, name: &str) -> Option<Vec<usize>> {
        let sizes = self.ints(name)?.iter();
        sizes.map(|&n| usize::try_from(n).ok()).collect()
    }
}
