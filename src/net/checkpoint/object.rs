//! Of what does a pickle consist, once it has been read?
//!
//! Its values live in a list and refer to each other by number, so that neither depth nor a circle can
//! overflow the stack.

use super::short;
use candle_core::DType;
use std::borrow::Cow;

/// Where a value stands in the list.
pub(super) type Id = u32;

/// What a tensor is that is passed over.
pub(super) const UNREAD: &str =
    "a tensor of numbers that are not read (complex, quantised or of 8 bits with a sign)";

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object<'a> {
    /// What no one asks for: what it is, for a message.
    Other(&'static str),
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// What a class or a function that is not known here would have made: that class or function. It is not
    /// run, and what it is handed is dropped.
    Foreign(Id),
    Storage(Storage),
    Tensor(View),
}

impl Object<'_> {
    /// Whether it is that text.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Object::Text(text) if text == word)
    }
}

/// What the value of that number is, for a message.
pub(super) fn kind(values: &[Object], id: Id) -> String {
    let text = |id: Id| match &values[id as usize] {
        Object::Text(text) => short(text),
        _ => "?".into(),
    };
    match values[id as usize] {
        Object::Other(what) => what.into(),
        Object::Bool(_) => "a truth value".into(),
        Object::Int(_) => "a whole number".into(),
        Object::Text(_) => "a text".into(),
        Object::Tuple(_) => "a tuple".into(),
        Object::List(_) => "a list".into(),
        Object::Dict(_) => "a dict".into(),
        Object::Global(Global::Class(module, name)) => {
            format!("the name `{}.{}`", text(module), text(name))
        }
        Object::Global(_) => "a name".into(),
        Object::Foreign(class) => match values[class as usize] {
            Object::Global(Global::Class(module, name)) => {
                format!("a `{}.{}`", text(module), text(name))
            }
            _ => "an object".into(),
        },
        Object::Storage(_) => "a storage".into(),
        Object::Tensor(_) => "a tensor".into(),
    }
}

/// A name to which a pickle refers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    /// `OrderedDict` and `defaultdict`, which are filled like a dict.
    Dict,
    /// `_rebuild_tensor` and `_rebuild_tensor_v2`, which begin with the same four arguments.
    Tensor,
    Parameter,
    /// `_rebuild_from_type_v2`: a tensor with attributes, or of a class of its own.
    OfType,
    /// `copyreg._reconstructor`, by which protocols 0 and 1 make objects.
    Reconstructor,
    /// The storages of one type of number.
    Storage(Numbers),
    /// Anything else: its module and its name.
    Class(Id, Id),
}

/// The numbers in a storage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    /// `None` for those that are not read: complex, quantised, of 8 bits with a sign.
    pub(super) dtype: Option<DType>,
    /// Bytes of one.
    pub(super) size: u8,
}

/// A run of numbers in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Storage {
    pub(super) numbers: Numbers,
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
        _ => Err(format!(
            "has {} where a count or an offset belongs",
            kind(values, id)
        )),
    }
}
