//! Laws over training on a device: images are altered there as on the CPU, a run learns what it learns on the CPU, and
//! goes on from a snapshot as if it had not stopped.

use super::emulator::EmulatedGpu;
use candle_core::DType;
use convcheck::data::{Augment, Normalisation, Preparation, Split, batch};
use convcheck::gpu::{DeviceDataset, Element, Gpu, Precision, Session, Setup, Trainer};
use convcheck::graph::{Graph, Shape};
use convcheck::random::Key;
use convcheck::train::{
    CheckpointPaths, Cpu, Curve, Divergence, Engine, FinishedRun, Recipe, Task, TrainError, fit,
};
use convcheck::zoo::Registry;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Images on the device are, altered, bit for bit those of the CPU, whatever is done to them; of every part, in
/// batches of every size that was named.
pub fn images() {
    let split = |seed: u64, count: usize| Split {
        images: (0..count * 3 * 9 * 8)
            .map(|i| Key::seed(seed).bits(i as u64) as u8)
            .collect::<Vec<u8>>()
            .into(),
        shape: Shape::map(3, 9, 8),
        labels: vec![0; count],
        classes: 1,
    };
    let splits = [split(1, 6), split(2, 4)];
    let preparation = |augment: &[Augment]| Preparation {
        augment: augment.to_vec(),
        normalisation: Normalisation::of(&splits[0]),
    };
    let cut = Augment::CenterCrop(6);
    let prepared = [
        preparation(&[
            Augment::PadCrop(2),
            Augment::Rotate(40.0),
            cut,
            Augment::Flip,
        ]),
        preparation(&[cut]),
    ];
    let dataset = DeviceDataset::new(splits.iter().zip(&prepared).collect());
    // its scores are its images
    let graph = Graph::build(Shape::map(3, 6, 6), |x| x.slice(0, 3)).unwrap();
    let setup = Setup {
        graph: &graph,
        element: Element::F32,
        predict: &[3, 5],
        learn: None,
        dataset: Some(&dataset),
    };
    let gpu = EmulatedGpu::new("emulated:0", None);
    let shared = Arc::new(gpu.share(&dataset.images()).unwrap());
    let machine = |bytes, batch| gpu.machine(bytes, batch, Some(shared));
    let mut session = Session::new(&setup, &BTreeMap::new(), machine).unwrap();
    for seed in 0..20 {
        let key = Key::seed(seed);
        for (part, images) in [(0, &[5, 0, 5][..]), (1, &[3, 2, 1]), (0, &[4, 3, 2, 1, 0])] {
            let indices = dataset.indices(part, images, key);
            session.gather(images.len(), &indices).unwrap();
            session.predict().unwrap();
            let found = session.scores().unwrap();
            let right = batch(&splits[part], images, &prepared[part], key, DType::F32).unwrap();
            let bits = |x: &candle_core::Tensor| -> Vec<u32> {
                let numbers: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
                numbers.into_iter().map(f32::to_bits).collect()
            };
            assert_eq!(found.dims(), right.dims());
            assert_eq!(bits(&found), bits(&right), "part {part}, seed {seed}");
        }
    }
    assert!(session.machine().seen.contains("pictures"));
    let error = session.gather(4, &[]).unwrap_err().to_string();
    assert!(error.contains("batches of 3 or 5, not of 4"), "{error}");
}

/// Two epochs, of which each ends with a smaller batch, at a rate.
fn task(rate: f64) -> Task {
    let recipe: Recipe = serde_json::from_value(serde_json::json!({
        "model": "resnet20_digits",
        "data": "digits",
        "images": 70,
        "augment": [{ "pad-crop": 1 }, "flip"],
        "epochs": 2,
        "batch": 32,
        "init": "he",
        "optimizer": { "sgd": { "rate": rate, "momentum": 0.9, "nesterov": true, "weight_decay": 1e-4 } },
        "schedule": "cosine",
        "smoothing": 0.1
    }))
    .unwrap();
    let model = Registry::builtin().find(&recipe.model).unwrap();
    let shape = convcheck::train::image_shape(&recipe, &model);
    let mut data = recipe.data.load(None, shape, recipe.fit).unwrap();
    data.test.truncate(130);
    Task::new(&recipe, &model, data).unwrap()
}

/// One that emulates a GPU.
fn trainer(precision: Precision) -> impl Engine {
    let gpu = EmulatedGpu::new("emulated:0", None);
    Trainer::new("emulated", precision, vec![gpu])
}

fn paths(folder: &Path) -> CheckpointPaths {
    CheckpointPaths {
        snapshot: folder.join("run.snapshot"),
        curve: folder.join("run.jsonl"),
        every: Duration::from_secs(3600),
    }
}

fn whole(engine: &impl Engine, task: &Task) -> Curve {
    fit(engine, task, 7, None, &|_| true).unwrap().curve
}

/// A run in f32 goes where it goes on the CPU, step by step but for rounding, which grows from step to step.
pub fn learns_as_on_the_cpu() {
    learns(&trainer(Precision::F32));
}

/// As [`learns_as_on_the_cpu`], of an engine in f32.
pub fn learns(engine: &impl Engine) {
    let task = task(0.02);
    let (device, cpu) = (whole(engine, &task), whole(&Cpu, &task));
    assert_eq!((device.losses.len(), device.epochs.len()), (6, 2));
    for (step, (device, cpu)) in device.losses.iter().zip(&cpu.losses).enumerate() {
        assert!(
            (device - cpu).abs() < 1e-3 * cpu,
            "step {step}: {device}, {cpu} on the CPU"
        );
    }
    for (device, cpu) in device.epochs.iter().zip(&cpu.epochs) {
        let far = (device.test_loss - cpu.test_loss).abs();
        assert!(far < 1e-2 * cpu.test_loss, "{device:?}, on the CPU {cpu:?}");
        assert!((device.train_error - cpu.train_error).abs() < 0.03);
        assert!((device.test_error - cpu.test_error).abs() < 0.03);
    }
}

/// In f32 and in bf16 runs go on.
pub fn go_on() {
    goes_on(&trainer(Precision::F32));
    goes_on(&trainer(Precision::Bf16));
}

/// Stopped, and gone on from the snapshot, until the end: the same bits. Another backend does not go on from there.
pub fn goes_on(engine: &impl Engine) {
    let task = task(0.02);
    let folder = tempfile::tempdir().unwrap();
    let paths = paths(folder.path());
    let mut stops = 0;
    let curve = loop {
        let left = Cell::new(2 + stops % 2);
        let stopped = fit(engine, &task, 7, Some(&paths), &|_| {
            left.set(left.get() - 1);
            left.get() > 0
        });
        match stopped {
            Ok(fitted) => break fitted.curve,
            Err(TrainError::Stopped { .. }) => stops += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(stops < 30);
        let error = fit(&Cpu, &task, 7, Some(&paths), &|_| true).unwrap_err();
        assert!(error.to_string().contains("another device"), "{error}");
    };
    assert!(stops > 1, "stopped {stops} times");
    assert_eq!(curve, whole(engine, &task));
}

/// A loss that is no number ends the run at its step, whenever it is heard of: the curve ends before it, and no snapshot is
/// of steps behind it.
pub fn diverges() {
    diverges_on(&trainer(Precision::F32));
}

/// As [`diverges`], of an engine in f32.
pub fn diverges_on(engine: &impl Engine) {
    let task = task(1e38);
    let mut found = Vec::new();
    for every in [0, 3600] {
        let folder = tempfile::tempdir().unwrap();
        let paths = CheckpointPaths {
            every: Duration::from_secs(every),
            ..paths(folder.path())
        };
        let lines = || std::fs::read_to_string(&paths.curve).unwrap();
        let end = || match fit(engine, &task, 0, Some(&paths), &|_| true) {
            Ok(FinishedRun {
                diverged: Some(Divergence { step, layer: None }),
                curve,
                ..
            }) => {
                assert_eq!(curve.losses.len() as u64, step);
                assert!(curve.losses.last().is_some_and(|loss| !loss.is_finite()));
                (step, lines())
            }
            other => panic!("{other:?}"),
        };
        let (step, curve) = end();
        assert_eq!(curve.lines().count() as u64, step - 1, "{curve}");
        // from the snapshot, where there is one, the same way
        assert_eq!(paths.snapshot.exists(), every == 0);
        assert_eq!(end(), (step, curve.clone()));
        // asked to stop when nothing was heard of it
        let stopped = fit(engine, &task, 0, None, &|at| at.step < step);
        assert!(
            matches!(&stopped, Ok(run) if run.diverged.as_ref().is_some_and(|at| at.step == step)),
            "{stopped:?}"
        );
        found.push((step, curve));
    }
    assert!(found[0].0 > 1 && found[0] == found[1], "{found:?}");
}
