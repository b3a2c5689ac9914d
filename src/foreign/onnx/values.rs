//! The shapes that a file states: of its inputs, and of other values where it has them.

use crate::visible::line;
use rten_onnx::onnx::{GraphProto, ValueInfoProto};
use std::collections::{BTreeMap, BTreeSet};

/// Samples of a batch whose size the file leaves open: a number that no other size is likely to be.
const OPEN: usize = 31;

/// Inputs and values with their dimensions, the batch included.
pub(super) struct Values<'a> {
    /// Samples in the batch.
    pub batch: usize,
    pub inputs: Vec<(&'a str, Vec<usize>)>,
    pub stated: BTreeMap<&'a str, Vec<usize>>,
}

/// A size that a file gives as a number, or as a name.
enum Size<'a> {
    Number(usize),
    Name(&'a str),
}

impl<'a> Values<'a> {
    /// Of a graph.
    ///
    /// # Errors
    /// An input without a size.
    pub fn of(graph: &'a GraphProto) -> Result<Values<'a>, String> {
        let weights: BTreeSet<&str> = (graph.initializer.iter())
            .filter_map(|tensor| tensor.name.as_deref())
            .collect();
        let is_input = |info: &&ValueInfoProto| !weights.contains(name(info));
        let users: Vec<&ValueInfoProto> = graph.input.iter().filter(is_input).collect();
        let first = users.first().ok_or("takes no tensor as its input")?;
        let sizes = sizes(first).unwrap_or_default();
        let (batch, open) = match sizes[..] {
            [Size::Number(batch), _, ..] if batch > 0 => (batch, None),
            [Size::Name(open), _, ..] => (OPEN, Some(open)),
            _ => {
                return Err(format!(
                    "its input `{}` must have a batch and channels",
                    line(name(first))
                ));
            }
        };
        let dims = |info: &'a ValueInfoProto, is_input: bool| -> Result<Vec<usize>, String> {
            let all = self::sizes(info).ok_or("has no shape")?;
            let all = all.into_iter().enumerate().map(|(i, size)| match size {
                Size::Number(size) => Ok(size),
                Size::Name(name) if open == Some(name) || is_input && i == 0 && open.is_some() => {
                    Ok(batch)
                }
                Size::Name(name) => Err(format!(
                    "leaves its size {i} open{}: export it with a fixed one",
                    match name {
                        "" => String::new(),
                        name => format!(" (`{}`)", line(name)),
                    }
                )),
            });
            all.collect()
        };
        let inputs = users.into_iter().map(|info| {
            let of = dims(info, true);
            let of = of.map_err(|what| format!("its input `{}` {what}", line(name(info))))?;
            Ok((name(info), of))
        });
        let inputs: Vec<(&str, Vec<usize>)> = inputs.collect::<Result<_, String>>()?;
        if let Some((name, _)) = inputs.iter().find(|(_, dims)| dims.contains(&0)) {
            return Err(format!("its input `{}` has a size of 0", line(name)));
        }
        let stated = graph.value_info.iter().chain(&graph.output);
        let stated = stated.filter_map(|info| Some((name(info), dims(info, false).ok()?)));
        Ok(Values {
            batch,
            inputs,
            stated: stated.collect(),
        })
    }
}

fn name(info: &ValueInfoProto) -> &str {
    info.name.as_deref().unwrap_or_default()
}

fn sizes(info: &ValueInfoProto) -> Option<Vec<Size<'_>>> {
    let shape = info.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let size = |dim: &'_ rten_onnx::onnx::Dimension| match dim.dim_value {
        Some(size) => usize::try_from(size).ok(),
        None => None,
    };
    let all = shape.dim.iter().map(|dim| match size(dim) {
        Some(size) => Size::Number(size),
        None => Size::Name(dim.dim_param.as_deref().unwrap_or_default()),
    });
    Some(all.collect())
}
