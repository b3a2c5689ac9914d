//! Machines with fewer vectors than this one, for tests.

use pulp::{Arch, Scalar, Scalar128b, WithSimd};
use std::cell::Cell;

/// Which vectors a machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Vectors {
    /// None: numbers one by one.
    None,
    /// Four numbers of f32, as on ARM, imitated by plain loops.
    Four,
    /// Those of AVX2, where this machine has them.
    Avx2,
}

thread_local! {
    pub(super) static ON_THIS_THREAD: Cell<Option<Vectors>> = const { Cell::new(None) };
}

impl Vectors {
    pub(crate) const ALL: [Vectors; 3] = [Vectors::None, Vectors::Four, Vectors::Avx2];

    pub(super) fn dispatch<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            Vectors::None => work.with_simd(Scalar::new()),
            Vectors::Four => work.with_simd(Scalar128b),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 if let Some(avx2) = pulp::x86::V3::try_new() => {
                Arch::V3(avx2).dispatch(work)
            }
            Vectors::Avx2 => Arch::new().dispatch(work),
        }
    }

    /// Runs something on so many threads of such a machine.
    pub(crate) fn run<T: Send>(self, threads: usize, f: impl FnOnce() -> T + Send) -> T {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(move |_| ON_THIS_THREAD.set(Some(self)))
            .build();
        pool.expect("threads can be started").install(f)
    }
}

#[test]
fn threads_have_the_vectors_that_they_began_with() {
    use crate::ops::packed::lanes;
    let found = Vectors::ALL.map(|vectors| vectors.run(1, || [lanes::<f32>(), lanes::<f64>()]));
    assert_eq!(found[..2], [[1, 1], [4, 2]]);
    let here = [lanes::<f32>(), lanes::<f64>()];
    assert!(found[2] == [8, 4] || found[2] == here, "{found:?}");
}
