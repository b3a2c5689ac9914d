//! Arrays that no cache holds, read alone, and read and written.

use super::Probe;
use pulp::Arch;
use rayon::prelude::*;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers in an array: 128 MiB, several times what caches of today hold.
const LENGTH: usize = 1 << 25;
/// Numbers that a thread takes at once.
const CHUNK: usize = 1 << 16;
/// Sums side by side, so that vectors fit.
const SUMS: usize = 64;

type Arrays = Arc<Mutex<[Vec<f32>; 3]>>;

/// A loop over three arrays.
struct Loop {
    arrays: Arrays,
    run: fn(&mut [Vec<f32>; 3], usize),
}

/// The sum of three arrays, and one array that is made of two.
pub(super) fn probes() -> Vec<Box<dyn Probe>> {
    let arrays = Arrays::new(Mutex::new([0.0, 1.0, 2.0].map(|x| vec![x; LENGTH])));
    [sum, triad]
        .into_iter()
        .map(|run: fn(&mut [Vec<f32>; 3], usize)| -> Box<dyn Probe> {
            let arrays = arrays.clone();
            Box::new(Loop { arrays, run })
        })
        .collect()
}

impl Probe for Loop {
    fn work(&self) -> u64 {
        (3 * LENGTH * size_of::<f32>()) as u64
    }

    fn run(&mut self, part: f64) {
        let arrays = self.arrays.lock();
        let mut arrays = arrays.unwrap_or_else(PoisonError::into_inner);
        (self.run)(&mut arrays, (LENGTH as f64 * part) as usize);
    }
}

fn triad([a, b, c]: &mut [Vec<f32>; 3], length: usize) {
    let (arch, factor) = (Arch::new(), black_box(0.5));
    a[..length]
        .par_chunks_mut(CHUNK)
        .zip(b.par_chunks(CHUNK).zip(c.par_chunks(CHUNK)))
        .for_each(|(a, (b, c))| {
            arch.dispatch(|| {
                for ((a, &b), &c) in a.iter_mut().zip(b).zip(c) {
                    *a = b + factor * c;
                }
            });
        });
    black_box(&a);
}

fn sum(arrays: &mut [Vec<f32>; 3], length: usize) {
    let arch = Arch::new();
    for array in arrays {
        array[..length].par_chunks(CHUNK).for_each(|chunk| {
            arch.dispatch(|| {
                let mut sums = [0.0; SUMS];
                for part in chunk.chunks_exact(SUMS) {
                    for (sum, &x) in sums.iter_mut().zip(part) {
                        *sum += x;
                    }
                }
                black_box(sums);
            });
        });
    }
}
