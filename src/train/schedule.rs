//! How does the learning rate change over a run?

use super::recipe::Schedule;
use std::f64::consts::PI;

/// A one-cycle schedule starts at this factor of its rate,
const START: f64 = 1.0 / 25.0;
/// and ends at this factor of its start.
const END: f64 = 1e-4;

/// By what a step multiplies the learning rate, of `steps` in all; `step` counts from 0.
pub(super) fn lr_factor(schedule: &Schedule, warm_up: u64, step: u64, steps: u64) -> f64 {
    let (at, all) = (step as f64, steps as f64);
    let scheduled = match schedule {
        Schedule::Constant => 1.0,
        Schedule::Linear => 1.0 - at / all,
        Schedule::Cosine => half_cosine(1.0, 0.0, at / all),
        Schedule::Step { at, factor } => {
            let changes = at.iter().filter(|&&change| change <= step).count();
            factor.powi(changes as i32)
        }
        Schedule::OneCycle { rise } => {
            // the last step of each part reaches its end, as in PyTorch
            let top = rise * all - 1.0;
            match at <= top {
                true => half_cosine(START, 1.0, at / top),
                false => half_cosine(1.0, START * END, (at - top) / (all - 1.0 - top)),
            }
        }
    };
    match step < warm_up {
        true => scheduled * (at + 1.0) / warm_up as f64,
        false => scheduled,
    }
}

/// From one number to another along half a cosine, `way` from 0 to 1.
fn half_cosine(from: f64, to: f64, way: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * way).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn each_schedule_goes_where_it_says() {
        let cosine = Schedule::Cosine;
        assert!(near(lr_factor(&cosine, 0, 0, 10), 1.0));
        assert!(near(lr_factor(&cosine, 0, 5, 10), 0.5));
        assert!(near(lr_factor(&Schedule::Linear, 0, 9, 10), 0.1));
        let step = Schedule::Step {
            at: vec![3, 6],
            factor: 0.1,
        };
        let factors = [2, 3, 5, 6].map(|i| lr_factor(&step, 0, i, 10));
        assert!(
            factors
                .iter()
                .zip([1.0, 0.1, 0.1, 0.01])
                .all(|(a, b)| near(*a, b))
        );
        assert!(near(lr_factor(&Schedule::Constant, 4, 0, 10), 0.25));
        assert!(near(lr_factor(&Schedule::Constant, 4, 3, 10), 1.0));
    }

    /// The rates that PyTorch's own schedules give; `suites/fixtures/optimizers.py` wrote them down.
    #[test]
    fn each_is_pytorchs() {
        let fixture = include_str!("../../suites/fixtures/optimizers.json");
        let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
        for (name, schedule, steps) in [
            ("cosine", Schedule::Cosine, 20),
            ("linear", Schedule::Linear, 20),
            ("one-cycle", Schedule::OneCycle { rise: 0.3 }, 21),
            (
                "step",
                Schedule::Step {
                    at: vec![5, 9],
                    factor: 0.1,
                },
                20,
            ),
        ] {
            let rates = fixture["rates"][name].as_array().unwrap();
            for (step, rate) in (0..).zip(rates) {
                let (found, right) = (lr_factor(&schedule, 0, step, steps), rate.as_f64().unwrap());
                assert!(
                    (found - right).abs() < 1e-12,
                    "{name} {step}: {found} {right}"
                );
            }
        }
    }
}
