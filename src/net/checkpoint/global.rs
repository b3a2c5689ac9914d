//! Which names of a pickle are known, and what do they make of their arguments?

use super::object::{Global, Id, Numbers, Object, Storage, UNREAD, View, count};
use candle_core::DType;

/// What a call makes.
pub(super) enum Made<'a> {
    New(Object<'a>),
    /// A value that was there.
    Known(Id),
}

/// The global of that name, if it has a part in a state dict.
pub(super) fn named(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "defaultdict") => Global::Dict,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            Global::Parameter
        }
        ("torch._tensor", "_rebuild_from_type" | "_rebuild_from_type_v2") => Global::OfType,
        ("copyreg" | "copy_reg", "_reconstructor") => Global::Reconstructor,
        ("torch" | "torch.cuda" | "torch.storage", class) => Global::Storage(stored(class)?),
        _ => return None,
    })
}

/// The numbers in a storage of that class.
fn stored(class: &str) -> Option<Numbers> {
    let read = |dtype: DType| Numbers {
        dtype: Some(dtype),
        size: dtype.size_in_bytes() as u8, // at most eight
    };
    let unread = |size| Numbers { dtype: None, size };
    Some(match class {
        "FloatStorage" => read(DType::F32),
        "DoubleStorage" => read(DType::F64),
        "HalfStorage" => read(DType::F16),
        "BFloat16Storage" => read(DType::BF16),
        "LongStorage" => read(DType::I64),
        "IntStorage" => read(DType::I32),
        "ShortStorage" => read(DType::I16),
        "ByteStorage" | "BoolStorage" => read(DType::U8),
        "CharStorage" | "QInt8Storage" | "QUInt8Storage" | "QUInt4x2Storage"
        | "QUInt2x4Storage" | "UntypedStorage" | "_UntypedStorage" => unread(1),
        "QInt32Storage" => unread(4),
        "ComplexFloatStorage" => unread(8),
        "ComplexDoubleStorage" => unread(16),
        _ => return None,
    })
}

/// What a global makes of those arguments; `callee` is where it stands.
pub(super) fn call<'a>(
    values: &[Object<'a>],
    callee: Id,
    global: Global,
    arguments: &[Id],
) -> Result<Made<'a>, String> {
    let value = |id: Id| &values[id as usize];
    match (global, arguments) {
        (Global::Class(..), _) => Ok(Made::New(Object::Foreign(callee))),
        // as Python 2 wrote them: OrderedDict(list of pairs); a defaultdict is handed what makes a value
        (Global::Dict, &[pairs]) if matches!(value(pairs), Object::List(_) | Object::Tuple(_)) => {
            Ok(Made::New(Object::Dict(entries(values, pairs)?)))
        }
        (Global::Dict, _) => Ok(Made::New(Object::Dict(Vec::new()))),
        (Global::Tensor, &[storage, offset, size, stride, ref more @ ..]) => {
            match (value(storage), more) {
                // the numbers in the file are the negatives or the conjugates of those that are meant
                (_, &[_, _, flags, ..]) if matches!(value(flags), Object::Dict(flags) if !flags.is_empty()) => {
                    Ok(Made::New(Object::Other("a tensor with flags")))
                }
                (Object::Storage(_), _) => Ok(Made::New(Object::Tensor(View {
                    storage,
                    offset: count(values, offset)?,
                    size,
                    stride,
                }))),
                (Object::Other(_) | Object::Foreign(_), _) => Ok(Made::New(Object::Other(UNREAD))),
                _ => Err("has a tensor without a storage".into()),
            }
        }
        (Global::Parameter, &[tensor, ..]) => match value(tensor) {
            Object::Tensor(_) | Object::Other(_) | Object::Foreign(_) => Ok(Made::Known(tensor)),
            _ => Err("has a parameter that is no tensor".into()),
        },
        (Global::OfType, &[function, _class, arguments, ..]) => {
            match (value(function), value(arguments)) {
                (
                    Object::Global(inner @ (Global::Tensor | Global::Parameter)),
                    Object::Tuple(arguments),
                ) => call(values, function, *inner, arguments),
                _ => Ok(Made::New(Object::Foreign(function))),
            }
        }
        // (class, base, what the base has): a class that is a dict with more methods
        (Global::Reconstructor, &[_, _, state]) if matches!(value(state), Object::Dict(_)) => {
            Ok(Made::Known(state))
        }
        (Global::Reconstructor, &[class, ..]) => Ok(Made::New(Object::Foreign(class))),
        _ => Err(format!(
            "calls {global:?} with {} arguments that do not suit it",
            arguments.len()
        )),
    }
}

/// The entries of a list of pairs.
fn entries(values: &[Object], pairs: Id) -> Result<Vec<(Id, Id)>, String> {
    let (Object::List(pairs) | Object::Tuple(pairs)) = &values[pairs as usize] else {
        return Err("makes an OrderedDict of what is no list".into());
    };
    pairs
        .iter()
        .map(|&pair| match &values[pair as usize] {
            Object::List(pair) | Object::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err("makes an OrderedDict of what are no pairs".into()),
        })
        .collect()
}

/// What a persistent id names: a storage,
/// `('storage', type, key, location, count[, None or (view key, start, count)])`, or a class of which the
/// file has the source too, `('module', class, ...)`.
pub(super) fn outside<'a>(values: &[Object<'a>], id: Id) -> Result<Made<'a>, String> {
    let wrong = || "refers to something outside that is no storage".to_string();
    let Object::Tuple(parts) = &values[id as usize] else {
        return Err(wrong());
    };
    let is = |id: Id, word: &str| values[id as usize].is(word);
    let (class, key, whole, part) = match parts[..] {
        [word, class, ..] if is(word, "module") => return Ok(Made::Known(class)),
        [word, class, key, _location, whole, ref part @ ..] if is(word, "storage") => {
            (class, key, whole, part)
        }
        _ => return Err(wrong()),
    };
    let numbers = match values[class as usize] {
        Object::Global(Global::Storage(numbers)) => numbers,
        Object::Global(Global::Class(..)) => return Ok(Made::New(Object::Foreign(class))),
        _ => return Err(wrong()),
    };
    if !matches!(values[key as usize], Object::Text(_)) {
        return Err(wrong());
    }
    let (start, count) = match part {
        &[part] if let Object::Tuple(part) = &values[part as usize] => match part[..] {
            [_key, start, length] => (count(values, start)?, count(values, length)?),
            _ => return Err(wrong()),
        },
        _ => (0, count(values, whole)?),
    };
    Ok(Made::New(Object::Storage(Storage {
        numbers,
        key,
        count,
        start,
    })))
}

/// A persistent id as protocol 0 writes it, the text of that tuple:
/// `('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 27)`. Its numbers, its key and its count.
pub(super) fn written_out(text: &str) -> Option<(Numbers, &str, u64)> {
    let rest = text.strip_prefix("('storage', <class '")?;
    let (class, rest) = rest.split_once("'>, '")?;
    let (key, rest) = rest.split_once("', '")?;
    let (_location, rest) = rest.split_once("', ")?;
    let count = rest.strip_suffix(')')?;
    let count = count.strip_suffix(", None").unwrap_or(count);
    let (module, class) = class.rsplit_once('.')?;
    match named(module, class)? {
        Global::Storage(numbers) => Some((numbers, key, count.parse().ok()?)),
        _ => None,
    }
}
