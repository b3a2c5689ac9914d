//! A step of a network as data, and what it takes to run it.

use std::sync::Arc;

/// A place in the device memory of a machine, in bytes from its start; a multiple of 256 where a tensor
/// begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub usize);

/// A type of number of activations and of the weights that convolutions read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// 32 bits.
    F32,
    /// The upper 16 bits of an f32, rounded to nearest even.
    Bf16,
}

impl Element {
    /// Bytes of one.
    pub const fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::Bf16 => 2,
        }
    }

    /// Units that a thread takes at once: as many as one access of memory, of 16 bytes, carries. `WIDE` in
    /// `kernels/number.cu`.
    pub const fn wide(self) -> usize {
        16 / self.bytes()
    }
}

/// What a kernel is handed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// A pointer.
    At(Address),
    /// A pointer to what machines share, so many bytes from its start.
    Shared(usize),
    /// A null pointer: nothing there.
    Nowhere,
    /// An `int`.
    Int(i32),
    /// A `float`.
    Real(f32),
}

/// Which of the three products of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConvPass {
    /// y from x and w.
    Forward,
    /// x's gradient, at `x`, from y's gradient, at `y`, and w.
    InputGradient,
    /// w's gradient, at `w`, from x and y's gradient, at `y`.
    WeightGradient,
}

/// A convolution on maps of known size. Maps are NHWC, weights `[out][h][w][in / groups]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Convolution {
    /// Samples of the batch.
    pub samples: usize,
    /// Maps in, maps out.
    pub maps: [usize; 2],
    /// Groups that do not see each other.
    pub groups: usize,
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Its step.
    pub stride: [usize; 2],
    /// Distance of its taps.
    pub dilation: [usize; 2],
    /// Zeros on each side of the input: above and below, left and right.
    pub pad: [usize; 2],
    /// Rows and columns in.
    pub input: [usize; 2],
    /// Rows and columns out.
    pub output: [usize; 2],
}

/// One thing that a machine does.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Runs a kernel of [`KERNELS`](super::KERNELS) in so many threads, or a few more.
    Launch {
        /// Its name.
        kernel: &'static str,
        /// Threads that have something to do.
        threads: usize,
        /// What it is handed, in order.
        arguments: Vec<Argument>,
    },
    /// One product of a convolution, summed up in f32.
    Convolve {
        /// Which.
        pass: ConvPass,
        /// The geometry.
        shape: Convolution,
        /// The input, or its gradient.
        x: Address,
        /// The weights, or their gradient.
        w: Address,
        /// The output, or its gradient.
        y: Address,
        /// Whether the result is added to what stands there.
        add: bool,
    },
}

/// A step, ready to be run again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The type of number of activations.
    pub element: Element,
    /// What is done, in order.
    pub commands: Vec<Command>,
}

/// A program that a machine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramId(pub usize);

/// Why something cannot be done on the GPU.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// There is none, or its driver or libraries do not load.
    #[error("no CUDA device: {0}")]
    Absent(String),
    /// The device has too little memory.
    #[error(
        "a batch of {batch} images needs {needed} MiB on the device, which has {free} MiB free: use a smaller batch"
    )]
    Memory {
        /// Images.
        batch: usize,
        /// MiB asked for.
        needed: usize,
        /// MiB that are free.
        free: usize,
    },
    /// The device has too little memory for images that stay there.
    #[error(
        "the images need {needed} MiB on the device, which has {free} MiB free: use fewer (`images`)"
    )]
    Images {
        /// MiB asked for.
        needed: usize,
        /// MiB that are free.
        free: usize,
    },
    /// The device refuses.
    #[error("{what}: {why}")]
    Device {
        /// What was tried.
        what: String,
        /// What it said.
        why: String,
    },
    /// The network cannot be run there.
    #[error("{0}")]
    Network(String),
}

impl GpuError {
    /// Whether there would be nothing wrong on a device with more free memory.
    pub const fn is_lack_of_memory(&self) -> bool {
        matches!(self, GpuError::Memory { .. } | GpuError::Images { .. })
    }
}

/// A device, on which several machines work side by side. What is the same for all of them is there once.
pub trait Gpu: Send + Sync {
    /// What works on it.
    type Machine: Machine + Send;
    /// Bytes on it that machines read together.
    type Shared: Send + Sync;

    /// How options name it: `cuda:1`.
    fn name(&self) -> &str;

    /// Copies pieces of bytes there, one behind the other.
    ///
    /// # Errors
    /// [`GpuError::Images`] if it has too little memory, [`GpuError::Device`].
    fn share(&self, pieces: &[&[u8]]) -> Result<Self::Shared, GpuError>;

    /// A machine with `bytes` bytes of memory of its own, for programs that work off `batch` images, and with what they read
    /// of what is shared.
    ///
    /// # Errors
    /// [`GpuError::Memory`] if the device has too little, [`GpuError::Device`].
    fn machine(
        &self,
        bytes: usize,
        batch: usize,
        shared: Option<Arc<Self::Shared>>,
    ) -> Result<Self::Machine, GpuError>;
}

/// Device memory, and what runs programs over it. Everything happens in the order in which it is asked
/// for; only [`Machine::read`] and [`Machine::wait`] wait.
pub trait Machine {
    /// Makes a program ready to run.
    ///
    /// # Errors
    /// [`GpuError::Device`] if a kernel does not compile or a convolution has no algorithm.
    fn add(&mut self, program: Program) -> Result<ProgramId, GpuError>;

    /// Runs a program once.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    fn run(&mut self, program: ProgramId) -> Result<(), GpuError>;

    /// Copies bytes to the device.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    fn write(&mut self, to: Address, bytes: &[u8]) -> Result<(), GpuError>;

    /// Copies bytes from the device, once all that was asked for before has happened.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    fn read(&mut self, from: Address, bytes: &mut [u8]) -> Result<(), GpuError>;

    /// Waits until all that was asked for has happened.
    ///
    /// # Errors
    /// [`GpuError::Device`]: what went wrong on the way.
    fn wait(&mut self) -> Result<(), GpuError>;
}
