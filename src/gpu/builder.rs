//! A program while it is being built: its tensors have no places yet.
//!
//! A tensor's address is its number, far above all memory; who is alive when follows from the commands
//! that name it.

use super::{Address, Argument, Command, ConvPass, Convolution, Element, GpuError, Program};
use crate::arena::{Piece, plan};
use crate::graph::lifetimes;

/// The distance of two tensors that have no places yet, and the first of their addresses.
const APART: usize = 1 << 40;

/// Units of a tensor and threads of a launch, which kernels count in an `int`, stay below this.
const LIMIT: usize = (1 << 31) - (1 << 16);

/// A program without places.
pub(super) struct ProgramBuilder {
    element: Element,
    commands: Vec<Command>,
    /// Bytes of each tensor.
    sizes: Vec<usize>,
}

/// What a kernel is to be handed.
#[derive(Clone, Copy)]
pub(super) enum KernelArg {
    At(Option<Address>),
    Size(usize),
    Int(i32),
    Real(f64),
}

impl From<Address> for KernelArg {
    fn from(address: Address) -> KernelArg {
        KernelArg::At(Some(address))
    }
}

impl From<Option<Address>> for KernelArg {
    fn from(address: Option<Address>) -> KernelArg {
        KernelArg::At(address)
    }
}

impl From<usize> for KernelArg {
    fn from(size: usize) -> KernelArg {
        KernelArg::Size(size)
    }
}

impl From<bool> for KernelArg {
    fn from(flag: bool) -> KernelArg {
        KernelArg::Int(i32::from(flag))
    }
}

impl From<i32> for KernelArg {
    fn from(number: i32) -> KernelArg {
        KernelArg::Int(number)
    }
}

impl From<f64> for KernelArg {
    fn from(number: f64) -> KernelArg {
        KernelArg::Real(number)
    }
}

/// `launch!(builder, "kernel", threads, [arguments...])`: the number of threads is the last argument too.
macro_rules! launch {
    ($builder:expr, $kernel:literal, $threads:expr, [$($argument:expr),+ $(,)?] $(,)?) => {{
        let threads: usize = $threads;
        $builder.launch($kernel, threads, &[$($argument.into(),)+ threads.into()])
    }};
}
pub(super) use launch;

/// `sweep!(builder, "kernel", units, [arguments...])`: as [`launch!`], for a kernel whose threads take
/// [`Element::wide`] units each. The number of units is the last argument too.
macro_rules! sweep {
    ($builder:expr, $kernel:literal, $units:expr, [$($argument:expr),+ $(,)?] $(,)?) => {{
        let units: usize = $units;
        let threads = $builder.blocks(units);
        $builder.launch($kernel, threads, &[$($argument.into(),)+ units.into()])
    }};
}
pub(super) use sweep;

impl ProgramBuilder {
    /// A program of nothing.
    pub fn new(element: Element) -> ProgramBuilder {
        ProgramBuilder {
            element,
            commands: Vec::new(),
            sizes: Vec::new(),
        }
    }

    /// Threads that take so many units, or channels.
    pub fn blocks(&self, units: usize) -> usize {
        units.div_ceil(self.element.wide())
    }

    /// A tensor of so many units.
    pub fn units(&mut self, count: usize) -> Result<Address, GpuError> {
        self.tensor(count, self.element.bytes())
    }

    /// A tensor of so many `float`.
    pub fn floats(&mut self, count: usize) -> Result<Address, GpuError> {
        self.tensor(count, 4)
    }

    /// A tensor of so many numbers of that size.
    pub fn tensor(&mut self, count: usize, bytes: usize) -> Result<Address, GpuError> {
        self.sizes.push(counted(count)? * bytes);
        Ok(Address(self.sizes.len() * APART))
    }

    /// Runs a kernel.
    pub fn launch(
        &mut self,
        kernel: &'static str,
        threads: usize,
        arguments: &[KernelArg],
    ) -> Result<(), GpuError> {
        let argument = |given: &KernelArg| {
            Ok(match *given {
                KernelArg::At(Some(address)) => Argument::At(address),
                KernelArg::At(None) => Argument::Nowhere,
                KernelArg::Size(size) => Argument::Int(counted(size)? as i32),
                KernelArg::Int(number) => Argument::Int(number),
                KernelArg::Real(number) => Argument::Real(number as f32),
            })
        };
        self.commands.push(Command::Launch {
            kernel,
            threads: counted(threads)?,
            arguments: arguments
                .iter()
                .map(argument)
                .collect::<Result<_, GpuError>>()?,
        });
        Ok(())
    }

    /// A product of a convolution, of `[x, w, y]`.
    pub fn convolve(
        &mut self,
        pass: ConvPass,
        shape: Convolution,
        [x, w, y]: [Address; 3],
        add: bool,
    ) {
        self.commands.push(Command::Convolve {
            pass,
            shape,
            x,
            w,
            y,
            add,
        });
    }

    /// The program with places from `start` on, and where they end.
    pub fn place(mut self, start: usize) -> (Program, usize) {
        // for each tensor its first and last command
        let touched = |command: &mut Command| {
            let mut tensors = Vec::new();
            each_address(command, |address| tensors.extend(number(*address)));
            tensors
        };
        let alive = lifetimes(self.sizes.len(), self.commands.iter_mut().map(touched));
        let pieces: Vec<Piece> = (self.sizes.iter().zip(alive))
            .map(|(&bytes, alive)| match alive {
                Some(alive) => Piece { bytes, alive },
                // no command needs it
                None => Piece {
                    bytes: 0,
                    alive: [0, 0],
                },
            })
            .collect();
        let (places, total) = plan(&pieces);
        for command in &mut self.commands {
            each_address(command, |address| {
                if let Some(tensor) = number(*address) {
                    address.0 = start + places[tensor] + address.0 % APART;
                }
            });
        }
        let program = Program {
            element: self.element,
            commands: self.commands,
        };
        (program, start + total)
    }
}

/// A size that an `int` holds.
pub(super) fn counted(count: usize) -> Result<usize, GpuError> {
    match count < LIMIT {
        true => Ok(count),
        false => Err(GpuError::Network(format!(
            "a tensor has {count} units, a kernel counts to {LIMIT}: use a smaller batch"
        ))),
    }
}

/// Which tensor without a place an address means.
fn number(address: Address) -> Option<usize> {
    (address.0 / APART).checked_sub(1)
}

fn each_address(command: &mut Command, mut visit: impl FnMut(&mut Address)) {
    match command {
        Command::Launch { arguments, .. } => {
            for argument in arguments {
                if let Argument::At(address) = argument {
                    visit(address);
                }
            }
        }
        Command::Convolve { x, w, y, .. } => [x, w, y].into_iter().for_each(visit),
    }
}
