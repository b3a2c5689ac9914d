//! Arithmetic that CEL lacks, because it does not mix integers and fractions.

use super::Answer;
use super::arguments::{list, number, size};
use crate::claim::Datum;
use crate::graph::pool;
use crate::stats;

pub(super) fn window(args: &[Datum]) -> Answer {
    pool(size(args, 1)?)
        .stride(size(args, 2)?)
        .pad(size(args, 3)?)
        .axis(0, size(args, 0)?)
        .and_then(|axis| i64::try_from(axis.output).map_err(|e| e.to_string()))
        .map(Datum::Int)
}

pub(super) fn ratio(args: &[Datum]) -> Answer {
    match number(args, 1)? {
        0.0 => Err("divides by zero".into()),
        b => Ok(Datum::Float(number(args, 0)? / b)),
    }
}

pub(super) fn quotient(args: &[Datum]) -> Answer {
    match args {
        [Datum::Int(_), Datum::Int(0)] => Err("divides by zero".into()),
        [Datum::Int(a), Datum::Int(b)] => a
            .checked_div(*b)
            .map(Datum::Int)
            .ok_or_else(|| "the quotient exceeds 2^63 - 1".into()),
        _ => Err("its arguments are whole numbers; ratio divides others".into()),
    }
}

pub(super) fn round(args: &[Datum]) -> Answer {
    let digits = size(args, 1)?.min(17);
    let text = format!("{:.digits$}", number(args, 0)?);
    text.parse()
        .map(Datum::Float)
        .map_err(|_| format!("{text} is not a number"))
}

pub(super) fn ln(args: &[Datum]) -> Answer {
    match number(args, 0)? {
        x if x > 0.0 => Ok(Datum::Float(x.ln())),
        x => Err(format!("{x} has no logarithm")),
    }
}

pub(super) fn sum(args: &[Datum]) -> Answer {
    let values = list(args, 0)?;
    let whole: Option<Vec<i64>> = values
        .iter()
        .map(|value| match value {
            Datum::Int(n) => Some(*n),
            _ => None,
        })
        .collect();
    match whole {
        Some(whole) => whole
            .into_iter()
            .try_fold(0i64, i64::checked_add)
            .map(Datum::Int)
            .ok_or_else(|| "the sum exceeds 2^63 - 1".into()),
        None => numbers(values).map(|values| Datum::Float(values.iter().sum())),
    }
}

pub(super) fn mean(args: &[Datum]) -> Answer {
    match numbers(list(args, 0)?)?.as_slice() {
        [] => Err("the list is empty".into()),
        numbers => Ok(Datum::Float(
            numbers.iter().sum::<f64>() / numbers.len() as f64,
        )),
    }
}

pub(super) fn geometric_mean(args: &[Datum]) -> Answer {
    let numbers = numbers(list(args, 0)?)?;
    match numbers.iter().find(|x| **x <= 0.0) {
        Some(x) => Err(format!("{x} is not positive")),
        None => (stats::geometric_mean(&numbers).map(Datum::Float))
            .ok_or_else(|| "the list is empty".into()),
    }
}

pub(super) fn decay(args: &[Datum]) -> Answer {
    match numbers(list(args, 0)?)?.as_slice() {
        [first, .., last] if *last != 0.0 && first / last >= 0.0 => {
            let steps = list(args, 0)?.len() - 1;
            Ok(Datum::Float((first / last).powf(1.0 / steps as f64)))
        }
        _ => Err("it needs two or more numbers, the first and the last of one sign".into()),
    }
}

pub(super) fn softmax(args: &[Datum]) -> Answer {
    let numbers = numbers(list(args, 0)?)?;
    let largest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = numbers.iter().map(|x| (x - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    Ok(Datum::List(
        powers.iter().map(|x| Datum::Float(x / total)).collect(),
    ))
}

pub(super) fn argmax(args: &[Datum]) -> Answer {
    let numbers = numbers(list(args, 0)?)?;
    let best = (0..numbers.len()).reduce(|best, i| match numbers[i] > numbers[best] {
        true => i,
        false => best,
    });
    best.and_then(|i| i64::try_from(i).ok())
        .map(Datum::Int)
        .ok_or_else(|| "the list is empty".into())
}

pub(super) fn largest(args: &[Datum]) -> Answer {
    extreme(list(args, 0)?, |a, b| a > b)
}

pub(super) fn smallest(args: &[Datum]) -> Answer {
    extreme(list(args, 0)?, |a, b| a < b)
}

fn extreme(values: &[Datum], better: fn(f64, f64) -> bool) -> Answer {
    let numbers = numbers(values)?;
    let best = (0..numbers.len())
        .reduce(|best, i| {
            if better(numbers[i], numbers[best]) {
                i
            } else {
                best
            }
        })
        .ok_or("the list is empty")?;
    Ok(values[best].clone())
}

fn numbers(values: &[Datum]) -> Result<Vec<f64>, String> {
    values
        .iter()
        .map(|value| {
            value
                .number()
                .ok_or_else(|| format!("{value} is not a number"))
        })
        .collect()
}
