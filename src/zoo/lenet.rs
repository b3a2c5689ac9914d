//! LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, section II-B).

use super::network::{Architecture, Line, Network, architecture, line};
use super::{CLASSES, arguments};
use crate::graph::{Shape, Value, conv, pool};

pub(super) const ARCHITECTURES: &[Architecture] = &[architecture::<LeNet5>(
    "lenet5",
    "LeCun et al. 1998, figure 2",
    Shape::map(1, 32, 32),
)];

#[rustfmt::skip]
pub(super) const MODELS: &[Line] = &[
    line("lenet5_1998", "LeCun et al. 1998, figure 2 and Table I: sparse C3, trainable subsampling, RBF output", "lenet5"),
    line("lenet5_1998_dense_c3", "LeCun et al. 1998, with a C3 whose maps read all six of S2, to compare", "lenet5{sparse=false}"),
    line("lenet5_1998_scores", SCORES, "lenet5{scores=true}"),
];

const SCORES: &str = "LeCun et al. 1998, section II-C, equation 9: distances with the sign turned, so that the nearest code has the highest score; as networks of today are trained";

/// The maps of S2 that each map of C3 reads (Table I).
const C3: &[&[usize]] = &[
    &[0, 1, 2],
    &[1, 2, 3],
    &[2, 3, 4],
    &[3, 4, 5],
    &[0, 4, 5],
    &[0, 1, 5],
    &[0, 1, 2, 3],
    &[1, 2, 3, 4],
    &[2, 3, 4, 5],
    &[0, 3, 4, 5],
    &[0, 1, 4, 5],
    &[0, 1, 2, 5],
    &[0, 1, 3, 4],
    &[1, 2, 4, 5],
    &[0, 2, 3, 5],
    &[0, 1, 2, 3, 4, 5],
];

arguments! {
    /// LeNet-5.
    struct LeNet5 {
        /// whether a map of C3 reads only the maps of S2 that Table I lists
        sparse: bool = true, ();
        /// whether distances to the codes are turned into scores
        scores: bool = false, ();
        /// classes told apart
        classes: usize = 10, CLASSES;
    }
}

impl Network for LeNet5 {
    fn describe<'g>(&self, x: Value<'g>) -> Value<'g> {
        let c3 = conv(16, 5);
        let c3 = if self.sparse { c3.table(C3) } else { c3 };
        let distances = x
            .conv("c1", conv(6, 5))
            .scaled_tanh()
            .subsample("s2", pool(2))
            .scaled_tanh()
            .conv("c3", c3)
            .scaled_tanh()
            .subsample("s4", pool(2))
            .scaled_tanh()
            .conv("c5", conv(120, 5))
            .scaled_tanh()
            .flatten()
            .linear("f6", 84)
            .scaled_tanh()
            .rbf("output", self.classes);
        match self.scores {
            true => distances.scale(-1.0, 0.0),
            false => distances,
        }
    }
}
