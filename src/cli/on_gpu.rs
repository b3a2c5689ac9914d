//! Timings on a GPU, if the program was built for one.

use anyhow::Result;
use convcheck::bench::{BenchError, Step, Timing, What};
use convcheck::gpu::Precision;
use convcheck::zoo::Model;

/// A step that is to be taken again and again.
pub type Taken<'a> = &'a mut dyn FnMut() -> Result<(), BenchError>;

/// Times a step of a network on the first GPU by `samples`, of which `timing` makes a line of a record; `warn` is
/// told what is slower than it should be.
#[cfg(feature = "cuda")]
pub fn timed(
    model: &Model,
    batch: usize,
    step: Step,
    precision: Precision,
    timing: &dyn Fn(What, Vec<f64>) -> Timing,
    samples: &dyn Fn(Taken) -> Result<Vec<f64>>,
    warn: &dyn Fn(&str),
) -> Result<Timing> {
    use convcheck::{bench::OnDevice, gpu::Cuda};
    let machine = |bytes| Cuda::new(0, precision, false, bytes, batch);
    let mut workload = OnDevice::new(model, batch, step, precision, machine)?;
    let seconds = samples(&mut || workload.run())?;
    let timing = timing(workload.what().clone(), seconds);
    let machine = workload.session().machine();
    for why in machine.not_captured() {
        warn(&format!("not replayed as a whole: {why}"));
    }
    Ok(Timing {
        dtype: precision.name().to_string(),
        machine: machine.name().to_string(),
        ..timing
    })
}

/// Says that it was not.
#[cfg(not(feature = "cuda"))]
pub fn timed(
    _: &Model,
    _: usize,
    _: Step,
    _: Precision,
    _: &dyn Fn(What, Vec<f64>) -> Timing,
    _: &dyn Fn(Taken) -> Result<Vec<f64>>,
    _: &dyn Fn(&str),
) -> Result<Timing> {
    anyhow::bail!("this program was built without `--features cuda`: it knows no GPU")
}
