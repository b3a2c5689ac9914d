//! How does a layer run with what it takes along, forward and backward?

use super::draft::{Given, launch};
use super::norm::Cut;
use super::slopes::Slopes;
use super::sums::Strips;
use super::writer::{Mode, Writer};
use super::{Address, GpuError};
use crate::graph::Group;

type Result<T> = std::result::Result<T, GpuError>;

impl Writer<'_> {
    /// What a group takes along behind its product, or from its normalisation on.
    pub fn finish(&mut self, group: &Group, x: Address) -> Result<Address> {
        let (c, units) = (self.maps(group.last).c, self.units(group.last));
        let strips = Strips::of_units(self.rows(group.last), self.draft.blocks(c));
        let Strips {
            rows,
            each,
            threads,
            ..
        } = strips;
        let beside = group.beside.map(|id| self.value(id));
        let is_product = group.norm != Some(group.first);
        let bias = match is_product {
            true => self.float(group.first, 1),
            false => None,
        };
        match (group.norm, self.mode) {
            (Some(norm), Mode::Train { .. }) => {
                if bias.is_some() {
                    let nothing = Given::At(None);
                    launch!(
                        self.draft, "finish", threads, x, nothing, bias, nothing, x, c, false,
                        rows, each
                    )?;
                }
                let line = self.line(norm, x)?;
                self.kept[norm] = Some(line);
                let y = self.draft.units(units)?;
                launch!(
                    self.draft,
                    "normalise",
                    threads,
                    x,
                    line,
                    beside,
                    y,
                    c,
                    group.relu,
                    rows,
                    each
                )?;
                Ok(y)
            }
            (None, _) if bias.is_none() && beside.is_none() && !group.relu => Ok(x),
            (norm, mode) => {
                let (scale, shift) = match (norm, mode) {
                    (Some(norm), Mode::Eval { folded }) => {
                        let [scale, shift] = folded[&norm];
                        (Some(scale), Some(shift))
                    }
                    _ => (None, bias),
                };
                // a product's output has no other reader
                let y = match is_product {
                    true => x,
                    false => self.draft.units(units)?,
                };
                launch!(
                    self.draft, "finish", threads, x, scale, shift, beside, y, c, group.relu, rows,
                    each
                )?;
                Ok(y)
            }
        }
    }

    /// A product or a normalisation with what it takes along.
    pub fn unit_backward(&mut self, group: &Group, dy: Address, slopes: &mut Slopes) -> Result<()> {
        let (first, y) = (group.first, self.value(group.last));
        let input = self.node(first).inputs[0];
        let is_product = group.norm != Some(first);
        let (mut dy, mut dz) = (dy, dy);
        let mut cut = group.relu.then_some(y);
        if let Some(norm) = group.norm {
            let whole = dy;
            let cut = match (cut.take(), group.beside) {
                (None, _) => Cut::Nothing,
                (Some(_), None) => Cut::ByInput,
                (Some(y), Some(_)) => {
                    dy = self.draft.units(self.units(norm))?;
                    Cut::ByOutput(y, dy)
                }
            };
            let owner = self.graph.owner(norm);
            let add = !slopes.started.insert(owner);
            let weights = [self.gradient(norm, 0), self.gradient(norm, 1)];
            let (x, dx) = match is_product {
                true => {
                    dz = self.draft.units(self.units(first))?;
                    (self.value(first), Some((dz, false)))
                }
                false => (self.value(input), slopes.into(self, input)?),
            };
            self.norm_backward(norm, x, whole, cut, (weights, add), dx)?;
        }
        if is_product {
            self.product_backward(first, dz, cut, slopes)?;
        }
        match group.beside {
            Some(beside) => slopes.give(self, beside, dy),
            None => Ok(()),
        }
    }
}
