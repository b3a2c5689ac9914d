//! Laws over a GPU of NVIDIA's as a machine: what is written is read, kernels and convolutions compute what the CPU
//! computes, and a program does the same the first time, captured and replayed. Without a GPU each is skipped by name.

mod convolutions;
mod networks;

use convcheck::gpu::{Address, Argument, Command, Cuda, CudaMachine, Element, Gpu, GpuError};
use convcheck::gpu::{Machine, Precision, Program};
use convcheck::random::Key;
use libtest_mimic::{Completion, Trial};
use std::sync::{Mutex, OnceLock, PoisonError};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        on_a_gpu("gpu::device::memory-begins-with-zeros", zeros),
        on_a_gpu("gpu::device::what-was-written-is-read", written),
        on_a_gpu("gpu::device::nothing-lies-beyond-the-memory", beyond),
        on_a_gpu("gpu::device::commands-run-in-their-order", order),
        on_a_gpu("gpu::device::kernels-get-what-they-take", arguments),
        on_a_gpu("gpu::device::too-little-memory-names-the-batch", memory),
        on_a_gpu("gpu::device::a-device-has-a-name", name),
    ];
    trials.extend(convolutions::trials());
    trials.extend(networks::trials());
    trials
}

/// A law that needs a GPU; one after the other, for its memory's sake.
fn on_a_gpu(name: impl Into<String>, holds: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, || {
        static ABSENT: OnceLock<Option<String>> = OnceLock::new();
        static GPU: Mutex<()> = Mutex::new(());
        // a law that was broken leaves the GPU free
        let _one = GPU.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = ABSENT.get_or_init(|| match Cuda::new(0, Precision::F32, false) {
            Err(error @ GpuError::Absent(_)) => Some(error.to_string()),
            _ => None,
        });
        if let Some(why) = absent {
            return Ok(Completion::ignored_with(why));
        }
        holds();
        Ok(Completion::Completed)
    })
}

/// NVRTC takes the kernels for every type of number; this needs the compiler but no GPU.
pub fn compiles() -> Trial {
    Trial::ignorable_test("gpu::kernels-compile-for-a-gpu", || {
        for element in [Element::F32, Element::Bf16] {
            match Cuda::code(element, (9, 0)) {
                Err(error @ GpuError::Absent(_)) => {
                    return Ok(Completion::ignored_with(error.to_string()));
                }
                code => assert!(!code?.is_empty()),
            }
        }
        Ok(Completion::Completed)
    })
}

/// A machine of a GPU that has chosen no algorithm yet.
pub fn machine(precision: Precision, bytes: usize) -> CudaMachine {
    let cuda = Cuda::new(0, precision, false).unwrap();
    cuda.machine(bytes, 1, None).unwrap()
}

/// Bytes that differ from place to place.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let key = Key::seed(seed);
    (0..count).map(|i| key.bits(i as u64) as u8).collect()
}

fn read(cuda: &mut CudaMachine, from: usize, count: usize) -> Vec<u8> {
    let mut bytes = vec![1; count];
    cuda.read(Address(from), &mut bytes).unwrap();
    bytes
}

fn zeros() {
    let mut cuda = machine(Precision::F32, 100_000);
    assert!(read(&mut cuda, 0, 100_000).iter().all(|&byte| byte == 0));
}

/// More than the buffers on the way hold, from memory that changes as soon as the call has returned.
fn written() {
    let bytes = 40 << 20;
    let mut cuda = machine(Precision::F32, bytes);
    let whole = noise(1, bytes);
    let mut handed = whole.clone();
    cuda.write(Address(0), &handed).unwrap();
    handed.fill(7);
    let mut expected = whole;
    for (seed, from, count) in [
        (2, 1 << 20, 12 << 20),
        (3, 5, 1),
        (4, 13 << 20, (8 << 20) + 1),
    ] {
        let mut piece = noise(seed, count);
        cuda.write(Address(from), &piece).unwrap();
        expected[from..from + count].copy_from_slice(&piece);
        piece.fill(7);
    }
    assert!(read(&mut cuda, 0, bytes) == expected);
    assert!(read(&mut cuda, 4097, 100) == expected[4097..4197]);
}

fn beyond() {
    let mut cuda = machine(Precision::F32, 1000);
    assert!(cuda.write(Address(990), &[0; 11]).is_err());
    assert!(cuda.write(Address(usize::MAX), &[0; 2]).is_err());
    assert!(cuda.read(Address(990), &mut [0; 11]).is_err());
    assert!(cuda.read(Address(990), &mut [0; 10]).is_ok());
    let program = |at| Program {
        element: Element::F32,
        commands: vec![scale(Address(at), Address(0), 1.0, 1)],
    };
    assert!(cuda.add(program(1000)).is_err());
    assert!(cuda.add(program(996)).is_ok());
}

/// `y = x * factor + 1` over `count` numbers.
pub fn scale(x: Address, y: Address, factor: f32, count: usize) -> Command {
    let number = |number: usize| Argument::Int(i32::try_from(number).unwrap());
    Command::Launch {
        kernel: "scale",
        threads: count,
        arguments: vec![
            Argument::At(x),
            Argument::At(y),
            Argument::Real(factor),
            Argument::Real(1.0),
            number(0),
            number(count),
        ],
    }
}

pub fn floats(cuda: &mut CudaMachine, from: usize, count: usize) -> Vec<f32> {
    let bytes = read(cuda, from, 4 * count);
    let number = |four: &[u8]| f32::from_ne_bytes(four.try_into().unwrap());
    bytes.chunks_exact(4).map(number).collect()
}

/// Each command reads what the one before has written, in each of several runs: one by one, captured, replayed.
fn order() {
    const COUNT: usize = 1000;
    let mut cuda = machine(Precision::F32, 2 * 4096);
    let (a, b) = (Address(0), Address(4096));
    let commands = vec![
        scale(a, b, 2.0, COUNT),
        scale(b, a, 3.0, 0), // no thread: nothing
        scale(b, a, 0.5, COUNT),
    ];
    let element = Element::F32;
    let program = cuda.add(Program { element, commands }).unwrap();
    for run in 1..=5 {
        cuda.run(program).unwrap();
        let numbers = floats(&mut cuda, 0, COUNT + 1);
        let last = numbers[COUNT];
        // a becomes (2 a + 1) / 2 + 1
        assert!(
            numbers[..COUNT].iter().all(|&x| x == 1.5 * run as f32),
            "run {run}"
        );
        assert_eq!(last, 0.0, "beyond what was asked for");
    }
    cuda.write(a, &10f32.to_ne_bytes()).unwrap();
    cuda.run(program).unwrap();
    cuda.run(program).unwrap();
    assert_eq!(floats(&mut cuda, 0, 1), [13.0]);
    cuda.wait().unwrap();
    let refused: Vec<&str> = cuda.not_captured().collect();
    assert_eq!(refused, [""; 0]);
    assert!(cuda.run(convcheck::gpu::ProgramId(1)).is_err());
}

fn arguments() {
    let mut cuda = machine(Precision::F32, 4096);
    let mut add = |change: &dyn Fn(&mut Command)| {
        let mut command = scale(Address(0), Address(0), 1.0, 1);
        change(&mut command);
        let commands = vec![command];
        cuda.add(Program {
            element: Element::F32,
            commands,
        })
    };
    let arguments = |command: &mut Command, change: &dyn Fn(&mut Vec<Argument>)| {
        if let Command::Launch { arguments, .. } = command {
            change(arguments);
        }
    };
    assert!(add(&|_| ()).is_ok());
    assert!(add(&|command| arguments(command, &|all| all.truncate(5))).is_err());
    assert!(add(&|command| arguments(command, &|all| all.push(Argument::Nowhere))).is_err());
    assert!(add(&|command| arguments(command, &|all| all[0] = Argument::Int(0))).is_err());
    let named = |command: &mut Command| {
        if let Command::Launch { kernel, .. } = command {
            *kernel = "no such kernel";
        }
    };
    assert!(add(&named).is_err());
    let many = |command: &mut Command| {
        if let Command::Launch { threads, .. } = command {
            *threads = usize::MAX;
        }
    };
    assert!(add(&many).is_err());
}

fn memory() {
    let cuda = Cuda::new(0, Precision::F32, false).unwrap();
    match cuda.machine(1 << 50, 77, None) {
        Err(
            error @ GpuError::Memory {
                batch: 77,
                needed,
                free,
            },
        ) => {
            assert!(needed > free && needed >= 1 << 30, "{error}");
        }
        other => panic!("{:?}", other.err()),
    }
    match Cuda::new(999, Precision::F32, false) {
        Err(GpuError::Absent(why)) => {
            assert!(why.contains("cuda:999") && why.contains("cuda:0"), "{why}");
        }
        other => panic!("{:?}", other.err()),
    }
}

fn name() {
    let cuda = machine(Precision::F32, 1);
    let name = cuda.description();
    assert!(
        name.contains("compute capability") && name.contains("cuDNN"),
        "{name}"
    );
    assert!(!name.contains('\n') && !name.contains('\0'), "{name:?}");
}
