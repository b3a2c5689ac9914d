//! Laws over fully connected layers: what each pass computes at batches below, at and beyond the size at
//! which the kernel changes, on rows that fill no vector, one task and several.

use crate::law;
use crate::laws::ops::{numbers, random};
use candle_core::{DType, Tensor};
use convcheck::ops::linear;
use convcheck::random::Key;
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    vec![
        law("ops::linear::definition", || {
            each_case(|case| case.definition())
        }),
        law("ops::linear::a-sample-does-not-depend-on-its-batch", || {
            each_case(|case| case.alone())
        }),
        law("ops::linear::threads", || each_case(|case| case.threads())),
        law("ops::linear::sizes-that-do-not-fit-are-errors", misfits),
    ]
}

/// Batches: alone, odd, and around the sizes at which candle's product takes over.
const BATCHES: [usize; 8] = [1, 2, 3, 7, 8, 9, 32, 33];

/// Inputs and outputs: less than a vector; no multiple of one; more than a part of a sum in each direction.
const SIZES: [[usize; 2]; 6] = [[1, 1], [3, 5], [17, 9], [120, 84], [517, 30], [1041, 270]];

struct Case {
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    dy: Tensor,
}

fn each_case(holds: impl Fn(&Case)) {
    for [inputs, outputs] in SIZES {
        for n in BATCHES {
            let key = Key::seed((n * 1000 + inputs) as u64);
            for dtype in [DType::F32, DType::F64] {
                let tensor =
                    |dims: &[usize], i| random(dims, key.fold_in(i)).to_dtype(dtype).unwrap();
                holds(&Case {
                    x: tensor(&[n, inputs], 1),
                    weight: tensor(&[outputs, inputs], 2),
                    bias: tensor(&[outputs], 3),
                    dy: tensor(&[n, outputs], 4),
                });
            }
        }
    }
}

impl Case {
    /// Output, and the gradients with respect to input, weight and bias.
    fn computed(&self) -> [Tensor; 4] {
        let y = linear::forward(&self.x, &self.weight, Some(&self.bias)).unwrap();
        let dx = linear::input_gradient(&self.weight, &self.dy).unwrap();
        let gradients = linear::weight_gradient(&self.x, &self.dy, true).unwrap();
        let [dw, db] = gradients.try_into().unwrap();
        [y, dx, dw, db]
    }

    /// The sums of products, one by one.
    fn definition(&self) {
        let (n, inputs) = self.x.dims2().unwrap();
        let outputs = self.bias.dims()[0];
        let [x, weight, bias, dy] = [&self.x, &self.weight, &self.bias, &self.dy].map(numbers);
        let at = |row: usize, column: usize, columns: usize| row * columns + column;
        let sum = |terms: usize, term: &dyn Fn(usize) -> [f64; 2]| {
            (0..terms)
                .map(|k| term(k).iter().product::<f64>())
                .sum::<f64>()
        };
        let y = |i: usize, o: usize| {
            let term = |k| [x[at(i, k, inputs)], weight[at(o, k, inputs)]];
            bias[o] + sum(inputs, &term)
        };
        let dx = |i: usize, k: usize| {
            let term = |o| [dy[at(i, o, outputs)], weight[at(o, k, inputs)]];
            sum(outputs, &term)
        };
        let dw = |o: usize, k: usize| {
            let term = |i| [dy[at(i, o, outputs)], x[at(i, k, inputs)]];
            sum(n, &term)
        };
        let db = |_: usize, o: usize| sum(n, &|i| [dy[at(i, o, outputs)], 1.0]);
        let computed = self.computed();
        self.near(&computed[0], [n, outputs], inputs, &y);
        self.near(&computed[1], [n, inputs], outputs, &dx);
        self.near(&computed[2], [outputs, inputs], n, &dw);
        self.near(&computed[3].unsqueeze(0).unwrap(), [1, outputs], n, &db);
    }

    /// Whether a tensor is what it should be, up to the rounding of so many terms.
    fn near(
        &self,
        found: &Tensor,
        dims: [usize; 2],
        terms: usize,
        expected: &dyn Fn(usize, usize) -> f64,
    ) {
        assert_eq!(found.dims(), dims);
        let epsilon = match self.x.dtype() {
            DType::F32 => f64::from(f32::EPSILON),
            _ => f64::EPSILON,
        };
        // each step rounds a sum that is the root of the number of terms large, and errors add up as roots
        let limit = 8.0 * epsilon * (2.0 + terms as f64);
        for (i, found) in numbers(found).into_iter().enumerate() {
            let expected = expected(i / dims[1], i % dims[1]);
            assert!(
                (expected - found).abs() < limit,
                "{expected} {found} {dims:?}"
            );
        }
    }

    /// Bit by bit, as far as the kernel is the one for small batches.
    fn alone(&self) {
        let n = self.x.dims()[0];
        if n > 32 {
            return;
        }
        let forward = |x: &Tensor| linear::forward(x, &self.weight, None).unwrap();
        let together = forward(&self.x);
        for i in [0, n / 2, n - 1] {
            let alone = forward(&self.x.narrow(0, i, 1).unwrap());
            let among = together.narrow(0, i, 1).unwrap();
            assert_eq!(numbers(&alone), numbers(&among), "sample {i} of {n}");
        }
    }

    fn threads(&self) {
        let computed = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            pool.install(|| self.computed().map(|tensor| numbers(&tensor)))
        };
        let one = computed(1);
        for threads in [2, 5] {
            assert!(computed(threads) == one, "{threads} threads");
        }
    }
}

fn misfits() {
    let tensor = |dims: &[usize]| random(dims, Key::seed(1));
    let (x, weight, dy) = (tensor(&[2, 5]), tensor(&[4, 6]), tensor(&[3, 7]));
    assert!(linear::forward(&x, &weight, None).is_err());
    assert!(linear::input_gradient(&weight, &dy).is_err());
    assert!(linear::weight_gradient(&x, &dy, true).is_err());
    assert!(linear::forward(&tensor(&[2, 6]), &weight, Some(&tensor(&[3]))).is_err());
}
