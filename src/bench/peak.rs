//! What can this machine do at most? Of several loops that do nothing but use one resource up, the fastest.

mod arithmetic;
mod memory;

use super::{BenchError, Resource, What};
use std::time::Instant;

/// A loop that does nothing but use one resource up, on all threads.
pub struct Peak {
    of: Resource,
    probe: Box<dyn Probe>,
}

/// One of several loops that use up the same resource.
trait Probe {
    /// Operations (two for each multiply-add) or bytes, all threads together, of a run of full length.
    fn work(&self) -> u64;
    /// Runs that part of its length: 1, or less to find out how fast it is.
    fn run(&mut self, part: f64);
}

/// Both resources.
pub fn peaks() -> impl Iterator<Item = Peak> {
    [Resource::Arithmetic, Resource::Memory]
        .into_iter()
        .map(Peak::new)
}

impl Peak {
    fn new(of: Resource) -> Peak {
        let probes = match of {
            Resource::Arithmetic => arithmetic::probes(),
            Resource::Memory => memory::probes(),
        };
        Peak {
            of,
            probe: fastest(probes),
        }
    }

    /// What it is: operations (two for each multiply-add) or bytes, all threads together.
    pub fn what(&self) -> What {
        What::Peak {
            of: self.of,
            work: self.probe.work(),
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// None; it has the form of other steps.
    pub fn run(&mut self) -> Result<(), BenchError> {
        self.probe.run(1.0);
        Ok(())
    }
}

/// Each is tried so often; its fastest counts.
const TRIALS: usize = 5;
/// The part of its length that a probe runs when it is tried.
const PART: f64 = 0.25;

/// The probe that does most in a second.
fn fastest(probes: Vec<Box<dyn Probe>>) -> Box<dyn Probe> {
    let tried = probes.into_iter().map(|mut probe| {
        let trial = |_| {
            let start = Instant::now();
            probe.run(PART);
            probe.work() as f64 / start.elapsed().as_secs_f64()
        };
        let rate = (0..TRIALS).map(trial).fold(0.0, f64::max);
        (rate, probe)
    });
    let best = tried.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.expect("a resource has probes").1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Sleeps {
        work: u64,
        time: Duration,
    }

    impl Probe for Sleeps {
        fn work(&self) -> u64 {
            self.work
        }

        fn run(&mut self, part: f64) {
            std::thread::sleep(self.time.mul_f64(part));
        }
    }

    #[test]
    fn the_peak_is_that_of_the_best_probe() {
        let sleeps = |(work, ms): (u64, u64)| -> Box<dyn Probe> {
            let time = Duration::from_millis(ms);
            Box::new(Sleeps { work, time })
        };
        // most work in a second, neither most nor fastest
        let probes = [(10, 4), (300, 40), (400, 400)].map(sleeps);
        assert_eq!(fastest(probes.into_iter().collect()).work(), 300);
    }

    #[test]
    fn every_probe_does_something_and_ends() {
        for mut probe in arithmetic::probes().into_iter().chain(memory::probes()) {
            assert!(probe.work() > 0);
            probe.run(1e-4);
        }
    }
}
