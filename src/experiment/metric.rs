//! What is looked at in a run.

use crate::train::{Curve, Epoch};
use std::fmt;
use std::str::FromStr;

/// A number of a run: `loss@STEP`, or a quantity of an epoch, `NAME@EPOCH`, both counted from 1; without
/// a place the last; `@best` is the epoch of the smallest validation error, the first of equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    quantity: Quantity,
    selection: Selection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Loss,
    TrainLoss,
    TrainError,
    TestLoss,
    TestError,
    TestAccuracy,
    ValidationError,
    ValidationAccuracy,
    /// Test error less training error.
    Gap,
    /// The smallest rise of the test accuracy from an epoch to the next.
    LeastRise,
}

const QUANTITIES: [(&str, Quantity); 10] = [
    ("loss", Quantity::Loss),
    ("train_loss", Quantity::TrainLoss),
    ("train_error", Quantity::TrainError),
    ("test_loss", Quantity::TestLoss),
    ("test_error", Quantity::TestError),
    ("test_accuracy", Quantity::TestAccuracy),
    ("validation_error", Quantity::ValidationError),
    ("validation_accuracy", Quantity::ValidationAccuracy),
    ("gap", Quantity::Gap),
    ("least_rise", Quantity::LeastRise),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    Last,
    At(usize),
    Best,
}

impl Metric {
    /// Its value in a run; nothing where the run does not go so far, or has no validation.
    pub fn of(&self, curve: &Curve) -> Option<f64> {
        if self.quantity == Quantity::Loss {
            let losses = &curve.losses;
            let i = match self.selection {
                Selection::Last => losses.len().checked_sub(1)?,
                Selection::At(step) => step.checked_sub(1)?,
                Selection::Best => return None,
            };
            return losses.get(i).map(|&loss| f64::from(loss));
        }
        let epochs = &curve.epochs;
        if self.quantity == Quantity::LeastRise {
            let rises = epochs
                .windows(2)
                .map(|two| two[0].test_error - two[1].test_error);
            return rises.reduce(f64::min);
        }
        let epoch = match self.selection {
            Selection::Last => epochs.last()?,
            Selection::At(epoch) => epochs.get(epoch.checked_sub(1)?)?,
            Selection::Best => best(epochs)?,
        };
        Some(match self.quantity {
            Quantity::TrainLoss => epoch.train_loss,
            Quantity::TrainError => epoch.train_error,
            Quantity::TestLoss => epoch.test_loss,
            Quantity::TestError => epoch.test_error,
            Quantity::TestAccuracy => 1.0 - epoch.test_error,
            Quantity::ValidationError => epoch.validation_error?,
            Quantity::ValidationAccuracy => 1.0 - epoch.validation_error?,
            Quantity::Gap => epoch.test_error - epoch.train_error,
            Quantity::Loss | Quantity::LeastRise => unreachable!("answered above"),
        })
    }
}

fn best(epochs: &[Epoch]) -> Option<&Epoch> {
    let judged = epochs
        .iter()
        .filter(|epoch| epoch.validation_error.is_some());
    judged.reduce(|best, epoch| {
        if epoch.validation_error < best.validation_error {
            epoch
        } else {
            best
        }
    })
}

impl Metric {
    /// Where in a run it is looked at, in words.
    pub fn place(&self) -> String {
        let what = match self.quantity {
            Quantity::Loss => "step",
            Quantity::LeastRise => return "all epochs".into(),
            _ => "epoch",
        };
        match self.selection {
            Selection::Last => format!("last {what}"),
            Selection::At(n) => format!("{what} {n}"),
            Selection::Best => "epoch of the least validation error".into(),
        }
    }

    /// Between which bounds it can lie.
    pub const fn bounds(&self) -> [f64; 2] {
        match self.quantity {
            Quantity::Loss | Quantity::TrainLoss | Quantity::TestLoss => [0.0, f64::INFINITY],
            Quantity::TrainError
            | Quantity::TestError
            | Quantity::TestAccuracy
            | Quantity::ValidationError
            | Quantity::ValidationAccuracy => [0.0, 1.0],
            Quantity::Gap | Quantity::LeastRise => [-1.0, 1.0],
        }
    }

    /// Whether it is a share of images, or a difference of two.
    pub fn is_share(&self) -> bool {
        self.bounds()[1] == 1.0
    }

    /// Whether it is counted on the test images, as the share of those that are wrong or right.
    pub const fn is_of_test_images(&self) -> bool {
        matches!(self.quantity, Quantity::TestError | Quantity::TestAccuracy)
    }

    /// Whether the best of several values is the largest.
    pub const fn is_better_larger(&self) -> bool {
        matches!(
            self.quantity,
            Quantity::TestAccuracy | Quantity::ValidationAccuracy | Quantity::LeastRise
        )
    }

    /// The name of what is looked at, wherever in the run.
    pub fn quantity(&self) -> &'static str {
        let named = QUANTITIES
            .iter()
            .find(|quantity| quantity.1 == self.quantity);
        named.expect("every quantity has a name").0
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        let (name, place) = match text.split_once('@') {
            Some((name, place)) => (name, Some(place)),
            None => (text, None),
        };
        let found = QUANTITIES.iter().find(|quantity| quantity.0 == name);
        let Some(&(_, quantity)) = found else {
            let names: Vec<&str> = QUANTITIES.iter().map(|quantity| quantity.0).collect();
            let names = names.join(", ");
            return Err(format!("there is no metric `{name}`; there are {names}"));
        };
        let selection = match place {
            None => Selection::Last,
            Some("best") => Selection::Best,
            Some(place) => match place.parse() {
                Ok(n) if n > 0 => Selection::At(n),
                _ => {
                    return Err(format!(
                        "`{place}` is no place: a number from 1 on, or best"
                    ));
                }
            },
        };
        match (quantity, selection) {
            (Quantity::Loss, Selection::Best) => {
                Err("`loss` is of a step: loss@1, loss@2, ...".into())
            }
            (Quantity::LeastRise, Selection::At(_) | Selection::Best) => {
                Err("`least_rise` is of a whole run and has no place".into())
            }
            _ => Ok(Metric {
                quantity,
                selection,
            }),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.quantity())?;
        match self.selection {
            Selection::Last => Ok(()),
            Selection::At(n) => write!(f, "@{n}"),
            Selection::Best => f.write_str("@best"),
        }
    }
}
