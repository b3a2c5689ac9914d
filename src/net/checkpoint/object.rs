//! Of what does a pickle consist, once it has been read?
//!
//! Its values live in a list and refer to each other by number, so that neither depth nor a circle can
//! overflow the stack.

use candle_core::DType;

/// Where a value stands in the list.
pub(super) type Id = u32;

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

/// A name that a pickle may refer to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`, which begin with the same four arguments.
    Tensor,
    Parameter,
    /// The storages of one type of number.
    Storage(DType),
}

/// A run of numbers in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Storage {
    pub(super) dtype: DType,
    /// The text under which the file has it.
    pub(super) key: Id,
    /// Numbers in it.
    pub(super) count: u64,
    /// Where a part of it starts, for a storage that is part of another.
    pub(super) start: u64,
}

/// A tensor's place in a storage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) storage: Id,
    pub(super) offset: u64,
    /// Tuple of dimensions.
    pub(super) size: Id,
    /// Tuple of strides, in numbers.
    pub(super) stride: Id,
}

/// A number that is not negative.
pub(super) fn count(values: &[Object], id: Id) -> Result<u64, String> {
    match values[id as usize] {
        Object::Int(n) => {
            u64::try_from(n).map_err(|_| format!("has {n} where a count or an offset belongs"))
        }
        ref other => Err(format!(
            "has {} where a count or an offset belongs",
            other.kind()
        )),
    }
}
