//! What an operator makes of constants: mostly sizes that a program has computed.

use super::constant::{Constant, Numbers, broadcast, count, place};
use super::node::Node;

/// What a node makes of those inputs; none if they are not all known, or it does not compute with sizes.
pub(super) fn fold(node: &Node, inputs: &[Option<&Constant>], opset: i64) -> Option<Constant> {
    let x = *inputs.first()?;
    let given = |i: usize| inputs.get(i).copied().flatten();
    match node.op.as_str() {
        "Identity" => x.cloned(),
        "Cast" => cast(x?, node.int("to", 0)),
        "Concat" => concat(inputs, node.int("axis", 0)),
        "Gather" => gather(x?, given(1)?, node.int("axis", 0)),
        "Unsqueeze" | "Squeeze" => {
            let axes = match opset < 13 {
                true => node.ints("axes").map(<[i64]>::to_vec),
                false => given(1).and_then(|axes| Some(axes.ints()?.to_vec())),
            };
            let (x, squeeze) = (x?, node.op == "Squeeze");
            x.under(lifted(&x.dims, axes.as_deref(), squeeze)?)
        }
        "Reshape" => x?.under(reshaped(&x?.dims, given(1)?.ints()?)?),
        "Flatten" => {
            let x = x?;
            let axis = axis(node.int("axis", 1), x.dims.len() + 1)?;
            let (a, b) = x.dims.split_at(axis);
            x.under(vec![count(a)?, count(b)?])
        }
        "Transpose" => {
            let x = x?;
            let order = order(node, x.dims.len())?;
            let dims = order.iter().map(|&i| x.dims[i]).collect();
            x.picked(dims, |at| {
                let mut own = vec![0; order.len()];
                order.iter().zip(at).for_each(|(&i, &at)| own[i] = at);
                place(&own, &x.dims)
            })
        }
        "Slice" => {
            let x = x?;
            let cuts = cuts(node, &x.dims, &|i| given(i).cloned(), opset)?;
            let dims = cuts.iter().map(|cut| cut.count()).collect();
            x.picked(dims, |at| {
                let own = cuts.iter().zip(at).map(|(cut, &at)| cut.at(at));
                place(&own.collect::<Option<Vec<_>>>()?, &x.dims)
            })
        }
        "ConstantOfShape" => {
            let dims: Option<Vec<usize>> = (x?.ints()?.iter())
                .map(|&n| usize::try_from(n).ok())
                .collect();
            let dims = dims?;
            let count = count(&dims)?;
            // the value is the second "input": the network reads tensors
            let numbers = match given(1).map(|value| &value.numbers) {
                Some(Numbers::Ints(ints)) => Numbers::Ints(vec![*ints.first()?; count]),
                Some(Numbers::Floats(floats)) => Numbers::Floats(vec![*floats.first()?; count]),
                None => Numbers::Floats(vec![0.0; count]),
            };
            Some(Constant { dims, numbers })
        }
        "Expand" => {
            let to: Option<Vec<usize>> = (given(1)?.ints()?.iter())
                .map(|&n| usize::try_from(n).ok())
                .collect();
            let dims = broadcast(&x?.dims, &to?)?;
            count(&dims)?;
            x?.repeated(&dims)
        }
        "Range" => {
            let [from, to, step] = [x?.int()?, given(1)?.int()?, given(2)?.int()?];
            let cut = Cut { from, to, step };
            (step != 0 && cut.count() <= super::constant::MOST)
                .then(|| Constant::row((0..cut.count() as i64).map(|i| from + i * step).collect()))
        }
        "Where" => {
            let (a, b) = (given(1)?, given(2)?);
            let dims = broadcast(&broadcast(&x?.dims, &a.dims)?, &b.dims)?;
            count(&dims)?;
            let (which, a, b) = (x?.repeated(&dims)?, a.repeated(&dims)?, b.repeated(&dims)?);
            let ints = which.ints()?.iter().zip(a.ints()?).zip(b.ints()?);
            let ints = ints.map(|((&which, &a), &b)| if which != 0 { a } else { b });
            let numbers = Numbers::Ints(ints.collect());
            Some(Constant { dims, numbers })
        }
        "Neg" | "Floor" | "Ceil" | "Sqrt" => function(&node.op, x?),
        "ReduceProd" => Some(Constant {
            dims: vec![],
            numbers: Numbers::Ints(vec![
                x?.ints()?
                    .iter()
                    .try_fold(1i64, |n, &size| n.checked_mul(size))?,
            ]),
        }),
        op => arithmetic(op, x?, given(1)?),
    }
}

fn function(op: &str, x: &Constant) -> Option<Constant> {
    let numbers = match (op, &x.numbers) {
        ("Neg", Numbers::Ints(ints)) => Numbers::Ints(
            ints.iter()
                .map(|n| n.checked_neg())
                .collect::<Option<_>>()?,
        ),
        (_, Numbers::Floats(floats)) => Numbers::Floats(
            (floats.iter())
                .map(|x| match op {
                    "Neg" => -x,
                    "Floor" => x.floor(),
                    "Ceil" => x.ceil(),
                    _ => x.sqrt(),
                })
                .collect(),
        ),
        _ => return None,
    };
    Some(Constant {
        dims: x.dims.clone(),
        numbers,
    })
}

fn arithmetic(op: &str, a: &Constant, b: &Constant) -> Option<Constant> {
    let known = [
        "Add", "Sub", "Mul", "Div", "Mod", "Equal", "Max", "Min", "Pow",
    ];
    if !known.contains(&op) {
        return None;
    }
    let dims = broadcast(&a.dims, &b.dims)?;
    count(&dims)?;
    let (a, b) = (a.repeated(&dims)?, b.repeated(&dims)?);
    let numbers = match (&a.numbers, &b.numbers) {
        (Numbers::Ints(a), Numbers::Ints(b)) => {
            let each = a.iter().zip(b).map(|(&a, &b)| match op {
                "Add" => a.checked_add(b),
                "Sub" => a.checked_sub(b),
                "Mul" => a.checked_mul(b),
                "Div" => a.checked_div(b),
                "Mod" => a.checked_rem_euclid(b),
                "Equal" => Some((a == b).into()),
                "Max" => Some(a.max(b)),
                "Min" => Some(a.min(b)),
                _ => None,
            });
            Numbers::Ints(each.collect::<Option<_>>()?)
        }
        _ => {
            let (a, b) = (a.floats(), b.floats());
            let each = a.iter().zip(&b).map(|(&a, &b)| match op {
                "Add" => Some(a + b),
                "Sub" => Some(a - b),
                "Mul" => Some(a * b),
                "Div" => Some(a / b),
                "Max" => Some(a.max(b)),
                "Min" => Some(a.min(b)),
                "Pow" => Some(a.powf(b)),
                _ => None,
            });
            Numbers::Floats(each.collect::<Option<_>>()?)
        }
    };
    Some(Constant { dims, numbers })
}

/// Ints and floats of any width are one each.
fn cast(x: &Constant, to: i64) -> Option<Constant> {
    let numbers = match to {
        1 | 10 | 11 | 16 => Numbers::Floats(x.floats()),
        9 => Numbers::Ints(x.floats().iter().map(|&x| i64::from(x != 0.0)).collect()),
        2..=7 | 12 | 13 => match &x.numbers {
            Numbers::Ints(ints) => Numbers::Ints(ints.clone()),
            // toward zero
            Numbers::Floats(floats) => Numbers::Ints(floats.iter().map(|&x| x as i64).collect()),
        },
        _ => return None,
    };
    Some(Constant {
        dims: x.dims.clone(),
        numbers,
    })
}

fn concat(inputs: &[Option<&Constant>], along: i64) -> Option<Constant> {
    let parts: Vec<&Constant> = inputs.iter().copied().collect::<Option<_>>()?;
    let along = axis(along, parts.first()?.dims.len())?;
    // along the first axis, or one before which there is nothing, they stand one after the other
    let mut dims = parts[0].dims.clone();
    if dims[..along].iter().any(|&size| size != 1) {
        return None;
    }
    let mut all = parts[0].numbers.clone();
    for part in &parts[1..] {
        let rest = |dims: &[usize]| [&dims[..along], &dims[along + 1..]].concat();
        if part.dims.len() != dims.len() || rest(&part.dims) != rest(&dims) {
            return None;
        }
        dims[along] += part.dims[along];
        match (&mut all, &part.numbers) {
            (Numbers::Ints(all), Numbers::Ints(ints)) => all.extend(ints),
            (Numbers::Floats(all), Numbers::Floats(floats)) => all.extend(floats),
            _ => return None,
        }
    }
    count(&dims)?;
    Some(Constant { dims, numbers: all })
}

fn gather(x: &Constant, indices: &Constant, along: i64) -> Option<Constant> {
    let along = axis(along, x.dims.len())?;
    let size = x.dims[along];
    let dims = [&x.dims[..along], &indices.dims, &x.dims[along + 1..]].concat();
    let behind = along + indices.dims.len();
    x.picked(dims, |at| {
        let which = indices
            .ints()?
            .get(place(&at[along..behind], &indices.dims)?)?;
        let which = axis(*which, size)?;
        place(&[&at[..along], &[which], &at[behind..]].concat(), &x.dims)
    })
}

/// An axis, as Python counts them.
pub(super) fn axis(axis: i64, axes: usize) -> Option<usize> {
    let all = i64::try_from(axes).ok()?;
    let axis = if axis < 0 {
        axis.checked_add(all)?
    } else {
        axis
    };
    usize::try_from(axis).ok().filter(|&axis| axis < axes)
}

/// The order of axes of a transposition.
pub(super) fn order(node: &Node, axes: usize) -> Option<Vec<usize>> {
    let order: Vec<usize> = match node.sizes("perm") {
        Some(order) => order,
        None => (0..axes).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..axes).then_some(order)
}

/// Dimensions with axes of one unit more, or fewer; without a list all such are left out.
pub(super) fn lifted(dims: &[usize], axes: Option<&[i64]>, squeeze: bool) -> Option<Vec<usize>> {
    if squeeze {
        let gone: Vec<usize> = match axes {
            None => (0..dims.len()).filter(|&i| dims[i] == 1).collect(),
            Some(axes) => axes
                .iter()
                .map(|&one| axis(one, dims.len()))
                .collect::<Option<_>>()?,
        };
        if gone.iter().any(|&i| dims[i] != 1) {
            return None;
        }
        let left = dims.iter().enumerate().filter(|(i, _)| !gone.contains(i));
        return Some(left.map(|(_, &size)| size).collect());
    }
    let axes = axes?;
    let all = dims.len().checked_add(axes.len())?;
    let new: Vec<usize> = axes
        .iter()
        .map(|&one| axis(one, all))
        .collect::<Option<_>>()?;
    let mut old = dims.iter();
    (0..all)
        .map(|i| match new.contains(&i) {
            true => Some(1),
            false => old.next().copied(),
        })
        .collect::<Option<Vec<_>>>()
        .filter(|_| old.next().is_none())
}

/// Dimensions that are asked for: a 0 keeps one, and -1 is what is left.
pub(super) fn reshaped(from: &[usize], to: &[i64]) -> Option<Vec<usize>> {
    let product = |dims: &[usize]| dims.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    let units = product(from)?;
    let mut dims = Vec::with_capacity(to.len());
    let mut open = None;
    for (i, &size) in to.iter().enumerate() {
        dims.push(match size {
            0 => *from.get(i)?,
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            size => usize::try_from(size).ok()?,
        });
    }
    if let Some(open) = open {
        dims[open] = units.checked_div(product(&dims)?)?;
    }
    (product(&dims)? == units).then_some(dims)
}

/// Units of an axis, from one in steps up to another that is left out; backwards too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub from: i64,
    pub to: i64,
    pub step: i64,
}

impl Cut {
    pub fn count(&self) -> usize {
        let (way, step) = match self.step > 0 {
            true => (self.to.saturating_sub(self.from), self.step),
            false => (
                self.from.saturating_sub(self.to),
                self.step.saturating_neg(),
            ),
        };
        match way > 0 && step > 0 {
            true => usize::try_from((way - 1) / step + 1).unwrap_or(usize::MAX),
            false => 0,
        }
    }

    fn at(&self, i: usize) -> Option<usize> {
        let i = i64::try_from(i).ok()?;
        usize::try_from(self.from.checked_add(i.checked_mul(self.step)?)?).ok()
    }
}

/// What a slice takes of each axis.
pub(super) fn cuts(
    node: &Node,
    dims: &[usize],
    given: &dyn Fn(usize) -> Option<Constant>,
    opset: i64,
) -> Option<Vec<Cut>> {
    let list = |name: &str, i: usize| -> Option<Option<Vec<i64>>> {
        match opset < 10 {
            true => Some(node.ints(name).map(<[i64]>::to_vec)),
            false if node.input(i).is_none() => Some(None),
            false => Some(Some(given(i)?.ints()?.to_vec())),
        }
    };
    let (starts, ends) = (list("starts", 1)??, list("ends", 2)??);
    let axes = list("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return None;
    }
    let mut cuts: Vec<Cut> = Vec::new();
    for &size in dims {
        let to = i64::try_from(size).ok()?;
        cuts.push(Cut {
            from: 0,
            to,
            step: 1,
        });
    }
    for i in 0..starts.len() {
        let along = axis(axes[i], dims.len())?;
        let (size, step) = (cuts[along].to.max(0), steps[i]);
        let (least, most) = match step {
            0 => return None,
            1.. => (0, size),
            _ => (-1, size - 1),
        };
        let at = |n: i64| {
            let n = if n < 0 { n.saturating_add(size) } else { n };
            n.clamp(least, most.max(least))
        };
        cuts[along] = Cut {
            from: at(starts[i]).max(0),
            to: at(ends[i]),
            step,
        };
    }
    Some(cuts)
}
