//! What is learned, all but the weights: network, images and how both are handled.

use super::recipe::{Normalise, Recipe};
use super::schedule::lr_factor;
use super::{Fingerprint, TrainError};
use crate::data::{Dataset, Normalisation, Preparation, Split};
use crate::graph::{Graph, Shape};
use crate::random::Key;
use crate::zoo::Model;
use std::sync::Arc;

/// A recipe with its network and its images.
pub struct Task {
    pub(super) recipe: Recipe,
    pub(super) graph: Graph,
    pub(super) data: Arc<Dataset>,
    pub(super) training: Preparation,
    pub(super) evaluation: Preparation,
    /// Of recipe, network and data.
    digests: [String; 3],
}

/// A part of a task's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// Those that it learns from.
    Train,
    /// Those to choose a checkpoint by.
    Validation,
    /// Those that it is evaluated on.
    Test,
}

/// The shape to which images are brought for a recipe and its model, before they are altered.
pub fn image_shape(recipe: &Recipe, model: &Model) -> Shape {
    match (recipe.size, model.input.maps()) {
        (Some(side), Some([c, ..])) => Shape::map(c, side, side),
        _ => model.input,
    }
}

impl Task {
    /// Puts a recipe, the description of its network and its images together; tasks can share images.
    ///
    /// # Errors
    /// [`TrainError`]: images that do not fit the model, no step to take.
    pub fn new(
        recipe: &Recipe,
        model: &Model,
        data: impl Into<Arc<Dataset>>,
    ) -> Result<Task, TrainError> {
        let (graph, mut data) = (model.graph()?, data.into());
        let wrong = |what: String| TrainError::Task {
            model: recipe.model.clone(),
            what,
        };
        if let Some(images) = recipe.images {
            let there = data.train.len();
            if images > there {
                let what = format!("images is {images}, but there are {there} to train with");
                return Err(wrong(what));
            }
            // other tasks may learn from all of them, which stand in memory once
            Arc::make_mut(&mut data).train.truncate(images);
        }
        let classes = graph.prediction().shape.channels();
        if classes != data.train.classes {
            return Err(wrong(format!(
                "tells {classes} classes apart, the images have {}",
                data.train.classes
            )));
        }
        let normalisation = match recipe.normalise {
            Normalise::Own => Normalisation::of(&data.train),
            Normalise::Imagenet => Normalisation::imagenet(),
            Normalise::Unit => Normalisation::unit(data.train.shape.channels()),
        };
        let preparation = |augment: &[_]| Preparation {
            augment: augment.to_vec(),
            normalisation: normalisation.clone(),
        };
        for augment in [&recipe.augment, &recipe.augment_evaluation] {
            let shape = (augment.iter()).try_fold(data.train.shape, |from, step| step.shape(from));
            let shape = shape.map_err(wrong)?;
            if shape != graph.input() {
                return Err(wrong(format!(
                    "takes images of {}, not {shape}",
                    graph.input()
                )));
            }
        }
        let task = Task {
            digests: [recipe.fingerprint(), graph.digest(), data.fingerprint()],
            training: preparation(&recipe.augment),
            evaluation: preparation(&recipe.augment_evaluation),
            recipe: recipe.clone(),
            graph,
            data,
        };
        if task.steps_of_epoch() == 0 {
            return Err(wrong(format!(
                "an epoch of {} images has no whole batch of {}",
                task.data.train.len(),
                recipe.batch
            )));
        }
        let (schedule, steps) = (&recipe.schedule, task.steps());
        if !lr_factor(schedule, recipe.warm_up, 0, steps).is_finite() {
            return Err(wrong(format!(
                "a schedule that rises for one step of {steps} has no rate for it: `rise` must be another"
            )));
        }
        Ok(task)
    }

    /// The recipe.
    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The network.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The portions that there are.
    pub(crate) fn portions(&self) -> impl Iterator<Item = Portion> {
        let validation = self.data.validation.as_ref();
        let validation = validation.map(|_| Portion::Validation);
        [Portion::Train, Portion::Test]
            .into_iter()
            .chain(validation)
    }

    /// Images, and what happens to them on their way into the network.
    ///
    /// # Panics
    /// If the data set has no such part.
    pub(crate) fn images(&self, portion: Portion) -> (&Split, &Preparation) {
        match portion {
            Portion::Train => (&self.data.train, &self.training),
            Portion::Test => (&self.data.test, &self.evaluation),
            Portion::Validation => {
                let split = self.data.validation.as_ref();
                (split.expect("it was asked for"), &self.evaluation)
            }
        }
    }

    /// Steps of an epoch.
    pub(super) fn steps_of_epoch(&self) -> u64 {
        self.recipe.steps_of_epoch(self.data.train.len())
    }

    /// All that decides a run on a backend of that name, but its seed.
    pub fn fingerprint(&self, backend: &str) -> Fingerprint {
        let [recipe, network, data] = self.digests.clone();
        Fingerprint {
            recipe,
            network: Some(network),
            data,
            backend: backend.into(),
        }
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.recipe.model
    }

    /// Steps of a run.
    pub fn steps(&self) -> u64 {
        let epochs = u64::from(self.recipe.epochs);
        self.steps_of_epoch().saturating_mul(epochs)
    }

    /// Images that it is evaluated on behind each epoch.
    pub fn tested(&self) -> u64 {
        let validation = self.data.validation.as_ref().map_or(0, Split::len);
        (self.data.test.len() + validation) as u64
    }

    /// The key of what happens to images in an epoch.
    pub(super) fn key(&self, seed: u64, what: &str, epoch: u64) -> Key {
        Key::seed(seed).fold_in_name(what).fold_in(epoch)
    }
}
