//! Outputs of networks, units and single layers.

use super::super::arguments::{number, optional_text, size, text};
use super::super::models::layer;
use super::super::{Answer, Graphs, arguments};
use super::{
    Pass, affordable, drawn, images, list, net, norm, numbers, relative, say, weights, with_weights,
};
use crate::claim::Datum;
use crate::graph::{Graph, Lrn, Op};
use crate::net::Mode;
use crate::ops::lrn;
use crate::ops::rbf;
use candle_core::{Device, Tensor};

/// Longer outputs would fill the report.
const MOST_OUTPUTS: usize = 10_000;

pub(in super::super) fn forward(graphs: &Graphs, args: &[Datum]) -> Answer {
    let (_, y) = image_and_output(graphs, args)?;
    match numbers(&y)? {
        output if output.len() > MOST_OUTPUTS => Err(format!(
            "it puts out {} numbers; this shows at most {MOST_OUTPUTS}",
            output.len()
        )),
        output => Ok(list(output)),
    }
}

pub(in super::super) fn residue(graphs: &Graphs, args: &[Datum]) -> Answer {
    let (x, y) = image_and_output(graphs, args)?;
    if y.dims() != x.dims() {
        return Err("its output has not the shape of its input".into());
    }
    let apart = (y - &x).map_err(say)?;
    Ok(relative(norm([&apart])?, norm([&x])?))
}

/// A random image and what the network that the first argument names makes of it.
fn image_and_output(graphs: &Graphs, args: &[Datum]) -> Result<(Tensor, Tensor), String> {
    let graph = graphs.build(text(args, 0)?)?;
    let (init, seed) = drawn(args, 1)?;
    affordable(&graph, 1, Pass::Forward)?;
    let x = images(&graph, optional_text(args, 3)?.unwrap_or("normal"), 1, seed)?;
    let pass = net(&graph, init, seed)?.forward(&x, Mode::Eval);
    let y = pass.map_err(say)?.output().clone();
    Ok((x, y))
}

pub(in super::super) fn difference(graphs: &Graphs, args: &[Datum]) -> Answer {
    let (one, other) = (graphs.build(text(args, 0)?)?, graphs.build(text(args, 1)?)?);
    let (init, seed) = drawn(args, 2)?;
    for graph in [&one, &other] {
        affordable(graph, 1, Pass::Forward)?;
    }
    let x = images(&one, "normal", 1, seed)?;
    let of_one = weights(&one, init, seed)?;
    let mut of_other = weights(&other, init, seed)?;
    for (name, weight) in &mut of_other {
        let given = of_one
            .get(name)
            .filter(|given| given.elem_count() == weight.elem_count())
            .ok_or_else(|| format!("`{name}` is not a tensor of as many weights in both"))?;
        *weight = given.reshape(weight.dims()).map_err(say)?;
    }
    let output = |graph: &Graph, weights| -> Result<Tensor, String> {
        let net = with_weights(graph, weights)?;
        let pass = net.forward(&x, Mode::Eval).map_err(say)?;
        pass.output().flatten_all().map_err(say)
    };
    let (one, other) = (output(&one, of_one)?, output(&other, of_other)?);
    let apart = (&one - &other).map_err(say)?;
    Ok(relative(norm([&apart])?, norm([&one])?))
}

pub(in super::super) fn code_distances(graphs: &Graphs, args: &[Datum]) -> Answer {
    let graph = graphs.build(text(args, 0)?)?;
    let path = text(args, 1)?;
    if !matches!(layer(&graph, path)?.op, Op::Rbf { .. }) {
        return Err(format!("`{path}` has no codes"));
    }
    affordable(&graph, 0, Pass::Forward)?;
    let mut weights = weights(&graph, "torch", 0)?;
    let codes = weights
        .remove(&[path, ".weight"].concat())
        .ok_or("it has no codes")?;
    let moved = (&codes + number(args, 2)?).map_err(say)?;
    let distances = rbf::forward(&moved, &codes).map_err(say)?;
    let classes = codes.dims()[0];
    let rows = numbers(&distances)?;
    Ok(Datum::List(
        rows.chunks(classes)
            .map(|row| list(row.iter().copied()))
            .collect(),
    ))
}

pub(in super::super) fn lrn(_: &Graphs, args: &[Datum]) -> Answer {
    let values = arguments::list(args, 0)?;
    if values.is_empty() {
        return Err("there must be a channel to normalise".into());
    }
    let x = (0..values.len())
        .map(|i| number(values, i))
        .collect::<Result<Vec<_>, _>>()?;
    let constants = Lrn {
        size: size(args, 1)?,
        alpha: number(args, 2)?,
        beta: number(args, 3)?,
        k: number(args, 4)?,
    };
    let dims = (1, x.len(), 1, 1);
    let x = Tensor::from_vec(x, dims, &Device::Cpu).map_err(say)?;
    numbers(&lrn::forward(&constants, &x).map_err(say)?).map(list)
}
