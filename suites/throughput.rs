//! How fast are both halves? `cargo bench`.

#[path = "throughput/candle.rs"]
mod stock;

use candle_core::{DType, Tensor};
use candle_nn::Optimizer;
use convcheck::analysis::summary;
use convcheck::check::{check, select};
use convcheck::evidence::Training;
use convcheck::graph::Graph;
use convcheck::net::{Fill, Init, Mode, Net};
use convcheck::ops::loss::cross_entropy;
use convcheck::{claim, zoo};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use stock::Stock;

fn registry(criterion: &mut Criterion) {
    criterion.bench_function("registry/build", |bencher| {
        bencher.iter(|| {
            for model in zoo::models() {
                black_box(model.graph().expect("a registered model builds"));
            }
        });
    });
    criterion.bench_function("registry/build-and-analyse", |bencher| {
        bencher.iter(|| {
            for model in zoo::models() {
                let graph = model.graph().expect("a registered model builds");
                black_box(summary(model.name, &graph).expect("its counts fit"));
            }
        });
    });
}

fn claims(criterion: &mut Criterion) {
    criterion.bench_function("claims/parse", |bencher| {
        bencher.iter(|| black_box(claim::embedded().expect("the suites are well-formed")));
    });
    let suites = claim::embedded().expect("the suites are well-formed");
    let training = Training::default();
    criterion.bench_function("claims/check-all", |bencher| {
        bencher.iter(|| black_box(check(select(&suites, None), &training, false, |_| true)));
    });
}

/// A network, weights, a batch and its labels.
struct Work {
    name: &'static str,
    graph: Graph,
    x: Tensor,
    labels: Vec<usize>,
}

impl Work {
    fn new(name: &'static str, samples: usize) -> Work {
        let graph = zoo::find(name)
            .and_then(zoo::Model::graph)
            .expect("it is registered");
        let classes = graph.prediction().shape.channels();
        Work {
            name,
            x: Fill::input(&graph, samples, DType::F32).expect("it is made"),
            labels: (0..samples).map(|i| i % classes).collect(),
            graph,
        }
    }

    fn net(&self) -> Net {
        let weights = Init::He
            .weights(&self.graph, 1, DType::F32)
            .expect("they are made");
        Net::new(self.graph.clone(), weights, DType::F32).expect("they fit")
    }

    fn stock(&self) -> Stock {
        let weights = Init::He
            .weights(&self.graph, 1, DType::F32)
            .expect("they are made");
        Stock::new(&self.graph, &weights).expect("they fit")
    }

    fn label(&self) -> String {
        format!("{}/{}", self.name, self.labels.len())
    }
}

/// Networks and batch sizes; the first two also on stock candle layers.
const NETS: [(&str, usize); 6] = [
    ("plain20_cifar", 64),
    ("article_lenet5_cifar10", 64),
    ("resnet20_cifar", 64),
    ("resnet18", 1),
    ("resnet50", 1),
    ("vgg16", 1),
];

fn inference(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inference");
    group.sample_size(10);
    for (i, (name, samples)) in NETS.into_iter().enumerate() {
        let work = Work::new(name, samples);
        group.throughput(Throughput::Elements(samples as u64));
        let net = work.net();
        group.bench_function(BenchmarkId::new("convcheck", work.label()), |bencher| {
            bencher.iter(|| net.forward(&work.x, Mode::Eval).expect("it runs"));
        });
        if i < 2 {
            let stock = work.stock();
            group.bench_function(BenchmarkId::new("candle", work.label()), |bencher| {
                bencher.iter(|| stock.forward(&work.x, false).expect("it runs"));
            });
        }
    }
}

/// Forward, loss, backward, update by plain gradient descent.
fn training(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training");
    group.sample_size(10);
    for (i, (name, samples)) in NETS.into_iter().enumerate().filter(|(_, (_, n))| *n > 1) {
        let work = Work::new(name, samples);
        group.throughput(Throughput::Elements(samples as u64));
        let mut net = work.net();
        let prediction = work.graph.outputs()[0].node;
        group.bench_function(BenchmarkId::new("convcheck", work.label()), |bencher| {
            bencher.iter(|| {
                let pass = net.forward(&work.x, Mode::train(1, 0)).expect("it runs");
                let (_, seed) = cross_entropy(pass.output(), &work.labels, 0.0).expect("scores");
                net.settle(&pass).expect("statistics");
                let gradients = net
                    .backward(pass, &[(prediction, &seed)], false)
                    .expect("gradients");
                net.update(&gradients, |_, weight, gradient| {
                    weight - (gradient * 1e-4)?
                })
                .expect("it fits");
            });
        });
        // candle's max pooling has a wrong gradient, so only the first
        if i == 0 {
            let stock = work.stock();
            let mut optimiser = candle_nn::SGD::new(stock.variables(), 1e-4).expect("variables");
            let labels: Vec<u32> = work.labels.iter().map(|&label| label as u32).collect();
            let labels = Tensor::new(labels, work.x.device()).expect("labels");
            group.bench_function(BenchmarkId::new("candle", work.label()), |bencher| {
                bencher.iter(|| {
                    let y = stock.forward(&work.x, true).expect("it runs");
                    let loss = candle_nn::loss::cross_entropy(&y, &labels).expect("scores");
                    optimiser.backward_step(&loss).expect("gradients");
                });
            });
        }
    }
}

criterion_group!(benches, registry, claims, inference, training);
criterion_main!(benches);
