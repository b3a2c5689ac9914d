//! Which numbers of a recipe make sense? Those that the libraries of the field take, and that have an end.

use super::recipe::{Adam, Optimizer, Order, Recipe, Schedule, Sgd};

/// A number of a recipe that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RecipeFault {
    /// The key, within others: `optimizer.sgd.momentum`, `schedule.step.at.1`.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl RecipeFault {
    /// A fault of a key.
    pub fn new(key: &str, what: impl Into<String>) -> RecipeFault {
        RecipeFault {
            key: key.into(),
            what: what.into(),
        }
    }
}

/// Passes that nobody waits for.
const MOST_EPOCHS: u32 = 1_000_000;
/// Rows and columns of images that no memory holds.
const MOST_ROWS: usize = 8192;

impl Recipe {
    /// Whether it can be followed at all.
    ///
    /// # Errors
    /// The first number that cannot be.
    pub fn check(&self) -> Result<(), RecipeFault> {
        count("epochs", u64::from(self.epochs), u64::from(MOST_EPOCHS))?;
        count("batch", self.batch as u64, u64::MAX)?;
        if let Some(images) = self.images {
            let there = self.data.training_images();
            count(
                "images",
                images as u64,
                there.map_or(u64::MAX, |n| n as u64),
            )?;
        }
        if let Some(size) = self.size {
            count("size", size as u64, MOST_ROWS as u64)?;
        }
        if let Order::Buffer(images) = self.order {
            count("order.buffer", images as u64, u64::MAX)?;
        }
        match &self.optimizer {
            Optimizer::Sgd(sgd) => sgd.check()?,
            Optimizer::Adam(adam) => adam.check("optimizer.adam")?,
            Optimizer::AdamW(adam) => adam.check("optimizer.adam-w")?,
        }
        self.schedule.check()?;
        share("smoothing", self.smoothing)?;
        no_less_than_zero("auxiliary", self.auxiliary)
    }
}

impl Sgd {
    fn check(&self) -> Result<(), RecipeFault> {
        positive("optimizer.sgd.rate", self.rate)?;
        no_less_than_zero("optimizer.sgd.momentum", self.momentum)?;
        no_less_than_zero("optimizer.sgd.weight_decay", self.weight_decay)?;
        match self.nesterov && self.momentum == 0.0 {
            true => Err(RecipeFault::new(
                "optimizer.sgd.nesterov",
                "nesterov looks ahead along a momentum, which must be above zero",
            )),
            false => Ok(()),
        }
    }
}

impl Adam {
    fn check(&self, key: &str) -> Result<(), RecipeFault> {
        positive(&format!("{key}.rate"), self.rate)?;
        share(&format!("{key}.beta1"), self.beta1)?;
        share(&format!("{key}.beta2"), self.beta2)?;
        no_less_than_zero(&format!("{key}.weight_decay"), self.weight_decay)
    }
}

impl Schedule {
    fn check(&self) -> Result<(), RecipeFault> {
        match self {
            Schedule::Constant | Schedule::Linear | Schedule::Cosine => Ok(()),
            Schedule::Step { at, factor } => {
                let mut pairs = at.iter().zip(at.iter().skip(1));
                if let Some(i) = pairs.position(|(one, next)| one >= next) {
                    let what = format!("step {} comes behind step {}: must rise", at[i + 1], at[i]);
                    return Err(RecipeFault::new(
                        &format!("schedule.step.at.{}", i + 1),
                        what,
                    ));
                }
                positive("schedule.step.factor", *factor)
            }
            Schedule::OneCycle { rise } => match (0.0..=1.0).contains(rise) {
                true => Ok(()),
                false => Err(fault("schedule.one-cycle.rise", rise, "from 0 to 1")),
            },
        }
    }
}

/// A number of things.
fn count(key: &str, n: u64, most: u64) -> Result<(), RecipeFault> {
    match (1..=most).contains(&n) {
        true => Ok(()),
        false if most == u64::MAX => Err(fault(key, n, "above zero")),
        false => Err(fault(key, n, &format!("from 1 to {most}"))),
    }
}

/// Weights are f32: what is more than one can be is infinite there.
fn is_finite(x: f64) -> bool {
    (x as f32).is_finite()
}

fn positive(key: &str, x: f64) -> Result<(), RecipeFault> {
    match x > 0.0 && is_finite(x) {
        true => Ok(()),
        false => Err(fault(key, x, "above zero and finite")),
    }
}

fn no_less_than_zero(key: &str, x: f64) -> Result<(), RecipeFault> {
    match x >= 0.0 && is_finite(x) {
        true => Ok(()),
        false => Err(fault(key, x, "zero or above, and finite")),
    }
}

fn share(key: &str, x: f64) -> Result<(), RecipeFault> {
    match (0.0..1.0).contains(&x) {
        true => Ok(()),
        false => Err(fault(key, x, "from 0 to below 1")),
    }
}

fn fault(key: &str, x: impl std::fmt::Display, right: &str) -> RecipeFault {
    let name = key.rsplit('.').next().unwrap_or(key);
    RecipeFault::new(key, format!("{name} is {x}, must be {right}"))
}
