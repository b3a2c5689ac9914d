//! A GPU of NVIDIA's as a [`Machine`]: kernels are compiled when the first program needs them, convolutions are
//! cuDNN's, and from its second run on a program is replayed as a whole.

mod calls;
mod capture;
mod convolution;
mod cudnn;
mod device;
mod kernels;
mod memory;

use super::{Address, Command, Element, GpuError, Machine, Precision, Program, ProgramId};
use calls::Operands;
use capture::Capture;
use convolution::Convolutions;
use device::{Device, refused};
use kernels::{Kernels, Launch};
use memory::{Carrier, DeviceBlock};

/// Bytes that convolutions share for what is half done. The same on every GPU, since it decides which algorithms
/// can be chosen.
const WORKSPACE: usize = 1 << 30;

/// A GPU with the memory of its programs.
pub struct Cuda {
    // in the order in which they must go: what uses something before what it uses
    programs: Vec<LoadedProgram>,
    convolutions: Convolutions,
    kernels: Kernels,
    carrier: Carrier,
    memory: DeviceBlock,
    device: Device,
    name: String,
}

/// A program with all that could be looked up before.
struct LoadedProgram {
    steps: Vec<LoadedCommand>,
    capture: Capture,
}

enum LoadedCommand {
    Launch(Launch),
    Convolve {
        number: usize,
        places: Operands,
        add: bool,
    },
}

impl Cuda {
    /// The GPU of this index, with `bytes` bytes of memory, all zero, for programs that work off `batch` images.
    /// A deterministic one takes only algorithms whose sums have a fixed order, and always the same.
    ///
    /// # Errors
    /// [`GpuError::Absent`] without a GPU, its driver or its libraries, [`GpuError::Memory`] if it has too little,
    /// [`GpuError::Device`] if it refuses.
    pub fn new(
        index: usize,
        precision: Precision,
        deterministic: bool,
        bytes: usize,
        batch: usize,
    ) -> Result<Cuda, GpuError> {
        let device = Device::open(index)?;
        let free = device.free()?;
        let short = |_| GpuError::Memory {
            batch,
            needed: mib(bytes.saturating_add(WORKSPACE)),
            free: free >> 20,
        };
        if bytes.saturating_add(WORKSPACE) > free {
            return Err(short(()));
        }
        let memory = DeviceBlock::new(&device, bytes).map_err(|_| short(()))?;
        let workspace = DeviceBlock::new(&device, WORKSPACE).map_err(|_| short(()))?;
        Ok(Cuda {
            programs: Vec::new(),
            convolutions: Convolutions::new(&device, precision, deterministic, workspace)?,
            kernels: Kernels::default(),
            carrier: Carrier::new(&device)?,
            memory,
            name: device.describe()?,
            device,
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
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why programs that ran twice are not replayed as a whole, of each that is not.
    pub fn not_captured(&self) -> impl Iterator<Item = &str> {
        self.programs
            .iter()
            .filter_map(|program| match &program.capture {
                Capture::Refused(why) => Some(why.as_str()),
                Capture::New | Capture::WarmedUp | Capture::Whole(_) => None,
            })
    }

    /// A command with all that can be looked up before it runs; nothing if it does nothing.
    fn step(
        &mut self,
        element: Element,
        command: &Command,
    ) -> Result<Option<LoadedCommand>, GpuError> {
        let memory = &self.memory;
        match command {
            Command::Launch {
                kernel,
                threads,
                arguments,
            } => {
                let what = (*kernel, *threads);
                let launch = self
                    .kernels
                    .launch(&self.device, element, what, arguments, memory)?;
                Ok(launch.map(LoadedCommand::Launch))
            }
            Command::Convolve {
                pass,
                shape,
                x,
                w,
                y,
                add,
            } => {
                let [x_bytes, w_bytes, y_bytes] =
                    convolution::bytes(shape, element).ok_or_else(|| GpuError::Device {
                        what: format!("a convolution of {shape:?}"),
                        why: "is too large".into(),
                    })?;
                let places = Operands {
                    x: memory.at(*x, x_bytes)?,
                    w: memory.at(*w, w_bytes)?,
                    y: memory.at(*y, y_bytes)?,
                };
                let number = self.convolutions.number(*pass, *shape, element)?;
                Ok(Some(LoadedCommand::Convolve {
                    number,
                    places,
                    add: *add,
                }))
            }
        }
    }
}

impl Machine for Cuda {
    fn add(&mut self, program: Program) -> Result<ProgramId, GpuError> {
        let mut steps = Vec::with_capacity(program.commands.len());
        for command in &program.commands {
            steps.extend(self.step(program.element, command)?);
        }
        self.programs.push(LoadedProgram {
            steps,
            capture: Capture::New,
        });
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn run(&mut self, program: ProgramId) -> Result<(), GpuError> {
        let Cuda {
            programs,
            convolutions,
            device,
            ..
        } = self;
        let ready = programs
            .get_mut(program.0)
            .ok_or_else(|| GpuError::Device {
                what: format!("program {}", program.0),
                why: "the machine does not know it".into(),
            })?;
        // another machine of this thread may have made its own device the current one
        (device.context.bind_to_thread()).map_err(refused("the device"))?;
        let steps = &mut ready.steps;
        ready.capture.run(device, &mut || {
            steps.iter_mut().try_for_each(|step| match step {
                LoadedCommand::Launch(launch) => launch.start(device),
                LoadedCommand::Convolve {
                    number,
                    places,
                    add,
                } => convolutions.run(device, *number, *places, *add),
            })
        })
    }

    fn write(&mut self, to: Address, bytes: &[u8]) -> Result<(), GpuError> {
        self.carrier.write(&self.memory, to, bytes)
    }

    fn read(&mut self, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
        memory::read(&self.memory, from, bytes)
    }

    fn wait(&mut self) -> Result<(), GpuError> {
        self.device.wait()
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        // what is under way uses what is about to go; what went wrong on the way interests nobody any more
        let _ = self.device.wait();
    }
}

/// Bytes in MiB, a started one as a whole.
const fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}
