//! Laws over networks on a GPU: they compute and learn as on the CPU.

use super::super::case::setup;
use super::super::side_by_side::{anew_on, as_alone};
use super::super::trained::{diverges_on, goes_on, learns as learns_in_a_run};
use super::super::{NETS, agree_on, net, of_op, seed_of};
use super::on_a_gpu;
use crate::laws::gradients::OPS;
use candle_core::{DType, Tensor};
use convcheck::gpu::{Cuda, CudaMachine, Gpu, GpuError, Precision, Session, Trainer, Training};
use convcheck::net::{Fill, Mode, Net, Norm};
use convcheck::ops::loss::cross_entropy;
use convcheck::random::Key;
use convcheck::train::{Optimizer, OptimizerState, Sgd, Step};
use convcheck::zoo::Registry;
use libtest_mimic::Trial;

/// Networks without and with batch normalisation.
const LEARNERS: [&str; 2] = ["article_lenet5_cifar10", "resnet20_cifar"];

/// Images at once.
const BATCH: usize = 2;

/// Steps: the first chooses algorithms, the second is captured, the third is replayed.
const STEPS: u64 = 3;

const TRAINING: Training = Training {
    optimizer: Optimizer::Sgd(Sgd {
        rate: 0.01,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 1e-3,
        decay_all: false,
    }),
    norm: Norm::Torch,
    smoothing: 0.1,
    auxiliary: 0.3,
};

pub fn trials() -> Vec<Trial> {
    let laws = LEARNERS.into_iter().flat_map(|name| {
        Precision::ALL.map(|precision| {
            let law = format!(
                "gpu::device::learns-as-the-cpu::{name}::{}",
                precision.name()
            );
            on_a_gpu(law, move || learns(name, precision))
        })
    });
    let mut trials: Vec<Trial> = laws.collect();
    trials.extend(OPS.iter().map(|&(name, op)| {
        on_a_gpu(format!("gpu::device::ops::{name}"), move || {
            let graphs = (0..6).map(|seed| (of_op(op, seed), seed));
            let compared: usize = graphs
                .map(|(graph, seed)| agree_on(graph, seed, cuda))
                .sum();
            assert!(compared > 1, "only {compared} graphs");
        })
    }));
    trials.extend(NETS.iter().map(|&(name, side)| {
        on_a_gpu(format!("gpu::device::nets::{name}"), move || {
            assert_eq!(agree_on(Ok(net(name, side)), seed_of(side), cuda), 1);
        })
    }));
    trials.push(on_a_gpu("gpu::device::a-run-learns-as-on-the-cpu", || {
        learns_in_a_run(&trainer(Precision::F32));
    }));
    trials.push(on_a_gpu("gpu::device::a-run-that-diverges-ends", || {
        diverges_on(&trainer(Precision::F32));
    }));
    trials.push(on_a_gpu("gpu::device::a-session-begins-anew", || {
        anew_on(&trainer(Precision::F32));
    }));
    for precision in Precision::ALL {
        let name = |law: &str| format!("gpu::device::{law}::{}", precision.name());
        let going = name("a-run-goes-on");
        trials.push(on_a_gpu(going, move || goes_on(&trainer(precision))));
        let many = name("runs-side-by-side-are-those-alone");
        trials.push(on_a_gpu(many, move || {
            as_alone(|| trainer(precision), &[2, 3, 8]);
        }));
    }
    trials
}

/// As `train --device cuda` trains.
fn trainer(precision: Precision) -> Trainer<Cuda> {
    Trainer::new(
        "cuda",
        precision,
        vec![Cuda::new(0, precision, true).unwrap()],
    )
}

fn cuda(bytes: usize, batch: usize) -> Result<CudaMachine, GpuError> {
    Cuda::new(0, Precision::F32, false)?.machine(bytes, batch, None)
}

fn step(number: u64) -> Step {
    Step {
        number,
        lr_factor: 1.0 / number as f64,
        key: Key::seed(3).fold_in(number),
    }
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    tensor.unwrap().to_vec1().unwrap()
}

/// By how much numbers are off at most, relative to the largest.
fn off(found: &Tensor, expected: &Tensor) -> f64 {
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f64, |most, x| most.max(x.abs()));
    let off = found
        .iter()
        .zip(&expected)
        .map(|(found, expected)| (found - expected).abs());
    // NaN is as far off as can be
    off.fold(
        0f64,
        |most, x| if x > most || x.is_nan() { x } else { most },
    ) / largest.max(1e-3)
}

/// Losses of some steps, the weights after them, and what they say then.
fn learns(name: &str, precision: Precision) {
    let tolerance = match precision {
        Precision::F32 => 1e-3,
        Precision::Tf32 => 3e-2,
        Precision::Bf16 => 1e-1,
    };
    let near = |found: f64, what: &str| {
        assert!(
            found <= tolerance,
            "{what} of {name} in {precision:?} is off by {found}"
        );
    };
    let graph = Registry::builtin().find(name).unwrap().graph().unwrap();
    let classes = graph.prediction().shape.channels();
    let labels: Vec<usize> = (0..BATCH).map(|i| i % classes).collect();
    let weights = Fill::Default.weights(&graph, DType::F32).unwrap();
    let x = Fill::input(&graph, BATCH, DType::F32).unwrap();
    let mut net = Net::new(graph.clone(), weights.clone(), DType::F32).unwrap();
    let mut memory = OptimizerState::default();
    let cuda = Cuda::new(0, precision, false).unwrap();
    let machine = |bytes, batch| cuda.machine(bytes, batch, None);
    let setup = setup(&graph, precision.element(), &[BATCH], Some(&TRAINING));
    let mut session = Session::new(&setup, &weights, machine).unwrap();
    for number in 1..=STEPS {
        let step = step(number);
        let pass = net
            .forward(
                &x,
                Mode::Train {
                    key: step.key,
                    norm: TRAINING.norm,
                },
            )
            .unwrap();
        let (loss, gradient) = cross_entropy(pass.output(), &labels, TRAINING.smoothing).unwrap();
        net.update_running_stats(&pass).unwrap();
        let seeds = [(graph.outputs()[0].node, &gradient)];
        let gradients = net.backward(pass, &seeds, false).unwrap();
        let optimizer = &TRAINING.optimizer;
        memory
            .step(optimizer, number, step.lr_factor, &mut net, &gradients)
            .unwrap();
        let outcome = session.step(&x, &labels, step).unwrap();
        near(
            (outcome.loss - loss).abs() / loss.abs(),
            &format!("loss {number}"),
        );
    }
    let found = session.weights().unwrap();
    for (name, _, expected) in net.weights() {
        near(off(&found[&name], expected), &name);
    }
    let expected = net.forward(&x, Mode::Eval).unwrap();
    for _ in 0..3 {
        near(
            off(&session.infer(&x).unwrap(), expected.output()),
            "what it says",
        );
    }
    let refused: Vec<&str> = session.machine().not_captured().collect();
    assert_eq!(refused, [""; 0]);
}
