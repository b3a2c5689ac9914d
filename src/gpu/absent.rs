//! A GPU for a program that was built without: there is none.

use super::{Address, Gpu, GpuError, Machine, Precision, Program, ProgramId};
use std::sync::Arc;

/// None, as the program was built without the feature `cuda`.
pub enum Cuda {}

impl Cuda {
    /// Says so.
    ///
    /// # Errors
    /// [`GpuError::Absent`], always.
    pub fn new(_: usize, _: Precision, _: bool) -> Result<Cuda, GpuError> {
        Err(absent())
    }

    /// The same.
    ///
    /// # Errors
    /// [`GpuError::Absent`], always.
    pub fn describe(_: usize) -> Result<String, GpuError> {
        Err(absent())
    }

    /// Name, compute capability, driver and cuDNN.
    pub fn description(&self) -> &str {
        match *self {}
    }

    /// Why programs are not replayed as a whole.
    pub fn not_captured(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
}

fn absent() -> GpuError {
    GpuError::Absent("the program was built without `--features cuda`".into())
}

impl Gpu for Cuda {
    type Machine = Cuda;
    type Shared = Cuda;

    fn name(&self) -> &str {
        match *self {}
    }

    fn share(&self, _: &[&[u8]]) -> Result<Cuda, GpuError> {
        match *self {}
    }

    fn machine(&self, _: usize, _: usize, _: Option<Arc<Cuda>>) -> Result<Cuda, GpuError> {
        match *self {}
    }
}

impl Machine for Cuda {
    fn add(&mut self, _: Program) -> Result<ProgramId, GpuError> {
        match *self {}
    }

    fn run(&mut self, _: ProgramId) -> Result<(), GpuError> {
        match *self {}
    }

    fn write(&mut self, _: Address, _: &[u8]) -> Result<(), GpuError> {
        match *self {}
    }

    fn read(&mut self, _: Address, _: &mut [u8]) -> Result<(), GpuError> {
        match *self {}
    }

    fn wait(&mut self) -> Result<(), GpuError> {
        match *self {}
    }
}
