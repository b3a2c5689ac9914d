//! Images that stay on the device, and how they are altered there.

use super::builder::counted;
use super::weights::BumpAllocator;
use super::{Address, Argument, Command, Element, GpuError, Program};
use crate::data::{Affine, Preparation, Split, table};
use crate::graph::Shape;
use crate::random::Key;

/// Parts of a data set, with what happens to their images. All images have one shape, and one scale of numbers.
pub struct DeviceDataset<'a> {
    parts: Vec<(&'a Split, &'a Preparation)>,
}

/// Where the colours of images stand on the device as numbers; the images stand in what machines share.
pub(super) struct DatasetLayout {
    table: Address,
    shape: Shape,
    alterations: usize,
}

/// Where a batch of a size says which images it is of: for each where it begins, and how it is altered.
#[derive(Clone, Copy)]
pub(super) struct BatchIndices {
    offsets: Address,
    affines: Address,
}

impl<'a> DeviceDataset<'a> {
    /// Of parts, which are named by their place in this list.
    ///
    /// # Panics
    /// If there is none, and if they are of several shapes or scales.
    pub fn new(parts: Vec<(&'a Split, &'a Preparation)>) -> DeviceDataset<'a> {
        let is_one = |pair: &[(&Split, &Preparation)]| {
            let [(split, prepared), (other, prepared_so)] = pair else {
                return true;
            };
            split.shape == other.shape && prepared.normalisation == prepared_so.normalisation
        };
        assert!(!parts.is_empty() && parts.windows(2).all(is_one));
        DeviceDataset { parts }
    }

    fn shape(&self) -> Shape {
        self.parts[0].0.shape
    }

    /// The most alterations that a part has; others get some that change nothing.
    fn alterations(&self) -> usize {
        let each = self
            .parts
            .iter()
            .map(|(_, prepared)| prepared.augment.len());
        each.max().unwrap_or(0)
    }

    /// What a batch of images of a part is on the device, altered under a key as [`crate::data::batch()`] does.
    ///
    /// # Panics
    /// If there is no such part or no such image.
    pub fn indices(&self, part: usize, images: &[usize], key: Key) -> Vec<u8> {
        let (split, preparation) = self.parts[part];
        let before: usize = (self.parts[..part].iter())
            .map(|(split, _)| split.images.len())
            .sum();
        let size = split.images.len() / split.len().max(1);
        let mut bytes = Vec::new();
        for &image in images {
            assert!(image < split.len(), "there is no image {image}");
            bytes.extend(((before + image * size) as u64).to_ne_bytes());
        }
        bytes.resize(behind_offsets(images.len()), 0);
        for &image in images {
            let mut affines = preparation.alterations(split.shape, image, key);
            let last = affines.last().map_or(split.shape.extent(), Affine::to);
            affines.resize(self.alterations(), Affine::identity(last));
            let numbers = affines.iter().flat_map(Affine::numbers);
            bytes.extend(numbers.flat_map(f64::to_ne_bytes));
        }
        bytes
    }

    /// Finds places for them.
    pub(super) fn layout(&self, allocator: &mut BumpAllocator) -> DatasetLayout {
        DatasetLayout {
            table: allocator.take(self.shape().channels() * 256 * 4),
            shape: self.shape(),
            alterations: self.alterations(),
        }
    }

    /// The images of each part: what a machine must share to run programs over this.
    pub fn images(&self) -> Vec<&'a [u8]> {
        let parts = self.parts.iter();
        parts.map(|(split, _)| &split.images[..]).collect()
    }

    /// The number of each colour, and where it is written.
    pub(super) fn table(&self, layout: &DatasetLayout) -> (Address, Vec<u8>) {
        let numbers = table(&self.parts[0].1.normalisation).into_iter().flatten();
        let numbers = numbers.flat_map(|x| (x as f32).to_ne_bytes());
        (layout.table, numbers.collect())
    }
}

/// Bytes of the offsets of so many images, up to where numbers of eight bytes can follow on any device.
fn behind_offsets(images: usize) -> usize {
    (images * 8).next_multiple_of(256)
}

impl DatasetLayout {
    /// A place for what batches of so many images are.
    pub fn indices(&self, images: usize, allocator: &mut BumpAllocator) -> BatchIndices {
        let offsets = allocator.take(behind_offsets(images));
        BatchIndices {
            offsets,
            affines: allocator.take(images * self.alterations * 8 * 8),
        }
    }

    /// Makes a batch of so many images of shape `to` of what was chosen, at `x`.
    ///
    /// # Errors
    /// [`GpuError::Network`] for more numbers than a kernel counts.
    pub fn gather(
        &self,
        indices: BatchIndices,
        images: usize,
        to: Shape,
        x: Address,
        element: Element,
    ) -> Result<Program, GpuError> {
        let ([h, w], [rows, columns]) = (self.shape.extent(), to.extent());
        let channels = self.shape.channels();
        let threads = counted(images * channels * rows * columns)?;
        let sizes = [self.alterations, channels, h, w, rows, columns, threads];
        let places = [indices.offsets, indices.affines, self.table, x];
        let ints = sizes
            .iter()
            .map(|&size| Ok(Argument::Int(counted(size)? as i32)));
        let places = places.map(|place| Ok(Argument::At(place)));
        let arguments = [Ok(Argument::Shared(0))].into_iter().chain(places);
        let arguments = arguments.chain(ints);
        Ok(Program {
            element,
            commands: vec![Command::Launch {
                kernel: "pictures",
                threads,
                arguments: arguments.collect::<Result<_, GpuError>>()?,
            }],
        })
    }
}

impl BatchIndices {
    /// Where it is written.
    pub const fn address(self) -> Address {
        self.offsets
    }
}
