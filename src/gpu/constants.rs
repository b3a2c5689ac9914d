//! What changes from step to step, as one run of bytes: it is written before each step, so that the
//! program itself never changes.

use super::weights::BumpAllocator;
use super::{Address, GpuError};
use crate::graph::{Graph, NodeId, Op};
use crate::ops::dropout::shares;
use crate::train::{Optimizer, Step, StepConstants};
use std::collections::BTreeMap;

/// Where it stands.
pub(super) struct Constants {
    base: Address,
    bytes: usize,
    batch: usize,
    /// Labels are below this.
    classes: usize,
    slot: usize,
    labels: usize,
    /// Of each dropout {key, limit}.
    masks: BTreeMap<NodeId, usize>,
    /// Of each mean with drop-path the share of each input in each sample.
    shares: BTreeMap<NodeId, usize>,
}

impl Constants {
    /// Of a network and a batch, whose labels are below `classes`.
    pub fn new(
        graph: &Graph,
        batch: usize,
        classes: usize,
        allocator: &mut BumpAllocator,
    ) -> Constants {
        // offsets from an address that is aligned
        let mut inside = BumpAllocator(0);
        inside.take(16);
        let slot = inside.take(4).0;
        let labels = inside.take(batch * 4).0;
        let (mut masks, mut shares) = (BTreeMap::new(), BTreeMap::new());
        for (id, node) in graph.nodes().iter().enumerate() {
            match node.op {
                Op::Dropout { .. } => {
                    masks.insert(id, inside.take(16).0);
                }
                Op::Mean { drop_path } if drop_path > 0.0 => {
                    shares.insert(id, inside.take(node.inputs.len() * batch * 4).0);
                }
                _ => {}
            }
        }
        Constants {
            base: allocator.take(inside.0),
            bytes: inside.0,
            batch,
            classes,
            slot,
            labels,
            masks,
            shares,
        }
    }

    /// Where they begin; there stand the numbers of the optimiser.
    pub fn base(&self) -> Address {
        self.base
    }

    /// The number of the slot for what the step says.
    pub fn slot(&self) -> Address {
        Address(self.base.0 + self.slot)
    }

    /// An `int` for each sample.
    pub fn labels(&self) -> Address {
        Address(self.base.0 + self.labels)
    }

    /// The key and the limit of a dropout.
    pub fn mask(&self, id: NodeId) -> Option<Address> {
        Some(Address(self.base.0 + self.masks.get(&id)?))
    }

    /// The shares of a mean, from one of its inputs on.
    pub fn shares(&self, id: NodeId, input: usize) -> Option<Address> {
        let start = self.base.0 + self.shares.get(&id)?;
        Some(Address(start + input * self.batch * 4))
    }

    /// Whether there is a label for each sample, of the classes.
    ///
    /// # Errors
    /// [`GpuError::Network`].
    pub fn check(&self, labels: &[usize]) -> Result<(), GpuError> {
        let classes = self.classes;
        if labels.len() == self.batch && labels.iter().all(|&label| label < classes) {
            return Ok(());
        }
        Err(GpuError::Network(format!(
            "a step takes {} labels below {classes}, these are {} up to {:?}",
            self.batch,
            labels.len(),
            labels.iter().max()
        )))
    }

    /// Of a step by such labels, which leaves what it says in that slot.
    pub fn bytes(
        &self,
        graph: &Graph,
        optimizer: &Optimizer,
        labels: &[usize],
        step: Step,
        slot: usize,
    ) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes];
        put(&mut bytes, numbers(optimizer, step).map(f32::to_ne_bytes));
        put(&mut bytes[self.slot..], [(slot as i32).to_ne_bytes()]);
        let labels = labels.iter().map(|&label| (label as i32).to_ne_bytes());
        put(&mut bytes[self.labels..], labels);
        for (&id, &at) in &self.masks {
            if let Op::Dropout { p } = graph.nodes()[id].op {
                // 53 bits are below p * 2^53, and so is no part of one
                let limit = (p * (1u64 << 53) as f64).ceil() as u64;
                let key = step.key.fold_in(id as u64).number();
                put(&mut bytes[at..], [key, limit].map(u64::to_ne_bytes));
            }
        }
        for (&id, &at) in &self.shares {
            let node = &graph.nodes()[id];
            if let Op::Mean { drop_path } = node.op {
                let key = step.key.fold_in(id as u64);
                let shares = shares(node.inputs.len(), self.batch, drop_path, key);
                let flat = shares.into_iter().flatten();
                put(&mut bytes[at..], flat.map(|x| (x as f32).to_ne_bytes()));
            }
        }
        bytes
    }
}

/// What the kernel of an optimiser reads: rate, root, and by what matrices and vectors shrink.
fn numbers(optimizer: &Optimizer, step: Step) -> [f32; 4] {
    let of = |decays| match optimizer.constants(step.number, step.lr_factor, decays) {
        StepConstants::Momentum(constants) => [constants.rate, 0.0, 0.0],
        StepConstants::Moments(constants) => [constants.rate, constants.root, constants.shrink],
    };
    let ([rate, root, matrices], [.., vectors]) = (of(true), of(false));
    [rate, root, matrices, vectors].map(|x| x as f32)
}

fn put<const N: usize>(to: &mut [u8], numbers: impl IntoIterator<Item = [u8; N]>) {
    let places = to.chunks_exact_mut(N);
    (places.zip(numbers)).for_each(|(to, number)| to.copy_from_slice(&number));
}
