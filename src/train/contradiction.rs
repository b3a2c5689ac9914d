//! Can this be a run of its recipe?

use super::{Recipe, Trained};

/// What rounding can leave of a loss that is zero.
const ROUNDING: f64 = 1e-3;

impl Trained {
    /// What of it no run of this recipe can show, in words that go on after the name of the run; without a recipe, what
    /// no run at all can. A run that diverged, so that its last loss is no number, may have ended before its time.
    pub fn contradiction(&self, recipe: Option<&Recipe>) -> Option<String> {
        let of_any = self.impossible_time().or_else(|| self.impossible_value());
        let of_any = of_any.or_else(|| self.impossible_end());
        of_any.or_else(|| self.impossible_length(recipe?))
    }

    fn impossible_time(&self) -> Option<String> {
        let is_time = self.seconds.is_finite() && self.seconds >= 0.0;
        (!is_time).then(|| format!("it took {} seconds", self.seconds))
    }

    /// A run that is said to have diverged ends there, and with what is no number.
    fn impossible_end(&self) -> Option<String> {
        let steps = self.curve.losses.len() as u64;
        let said = self.diverged.as_ref()?;
        let ended = Trained {
            diverged: None,
            ..self.clone()
        }
        .divergence();
        match ended.is_some() && said.step == steps {
            true => None,
            false => Some(format!(
                "it says that it diverged {said}, and its curve has {steps} losses{}",
                if ended.is_some() {
                    ""
                } else {
                    ", all of them numbers"
                }
            )),
        }
    }

    fn impossible_value(&self) -> Option<String> {
        let epochs = &self.curve.epochs;
        for (i, epoch) in epochs.iter().enumerate() {
            let shares = [
                ("train_error", Some(epoch.train_error)),
                ("test_error", Some(epoch.test_error)),
                ("validation_error", epoch.validation_error),
            ];
            for (name, share) in shares {
                if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                    return Some(format!(
                        "its {name} in epoch {} is {share}, must be a share from 0 to 1",
                        i + 1
                    ));
                }
            }
            for (name, loss) in [
                ("train_loss", epoch.train_loss),
                ("test_loss", epoch.test_loss),
            ] {
                if loss < -ROUNDING {
                    return Some(format!(
                        "its {name} in epoch {} is {loss}, must not be below 0",
                        i + 1
                    ));
                }
            }
        }
        let negative = |loss: &f32| f64::from(*loss) < -ROUNDING;
        if let Some(i) = self.curve.losses.iter().position(negative) {
            let loss = self.curve.losses[i];
            return Some(format!(
                "its loss in step {} is {loss}, must not be below 0",
                i + 1
            ));
        }
        let validated = epochs.iter().filter(|one| one.validation_error.is_some());
        match (validated.count(), epochs.len()) {
            (n, all) if n > 0 && n < all => {
                Some(format!("it was validated in {n} of its {all} epochs"))
            }
            _ => None,
        }
    }

    fn impossible_length(&self, recipe: &Recipe) -> Option<String> {
        let (steps, epochs) = (
            self.curve.losses.len() as u64,
            self.curve.epochs.len() as u64,
        );
        let planned = u64::from(recipe.epochs);
        let diverged = (self.curve.losses.last()).is_some_and(|loss| !loss.is_finite());
        if epochs > planned || epochs < planned && !diverged {
            let s = if epochs == 1 { "" } else { "s" };
            return Some(format!(
                "it has {epochs} epoch{s}, its recipe takes {planned}"
            ));
        }
        let in_recipe = recipe.images.unwrap_or(usize::MAX);
        // what a folder of somebody's holds is known to its runs alone
        let Some(images) = recipe.data.training_images() else {
            let most = match recipe.images {
                Some(images) => recipe.steps_of_epoch(images).saturating_mul(planned),
                None => u64::MAX,
            };
            let is_whole = diverged || steps > 0 && steps.is_multiple_of(planned);
            return match is_whole && steps <= most {
                true => None,
                false => Some(format!(
                    "it has {steps} losses, no number of steps for {planned} epochs of its recipe"
                )),
            };
        };
        let of_epoch = recipe.steps_of_epoch(images.min(in_recipe));
        let all = of_epoch.saturating_mul(planned);
        let fits = match diverged {
            true => steps <= all && of_epoch.saturating_mul(epochs) <= steps,
            false => steps == all,
        };
        (!fits).then(|| format!("it has {steps} losses, its recipe takes {all} steps"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Curve, Epoch, Scale};
    use serde_json::json;

    fn recipe(more: serde_json::Value) -> Recipe {
        let mut recipe = json!({
            "model": "m", "data": "digits", "epochs": 2, "batch": 100, "images": 250,
            "optimizer": { "sgd": { "rate": 0.1 } },
        });
        let (all, more) = (
            recipe.as_object_mut().unwrap(),
            more.as_object().unwrap().clone(),
        );
        all.extend(more);
        serde_json::from_value(recipe).unwrap()
    }

    fn run(steps: usize, epochs: usize) -> Trained {
        let epoch = Epoch {
            train_loss: 1.0,
            train_error: 0.0,
            test_loss: f64::NAN,
            test_error: 1.0,
            validation_error: None,
        };
        Trained {
            experiment: "e".into(),
            scale: Scale::Quick,
            arm: "a".into(),
            seed: 0,
            model: "m".into(),
            recipe: "r".into(),
            network: None,
            data: "d".into(),
            commit: None,
            begun_by: Vec::new(),
            diverged: None,
            backend: "cpu-f32".into(),
            machine: "a machine".into(),
            date: "1970-01-01".into(),
            seconds: 0.0,
            curve: Curve {
                losses: vec![2.3; steps],
                epochs: vec![epoch; epochs],
            },
        }
    }

    #[test]
    fn a_run_is_as_long_as_its_recipe() {
        let digits = recipe(json!({}));
        let drops = recipe(json!({ "last_batch": "drop" }));
        let all = recipe(json!({ "images": null }));
        let beyond = recipe(json!({ "images": 9999 }));
        let folder = recipe(json!({ "data": "folder" }));
        let unknown = recipe(json!({ "data": "folder", "images": null }));
        for (recipe, steps, epochs, says) in [
            (&digits, 6, 2, None),
            (&digits, 5, 2, Some("5 losses, its recipe takes 6")),
            (&digits, 7, 2, Some("7 losses")),
            (&digits, 0, 2, Some("0 losses")),
            (&digits, 6, 1, Some("1 epoch, its recipe takes 2")),
            (&digits, 6, 3, Some("3 epochs")),
            (&digits, 6, 0, Some("0 epochs")),
            (&drops, 4, 2, None),
            (&drops, 6, 2, Some("takes 4")),
            (&all, 26, 2, None),
            (&beyond, 26, 2, None),
            (&beyond, 200, 2, Some("takes 26")),
            (&folder, 6, 2, None),
            (&folder, 2, 2, None),
            (&folder, 8, 2, Some("8 losses")),
            (&folder, 3, 2, Some("3 losses")),
            (&folder, 0, 2, Some("0 losses")),
            (&unknown, 800, 2, None),
            (&unknown, 801, 2, Some("801 losses")),
        ] {
            let found = run(steps, epochs).contradiction(Some(recipe));
            let as_wanted = match (&found, says) {
                (Some(found), Some(says)) => found.contains(says),
                (found, says) => found.is_none() && says.is_none(),
            };
            assert!(as_wanted, "{steps}, {epochs}: {found:?}");
        }
        // what diverged ended there
        for (steps, epochs, fits) in [
            (1, 0, true),
            (4, 1, true),
            (6, 2, true),
            (2, 1, false),
            (7, 2, false),
            (6, 3, false),
        ] {
            let mut diverged = run(steps, epochs);
            diverged.curve.losses[steps - 1] = f32::NAN;
            let found = diverged.contradiction(Some(&digits));
            assert_eq!(found.is_none(), fits, "{steps}, {epochs}: {found:?}");
        }
    }

    #[test]
    fn no_run_shows_impossible_numbers() {
        let with = |change: &dyn Fn(&mut Trained)| {
            let mut run = run(6, 2);
            change(&mut run);
            run.contradiction(None)
        };
        assert_eq!(with(&|_| {}), None);
        assert_eq!(with(&|run| run.curve.losses[0] = f32::INFINITY), None);
        for (found, says) in [
            (
                with(&|run| run.curve.epochs[1].test_error = -5.0),
                "test_error in epoch 2 is -5",
            ),
            (with(&|run| run.curve.epochs[0].test_error = 99.0), "is 99"),
            (
                with(&|run| run.curve.epochs[0].train_error = 1.01),
                "train_error",
            ),
            (
                with(&|run| run.curve.epochs[0].train_error = f64::NAN),
                "NaN",
            ),
            (
                with(&|run| {
                    run.curve
                        .epochs
                        .iter_mut()
                        .for_each(|one| one.validation_error = Some(2.0))
                }),
                "validation_error",
            ),
            (
                with(&|run| run.curve.epochs[1].validation_error = Some(0.5)),
                "1 of its 2 epochs",
            ),
            (
                with(&|run| run.curve.epochs[1].train_loss = -0.1),
                "train_loss",
            ),
            (
                with(&|run| run.curve.epochs[1].test_loss = f64::NEG_INFINITY),
                "test_loss",
            ),
            (with(&|run| run.curve.losses[2] = -1.0), "step 3 is -1"),
            (with(&|run| run.seconds = -1.0), "took -1 seconds"),
            (with(&|run| run.seconds = f64::NAN), "took NaN"),
        ] {
            assert!(
                found.as_ref().is_some_and(|it| it.contains(says)),
                "{says}: {found:?}"
            );
        }
    }
}
