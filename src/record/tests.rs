use super::*;
use crate::bench::Timing;
use crate::bench::{Engine, Pass, Resource, StepKind, What};
use crate::claim::Stated;
use crate::train::{Curve, Epoch, Scale, Trained};
use crate::verdict::by_value;

pub(super) fn run(seed: u64, losses: &[f32]) -> Trained {
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
        diverged: None,
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
    assert_eq!(trained(folder.path()), Vec::new());
    let mut runs = vec![run(0, &[2.3, 0.1]), run(1, &[])];
    // as runs of before
    runs[1].network = None;
    add(folder.path(), &runs);
    assert_eq!(trained(folder.path()), runs);
}

/// All runs of a folder.
fn trained(folder: &Path) -> Vec<Trained> {
    load_training(folder).unwrap().whole().unwrap()
}

fn add(folder: &Path, runs: &[Trained]) {
    let all = add_training(folder, runs, &|| true).unwrap();
    assert_eq!(all.damage, []);
}

/// A record grows, in front, and holds a run once; what another process adds meanwhile stays.
#[test]
fn runs_are_added_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = [0, 1, 2].map(|seed| run(seed, &[1.0]));
    add(folder.path(), &[a.clone(), b.clone()]);
    let again = Trained {
        date: "1970-01-02".into(),
        seconds: 9.0,
        ..b.clone()
    };
    add(folder.path(), &[c.clone(), again]);
    assert_eq!(trained(folder.path()), [c.clone(), b.clone(), a.clone()]);
    // another end of the same run is another
    let other = run(1, &[1.5]);
    let mut diverged = run(1, &[f32::INFINITY]);
    add(
        folder.path(),
        &[other.clone(), diverged.clone(), diverged.clone()],
    );
    diverged.curve.losses[0] = f32::NAN;
    add(folder.path(), &[diverged, a.clone()]);
    let seeds: Vec<u64> = trained(folder.path()).iter().map(|run| run.seed).collect();
    assert_eq!(seeds, [1, 0, 1, 1, 2, 1]);
    std::thread::scope(|scope| {
        for seed in 100..116 {
            let folder = folder.path();
            scope.spawn(move || add(folder, &[run(seed, &[1.0])]));
        }
    });
    assert_eq!(trained(folder.path()).len(), 6 + 16);
}

#[test]
fn whoever_holds_the_lock_is_waited_for_until_one_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[run(0, &[1.0])]);
    let lock = std::fs::File::open(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let asked = std::cell::Cell::new(0);
    let goes_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 3
    };
    let error = add_training(folder.path(), &[run(1, &[1.0])], &goes_on).unwrap_err();
    assert!(
        error.to_string().contains("lock: another process"),
        "{error}"
    );
    lock.unlock().unwrap();
    assert_eq!(trained(folder.path()).len(), 1);
}

/// Of a damaged file the good lines stay, and the file as it was beside them.
#[test]
fn a_damaged_file_is_set_aside_before_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(TRAINING);
    for aside in ["training.jsonl.damaged", "training.jsonl.damaged-2"] {
        let _ = std::fs::remove_file(&path);
        add(
            folder.path(),
            &[run(0, &[1.0]), run(1, &[1.0]), run(2, &[1.0])],
        );
        let good = std::fs::read_to_string(&path).unwrap();
        // a digit of a loss, and the end
        let bad = good.replacen("1.0", "1.1", 1);
        let bad = &bad[..bad.len() - 9];
        std::fs::write(&path, bad).unwrap();
        let all = add_training(folder.path(), &[run(3, &[1.0])], &|| true).unwrap();
        assert_eq!(all.good, [run(3, &[1.0]), run(1, &[1.0])]);
        let [changed, cut, kept] = &all.damage[..] else {
            panic!("{:?}", all.damage)
        };
        assert!(
            changed
                .what
                .contains("line 1 is no training run: it was changed"),
            "{changed}"
        );
        assert!(
            cut.what.contains("line 3 is no training run: it is cut"),
            "{cut}"
        );
        assert!(kept.what.contains(aside), "{kept}");
        let kept = std::fs::read_to_string(folder.path().join(aside)).unwrap();
        assert_eq!(kept, bad);
        assert_eq!(trained(folder.path()), all.good);
    }
}

/// A run that diverged can be kept: what was no number is none again.
#[test]
fn diverged_runs_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut diverged = run(0, &[2.3, f32::INFINITY, f32::NAN]);
    diverged.curve.epochs[0].train_loss = f64::NAN;
    add(folder.path(), &[diverged]);
    let curve = &trained(folder.path())[0].curve;
    assert!(curve.losses[1].is_nan() && curve.losses[2].is_nan());
    assert!(curve.epochs[0].train_loss.is_nan());
    assert_eq!(curve.epochs[0].test_error, 0.3);
}

#[test]
fn cut_and_foreign_lines_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), &[run(0, &[1.0]), run(1, &[1.0])]);
    let path = folder.path().join(TRAINING);
    let good = std::fs::read_to_string(&path).unwrap();
    let before = unsealed_lines(&good);
    for (bad, line) in [
        (good[..good.len() - 1].to_string(), 2),
        (good[..good.len() - 20].to_string(), 2),
        (good.replacen("\"seed\":0", "\"seed\":2", 1), 1),
        (good.replacen("\"sum\"", "\"sun\"", 1), 1),
        (before.replacen("\"seed\":0", "\"sed\":0", 1), 1),
        (format!("{good}\n"), 3),
        (format!("{good}{{}}\n"), 3),
    ] {
        std::fs::write(&path, &bad).unwrap();
        let read = load_training(folder.path()).unwrap();
        assert_eq!(read.good.len(), if line == 3 { 2 } else { 1 });
        let error = read.whole().unwrap_err().to_string();
        let wanted = format!("{TRAINING}: line {line} is no training run");
        assert!(error.contains(&wanted), "{error}");
    }
    // lines from before there were checksums are read
    std::fs::write(&path, &before).unwrap();
    assert_eq!(trained(folder.path()).len(), 2);
    // where it is wrong, in the line as it stands there
    std::fs::write(&path, before.replacen("\"seed\":0", "\"seed\":-1", 1)).unwrap();
    let error = load_training(folder.path()).unwrap().whole().unwrap_err();
    let column = before.find("\"seed\":0").unwrap() + "\"seed\":-1".len();
    assert!(
        error.what.ends_with(&format!(", column {column}")),
        "{error}"
    );
    // bytes that are no text
    let bytes: Vec<u8> = [before.as_bytes(), b"\xff\xfe\n"].concat();
    std::fs::write(&path, bytes).unwrap();
    let read = load_training(folder.path()).unwrap();
    assert_eq!((read.good.len(), read.damage.len()), (2, 1));
    // many faults are not as many lines
    std::fs::write(&path, format!("{before}{}", "x\n".repeat(1000))).unwrap();
    let read = load_training(folder.path()).unwrap();
    assert_eq!((read.good.len(), read.damage.len()), (2, 9));
    assert!(read.damage[8].what.contains("992 more"));
}

/// Lines as they were written before they had checksums.
fn unsealed_lines(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| crate::seal::unsealed(line).unwrap() + "\n");
    lines.collect()
}

pub(super) fn timing(round: u32) -> Timing {
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
        cpu_seconds: (round == 2).then_some(0.1),
    }
}

#[test]
fn timings_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load_throughput(folder.path()).unwrap().good, Vec::new());
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
    add_throughput(folder.path(), &timings, &|| true).unwrap();
    let rounds = |n| {
        timings.iter().map(move |timing| Timing {
            round: n,
            ..timing.clone()
        })
    };
    let read = load_throughput(folder.path()).unwrap().whole().unwrap();
    assert_eq!(read, rounds(1).collect::<Vec<_>>());
    // once more, as the next round
    add_throughput(folder.path(), &timings, &|| true).unwrap();
    let read = load_throughput(folder.path()).unwrap().whole().unwrap();
    assert_eq!(read, rounds(1).chain(rounds(2)).collect::<Vec<_>>());
}

#[test]
fn malformed_timings_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    add_throughput(folder.path(), &[timing(1), timing(2)], &|| true).unwrap();
    let path = folder.path().join(THROUGHPUT);
    let good = unsealed_lines(&std::fs::read_to_string(&path).unwrap());
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
        let read = load_throughput(folder.path()).unwrap().whole();
        let error = read.unwrap_err().to_string();
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
    save(folder.path(), &provenance(), &records, &[]).unwrap();
    assert_eq!(records_of(folder.path()), records);
    // what is not finite is the same again
    let series = Datum::List(vec![Datum::Float(f64::NAN), Datum::Float(f64::INFINITY)]);
    let records = vec![checked(vec![call(series)])];
    save(folder.path(), &provenance(), &records, &[]).unwrap();
    assert_eq!(records_of(folder.path()), records);
}

/// The records of a folder with no damage.
fn records_of(folder: &Path) -> Vec<Record> {
    let found = load(folder).unwrap();
    assert_eq!(found.damage, []);
    found.records
}

/// Whatever a measure finds can be recorded and read again, at the deepest too.
#[test]
fn values_that_are_not_finite_come_back_with_their_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let mut deep = Datum::Float(f64::NEG_INFINITY);
    for _ in 0..crate::claim::MOST_LEVELS {
        deep = Datum::List(vec![deep]);
    }
    let float = Datum::Float;
    for found in [
        float(f64::NAN),
        float(f64::INFINITY),
        Datum::List(vec![float(f64::NAN), Datum::Int(1)]),
        Datum::List(vec![Datum::List(vec![float(f64::INFINITY)])]),
        deep,
    ] {
        // lists are stated as deep
        let stated = serde_json::to_string(&found).unwrap();
        let stated = stated
            .replace(r#"{"float":"NaN"}"#, "1")
            .replace(r#"{"float":"inf"}"#, "1");
        let stated = stated.replace(r#"{"float":"-inf"}"#, "1");
        let stated: Datum = serde_json::from_str(&stated).unwrap();
        let verdict = by_value(&Stated::shortest(&stated), Tolerance::About, &found).unwrap();
        assert_eq!(verdict.kind(), Kind::Inconclusive, "{found}");
        let number = Stated::shortest(&Datum::Int(1));
        let verdict = by_value(&number, Tolerance::Exact, &found).unwrap();
        assert_eq!(verdict.kind(), Kind::Inconclusive, "{found}");
        let call = Call {
            function: "f".into(),
            arguments: vec![found.clone()],
            value: found.clone(),
        };
        let record = Record {
            stated: Some(stated),
            found: Some(found.clone()),
            recorded_found: Some(found),
            verdict: Kind::Inconclusive,
            ..checked(vec![call])
        };
        assert_eq!(record.standing(), Standing::Unrecorded);
        let records = vec![record];
        save(folder.path(), &provenance(), &records, &[]).unwrap();
        assert_eq!(records_of(folder.path()), records);
    }
}

/// A verdict is what its own record comes to, whether somebody made a checksum for another or not.
#[test]
fn verdicts_that_do_not_follow_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(EVIDENCE);
    let good = checked(Vec::new());
    let with = |change: &dyn Fn(&mut Record)| {
        let mut record = good.clone();
        change(&mut record);
        record
    };
    for (record, says) in [
        (
            with(&|r| r.found = Some(Datum::Int(2))),
            "is refuted: 2 was found where 1 is stated",
        ),
        (with(&|r| r.verdict = Kind::Refuted), "is confirmed"),
        (with(&|r| r.verdict = Kind::Inconclusive), "is confirmed"),
        (with(&|r| r.verdict = Kind::Cited), "is confirmed"),
        (
            with(&|r| {
                r.stated = Some(Datum::Bool(true));
                r.found = Some(Datum::Bool(false));
            }),
            "is recorded as confirmed, and is refuted: false was found where true is stated",
        ),
        (with(&|r| r.found = Some("1".into())), "cannot be judged"),
        (with(&|r| r.found = None), "no value"),
        (with(&|r| r.stated = None), "no stated value"),
        (with(&|r| r.tolerance = None), "no tolerance"),
        (with(&|r| r.measure = None), "cites nothing"),
        (
            with(&|r| {
                r.measure = None;
                r.trial = Some(Trial {
                    experiment: "e".into(),
                    scale: Scale::Quick,
                    questions: vec!["q".into()],
                });
            }),
            "has no answers",
        ),
        (
            with(&|r| {
                r.tolerance = Some(Tolerance::Printed);
                r.stated = Some(Datum::Float(1.5));
                r.found = Some(Datum::Float(1.7));
                r.digest = None;
            }),
            "is refuted",
        ),
    ] {
        save(folder.path(), &provenance(), &[record], &[]).unwrap();
        let sealed = std::fs::read_to_string(&path).unwrap();
        for text in [unsealed_lines(&sealed), sealed] {
            std::fs::write(&path, text).unwrap();
            let found = load(folder.path()).unwrap();
            let [error] = &found.damage[..] else {
                panic!("{says}: {found:?}")
            };
            assert!(
                error.what.starts_with("line 1, `s.a`: ") && error.what.contains(says),
                "{error}"
            );
            assert_eq!(found.records, []);
        }
    }
    for record in [
        with(&|r| r.found = Some(Datum::Float(1.0))),
        with(&|r| {
            r.verdict = Kind::Untested;
            (r.found, r.method) = (None, None);
        }),
        with(&|r| {
            r.verdict = Kind::Cited;
            (r.measure, r.stated, r.tolerance, r.found) = (None, None, None, None);
        }),
        // an infinite value, as records from before have it
        with(&|r| {
            r.verdict = Kind::Refuted;
            r.found = None;
        }),
        // printed as 1.50, which its digest says and nothing else
        with(&|r| {
            r.tolerance = Some(Tolerance::Printed);
            r.verdict = Kind::Refuted;
            r.stated = Some(Datum::Float(1.5));
            r.found = Some(Datum::Float(1.51));
        }),
    ] {
        save(
            folder.path(),
            &provenance(),
            std::slice::from_ref(&record),
            &[],
        )
        .unwrap();
        assert_eq!(records_of(folder.path()), [record]);
    }
}

#[test]
fn records_that_are_lost_or_there_twice_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["s.a", "s.b", "s.c"].map(|id| Record {
        id: id.into(),
        ..checked(Vec::new())
    });
    let failed = ["s.d".to_string()];
    save(folder.path(), &provenance(), &[a, b, c], &failed).unwrap();
    let found = load(folder.path()).unwrap();
    assert_eq!(
        (found.unjudged, found.provenance),
        (failed.to_vec(), Some(provenance()))
    );
    let path = folder.path().join(EVIDENCE);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (lines, says) in [
        (
            vec![lines[0], lines[2]],
            "it has 2 lines, and machine.toml says that 3 claims have one",
        ),
        (
            vec![lines[0], lines[1], lines[1]],
            "line 3, `s.b`: a line before it",
        ),
        (vec![], "0 lines"),
    ] {
        std::fs::write(
            &path,
            lines
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        )
        .unwrap();
        let damage = load(folder.path()).unwrap().damage;
        assert!(
            damage.len() == 1 && damage[0].what.contains(says),
            "{damage:?}"
        );
    }
    // records from before say nothing of how many there are
    let machine = folder.path().join(MACHINE);
    let before = toml::to_string(&provenance()).unwrap();
    std::fs::write(machine, before).unwrap();
    assert_eq!(records_of(folder.path()), []);
}

/// Records from before calls were data, with lines of text in their stead, can be read and written again.
#[test]
fn records_with_lines_of_text_come_back() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), &provenance(), &[checked(Vec::new())], &[]).unwrap();
    let path = folder.path().join(EVIDENCE);
    let now = unsealed_lines(&std::fs::read_to_string(&path).unwrap());
    let before = now.replacen(r#""calls":[]"#, r#""steps":["params('m') = 34,944"]"#, 1);
    assert_ne!(before, now);
    std::fs::write(&path, before).unwrap();
    let read = records_of(folder.path());
    assert_eq!(read[0].steps, ["params('m') = 34,944"]);
    save(folder.path(), &provenance(), &read, &[]).unwrap();
    assert_eq!(records_of(folder.path()), read);
}

/// A folder may record a part only; what a check has lost is damage.
#[test]
fn parts_of_a_record_are_read() {
    let (all, none) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = all.path();
    let error = load_all(none.path()).unwrap_err().to_string();
    assert!(error.contains("records nothing: it has neither"), "{error}");
    let error = load_all(&none.path().join("nowhere")).unwrap_err();
    assert!(error.what.contains("cannot read the folder"), "{error}");
    add_throughput(folder, &[timing(1)], &|| true).unwrap();
    let held = load_all(folder).unwrap();
    assert_eq!((held.timings.len(), held.damage), (1, Vec::new()));
    assert!(!held.findings.are_of_a_check());
    add(folder, &[run(0, &[1.0])]);
    let held = load_all(folder).unwrap();
    assert_eq!((held.runs.len(), held.damage), (1, Vec::new()));
    assert!(!held.findings.are_of_a_check());
    let records = [checked(Vec::new())];
    for (lost, found, made) in [(MACHINE, 1, None), (EVIDENCE, 0, Some(provenance()))] {
        save(folder, &provenance(), &records, &[]).unwrap();
        assert_eq!(load_all(folder).unwrap().damage, []);
        std::fs::remove_file(folder.join(lost)).unwrap();
        let held = load_all(folder).unwrap();
        assert!(held.findings.are_of_a_check());
        assert_eq!(held.findings.records.len(), found);
        assert_eq!(held.findings.provenance, made);
        let [damage] = &held.damage[..] else {
            panic!("{:?}", held.damage)
        };
        assert_eq!(damage.path, folder.join(lost));
        assert!(damage.what.starts_with("is not there"), "{damage}");
    }
}
