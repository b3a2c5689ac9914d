//! Memory on a GPU with the programs that run over it, on a stream of its own.

use super::calls::Operands;
use super::capture::Capture;
use super::choices::bytes;
use super::convolution::Convolutions;
use super::device::{Device, not_given};
use super::kernels::Launch;
use super::memory::{self, Carrier, DeviceBlock, Memory};
use super::{Common, mib};
use crate::gpu::{Address, Command, Element, GpuError, Machine, Program, ProgramId};
use std::sync::Arc;

/// Bytes that driver, cuDNN and captured programs take of a machine besides its memory, roughly; without them they fail
/// without saying that it is memory that they lack.
const BESIDES: usize = 128 << 20;

/// A machine on a GPU.
pub struct CudaMachine {
    // in the order in which they must go: what uses something before what it uses
    programs: Vec<LoadedProgram>,
    convolutions: Convolutions,
    carrier: Carrier,
    memory: Memory,
    device: Device,
    common: Arc<Common>,
    /// Images of the largest batch.
    batch: usize,
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

impl CudaMachine {
    /// With `bytes` bytes of memory, all zero, for programs that work off `batch` images.
    ///
    /// # Errors
    /// [`GpuError::Memory`] if the GPU has too little, [`GpuError::Device`] if it refuses.
    pub(super) fn new(
        common: &Arc<Common>,
        bytes: usize,
        batch: usize,
        shared: Option<Arc<DeviceBlock>>,
    ) -> Result<CudaMachine, GpuError> {
        let device = common.device.beside()?;
        let free = device.free()?;
        let short = || GpuError::Memory {
            batch,
            needed: mib(bytes.saturating_add(BESIDES)),
            free: free >> 20,
        };
        if bytes.saturating_add(BESIDES) > free {
            return Err(short());
        }
        let own = DeviceBlock::new(&device, bytes);
        let own = own.map_err(|error| not_given(error, short()))?;
        Ok(CudaMachine {
            programs: Vec::new(),
            convolutions: Convolutions::new(&device)?,
            carrier: Carrier::new(&device)?,
            memory: Memory { own, shared },
            device,
            common: Arc::clone(common),
            batch,
        })
    }

    /// Name, compute capability, driver and cuDNN of the GPU.
    pub fn description(&self) -> &str {
        &self.common.description
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
        let (memory, common) = (&self.memory, &self.common);
        match command {
            Command::Launch {
                kernel,
                threads,
                arguments,
            } => {
                let what = (*kernel, *threads);
                let launch =
                    common
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
                    bytes(shape, element).ok_or_else(|| GpuError::Device {
                        what: format!("a convolution of {shape:?}"),
                        why: "is too large".into(),
                    })?;
                let places = Operands {
                    x: memory.own.at(*x, x_bytes)?,
                    w: memory.own.at(*w, w_bytes)?,
                    y: memory.own.at(*y, y_bytes)?,
                };
                let choices = &common.choices;
                let number = (self.convolutions).number(choices, *pass, *shape, element)?;
                Ok(Some(LoadedCommand::Convolve {
                    number,
                    places,
                    add: *add,
                }))
            }
        }
    }
}

impl Machine for CudaMachine {
    fn add(&mut self, program: Program) -> Result<ProgramId, GpuError> {
        self.device.bind()?;
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
        let CudaMachine {
            programs,
            convolutions,
            device,
            common,
            ..
        } = self;
        let ready = programs
            .get_mut(program.0)
            .ok_or_else(|| GpuError::Device {
                what: format!("program {}", program.0),
                why: "the machine does not know it".into(),
            })?;
        // this thread may have worked on another GPU before, and another thread on this machine
        device.bind()?;
        if let Err((error, needed)) = convolutions.make_room(device) {
            let short = GpuError::Memory {
                batch: self.batch,
                needed: mib(self.memory.own.bytes() + needed),
                free: device.free()? >> 20,
            };
            return Err(not_given(error, short));
        }
        let steps = &mut ready.steps;
        ready.capture.run(device, &mut || {
            steps.iter_mut().try_for_each(|step| match step {
                LoadedCommand::Launch(launch) => launch.start(device),
                LoadedCommand::Convolve {
                    number,
                    places,
                    add,
                } => convolutions.run(device, &common.choices, *number, *places, *add),
            })
        })
    }

    fn write(&mut self, to: Address, bytes: &[u8]) -> Result<(), GpuError> {
        self.carrier.write(&self.memory.own, to, bytes)
    }

    fn read(&mut self, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
        memory::read(&self.memory.own, from, bytes)
    }

    fn wait(&mut self) -> Result<(), GpuError> {
        self.device.wait()
    }
}

impl Drop for CudaMachine {
    fn drop(&mut self) {
        // what is under way uses what is about to go; what went wrong on the way interests nobody any more
        let _ = self.device.wait();
    }
}
