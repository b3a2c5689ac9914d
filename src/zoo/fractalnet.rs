//! FractalNet (Larsson, Maire & Shakhnarovich 2016): columns of growing depth that join in means.

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CIFAR, CLASSES, DROPOUT, WIDTH, arguments};
use crate::graph::{Value, conv, mean, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<FractalNet>(
    "fractalnet_cifar",
    SOURCE,
    CIFAR,
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("fractalnet_cifar_c3", SOURCE, "fractalnet_cifar"),
    line("fractalnet_cifar_c4", SOURCE, "fractalnet_cifar{columns=4}"),
];

const SOURCE: &str = "Larsson et al. 2016, sections 3 and 4: five blocks of C columns for CIFAR-10; the columns are pooled before the last join, as in the authors' code";

arguments! {
    /// Five blocks (section 4).
    struct FractalNet {
        /// columns of each block; the last has 2^(columns - 1) units
        columns: usize = 3, 1..=8;
        /// maps of each block
        widths: [usize; 5] = [64, 128, 256, 512, 512], WIDTH;
        /// probability of zero in each block
        dropout: [f64; 5] = [0.0, 0.1, 0.2, 0.3, 0.4], DROPOUT;
        /// probability with which a join drops each of its inputs
        drop_path: f64 = 0.15, DROPOUT;
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for FractalNet {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        x.scope("blocks", |mut x| {
            for (i, (maps, dropout)) in self.widths.into_iter().zip(self.dropout).enumerate() {
                x = x.scope(i, |x| self.block(x, maps, dropout));
            }
            x
        })
        .flatten()
        .linear("fc", self.classes)
    }
}

impl FractalNet {
    /// Column `c` has 2^c units, so that each takes as long as two of the next column; columns whose
    /// units end at the same step join there.
    fn block<'g>(&self, x: Value<'g>, maps: usize, dropout: f64) -> Value<'g> {
        let last = self.columns - 1;
        let steps = 1_usize << last;
        let mut values = vec![x; self.columns];
        for step in 1..=steps {
            let first = last - step.trailing_zeros() as usize;
            for (column, value) in values.iter_mut().enumerate().skip(first) {
                let position = (step >> (last - column)) - 1;
                *value = value.scope(format!("cols.{column}.{position}"), |x| {
                    x.conv("conv", conv(maps, 3).pad(1).no_bias())
                        .dropout(dropout)
                        .bn("bn")
                        .relu()
                });
            }
            let ended = &mut values[first..];
            if step < steps && ended.len() > 1 {
                let joined = mean(ended, self.drop_path);
                ended.fill(joined);
            }
        }
        for (column, value) in values.iter_mut().enumerate() {
            *value = value.max_pool(format!("pool.{column}"), pool(2));
        }
        mean(&values, self.drop_path)
    }
}
