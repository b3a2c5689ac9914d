//! Where does this program stand, in a sentence?

use super::gathered::Network;
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
    let is_timed = |i: usize| rows.iter().any(|(row, _)| row.measured[i].is_some());
    let lacks =
        |row: &Network| (0..row.measured.len()).any(|i| is_timed(i) && row.measured[i].is_none());
    let lacking = rows.iter().filter(|(row, _)| lacks(row)).count();
    let lacking = match lacking {
        0 => String::new(),
        n => format!(", {n} of them without some of the peers"),
    };
    Some(format!(
        "{} times as fast in {} (the geometric mean of {}{lacking}; least {} times, on {} at batch {}, to {})",
        short(mean),
        step.name(),
        counted(rows.len(), "row"),
        short(best.ratio.median),
        row.model,
        row.batch,
        best.peer.name(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Best, Engine, Ratio};
    use crate::report::speed::gathered::{ENGINES, Measured};
    use crate::stats::Interval;

    /// A row that its best peer timed, and others.
    fn row<'a>(
        model: &'a str,
        step: StepKind,
        best: Option<(Engine, f64)>,
        others: &[Engine],
    ) -> Network<'a> {
        let measured = ENGINES.map(|engine| {
            let is_best = best.is_some_and(|(peer, _)| peer == engine);
            (is_best || others.contains(&engine)).then_some(Measured {
                median: 1.0,
                low: 1.0,
                high: 1.0,
                cpu: None,
            })
        });
        Network {
            model,
            batch: 8,
            step,
            measured,
            best: best.map(|(peer, median)| Best {
                peer,
                ratio: Ratio {
                    rounds: vec![median],
                    median,
                    interval: Interval {
                        low: median,
                        high: median,
                    },
                },
            }),
        }
    }

    #[test]
    fn a_sentence_says_where_it_stands() {
        use Engine::{Candle, Openvino, PytorchCompiled};
        use StepKind::{Inference, Training};
        let rows = [
            row("a", Inference, Some((Openvino, 2.0)), &[PytorchCompiled]),
            row("b", Inference, Some((Openvino, 0.5)), &[PytorchCompiled]),
            row("b", Training, None, &[]),
            row("c", Inference, Some((PytorchCompiled, 8.0)), &[Openvino]),
        ];
        let inference = "2 times as fast in inference (the geometric mean of 3 rows; least 0.5 times, on b at batch 8, to OpenVINO)";
        let said = sentence(&rows).unwrap();
        assert_eq!(
            said,
            format!("Against the best peer of each row, convcheck is {inference}.")
        );
        // candle took part in one row of two
        let more = [
            row("d", Training, Some((PytorchCompiled, 1.5)), &[]),
            row("e", Training, Some((PytorchCompiled, 1.5)), &[Candle]),
        ];
        let both = rows.into_iter().chain(more);
        let said = sentence(&both.collect::<Vec<_>>()).unwrap();
        let training = "1.5 times as fast in training (the geometric mean of 2 rows, 1 of them without some of the peers; least 1.5 \
                        times, on d at batch 8, to PyTorch compiled)";
        assert!(
            said.ends_with(&format!("{inference}, and {training}.")),
            "{said}"
        );
        assert_eq!(sentence(&[row("a", Training, None, &[])]), None);
    }
}
