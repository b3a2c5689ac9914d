//! Softmax cross-entropy, with label smoothing.

use super::cpu::{by_dtype, tensor, view};
use candle_core::{Error, Result, Tensor, WithDType};

/// The mean loss over a batch, and its gradient with respect to the scores `[n, classes]`.
///
/// With `smoothing` s the target is `1 - s` on the label plus `s / classes` on every class (Szegedy
/// et al. 2016, section 7).
///
/// # Errors
/// A label beyond the classes, as many labels as there are not samples, scores that are not on the CPU.
pub fn cross_entropy(scores: &Tensor, labels: &[usize], smoothing: f64) -> Result<(f64, Tensor)> {
    let (n, classes) = scores.dims2()?;
    if labels.len() != n {
        let what = format!("{} labels for {n} samples", labels.len());
        return Err(Error::Msg(what).bt());
    }
    if let Some(label) = labels.iter().find(|&&label| label >= classes) {
        let what = format!("label {label} is beyond the {classes} classes");
        return Err(Error::Msg(what).bt());
    }
    by_dtype!(scores, T => {
        let numbers = view::<T>(scores)?;
        let mut loss = 0.0;
        let mut gradient = Vec::with_capacity(numbers.len());
        for (row, &label) in numbers.chunks_exact(classes).zip(labels) {
            let row: Vec<f64> = row.iter().map(|&x| x.to_f64()).collect();
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = row.iter().map(|x| (x - largest).exp()).sum();
            let logarithm = total.ln();
            for (class, x) in row.iter().enumerate() {
                let log = x - largest - logarithm;
                let hit = if class == label { 1.0 - smoothing } else { 0.0 };
                let target = hit + smoothing / classes as f64;
                // a target of zero does not count, even where the logarithm is minus infinity
                if target > 0.0 {
                    loss -= target * log;
                }
                gradient.push(((log.exp() - target) / n as f64) as T);
            }
        }
        Ok((loss / n as f64, tensor(gradient, scores.dims())?))
    })
}
