//! Which names may a pickle refer to, and what do they make of their arguments?

use super::object::{Global, Id, Object, Storage, View, count};
use super::short;
use candle_core::DType;

/// What a call makes.
pub(super) enum Made<'a> {
    New(Object<'a>),
    /// A value that was there.
    Known(Id),
}

/// The global of that name.
pub(super) fn named(module: &str, name: &str) -> Result<Global, String> {
    match (module, name) {
        ("collections", "OrderedDict") => Ok(Global::OrderedDict),
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Ok(Global::Tensor),
        ("torch._utils", "_rebuild_parameter") => Ok(Global::Parameter),
        ("torch", storage) if let Some(dtype) = stored(storage) => Ok(Global::Storage(dtype)),
        _ => Err(format!(
            "asks for `{}.{}`, which a state dict does not need and which is not run; save `model.state_dict()` alone",
            short(module),
            short(name)
        )),
    }
}

/// The type of number in a storage of that class.
fn stored(class: &str) -> Option<DType> {
    Some(match class {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" => DType::I32,
        "ShortStorage" => DType::I16,
        "ByteStorage" | "BoolStorage" => DType::U8,
        _ => return None,
    })
}

/// What a global makes of those arguments.
pub(super) fn call<'a>(
    global: Global,
    values: &[Object<'a>],
    arguments: &[Id],
) -> Result<Made<'a>, String> {
    match (global, arguments) {
        (Global::OrderedDict, []) => Ok(Made::New(Object::Dict(Vec::new()))),
        // as Python 2 wrote them
        (Global::OrderedDict, &[pairs]) => Ok(Made::New(Object::Dict(entries(values, pairs)?))),
        (Global::Tensor, &[storage, offset, size, stride, ..]) => {
            if !matches!(values[storage as usize], Object::Storage(_)) {
                return Err("has a tensor without a storage".into());
            }
            Ok(Made::New(Object::Tensor(View {
                storage,
                offset: count(values, offset)?,
                size,
                stride,
            })))
        }
        (Global::Parameter, &[tensor, ..])
            if matches!(values[tensor as usize], Object::Tensor(_)) =>
        {
            Ok(Made::Known(tensor))
        }
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

/// The storage that a persistent id names:
/// `('storage', type, key, location, count[, None or (view key, start, count)])`.
pub(super) fn storage(values: &[Object], id: Id) -> Result<Storage, String> {
    let wrong = || "refers to something outside that is no storage".to_string();
    let Object::Tuple(parts) = &values[id as usize] else {
        return Err(wrong());
    };
    let &[word, class, key, _location, whole, ref part @ ..] = &parts[..] else {
        return Err(wrong());
    };
    let (Object::Text("storage"), &Object::Global(Global::Storage(dtype)), Object::Text(_)) = (
        &values[word as usize],
        &values[class as usize],
        &values[key as usize],
    ) else {
        return Err(wrong());
    };
    let (start, count) = match part {
        &[part] if let Object::Tuple(part) = &values[part as usize] => match part[..] {
            [_key, start, length] => (count(values, start)?, count(values, length)?),
            _ => return Err(wrong()),
        },
        _ => (0, count(values, whole)?),
    };
    Ok(Storage {
        dtype,
        key,
        count,
        start,
    })
}
