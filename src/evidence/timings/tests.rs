//! Measures over recorded timings.

use super::*;
use crate::bench::Samples;
use crate::claim::Datum;
use crate::evidence::{Evaluator, Evidence};
use crate::zoo::Registry;

const WHAT: (&str, usize, StepKind) = ("resnet18", 8, StepKind::Inference);

/// What an engine took in a round, on so many threads.
fn timing(
    engine: Engine,
    round: u32,
    threads: usize,
    (model, batch, step): (&str, usize, StepKind),
    seconds: &[f64],
) -> Timing {
    let what = What::Network {
        model: model.into(),
        batch,
        step,
    };
    let samples = Samples {
        seconds: seconds.to_vec(),
        cpu_seconds: None,
    };
    Timing {
        round,
        threads,
        ..Timing::new(
            (engine, "1"),
            ("A machine, AVX2", "1970-01-01"),
            what,
            samples,
        )
    }
}

fn evaluator() -> Evaluator {
    use Engine::{Convcheck, Openvino, Pytorch};
    let (other, classes) = ("resnet50", "resnet18{classes=10}");
    let a = vec![
        timing(Convcheck, 1, 1, WHAT, &[0.010, 0.020]),
        timing(Pytorch, 1, 1, WHAT, &[0.030]),
        timing(Openvino, 1, 1, WHAT, &[0.045]),
        timing(Convcheck, 2, 1, WHAT, &[0.040]),
        timing(Pytorch, 2, 1, WHAT, &[0.060]),
        timing(Convcheck, 1, 1, (classes, 8, StepKind::Inference), &[0.5]),
        timing(Convcheck, 1, 1, (other, 1, StepKind::Inference), &[0.2]),
        timing(Pytorch, 1, 1, (other, 1, StepKind::Inference), &[0.1]),
        timing(Convcheck, 1, 1, (other, 1, StepKind::Training), &[1.0]),
        timing(Convcheck, 1, 2, (other, 1, StepKind::Training), &[0.5]),
        // no turn of convcheck's
        timing(Pytorch, 7, 1, (other, 1, StepKind::Training), &[1.0]),
    ];
    let folder = |path: &str, timings: &[Timing]| TimedFolder {
        folder: path.into(),
        timings: timings.to_vec(),
    };
    let folders = vec![
        folder("/reports/a", &a),
        folder("/x/twice", &a[..1]),
        folder("/y/twice", &a[1..2]),
    ];
    Evaluator::with_timings(&Registry::builtin(), Timings::new(folders))
}

#[test]
fn medians_and_ratios_are_those_of_the_record() {
    let evaluator = evaluator();
    for (measure, value) in [
        // of the samples of both rounds
        (
            "step_ms('resnet18', 8, 'inference', 'convcheck', 'a')",
            20.0,
        ),
        ("step_ms('resnet18', 8, 'inference', 'PyTorch', 'a')", 45.0),
        // however it is spelt
        (
            "step_ms('resnet18{ classes = 10 }', 8, 'inference', 'convcheck', 'a')",
            500.0,
        ),
        (
            "step_ms('resnet50', 1, 'training', 'convcheck', 'a', '2 threads')",
            500.0,
        ),
        (
            "step_ms('resnet50', 1, 'training', 'convcheck', 'a', 'AVX2, f32, 1 thread')",
            1000.0,
        ),
        // the median of the rounds: 30 / 15 and 60 / 40
        ("speedup('resnet18', 8, 'inference', 'PyTorch', 'a')", 1.75),
        ("speedup('resnet18', 8, 'inference', 'OpenVINO', 'a')", 3.0),
        (
            "speedup('resnet18', 8, 'inference', 'best peer', 'a')",
            1.75,
        ),
        ("speedup('resnet50', 1, 'inference', 'best peer', 'a')", 0.5),
        ("smallest(speedups('inference', 'a'))", 0.5),
        (
            "geometric_mean(speedups('inference', 'a'))",
            0.875_f64.sqrt(),
        ),
    ] {
        let evidence = evaluator.evaluate(measure, false).unwrap();
        let Evidence::Timed(found) = evidence else {
            panic!("{measure}: {evidence:?}")
        };
        let Datum::Float(x) = found.value else {
            panic!("{measure} is a number")
        };
        assert!((x / value - 1.0).abs() < 1e-12, "{measure}: {x}");
        assert_eq!(found.calls.len(), 1);
    }
    let both = "speedups('inference', 'a') == [1.75, 0.5]";
    let found = evaluator.evaluate(both, false).unwrap();
    assert_eq!(found.found().unwrap().value, Datum::Bool(true));
}

#[test]
fn what_a_record_does_not_have_is_one_line_that_says_what_it_has() {
    let evaluator = evaluator();
    for (measure, says) in [
        (
            "step_ms('resnet81', 8, 'inference', 'convcheck', 'a')",
            "record `a` has no timing of `resnet81`; there is one of resnet18, ",
        ),
        (
            "step_ms('resnet18', 4, 'inference', 'convcheck', 'a')",
            "at batch `4`; there is one at batch 8",
        ),
        (
            "step_ms('resnet18', 8, 'predicting', 'convcheck', 'a')",
            "in `predicting`; there is one in inference",
        ),
        (
            "step_ms('resnet18', 8, 'inference', 'Pytorch', 'a')",
            "by `Pytorch`; there is one by convcheck, PyTorch, OpenVINO",
        ),
        (
            "step_ms('resnet50', 1, 'training', 'convcheck', 'a')",
            "by some of its words: `f32, 1 thread, A machine, AVX2`, `f32, 2 threads,",
        ),
        (
            "step_ms('resnet50', 1, 'training', 'convcheck', 'a', 'bf16')",
            "on `bf16`; there is `f32, 1 thread",
        ),
        (
            "step_ms('resnet50', 1, 'training', 'convcheck', 'twice')",
            "several records are called `twice`: /x/twice, /y/twice",
        ),
        (
            "step_ms('resnet50', -1, 'training', 'convcheck', 'a')",
            "size",
        ),
        (
            "speedup('resnet18', 8, 'inference', 'convcheck', 'a')",
            "by the peer `convcheck`; there is one by the peer PyTorch, OpenVINO",
        ),
        (
            "speedup('resnet50', 1, 'training', 'PyTorch', 'a')",
            "in a round in which both",
        ),
        (
            "speedup('resnet50', 1, 'training', 'best peer', 'a')",
            "in a round in which both",
        ),
        ("speedups('training', 'a')", "in a round in which both"),
        (
            "speedups('train', 'a')",
            "there is one of inference, training",
        ),
        ("geometric_mean([])", "empty"),
        ("geometric_mean([1.0, 0.0])", "0 is not positive"),
        // looking at lines is counted
        (
            "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, [0,1,2,3,4,5,6,7,8,9].all(e, size(speedups('inference', 'a')) == 2)))))",
            "steps",
        ),
    ] {
        let error = evaluator.evaluate(measure, false).unwrap_err();
        assert!(error.contains(says), "{measure}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

/// Nobody but those who have the record can say whether the claim holds, whatever operators make of the error.
#[test]
fn a_record_that_is_not_there_is_a_lack() {
    for measure in [
        "step_ms('resnet18', 8, 'inference', 'convcheck', 'b')",
        "speedup('resnet18', 8, 'inference', 'best peer', 'b') > 1.0 || true",
        "speedups('inference', 'b')",
    ] {
        let found = evaluator().evaluate(measure, false);
        let Ok(Evidence::Lacking(what)) = &found else {
            panic!("{measure}: {found:?}")
        };
        assert!(what.contains("a record `b` with timings"), "{what}");
    }
}
