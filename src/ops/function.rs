//! Functions of one unit that a network's description names with constants.

use super::activation::{each, each_2};
use super::cpu::by_dtype;
use crate::graph::Function;
use candle_core::{Result, Tensor, WithDType};
use libm::erf;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// The function of each unit.
///
/// # Errors
/// A tensor that is not on the CPU, not contiguous or of another type than f32 and f64.
pub fn forward(function: Function, x: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => match function {
        Function::Clip { min, max } => {
            let (min, max) = (min as T, max as T);
            // the lower bound first: what is not a number stays so
            each::<T>(x, move |x| if x < min { min } else if x > max { max } else { x })
        }
        Function::LeakyRelu { slope } => {
            let slope = slope as T;
            each::<T>(x, move |x| if x < 0.0 { slope * x } else { x })
        }
        Function::Abs => each::<T>(x, T::abs),
        _ => each::<T>(x, move |x| value(function, WithDType::to_f64(x)) as T),
    })
}

/// The gradient with respect to the input; where the function has a corner, that of the side which PyTorch takes.
///
/// # Errors
/// As [`forward`].
pub fn backward(function: Function, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => each_2::<T>(x, dy, move |x, dy| dy * slope(function, WithDType::to_f64(x)) as T))
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// log(1 + exp(x)) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The tangent's argument in GELU's approximation, and its derivative.
fn inner(x: f64) -> (f64, f64) {
    const CUBIC: f64 = 0.044_715;
    let factor = FRAC_2_SQRT_PI / SQRT_2;
    (
        factor * (x + CUBIC * x * x * x),
        factor * (1.0 + 3.0 * CUBIC * x * x),
    )
}

/// In f64 whatever the type: the numbers go through transcendental functions anyway.
fn value(function: Function, x: f64) -> f64 {
    match function {
        Function::Clip { min, max } => x.max(min).min(max),
        Function::HardSwish => x * ((x + 3.0).clamp(0.0, 6.0) / 6.0),
        Function::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Function::Silu => x * sigmoid(x),
        Function::Gelu => x * 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)),
        Function::GeluTanh => 0.5 * x * (1.0 + inner(x).0.tanh()),
        Function::LeakyRelu { slope } => {
            if x < 0.0 {
                slope * x
            } else {
                x
            }
        }
        Function::Elu { alpha, scale } => scale * if x > 0.0 { x } else { alpha * x.exp_m1() },
        Function::Softplus { beta } => softplus(beta * x) / beta,
        Function::Mish => x * softplus(x).tanh(),
        Function::Power { exponent } => power(x, exponent),
        Function::Exp => x.exp(),
        Function::Abs => x.abs(),
    }
}

/// Roots and squares exactly rounded.
fn power(x: f64, exponent: f64) -> f64 {
    match exponent {
        0.5 => x.sqrt(),
        -0.5 => 1.0 / x.sqrt(),
        -1.0 => 1.0 / x,
        2.0 => x * x,
        _ => x.powf(exponent),
    }
}

fn slope(function: Function, x: f64) -> f64 {
    let within = |inside: bool, slope: f64| if inside { slope } else { 0.0 };
    match function {
        Function::Clip { min, max } => within(x > min && x < max, 1.0),
        Function::HardSwish if x < -3.0 => 0.0,
        Function::HardSwish if x <= 3.0 => x / 3.0 + 0.5,
        Function::HardSwish => 1.0,
        Function::HardSigmoid => within(x > -3.0 && x < 3.0, 1.0 / 6.0),
        Function::Silu => {
            let s = sigmoid(x);
            s * (1.0 + x * (1.0 - s))
        }
        Function::Gelu => {
            let density = FRAC_2_SQRT_PI * 0.5 * FRAC_1_SQRT_2 * (-0.5 * x * x).exp();
            0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * density
        }
        Function::GeluTanh => {
            let (argument, derivative) = inner(x);
            let tanh = argument.tanh();
            0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * derivative
        }
        Function::LeakyRelu { slope } => {
            if x > 0.0 {
                1.0
            } else {
                slope
            }
        }
        Function::Elu { alpha, scale } => scale * if x > 0.0 { 1.0 } else { alpha * x.exp() },
        Function::Softplus { beta } => sigmoid(beta * x),
        Function::Mish => {
            let tanh = softplus(x).tanh();
            tanh + x * (1.0 - tanh * tanh) * sigmoid(x)
        }
        Function::Power { exponent: 2.0 } => 2.0 * x,
        Function::Power { exponent } => exponent * power(x, exponent - 1.0),
        Function::Exp => x.exp(),
        Function::Abs => {
            if x == 0.0 {
                0.0
            } else {
                x.signum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Values that PyTorch 2.15 prints for `x` = -2, -0.5, 0, 0.5, 4 in float64.
    #[test]
    fn values_are_pytorchs() {
        let table: &[(Function, [f64; 5])] = &[
            (
                Function::HardSwish,
                [-1.0 / 3.0, -5.0 / 24.0, 0.0, 7.0 / 24.0, 4.0],
            ),
            (
                Function::Silu,
                [
                    -0.238_405_844_044_235_1,
                    -0.188_770_334_399_072_7,
                    0.0,
                    0.311_229_665_600_927_3,
                    3.928_055_160_151_634,
                ],
            ),
            (
                Function::Gelu,
                [
                    -0.045_500_263_896_358_42,
                    -0.154_268_769_362_993_44,
                    0.0,
                    0.345_731_230_637_006_56,
                    3.999_873_315_032_667_5,
                ],
            ),
            (
                Function::GeluTanh,
                [
                    -0.045_402_305_912_224_94,
                    -0.154_285_990_174_856_06,
                    0.0,
                    0.345_714_009_825_143_94,
                    3.999_929_754_051_807_5,
                ],
            ),
            (
                Function::Elu {
                    alpha: 1.0,
                    scale: 1.0,
                },
                [
                    -0.864_664_716_763_387_3,
                    -0.393_469_340_287_366_6,
                    0.0,
                    0.5,
                    4.0,
                ],
            ),
            (
                Function::Mish,
                [
                    -0.252_501_482_695_708_9,
                    -0.220_743_774_651_73,
                    0.0,
                    0.375_245_211_304_895_1,
                    3.997_412_806_976_238_5,
                ],
            ),
            (
                Function::Softplus { beta: 1.0 },
                [
                    0.126_928_011_042_972_5,
                    0.474_076_984_180_106_7,
                    std::f64::consts::LN_2,
                    0.974_076_984_180_106_7,
                    4.018_149_927_917_809_4,
                ],
            ),
        ];
        let x = Tensor::new(&[-2.0f64, -0.5, 0.0, 0.5, 4.0], &Device::Cpu).unwrap();
        for (function, expected) in table {
            let found: Vec<f64> = forward(*function, &x).unwrap().to_vec1().unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-14,
                    "{function}: {found}, not {expected}"
                );
            }
        }
    }
}
