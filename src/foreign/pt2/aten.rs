//! Which layer is a call of an operator of PyTorch?
//!
//! Each operator gives the layers that it is, or none: then it is opaque.

mod array;
mod layers;

use super::call::{Call, tensor};
use super::schema::Argument;
use crate::foreign::assembly::{Assembly, Stated, Step, Value};
use crate::graph::NodeId;
use std::collections::BTreeSet;

/// What calls are read into.
pub struct Calls<'a> {
    pub assembly: &'a mut Assembly,
    /// The dimensions of a value, as the file states them.
    pub dims: &'a dyn Fn(&str) -> Result<Vec<usize>, String>,
    /// What there is to say.
    pub remarks: BTreeSet<String>,
}

/// One call, its output, and what it reads.
pub struct Reading<'a, 'b, 'c> {
    pub calls: &'a mut Calls<'b>,
    pub call: &'c Call<'c>,
    pub step: Step<'c>,
    /// What the first value that it gives is, as the file states it.
    pub stated: Stated,
}

/// Whether an operator has weights of its own.
pub fn has_weights(name: &str) -> bool {
    name.starts_with("conv") && !name.starts_with("convert")
        || [
            "linear",
            "addmm",
            "batch_norm",
            "layer_norm",
            "native_layer_norm",
            "group_norm",
            "instance_norm",
            "prelu",
            "lstm",
        ]
        .contains(&name)
        || name.starts_with("_native_batch_norm")
}

/// Reads a call.
///
/// # Errors
/// A value that nothing computes, or that has no shape.
pub fn read(
    calls: &mut Calls,
    call: &Call,
    path: String,
    line: Option<&str>,
) -> Result<(), String> {
    let gives = call.gives();
    let Some(first) = gives.first() else {
        // it asks for a size or asserts something
        return Ok(());
    };
    let values: Vec<Value> = (call.reads().into_iter())
        .map(|name| calls.assembly.value(name).cloned())
        .collect::<Result<_, _>>()?;
    let batched = values.iter().any(|value| match value {
        Value::Layer(id) => calls.assembly.of(*id).batched,
        Value::Kept(..) => false,
    });
    let stated = gives.iter().map(|name| {
        let dims = (calls.dims)(name)?;
        calls.assembly.stated(&dims, batched)
    });
    let stated: Vec<Stated> = stated.collect::<Result<_, String>>()?;
    if let Some(same) = identity(calls, call, &values, &gives) {
        calls.assembly.name(first, same);
        return Ok(());
    }
    let step = Step {
        path: path.clone(),
        operator: call.operator,
        line,
    };
    let mut reading = Reading {
        calls,
        call,
        step,
        stated: stated[0],
    };
    let found = match gives.len() {
        1 => reading
            .layers()
            .or_else(|| reading.arrays())
            .map(|id| vec![id]),
        _ => reading.parts(&stated).or_else(|| {
            // statistics, indices and masks that nobody reads
            let id = reading.layers()?;
            Some(vec![id])
        }),
    };
    let found = match found {
        Some(found) => found,
        None => {
            let macs = reading.macs(&values);
            let step = &reading.step;
            let assembly = &mut reading.calls.assembly;
            let of = |(i, stated): (usize, &Stated)| {
                let macs = if i == 0 { macs } else { 0 };
                assembly.opaque(step, &values, *stated, macs)
            };
            stated.iter().enumerate().map(of).collect::<Vec<NodeId>>()
        }
    };
    for (name, id) in gives.iter().zip(found) {
        calls.assembly.name(name, Value::Layer(id));
    }
    Ok(())
}

/// What a call hands on, where it changes nothing that counts.
fn identity(calls: &mut Calls, call: &Call, values: &[Value], gives: &[&str]) -> Option<Value> {
    let value = values.first()?;
    let dims = (calls.dims)(gives.first()?).ok()?;
    match call.name {
        "contiguous" | "clone" | "alias" | "detach" | "lift_fresh_copy" | "positive"
        | "type_as" | "to" | "_to_copy" | "dropout_identity" => Some(value.clone()),
        "feature_dropout" | "alpha_dropout" | "feature_alpha_dropout" => {
            calls.remarks.insert(format!(
                "{} drops in training only, and is left out",
                call.operator
            ));
            Some(value.clone())
        }
        // who reads a value that is repeated repeats it anyway, or does not take it
        "expand" | "expand_as" | "broadcast_to" if matches!(value, Value::Layer(_)) => {
            Some(value.clone())
        }
        // another view of a weight
        "view" | "reshape" | "unsqueeze" | "squeeze" | "flatten" | "_unsafe_view" | "unflatten"
        | "expand" | "view_as" => match value {
            Value::Kept(id, of)
                if of.iter().product::<usize>() == dims.iter().product::<usize>() =>
            {
                Some(Value::Kept(*id, dims))
            }
            _ => None,
        },
        _ => None,
    }
}

impl<'c> Reading<'_, '_, 'c> {
    /// The value of an argument.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.calls
            .assembly
            .value(self.call.tensor(name)?)
            .ok()
            .cloned()
    }

    /// The layer of an argument.
    pub fn layer(&self, name: &str) -> Option<NodeId> {
        super::call::layer(&self.value(name)?)
    }

    /// The layer that is read first.
    pub fn x(&self) -> Option<NodeId> {
        let name = tensor(self.call.at(0)?)?;
        super::call::layer(self.calls.assembly.value(name).ok()?)
    }

    /// The stored tensor of an argument, as it is kept: none where there is another value, or no argument.
    pub fn stored(&self, name: &str) -> Option<usize> {
        match self.value(name)? {
            Value::Kept(id, view) if view == self.calls.assembly.kept[id].dims => Some(id),
            _ => None,
        }
    }

    /// The stored tensors of arguments that may be left out; none if one of them is another value.
    pub fn all_stored(&self, names: &[&str]) -> Option<Vec<usize>> {
        let given = names.iter().filter(|name| self.call.get(name).is_some());
        given.map(|name| self.stored(name)).collect()
    }

    /// The names of several values.
    pub fn tensors(&self, name: &str) -> Option<Vec<NodeId>> {
        let Argument::Tensors(names) = self.call.get(name)? else {
            return None;
        };
        let layer = |name: &String| super::call::layer(self.calls.assembly.value(name).ok()?);
        names.iter().map(layer).collect()
    }

    /// An axis of a sample that has so many; none for the batch.
    pub fn axis(&self, axis: i64, axes: usize) -> Option<usize> {
        let all = i64::try_from(axes).ok()? + 1;
        let axis = if axis < 0 { axis + all } else { axis };
        usize::try_from(axis)
            .ok()?
            .checked_sub(1)
            .filter(|&axis| axis < axes)
    }

    /// Multiply-accumulates of a convolution or a matrix product, for one sample, by the shapes that the file states.
    fn macs(&self, values: &[Value]) -> u64 {
        let dims =
            |i: usize| -> Option<Vec<usize>> { (self.calls.dims)(self.call.reads().get(i)?).ok() };
        let product = |sizes: &[usize]| {
            sizes
                .iter()
                .try_fold(1u64, |n, &size| n.checked_mul(size as u64))
        };
        let out = || (self.calls.dims)(self.call.gives().first()?).ok();
        let all = match self.call.name {
            name if name.starts_with("conv_transpose") => {
                macs(product(&dims(0).unwrap_or_default()), dims(1))
            }
            name if name.starts_with("conv") => {
                let transposed = self.call.flag("transposed", false) == Some(true);
                let units = if transposed { dims(0) } else { out() };
                macs(units.and_then(|units| product(&units)), dims(1))
            }
            "linear" | "matmul" | "mm" | "bmm" => {
                let inner = dims(0).and_then(|dims| dims.last().copied());
                inner.and_then(|inner| product(&out()?)?.checked_mul(inner as u64))
            }
            "addmm" | "baddbmm" => {
                let inner = dims(1).and_then(|dims| dims.last().copied());
                inner.and_then(|inner| product(&out()?)?.checked_mul(inner as u64))
            }
            "einsum" => self.einsum(),
            "scaled_dot_product_attention" => (|| {
                let (q, k, v) = (dims(0)?, dims(1)?, dims(2)?);
                let rows = product(q.get(..q.len().checked_sub(1)?)?)?;
                let keys = *k.get(k.len().checked_sub(2)?)? as u64;
                let width = (*q.last()? as u64).checked_add(*v.last()? as u64)?;
                rows.checked_mul(keys)?.checked_mul(width)
            })(),
            _ => Some(0),
        };
        let _ = values;
        all.unwrap_or(0) / self.calls.assembly.batch as u64
    }

    /// The product of the sizes of all letters.
    fn einsum(&self) -> Option<u64> {
        let equation = self.call.text("equation")?;
        let inputs = equation.split("->").next()?;
        let mut sizes = std::collections::BTreeMap::new();
        let names = self.call.reads();
        for (letters, name) in inputs.split(',').zip(names) {
            let dims = (self.calls.dims)(name).ok()?;
            for (letter, size) in letters.trim().chars().zip(dims) {
                sizes.insert(letter, size as u64);
            }
        }
        sizes
            .values()
            .try_fold(1u64, |n, &size| n.checked_mul(size))
    }
}

/// Units, each of which costs a weight's elements but for its first axis.
fn macs(units: Option<u64>, weight: Option<Vec<usize>>) -> Option<u64> {
    let weight = weight?;
    let of_unit = weight
        .get(1..)?
        .iter()
        .try_fold(1u64, |n, &size| n.checked_mul(size as u64));
    units?.checked_mul(of_unit?)
}
