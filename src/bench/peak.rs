//! What can this machine do at most? Multiply-adds that never leave the registers, and a sum of arrays that
//! no cache holds.

use super::{BenchError, Resource, What};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::hint::black_box;

/// A loop that does nothing but use one resource up, on all threads.
pub struct Peak {
    of: Resource,
    arrays: [Vec<f32>; 3],
}

/// Both resources.
pub fn peaks() -> impl Iterator<Item = Peak> {
    [Resource::Arithmetic, Resource::Memory]
        .into_iter()
        .map(Peak::new)
}

/// Numbers in an array: 128 MiB, several times what caches of today hold.
const LENGTH: usize = 1 << 25;
/// Numbers that a thread takes at once.
const CHUNK: usize = 1 << 16;
/// Multiply-adds in a chain, of which each waits for the one before.
const ROUNDS: usize = 1 << 21;

impl Peak {
    fn new(of: Resource) -> Peak {
        let length = match of {
            Resource::Arithmetic => 0,
            Resource::Memory => LENGTH,
        };
        Peak {
            of,
            arrays: [0.0, 1.0, 2.0].map(|x| vec![x; length]),
        }
    }

    /// What it is: operations (two for each multiply-add) or bytes, all threads together.
    pub fn what(&self) -> What {
        let work = match self.of {
            Resource::Arithmetic => {
                2 * ROUNDS * Arch::new().dispatch(Width) * rayon::current_num_threads()
            }
            Resource::Memory => self.arrays.len() * LENGTH * size_of::<f32>(),
        };
        What::Peak {
            of: self.of,
            work: work as u64,
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// None; it has the form of other steps.
    pub fn run(&mut self) -> Result<(), BenchError> {
        let arch = Arch::new();
        match self.of {
            Resource::Arithmetic => {
                black_box(rayon::broadcast(|_| arch.dispatch(Chains)));
            }
            Resource::Memory => {
                let [a, b, c] = &mut self.arrays;
                let factor = black_box(0.5);
                a.par_chunks_mut(CHUNK)
                    .zip(b.par_chunks(CHUNK).zip(c.par_chunks(CHUNK)))
                    .for_each(|(a, (b, c))| {
                        arch.dispatch(|| {
                            for ((a, &b), &c) in a.iter_mut().zip(b).zip(c) {
                                *a = b + factor * c;
                            }
                        });
                    });
                black_box(&self.arrays[0]);
            }
        }
        Ok(())
    }
}

/// Numbers in all chains.
struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        size_of::<S::f32s>() / size_of::<f32>() * chains::<S>()
    }
}

/// Chains of multiply-adds side by side, more than the processor can have under way, and no more than its
/// registers hold.
struct Chains;

const fn chains<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 24 } else { 12 }
}

impl WithSimd for Chains {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        match chains::<S>() {
            24 => run::<S, 24>(simd),
            _ => run::<S, 12>(simd),
        }
    }
}

#[inline(always)]
fn run<S: Simd, const CHAINS: usize>(simd: S) -> f32 {
    let factor = simd.splat_f32s(black_box(0.5));
    let term = simd.splat_f32s(black_box(1.0));
    let mut chains = [term; CHAINS];
    for _ in 0..ROUNDS {
        for x in &mut chains {
            *x = simd.mul_add_e_f32s(*x, factor, term);
        }
    }
    let sum = chains.into_iter().reduce(|a, b| simd.add_f32s(a, b));
    sum.map_or(0.0, |sum| simd.reduce_sum_f32s(sum))
}
