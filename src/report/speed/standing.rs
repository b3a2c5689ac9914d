//! Where does this program stand, in a sentence?

use super::gathered::Network;
use super::tables::ratio;
use crate::bench::StepKind;
use crate::report::number::{counted, short};
use crate::stats::geometric_mean;

/// How fast it is beside the best peer of each row, inference and training apart: the geometric mean, and the least row.
/// Nothing where no peer was timed.
pub(super) fn sentence(networks: &[Network]) -> Option<String> {
    let parts = StepKind::ALL.map(|step| part(networks, step));
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => None,
        false => Some(format!(
            "Against the best peer of each row, convcheck is {}.",
            parts.join(", and ")
        )),
    }
}

fn part(networks: &[Network], step: StepKind) -> Option<String> {
    let rows = networks.iter().filter(|network| network.step == step);
    let rows: Vec<_> = rows
        .filter_map(|row| Some((row, row.best.as_ref()?)))
        .collect();
    let ratios: Vec<f64> = rows.iter().map(|(_, best)| best.ratio.median).collect();
    let mean = geometric_mean(&ratios)?;
    let (row, best) = (rows.iter())
        .min_by(|(_, one), (_, other)| one.ratio.median.total_cmp(&other.ratio.median))?;
    Some(format!(
        "{} times as fast in {} (the geometric mean of {}; least {} on {} at batch {}, to {})",
        short(mean),
        step.name(),
        counted(rows.len(), "row"),
        ratio(&best.ratio),
        row.model,
        row.batch,
        best.peer.name(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Best, Engine, Ratio};
    use crate::stats::Interval;

    fn row(model: &str, step: StepKind, best: Option<(Engine, f64)>) -> Network<'_> {
        Network {
            model,
            batch: 8,
            step,
            measured: Default::default(),
            best: best.map(|(peer, median)| Best {
                peer,
                ratio: Ratio {
                    rounds: vec![median, median],
                    median,
                    interval: Interval {
                        low: median / 2.0,
                        high: median * 2.0,
                    },
                },
            }),
        }
    }

    #[test]
    fn a_sentence_says_where_it_stands() {
        use Engine::{Openvino, PytorchCompiled};
        use StepKind::{Inference, Training};
        let rows = [
            row("a", Inference, Some((Openvino, 2.0))),
            row("b", Inference, Some((Openvino, 0.5))),
            row("b", Training, None),
            row("c", Inference, Some((PytorchCompiled, 8.0))),
        ];
        let inference = "2 times as fast in inference (the geometric mean of 3 rows; least 0.5 x (0.25 to 1) on b at batch 8, \
                         to OpenVINO)";
        let said = sentence(&rows).unwrap();
        assert_eq!(
            said,
            format!("Against the best peer of each row, convcheck is {inference}.")
        );
        let both = rows
            .into_iter()
            .chain([row("d", Training, Some((PytorchCompiled, 1.5)))]);
        let said = sentence(&both.collect::<Vec<_>>()).unwrap();
        let training = "1.5 times as fast in training (the geometric mean of 1 row; least 1.5 x (0.75 to 3) on d at batch 8, \
                        to PyTorch compiled)";
        assert!(
            said.ends_with(&format!("{inference}, and {training}.")),
            "{said}"
        );
        assert_eq!(sentence(&[row("a", Training, None)]), None);
    }
}
