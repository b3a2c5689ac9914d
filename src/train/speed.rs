//! How long does a step take here? Measured briefly, on images of noise.

use super::backend::{Backend, Batch, Engine, Step};
use super::learner::begin;
use super::recipe::{Recipe, Schedule};
use super::task::{Portion, Task, image_shape};
use super::{Scale, TrainError};
use crate::data::{Dataset, Split};
use crate::random::Key;
use crate::zoo::Model;
use std::time::{Duration, Instant};

/// Steps are taken at least so long, behind a first one that warms up.
const LONG_ENOUGH: Duration = Duration::from_millis(300);

/// Seconds that a step of a recipe takes, where as many runs go side by side as the engine takes at that scale. No data are
/// needed.
///
/// # Errors
/// [`TrainError`] of the network or the engine.
pub fn seconds_of_step<E: Engine>(
    engine: &E,
    scale: Scale,
    recipe: &Recipe,
    model: &Model,
) -> Result<f64, TrainError> {
    if engine.at_once(scale) > 1
        && let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build()
    {
        return pool.install(|| measured(engine, recipe, model));
    }
    measured(engine, recipe, model)
}

fn measured<E: Engine>(engine: &E, recipe: &Recipe, model: &Model) -> Result<f64, TrainError> {
    let task = Task::new(
        &Recipe {
            images: None,
            schedule: Schedule::Constant,
            warm_up: 0,
            ..recipe.clone()
        },
        model,
        noise(recipe, model)?,
    )?;
    let mut backend = engine.start(&task, begin(&task, 0)?.0)?;
    let labels = &task.data.train.labels;
    let (mut since, mut taken) = (Instant::now(), 0);
    for number in 1.. {
        let batch = Batch {
            portion: Portion::Train,
            images: (0..recipe.batch).collect(),
            key: Key::seed(0),
        };
        let step = Step {
            number,
            // noise teaches nothing
            lr_factor: 0.0,
            key: Key::seed(0).fold_in(number),
        };
        let images = E::Backend::collate(&task, &batch)?;
        backend.step(&task, &images, labels, step)?;
        backend.outcomes(true)?;
        taken += 1;
        if since.elapsed() >= LONG_ENOUGH {
            break;
        }
        if number == 1 {
            (since, taken) = (Instant::now(), 0);
        }
    }
    Ok(since.elapsed().as_secs_f64() / f64::from(taken.max(1)))
}

fn bytes_of_noise(count: u64) -> Vec<u8> {
    (0..count).map(|i| Key::seed(0).bits(i) as u8).collect()
}

/// As many images as a step takes.
fn noise(recipe: &Recipe, model: &Model) -> Result<Dataset, TrainError> {
    let shape = image_shape(recipe, model);
    let classes = model.graph()?.prediction().shape.channels();
    let bytes = (recipe.batch * shape.elements().unwrap_or(0) as usize) as u64;
    let train = Split {
        images: bytes_of_noise(bytes).into(),
        shape,
        labels: (0..recipe.batch).map(|i| i % classes).collect(),
        classes,
    };
    Ok(Dataset {
        test: train.clone(),
        validation: None,
        train,
    })
}
