//! FractalNet (Larsson, Maire & Shakhnarovich 2016): columns of growing depth that join in means.

use super::{CIFAR, Line, line};
use crate::graph::{Value, conv, mean, pool};

pub(super) const MODELS: &[Line] = &[
    line("fractalnet_cifar_c3", SOURCE, CIFAR, |x| fractalnet(x, 3)),
    line("fractalnet_cifar_c4", SOURCE, CIFAR, |x| fractalnet(x, 4)),
];

const SOURCE: &str = "Larsson et al. 2016, sections 3 and 4: five blocks of C columns for CIFAR-10; the columns are pooled before the last join, as in the authors' code";

/// Maps and dropout of each block (section 4).
const BLOCKS: [(usize, f64); 5] = [(64, 0.0), (128, 0.1), (256, 0.2), (512, 0.3), (512, 0.4)];

/// Local drop-path (section 4).
const DROP_PATH: f64 = 0.15;

fn fractalnet(x: Value, columns: u32) -> Value {
    x.scope("blocks", |mut x| {
        for (i, (maps, dropout)) in BLOCKS.into_iter().enumerate() {
            x = x.scope(i, |x| block(x, columns, maps, dropout));
        }
        x
    })
    .flatten()
    .linear("fc", 10)
}

/// Column `c` has 2^c units, so that each takes as long as two of the next column; columns whose
/// units end at the same step join there.
fn block(x: Value, columns: u32, maps: usize, dropout: f64) -> Value {
    let last = columns - 1;
    let steps = 1_u32 << last;
    let mut values = vec![x; columns as usize];
    for step in 1..=steps {
        let first = last - step.trailing_zeros();
        for column in first..columns {
            let position = (step >> (last - column)) - 1;
            let value = &mut values[column as usize];
            *value = value.scope(format!("cols.{column}.{position}"), |x| {
                unit(x, maps, dropout)
            });
        }
        let ended = &mut values[first as usize..];
        if step < steps && ended.len() > 1 {
            let joined = mean(ended, DROP_PATH);
            ended.fill(joined);
        }
    }
    for (column, value) in values.iter_mut().enumerate() {
        *value = value.max_pool(format!("pool.{column}"), pool(2));
    }
    mean(&values, DROP_PATH)
}

fn unit(x: Value, maps: usize, dropout: f64) -> Value {
    x.conv("conv", conv(maps, 3).pad(1).no_bias())
        .dropout(dropout)
        .bn("bn")
        .relu()
}
