//! On what is something computed, and with which numbers?

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use convcheck::gpu::Precision;

#[derive(Args)]
pub struct DeviceOptions {
    /// On what; a GPU needs a program that was built with `--features cuda`.
    #[arg(long, default_value = "cpu")]
    pub device: DeviceOption,
    /// What convolutions multiply on a GPU: all of f32, ten bits of its mantissas (tf32), or bf16.
    #[arg(long, default_value = "f32")]
    precision: PrecisionOption,
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceOption {
    /// The processor, in f32.
    Cpu,
    /// The first GPU of NVIDIA's.
    Cuda,
}

/// Numbers that a GPU multiplies.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionOption {
    /// f32, without the matrix units.
    F32,
    /// f32, of whose mantissas the matrix units read ten bits.
    Tf32,
    /// bf16; weights that learn, statistics and sums in f32.
    Bf16,
}

impl DeviceOptions {
    /// What a GPU multiplies, if it is one that computes.
    pub fn gpu(&self) -> Result<Option<Precision>> {
        let precision = match self.precision {
            PrecisionOption::F32 => Precision::F32,
            PrecisionOption::Tf32 => Precision::Tf32,
            PrecisionOption::Bf16 => Precision::Bf16,
        };
        match self.device {
            DeviceOption::Cuda => Ok(Some(precision)),
            DeviceOption::Cpu if precision == Precision::F32 => Ok(None),
            DeviceOption::Cpu => bail!("--precision is for --device cuda: the CPU computes in f32"),
        }
    }
}
