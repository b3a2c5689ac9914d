//! What does a step cost, in seconds? Networks, kernels by themselves, and what the machine can do at most,
//! each as raw samples; medians and ratios are for those who read them.

mod gathered;
mod kernels;
mod on_device;
mod peak;
mod ratio;
mod samples;
mod timing;
mod workload;

pub use gathered::{best_of_rows, platforms, rows, seconds};
pub use kernels::{Kernel, kernels};
pub use on_device::OnDevice;
pub use peak::{Peak, peaks};
pub use ratio::{Best, Ratio, against, best, median};
pub use samples::{Samples, WARM_UP, samples};
pub use timing::{Engine, Pass, Platform, Resource, StepKind, Timing, What};
pub use workload::Workload;

use crate::net::NetError;
use crate::zoo::ZooError;

/// Networks that are timed unless others are named, and the batches of each.
pub const NETS: &[(&str, [usize; 2])] = &[
    ("article_lenet5_cifar10", SMALL),
    ("article_vgg_cifar100", SMALL),
    ("article_tf_resnet18_cifar100", SMALL),
    // its last maps are 1x1, and batch normalisation needs two of them
    ("article_pt_resnet18_cifar10", [2, 64]),
    ("resnet20_cifar", SMALL),
    ("resnet56_cifar", SMALL),
    ("wrn_16_4", SMALL),
    ("article_pt_resnet18_pokemon", LARGE),
    ("article_transfer_resnet18_pokemon", LARGE),
    ("alexnet", LARGE),
    ("vgg16", LARGE),
    ("googlenet", LARGE),
    ("resnet18", LARGE),
    ("resnet50", LARGE),
    ("densenet121", LARGE),
    ("resnext50_32x4d", LARGE),
    ("seresnet50", LARGE),
];

/// For images of 32x32.
const SMALL: [usize; 2] = [1, 64];
/// For images of 224x224.
const LARGE: [usize; 2] = [1, 8];

/// Why something cannot be timed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is no such network.
    #[error(transparent)]
    Zoo(#[from] ZooError),
    /// The network fails.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The device fails.
    #[error(transparent)]
    Gpu(#[from] crate::gpu::GpuError),
    /// What is asked for cannot be timed.
    #[error("{0}")]
    Task(String),
    /// A kernel fails.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// It was told to stop.
    #[error("stopped before the last sample")]
    Stopped,
}
