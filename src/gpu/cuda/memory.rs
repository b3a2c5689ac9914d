//! What memory has the device, and how do bytes get there and back?
#![allow(unsafe_code)]

use super::device::{Device, refused};
use crate::gpu::{Address, GpuError};
use cudarc::driver::{CudaEvent, CudaStream, DriverError, PinnedHostSlice, result, sys};
use std::sync::Arc;

/// A place on the device, as the driver knows it.
pub(super) type Pointer = sys::CUdeviceptr;

/// A piece of a GPU's memory.
pub struct DeviceBlock {
    start: Pointer,
    bytes: usize,
    stream: Arc<CudaStream>,
}

impl DeviceBlock {
    /// So many bytes, aligned to 256, of zeros.
    ///
    /// # Errors
    /// What the driver says, out of memory above all.
    pub(super) fn new(device: &Device, bytes: usize) -> Result<DeviceBlock, DriverError> {
        let stream = device.stream.clone();
        device.context.bind_to_thread()?;
        // the driver refuses a block of nothing
        let bytes = bytes.max(1);
        // SAFETY: the context is current; nothing reads the block before it is filled, on the same stream.
        let block = unsafe {
            let start = result::malloc_sync(bytes)?;
            DeviceBlock {
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
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its first byte on the device.
    pub(super) fn start(&self) -> Pointer {
        self.start
    }

    /// Where `bytes` bytes from an address stand.
    ///
    /// # Errors
    /// [`GpuError::Device`] if they end beyond the block.
    pub(super) fn at(&self, address: Address, bytes: usize) -> Result<Pointer, GpuError> {
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

impl Drop for DeviceBlock {
    fn drop(&mut self) {
        let context = self.stream.context();
        context.record_err(context.bind_to_thread());
        // what is still under way may use it
        context.record_err(self.stream.synchronize());
        // SAFETY: it came from `malloc_sync` and is freed once, after its last use.
        context.record_err(unsafe { result::free_sync(self.start) });
    }
}

/// What a machine has, and what it reads of what is shared.
pub(super) struct Memory {
    pub own: DeviceBlock,
    pub shared: Option<Arc<DeviceBlock>>,
}

impl Memory {
    /// Where a byte of what is shared stands.
    ///
    /// # Errors
    /// [`GpuError::Device`] if there is no such byte.
    pub fn shared_at(&self, offset: usize) -> Result<Pointer, GpuError> {
        let shared = self.shared.as_ref().ok_or_else(|| GpuError::Device {
            what: format!("byte {offset} of what machines share"),
            why: "this one shares nothing".into(),
        })?;
        shared.at(Address(offset), 1)
    }
}

/// Bytes of a buffer.
const PIECE: usize = 1 << 20;
/// Buffers. A step needs two, and is asked for while the one before is under way.
const BUFFERS: usize = 4;

/// Carries bytes to the device through page-locked buffers: while some are on their way, another is filled.
/// The driver may read other host memory later than its call returns, or wait; so it never sees the caller's.
pub(super) struct Carrier {
    buffers: Vec<Buffer>,
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
        let buffers = (0..BUFFERS).map(|_| buffer()).collect::<Result<_, _>>();
        Ok(Carrier {
            buffers: buffers.map_err(refused("page-locked memory"))?,
            next: 0,
        })
    }

    /// Copies bytes into a block, in the order of the stream.
    ///
    /// # Errors
    /// [`GpuError::Device`], also if the block ends before.
    pub fn write(
        &mut self,
        block: &DeviceBlock,
        to: Address,
        bytes: &[u8],
    ) -> Result<(), GpuError> {
        let start = block.at(to, bytes.len())?;
        for (i, piece) in bytes.chunks(PIECE).enumerate() {
            let buffer = &mut self.buffers[self.next];
            self.next = (self.next + 1) % BUFFERS;
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
pub(super) fn read(block: &DeviceBlock, from: Address, bytes: &mut [u8]) -> Result<(), GpuError> {
    let start = block.at(from, bytes.len())?;
    let refused = || refused("a copy from the device");
    let context = block.stream.context();
    context.bind_to_thread().map_err(refused())?;
    // SAFETY: the block holds that many bytes, and `bytes` is borrowed until the stream is done with it.
    unsafe { result::memcpy_dtoh_async(bytes, start, block.stream.cu_stream()) }
        .and(block.stream.synchronize())
        .map_err(refused())
}
