//! Which GPU is it, and what does it say?
#![allow(unsafe_code)]

use crate::gpu::GpuError;
use cudarc::driver::{CudaContext, CudaStream, DriverError, sys};
use cudarc::{cudnn, nvrtc};
use std::sync::Arc;

/// The oldest CUDA that a driver must serve, as the driver counts: 1000 for a major version, 10 for a minor.
const DRIVER: i32 = 13_000;
/// The generation of cuDNN whose calls are made.
const CUDNN: usize = 9;

/// A GPU and a stream on which everything happens in order.
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
            let there = match count {
                0 => "none".into(),
                1 => "cuda:0 alone".into(),
                _ => format!("cuda:0 to cuda:{}", count - 1),
            };
            return Err(absent(&format!(
                "there is no cuda:{index} on this machine, which has {there}"
            )));
        }
        let context = CudaContext::new(index).map_err(|error| absent(&said(&error)))?;
        // SAFETY: events order the streams of a context; here each stream has memory of its own, and what several read is
        // whole before the first of them begins.
        unsafe { context.disable_event_tracking() };
        Device::on(context)
    }

    /// The same GPU with another stream.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn beside(&self) -> Result<Device, GpuError> {
        Device::on(Arc::clone(&self.context))
    }

    fn on(context: Arc<CudaContext>) -> Result<Device, GpuError> {
        let stream = context.new_stream();
        let stream = stream.map_err(refused("a stream"))?;
        Ok(Device { context, stream })
    }

    /// Makes it the GPU that this thread's calls are for.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn bind(&self) -> Result<(), GpuError> {
        (self.context.bind_to_thread()).map_err(refused("the device"))
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

/// What a call for memory that failed means: that there is too little, or something else.
pub(super) fn not_given(error: DriverError, short: GpuError) -> GpuError {
    match error.0 {
        sys::cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY => short,
        _ => refused("memory on the device")(error),
    }
}

/// What a call of the driver that failed means.
pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(DriverError) -> GpuError {
    move |error| GpuError::Device {
        what: what.into(),
        why: said(&error),
    }
}
