//! Which GPU is it, what does it say, and how do bytes get there?
#![allow(unsafe_code)]

use crate::gpu::{Address, GpuError};
use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, PinnedHostSlice};
use cudarc::driver::{result, sys};
use cudarc::{cudnn, nvrtc};
use std::sync::Arc;

/// The oldest CUDA that a driver must serve, as the driver counts: 1000 for a major version, 10 for a minor.
const DRIVER: i32 = 13_000;
/// The generation of cuDNN whose calls are made.
const CUDNN: usize = 9;

/// A place on the device, as the driver knows it.
pub(super) type Pointer = sys::CUdeviceptr;

/// A GPU and the one stream on which everything happens in order.
pub(super) struct Device {
    pub context: Arc<CudaContext>,
    pub stream: Arc<CudaStream>,
}

impl Device {
    /// The GPU of this index.
    ///
    /// # Errors
    /// [`GpuError::Absent`] if there is none, or the driver, NVRTC or cuDNN do not load or are too old.
    pub fn open(index: usize) -> Result<Device, GpuError> {
        libraries()?;
        let count = CudaContext::device_count().map_err(|error| absent(&said(&error)))?;
        if usize::try_from(count).is_ok_and(|count| index >= count) {
            return Err(absent(&format!("index {index} of {count} devices")));
        }
        let context = CudaContext::new(index).map_err(|error| absent(&said(&error)))?;
        // SAFETY: events order the streams of a context; there is one stream, which is in order by itself.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream();
        let stream = stream.map_err(refused("a stream"))?;
        Ok(Device { context, stream })
    }

    /// Its compute capability.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn capability(&self) -> Result<(i32, i32), GpuError> {
        let capability = self.context.compute_capability();
        capability.map_err(refused("the compute capability"))
    }

    /// Its name, compute capability, and the versions of what drives it, in a line.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn describe(&self) -> Result<String, GpuError> {
        let name = self.context.name().map_err(refused("the device's name"))?;
        let (major, minor) = self.capability()?;
        // where Linux shows the version of the driver's module; elsewhere CUDA's must do
        let module = std::fs::read_to_string("/sys/module/nvidia/version");
        let module = module.map_or(String::new(), |version| format!(" {}", version.trim()));
        let cuda = driver_version().map_err(refused("the driver's version"))?;
        let cudnn = cudnn::result::get_version();
        Ok(format!(
            "{}, compute capability {major}.{minor}, driver{module} for CUDA {}.{}, cuDNN {}.{}.{}",
            name.trim_end_matches('\0'),
            cuda / 1000,
            cuda % 1000 / 10,
            cudnn / 10_000,
            cudnn / 100 % 100,
            cudnn % 100,
        ))
    }

    /// Bytes of its memory that nobody has.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn free(&self) -> Result<usize, GpuError> {
        let (free, _) = self
            .context
            .mem_get_info()
            .map_err(refused("free memory"))?;
        Ok(free)
    }

    /// Waits for everything.
    ///
    /// # Errors
    /// [`GpuError::Device`]: what went wrong on the way.
    pub fn wait(&self) -> Result<(), GpuError> {
        self.stream.synchronize().map_err(refused("the device"))
    }
}

/// Whether NVRTC loads. cudarc panics at the first call into a library that does not.
///
/// # Errors
/// [`GpuError::Absent`].
pub(super) fn compiler_loads() -> Result<(), GpuError> {
    // SAFETY: loads the library by its usual name, as the first call would; its constructors are NVIDIA's.
    match unsafe { nvrtc::sys::is_culib_present() } {
        true => Ok(()),
        false => Err(absent(
            "NVRTC does not load: LD_LIBRARY_PATH must name its folder",
        )),
    }
}

/// Whether all libraries load and are new enough.
fn libraries() -> Result<(), GpuError> {
    // SAFETY: as above.
    let (driver, convolutions) =
        unsafe { (sys::is_culib_present(), cudnn::sys::is_culib_present()) };
    if !driver {
        return Err(absent("NVIDIA's driver, libcuda, does not load"));
    }
    compiler_loads()?;
    if !convolutions {
        return Err(absent(
            "cuDNN does not load: LD_LIBRARY_PATH must name its folder",
        ));
    }
    let version = driver_version().map_err(|error| absent(&said(&error)))?;
    if version < DRIVER {
        return Err(absent(&format!(
            "the driver serves CUDA {}.{}, {}.0 is needed",
            version / 1000,
            version % 1000 / 10,
            DRIVER / 1000
        )));
    }
    let version = cudnn::result::get_version() / 10_000;
    if version != CUDNN {
        return Err(absent(&format!(
            "cuDNN is of generation {version}, {CUDNN} is needed"
        )));
    }
    Ok(())
}

/// The CUDA version that the driver serves.
fn driver_version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: writes one int; allowed before anything else.
    unsafe { sys::cuDriverGetVersion(&raw mut version).result()? };
    Ok(version)
}

fn absent(why: &str) -> GpuError {
    GpuError::Absent(why.to_string())
}

/// What the driver says, in a line.
fn said(error: &DriverError) -> String {
    let text = error
        .error_string()
        .ok()
        .and_then(|text| text.to_str().ok());
    text.map_or_else(|| format!("{:?}", error.0), str::to_string)
}

/// What a call of the driver that failed means.
pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(DriverError) -> GpuError {
    move |error| GpuError::Device {
        what: what.into(),
        why: said(&error),
    }
}

/// A piece of the device's memory.
pub(super) struct Block {
    start: Pointer,
    bytes: usize,
    stream: Arc<CudaStream>,
}

impl Block {
    /// So many bytes, aligned to 256, of zeros.
    ///
    /// # Errors
    /// What the driver says, out of memory above all.
    pub fn new(device: &Device, bytes: usize) -> Result<Block, DriverError> {
        let stream = device.stream.clone();
        device.context.bind_to_thread()?;
        // the driver refuses a block of nothing
        let bytes = bytes.max(1);
        // SAFETY: the context is current; nothing reads the block before it is filled, on the same stream.
        let block = unsafe {
            let start = result::malloc_sync(bytes)?;
            Block {
                start,
                bytes,
                stream,
            }
        };
        // SAFETY: the block is there, of that size.
        unsafe { result::memset_d8_async(block.start, 0, bytes, block.stream.cu_stream())? };
        Ok(block)
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its first byte on the device.
    pub fn start(&self) -> Pointer {
        self.start
    }

    /// Where `bytes` bytes from an address stand.
    ///
    /// # Errors
    /// [`GpuError::Device`] if they end beyond the block.
    pub fn at(&self, address: Address, bytes: usize) -> Result<Pointer, GpuError> {
        let end = address.0.checked_add(bytes);
        if end.is_some_and(|end| end <= self.bytes) {
            return Ok(self.start + address.0 as u64);
        }
        Err(GpuError::Device {
            what: format!("{bytes} bytes at {}", address.0),
            why: format!("a machine of {} bytes does not have them", self.bytes),
        })
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let context = self.stream.context();
        context.record_err(context.bind_to_thread());
        // what is still under way may use it
        context.record_err(self.stream.synchronize());
        // SAFETY: it came from `malloc_sync` and is freed once, after its last use.
        context.record_err(unsafe { result::free_sync(self.start) });
    }
}

/// Bytes of one of the two buffers.
const PIECE: usize = 8 << 20;

/// Carries bytes to the device through two page-locked buffers: while one is on its way, the other is filled.
/// The driver may read other host memory later than its call returns, or wait; so it never sees the caller's.
pub(super) struct Carrier {
    buffers: [Buffer; 2],
    next: usize,
}

struct Buffer {
    bytes: PinnedHostSlice<u8>,
    /// When it was read last.
    read: CudaEvent,
}

impl Carrier {
    /// With empty buffers.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn new(device: &Device) -> Result<Carrier, GpuError> {
        let buffer = || -> Result<Buffer, DriverError> {
            // SAFETY: of a buffer, what was written into it is read and nothing else.
            let bytes = unsafe { device.context.alloc_pinned(PIECE)? };
            let read = device.context.new_event(None)?;
            Ok(Buffer { bytes, read })
        };
        let refused = || refused("page-locked memory");
        Ok(Carrier {
            buffers: [buffer().map_err(refused())?, buffer().map_err(refused())?],
            next: 0,
        })
    }

    /// Copies bytes into a block, in the order of the stream.
    ///
    /// # Errors
    /// [`GpuError::Device`], also if the block ends before.
    pub fn write(&mut self, block: &Block, to: Address, bytes: &[u8]) -> Result<(), GpuError> {
        let start = block.at(to, bytes.len())?;
        for (i, piece) in bytes.chunks(PIECE).enumerate() {
            let buffer = &mut self.buffers[self.next];
            self.next = 1 - self.next;
            let to = start + (i * PIECE) as u64;
            (buffer.send(&block.stream, to, piece)).map_err(refused("a copy to the device"))?;
        }
        Ok(())
    }
}

impl Buffer {
    fn send(&mut self, stream: &CudaStream, to: Pointer, piece: &[u8]) -> Result<(), DriverError> {
        // an event that was never recorded does not make wait
        self.read.synchronize()?;
        let filled = &mut self.bytes.as_mut_slice()?[..piece.len()];
        filled.copy_from_slice(piece);
        // SAFETY: the caller has checked that the block holds the piece; the buffer stays until `read` says that
        // it was read, and the machine waits for the stream before it drops it.
        unsafe { result::memcpy_htod_async(to, filled, stream.cu_stream())? };
        self.read.record(stream)
    }
}

/// Copies bytes from a block and waits until they are there.
///
/// # Errors
/// [`GpuError::Device`], also if the block ends before.
pub(super) fn read(block: &Block, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
    let start = block.at(from, bytes.len())?;
    let refused = || refused("a copy from the device");
    let context = block.stream.context();
    context.bind_to_thread().map_err(refused())?;
    // SAFETY: the block holds that many bytes, and `bytes` is borrowed until the stream is done with it.
    unsafe { result::memcpy_dtoh_async(bytes, start, block.stream.cu_stream()) }
        .and(block.stream.synchronize())
        .map_err(refused())
}
