//! The exponential function and the hyperbolic tangent, without branches, so that vectors compute them.

/// A number of which both are computed.
pub(super) trait Exponential: Copy {
    /// e to the power of x, which is at most 0; wrong by less than two units in the last place.
    fn exp_of_negative(self) -> Self;
    /// The hyperbolic tangent, as near.
    fn tangent(self) -> Self;
}

macro_rules! exponential {
    ($real:ty, $bits:ty, $signed:ty, $mantissa:expr, $bias:expr, $terms:expr,
     $lowest:expr, $smallest:expr, $ln2:expr) => {
        impl Exponential for $real {
            #[inline(always)]
            fn exp_of_negative(self) -> $real {
                let (n, rest) = split(self.clamp($lowest, 0.0));
                // in two steps, as the result may be smaller than the smallest power that is normal
                let first = n.max($smallest);
                (1.0 + rest) * power(first) * power(n - first)
            }

            #[inline(always)]
            fn tangent(self) -> $real {
                // further out it is 1 to all places
                let (n, rest) = split((-2.0 * self.abs()).clamp(-40.0, 0.0));
                let scale = power(n);
                let less_one = scale * rest + (scale - 1.0);
                (-less_one / (2.0 + less_one)).copysign(self)
            }
        }

        /// The factors of the power series, from that of the square on.
        const FACTORS: [$real; $terms] = {
            let (mut factors, mut k, mut factor) = ([0.0; $terms], 0, 1.0);
            while k < $terms {
                factor /= (k + 2) as f64;
                factors[k] = factor as $real;
                k += 1;
            }
            factors
        };

        /// The n for which `x - n ln 2` is nearest to 0, and e to the power of that, less 1.
        #[inline(always)]
        fn split(x: $real) -> ($signed, $real) {
            // the integer stands in the last bits of the sum
            const ROUNDING: $real = 1.5 * (1u64 << $mantissa) as $real;
            let shifted = x * (1.0 / std::f64::consts::LN_2) as $real + ROUNDING;
            let n = shifted - ROUNDING;
            let r = x - n * $ln2[0] - n * $ln2[1];
            let mut sum = FACTORS[$terms - 1];
            let mut k = $terms - 1;
            while k > 0 {
                k -= 1;
                sum = sum * r + FACTORS[k];
            }
            let bits = shifted.to_bits() & ((1 << $mantissa) - 1);
            (bits as $signed - (1 << ($mantissa - 1)), r + r * r * sum)
        }

        #[inline(always)]
        fn power(n: $signed) -> $real {
            <$real>::from_bits(((n + $bias) as $bits) << $mantissa)
        }
    };
}

/// The first part of ln 2 has so few bits that its product with n is exact.
mod single {
    use super::Exponential;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    exponential!(f32, u32, i32, 23, 127, 6, -110.0, -100, LN_2);
}

mod double {
    use super::Exponential;
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    exponential!(f64, u64, i64, 52, 1023, 12, -760.0, -1000, LN_2);
}

#[cfg(test)]
mod tests {
    use super::Exponential;

    #[test]
    fn both_are_those_of_the_standard_library() {
        let near = |a: f64, b: f64, unit: f64| (a - b).abs() <= 2.0 * unit * b.abs() + 1e-320;
        for i in 0..200_000 {
            let x = -f64::from(i) * 0.000_37;
            assert!(near(x.exp_of_negative(), x.exp(), f64::EPSILON), "{x}");
            let x = (f64::from(i) - 1e5) * 0.000_217;
            assert!(near(x.tangent(), x.tanh(), f64::EPSILON), "{x}");
            let x = (x * x * x) as f32;
            let found = f64::from((-x.abs()).exp_of_negative());
            let exact = f64::from(-x.abs()).exp();
            let tiny = f64::from(f32::MIN_POSITIVE);
            assert!(
                (found - exact).abs() <= 2.0 * f64::from(f32::EPSILON) * exact.max(tiny),
                "{x}"
            );
            assert!(
                near(x.tangent().into(), f64::from(x).tanh(), f32::EPSILON.into()),
                "{x}"
            );
        }
        assert_eq!((-1e30f32).exp_of_negative(), 0.0);
        assert_eq!(f64::NEG_INFINITY.exp_of_negative(), 0.0);
        assert_eq!((-0.0f32).tangent().to_bits(), (-0.0f32).to_bits());
        assert_eq!((f64::INFINITY.tangent(), (-1e30f32).tangent()), (1.0, -1.0));
        assert!(f32::NAN.tangent().is_nan() && f64::NAN.exp_of_negative().is_nan());
    }
}
