//! How do the kernels' sources become code of this GPU, and how is a kernel started?
#![allow(unsafe_code)]

use super::device::{Device, refused};
use super::memory::Memory;
use crate::gpu::{Argument, Element, GpuError, KERNELS};
use cudarc::driver::{CudaFunction, CudaModule, result, sys};
use cudarc::nvrtc::{Ptx, result as nvrtc, sys as nvrtc_sys};
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

/// Threads of a block: few, so that a small launch is spread over the whole device.
const BLOCK: u32 = 128;

/// The kernels of a GPU, compiled when the first program needs them in its type of number.
#[derive(Default)]
pub(super) struct Kernels {
    modules: Mutex<Vec<(Element, Arc<CudaModule>)>>,
}

/// A kernel with what it is handed.
pub(super) struct Launch {
    function: CudaFunction,
    blocks: u32,
    /// Each argument from the first byte of its slot.
    arguments: Vec<u64>,
}

impl Kernels {
    /// A kernel, ready to be started in so many threads; nothing for none.
    ///
    /// # Errors
    /// [`GpuError::Device`] if the source does not compile, has no such kernel, or the kernel takes other arguments.
    pub fn launch(
        &self,
        device: &Device,
        element: Element,
        (name, threads): (&str, usize),
        arguments: &[Argument],
        memory: &Memory,
    ) -> Result<Option<Launch>, GpuError> {
        let wrong = |why: String| GpuError::Device {
            what: format!("kernel {name}"),
            why,
        };
        if threads == 0 {
            return Ok(None);
        }
        // the device's limit of blocks in a row
        let blocks = u32::try_from(threads.div_ceil(BLOCK as usize)).ok();
        let blocks = blocks.filter(|&blocks| i32::try_from(blocks).is_ok());
        let blocks = blocks.ok_or_else(|| wrong(format!("{threads} threads are too many")))?;
        let module = self.module(device, element)?;
        let function = module.load_function(name);
        let function = function.map_err(refused(format!("kernel {name}")))?;
        takes(&function, arguments).map_err(wrong)?;
        let slot = |argument: &Argument| {
            Ok(match *argument {
                Argument::At(address) => memory.own.at(address, 1)?,
                Argument::Shared(offset) => memory.shared_at(offset)?,
                Argument::Nowhere => 0,
                Argument::Int(number) => first(number.to_ne_bytes()),
                Argument::Real(number) => first(number.to_ne_bytes()),
            })
        };
        Ok(Some(Launch {
            function,
            blocks,
            arguments: arguments
                .iter()
                .map(slot)
                .collect::<Result<_, GpuError>>()?,
        }))
    }

    fn module(&self, device: &Device, element: Element) -> Result<Arc<CudaModule>, GpuError> {
        // held while it is made: who wants the same waits; whoever panicked before has left whole entries
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, module)) = modules.iter().find(|(of, _)| *of == element) {
            return Ok(module.clone());
        }
        let code = compiled(element, device.capability()?)?;
        let module = device.context.load_module(Ptx::from_binary(code));
        let module = module.map_err(refused("the kernels"))?;
        modules.push((element, module.clone()));
        Ok(module)
    }
}

impl Launch {
    /// Starts it.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn start(&mut self, device: &Device) -> Result<(), GpuError> {
        let mut places: Vec<*mut std::ffi::c_void> = (self.arguments.iter_mut())
            .map(|slot| std::ptr::from_mut(slot).cast())
            .collect();
        // SAFETY: number and sizes of the arguments are the kernel's (`takes`), and the driver copies them before it
        // returns. What the kernel touches is device memory of this machine; outside it, it would stop with an error.
        let started = unsafe {
            result::launch_kernel(
                self.function.cu_function(),
                (self.blocks, 1, 1),
                (BLOCK, 1, 1),
                0,
                device.stream.cu_stream(),
                &mut places,
            )
        };
        started.map_err(refused("a kernel"))
    }
}

/// Whether a kernel takes as many arguments, of these sizes: the driver believes what it is handed.
fn takes(function: &CudaFunction, arguments: &[Argument]) -> Result<(), String> {
    let size = |i: usize| {
        let (mut offset, mut size) = (0, 0);
        // SAFETY: the function's module is loaded; two numbers are written, none where there is no such argument.
        let found = unsafe {
            sys::cuFuncGetParamInfo(function.cu_function(), i, &raw mut offset, &raw mut size)
        };
        found.result().is_ok().then_some(size)
    };
    let taken: Vec<usize> = (0..=arguments.len()).map_while(size).collect();
    let handed = arguments.iter().map(|argument| match argument {
        Argument::At(_) | Argument::Shared(_) | Argument::Nowhere => 8,
        Argument::Int(_) | Argument::Real(_) => 4,
    });
    match taken.iter().copied().eq(handed.clone()) {
        true => Ok(()),
        false => Err(format!(
            "takes arguments of {taken:?} bytes and is handed {:?}",
            handed.collect::<Vec<usize>>()
        )),
    }
}

/// A slot that begins with these bytes.
fn first(bytes: [u8; 4]) -> u64 {
    let mut slot = [0; 8];
    slot[..4].copy_from_slice(&bytes);
    u64::from_ne_bytes(slot)
}

/// As [`compile`], once a process: machines follow one another, and this takes seconds.
fn compiled(element: Element, capability: (i32, i32)) -> Result<Vec<u8>, GpuError> {
    static KNOWN: Mutex<Vec<Code>> = Mutex::new(Vec::new());
    // whoever panicked before has left whole entries
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let what = (element, capability);
    if let Some(code) = known.iter().find(|code| code.what == what) {
        return Ok(code.bytes.clone());
    }
    let bytes = compile(element, capability)?;
    known.push(Code {
        what,
        bytes: bytes.clone(),
    });
    Ok(bytes)
}

/// What was compiled, and for what: a type of number and a compute capability.
struct Code {
    what: (Element, (i32, i32)),
    bytes: Vec<u8>,
}

/// The kernels' source as code for GPUs of this compute capability. It is made whole here, down to the instructions, so that an older
/// driver takes what a newer compiler made.
///
/// # Errors
/// [`GpuError::Device`] with the compiler's first complaint.
pub(super) fn compile(element: Element, (major, minor): (i32, i32)) -> Result<Vec<u8>, GpuError> {
    let failed = |why: String| GpuError::Device {
        what: "the kernels do not compile".into(),
        why,
    };
    let text = CString::new(KERNELS).map_err(|error| failed(error.to_string()))?;
    let mut options = vec![
        format!("--gpu-architecture=sm_{major}{minor}"),
        "--std=c++17".into(),
    ];
    if element == Element::Bf16 {
        options.push("--define-macro=BF16".into());
    }
    let program = nvrtc::create_program(&text, Some(c"kernels.cu"));
    let program = Compilation(program.map_err(|error| failed(format!("{:?}", error.0)))?);
    // SAFETY: the program is there until `program` is dropped, and so is its source.
    if let Err(error) = unsafe { nvrtc::compile_program(program.0, &options) } {
        // SAFETY: as above.
        let log = unsafe { nvrtc::get_program_log(program.0) }.unwrap_or_default();
        let log: Vec<u8> = log.iter().map(|&c| c.cast_unsigned()).collect();
        let log = String::from_utf8_lossy(&log);
        let first = log.lines().find(|line| line.contains("error"));
        return Err(failed(
            first.map_or_else(|| format!("{:?}", error.0), str::to_string),
        ));
    }
    code(&program).map_err(|error| failed(format!("{:?}", error.0)))
}

fn code(program: &Compilation) -> Result<Vec<u8>, nvrtc::NvrtcError> {
    let mut bytes = 0;
    // SAFETY: the program is compiled; a number is written.
    unsafe { nvrtc_sys::nvrtcGetCUBINSize(program.0, &raw mut bytes).result()? };
    let mut code = vec![0u8; bytes];
    // SAFETY: there is room for as many bytes as it said.
    unsafe { nvrtc_sys::nvrtcGetCUBIN(program.0, code.as_mut_ptr().cast()).result()? };
    Ok(code)
}

/// A program of NVRTC's, for as long as it is needed.
struct Compilation(nvrtc_sys::nvrtcProgram);

impl Drop for Compilation {
    fn drop(&mut self) {
        // SAFETY: it was created and is destroyed once; what could be said about it is of no use to anybody.
        let _ = unsafe { nvrtc::destroy_program(self.0) };
    }
}
