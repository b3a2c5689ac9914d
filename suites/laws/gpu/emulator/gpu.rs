//! A device whose machines are emulators.

use super::{Bytes, Emulator};
use convcheck::gpu::{Gpu, GpuError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A device that emulates a GPU. Its memory is without end, or holds so many machines.
pub struct EmulatedGpu {
    name: String,
    room: Option<usize>,
    machines: Arc<AtomicUsize>,
    /// How often something was shared.
    pub shared: AtomicUsize,
    /// How many machines were made.
    pub made: AtomicUsize,
    /// Commands after which it is gone.
    pub vanishes: Arc<AtomicUsize>,
}

impl EmulatedGpu {
    pub fn new(name: &str, room: Option<usize>) -> EmulatedGpu {
        EmulatedGpu {
            name: name.into(),
            room,
            machines: Arc::default(),
            shared: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
            vanishes: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }
}

impl Gpu for EmulatedGpu {
    type Machine = Emulator;
    type Shared = Bytes;

    fn name(&self) -> &str {
        &self.name
    }

    fn share(&self, pieces: &[&[u8]]) -> Result<Bytes, GpuError> {
        self.shared.fetch_add(1, Ordering::Relaxed);
        let pieces: Vec<u8> = pieces.concat();
        let mut bytes = Bytes::new(pieces.len());
        bytes.slice()[..pieces.len()].copy_from_slice(&pieces);
        Ok(bytes)
    }

    fn machine(
        &self,
        bytes: usize,
        batch: usize,
        shared: Option<Arc<Bytes>>,
    ) -> Result<Emulator, GpuError> {
        let machines = self.machines.fetch_add(1, Ordering::SeqCst);
        if self.room.is_some_and(|room| machines >= room) {
            self.machines.fetch_sub(1, Ordering::SeqCst);
            return Err(GpuError::Memory {
                batch,
                needed: 2,
                free: 1,
            });
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        let mut machine = Emulator::new(bytes);
        machine.shared = shared;
        machine.machines = Some(Arc::clone(&self.machines));
        machine.vanishes = Arc::clone(&self.vanishes);
        Ok(machine)
    }
}
