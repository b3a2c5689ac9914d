//! On what is something computed, and with which numbers?

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use convcheck::gpu::{Cuda, Gpu, Precision, Trainer};
use std::collections::BTreeSet;
use std::str::FromStr;

#[derive(Args)]
pub struct DeviceOptions {
    /// On what: `cpu`, or GPUs of NVIDIA's (`cuda:1`; `cuda` is the first; `cuda:0,cuda:1` share out runs that are trained), which need a
    /// program that was built with `--features cuda`.
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        value_delimiter = ','
    )]
    device: Vec<DeviceOption>,
    /// What convolutions multiply on a GPU: all of f32, ten bits of its mantissas (tf32), or bf16.
    #[arg(long, default_value = "f32")]
    precision: PrecisionOption,
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DeviceOption {
    /// The processor, in f32.
    Cpu,
    /// The GPU of NVIDIA's of this index.
    Cuda(usize),
}

impl FromStr for DeviceOption {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<DeviceOption, String> {
        // leading signs and zeros would be other names of the same
        let index = |digits: &str| {
            let index = digits.parse::<usize>().ok()?;
            (index.to_string() == digits).then_some(DeviceOption::Cuda(index))
        };
        let device = match text {
            "cpu" => Some(DeviceOption::Cpu),
            "cuda" => Some(DeviceOption::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(index),
        };
        device.ok_or_else(|| "a device is cpu, cuda, or cuda:N with N from 0 on".into())
    }
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

/// The most runs side by side on a device that one can ask for: each has a thread.
const MOST_AT_ONCE: usize = 256;

impl DeviceOptions {
    /// What a GPU multiplies, if it is one that computes.
    pub fn gpu(&self) -> Result<Option<Precision>> {
        let precision = match self.precision {
            PrecisionOption::F32 => Precision::F32,
            PrecisionOption::Tf32 => Precision::Tf32,
            PrecisionOption::Bf16 => Precision::Bf16,
        };
        match (self.indices()?.is_empty(), precision) {
            (false, _) => Ok(Some(precision)),
            (true, Precision::F32) => Ok(None),
            (true, _) => bail!("--precision is for --device cuda: the CPU computes in f32"),
        }
    }

    /// The indices of the GPUs; none is the CPU.
    fn indices(&self) -> Result<Vec<usize>> {
        let mut named = BTreeSet::new();
        if !self.device.iter().all(|device| named.insert(device)) {
            bail!("--device names a device twice");
        }
        let gpus = self.device.iter().filter_map(|device| match device {
            DeviceOption::Cpu => None,
            DeviceOption::Cuda(index) => Some(*index),
        });
        let gpus: Vec<usize> = gpus.collect();
        match gpus.len() == self.device.len() || self.device == [DeviceOption::Cpu] {
            true => Ok(gpus),
            false => {
                bail!("--device names the CPU beside a GPU: runs of one record are of one device")
            }
        }
    }

    /// The one GPU, if it is one that computes; for what is timed, algorithms are those that are fastest when tried.
    pub fn to_time(&self) -> Result<Option<(Precision, Cuda)>> {
        let Some(precision) = self.gpu()? else {
            return Ok(None);
        };
        match self.indices()?[..] {
            [index] => Ok(Some((precision, Cuda::new(index, precision, false)?))),
            _ => bail!("--device names several GPUs: one is timed at a time"),
        }
    }

    /// What trains on the GPUs, with so many runs side by side on each, if it is they that compute.
    pub fn trainer(&self, at_once: Option<usize>) -> Result<Option<Trainer<Cuda>>> {
        let Some(precision) = self.gpu()? else {
            return match at_once {
                None => Ok(None),
                Some(_) => bail!(
                    "--at-once is for --device cuda: on the CPU one run goes at the full scale, and as many as it has threads (RAYON_NUM_THREADS) at the quick one"
                ),
            };
        };
        if at_once.is_some_and(|runs| !(1..=MOST_AT_ONCE).contains(&runs)) {
            bail!("--at-once must be from 1 to {MOST_AT_ONCE}");
        }
        // a run is a function of recipe, data and seed there too
        let open = |index: usize| Cuda::new(index, precision, true);
        let gpus = self.indices()?.into_iter().map(open);
        let gpus: Vec<Cuda> = gpus.collect::<std::result::Result<_, _>>()?;
        let first = &gpus[0];
        if let Some(other) = (gpus.iter()).find(|gpu| gpu.description() != first.description()) {
            bail!(
                "{} is {}, and {} is {}: runs of one record are of one kind of device, so train them apart",
                first.name(),
                first.description(),
                other.name(),
                other.description()
            );
        }
        let trainer = Trainer::new("cuda", precision, gpus);
        Ok(Some(match at_once {
            None => trainer,
            Some(runs) => trainer.side_by_side(runs),
        }))
    }
}

/// What GPU trains.
pub fn described(trainer: &Trainer<Cuda>) -> String {
    let first = trainer.devices().next();
    first.map_or(String::new(), |gpu| gpu.description().to_string())
}
