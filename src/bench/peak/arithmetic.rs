//! Multiply-adds in registers, in chains of which each waits for the one before: how many chains keep a processor busy, and
//! by which vectors, differs from one to the next.

use super::Probe;
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;

/// Multiply-adds of vectors in a run, on each thread: some ten milliseconds, beside which it costs nothing to wake the
/// threads. It is divided by each number of chains.
const LENGTH: usize = 105 << 20;

/// Chains of multiply-adds side by side, on all threads.
struct Chains {
    arch: Arch,
    chains: usize,
}

/// Each number of chains that leaves registers for a factor and a term, by the widest vectors, and by those of half the
/// width, at which some processors have a higher clock rate.
pub(super) fn probes() -> Vec<Box<dyn Probe>> {
    let mut probes: Vec<Box<dyn Probe>> = Vec::new();
    for arch in arches() {
        let (_, registers) = arch.dispatch(Vectors);
        for chains in [8, 10, 12, 14, 16, 20, 24, 28] {
            if chains + 2 <= registers {
                probes.push(Box::new(Chains { arch, chains }));
            }
        }
    }
    probes
}

fn arches() -> Vec<Arch> {
    let widest = Arch::new();
    #[cfg(target_arch = "x86_64")]
    if let (Arch::V4(_), Some(half)) = (widest, pulp::x86::V3::try_new()) {
        return vec![widest, Arch::V3(half)];
    }
    vec![widest]
}

impl Probe for Chains {
    fn work(&self) -> u64 {
        let (lanes, _) = self.arch.dispatch(Vectors);
        2 * (LENGTH * lanes * rayon::current_num_threads()) as u64
    }

    fn run(&mut self, part: f64) {
        let Chains { arch, chains } = *self;
        let length = (LENGTH as f64 * part) as usize;
        black_box(rayon::broadcast(|_| arch.dispatch(Run { chains, length })));
    }
}

/// Numbers in a vector, and vectors in registers.
struct Vectors;

impl WithSimd for Vectors {
    type Output = (usize, usize);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        (size_of::<S::f32s>() / size_of::<f32>(), S::REGISTER_COUNT)
    }
}

/// So many multiply-adds on one thread.
struct Run {
    chains: usize,
    length: usize,
}

impl WithSimd for Run {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        match self.chains {
            8 => self.run::<S, 8>(simd),
            10 => self.run::<S, 10>(simd),
            12 => self.run::<S, 12>(simd),
            14 => self.run::<S, 14>(simd),
            16 => self.run::<S, 16>(simd),
            20 => self.run::<S, 20>(simd),
            24 => self.run::<S, 24>(simd),
            _ => self.run::<S, 28>(simd),
        }
    }
}

impl Run {
    #[inline(always)]
    fn run<S: Simd, const CHAINS: usize>(&self, simd: S) -> f32 {
        let factor = simd.splat_f32s(black_box(0.5));
        let term = simd.splat_f32s(black_box(1.0));
        let mut chains = [term; CHAINS];
        for _ in 0..self.length / CHAINS {
            for x in &mut chains {
                *x = simd.mul_add_e_f32s(*x, factor, term);
            }
        }
        let sum = chains.into_iter().reduce(|a, b| simd.add_f32s(a, b));
        sum.map_or(0.0, |sum| simd.reduce_sum_f32s(sum))
    }
}
