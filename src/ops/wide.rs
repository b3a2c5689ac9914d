//! Plain loops, compiled for each instruction set and run with the widest vectors of the machine.

use super::simd::dispatch;
use pulp::NullaryFnOnce;

/// A loop. pulp takes closures too, but calls them through a shim that the compiler does not inline
/// where the loop is long, and what is not inlined is compiled for the oldest machine.
struct Loop<F>(F);

impl<R, F: FnMut() -> R> NullaryFnOnce for Loop<F> {
    type Output = R;

    #[inline(always)]
    fn call(mut self) -> R {
        (self.0)()
    }
}

/// Runs a closure, which [`wide`] marks as always inlined; so must be what it calls.
pub(crate) fn run<R>(f: impl FnMut() -> R) -> R {
    dispatch(Loop(f))
}

/// The value of an expression whose loops are to run with the widest vectors.
macro_rules! wide {
    ($body:expr) => {
        $crate::ops::wide::run(
            #[inline(always)]
            || $body,
        )
    };
}
pub(crate) use wide;
