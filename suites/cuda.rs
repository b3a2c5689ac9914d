//! The laws over a GPU, on a GPU if there is one, else on libraries in plain C that stand in for NVIDIA's driver, NVRTC
//! and cuDNN (`suites/cuda/`): so what the program asks of them is carried out and checked on any machine.
#![allow(clippy::unwrap_used, reason = "a law panics where it is broken")]
#![allow(
    unsafe_code,
    reason = "libraries are loaded, and two of their numbers are read and written"
)]

#[path = "laws"]
#[allow(
    dead_code,
    reason = "the other laws of these files are run by suites/laws.rs"
)]
mod laws {
    pub mod arrays;
    pub mod gpu;
    pub mod gradients;
    pub mod graphs;
    pub mod ops;
}

#[path = "cuda/half_hours.rs"]
mod half_hours;
#[path = "cuda/program.rs"]
mod program;

use convcheck::gpu::{Address, Command as GpuCommand, Convolution, Cuda, Element, Machine};
use convcheck::gpu::{ConvPass, Precision, Program, Trainer};
use laws::gpu::{device, side_by_side};
use libloading::Library;
use libtest_mimic::{Arguments, Trial};
use std::path::Path;
use std::process::{Command, ExitCode};

/// Libraries and their sources; names without a version are looked for first.
const STAND_IN: [(&str, &str); 3] = [
    ("libcuda.so", "driver.c"),
    ("libnvrtc.so", "nvrtc.c"),
    ("libcudnn.so", "cudnn.c"),
];

fn main() -> ExitCode {
    // laws change what the stand-ins do
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    // SAFETY: NVIDIA's driver, as the program would load it.
    let driver = unsafe { Library::new("libcuda.so.1") };
    let mut trials = device::trials();
    // to the end, since the program loads them too
    let folder = tempfile::tempdir().unwrap();
    match driver {
        Ok(_) => trials.push(device::compiles()),
        Err(_) => match stand_in(folder.path()) {
            Ok([driver, _, cudnn]) => {
                trials.extend([captured(driver), vanishing(driver), chosen(cudnn)]);
                trials.extend(program::trials(folder.path()));
                trials.extend(half_hours::trials(folder.path()));
            }
            Err(why) => {
                let missing = move || Err(why.into());
                trials.push(Trial::test(
                    "gpu::device::the-stand-in-for-cuda-is-there",
                    missing,
                ));
            }
        },
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compiles and loads the libraries, which are found by their names from then on.
fn stand_in(folder: &Path) -> Result<[&'static Library; 3], String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/cuda");
    let mut libraries = Vec::new();
    for (name, source) in STAND_IN {
        let library = folder.join(name);
        let mut compiler = Command::new("cc");
        compiler
            .args(["-O3", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(sources.join(source));
        compiler.arg(format!("-Wl,-soname,{name}"));
        if !libraries.is_empty() {
            // which the others ask for a place in the stream
            compiler.arg(folder.join(STAND_IN[0].0));
        }
        let done = compiler
            .args(["-lm", "-ldl", "-lpthread"])
            .output()
            .map_err(|error| format!("cc: {error}"))?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        // SAFETY: it has no constructors.
        let loaded = unsafe { Library::new(&library) };
        // to the end of the process, as cudarc keeps those that it loads
        libraries.push(&*Box::leak(Box::new(
            loaded.map_err(|error| error.to_string())?,
        )));
    }
    libraries
        .try_into()
        .map_err(|_| "a library is missing".to_string())
}

/// A device of two vanishes in the middle of a run.
fn vanishing(driver: &'static Library) -> Trial {
    Trial::test("gpu::device::one-that-vanishes-is-named", move || {
        // SAFETY: two ints of driver.c; laws run one after the other.
        let left = unsafe {
            driver
                .get::<*mut [i32; 2]>(b"stand_in_calls_left")
                .map(|left| *left)
        }?;
        let of = |devices: std::ops::Range<usize>| {
            let open = |index| Cuda::new(index, Precision::F32, true).unwrap();
            Trainer::new("cuda", Precision::F32, devices.map(open).collect())
        };
        // SAFETY: as above.
        let vanish = || unsafe { (*left)[1] = 3 };
        side_by_side::vanishes_on(&of(0..2), || of(0..1), &vanish);
        // SAFETY: as above.
        unsafe { (*left)[1] = -1 };
        Ok(())
    })
}

/// Of cuDNN's algorithms the fastest is taken, although its first trial loads it and takes long, and although another
/// has no time once.
fn chosen(cudnn: &'static Library) -> Trial {
    Trial::test("gpu::device::the-fastest-algorithm-is-chosen", move || {
        // SAFETY: two ints of cudnn.c; laws run one after the other.
        let runs = unsafe {
            cudnn
                .get::<*mut [i32; 2]>(b"stand_in_runs")
                .map(|runs| *runs)
        }?;
        for pass in [
            ConvPass::Forward,
            ConvPass::InputGradient,
            ConvPass::WeightGradient,
        ] {
            // SAFETY: as above.
            unsafe { *runs = [0, 0] };
            let mut cuda = device::machine(Precision::Tf32, 1024);
            let shape = Convolution {
                samples: 1,
                maps: [1, 1],
                groups: 1,
                kernel: [1, 1],
                stride: [1, 1],
                dilation: [1, 1],
                pad: [0, 0],
                input: [1, 1],
                output: [1, 1],
            };
            let [x, w, y] = [0, 256, 512].map(Address);
            let commands = vec![GpuCommand::Convolve {
                pass,
                shape,
                x,
                w,
                y,
                add: false,
            }];
            let element = Element::F32;
            let program = cuda.add(Program { element, commands })?;
            cuda.run(program)?;
            // SAFETY: as above.
            assert_eq!(unsafe { *runs }, [1, 0], "{pass:?}");
        }
        Ok(())
    })
}

/// From its second run on a program is replayed as a whole; where that is refused it runs command by command all the
/// same, and says why.
fn captured(driver: &'static Library) -> Trial {
    Trial::test(
        "gpu::device::programs-are-replayed-or-say-why-not",
        move || {
            // SAFETY: two ints of driver.c; laws run one after the other.
            let number =
                |name: &[u8]| unsafe { driver.get::<*mut i32>(name).map(|number| *number) };
            let refuses = number(b"stand_in_refuses_graphs")?;
            let replays = number(b"stand_in_replays")?;
            for refused in [0, 1] {
                // SAFETY: as above.
                let before = unsafe {
                    *refuses = refused;
                    *replays
                };
                let mut cuda = device::machine(Precision::F32, 256);
                let commands = vec![device::scale(Address(0), Address(0), 2.0, 1)];
                let program = cuda.add(Program {
                    element: Element::F32,
                    commands,
                })?;
                for _ in 0..4 {
                    cuda.run(program)?;
                }
                assert_eq!(device::floats(&mut cuda, 0, 1), [15.0]);
                // SAFETY: as above.
                let replayed = unsafe { *replays } - before;
                let why: Vec<&str> = cuda.not_captured().collect();
                assert_eq!(
                    (replayed, why.len()),
                    if refused == 1 { (0, 1) } else { (3, 0) }
                );
                assert!(
                    why.iter().all(|why| why.contains("the stand-in refuses")),
                    "{why:?}"
                );
            }
            // SAFETY: as above.
            unsafe { *refuses = 0 };
            Ok(())
        },
    )
}

/// A law as a test; the law panics where it is broken.
fn law(name: impl Into<String>, holds: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        holds();
        Ok(())
    })
}
