//! What does a pickle describe, if nothing in it may run?
//!
//! A pickle is a program for a machine that makes values. They live in a list and
//! refer to each other by number, so that neither depth nor a circle can overflow the stack.

use super::global::{Global, Storage, View};
use super::machine;

/// Where a value stands in [`Pickle::values`].
pub(super) type Id = u32;

/// The longest pickle that is read. That of a network with a thousand layers is a fifth of it.
pub(super) const LONGEST: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object<'a> {
    /// `None`, and numbers with a fraction, for which no one asks.
    Other,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(View),
}

impl Object<'_> {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Object::Other => "a number or nothing",
            Object::Bool(_) => "a truth value",
            Object::Int(_) => "a whole number",
            Object::Text(_) => "a text",
            Object::Tuple(_) => "a tuple",
            Object::List(_) => "a list",
            Object::Dict(_) => "a dict",
            Object::Global(_) => "a name",
            Object::Storage(_) => "a storage",
            Object::Tensor(_) => "a tensor",
        }
    }
}

/// What a pickle describes.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    /// Every value that was made on the way.
    pub(super) values: Vec<Object<'a>>,
    /// The one that was left.
    pub(super) root: Id,
    /// Bytes up to and with the pickle's end; others may follow.
    pub(super) length: usize,
}

impl<'a> Pickle<'a> {
    /// Runs the pickle at the start of `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Pickle<'a>, String> {
        machine::run(&bytes[..bytes.len().min(LONGEST)])
    }

    pub(super) fn value(&self, id: Id) -> &Object<'a> {
        &self.values[id as usize]
    }

    pub(super) fn root(&self) -> &Object<'a> {
        self.value(self.root)
    }
}
