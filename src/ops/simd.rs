//! Vectors of f32 and of f64 under one name, over the instruction sets that pulp detects at run time.

use pulp::{Arch, Simd, WithSimd};

/// Runs what is written for any vectors with the widest of this machine.
#[inline(always)]
pub(crate) fn dispatch<W: WithSimd>(work: W) -> W::Output {
    #[cfg(test)]
    if let Some(fewer) = fewer::ON_THIS_THREAD.get() {
        return fewer.dispatch(work);
    }
    Arch::new().dispatch(work)
}

/// Has the machine fetch the line of the cache in which a number stands, or would stand behind the last one: a hint.
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) fn prefetch<T>(numbers: &[T], at: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let number = numbers.as_ptr().wrapping_add(at);
        // SAFETY: nothing is read, and an address that is nobody's is no fault
        unsafe { _mm_prefetch::<_MM_HINT_T0>(number.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (numbers, at);
}

/// A number that the machine computes with by vectors.
pub trait SimdWidth: Copy {
    /// A vector of an instruction set.
    type Of<S: Simd>: Copy;
    /// Numbers in a vector.
    fn lanes<S: Simd>() -> usize;
    /// A vector of equal numbers.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Of<S>;
    /// a + b.
    fn plus<S: Simd>(simd: S, a: Self::Of<S>, b: Self::Of<S>) -> Self::Of<S>;
    /// a b + c, rounded once where the machine can.
    fn times_plus<S: Simd>(simd: S, a: Self::Of<S>, b: Self::Of<S>, c: Self::Of<S>) -> Self::Of<S>;
    /// What is not negative, and zero in place of what is.
    fn cut<S: Simd>(simd: S, x: Self::Of<S>) -> Self::Of<S>;
    /// The whole vectors at the front of a slice.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Of<S>];
    /// The whole vectors at the front of a slice.
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Of<S>];
    /// Rows to columns.
    fn transpose(rows: [[Self; 4]; 4]) -> [[Self; 4]; 4];
}

macro_rules! lanes {
    ($real:ty, $of:ident, $splat:ident, $add:ident, $mul_add:ident, $less:ident, $select:ident, $vectors:ident, $vectors_mut:ident, $transpose:path) => {
        impl SimdWidth for $real {
            type Of<S: Simd> = S::$of;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                size_of::<S::$of>() / size_of::<$real>()
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$of {
                simd.$splat(x)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$of, b: S::$of) -> S::$of {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn times_plus<S: Simd>(simd: S, a: S::$of, b: S::$of, c: S::$of) -> S::$of {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn cut<S: Simd>(simd: S, x: S::$of) -> S::$of {
                let zero = simd.$splat(0.0);
                simd.$select(simd.$less(x, zero), zero, x)
            }

            #[inline(always)]
            fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$of] {
                S::$vectors(numbers).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::$of] {
                S::$vectors_mut(numbers).0
            }

            #[inline(always)]
            fn transpose(rows: [[Self; 4]; 4]) -> [[Self; 4]; 4] {
                $transpose(rows)
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    splat_f32s,
    add_f32s,
    mul_add_e_f32s,
    less_than_f32s,
    select_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    transpose_f32
);
lanes!(
    f64,
    f64s,
    splat_f64s,
    add_f64s,
    mul_add_e_f64s,
    less_than_f64s,
    select_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    transpose_any
);

#[inline(always)]
fn transpose_any<T: Copy>([a, b, c, d]: [[T; 4]; 4]) -> [[T; 4]; 4] {
    std::array::from_fn(|i| [a[i], b[i], c[i], d[i]])
}

#[cfg(not(target_arch = "x86_64"))]
use transpose_any as transpose_f32;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
fn transpose_f32(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{
        __m128, _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps,
        _mm_unpacklo_ps,
    };
    // SAFETY: every x86-64 has SSE, and each row is four numbers
    let load = |row: &[f32; 4]| unsafe { _mm_loadu_ps(row.as_ptr()) };
    let store = |vector: __m128| {
        let mut column = [0.0; 4];
        // SAFETY: as above
        unsafe { _mm_storeu_ps(column.as_mut_ptr(), vector) };
        column
    };
    let [a, b, c, d] = [
        load(&rows[0]),
        load(&rows[1]),
        load(&rows[2]),
        load(&rows[3]),
    ];
    // SAFETY: as above
    unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (high_ab, high_cd) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            store(_mm_movelh_ps(ab, cd)),
            store(_mm_movehl_ps(cd, ab)),
            store(_mm_movelh_ps(high_ab, high_cd)),
            store(_mm_movehl_ps(high_cd, high_ab)),
        ]
    }
}

#[cfg(test)]
pub(crate) mod fewer;
