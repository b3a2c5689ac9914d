//! A machine without a GPU: kernels are compiled by the C compiler and run thread by thread, convolutions are
//! convcheck's own.
#![allow(
    unsafe_code,
    reason = "it calls compiled kernels; what it hands them is checked against their parameters"
)]

use candle_core::{Device, Tensor};
use convcheck::gpu::{
    Address, Argument, Command, Convolution, Element, GpuError, KERNELS, Machine, Pass, Program,
    ProgramId,
};
use convcheck::graph::{Conv, conv};
use convcheck::ops;
use libloading::Library;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// A piece of memory, and programs over it.
pub struct Emulator {
    memory: Vec<u64>,
    programs: Vec<Program>,
    /// Whether the last thread of a launch runs first.
    pub reversed: bool,
    /// The kernels that have run.
    pub seen: BTreeMap<&'static str, usize>,
}

/// What a kernel's parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Pointer,
    Int,
    Float,
}

/// An argument as the compiled code takes it.
#[repr(C)]
#[derive(Clone, Copy)]
union Value {
    pointer: *mut u8,
    int: i32,
    float: f32,
}

type Run = unsafe extern "C" fn(*const Value, i32, i32);

/// The kernels for one type of unit.
struct Kernels {
    library: Library,
    parameters: BTreeMap<String, Vec<Kind>>,
}

impl Emulator {
    /// A machine of so many bytes, all of which are no numbers.
    pub fn new(bytes: usize) -> Emulator {
        Emulator {
            memory: vec![u64::MAX; bytes.div_ceil(8)],
            programs: Vec::new(),
            reversed: false,
            seen: BTreeMap::new(),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        let length = self.memory.len() * 8;
        // SAFETY: any eight bytes are a u64, and the slice is as long as the numbers
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), length) }
    }

    fn launch(
        &mut self,
        element: Element,
        kernel: &'static str,
        threads: usize,
        arguments: &[Argument],
    ) {
        *self.seen.entry(kernel).or_default() += 1;
        let kernels = kernels(element);
        let parameters = (kernels.parameters.get(kernel))
            .unwrap_or_else(|| panic!("there is no kernel `{kernel}`"));
        let kinds: Vec<Kind> = arguments.iter().map(kind).collect();
        assert_eq!(*parameters, kinds, "what `{kernel}` is handed");
        let memory = self.bytes();
        let values: Vec<Value> = (arguments.iter())
            .map(|argument| match *argument {
                Argument::At(Address(place)) => Value {
                    pointer: memory[place..].as_mut_ptr(),
                },
                Argument::Nowhere => Value {
                    pointer: std::ptr::null_mut(),
                },
                Argument::Int(int) => Value { int },
                Argument::Real(float) => Value { float },
            })
            .collect();
        let name = ["run_", kernel].concat();
        // SAFETY: the function was generated with this signature, and reads as many values of those kinds;
        // where it writes beyond a tensor the laws find other numbers
        unsafe {
            let run = kernels.library.get::<Run>(name.as_bytes()).unwrap();
            run(values.as_ptr(), threads as i32, i32::from(self.reversed));
        }
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
        pass: Pass,
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
            Pass::Forward => {
                let (x, w) = (load(x, dims_x), load(w, dims_w));
                (y, ops::conv::forward(&layer, &x, &w, None).unwrap(), dims_y)
            }
            Pass::InputGradient => {
                let (w, dy) = (load(w, dims_w), load(y, dims_y));
                let like = Tensor::zeros(&dims_x, dy.dtype(), &Device::Cpu).unwrap();
                let dx = ops::conv::input_gradient(&layer, &like, &w, &dy).unwrap();
                (x, dx, dims_x)
            }
            Pass::WeightGradient => {
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
        self.bytes()[to.0..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
        bytes.copy_from_slice(&self.bytes()[from.0..][..bytes.len()]);
        Ok(())
    }

    fn wait(&mut self) -> Result<(), GpuError> {
        Ok(())
    }
}

const fn kind(argument: &Argument) -> Kind {
    match argument {
        Argument::At(_) | Argument::Nowhere => Kind::Pointer,
        Argument::Int(_) => Kind::Int,
        Argument::Real(_) => Kind::Float,
    }
}

/// The kernels, compiled once.
fn kernels(element: Element) -> &'static Kernels {
    static KERNELS: [OnceLock<Kernels>; 2] = [OnceLock::new(), OnceLock::new()];
    KERNELS[element as usize].get_or_init(|| compile(element))
}

/// Every kernel by name.
pub fn names() -> Vec<&'static str> {
    signatures().map(|(name, _)| name).collect()
}

/// Names and parameter lists.
fn signatures() -> impl Iterator<Item = (&'static str, &'static str)> {
    KERNELS.split("\nKERNEL ").skip(1).map(|text| {
        let (name, rest) = text.split_once('(').unwrap();
        (name, rest.split_once(')').unwrap().0)
    })
}

/// A kernel becomes a function that is told which thread it is, with one beside it that runs all threads, and
/// three that have nothing to do.
fn compile(element: Element) -> Kernels {
    let mut source = String::from(
        "#include <math.h>\n\
         #define KERNEL static void\n\
         #define INLINE static inline\n\
         #define INDEX thread_\n",
    );
    if element == Element::Bf16 {
        source += "#define BF16\n";
    }
    let mut text = KERNELS.to_string();
    for name in names() {
        let (from, to) = (
            format!("KERNEL {name}("),
            format!("KERNEL {name}(int thread_, "),
        );
        text = text.replace(&from, &to);
    }
    source += &text;
    source += "\nunion value { char *pointer; int whole; float real; };\n";
    let mut parameters = BTreeMap::new();
    for (name, list) in signatures() {
        let (mut kinds, mut values) = (Vec::new(), String::new());
        for (i, parameter) in expand(list).split(',').enumerate() {
            let is = |kind: &str| parameter.trim().starts_with(kind);
            let (kind, member) = match parameter.contains('*') {
                true => (Kind::Pointer, "pointer"),
                false if is("int ") => (Kind::Int, "whole"),
                false if is("float ") => (Kind::Float, "real"),
                false => panic!("{name} has a parameter `{parameter}`"),
            };
            let cast = if kind == Kind::Pointer {
                "(void *)"
            } else {
                ""
            };
            write!(values, ", {cast}v[{i}].{member}").unwrap();
            kinds.push(kind);
        }
        writeln!(
            source,
            "void run_{name}(const union value *v, int threads, int reversed) {{\n\
             int all = threads + 3, i;\n\
             for (i = 0; i < all; i++) {name}(reversed ? all - 1 - i : i{values});\n}}"
        )
        .unwrap();
        parameters.insert(name.to_string(), kinds);
    }
    Kernels {
        library: library(&source),
        parameters,
    }
}

/// A parameter list in which names of lists stand for the lists.
fn expand(list: &str) -> String {
    let mut list = list.to_string();
    for definition in KERNELS
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
    {
        if let Some((name, parameters)) = definition.split_once(" int ") {
            list = list.replace(name, &["int ", parameters].concat());
        }
    }
    list
}

#[expect(
    clippy::disallowed_methods,
    reason = "which C compiler there is depends on the machine"
)]
fn library(source: &str) -> Library {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["kernels.c", "kernels.so"].map(|name| folder.path().join(name));
    std::fs::write(&from, source).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let done = std::process::Command::new(&compiler)
        .args(["-std=c11", "-O2", "-shared", "-fPIC", "-x", "c", "-o"])
        .args([&to, &from])
        .arg("-lm")
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{compiler}: {said}");
    // SAFETY: it has no initialisers
    unsafe { Library::new(&to).unwrap() }
}
