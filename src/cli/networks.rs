//! The commands that run a network: from options to what is printed.

use super::progress::bar;
use super::said::{Said, json};
use super::{EvalOptions, ForwardOptions, Normalise, Real};
use anyhow::{Result, bail};
use candle_core::{DType, Tensor};
use convcheck::data::{self, Normalisation, Part, Preparation};
use convcheck::graph::{Graph, Shape};
use convcheck::net::{Fill, Mode, checkpoint};
use convcheck::random::Key;
use convcheck::run::{self, WeightSource};
use convcheck::zoo::{Model, Registry};
use std::path::Path;

/// Runs a network on one batch, writes its output and says where.
pub fn forward(options: &ForwardOptions, registry: &Registry) -> Result<Said> {
    let model = registry.find(&options.model)?;
    let dtype = match options.dtype {
        Real::F32 => DType::F32,
        Real::F64 => DType::F64,
    };
    let (graph, x) = batch(&model, &options.input, dtype)?;
    let net = run::net(graph, &options.weights, dtype, registry)?;
    let output = net.forward(&x, Mode::Eval)?.output().clone();
    let said = format!("output {:?}: {}\n", output.dims(), options.output.display());
    checkpoint::write(&options.output, &[("output".to_string(), output)].into())?;
    Ok(said.into())
}

/// The batch that `--input` names, and the network on inputs of its size.
fn batch(model: &Model, input: &Path, dtype: DType) -> Result<(Graph, Tensor)> {
    if input == Path::new("fill") {
        let graph = model.graph()?;
        let x = Fill::input(&graph, 2, dtype)?;
        return Ok((graph, x));
    }
    let x = run::tensor(input, "input", dtype)?;
    let shape = match *x.dims() {
        [_, c, h, w] => Shape::map(c, h, w),
        [_, c] => Shape::vector(c),
        ref dims => bail!(
            "{}: `input` is {dims:?}, must be [n, c, h, w]",
            input.display()
        ),
    };
    Ok((model.graph_at(shape)?, x))
}

/// Runs a network over a data set, as long as `goes_on`, and says how many images it gets right.
pub fn eval(options: &EvalOptions, registry: &Registry, goes_on: fn() -> bool) -> Result<Said> {
    let graph = registry.find(&options.model)?.graph()?;
    let read = match graph.prediction().shape.channels() {
        10 => data::cifar10,
        100 => data::cifar100,
        classes => bail!(
            "{} tells {classes} classes apart; there are data sets of 10 (CIFAR-10) and 100 (CIFAR-100)",
            options.model
        ),
    };
    let split = read(&options.data, Part::Test)?;
    let preparation = Preparation {
        augment: Vec::new(),
        normalisation: match options.normalise {
            Normalise::Imagenet => Normalisation::imagenet(),
            Normalise::Cifar10 => Normalisation::cifar10(),
        },
    };
    let weights = WeightSource::File(options.weights.clone());
    let net = run::net(graph, &weights, DType::F32, registry)?;
    let progress = bar(split.len())?;
    let score = run::evaluate(&net, &split, &preparation, Key::seed(0), |images| {
        progress.inc(images as u64);
        goes_on()
    })?;
    progress.finish_and_clear();
    let Some(score) = score else {
        bail!("stopped before the last image")
    };
    Ok(match options.json {
        true => json(&score)?,
        false => format!(
            "{} of {} right, error {:.2} %, {:.1} s\n",
            score.correct, score.total, score.error, score.seconds
        ),
    }
    .into())
}
