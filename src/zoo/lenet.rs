//! LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, section II-B).

use super::{Line, line};
use crate::graph::{Shape, Value, conv, pool};

pub(super) const MODELS: &[Line] = &[
    line(
        "lenet5_1998",
        "LeCun et al. 1998, figure 2 and Table I: sparse C3, trainable subsampling, RBF output",
        Shape::map(1, 32, 32),
        |x| lenet5(x, true),
    ),
    line(
        "lenet5_1998_dense_c3",
        "LeCun et al. 1998, with a C3 whose maps read all six of S2, to compare",
        Shape::map(1, 32, 32),
        |x| lenet5(x, false),
    ),
    line(
        "lenet5_1998_scores",
        "LeCun et al. 1998, section II-C, equation 9: distances with the sign turned, so that the nearest code has the highest score; as networks of today are trained",
        Shape::map(1, 32, 32),
        |x| lenet5(x, true).scale(-1.0, 0.0),
    ),
];

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

fn lenet5(x: Value, sparse: bool) -> Value {
    let c3 = conv(16, 5);
    let c3 = if sparse { c3.table(C3) } else { c3 };
    x.conv("c1", conv(6, 5))
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
        .rbf("output", 10)
}
