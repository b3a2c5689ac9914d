use super::*;
use crate::bench::{Engine, Pass, Resource, StepKind, What};
use crate::train::{Curve, Epoch, Scale};

fn run(seed: u64, losses: &[f32]) -> Trained {
    Trained {
        experiment: "degradation".into(),
        scale: Scale::Quick,
        arm: "plain-20".into(),
        seed,
        model: "m".into(),
        recipe: "r".into(),
        network: Some("n".into()),
        data: "d".into(),
        commit: None,
        begun_by: Vec::new(),
        backend: "cpu-f32".into(),
        machine: "a machine\nof two lines".into(),
        date: "1970-01-01".into(),
        seconds: 0.1,
        curve: Curve {
            losses: losses.to_vec(),
            epochs: vec![Epoch {
                train_loss: 1.0 / 3.0,
                train_error: 0.1,
                test_loss: 2.0,
                test_error: 0.3,
                validation_error: None,
            }],
        },
    }
}

#[test]
fn runs_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load_training(folder.path()).unwrap(), Vec::new());
    let mut runs = vec![run(0, &[2.3, 0.1]), run(1, &[])];
    // as runs of before
    runs[1].network = None;
    save_training(folder.path(), &runs).unwrap();
    assert_eq!(load_training(folder.path()).unwrap(), runs);
}

/// A run that diverged can be kept: what was no number is none again.
#[test]
fn diverged_runs_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut diverged = run(0, &[2.3, f32::INFINITY, f32::NAN]);
    diverged.curve.epochs[0].train_loss = f64::NAN;
    save_training(folder.path(), &[diverged]).unwrap();
    let curve = &load_training(folder.path()).unwrap()[0].curve;
    assert!(curve.losses[1].is_nan() && curve.losses[2].is_nan());
    assert!(curve.epochs[0].train_loss.is_nan());
    assert_eq!(curve.epochs[0].test_error, 0.3);
}

#[test]
fn cut_and_foreign_lines_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    save_training(folder.path(), &[run(0, &[1.0]), run(1, &[1.0])]).unwrap();
    let path = folder.path().join(TRAINING);
    let good = std::fs::read_to_string(&path).unwrap();
    for (bad, line) in [
        (good[..good.len() - 1].to_string(), 2),
        (good[..good.len() - 20].to_string(), 2),
        (good.replacen("\"seed\":0", "\"sed\":0", 1), 1),
        (format!("{good}\n"), 3),
        (format!("{good}{{}}\n"), 3),
    ] {
        std::fs::write(&path, &bad).unwrap();
        let error = load_training(folder.path()).unwrap_err().to_string();
        let wanted = format!("{TRAINING}: line {line} is no training run");
        assert!(error.contains(&wanted), "{error}");
    }
}

fn timing(round: u32) -> Timing {
    Timing {
        engine: Engine::Pytorch,
        version: "1".into(),
        what: What::Kernel {
            name: "conv".into(),
            pass: Pass::InputGradient,
            flop: u64::MAX,
            bytes: 0,
        },
        dtype: "f32".into(),
        threads: 2,
        round,
        machine: "a machine\nof two lines".into(),
        date: "1970-01-01".into(),
        seconds: vec![1.0 / 3.0, 1e-9],
    }
}

#[test]
fn timings_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load_throughput(folder.path()).unwrap(), Vec::new());
    let network = What::Network {
        model: "m".into(),
        batch: 1,
        step: StepKind::Training,
    };
    let peak = What::Peak {
        of: Resource::Memory,
        work: 1,
    };
    let of = |what| Timing { what, ..timing(2) };
    let timings = vec![timing(1), of(network), of(peak)];
    save_throughput(folder.path(), &timings).unwrap();
    assert_eq!(load_throughput(folder.path()).unwrap(), timings);
}

#[test]
fn malformed_timings_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    save_throughput(folder.path(), &[timing(1), timing(2)]).unwrap();
    let path = folder.path().join(THROUGHPUT);
    let good = std::fs::read_to_string(&path).unwrap();
    for (bad, line) in [
        (good[..good.len() - 1].to_string(), 2),
        (good[..good.len() - 20].to_string(), 2),
        (good.replacen("\"flop\"", "\"flops\"", 1), 1),
        (good.replacen("pytorch", "pytroch", 1), 1),
        (good.replacen("\"kernel\"", "\"kernels\"", 1), 1),
        (good.replacen("\"round\":2", "\"round\":-2", 1), 2),
        (good.replacen("1e-9", "0.0", 1), 1),
        (good.replacen("1e-9", "-1.0", 1), 1),
        (good.replacen("[0.3333333333333333,1e-9]", "[]", 1), 1),
        (format!("{good}\n"), 3),
    ] {
        assert_ne!(bad, good);
        std::fs::write(&path, &bad).unwrap();
        let error = load_throughput(folder.path()).unwrap_err().to_string();
        let wanted = format!("{THROUGHPUT}: line {line} is no timing");
        assert!(error.contains(&wanted), "{error}");
    }
}

fn checked(calls: Vec<Call>) -> Record {
    Record {
        id: "s.a".into(),
        digest: Some("d".into()),
        means: Some("e".into()),
        system: "s".into(),
        section: None,
        line: None,
        says: "A.".into(),
        topic: None,
        stated: Some(Datum::Int(1)),
        measure: Some("m".into()),
        tolerance: Some(Tolerance::Exact),
        trial: None,
        method: Some(Method::Run),
        found: Some(Datum::Int(1)),
        calls,
        steps: Vec::new(),
        verdict: Kind::Confirmed,
        because: None,
        recorded: None,
        recorded_found: None,
        covers: Vec::new(),
        note: None,
        answers: Vec::new(),
    }
}

fn provenance() -> Provenance {
    Provenance {
        command: "convcheck".into(),
        version: "0".into(),
        commit: None,
        date: "1970-01-01".into(),
        machine: "a machine".into(),
    }
}

#[test]
fn calls_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let call = |value| Call {
        function: "f".into(),
        arguments: vec!["it's".into(), Datum::Int(i64::MIN), Datum::Float(2.0)],
        value,
    };
    let list = Datum::List(vec![Datum::Bool(true), Datum::Float(1.0 / 3.0)]);
    let records = vec![checked(vec![call(list), call(Datum::Int(2))])];
    save(folder.path(), &provenance(), &records).unwrap();
    assert_eq!(load(folder.path()).unwrap().1, records);
    // what is no number is none again
    let series = Datum::List(vec![Datum::Float(f64::NAN), Datum::Float(f64::INFINITY)]);
    let records = vec![checked(vec![call(series)])];
    save(folder.path(), &provenance(), &records).unwrap();
    let read = load(folder.path()).unwrap().1;
    assert_eq!(read[0].calls[0].value.to_string(), "[NaN, NaN]");
}

/// Records from before calls were data, with lines of text in their stead, can be read and written again.
#[test]
fn records_with_lines_of_text_come_back() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), &provenance(), &[checked(Vec::new())]).unwrap();
    let path = folder.path().join(EVIDENCE);
    let now = std::fs::read_to_string(&path).unwrap();
    let before = now.replacen(r#""calls":[]"#, r#""steps":["params('m') = 34,944"]"#, 1);
    assert_ne!(before, now);
    std::fs::write(&path, before).unwrap();
    let (_, read) = load(folder.path()).unwrap();
    assert_eq!(read[0].steps, ["params('m') = 34,944"]);
    save(folder.path(), &provenance(), &read).unwrap();
    assert_eq!(load(folder.path()).unwrap().1, read);
}
