//! Laws over runs that share a device, at once or one after the other: each has the bits that it would have alone.

use super::emulator::EmulatedGpu;
use candle_core::Tensor;
use convcheck::gpu::{Gpu, Precision, Trainer};
use convcheck::random::Key;
use convcheck::train::{
    Backend, Batch, CheckpointPaths, Curve, Engine, Portion, State, Step, Task, TrainError, fit,
    image_shape,
};
use convcheck::zoo::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A small network and the optimiser by which it learns, from some digits.
fn task(model: &str, optimizer: &Value, images: usize) -> Task {
    let recipe = serde_json::from_value(json!({
        "model": model,
        "data": "digits",
        "images": images,
        "augment": [{ "pad-crop": 1 }, "flip"],
        "epochs": 2,
        "batch": 16,
        "init": "he",
        "optimizer": optimizer,
        "schedule": "cosine",
    }));
    let recipe: convcheck::train::Recipe = recipe.unwrap();
    let model = Registry::builtin().find(&recipe.model).unwrap();
    let shape = image_shape(&recipe, &model);
    let mut data = recipe.data.load(None, shape, recipe.fit).unwrap();
    data.test.truncate(30);
    Task::new(&recipe, &model, data).unwrap()
}

fn residual(rate: f64) -> Task {
    let sgd = json!({ "sgd": { "rate": rate, "momentum": 0.9, "weight_decay": 1e-3 } });
    task(
        "resnet_cifar{depth=8, widths=[4,8,8], input=1x8x8}",
        &sgd,
        40,
    )
}

fn plain() -> Task {
    let adam = json!({ "adam": { "rate": 0.01, "form": "torch" } });
    task("stack{maps=4, input=1x8x8}", &adam, 35)
}

pub fn emulated() -> Trainer<EmulatedGpu> {
    of([EmulatedGpu::new("emulated:0", None)])
}

fn of<const N: usize>(gpus: [EmulatedGpu; N]) -> Trainer<EmulatedGpu> {
    Trainer::new("emulated", Precision::F32, gpus.into())
}

fn whole(engine: &impl Engine, task: &Task, seed: u64) -> Curve {
    fit(engine, task, seed, None, &|_| true).unwrap().curve
}

/// Runs of several recipes and seeds, so many at once; those of one recipe and seed are the same.
pub fn as_alone<G: Gpu>(trainer: impl Fn() -> Trainer<G>, at_once: &[usize]) {
    let tasks = [residual(0.05), plain(), residual(0.02)];
    let all = [0, 1, 2].map(|task| [3, 4].map(|seed| whole(&trainer(), &tasks[task], seed)));
    let alone = |i: usize| (&tasks[i % 3], 3 + i as u64 / 3 % 2, &all[i % 3][i / 3 % 2]);
    assert!(all[0][0] != all[0][1] && all[0][0] != all[2][0]);
    for &at_once in at_once {
        let trainer = trainer();
        // each thread has a second run, for which another's session may be there
        std::thread::scope(|scope| {
            for i in 0..at_once {
                let trainer = &trainer;
                scope.spawn(move || {
                    for run in [i, i + at_once] {
                        let (task, seed, expected) = alone(run);
                        assert_eq!(whole(trainer, task, seed), *expected, "{run} of {at_once}");
                    }
                });
            }
        });
    }
}

/// A step by images of a task, whatever comes of it.
fn step<G: Gpu>(trainer: &Trainer<G>, task: &Task, state: State) -> f64 {
    let mut run = trainer.start(task, state).unwrap();
    let batch = Batch {
        portion: Portion::Train,
        images: (0..16).collect(),
        key: Key::seed(1),
    };
    let images = <Trainer<G> as Engine>::Backend::collate(task, &batch).unwrap();
    let at = Step {
        number: 1,
        lr_factor: 1.0,
        key: Key::seed(1),
    };
    run.step(task, &images, &[1; 16], at).unwrap();
    run.step(task, &images, &[1; 16], at).unwrap();
    run.outcomes(true).unwrap()[1].loss
}

/// The weights of a snapshot, times a factor.
fn weights<G: Gpu>(trainer: &Trainer<G>, task: &Task, factor: f64) -> BTreeMap<String, Tensor> {
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path(), 0);
    assert!(fit(trainer, task, 1, Some(&paths), &|_| false).is_err());
    let tensors = convcheck::net::checkpoint::read(&paths.snapshot).unwrap();
    let nets = tensors.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("net.")?.to_string();
        Some((name, (tensor * factor).unwrap()))
    });
    nets.collect()
}

fn paths(folder: &std::path::Path, every: u64) -> CheckpointPaths {
    CheckpointPaths {
        snapshot: folder.join("run.snapshot"),
        curve: folder.join("run.jsonl"),
        every: Duration::from_secs(every),
    }
}

/// A session that another run has left, stopped in the middle, diverged or at its end, is as good as a new one.
pub fn anew() {
    let trainer = emulated();
    anew_on(&trainer);
    let gpu = trainer.devices().next().unwrap();
    assert_eq!(gpu.made.load(Ordering::Relaxed), 1, "machines");
    assert_eq!(gpu.shared.load(Ordering::Relaxed), 1, "data sets");
}

/// As [`anew`], on any device.
pub fn anew_on<G: Gpu>(trainer: &Trainer<G>) {
    let task = residual(0.05);
    let fresh = whole(trainer, &task, 7);
    assert!(whole(trainer, &task, 8) != fresh);
    assert_eq!(whole(trainer, &task, 7), fresh, "behind another seed");
    let stopped = fit(trainer, &task, 9, None, &|at| at.step < 2);
    assert!(matches!(stopped, Err(TrainError::Stopped { .. })));
    assert_eq!(whole(trainer, &task, 7), fresh, "behind one that stopped");
    let huge = State {
        weights: weights(trainer, &task, 1e30),
        ..State::default()
    };
    assert!(!step(trainer, &task, huge).is_finite());
    assert_eq!(whole(trainer, &task, 7), fresh, "behind a divergence");
}

/// Runs go to the device that has the fewest; each has the images once.
pub fn shared_out() {
    let task = residual(0.05);
    let alone = whole(&emulated(), &task, 7);
    let trainer = of(["emulated:0", "emulated:1"].map(|name| EmulatedGpu::new(name, None)));
    let held: Vec<_> = (0..5)
        .map(|_| trainer.start(&task, begin(&task)).unwrap())
        .collect();
    let counts = |what: fn(&EmulatedGpu) -> usize| trainer.devices().map(what).collect::<Vec<_>>();
    let made = |gpu: &EmulatedGpu| gpu.made.load(Ordering::Relaxed);
    assert_eq!(counts(made), [3, 2]);
    assert_eq!(counts(|gpu| gpu.shared.load(Ordering::Relaxed)), [1, 1]);
    drop(held);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(whole(&trainer, &task, 7), alone));
        }
    });
    assert_eq!(counts(made), [3, 2]);
}

/// Beside others a run waits for room, alone it is told that there is none; what no run has makes room.
pub fn no_room() {
    let (task, other) = (residual(0.05), plain());
    let trainer = of([EmulatedGpu::new("emulated:0", Some(2))]);
    let start = |task: &Task| trainer.start(task, begin(task));
    let (first, second) = (start(&task).unwrap(), start(&task).unwrap());
    match start(&other).map(|_| ()) {
        Err(TrainError::NoRoom(why)) => {
            assert!(why.contains("emulated:0: a batch of 16"), "{why}");
        }
        found => panic!("{found:?}"),
    }
    drop(first);
    let third = start(&other).unwrap();
    drop((second, third));
    // both are left, none has the recipe
    drop(start(&residual(0.02)).unwrap());
    let trainer = of([EmulatedGpu::new("emulated:0", Some(0))]);
    let error = fit(&trainer, &task, 1, None, &|_| true).unwrap_err();
    assert!(matches!(error, TrainError::Device(_)), "{error}");
    assert!(error.to_string().contains("emulated:0: a batch"), "{error}");
}

/// The device of a run is gone: what it left goes on elsewhere.
pub fn vanishes() {
    let gpus = ["emulated:0", "emulated:1"].map(|name| EmulatedGpu::new(name, None));
    let vanishing = Arc::clone(&gpus[1].vanishes);
    let trainer = of(gpus);
    vanishes_on(&trainer, emulated, &|| vanishing.store(2, Ordering::SeqCst));
    // it is back: its machine of before is not used again
    vanishing.store(usize::MAX, Ordering::SeqCst);
    let made = |gpu: &EmulatedGpu| gpu.made.load(Ordering::Relaxed);
    let before: usize = trainer.devices().map(made).sum();
    let task = residual(0.05);
    let start = || trainer.start(&task, begin(&task)).unwrap();
    drop([start(), start()]);
    assert_eq!(trainer.devices().map(made).sum::<usize>(), before + 1);
}

fn begin(task: &Task) -> State {
    State {
        weights: weights(&emulated(), task, 1.0),
        ..State::default()
    }
}

/// Of two devices the second vanishes when it is told to. The run there ends with its name, a snapshot of it goes on
/// elsewhere, and the other device goes on.
pub fn vanishes_on<G: Gpu>(
    trainer: &Trainer<G>,
    another: impl Fn() -> Trainer<G>,
    vanish: &dyn Fn(),
) {
    let task = residual(0.05);
    let alone = whole(&another(), &task, 7);
    let first = trainer.start(&task, begin(&task)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path(), 0);
    let error = fit(trainer, &task, 7, Some(&paths), &|at| {
        if at.step == 4 {
            vanish();
        }
        true
    });
    let error = error.unwrap_err().to_string();
    let name = trainer.devices().nth(1).unwrap().name();
    assert!(
        error.starts_with(&format!("{name}: ")) && error.ends_with("the device is gone"),
        "{error}"
    );
    drop(first);
    // of two that have no run it is the first
    assert_eq!(whole(trainer, &task, 7), alone);
    let again = fit(&another(), &task, 7, Some(&paths), &|_| true).unwrap();
    assert_eq!(again.curve, alone);
}
