//! The transforms of Winograd's filtering, along one side of a tile, for the points 0, 1, -1, 2, -2, 1/2, -1/2 as far as
//! needed, and infinity. What a point and its negative share is computed once.

use pulp::Simd;

/// The transform of `A` neighbouring units: B' of Lavin & Gray.
#[inline(always)]
pub(in crate::cpu) fn forth<S: Simd, const A: usize>(simd: S, d: [S::f32s; A]) -> [S::f32s; A] {
    let plus = |a, b| simd.add_f32s(a, b);
    let minus = |a, b| simd.sub_f32s(a, b);
    let times = |factor: f32, a| simd.mul_f32s(simd.splat_f32s(factor), a);
    // factor a + b
    let more = |factor: f32, a, b| simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b);
    let mut v = d;
    match A {
        4 => {
            v[0] = minus(d[0], d[2]);
            v[1] = plus(d[1], d[2]);
            v[2] = minus(d[2], d[1]);
            v[3] = minus(d[1], d[3]);
        }
        6 => {
            v[0] = more(4.0, d[0], more(-5.0, d[2], d[4]));
            let (even, odd) = (more(-4.0, d[2], d[4]), more(-4.0, d[1], d[3]));
            v[1] = plus(even, odd);
            v[2] = minus(even, odd);
            let (even, odd) = (minus(d[4], d[2]), times(2.0, minus(d[3], d[1])));
            v[3] = plus(even, odd);
            v[4] = minus(even, odd);
            v[5] = more(4.0, d[1], more(-5.0, d[3], d[5]));
        }
        _ => {
            v[0] = more(5.25, minus(d[4], d[2]), minus(d[0], d[6]));
            let (even, odd) = (
                more(-4.25, d[4], plus(d[2], d[6])),
                more(-4.25, d[3], plus(d[1], d[5])),
            );
            v[1] = plus(even, odd);
            v[2] = minus(even, odd);
            let (even, odd) = (
                more(0.25, d[2], more(-1.25, d[4], d[6])),
                more(0.5, d[1], more(-2.5, d[3], times(2.0, d[5]))),
            );
            v[3] = plus(even, odd);
            v[4] = minus(even, odd);
            let (even, odd) = (
                more(4.0, d[2], more(-5.0, d[4], d[6])),
                more(2.0, d[1], more(-2.5, d[3], times(0.5, d[5]))),
            );
            v[5] = plus(even, odd);
            v[6] = minus(even, odd);
            v[7] = more(5.25, minus(d[3], d[5]), minus(d[7], d[1]));
        }
    }
    v
}

/// `M` units of an output from `A` products: A' of Lavin & Gray.
#[inline(always)]
pub(in crate::cpu) fn back<S: Simd, const A: usize, const M: usize>(
    simd: S,
    m: [S::f32s; A],
) -> [S::f32s; M] {
    let plus = |a, b| simd.add_f32s(a, b);
    let minus = |a, b| simd.sub_f32s(a, b);
    let more = |factor: f32, a, b| simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b);
    let mut y = [m[0]; M];
    let (even, odd) = (plus(m[1], m[2]), minus(m[1], m[2]));
    match A {
        4 => {
            y[0] = plus(m[0], even);
            y[1] = minus(odd, m[3]);
        }
        6 => {
            let (even_2, odd_2) = (plus(m[3], m[4]), minus(m[3], m[4]));
            y[0] = plus(m[0], plus(even, even_2));
            y[1] = more(2.0, odd_2, odd);
            y[2] = more(4.0, even_2, even);
            y[3] = more(8.0, odd_2, plus(odd, m[5]));
        }
        _ => {
            let (even_2, odd_2) = (plus(m[3], m[4]), minus(m[3], m[4]));
            let (even_half, odd_half) = (plus(m[5], m[6]), minus(m[5], m[6]));
            y[0] = plus(plus(m[0], even), plus(even_2, even_half));
            y[1] = more(2.0, odd_2, more(0.5, odd_half, odd));
            y[2] = more(4.0, even_2, more(0.25, even_half, even));
            y[3] = more(8.0, odd_2, more(0.125, odd_half, odd));
            y[4] = more(16.0, even_2, more(0.0625, even_half, even));
            y[5] = more(32.0, odd_2, more(0.03125, odd_half, plus(odd, m[7])));
        }
    }
    y
}

/// What `back` does, the other way round: the gradients of `A` products from those of `M` units.
#[inline(always)]
pub(in crate::cpu) fn adjoint<S: Simd, const A: usize, const M: usize>(
    simd: S,
    y: [S::f32s; M],
) -> [S::f32s; A] {
    let plus = |a, b| simd.add_f32s(a, b);
    let minus = |a, b| simd.sub_f32s(a, b);
    let times = |factor: f32, a| simd.mul_f32s(simd.splat_f32s(factor), a);
    let more = |factor: f32, a, b| simd.mul_add_e_f32s(simd.splat_f32s(factor), a, b);
    let mut m = [y[0]; A];
    match A {
        4 => {
            m[1] = plus(y[0], y[1]);
            m[2] = minus(y[0], y[1]);
            m[3] = times(-1.0, y[1]);
        }
        _ => {
            let (even, odd) = (plus(y[0], y[2]), plus(y[1], y[3]));
            m[1] = plus(even, odd);
            m[2] = minus(even, odd);
            let (even, odd) = (more(4.0, y[2], y[0]), times(2.0, more(4.0, y[3], y[1])));
            m[3] = plus(even, odd);
            m[4] = minus(even, odd);
            m[5] = y[3];
        }
    }
    m
}

/// What each of three taps counts in a number of a transformed row: a row of G.
pub(in crate::cpu) const fn of_taps(m: usize, i: usize) -> [f64; 3] {
    match (m, i) {
        (2, 0) | (6, 0) => [1.0, 0.0, 0.0],
        (2, 1) => [0.5, 0.5, 0.5],
        (2, 2) => [0.5, -0.5, 0.5],
        (4, 0) => [0.25, 0.0, 0.0],
        (4, 1) => [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        (4, 2) => [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        (4, 3) => [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        (4, 4) => [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        (6, 1) => [-2.0 / 9.0, -2.0 / 9.0, -2.0 / 9.0],
        (6, 2) => [-2.0 / 9.0, 2.0 / 9.0, -2.0 / 9.0],
        (6, 3) => [1.0 / 90.0, 1.0 / 45.0, 2.0 / 45.0],
        (6, 4) => [1.0 / 90.0, -1.0 / 45.0, 2.0 / 45.0],
        (6, 5) => [32.0 / 45.0, 16.0 / 45.0, 8.0 / 45.0],
        (6, 6) => [32.0 / 45.0, -16.0 / 45.0, 8.0 / 45.0],
        _ => [0.0, 0.0, 1.0],
    }
}
