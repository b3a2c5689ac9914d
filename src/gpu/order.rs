//! In which order do the tensors of a network stand on the device, and the numbers of each?

use super::GpuError;
use crate::graph::{Conv, Graph, NodeId, Op, Role, TensorKind};
use candle_core::{DType, Device, Tensor};

/// One tensor of the network.
pub(super) struct Placed {
    /// Its key in the `state_dict`.
    pub name: String,
    pub owner: NodeId,
    /// Which of its layer's tensors it is.
    pub which: usize,
    pub dims: Vec<usize>,
    pub order: Order,
    pub region: Region,
    /// Where it begins among all weights, in numbers, and how many it has there.
    pub at: usize,
    pub length: usize,
}

/// In which order of numbers a tensor stands.
pub(super) enum Order {
    /// The same.
    Same,
    /// `[out, in, h, w]` as `[out][h][w][in]`.
    Kernel([usize; 4]),
    /// `[kernels, h, w]` of a connection table, as `[out][h][w][in]` with zeros.
    Table(Conv, usize),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Region {
    FrozenMatrix,
    Matrix,
    Vector,
    Other,
}

impl Region {
    /// Of a tensor of that role in a layer that learns, or does not.
    const fn of(role: Role, learns: bool) -> Region {
        let learns = learns && matches!(role.kind(), TensorKind::Trainable);
        match (role.is_matrix(), learns) {
            (true, false) => Region::FrozenMatrix,
            (true, true) => Region::Matrix,
            (false, true) => Region::Vector,
            (false, false) => Region::Other,
        }
    }
}

impl Placed {
    /// For each number of the tensor its place on the device.
    pub fn places(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        match &self.order {
            Order::Same => Box::new(0..self.length),
            &Order::Kernel([out, maps, h, w]) => {
                Box::new((0..out * maps).flat_map(move |kernel| kernel_places(kernel, maps, h * w)))
            }
            Order::Table(conv, maps) => {
                let rows = conv.table.iter().flat_map(|rows| rows.iter()).enumerate();
                let kernels =
                    rows.flat_map(move |(out, row)| row.iter().map(move |&map| out * *maps + map));
                let taps = conv.window.taps();
                Box::new(kernels.flat_map(move |kernel| kernel_places(kernel, *maps, taps)))
            }
        }
    }

    /// Puts a tensor's numbers where they stand on the device.
    ///
    /// # Errors
    /// [`GpuError::Network`] for a tensor whose numbers cannot be had.
    pub fn put(&self, tensor: &Tensor, to: &mut [f32]) -> Result<(), GpuError> {
        let fault =
            |what: String| GpuError::Network(["weight `", &self.name, "` ", &what].concat());
        let numbers = (tensor.to_dtype(DType::F32))
            .and_then(|tensor| tensor.flatten_all()?.to_vec1::<f32>())
            .map_err(|error| fault(error.to_string()))?;
        (numbers.into_iter().zip(self.places())).for_each(|(x, place)| to[place] = x);
        Ok(())
    }

    /// The tensor from its numbers on the device, and more.
    pub fn tensor(&self, from: &[f32]) -> Result<Tensor, GpuError> {
        let numbers: Vec<f32> = self.places().map(|place| from[place]).collect();
        Tensor::from_vec(numbers, &self.dims[..], &Device::Cpu)
            .map_err(|error| GpuError::Network([&self.name, ": ", &error.to_string()].concat()))
    }
}

/// Where the taps of a kernel stand, counted by output and input map.
fn kernel_places(kernel: usize, maps: usize, taps: usize) -> impl Iterator<Item = usize> {
    (0..taps).map(move |tap| (kernel / maps * taps + tap) * maps + kernel % maps)
}

/// The tensors of a network, in order, without places.
pub(super) fn placed(graph: &Graph, learns: &[bool]) -> Vec<Placed> {
    let mut tensors = Vec::new();
    for (owner, node) in graph.nodes().iter().enumerate() {
        let maps = graph.input_of(node).channels();
        for (which, tensor) in graph.tensors_of(node).into_iter().enumerate() {
            let order = match (&node.op, &tensor.dims[..]) {
                _ if !tensor.role.is_matrix() => Order::Same,
                (_, &[out, maps, h, w]) => Order::Kernel([out, maps, h, w]),
                (Op::Conv(conv), _) => Order::Table(conv.clone(), maps),
                (_, [_, _]) => Order::Same,
                (_, dims) => unreachable!("no product is by weights of {dims:?}"),
            };
            tensors.push(Placed {
                name: node.key(which, &tensor),
                owner,
                which,
                length: match &order {
                    Order::Table(conv, maps) => conv.out * maps * conv.window.taps(),
                    _ => tensor.dims.iter().product(),
                },
                dims: tensor.dims.to_vec(),
                order,
                region: Region::of(tensor.role, learns[owner]),
                at: 0,
            });
        }
    }
    tensors
}
