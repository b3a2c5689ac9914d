//! Where do weights, gradients and the optimiser's state stand on the device, and in which order of
//! numbers?
//!
//! All weights stand in one array of `float`: first the matrices that stay as they are, then those that
//! learn, then the vectors that learn, then everything else. So one launch moves all that learns, and knows
//! by index what a matrix is. Kernels of convolutions stand as `[out][h][w][in / groups]`, those of a
//! connection table among zeros.

use super::order::{Order, Placed, Region, placed};
use super::{Address, Element, GpuError};
use crate::arena::ALIGNMENT;
use crate::graph::{Graph, NodeId};
use crate::net::Misfit;
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where the next thing that stays goes.
pub(super) struct BumpAllocator(pub usize);

impl BumpAllocator {
    pub fn take(&mut self, bytes: usize) -> Address {
        let place = Address(self.0);
        self.0 = (self.0 + bytes).next_multiple_of(ALIGNMENT);
        place
    }
}

/// The places of the weights of a network.
pub(super) struct Weights {
    element: Element,
    tensors: Vec<Placed>,
    /// How many numbers there are up to the end of each region.
    ends: [usize; 4],
    masters: Address,
    /// Matrices as units, where those are not `float`.
    low: Option<Address>,
    matrices: Option<Address>,
    vectors: Option<Address>,
    /// What the optimiser remembers of each number that learns.
    state: Vec<Address>,
    masks: BTreeMap<NodeId, Address>,
}

impl Weights {
    /// For a network of which those layers learn, each number with so many numbers of the optimiser's state.
    ///
    /// # Errors
    /// [`GpuError::Network`] if there are too many numbers for the kernels.
    pub fn new(
        graph: &Graph,
        element: Element,
        learns: &[bool],
        states: usize,
        allocator: &mut BumpAllocator,
    ) -> Result<Weights, GpuError> {
        let mut tensors = placed(graph, learns);
        tensors.sort_by_key(|tensor| tensor.region);
        let (mut end, mut ends) = (0usize, [0; 4]);
        for tensor in &mut tensors {
            tensor.at = end;
            // so that units of two bytes begin at the alignment too
            end = (end + tensor.length).next_multiple_of(ALIGNMENT / 2);
            ends[tensor.region as usize] = end;
        }
        for region in 1..4 {
            ends[region] = ends[region].max(ends[region - 1]);
        }
        super::builder::counted(end)?;
        let matrices = ends[1] - ends[0];
        let learned = ends[2] - ends[0];
        let trains = learns.contains(&true);
        let masters = allocator.take(end * 4);
        let low = (element != Element::F32).then(|| allocator.take(ends[1] * element.bytes()));
        let masks = (tensors.iter())
            .filter(|tensor| tensor.region == Region::Matrix)
            .filter(|tensor| matches!(tensor.order, Order::Table(..)))
            .map(|tensor| (tensor.owner, allocator.take(tensor.length * 4)))
            .collect();
        Ok(Weights {
            element,
            masters,
            low,
            matrices: trains.then(|| allocator.take(matrices * element.bytes())),
            vectors: trains.then(|| allocator.take((learned - matrices) * 4)),
            state: (0..states).map(|_| allocator.take(learned * 4)).collect(),
            masks,
            tensors,
            ends,
        })
    }

    fn find(&self, owner: NodeId, which: usize) -> Option<&Placed> {
        self.tensors
            .iter()
            .find(|tensor| tensor.owner == owner && tensor.which == which)
    }

    /// A tensor of a layer, as `float`, if it has so many.
    pub fn float(&self, owner: NodeId, which: usize) -> Option<Address> {
        let tensor = self.find(owner, which)?;
        Some(Address(self.masters.0 + tensor.at * 4))
    }

    /// The matrix of a layer, as units.
    pub fn units(&self, owner: NodeId) -> Option<Address> {
        let tensor = self.find(owner, 0)?;
        match self.low {
            Some(low) => Some(Address(low.0 + tensor.at * self.element.bytes())),
            None => Some(Address(self.masters.0 + tensor.at * 4)),
        }
    }

    /// The gradient of a tensor that learns: of a matrix units, of others `float`.
    pub fn gradient(&self, owner: NodeId, which: usize) -> Option<Address> {
        let tensor = self.find(owner, which)?;
        let place = |from: Option<Address>, region: usize, bytes: usize| {
            Some(Address(from?.0 + (tensor.at - self.ends[region]) * bytes))
        };
        match tensor.region {
            Region::Matrix => place(self.matrices, 0, self.element.bytes()),
            Region::Vector => place(self.vectors, 1, 4),
            Region::FrozenMatrix | Region::Other => None,
        }
    }

    /// Of a layer with a connection table, a `float` for each weight: 1 where there is one.
    pub fn mask(&self, owner: NodeId) -> Option<(Address, usize)> {
        let mask = self.masks.get(&owner)?;
        Some((*mask, self.find(owner, 0)?.length))
    }

    /// All weights, and how many numbers they are.
    pub fn all(&self) -> (Address, usize) {
        (self.masters, self.ends[3])
    }

    /// What learns: the weights, their copy as units, the gradients of matrices and of vectors, the
    /// optimiser's state.
    pub fn learned(&self) -> Learned<'_> {
        Learned {
            weights: Address(self.masters.0 + self.ends[0] * 4),
            low: (self.low).map(|low| Address(low.0 + self.ends[0] * self.element.bytes())),
            matrices: self.matrices,
            vectors: self.vectors,
            state: &self.state,
            first: self.ends[1] - self.ends[0],
            count: self.ends[2] - self.ends[0],
        }
    }

    /// The copy of the matrices as units, and how many numbers it has.
    pub fn low(&self) -> Option<(Address, usize)> {
        self.low.map(|low| (low, self.ends[1]))
    }

    /// What weights are stored as.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The array of all weights from tensors by their keys.
    ///
    /// # Errors
    /// [`GpuError::Network`] for a tensor that is missing, of another shape, or that belongs to no layer.
    pub fn array(&self, tensors: &BTreeMap<String, Tensor>) -> Result<Vec<f32>, GpuError> {
        let tensors = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        put_all(self.tensors.iter(), &tensors.collect(), 0..self.ends[3])
    }

    /// The array of what learns from one tensor for each weight by its key.
    ///
    /// # Errors
    /// As [`Weights::array`].
    pub fn learned_array<'t>(
        &self,
        tensor: impl Fn(&str) -> Option<&'t Tensor>,
    ) -> Result<Vec<f32>, GpuError> {
        let found = self.learning().filter_map(|Placed { name, .. }| {
            let name = name.as_str();
            Some((name, tensor(name)?))
        });
        let tensors = found.collect();
        put_all(self.learning(), &tensors, self.ends[0]..self.ends[2])
    }

    fn learning(&self) -> impl Iterator<Item = &Placed> + Clone {
        let learns = |placed: &&Placed| matches!(placed.region, Region::Matrix | Region::Vector);
        self.tensors.iter().filter(learns)
    }

    /// The masks of connection tables, and where they go.
    pub fn tables(&self) -> impl Iterator<Item = (Address, Vec<f32>)> {
        self.masks.iter().filter_map(|(&owner, &address)| {
            let placed = self.find(owner, 0)?;
            let mut mask = vec![0.0; placed.length];
            placed.places().for_each(|place| mask[place] = 1.0);
            Some((address, mask))
        })
    }

    /// Tensors by their keys from an array of all weights.
    ///
    /// # Errors
    /// [`GpuError::Network`] if a tensor cannot be made.
    pub fn tensors(&self, array: &[f32]) -> Result<BTreeMap<String, Tensor>, GpuError> {
        let all = self.tensors.iter();
        all.map(|placed| Ok((placed.name.clone(), placed.tensor(&array[placed.at..])?)))
            .collect()
    }

    /// Those that learn from an array of numbers that learn.
    ///
    /// # Errors
    /// As [`Weights::tensors`].
    pub fn learned_tensors(&self, array: &[f32]) -> Result<BTreeMap<String, Tensor>, GpuError> {
        self.learning()
            .map(|placed| {
                let tensor = placed.tensor(&array[placed.at - self.ends[0]..])?;
                Ok((placed.name.clone(), tensor))
            })
            .collect()
    }
}

/// Numbers of tensors where these are placed, of which a part of the array is asked for.
fn put_all<'p>(
    all: impl Iterator<Item = &'p Placed> + Clone,
    tensors: &BTreeMap<&str, &Tensor>,
    part: Range<usize>,
) -> Result<Vec<f32>, GpuError> {
    let expected = all
        .clone()
        .map(|placed| (placed.name.clone(), placed.dims.clone()));
    let fits = Misfit::between(expected, tensors).check();
    fits.map_err(|error| GpuError::Network(error.to_string()))?;
    let mut array = vec![0.0; part.len()];
    for placed in all {
        placed.put(
            tensors[placed.name.as_str()],
            &mut array[placed.at - part.start..],
        )?;
    }
    Ok(array)
}

/// What learns.
pub(super) struct Learned<'a> {
    pub weights: Address,
    pub low: Option<Address>,
    pub matrices: Option<Address>,
    pub vectors: Option<Address>,
    pub state: &'a [Address],
    /// Numbers of matrices.
    pub first: usize,
    /// Numbers of all.
    pub count: usize,
}
