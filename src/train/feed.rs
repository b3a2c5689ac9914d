//! Which images does a step see? A pure function of task, seed and step.

use super::TrainError;
use super::backend::{Backend, Batch};
use super::order::order;
use super::task::{Portion, Task};
use std::marker::PhantomData;

/// A batch that is collated.
pub(super) struct Fed<B: Backend> {
    /// The step that it is for, from 0.
    pub step: u64,
    /// The images.
    pub images: B::Collated,
    /// Their classes.
    pub labels: Vec<usize>,
}

/// Collates batches; it keeps the order of the last epoch that was asked for.
pub(super) struct Feed<'a, B> {
    task: &'a Task,
    seed: u64,
    order: Option<(u64, Vec<usize>)>,
    backend: PhantomData<fn() -> B>,
}

impl<'a, B: Backend> Feed<'a, B> {
    pub(super) fn new(task: &'a Task, seed: u64) -> Feed<'a, B> {
        Feed {
            task,
            seed,
            order: None,
            backend: PhantomData,
        }
    }

    /// The batch of a step; nothing behind the last.
    pub(super) fn batch(&mut self, step: u64) -> Result<Option<Fed<B>>, TrainError> {
        let task = self.task;
        if step >= task.steps() {
            return Ok(None);
        }
        let (epoch, of_epoch) = (step / task.steps_of_epoch(), step % task.steps_of_epoch());
        let split = &task.data.train;
        let order = match self.order.take().filter(|known| known.0 == epoch) {
            Some((_, order)) => order,
            None => {
                let key = task.key(self.seed, "order", epoch);
                order(task.recipe.order, split.len(), key)
            }
        };
        let from = of_epoch as usize * task.recipe.batch;
        let images = order[from..(from + task.recipe.batch).min(order.len())].to_vec();
        let labels = images.iter().map(|&i| split.labels[i]).collect();
        let batch = Batch {
            portion: Portion::Train,
            images,
            key: task.key(self.seed, "augment", epoch),
        };
        self.order = Some((epoch, order));
        Ok(Some(Fed {
            step,
            images: B::collate(task, &batch)?,
            labels,
        }))
    }
}
