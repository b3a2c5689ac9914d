//! A step of a network, on the CPU and in a session on an emulated GPU, and whether the two agree.

use super::emulator::Emulator;
use candle_core::{DType, Tensor};
use convcheck::gpu::{Element, GpuError, Machine, Session, Setup, Training};
use convcheck::graph::Graph;
use convcheck::net::{Fill, Mode, Net, NetError};
use convcheck::ops::loss::cross_entropy;
use convcheck::random::Key;
use convcheck::train::{OptimizerState, Step};
use std::collections::BTreeMap;

/// By how much numbers may differ from those of the CPU in f64, relative to the largest of their layer, where
/// those of the CPU in f32 do not differ at all.
const NEAR: f64 = 1e-5;

/// A layer whose numbers are all smaller than this share of the largest of the network has rounding errors
/// that come from larger numbers.
const LEAST: f64 = 0.1;

/// How many times as far from f64 as the CPU's f32 the numbers may be.
const TIMES: f64 = 8.0;

pub fn keyed(number: u64) -> Step {
    Step {
        number,
        lr_factor: 1.0 / number as f64,
        key: Key::seed(3).fold_in(number),
    }
}

/// What a network computes.
#[derive(Default)]
pub struct Computed {
    pub scores: Vec<f64>,
    pub loss: f64,
    pub right: usize,
    pub gradients: BTreeMap<String, Vec<f64>>,
    pub weights: BTreeMap<String, Vec<f64>>,
    pub memory: BTreeMap<String, Vec<Vec<f64>>>,
}

/// A network, its weights, a batch and its labels.
pub struct Case {
    pub graph: Graph,
    pub weights: BTreeMap<String, Tensor>,
    pub x: Tensor,
    pub labels: Vec<usize>,
}

pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_dtype(DType::F64).and_then(|x| x.flatten_all());
    tensor.unwrap().to_vec1().unwrap()
}

pub fn all(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Vec<f64>> {
    let each = tensors.iter();
    each.map(|(name, tensor)| (name.clone(), numbers(tensor)))
        .collect()
}

/// A machine that emulates a GPU.
pub fn emulator(bytes: usize, _: usize) -> Result<Emulator, GpuError> {
    Ok(Emulator::new(bytes))
}

/// Predicting from batches of those sizes, and learning from them.
pub fn setup<'a>(
    graph: &'a Graph,
    element: Element,
    batches: &'a [usize],
    training: Option<&'a Training>,
) -> Setup<'a> {
    Setup {
        graph,
        element,
        predict: batches,
        learn: training.map(|training| (training, batches)),
        dataset: None,
    }
}

impl Case {
    pub fn new(graph: Graph, samples: usize, seed: u64) -> Case {
        let classes = graph.outputs().iter();
        let classes = classes
            .map(|output| graph.nodes()[output.node].shape.channels())
            .min();
        let classes = classes.unwrap();
        let mut dims = vec![samples];
        dims.extend_from_slice(&graph.input().dims());
        let x = crate::laws::ops::random(&dims, Key::seed(seed).fold_in_name("x"));
        Case {
            weights: Fill::Default.weights(&graph, DType::F32).unwrap(),
            x: x.to_dtype(DType::F32).unwrap(),
            labels: (0..samples)
                .map(|i| (i + seed as usize) % classes)
                .collect(),
            graph,
        }
    }

    /// What the CPU computes in so many steps, and the scores before them.
    pub fn cpu(&self, dtype: DType, training: &Training, steps: u64) -> Result<Computed, NetError> {
        let weights = self.weights.iter();
        let weights = weights.map(|(name, tensor)| (name.clone(), tensor.to_dtype(dtype).unwrap()));
        let mut net = Net::new(self.graph.clone(), weights.collect(), dtype)?;
        let x = self.x.to_dtype(dtype).unwrap();
        let mut computed = Computed {
            scores: numbers(net.forward(&x, Mode::Eval)?.output()),
            ..Computed::default()
        };
        let mut memory = OptimizerState::default();
        for number in 1..=steps {
            let step = keyed(number);
            let mode = Mode::Train {
                key: step.key,
                norm: training.norm,
            };
            let pass = net.forward(&x, mode)?;
            let mut seeds = Vec::new();
            for (i, (output, (_, scores))) in
                (self.graph.outputs().iter().zip(pass.outputs())).enumerate()
            {
                let (loss, gradient) =
                    cross_entropy(scores, &self.labels, training.smoothing).unwrap();
                if i == 0 {
                    computed.loss = loss;
                    computed.right = right(&numbers(scores), &self.labels);
                }
                let weight = if i == 0 { 1.0 } else { training.auxiliary };
                seeds.push((output.node, (gradient * weight).unwrap()));
            }
            net.update_running_stats(&pass)?;
            let seeds: Vec<_> = seeds.iter().map(|(id, gradient)| (*id, gradient)).collect();
            let gradients = net.backward(pass, &seeds, false)?;
            computed.gradients = BTreeMap::new();
            for (id, node) in self.graph.nodes().iter().enumerate() {
                let tensors = self.graph.tensors_of(node);
                for (tensor, gradient) in tensors.iter().zip(gradients.of(id)) {
                    let name = [&node.path, ".", tensor.name].concat();
                    computed.gradients.insert(name, numbers(gradient));
                }
            }
            memory.step(
                &training.optimizer,
                number,
                step.lr_factor,
                &mut net,
                &gradients,
            )?;
        }
        let weights = net.weights();
        let weights = weights.map(|(name, _, tensor)| (name, numbers(tensor)));
        computed.weights = weights.collect();
        Ok(computed)
    }

    /// A session of the network on an emulated GPU.
    pub fn session(&self, element: Element, training: &Training) -> Session<Emulator> {
        self.session_on(element, training, emulator)
    }

    /// A session of the network on a machine that is told how many bytes it needs.
    pub fn session_on<M: Machine>(
        &self,
        element: Element,
        training: &Training,
        machine: impl FnOnce(usize, usize) -> Result<M, GpuError>,
    ) -> Session<M> {
        let samples = [self.labels.len()];
        let setup = setup(&self.graph, element, &samples, Some(training));
        Session::new(&setup, &self.weights, machine).unwrap()
    }

    /// As [`Case::cpu`], in a session.
    pub fn gpu<M: Machine>(&self, session: &mut Session<M>, steps: u64) -> Computed {
        let mut computed = Computed {
            scores: numbers(&session.infer(&self.x).unwrap()),
            ..Computed::default()
        };
        for number in 1..=steps {
            session.learn(&self.labels, keyed(number)).unwrap();
        }
        let outcome = session.outcomes(true).unwrap().pop().unwrap();
        (computed.loss, computed.right) = (outcome.loss, outcome.right);
        computed.gradients = all(session.gradients().unwrap());
        computed.weights = all(session.weights().unwrap());
        let memory = session.optimizer_state().unwrap().into_iter();
        let memory = memory.map(|(name, all)| (name, all.iter().map(numbers).collect()));
        computed.memory = memory.collect();
        computed
    }
}

/// Rows of scores that are highest at their label; of equal ones the first counts.
pub fn right(scores: &[f64], labels: &[usize]) -> usize {
    let rows = scores.chunks(scores.len() / labels.len()).zip(labels);
    let highest =
        |row: &[f64]| (0..row.len()).reduce(|best, i| if row[i] > row[best] { i } else { best });
    rows.filter(|(row, label)| highest(row) == Some(**label))
        .count()
}

/// The largest distance of two lists, of which each number has a scale.
pub fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let distance = |(a, b): (&f64, &f64)| match a == b || a.is_nan() && b.is_nan() {
        true => 0.0,
        false => (a - b).abs(),
    };
    // a NaN on one side only is as far as can be
    let far = |x: f64| if x.is_nan() { f64::INFINITY } else { x };
    a.iter().zip(b).map(distance).map(far).fold(0.0, f64::max)
}

pub fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x.abs()).fold(0.0, f64::max)
}

/// Whether numbers are near those in f64, as far as it can be told from what the CPU finds in f32.
pub fn near(
    what: &str,
    found: &[f64],
    cpu: &[f64],
    exact: &[f64],
    scale: f64,
) -> Result<(), String> {
    let (far, cpu) = (apart(found, exact), apart(cpu, exact));
    match far <= NEAR * scale + TIMES * cpu {
        true => Ok(()),
        false => Err(format!(
            "{what}: {far:e} from f64, the CPU {cpu:e}, of {scale:e}"
        )),
    }
}

/// Whether a session on the emulator computes what the CPU does.
pub fn compare(found: &Computed, cpu: &Computed, exact: &Computed) -> Result<(), String> {
    let scale = largest(&exact.scores);
    near("scores", &found.scores, &cpu.scores, &exact.scores, scale)?;
    let scale = exact.loss.abs().max(1.0);
    near("loss", &[found.loss], &[cpu.loss], &[exact.loss], scale)?;
    if found.right != cpu.right && found.right != exact.right {
        return Err(format!("{} right, the CPU {}", found.right, cpu.right));
    }
    for (what, found, cpu, exact) in [
        (
            "gradient",
            &found.gradients,
            &cpu.gradients,
            &exact.gradients,
        ),
        ("weight", &found.weights, &cpu.weights, &exact.weights),
    ] {
        assert!(found.keys().eq(exact.keys()), "{what}s of other tensors");
        let all = exact
            .values()
            .map(|numbers| largest(numbers))
            .fold(0.0, f64::max);
        for (name, exact_one) in exact {
            // a bias in front of a normalisation has no gradient but rounding: the layer's is the scale
            let layer = |name: &str| name.rsplit_once('.').map(|(layer, _)| layer.to_string());
            let same = exact
                .iter()
                .filter(|(other, _)| layer(other) == layer(name));
            let scale = same
                .map(|(_, numbers)| largest(numbers))
                .fold(0.0, f64::max);
            let scale = scale.max(LEAST * all);
            let what = format!("{what} {name}");
            near(&what, &found[name], &cpu[name], exact_one, scale)?;
        }
    }
    Ok(())
}
