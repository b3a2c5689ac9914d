//! A call of an operator, and what it was given.

use super::schema::{Argument, Node, Symbol};
use crate::foreign::assembly::Value;
use std::collections::BTreeMap;

/// A call whose arguments are looked up by name: trailing ones that have their default are not in the file.
pub struct Call<'a> {
    /// Without its namespace, its overload, and the `_` of what works in place: `add`.
    pub name: &'a str,
    /// As the file has it: `aten.add_.Tensor`.
    pub operator: &'a str,
    pub node: &'a Node,
    /// The numbers of names.
    pub symbols: &'a BTreeMap<String, i64>,
}

impl<'a> Call<'a> {
    pub fn new(node: &'a Node, symbols: &'a BTreeMap<String, i64>) -> Call<'a> {
        let operator = node
            .target
            .strip_prefix("torch.ops.")
            .unwrap_or(&node.target);
        let name = match operator.split('.').collect::<Vec<_>>()[..] {
            ["aten", name, ..] => name,
            _ => operator,
        };
        let name = match name.strip_suffix('_') {
            Some(pure) if !pure.is_empty() && !pure.ends_with('_') => pure,
            _ => name,
        };
        Call {
            name,
            operator,
            node,
            symbols,
        }
    }

    /// Its argument of that name.
    pub fn get(&self, name: &str) -> Option<&'a Argument> {
        let found = self
            .node
            .inputs
            .iter()
            .find(|argument| argument.name == name);
        found
            .map(|argument| &argument.arg)
            .filter(|argument| **argument != Argument::None)
    }

    /// Its argument of that number, whatever its name.
    pub fn at(&self, place: usize) -> Option<&'a Argument> {
        let found = self.node.inputs.get(place);
        found
            .map(|argument| &argument.arg)
            .filter(|argument| **argument != Argument::None)
    }

    /// The name of a value.
    pub fn tensor(&self, name: &str) -> Option<&'a str> {
        tensor(self.get(name)?)
    }

    pub fn int(&self, name: &str, default: i64) -> Option<i64> {
        match self.get(name) {
            None => Some(default),
            Some(argument) => self.number(argument),
        }
    }

    /// An int where there may be one.
    pub fn number(&self, argument: &Argument) -> Option<i64> {
        match argument {
            Argument::Int(n) => Some(*n),
            Argument::Symbol(symbol) => self.symbol(symbol),
            _ => None,
        }
    }

    fn symbol(&self, symbol: &Symbol) -> Option<i64> {
        match symbol {
            Symbol::Int(n) => Some(*n),
            Symbol::Name(name) => self.symbols.get(name).copied(),
        }
    }

    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.get(name)? {
            Argument::Ints(ints) => Some(ints.clone()),
            Argument::Int(n) => Some(vec![*n]),
            Argument::Symbols(symbols) => {
                symbols.iter().map(|symbol| self.symbol(symbol)).collect()
            }
            _ => None,
        }
    }

    pub fn float(&self, name: &str, default: f64) -> Option<f64> {
        match self.get(name) {
            None => Some(default),
            Some(argument) => scalar(argument),
        }
    }

    pub fn flag(&self, name: &str, default: bool) -> Option<bool> {
        match self.get(name) {
            None => Some(default),
            Some(Argument::Bool(flag)) => Some(*flag),
            Some(_) => None,
        }
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.get(name)? {
            Argument::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `[h, w]` of one number or two.
    pub fn pair(&self, name: &str, default: usize) -> Option<[usize; 2]> {
        if self.get(name).is_none() {
            return Some([default; 2]);
        }
        let sizes: Option<Vec<usize>> = self
            .ints(name)?
            .into_iter()
            .map(|n| usize::try_from(n).ok())
            .collect();
        match sizes?[..] {
            [n] => Some([n, n]),
            [h, w] => Some([h, w]),
            _ => None,
        }
    }

    /// The names of all values that it reads.
    pub fn reads(&self) -> Vec<&'a str> {
        let arguments = self.node.inputs.iter().map(|argument| &argument.arg);
        arguments
            .flat_map(|argument| match argument {
                Argument::Tensor(name) => vec![name.as_str()],
                Argument::Tensors(names) => names.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The names of the values that it gives.
    pub fn gives(&self) -> Vec<&'a str> {
        let outputs = self.node.outputs.iter();
        outputs
            .flat_map(|output| match output {
                Argument::Tensor(name) => vec![name.as_str()],
                Argument::Tensors(names) => names.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            })
            .collect()
    }
}

/// The name of a value.
pub fn tensor(argument: &Argument) -> Option<&str> {
    match argument {
        Argument::Tensor(name) => Some(name),
        _ => None,
    }
}

/// A number that may be written as an int.
pub fn scalar(argument: &Argument) -> Option<f64> {
    match *argument {
        Argument::Int(n) => Some(n as f64),
        Argument::Float(x) => Some(x),
        _ => None,
    }
}

/// A layer's number, if that is what a value is.
pub fn layer(value: &Value) -> Option<usize> {
    match value {
        Value::Layer(id) => Some(*id),
        Value::Kept(..) => None,
    }
}
