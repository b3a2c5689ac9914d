//! How long does a step take, again and again?

use super::BenchError;
use std::time::{Duration, Instant};

/// Steps before the first sample are taken at least so often and so long: caches, clock rate and memory settle.
pub const WARM_UP: (usize, Duration) = (3, Duration::from_millis(500));

/// How long steps took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// Each, in seconds.
    pub seconds: Vec<f64>,
    /// What all of them together took of the processors, in seconds, those of all threads of this process added up;
    /// nothing where the system does not say.
    pub cpu_seconds: Option<f64>,
}

/// So many samples of a step, after a warm-up of so many steps and so long at least; `goes_on` is asked before each step.
///
/// # Errors
/// Those of the step, and [`BenchError::Stopped`].
pub fn samples(
    (steps, time): (usize, Duration),
    count: usize,
    goes_on: &dyn Fn() -> bool,
    mut step: impl FnMut() -> Result<(), BenchError>,
) -> Result<Samples, BenchError> {
    let mut timed = || {
        if !goes_on() {
            return Err(BenchError::Stopped);
        }
        let start = Instant::now();
        step()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let start = Instant::now();
    let mut taken = 0;
    while taken < steps || start.elapsed() < time {
        timed()?;
        taken += 1;
    }
    let before = cpu_time();
    let seconds = (0..count).map(|_| timed()).collect::<Result<_, _>>()?;
    Ok(Samples {
        seconds,
        cpu_seconds: before.zip(cpu_time()).map(|(before, after)| after - before),
    })
}

/// Seconds of a processor that the threads of this process have had.
#[cfg(unix)]
fn cpu_time() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::try_from(time).ok()?.as_secs_f64())
}

#[cfg(not(unix))]
fn cpu_time() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// Steps that compute take a processor all the time; those of the warm-up do not count.
    #[cfg(unix)]
    #[test]
    fn time_of_processors_is_that_of_the_samples() {
        let of = |count: usize, each: f64| {
            let computes = || {
                let before = cpu_time().unwrap();
                while cpu_time().unwrap() - before < each {
                    black_box(0);
                }
                Ok(())
            };
            let samples = samples((1, Duration::ZERO), count, &|| true, computes).unwrap();
            assert_eq!(samples.seconds.len(), count);
            samples.cpu_seconds.unwrap()
        };
        // other tests of this process have a part in it: it is no less than what the steps alone take, and far less than a
        // long warm-up
        assert!(of(3, 0.02) >= 0.06);
        assert!(of(0, 1.0) < 1.0);
    }
}
