//! The commands that run a network: from options to what is printed.

use super::progress::Bar;
use super::said::{Said, Stopped, json, lines};
use super::{EvalOptions, ForwardOptions, Real};
use anyhow::{Result, anyhow, bail};
use candle_core::{DType, Tensor};
use convcheck::cpu::Predictor;
use convcheck::data::{Normalisation, Part, Preparation, Source, Split, cifar10, cifar100};
use convcheck::graph::{Graph, Shape};
use convcheck::net::{Fill, Mode, Net, checkpoint};
use convcheck::random::Key;
use convcheck::run::{self, Score, WeightSource};
use convcheck::visible::line;
use convcheck::zoo::{Model, Registry};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Runs a network on one batch, writes its output and says where.
pub fn forward(options: &ForwardOptions, registry: &Registry) -> Result<Said> {
    let folder = options.output.parent().unwrap_or(Path::new("."));
    // said before the network runs; a folder that is misspelt is not made
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        let (output, folder) = (options.output.display(), folder.display());
        bail!("{output}: cannot write it: there is no folder `{folder}`");
    }
    let model = registry.find(&options.model)?;
    let dtype = match options.dtype {
        Real::F32 => DType::F32,
        Real::F64 => DType::F64,
    };
    let (graph, x) = batch(&model, &options.input, dtype)?;
    let weights = WeightSource::or_own(options.weights.clone(), &model)
        .and_then(|weights| weights.under(options.key.clone()))
        .map_err(anyhow::Error::msg)?;
    let net = run::net(graph, &weights, dtype, registry)?;
    // heads for training only are not run
    let several = net
        .graph()
        .outputs()
        .iter()
        .filter(|output| !output.auxiliary)
        .count()
        > 1;
    let outputs: BTreeMap<String, Tensor> = match options.dtype {
        Real::F32 if !several => {
            let output = predictor(&net, options.direct).predict(&x)?;
            [("output".to_string(), output)].into()
        }
        Real::F32 | Real::F64 => {
            let pass = net.forward(&x, Mode::Eval)?;
            let outputs = pass.outputs();
            outputs
                .map(|(name, output)| (name.to_string(), output.clone()))
                .collect()
        }
    };
    let mut said = String::new();
    for (name, output) in &outputs {
        run::finite(output)?;
        let file = options.output.to_string_lossy();
        said += &format!("{} {:?}: {}\n", line(name), output.dims(), line(&file));
    }
    checkpoint::write(&options.output, &outputs)?;
    Ok(said.into())
}

fn predictor(net: &Net, direct: bool) -> Predictor {
    match direct {
        true => Predictor::direct(net),
        false => Predictor::new(net),
    }
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

/// How often a network is right, and on what.
#[derive(Serialize)]
struct Evaluated<'a> {
    #[serde(flatten)]
    score: &'a Score,
    /// What colours were normalised by, as it was typed.
    normalise: &'a str,
    /// What there is to say of the data's files.
    remarks: &'a [String],
}

/// Runs a network over a data set, as long as `goes_on`, and says how many images it gets right.
pub fn eval(options: &EvalOptions, registry: &Registry, goes_on: fn() -> bool) -> Result<Said> {
    let model = registry.find(&options.model)?;
    let graph = model.graph()?;
    let given = options
        .weights
        .clone()
        .map(|path| WeightSource::File { path, key: None });
    let weights = WeightSource::or_own(given, &model)
        .and_then(|weights| weights.under(options.key.clone()))
        .map_err(anyhow::Error::msg)?;
    let (source, read) = match graph.prediction().shape.channels() {
        10 => (Source::Cifar10, cifar10 as fn(&Path, Part) -> Result<_, _>),
        100 => (
            Source::Cifar100,
            cifar100 as fn(&Path, Part) -> Result<_, _>,
        ),
        classes => bail!(
            "{} tells {classes} classes apart; there are data sets of 10 (CIFAR-10) and 100 (CIFAR-100)",
            options.model
        ),
    };
    let split: Split = read(&options.data, Part::Test)?;
    let normalisation = Normalisation::spelt(&options.normalise, split.shape.channels());
    let preparation = Preparation {
        augment: Vec::new(),
        normalisation: normalisation.map_err(|what| anyhow!("--normalise: {what}"))?,
    };
    let net = run::net(graph, &weights, DType::F32, registry)?;
    let progress = Bar::steps(split.len())?;
    let mut predictor = predictor(&net, options.direct);
    let score = run::evaluate(
        &mut predictor,
        &split,
        &preparation,
        Key::seed(0),
        |images| {
            progress.step(images as u64);
            goes_on()
        },
    )?;
    let Some(score) = score else {
        return Err(Stopped("stopped before the last image".into()).into());
    };
    let remarks = source.remarks(&options.data, &[Part::Test]);
    Ok(match options.json {
        true => json(&Evaluated {
            score: &score,
            normalise: &options.normalise,
            remarks: &remarks,
        })?,
        false => format!(
            "{} of {} right, error {:.2} %, {:.1} s; colours normalised by {}\n{}",
            score.correct,
            score.total,
            score.error,
            score.seconds,
            options.normalise,
            lines(&remarks)
        ),
    }
    .into())
}
