//! A GPU for a program that was built without: there is none.

use super::{Address, GpuError, Machine, Precision, Program, ProgramId};

/// None, as the program was built without the feature `cuda`.
pub enum Cuda {}

impl Cuda {
    /// Says so.
    ///
    /// # Errors
    /// [`GpuError::Absent`], always.
    pub fn new(_: usize, _: Precision, _: bool, _: usize, _: usize) -> Result<Cuda, GpuError> {
        Err(absent())
    }

    /// The same.
    ///
    /// # Errors
    /// [`GpuError::Absent`], always.
    pub fn describe(_: usize) -> Result<String, GpuError> {
        Err(absent())
    }

    /// The device's name.
    pub fn name(&self) -> &str {
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
