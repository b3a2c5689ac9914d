//! Laws over convolutions on a GPU: every pass computes what the CPU computes in f64, as exactly as its precision says.

use super::{floats, machine, on_a_gpu, read};
use candle_core::{DType, Device, Tensor};
use convcheck::gpu::{Address, Command, Convolution, Cuda, CudaMachine, Element, Gpu};
use convcheck::gpu::{ConvPass, Machine, Precision, Program};
use convcheck::graph::{Conv, conv};
use convcheck::ops::conv as reference;
use convcheck::random::Key;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![on_a_gpu(
        "gpu::device::determinism-gives-the-same-bits",
        bits,
    )];
    for precision in Precision::ALL {
        let name = format!(
            "gpu::device::convolutions-agree-with-the-cpu::{}",
            precision.name()
        );
        trials.push(on_a_gpu(name, move || convolutions(precision)));
    }
    trials
}

/// A convolution with its tensors, and where they stand.
struct Case {
    conv: Conv,
    shape: Convolution,
    tensors: [Tensor; 3],
    places: [usize; 3],
    bytes: usize,
}

/// Geometries that networks have, and odd ones.
fn cases(element: Element) -> Vec<Case> {
    let of = |conv: Conv, maps, [h, w]: [usize; 2], samples| {
        Case::new(conv.no_bias(), maps, [h, w], samples, element)
    };
    vec![
        of(conv(8, 3).pad(1), 8, [9, 8], 2),
        of(conv(16, 1), 8, [5, 7], 3),
        of(conv(16, 7).stride(2).pad(3), 3, [21, 20], 2),
        of(
            conv(8, 3).stride([2, 1]).pad([0, 2]).dilation([1, 2]),
            4,
            [10, 11],
            1,
        ),
        of(conv(16, 3).pad(1).groups(4), 8, [6, 6], 2),
        of(conv(6, 3).stride(2).pad(1).groups(6), 6, [7, 7], 2),
        of(conv(10, 1), 84, [1, 1], 4),
        of(conv(8, [1, 7]).pad([0, 3]), 8, [8, 8], 2),
    ]
}

impl Case {
    fn new(conv: Conv, maps: usize, [h, w]: [usize; 2], samples: usize, element: Element) -> Case {
        let axis = |axis, input| conv.window.axis(axis, input).unwrap();
        let (rows, columns) = (axis(0, h), axis(1, w));
        let kernel = conv.window.kernel;
        let shape = Convolution {
            samples,
            maps: [maps, conv.out],
            groups: conv.groups,
            kernel,
            stride: conv.window.stride,
            dilation: conv.window.dilation,
            pad: [rows.before, columns.before],
            input: [h, w],
            output: [rows.output, columns.output],
        };
        let dims = [
            vec![samples, maps, h, w],
            vec![conv.out, maps / conv.groups, kernel[0], kernel[1]],
            vec![samples, conv.out, rows.output, columns.output],
        ];
        let (mut bytes, mut places) = (0, [0; 3]);
        for (place, dims) in places.iter_mut().zip(&dims) {
            *place = bytes;
            bytes += (4 * dims.iter().product::<usize>()).next_multiple_of(256);
        }
        let random = |seed: usize| {
            let key = Key::seed(seed as u64);
            let count = dims[seed].iter().product::<usize>();
            let numbers = (0..count).map(|i| element_of(key.signed(i as u64) as f32, element));
            let numbers: Vec<f64> = numbers.map(f64::from).collect();
            Tensor::from_vec(numbers, dims[seed].as_slice(), &Device::Cpu).unwrap()
        };
        let tensors = [random(0), random(1), random(2)];
        Case {
            conv,
            shape,
            tensors,
            places,
            bytes,
        }
    }

    fn command(&self, pass: ConvPass, add: bool) -> Command {
        let [x, w, y] = self.places.map(Address);
        Command::Convolve {
            pass,
            shape: self.shape,
            x,
            w,
            y,
            add,
        }
    }

    /// What a pass gives, in f64.
    fn expected(&self, pass: ConvPass) -> Tensor {
        let [x, w, y] = &self.tensors;
        match pass {
            ConvPass::Forward => reference::forward(&self.conv, x, w, None).unwrap(),
            ConvPass::InputGradient => reference::input_gradient(&self.conv, x, w, y).unwrap(),
            ConvPass::WeightGradient => reference::weight_gradient(&self.conv, x, y)
                .unwrap()
                .remove(0),
        }
    }
}

const PASSES: [ConvPass; 3] = [
    ConvPass::Forward,
    ConvPass::InputGradient,
    ConvPass::WeightGradient,
];

/// Which of the three tensors a pass writes.
const fn written_by(pass: ConvPass) -> usize {
    match pass {
        ConvPass::Forward => 2,
        ConvPass::InputGradient => 0,
        ConvPass::WeightGradient => 1,
    }
}

/// A number as an element holds it.
fn element_of(x: f32, element: Element) -> f32 {
    match element {
        Element::F32 => x,
        Element::Bf16 => f32::from_bits(u32::from(upper(x)) << 16),
    }
}

/// The upper half of a number's bits, rounded to nearest even.
fn upper(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// A tensor as the device has it: maps last, in elements.
fn laid_out(tensor: &Tensor, element: Element) -> Vec<u8> {
    let numbers = tensor.permute((0, 2, 3, 1)).unwrap().flatten_all().unwrap();
    let numbers: Vec<f32> = numbers.to_dtype(DType::F32).unwrap().to_vec1().unwrap();
    match element {
        Element::F32 => numbers.iter().flat_map(|x| x.to_ne_bytes()).collect(),
        Element::Bf16 => numbers
            .iter()
            .flat_map(|&x| upper(x).to_ne_bytes())
            .collect(),
    }
}

/// The numbers of a tensor as they stand on the device.
fn numbers(cuda: &mut CudaMachine, from: usize, count: usize, element: Element) -> Vec<f64> {
    match element {
        Element::F32 => floats(cuda, from, count)
            .into_iter()
            .map(f64::from)
            .collect(),
        Element::Bf16 => {
            let bytes = read(cuda, from, 2 * count);
            let halves = bytes
                .chunks_exact(2)
                .map(|two| u16::from_ne_bytes(two.try_into().unwrap()));
            halves
                .map(|half| f64::from(f32::from_bits(u32::from(half) << 16)))
                .collect()
        }
    }
}

/// Every pass of every case, new and added to what stands there, in the first, second and third run: the algorithm is
/// chosen in the first, the second is captured.
fn convolutions(precision: Precision) {
    let element = precision.element();
    // of the largest number: sums of a few hundred in f32; factors of ten bits; results of seven
    let tolerance = match precision {
        Precision::F32 => 1e-4,
        Precision::Tf32 => 3e-3,
        Precision::Bf16 => 1.5e-2,
    };
    for case in cases(element) {
        for pass in PASSES {
            let result = written_by(pass);
            let expected: Vec<f64> = {
                let once = case.expected(pass).permute((0, 2, 3, 1)).unwrap();
                once.flatten_all().unwrap().to_vec1().unwrap()
            };
            let largest = expected.iter().fold(0f64, |most, x| most.max(x.abs()));
            for add in [false, true] {
                // which has not chosen an algorithm yet
                let mut cuda = machine(precision, case.bytes);
                let commands = vec![case.command(pass, add)];
                let program = cuda.add(Program { element, commands }).unwrap();
                for (tensor, place) in case.tensors.iter().zip(case.places) {
                    cuda.write(Address(place), &laid_out(tensor, element))
                        .unwrap();
                }
                if add {
                    let zeros = case.tensors[result].zeros_like().unwrap();
                    let bytes = laid_out(&zeros, element);
                    cuda.write(Address(case.places[result]), &bytes).unwrap();
                }
                for run in 1..=3 {
                    cuda.run(program).unwrap();
                    let times = if add { f64::from(run) } else { 1.0 };
                    let found = numbers(&mut cuda, case.places[result], expected.len(), element);
                    for (found, expected) in found.iter().zip(&expected) {
                        let off = (found - times * expected).abs();
                        assert!(
                            off <= tolerance * times * largest,
                            "{pass:?} of {:?}, add {add}, run {run}: {found}, not {}",
                            case.shape,
                            times * expected
                        );
                    }
                }
                // what it reads stays as it is
                for (i, place) in case
                    .places
                    .into_iter()
                    .enumerate()
                    .filter(|&(i, _)| i != result)
                {
                    let bytes = laid_out(&case.tensors[i], element);
                    assert!(read(&mut cuda, place, bytes.len()) == bytes, "{pass:?}");
                }
                let refused: Vec<&str> = cuda.not_captured().collect();
                assert_eq!(refused, [""; 0]);
            }
        }
    }
}

/// A machine that must be deterministic gives the same bits when asked again, on another machine too.
fn bits() {
    let case = Case::new(conv(32, 3).pad(1).no_bias(), 16, [14, 14], 8, Element::F32);
    let once = || {
        let gpu = Cuda::new(0, Precision::Tf32, true).unwrap();
        let mut cuda = gpu.machine(case.bytes, 1, None).unwrap();
        for (tensor, place) in case.tensors.iter().zip(case.places) {
            cuda.write(Address(place), &laid_out(tensor, Element::F32))
                .unwrap();
        }
        // the gradient of the weights is the one whose sums may come in any order
        let commands = vec![case.command(ConvPass::WeightGradient, false)];
        let program = cuda
            .add(Program {
                element: Element::F32,
                commands,
            })
            .unwrap();
        let mut all = Vec::new();
        for _ in 0..3 {
            cuda.run(program).unwrap();
            all.push(read(&mut cuda, case.places[1], 4 * 32 * 16 * 9));
        }
        all
    };
    let (first, second) = (once(), once());
    assert!(first.iter().chain(&second).all(|bits| *bits == first[0]));
}
