//! Is this the same network? One number for all that decides what it computes.
//!
//! A digest stands in records of what was trained, so it must outlive the way in which this program keeps
//! a graph: it is taken of a text that is written down here, layer by layer, with every constant under its
//! name and every number bit for bit.

use super::{Constant, Graph};
use crate::digest::hex;
use sha2::{Digest, Sha256};

/// Changes with the text below, and then every digest with it.
const FORM: &str = "convcheck graph 1";

impl Graph {
    /// SHA-256 of all that decides what the network computes, in hexadecimal digits: each layer's path,
    /// kind, constants, inputs, output shape and whose weights it uses, and the names of the outputs.
    ///
    /// A constant that a kind of layer gets in a later version must be left out where it has the value
    /// that stood for all before: else every network with such a layer gets another digest.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut line = String::from(FORM);
        let mut next = |line: &mut String| {
            line.push('\n');
            hash.update(line.as_bytes());
            line.clear();
        };
        next(&mut line);
        for (id, node) in self.nodes.iter().enumerate() {
            line = format!("layer {} {}", name(&node.path), node.op.name());
            next(&mut line);
            for (name, constant) in node.op.constants() {
                line = format!("{name} {}", value(&constant));
                next(&mut line);
            }
            line = format!(
                "reads {:?} gives {:?} weights {}",
                node.inputs,
                node.shape.dims(),
                self.owner(id)
            );
            next(&mut line);
            for stored in node.stored.iter() {
                line = format!("{} {}", stored.kind.name(), name(&stored.key));
                next(&mut line);
            }
        }
        for output in &self.outputs {
            line = format!("output {} {}", name(&output.name), output.node);
            next(&mut line);
        }
        hex(&hash.finalize())
    }
}

/// A name behind its length, so that none can look like what follows it.
fn name(name: &str) -> String {
    format!("{} {name}", name.len())
}

/// A constant, a real number by its bits.
fn value(constant: &Constant) -> String {
    match constant {
        Constant::Flag(flag) => flag.to_string(),
        Constant::Size(size) => size.to_string(),
        Constant::Pair(pair) => format!("{pair:?}"),
        Constant::Number(number) => format!("{:016x}", number.to_bits()),
        Constant::Word(word) => (*word).to_string(),
        Constant::Rows(rows) => format!("{rows:?}"),
        Constant::Text(text) => name(text),
    }
}
