use super::super::packed::{Right, Strided, full};
use super::super::uninit::UninitVec;
use super::*;
use crate::random::Key;

/// What stands in the output before.
const BEFORE: f64 = 0.5;

fn numbers(key: u64, count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| Key::seed(key).signed(i as u64))
        .collect()
}

/// Every number of rows from 1 to 40, neighbours and not, and more than a strip; columns that fill no block, one
/// and several; terms that are gone through twice; written in each way, to columns that hold all rows or half of
/// them.
#[test]
fn is_the_sum_of_products() {
    // an interpreter that looks at every read (`ci/miri`) takes minutes for more
    let (step, end) = if cfg!(miri) { (12, 14) } else { (1, 40) };
    let sizes = (1..end).map(|n| (n, 3 * n % 300, n % 37 + 1));
    let large = if cfg!(miri) {
        (2, 260, 3)
    } else {
        (9, 700, 33)
    };
    let long = (STRIP + 8, 3, 5);
    for (rows, terms, columns) in sizes.step_by(step).chain([large, long]) {
        let places: Vec<usize> = (0..rows).rev().collect();
        let shift = numbers(4, columns);
        for (case, apart, repeat, sets) in [
            (0, 1, 1, 2),
            (1, 3, 1, 1),
            (2, 2, 2, 1),
            (2, 1, 2, 1),
            (3, 1, 1, 1),
            (3, 2, 1, 2),
        ] {
            if rows % sets > 0 {
                continue;
            }
            let length = rows / sets;
            let step = 5;
            let left = numbers(1, apart * rows + 2 * terms + step);
            let right = numbers(2, repeat * terms * columns);
            let row_offsets: Vec<usize> = (0..rows).map(|i| apart * i).collect();
            let term_offsets: Vec<usize> = (0..terms).map(|i| 2 * i).collect();
            let taps: Vec<usize> = (0..terms).map(|i| i * columns).collect();
            let strided = Strided {
                numbers: &right,
                columns,
                apart: 1,
                taps: taps.into(),
                repeats: repeat,
                repeat_stride: terms * columns,
            };
            // one piece, or one for each block
            let wide = if case % 2 == 0 {
                columns
            } else {
                full::<f64>()
            };
            let pieces = (0..columns)
                .step_by(wide)
                .map(|first| first..columns.min(first + wide));
            let (operand, mut scratch) = (Right::new(strided, rows % 2 == 0), Vec::new());
            let source = Left::new(&left, &row_offsets, &term_offsets, [repeat, step]);
            let mut before = vec![BEFORE; columns * rows];
            let mut uninit = UninitVec::new(columns * rows);
            let mut there: Vec<&mut [f64]> = before.chunks_exact_mut(rows).collect();
            let mut of_sets: Vec<Vec<UninitChunk<f64>>> = (0..sets).map(|_| Vec::new()).collect();
            for (i, slots) in uninit.cut(length, length).into_iter().enumerate() {
                of_sets[i / columns].push(slots);
            }
            for block in pieces {
                let of_sets = of_sets.iter_mut();
                Product {
                    left: &source,
                    right: operand.blocks(block.clone(), &mut scratch),
                    to: match case {
                        1 => To::Places(&places, there.drain(..block.len()).collect()),
                        2 => To::Itself(there.drain(..block.len()).collect()),
                        _ => To::New(
                            (case == 3).then_some(&shift[block.start..]),
                            of_sets.flat_map(|set| set.drain(..block.len())).collect(),
                        ),
                    },
                }
                .run();
            }
            drop(of_sets);
            let out = match case {
                1 | 2 => before,
                _ => uninit.finish(),
            };
            for column in 0..columns {
                for row in 0..rows {
                    let term = |t: usize, again: usize| {
                        let right = right[(again * terms + t) * columns + column];
                        left[apart * row + 2 * t + again * step] * right
                    };
                    let all = (0..repeat).flat_map(|again| (0..terms).map(move |t| (t, again)));
                    let sum: f64 = all.map(|(t, again)| term(t, again)).sum();
                    let place = |row| (row / length * columns + column) * length + row % length;
                    let expected = match case {
                        2 => sum + BEFORE,
                        3 => sum + shift[column],
                        _ => sum,
                    };
                    let found = out[place(if case == 1 { places[row] } else { row })];
                    assert!(
                        (found - expected).abs() < 1e-12,
                        "case {case}: {found} {expected}"
                    );
                }
            }
        }
    }
}
