//! What is known before the network runs: constants, and other names of what is known already.

use super::constant::{Constant, Numbers, decimal};
use super::infer::Known;
use super::network::Network;
use super::node::Node;
use super::source::Source;
use super::tensors::is_float;
use crate::foreign::assembly::Value;
use crate::graph::TensorKind;

impl<'a> Network<'a> {
    pub fn constant_node(&mut self, node: &'a Node, name: &'a str) -> Result<(), String> {
        if let Some(tensor) = node.tensor("value") {
            self.constant(name, tensor)?;
            let many = self
                .constants
                .get(name)
                .is_none_or(|constant| constant.len() > 1);
            if many && is_float(tensor) {
                let source = Source::of(tensor)?;
                self.keep(name, name, TensorKind::Constant, source);
            }
            return Ok(());
        }
        let constant = match (
            node.attribute("value_float"),
            node.attribute("value_floats"),
        ) {
            (Some(_), _) => Some(Constant {
                dims: vec![],
                numbers: Numbers::Floats(vec![node.float("value_float", 0.0)]),
            }),
            (_, Some(floats)) => Some(Constant {
                dims: vec![floats.floats.len()],
                numbers: Numbers::Floats(floats.floats.iter().map(|&x| decimal(x)).collect()),
            }),
            _ => None,
        };
        let constant = constant
            .or_else(|| {
                node.ints("value_ints")
                    .map(|ints| Constant::row(ints.to_vec()))
            })
            .or_else(|| {
                node.attribute("value_int")?;
                Constant::row(vec![node.int("value_int", 0)]).under(vec![])
            });
        let constant = constant.ok_or("a constant of numbers is read")?;
        self.dims.insert(name, constant.dims.clone());
        self.constants.insert(name, constant);
        Ok(())
    }

    /// What a node computes before the network runs.
    pub fn folded(&self, known: &Known) -> Option<Constant> {
        let node = known.node;
        match node.op.as_str() {
            "Shape" => {
                let x: Vec<i64> = known
                    .x()?
                    .iter()
                    .map(|&n| i64::try_from(n).ok())
                    .collect::<Option<_>>()?;
                let all = x.len() as i64;
                let at =
                    |n: i64| if n < 0 { n.saturating_add(all) } else { n }.clamp(0, all) as usize;
                let (from, to) = (at(node.int("start", 0)), at(node.int("end", all)));
                return Some(Constant::row(x.get(from..to.max(from))?.to_vec()));
            }
            "Size" => {
                let units = known
                    .x()?
                    .iter()
                    .try_fold(1usize, |n, &size| n.checked_mul(size))?;
                return Constant::row(vec![i64::try_from(units).ok()?]).under(vec![]);
            }
            _ => {}
        }
        let mut inputs: Vec<Option<&Constant>> =
            known.constants.iter().map(Option::as_ref).collect();
        let value = (node.op == "ConstantOfShape")
            .then(|| self.store.constant(node.tensor("value")?).ok().flatten())
            .flatten();
        if node.op == "ConstantOfShape" {
            inputs.push(value.as_ref());
        }
        super::fold::fold(node, &inputs, self.opset)
    }

    /// Gives a value that is another, or another view of a weight, its name; whether it is one.
    pub fn view(&mut self, known: &Known, name: &'a str) -> bool {
        let node = known.node;
        let Some(input) = node.input(0) else {
            return false;
        };
        let same = match node.op.as_str() {
            "Identity" => true,
            "Cast" | "CastLike" => {
                matches!(node.int("to", 1), 1 | 10 | 11 | 16) && !self.constants.contains_key(input)
            }
            _ => false,
        };
        let turns = node.op == "Transpose"
            && node.sizes("perm").is_none_or(|order| order == [1, 0])
            && known.x().is_some_and(|x| x.len() == 2);
        if let Some(&id) = self.turned.get(input) {
            match (same, turns) {
                (true, _) => {
                    self.turned.insert(name, id);
                }
                (_, true) => {
                    let dims = self.assembly.kept[id].dims.clone();
                    self.assembly.name(name, Value::Kept(id, dims));
                }
                _ => return false,
            }
        } else {
            let Ok(value) = self.assembly.value(input).cloned() else {
                return false;
            };
            let views = ["Reshape", "Squeeze", "Unsqueeze", "Flatten"].contains(&node.op.as_str());
            match value {
                value if same => self.assembly.name(name, value),
                // who reads a value that is repeated repeats it anyway, or does not take it
                Value::Layer(_) if node.op == "Expand" && known.outputs().is_some() => {
                    self.assembly.name(name, value);
                }
                Value::Kept(id, view) if turns && view == self.assembly.kept[id].dims => {
                    self.turned.insert(name, id);
                }
                Value::Kept(id, _) if views => match known.outputs() {
                    Some(outputs) => self
                        .assembly
                        .name(name, Value::Kept(id, outputs[0].clone())),
                    None => return false,
                },
                _ => return false,
            }
        }
        let dims = match same {
            true => known.x().map(<[usize]>::to_vec),
            false => known.outputs().map(|mut outputs| outputs.swap_remove(0)),
        };
        self.dims.insert(name, dims.unwrap_or_default());
        true
    }
}
