//! Which images does a step see? A pure function of task, seed and step.

use super::TrainError;
use super::order::order;
use super::task::Task;
use crate::data::batch;
use candle_core::{DType, Tensor};

/// A batch that is ready.
pub(super) struct Batch {
    /// The step that it is for, from 0.
    pub step: u64,
    /// The images.
    pub x: Tensor,
    /// Their classes.
    pub labels: Vec<usize>,
}

/// Makes batches; it keeps the order of the last epoch that was asked for.
pub(super) struct Feed<'a> {
    task: &'a Task,
    seed: u64,
    order: Option<(u64, Vec<usize>)>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(task: &'a Task, seed: u64) -> Feed<'a> {
        Feed {
            task,
            seed,
            order: None,
        }
    }

    /// The batch of a step; nothing behind the last.
    pub(super) fn batch(&mut self, step: u64) -> Result<Option<Batch>, TrainError> {
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
        let images = &order[from..(from + task.recipe.batch).min(order.len())];
        let key = task.key(self.seed, "augment", epoch);
        let made = Batch {
            step,
            x: batch(split, images, &task.training, key, DType::F32)?,
            labels: images.iter().map(|&i| split.labels[i]).collect(),
        };
        self.order = Some((epoch, order));
        Ok(Some(made))
    }
}
