use super::cpu::Learning;
use super::*;
use crate::data::{Augment, Dataset, Fit, Source};
use crate::graph::Shape;
use crate::net::checkpoint;
use crate::net::{Init, Norm};
use crate::random::Key;
use crate::seal::unsealed;
use crate::zoo::{Model, Registry};
use candle_core::{DType, Device, Tensor};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A few steps of a small network with everything random that a recipe can ask for.
fn recipe() -> Recipe {
    Recipe {
        model: "resnet20_digits".into(),
        data: Source::Digits,
        images: Some(70),
        size: None,
        fit: Fit::Resize,
        augment: vec![Augment::PadCrop(1), Augment::Flip],
        augment_evaluation: Vec::new(),
        normalise: Normalise::Own,
        epochs: 2,
        batch: 32,
        last_batch: LastBatch::Keep,
        order: Order::Shuffled,
        init: Init::He,
        norm: Norm::Torch,
        optimizer: Optimizer::Sgd(Sgd {
            rate: 0.02,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 1e-4,
            decay_all: false,
        }),
        schedule: Schedule::Cosine,
        warm_up: 2,
        smoothing: 0.1,
        auxiliary: 0.0,
    }
}

fn adam() -> Recipe {
    let adam = Adam {
        rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        form: AdamForm::Keras,
        weight_decay: 0.01,
        decay_all: true,
    };
    Recipe {
        optimizer: Optimizer::AdamW(adam),
        norm: Norm::Keras,
        order: Order::Buffer(10),
        ..recipe()
    }
}

fn images(recipe: &Recipe) -> Dataset {
    recipe
        .data
        .load(None, Shape::map(1, 8, 8), recipe.fit)
        .unwrap()
}

fn model(recipe: &Recipe) -> Model {
    Registry::builtin().find(&recipe.model).unwrap()
}

/// The embedded digits; of the test part a few images, which are enough to tell curves apart.
fn task(recipe: &Recipe) -> Task {
    let mut data = images(recipe);
    data.test.truncate(50);
    Task::new(recipe, &model(recipe), data).unwrap()
}

fn paths(folder: &Path) -> CheckpointPaths {
    CheckpointPaths {
        snapshot: folder.join("run.snapshot"),
        curve: folder.join("run.jsonl"),
        every: Duration::from_secs(3600),
    }
}

fn whole(task: &Task, seed: u64) -> Curve {
    fit(&Cpu, task, seed, None, &|_| true).unwrap().curve
}

/// A run that is stopped after so many calls of `progress`.
fn stopped(task: &Task, paths: &CheckpointPaths, calls: u32) -> Result<FinishedRun, TrainError> {
    let left = Cell::new(calls);
    fit(&Cpu, task, 7, Some(paths), &|_| {
        left.set(left.get().saturating_sub(1));
        left.get() > 0
    })
}

#[test]
fn a_run_depends_on_its_seed_alone() {
    let task = task(&recipe());
    let curve = whole(&task, 7);
    assert_eq!((curve.losses.len(), curve.epochs.len()), (6, 2));
    assert_eq!(curve, whole(&task, 7));
    assert_ne!(curve, whole(&task, 8));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        assert_eq!(pool.unwrap().install(|| whole(&task, 7)), curve);
    }
}

/// Stopped after one step, gone on, stopped again: the curve is that of a run in one go, and so are the
/// lines of its file.
#[test]
fn a_run_goes_on_as_if_it_had_not_stopped() {
    for recipe in [recipe(), adam()] {
        let task = task(&recipe);
        let folder = tempfile::tempdir().unwrap();
        let another = folder.path().join("other");
        std::fs::create_dir(&another).unwrap();
        let (one, other) = (paths(folder.path()), paths(&another));
        let mut stops = 0;
        let curve = loop {
            match stopped(&task, &one, 1 + stops % 3) {
                Ok(finished) => break finished.curve,
                Err(TrainError::Stopped { steps: 6, .. }) => stops += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(stops < 30);
        };
        assert!(stops > 3, "stopped {stops} times");
        let uninterrupted = fit(&Cpu, &task, 7, Some(&other), &|_| true).unwrap();
        assert_eq!(curve, uninterrupted.curve);
        let lines = |paths: &CheckpointPaths| std::fs::read_to_string(&paths.curve).unwrap();
        assert_eq!(lines(&one), lines(&other));
        assert_eq!(lines(&one).lines().count(), 8);
        for line in lines(&one).lines() {
            let _: BTreeMap<String, f64> = serde_json::from_str(line).unwrap();
        }
    }
}

#[test]
fn a_snapshot_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let task_of = task(&recipe());
    stopped(&task_of, &paths, 2).unwrap_err();
    let kept = std::fs::read(&paths.snapshot).unwrap();
    let says = |task: &Task, seed| {
        let error = fit(&Cpu, task, seed, Some(&paths), &|_| true).unwrap_err();
        // whatever is wrong with it, the file stays
        assert!(!std::fs::read(&paths.snapshot).unwrap().is_empty());
        error.to_string()
    };
    assert!(says(&task(&adam()), 7).contains("another recipe"));
    assert!(says(&task_of, 8).contains("another seed"));
    let fewer = Recipe {
        images: Some(64),
        ..recipe()
    };
    assert!(says(&task(&fewer), 7).contains("another recipe"));
    std::fs::write(&paths.snapshot, &kept[..kept.len() - 9]).unwrap();
    assert!(says(&task_of, 7).contains("it is cut or damaged"));
    std::fs::write(&paths.snapshot, b"not a snapshot").unwrap();
    assert!(says(&task_of, 7).contains("is no safetensors file"));
    std::fs::write(&paths.snapshot, &kept).unwrap();
    assert!(fit(&Cpu, &task_of, 7, Some(&paths), &|_| true).is_ok());
}

/// Whichever bit of a snapshot is another, or how much of it is missing: it is not gone on with.
#[test]
fn a_damaged_snapshot_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let task = task(&recipe());
    stopped(&task, &paths, 3).unwrap_err();
    let whole = std::fs::read(&paths.snapshot).unwrap();
    let key = Key::named("damage");
    let place = |i: u64| (key.uniform(i) * whole.len() as f64) as usize;
    // half of them in the header and the state, which are few bytes among those of weights
    let flips = (0..300).map(|i| match i % 2 {
        0 => (place(i), i % 8),
        _ => (place(i) % 4000, i % 8),
    });
    let is_damaged = |bytes: &[u8], what: &str| {
        std::fs::write(&paths.snapshot, bytes).unwrap();
        match fits(&task, 7, "cpu-f32", &paths) {
            Err(TrainError::Damaged(_)) => {}
            other => panic!("{what}: {other:?}"),
        }
    };
    for (byte, bit) in flips {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << bit;
        is_damaged(&damaged, &format!("bit {bit} of byte {byte}"));
    }
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        is_damaged(&whole[..length], &format!("cut at {length}"));
    }
    std::fs::write(&paths.snapshot, &whole).unwrap();
    assert!(fits(&task, 7, "cpu-f32", &paths).is_ok());
}

/// What was written before snapshots had checksums is gone on with, as long as its numbers can be.
#[test]
fn a_snapshot_without_checksums_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let task = task(&recipe());
    stopped(&task, &paths, 3).unwrap_err();
    let without = |state: String| {
        let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
        state.as_object_mut().unwrap().remove("tensors").unwrap();
        state.to_string()
    };
    change_state(&paths.snapshot, without);
    let kept = std::fs::read(&paths.snapshot).unwrap();
    let more = |state: String| state.replace("\"steps\":", "\"steps\":9");
    change_state(&paths.snapshot, more);
    let error = fits(&task, 7, "cpu-f32", &paths).unwrap_err();
    assert!(error.to_string().contains("its curve"), "{error}");
    std::fs::write(&paths.snapshot, kept).unwrap();
    let finished = fit(&Cpu, &task, 7, Some(&paths), &|_| true).unwrap();
    assert_eq!(finished.curve, whole(&task, 7));
}

/// Reads a snapshot's state, changes its text, and writes it back without its checksum.
fn change_state(path: &Path, change: impl FnOnce(String) -> String) {
    let mut tensors = checkpoint::read(path).unwrap();
    let state = tensors["state"].to_vec1::<u8>().unwrap();
    let state = String::from_utf8(state).unwrap();
    let text = change(unsealed(&state).unwrap().into_owned()).into_bytes();
    let length = text.len();
    let state = Tensor::from_vec(text, length, &Device::Cpu).unwrap();
    tensors.insert("state".into(), state);
    checkpoint::write(path, &tensors).unwrap();
}

/// Dropout has no tensors: a snapshot of a network with more of it fits in every other respect.
#[test]
fn a_snapshot_of_another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let of = |model: &str| {
        task(&Recipe {
            model: model.into(),
            ..recipe()
        })
    };
    let (own, other) = (of("vgg_a_digits"), of("vgg_a_no_dropout_digits"));
    stopped(&own, &paths, 2).unwrap_err();
    let error = fit(&Cpu, &other, 7, Some(&paths), &|_| true).unwrap_err();
    assert!(error.to_string().contains("another network"), "{error}");
    change_state(&paths.snapshot, |state| {
        let network = own.fingerprint("cpu-f32").network.unwrap();
        let named = format!("\"network\":\"{network}\",");
        assert!(state.contains(&named), "{state}");
        state.replace(&named, "")
    });
    let error = fit(&Cpu, &own, 7, Some(&paths), &|_| true).unwrap_err();
    assert!(error.to_string().contains("before runs named"), "{error}");
}

/// What another version began goes on, to the same bits, and says so.
#[test]
fn a_run_names_the_versions_that_began_it() {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let task = task(&recipe());
    stopped(&task, &paths, 2).unwrap_err();
    assert_eq!(fits(&task, 7, "cpu-f32", &paths).unwrap(), [""; 0]);
    change_state(&paths.snapshot, |state| {
        state.replace(learner::PROGRAM, "another")
    });
    assert_eq!(fits(&task, 7, "cpu-f32", &paths).unwrap(), ["another"]);
    // one more stop: what is known of the first steps stays known
    stopped(&task, &paths, 2).unwrap_err();
    // nor does the version that has the run again become another by it
    change_state(&paths.snapshot, |state| {
        let named = format!("[\"another\",\"{}\"]", learner::PROGRAM);
        assert!(state.contains(&named), "{state}");
        state.replace(
            &named,
            &named.replacen('[', &format!("[\"{}\",", learner::PROGRAM), 1),
        )
    });
    let finished = fit(&Cpu, &task, 7, Some(&paths), &|_| true).unwrap();
    assert_eq!(finished.begun_by, ["another"]);
    assert_eq!(finished.curve, whole(&task, 7));
}

/// A rate at which nothing stays a number.
fn steep() -> Recipe {
    Recipe {
        optimizer: Optimizer::Sgd(Sgd {
            rate: 1e38,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            decay_all: true,
        }),
        warm_up: 0,
        ..recipe()
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_names_the_layer() {
    let task_of = task(&steep());
    let is_known = |layer: Option<&String>| {
        let mut nodes = task_of.graph.nodes().iter();
        nodes.any(|node| Some(&node.path) == layer)
    };
    let folder = tempfile::tempdir().unwrap();
    let one = paths(folder.path());
    let run = fit(&Cpu, &task_of, 7, Some(&one), &|_| true).unwrap();
    let at = run.diverged.unwrap();
    assert!(at.step > 1 && is_known(at.layer.as_ref()), "{at}");
    assert_eq!(run.curve.losses.len() as u64, at.step);
    assert!(
        run.curve
            .losses
            .last()
            .is_some_and(|loss| !loss.is_finite())
    );
    assert!(run.curve.epochs.is_empty());
    // stopped before, and gone on with
    stopped(&task_of, &one, 1).unwrap_err();
    let again = fit(&Cpu, &task_of, 7, Some(&one), &|_| true).unwrap();
    assert_eq!(again.diverged, Some(at));
    assert!(again.curve.is_same(&run.curve));
}

/// All losses are numbers, and the weights that come of the last step are none.
#[test]
fn a_run_diverges_in_its_last_step_too() {
    let of = |epochs: u32| Recipe {
        // as many images as one step takes
        images: Some(32),
        epochs,
        schedule: Schedule::Constant,
        ..steep()
    };
    let run = fit(&Cpu, &task(&of(1)), 0, None, &|_| true).unwrap();
    let at = run.diverged.unwrap();
    assert!(at.step == 1 && at.layer.is_some(), "{at:?}");
    assert!(run.curve.losses[0].is_finite() && !run.curve.epochs[0].test_loss.is_finite());
    // with steps ahead, the next loss says it
    let run = fit(&Cpu, &task(&of(2)), 0, None, &|_| true).unwrap();
    assert_eq!(run.diverged.map(|at| at.step), Some(2));
    assert_eq!((run.curve.losses.len(), run.curve.epochs.len()), (2, 1));
}

/// A task of fewer images looks at the same bytes, and is what it would be with images of its own.
#[test]
fn tasks_of_fewer_images_share_them() {
    let all = Recipe {
        images: None,
        ..recipe()
    };
    let data = Arc::new(images(&all));
    let of = |recipe: &Recipe| Task::new(recipe, &model(recipe), Arc::clone(&data)).unwrap();
    let (whole, part) = (of(&all), of(&recipe()));
    assert_eq!((whole.data.train.len(), part.data.train.len()), (1297, 70));
    for (whole, part) in [
        (&whole.data.train, &part.data.train),
        (&whole.data.test, &part.data.test),
    ] {
        assert_eq!(whole.images.as_ptr(), part.images.as_ptr());
    }
    let own = Task::new(&recipe(), &model(&recipe()), images(&recipe())).unwrap();
    assert_eq!(own.fingerprint("cpu-f32"), part.fingerprint("cpu-f32"));
}

#[test]
fn what_does_not_fit_is_said_before_a_step_is_taken() {
    let says = |recipe: &Recipe| {
        let data = images(recipe);
        Task::new(recipe, &model(recipe), data)
            .err()
            .unwrap()
            .to_string()
    };
    let with_model = |model: &str| Recipe {
        model: model.into(),
        ..recipe()
    };
    assert!(says(&with_model("vgg16")).contains("classes"));
    assert!(says(&with_model("resnet20_cifar")).contains("takes images of"));
    let drop = Recipe {
        last_batch: LastBatch::Drop,
        batch: 71,
        ..recipe()
    };
    assert!(says(&drop).contains("no whole batch"));
    let more = Recipe {
        images: Some(999_999),
        ..recipe()
    };
    assert!(says(&more).contains("images is 999999, but there are 1297"));
    // PyTorch divides by zero here
    let peak = Recipe {
        schedule: Schedule::OneCycle { rise: 1.0 / 6.0 },
        ..recipe()
    };
    assert!(says(&peak).contains("`rise`"));
}

/// Learning is more than a number that changes: after a few epochs most digits are told apart.
#[test]
fn digits_are_learned() {
    let recipe = Recipe {
        images: Some(600),
        epochs: 4,
        augment: Vec::new(),
        smoothing: 0.0,
        ..recipe()
    };
    let curve = whole(&task(&recipe), 0);
    let last = curve.epochs.last().unwrap();
    assert!(
        last.train_error < 0.15 && last.test_error < 0.25,
        "{last:?}"
    );
    assert!(last.train_loss < curve.epochs[0].train_loss / 2.0);
}

/// What is evaluated is the network as it is: after each step another one.
#[test]
fn evaluation_follows_the_weights() {
    let task = task(&recipe());
    let weights = Init::He.weights(&task.graph, 7, DType::F32).unwrap();
    let state = State {
        weights,
        ..State::default()
    };
    let mut run = Cpu.start(&task, state).unwrap();
    let batch = |portion| Batch {
        portion,
        images: (0..20).collect(),
        key: Key::seed(1),
    };
    let numbers = |scores: Tensor| scores.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let x = Learning::collate(&task, &batch(Portion::Train)).unwrap();
    let labels = task.data.train.labels[..20].to_vec();
    let mut before = Vec::new();
    for number in 1..4 {
        let scores = numbers(run.scores(&task, &batch(Portion::Test)).unwrap());
        assert_ne!(scores, before);
        let mut fresh = Cpu.start(&task, run.state().unwrap()).unwrap();
        let expected = fresh.scores(&task, &batch(Portion::Test)).unwrap();
        assert_eq!(scores, numbers(expected));
        before = scores;
        let step = Step {
            number,
            lr_factor: 1.0,
            key: Key::seed(2).fold_in(number),
        };
        run.step(&task, &x, &labels, step).unwrap();
    }
}
