//! A machine without a GPU: kernels are compiled by the C compiler and run thread by thread, convolutions are
//! convcheck's own.
#![allow(
    unsafe_code,
    reason = "it calls compiled kernels; what it hands them is checked against their parameters"
)]

mod gpu;
mod kernels;

use candle_core::{Device, Tensor};
use convcheck::gpu::{
    Address, Argument, Command, ConvPass, Convolution, Element, GpuError, Machine, Program,
    ProgramId,
};
use convcheck::graph::{Conv, conv};
use convcheck::ops;
use kernels::{Kind, Raw, kernels};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use gpu::EmulatedGpu;
pub use kernels::names;

/// Bytes at a place where any number can begin.
pub struct Bytes(Vec<u64>);

impl Bytes {
    /// So many, all of which are no numbers.
    fn new(bytes: usize) -> Bytes {
        Bytes(vec![u64::MAX; bytes.div_ceil(8)])
    }

    fn slice(&mut self) -> &mut [u8] {
        let length = self.0.len() * 8;
        // SAFETY: any eight bytes are a u64, and the slice is as long as the numbers
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), length) }
    }
}

/// A piece of memory, and programs over it.
pub struct Emulator {
    memory: Bytes,
    shared: Option<Arc<Bytes>>,
    /// Those of its device.
    machines: Option<Arc<AtomicUsize>>,
    vanishes: Arc<AtomicUsize>,
    programs: Vec<Program>,
    /// Whether the last thread of a launch runs first.
    pub reversed: bool,
    /// The kernels that have run.
    pub seen: BTreeSet<&'static str>,
}

impl Emulator {
    /// A machine of so many bytes, all of which are no numbers.
    pub fn new(bytes: usize) -> Emulator {
        Emulator {
            memory: Bytes::new(bytes),
            shared: None,
            machines: None,
            vanishes: Arc::new(AtomicUsize::new(usize::MAX)),
            programs: Vec::new(),
            reversed: false,
            seen: BTreeSet::new(),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        self.memory.slice()
    }

    /// Something is asked of the device.
    fn asked(&self) -> Result<(), GpuError> {
        let left = self.vanishes.load(Ordering::SeqCst);
        if left == 0 {
            return Err(GpuError::Device {
                what: "a command".into(),
                why: "the device is gone".into(),
            });
        }
        if left != usize::MAX {
            self.vanishes.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn launch(
        &mut self,
        element: Element,
        kernel: &'static str,
        threads: usize,
        arguments: &[Argument],
    ) {
        self.seen.insert(kernel);
        let kernels = kernels(element);
        let parameters = (kernels.parameters.get(kernel))
            .unwrap_or_else(|| panic!("there is no kernel `{kernel}`"));
        let kinds: Vec<Kind> = arguments.iter().map(kind).collect();
        assert_eq!(*parameters, kinds, "what `{kernel}` is handed");
        let shared = self
            .shared
            .as_ref()
            .map(|shared| (shared.0.as_ptr(), shared.0.len() * 8));
        let memory = self.bytes();
        let (start, end) = (memory.as_mut_ptr(), memory.len());
        let at = |place: usize| {
            assert!(
                place < end,
                "`{kernel}` is handed a place beyond the memory"
            );
            start.wrapping_add(place)
        };
        let values: Vec<Raw> = (arguments.iter())
            .map(|argument| match *argument {
                Argument::At(Address(place)) => Raw { pointer: at(place) },
                Argument::Shared(place) => {
                    let (start, end) = shared.expect("nothing is shared");
                    assert!(
                        place < end,
                        "`{kernel}` is handed a place beyond what is shared"
                    );
                    // which no kernel writes: others read it at the same time
                    let pointer = start.cast::<u8>().wrapping_add(place).cast_mut();
                    Raw { pointer }
                }
                Argument::Nowhere => Raw {
                    pointer: std::ptr::null_mut(),
                },
                Argument::Int(int) => Raw { int },
                Argument::Real(float) => Raw { float },
            })
            .collect();
        kernels.run(kernel, &values, threads, self.reversed);
    }

    fn units(&mut self, element: Element, at: Address, count: usize) -> Vec<f32> {
        let bytes = &self.bytes()[at.0..][..count * element.bytes()];
        match element {
            Element::F32 => (bytes.chunks_exact(4))
                .map(|x| f32::from_ne_bytes([x[0], x[1], x[2], x[3]]))
                .collect(),
            Element::Bf16 => (bytes.chunks_exact(2))
                .map(|x| f32::from_bits(u32::from(u16::from_ne_bytes([x[0], x[1]])) << 16))
                .collect(),
        }
    }

    fn store(&mut self, element: Element, at: Address, numbers: &[f32], add: bool) {
        let mut numbers = numbers.to_vec();
        if add {
            let there = self.units(element, at, numbers.len());
            (numbers.iter_mut().zip(there)).for_each(|(x, there)| *x += there);
        }
        let bytes = &mut self.bytes()[at.0..][..numbers.len() * element.bytes()];
        match element {
            Element::F32 => (bytes.chunks_exact_mut(4).zip(numbers))
                .for_each(|(place, x)| place.copy_from_slice(&x.to_ne_bytes())),
            Element::Bf16 => (bytes.chunks_exact_mut(2).zip(numbers)).for_each(|(place, x)| {
                place.copy_from_slice(&upper_half(x).to_ne_bytes());
            }),
        }
    }

    fn convolve(
        &mut self,
        element: Element,
        pass: ConvPass,
        shape: &Convolution,
        [x, w, y]: [Address; 3],
        add: bool,
    ) {
        let layer = layer(shape);
        for axis in [0, 1] {
            let found = layer.window.axis(axis, shape.input[axis]).unwrap().output;
            assert_eq!(found, shape.output[axis], "{shape:?}");
        }
        let [maps, out] = shape.maps;
        let dims_x = [shape.samples, maps, shape.input[0], shape.input[1]];
        let dims_y = [shape.samples, out, shape.output[0], shape.output[1]];
        let dims_w = [out, maps / shape.groups, shape.kernel[0], shape.kernel[1]];
        let mut load = |at: Address, dims: [usize; 4]| {
            let numbers = self.units(element, at, dims.iter().product());
            Tensor::from_vec(channels_first(&numbers, dims), &dims, &Device::Cpu).unwrap()
        };
        let (to, result, dims) = match pass {
            ConvPass::Forward => {
                let (x, w) = (load(x, dims_x), load(w, dims_w));
                (y, ops::conv::forward(&layer, &x, &w, None).unwrap(), dims_y)
            }
            ConvPass::InputGradient => {
                let (w, dy) = (load(w, dims_w), load(y, dims_y));
                let like = Tensor::zeros(&dims_x, dy.dtype(), &Device::Cpu).unwrap();
                let dx = ops::conv::input_gradient(&layer, &like, &w, &dy).unwrap();
                (x, dx, dims_x)
            }
            ConvPass::WeightGradient => {
                let (x, dy) = (load(x, dims_x), load(y, dims_y));
                let mut gradients = ops::conv::weight_gradient(&layer, &x, &dy).unwrap();
                (w, gradients.remove(0), dims_w)
            }
        };
        let numbers: Vec<f32> = result.flatten_all().unwrap().to_vec1().unwrap();
        self.store(element, to, &channels_last(&numbers, dims), add);
    }
}

/// Of a number, rounded to nearest, ties to even.
fn upper_half(x: f32) -> u16 {
    let bits = x.to_bits();
    match x.is_nan() {
        true => 0x7fc0,
        false => ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16,
    }
}

fn layer(shape: &Convolution) -> Conv {
    conv(shape.maps[1], shape.kernel)
        .stride(shape.stride)
        .pad(shape.pad)
        .dilation(shape.dilation)
        .groups(shape.groups)
        .no_bias()
}

/// `[n][h][w][c]` as `[n][c][h][w]`, whose dimensions are given.
fn channels_first(numbers: &[f32], [n, c, h, w]: [usize; 4]) -> Vec<f32> {
    let mut to = vec![0.0; numbers.len()];
    for (i, &x) in numbers.iter().enumerate() {
        let (sample, unit, channel) = (i / (c * h * w), i / c % (h * w), i % c);
        to[(sample * c + channel) * h * w + unit] = x;
    }
    assert_eq!(n * c * h * w, numbers.len());
    to
}

/// The other way.
fn channels_last(numbers: &[f32], [_, c, h, w]: [usize; 4]) -> Vec<f32> {
    let mut to = vec![0.0; numbers.len()];
    for (i, &x) in numbers.iter().enumerate() {
        let (sample, channel, unit) = (i / (c * h * w), i / (h * w) % c, i % (h * w));
        to[(sample * h * w + unit) * c + channel] = x;
    }
    to
}

impl Machine for Emulator {
    fn add(&mut self, program: Program) -> Result<ProgramId, GpuError> {
        self.programs.push(program);
        Ok(ProgramId(self.programs.len() - 1))
    }

    fn run(&mut self, program: ProgramId) -> Result<(), GpuError> {
        self.asked()?;
        let Program { element, commands } = self.programs[program.0].clone();
        for command in &commands {
            match command {
                Command::Launch {
                    kernel,
                    threads,
                    arguments,
                } => self.launch(element, kernel, *threads, arguments),
                Command::Convolve {
                    pass,
                    shape,
                    x,
                    w,
                    y,
                    add,
                } => self.convolve(element, *pass, shape, [*x, *w, *y], *add),
            }
        }
        Ok(())
    }

    fn write(&mut self, to: Address, bytes: &[u8]) -> Result<(), GpuError> {
        self.asked()?;
        self.bytes()[to.0..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
        self.asked()?;
        bytes.copy_from_slice(&self.bytes()[from.0..][..bytes.len()]);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), GpuError> {
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(machines) = &self.machines {
            machines.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

const fn kind(argument: &Argument) -> Kind {
    match argument {
        Argument::At(_) | Argument::Shared(_) | Argument::Nowhere => Kind::Pointer,
        Argument::Int(_) => Kind::Int,
        Argument::Real(_) => Kind::Float,
    }
}
