use super::*;
use crate::experiment::{
    By, DataSets, Existing, Experiment, Keep, Plan, PreparedExperiment, ProgressEvent,
};
use crate::train::{Backend, Batch, Scale, State as Weights, Step, StepMetrics, Task};
use crate::zoo::Registry;
use candle_core::{DType, Device, Tensor};
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Two arms of three steps.
const TEXT: &str = r#"
name = "e"
title = "t"
source = "s"
recipe = { data = "digits", images = 60, epochs = 1, batch = 20, optimizer = { sgd = { rate = 0.1 } } }
quick = { seeds = 2 }
[[arm]]
name = "a"
title = "a"
recipe = { model = "resnet20_digits{depth=8}" }
[[arm]]
name = "b"
title = "b"
recipe = { model = "plain20_digits{depth=8}" }
"#;

fn experiment(name: &str) -> Experiment {
    let text = TEXT.replace("\"e\"", &format!("\"{name}\""));
    crate::experiment::parse(Path::new("e.toml"), &text, &Registry::builtin()).unwrap()
}

/// An engine that computes nothing, takes so many runs at once, and has room for fewer.
struct Slots {
    at_once: usize,
    room: usize,
    taken: AtomicUsize,
    most: AtomicUsize,
    /// At this step of any run the device fails.
    fails: Option<u64>,
}

fn slots(at_once: usize, room: usize) -> &'static Slots {
    // as long as the tests run
    Box::leak(Box::new(Slots {
        at_once,
        room,
        taken: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        fails: None,
    }))
}

struct Slot(&'static Slots, Weights, Vec<StepMetrics>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Engine for &'static Slots {
    type Backend = Slot;

    fn name(&self) -> &'static str {
        "slots"
    }

    fn at_once(&self, _: Scale) -> usize {
        self.at_once
    }

    fn start(&self, _: &Task, state: Weights) -> Result<Slot, TrainError> {
        let taken = self.taken.fetch_add(1, Ordering::SeqCst) + 1;
        let slot = Slot(self, state, Vec::new());
        if taken > self.room {
            // the others go on meanwhile
            std::thread::sleep(Duration::from_millis(5));
            return Err(TrainError::NoRoom("full".into()));
        }
        self.most.fetch_max(taken, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        Ok(slot)
    }
}

impl Backend for Slot {
    type Collated = ();

    fn collate(_: &Task, _: &Batch) -> Result<(), TrainError> {
        Ok(())
    }

    fn step(&mut self, _: &Task, (): &(), labels: &[usize], step: Step) -> Result<(), TrainError> {
        if self.0.fails == Some(step.number) {
            return Err(TrainError::Device("it is gone".into()));
        }
        self.2.push(StepMetrics {
            images: labels.len(),
            loss: step.key.uniform(0),
            right: labels.len() / 2,
        });
        Ok(())
    }

    fn outcomes(&mut self, _: bool) -> Result<Vec<StepMetrics>, TrainError> {
        Ok(std::mem::take(&mut self.2))
    }

    fn scores(&mut self, _: &Task, batch: &Batch) -> Result<Tensor, TrainError> {
        let zeros = Tensor::zeros((batch.images.len(), 10), DType::F32, &Device::Cpu);
        zeros.map_err(|error| TrainError::Device(error.to_string()))
    }

    fn state(&mut self) -> Result<Weights, TrainError> {
        Ok(self.1.clone())
    }
}

fn by() -> By {
    By {
        commit: None,
        machine: "m".into(),
        date: "1970-01-01".into(),
    }
}

fn keep(folder: &Path, existing: Existing) -> Keep<'_> {
    Keep {
        folder,
        recorded: &[],
        existing,
        every: Duration::ZERO,
    }
}

/// Trains both arms under both seeds, and what was said.
fn trained(
    experiment: &Experiment,
    engine: &'static Slots,
    keep: Keep,
    on_step: OnStep,
) -> (Done, Vec<String>) {
    let by = by();
    let plan = Plan {
        experiment,
        scale: Scale::Quick,
        arms: &[],
        seeds: vec![0, 1],
        keep: Some(keep),
        by: &by,
    };
    let ready = PreparedExperiment::new(plan, &mut DataSets::new(None)).unwrap();
    let jobs: Vec<Job> = ready.jobs().collect();
    let said = Mutex::new(Vec::new());
    let say = |notice: Notice| said.lock().unwrap().push(notice.to_string());
    let done = train_all(&engine, &jobs, &say, on_step);
    (done, said.into_inner().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_queue_of_two_experiments_goes_side_by_side_in_its_order() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let experiments = [experiment("e"), experiment("f")];
    let (by, mut data, only) = (by(), DataSets::new(None), ["b".to_string()]);
    let mut prepare = |i: usize| {
        let plan = Plan {
            experiment: &experiments[i],
            scale: Scale::Quick,
            arms: &only,
            seeds: vec![3, 1],
            keep: Some(keep(folders[i].path(), Existing::Refused)),
            by: &by,
        };
        PreparedExperiment::new(plan, &mut data).unwrap()
    };
    let ready = [prepare(0), prepare(1)];
    // those of the second come first, and of each the later seed
    let jobs: Vec<Job> = ready
        .iter()
        .rev()
        .flat_map(PreparedExperiment::jobs)
        .collect();
    let written = Mutex::new(Vec::new());
    let on_step = |event: ProgressEvent| {
        assert_eq!(event.steps, 3);
        let place = (
            event.experiment.to_string(),
            event.arm.to_string(),
            event.seed,
        );
        written.lock().unwrap().push((place, event.progress.step));
        true
    };
    let engine = slots(3, 3);
    let done = train_all(&engine, &jobs, &|notice| panic!("{notice}"), &on_step);
    assert!(done.fault.is_none());
    let of = |run: &Trained| (run.experiment.clone(), run.seed);
    let found: Vec<_> = done.runs.iter().map(of).collect();
    let expected = [("f", 3), ("f", 1), ("e", 3), ("e", 1)];
    assert_eq!(found, expected.map(|(name, seed)| (name.to_string(), seed)));
    assert_eq!(engine.most.load(Ordering::SeqCst), 3);
    for folder in &folders {
        let all = ["b-1.json", "b-1.jsonl", "b-3.json", "b-3.jsonl"];
        assert_eq!(names(folder.path()), all);
    }
    let steps = written.into_inner().unwrap();
    for (name, seed) in expected {
        let of_run = |((experiment, arm, of), _): &&((String, String, u64), u64)| {
            (&**experiment, &**arm, *of) == (name, "b", seed)
        };
        let last = steps.iter().filter(of_run).map(|(_, step)| *step).max();
        assert_eq!(last, Some(3));
    }
}

#[test]
fn fewer_go_at_once_where_there_is_no_room() {
    for (room, most_said) in [(1, 3), (2, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let engine = slots(4, room);
        let keep = keep(folder.path(), Existing::Refused);
        let (done, said) = trained(&experiment("e"), engine, keep, &|_| true);
        assert!(done.fault.is_none(), "{:?}", done.fault);
        assert_eq!(done.runs.len(), 4);
        assert!((1..=most_said).contains(&said.len()), "{said:?}");
        assert!(said[0].contains("full; from now on"), "{said:?}");
    }
    // alone there is no room either
    let folder = tempfile::tempdir().unwrap();
    let keep = keep(folder.path(), Existing::Refused);
    let (done, _) = trained(&experiment("e"), slots(4, 0), keep, &|_| true);
    let fault = done.fault.unwrap();
    assert!(
        !fault.passes() && fault.to_string().contains("full"),
        "{fault}"
    );
}

#[test]
fn what_another_process_trains_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let lock = crate::file::open_lock(&folder.path().join("b-0.lock")).unwrap();
    lock.try_lock().unwrap();
    let experiment = experiment("e");
    let go_on = keep(folder.path(), Existing::GoOn);
    let (done, _) = trained(&experiment, slots(2, 2), go_on, &|_| true);
    assert_eq!(done.runs.len(), 3);
    let fault = done.fault.unwrap();
    assert!(
        fault.passes() && fault.to_string().contains("b-0.lock"),
        "{fault}"
    );
    drop(lock);
    // what a killed process left half-written of it goes with its lock
    std::fs::write(folder.path().join(".convcheck-b-0.json-x1"), "").unwrap();
    let (done, _) = trained(&experiment, slots(2, 2), go_on, &|_| true);
    assert!(done.fault.is_none());
    assert_eq!((done.runs.len(), names(folder.path()).len()), (4, 8));
}

#[test]
fn runs_that_are_there_are_refused_gone_on_with_or_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let (one, mut other) = (experiment("e"), experiment("e"));
    for arm in &mut other.arms {
        arm.recipes.get_mut(&Scale::Quick).unwrap().batch = 30;
    }
    let with = |experiment: &Experiment, existing| {
        trained(
            experiment,
            slots(1, 1),
            keep(folder.path(), existing),
            &|_| true,
        )
        .0
    };
    let runs = with(&one, Existing::Refused).runs;
    let fault = with(&one, Existing::Refused).fault.unwrap();
    assert!(fault.to_string().contains("--resume"), "{fault}");
    assert_eq!(with(&one, Existing::GoOn).runs, runs);
    let fault = with(&other, Existing::GoOn).fault.unwrap();
    assert!(fault.to_string().contains("another recipe"), "{fault}");
    let done = with(&other, Existing::MakeRoom);
    assert!(done.fault.is_none() && done.runs[0].recipe != runs[0].recipe);
    for name in ["a-0.json", "a-0.older.json"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    // and so does a snapshot
    let left = AtomicUsize::new(1);
    let stops = |_: ProgressEvent| left.fetch_sub(1, Ordering::SeqCst) > 1;
    std::fs::remove_file(folder.path().join("a-0.json")).unwrap();
    let go_on = keep(folder.path(), Existing::GoOn);
    let (done, _) = trained(&other, slots(1, 1), go_on, &stops);
    assert!(done.fault.unwrap().is_stop() && done.runs.is_empty());
    let done = with(&one, Existing::MakeRoom);
    assert!(done.fault.is_none() && folder.path().join("a-0.older.snapshot").exists());
}

/// A run is done that a record holds, be its file away or damaged; one that its own recipe contradicts is not.
#[test]
fn what_a_record_holds_is_not_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let one = experiment("e");
    let refused = keep(folder.path(), Existing::Refused);
    let mut runs = trained(&one, slots(1, 1), refused, &|_| true).0.runs;
    let file = |name: &str| folder.path().join(name);
    let go_on = |recorded: &[Trained]| {
        let keep = Keep {
            recorded,
            ..keep(folder.path(), Existing::GoOn)
        };
        let taken = AtomicUsize::new(0);
        let on_step = |event: ProgressEvent| {
            let is_now = usize::from(event.progress.images > 0);
            taken.fetch_add(is_now, Ordering::SeqCst);
            true
        };
        let (done, said) = trained(&one, slots(1, 1), keep, &on_step);
        assert!(done.fault.is_none(), "{:?}", done.fault);
        (done.runs, said.join(" "), taken.into_inner())
    };
    std::fs::remove_file(file("a-0.json")).unwrap();
    std::fs::write(file("b-1.json"), "{}").unwrap();
    let (same, said, steps) = go_on(&runs);
    assert!(same == runs && steps == 0, "{steps}");
    assert!(said.contains("b-1.json.damaged"), "{said}");
    assert!(!file("a-0.json").exists() && !file("b-1.json").exists());
    // too short for its recipe
    runs[0].curve.losses.pop();
    let (again, _, steps) = go_on(&runs);
    assert!(again[0] != runs[0] && again[1..] == runs[1..]);
    assert!(steps > 0 && file("a-0.json").exists());
    let short = serde_json::to_vec(&runs[0]).unwrap();
    std::fs::write(file("a-0.json"), short).unwrap();
    let (_, said, steps) = go_on(&runs);
    assert!(said.contains("a-0.json.damaged") && steps > 0, "{said}");
}

#[test]
fn one_that_fails_stops_the_others_which_leave_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Slots {
        fails: Some(2),
        at_once: 1,
        room: 1,
        taken: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    };
    let engine = Box::leak(Box::new(engine));
    let refused = keep(folder.path(), Existing::Refused);
    let (done, _) = trained(&experiment("e"), engine, refused, &|_| true);
    let fault = done.fault.unwrap();
    assert_eq!(fault.to_string(), "e, a, seed 0: it is gone");
    assert_eq!(
        names(folder.path()),
        ["a-0.jsonl", "a-0.lock", "a-0.snapshot"]
    );
    let go_on = keep(folder.path(), Existing::GoOn);
    let (done, _) = trained(&experiment("e"), slots(2, 2), go_on, &|_| true);
    assert!(done.fault.is_none() && done.runs.len() == 4);
}
