//! GPUs of NVIDIA's: kernels are compiled when the first program needs them, convolutions are cuDNN's, and from its second
//! run on a program is replayed as a whole. A GPU has its context, its kernels and the choice of algorithms once; each of its
//! machines has a stream, memory and captured programs of its own, so that machines work side by side on threads of their own.

mod calls;
mod capture;
mod choices;
mod convolution;
mod cudnn;
mod device;
mod kernels;
mod machine;
mod memory;

pub use machine::CudaMachine;

use super::{Address, Element, Gpu, GpuError, Precision};
use choices::Choices;
use device::{Device, not_given};
use kernels::Kernels;
use memory::{Carrier, DeviceBlock};
use std::sync::Arc;

/// A GPU.
pub struct Cuda {
    name: String,
    /// What its machines share.
    common: Arc<Common>,
}

/// What the machines of a GPU have together.
struct Common {
    // in the order in which they must go: what uses something before what it uses
    kernels: Kernels,
    choices: Choices,
    device: Device,
    description: String,
}

impl Cuda {
    /// The GPU of this index. A deterministic one takes only algorithms whose sums have a fixed order, and always the same.
    ///
    /// # Errors
    /// [`GpuError::Absent`] without such a GPU, its driver or its libraries, [`GpuError::Device`] if it refuses.
    pub fn new(index: usize, precision: Precision, deterministic: bool) -> Result<Cuda, GpuError> {
        let device = Device::open(index)?;
        Ok(Cuda {
            name: format!("cuda:{index}"),
            common: Arc::new(Common {
                kernels: Kernels::default(),
                choices: Choices::new(precision, deterministic),
                description: device.describe()?,
                device,
            }),
        })
    }

    /// The kernels as code for GPUs of a compute capability, major and minor; it needs no GPU.
    ///
    /// # Errors
    /// [`GpuError::Absent`] if the compiler does not load, [`GpuError::Device`] with its first complaint.
    pub fn code(element: Element, capability: (i32, i32)) -> Result<Vec<u8>, GpuError> {
        device::compiler_loads()?;
        kernels::compile(element, capability)
    }

    /// The name, compute capability, driver and cuDNN of the GPU of this index, in a line.
    ///
    /// # Errors
    /// [`GpuError::Absent`] without it, [`GpuError::Device`].
    pub fn describe(index: usize) -> Result<String, GpuError> {
        Device::open(index)?.describe()
    }

    /// The same of this one.
    pub fn description(&self) -> &str {
        &self.common.description
    }
}

impl Gpu for Cuda {
    type Machine = CudaMachine;
    type Shared = DeviceBlock;

    fn name(&self) -> &str {
        &self.name
    }

    fn share(&self, pieces: &[&[u8]]) -> Result<DeviceBlock, GpuError> {
        // a stream of its own, so that nobody waits for what somebody else is sent
        let device = self.common.device.beside()?;
        let bytes = pieces.iter().map(|piece| piece.len()).sum();
        let free = device.free()?;
        let short = || GpuError::Images {
            needed: mib(bytes),
            free: free >> 20,
        };
        if bytes > free {
            return Err(short());
        }
        let block = DeviceBlock::new(&device, bytes);
        let block = block.map_err(|error| not_given(error, short()))?;
        let mut carrier = Carrier::new(&device)?;
        let mut at = 0;
        for piece in pieces {
            carrier.write(&block, Address(at), piece)?;
            at += piece.len();
        }
        // machines read it on streams that know nothing of this one
        device.wait()?;
        Ok(block)
    }

    fn machine(
        &self,
        bytes: usize,
        batch: usize,
        shared: Option<Arc<DeviceBlock>>,
    ) -> Result<CudaMachine, GpuError> {
        CudaMachine::new(&self.common, bytes, batch, shared)
    }
}

/// Bytes in MiB, a started one as a whole.
const fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}
