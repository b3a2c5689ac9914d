//! Vectors of f32 and of f64 under one name, over the instruction sets that pulp detects at run time.

use pulp::Simd;

/// A number that the machine computes with by vectors.
pub trait Lanes: Copy {
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
    /// The whole vectors at the front of a slice.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Of<S>];
    /// The whole vectors at the front of a slice.
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Of<S>];
}

macro_rules! lanes {
    ($real:ty, $of:ident, $splat:ident, $add:ident, $mul_add:ident, $vectors:ident, $vectors_mut:ident) => {
        impl Lanes for $real {
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
            fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$of] {
                S::$vectors(numbers).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::$of] {
                S::$vectors_mut(numbers).0
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
    as_simd_f32s,
    as_mut_simd_f32s
);
lanes!(
    f64,
    f64s,
    splat_f64s,
    add_f64s,
    mul_add_e_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
