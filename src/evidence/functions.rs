//! The vocabulary of measures: one list, from which evaluation, help and checks derive.

mod arguments;
mod graphs;
mod models;
mod numbers;
mod numeric;
mod timed;

pub(super) use graphs::Graphs;

use super::budget::Source;
use super::timings::Timings;
use crate::claim::Datum;
use crate::graph::Graph;

/// A function that measures may call.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called; brackets mark what may be left out.
    pub signature: &'static str,
    /// What it returns.
    pub returns: &'static str,
    /// Fewest and most arguments.
    arity: (usize, usize),
    compute: Compute,
}

type Answer = Result<Datum, String>;

/// What a function computes from its arguments, the first of them included.
enum Compute {
    /// The quantity of its name, on the network that the first argument names.
    Quantity,
    /// Something about the network that the first argument names.
    Model(fn(&Graph, &[Datum]) -> Answer),
    /// Something about a network or a layer that runs.
    Numeric(fn(&Graphs, &[Datum]) -> Answer),
    /// Something about timings that are recorded of a network, or of all that were timed.
    Timed(fn(&Graphs, &Timings, &[Datum]) -> Answer),
    /// Arithmetic.
    Number(fn(&[Datum]) -> Answer),
}

impl Function {
    /// What its calls go by, as evidence about models; nothing for plain arithmetic.
    pub(super) const fn source(&self) -> Option<Source> {
        match self.compute {
            Compute::Quantity | Compute::Model(_) => Some(Source::Description),
            Compute::Numeric(_) => Some(Source::Run),
            Compute::Timed(_) => Some(Source::Timings),
            Compute::Number(_) => None,
        }
    }

    /// Calls it.
    ///
    /// # Errors
    /// One line on what is unknown, impossible or too large.
    pub(super) fn call(&self, graphs: &Graphs, timings: &Timings, args: &[Datum]) -> Answer {
        if args.len() < self.arity.0 || args.len() > self.arity.1 {
            return Err(format!("it is called as {}", self.signature));
        }
        let graph = || graphs.build(arguments::text(args, 0)?);
        match self.compute {
            Compute::Quantity => {
                let graph = graph()?;
                if models::counts_tensors(self.name) {
                    graphs.count(arguments::text(args, 0)?)?;
                }
                models::quantity(self.name, &graph, args)
            }
            Compute::Model(compute) => compute(&*graph()?, args),
            Compute::Numeric(compute) => compute(graphs, args),
            Compute::Timed(compute) => compute(graphs, timings, args),
            Compute::Number(compute) => compute(args),
        }
    }
}

const fn function(
    name: &'static str,
    signature: &'static str,
    returns: &'static str,
    arity: (usize, usize),
    compute: Compute,
) -> Function {
    Function {
        name,
        signature,
        returns,
        arity,
        compute,
    }
}

const fn quantity(name: &'static str, signature: &'static str, returns: &'static str) -> Function {
    function(name, signature, returns, (1, 2), Compute::Quantity)
}

/// Every function; a path may name a layer or a scope of layers, and a model may be put on another
/// input: `vgg16@3x256x256`.
#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    quantity("params", "params(model[, path])", "parameters, trainable and frozen"),
    quantity("trainable", "trainable(model[, path])", "parameters that training changes"),
    quantity("frozen", "frozen(model[, path])", "parameters that training leaves alone"),
    quantity("buffers", "buffers(model[, path])", "running statistics of batch normalisation"),
    quantity("macs", "macs(model[, path])", "multiply-accumulates of convolutions and linear layers, one sample"),
    quantity("connections", "connections(model[, path])", "inputs of all units, biases included, as LeCun et al. 1998 count"),
    quantity("neurons", "neurons(model[, path])", "units of the layers that compute"),
    quantity("activations", "activations(model[, path])", "output values of the layers, one sample"),
    function("peak_activations", "peak_activations(model)", "values alive at once in a forward pass, one sample", (1, 1), Compute::Model(models::peak_activations)),
    function("depth", "depth(model)", "weighted layers on the longest way to the prediction", (1, 1), Compute::Model(models::depth)),
    function("path_count", "path_count(model)", "paths from the input to the prediction", (1, 1), Compute::Model(models::path_count)),
    function("ways", "ways(model)", "another name of path_count", (1, 1), Compute::Model(models::path_count)),
    function("layer_links", "layer_links(model[, path])", "pairs of a layer (weighted, join or input) and one that reads its features directly", (1, 2), Compute::Model(models::layer_links)),
    function("links", "links(model[, path])", "another name of layer_links", (1, 2), Compute::Model(models::layer_links)),
    function("params_without_grad", "params_without_grad(model[, path])", "names of the trainable tensors that get no gradient in training: no output depends on them, or a batch normalisation subtracts them again", (1, 2), Compute::Model(models::params_without_grad)),
    function("idle", "idle(model[, path])", "another name of params_without_grad", (1, 2), Compute::Model(models::params_without_grad)),
    function("padded_weights", "padded_weights(model[, path])", "weights of convolutions that at every position only meet padding", (1, 2), Compute::Model(models::padded_weights)),
    function("input", "input(model[, layer])", "shape that enters the model or layer, [c, h, w] or [c]", (1, 2), Compute::Model(models::input)),
    function("output", "output(model[, layer])", "shape that leaves the model or layer, [c, h, w] or [c]", (1, 2), Compute::Model(models::output)),
    function("outputs", "outputs(model, op)", "output shapes of all layers of that kind, in order", (2, 2), Compute::Model(models::outputs)),
    function("layers", "layers(model, op[, path])", "how many layers of that kind there are; `weighted` counts as papers do", (2, 3), Compute::Model(models::layers)),
    function("ops", "ops(model[, path])", "kinds of all layers, in order", (1, 2), Compute::Model(models::ops)),
    function("paths", "paths(model, op)", "paths of all layers of that kind, in order", (2, 2), Compute::Model(models::paths)),
    function("op", "op(model, layer)", "kind of a layer", (2, 2), Compute::Model(models::op)),
    function("reads", "reads(model, layer)", "paths of the layers whose outputs a layer reads", (2, 2), Compute::Model(models::reads)),
    function("constant", "constant(model, layer, name)", "kernel, stride, pad, dilation ([h, w]), groups, bias, ceil, size, alpha, beta, k, p, eps, momentum, classes, drop_path, from, to, factor or offset of a layer", (3, 3), Compute::Model(models::constant)),
    function("table", "table(model, layer)", "connection table: for each output map the input maps that it reads", (2, 2), Compute::Model(models::table)),
    function("tensor", "tensor(model, name)", "dimensions of a tensor of the state_dict", (2, 2), Compute::Model(models::tensor)),
    function("tensors", "tensors(model[, path])", "dimensions of all trainable tensors, in order", (1, 2), Compute::Model(models::tensors)),
    function("receptive_field", "receptive_field(model[, layer])", "input rows that one unit sees ([h, w] if they differ); without a layer, of the last feature map", (1, 2), Compute::Model(models::field_size)),
    function("receptive_stride", "receptive_stride(model[, layer])", "input rows between the fields of neighbours", (1, 2), Compute::Model(models::field_stride)),
    function("receptive_offset", "receptive_offset(model[, layer])", "first input row that the first unit sees; negative in the padding", (1, 2), Compute::Model(models::field_offset)),
    function("accepts", "accepts(model, 'CxHxW')", "whether the model works on an input of that size", (2, 2), Compute::Model(models::accepts)),
    function("forward", "forward(model, init, seed[, images])", "output for one random image in inference mode; init is torch, keras, he, glorot or zero; images are normal (the default), uniform in [0, 1) or bytes", (3, 4), Compute::Numeric(numeric::forward)),
    function("first_loss", "first_loss(model, init, seed, batch, mode[, images])", "cross-entropy of the untrained network on random images and labels; mode is train or inference, which decides what batch normalisation goes by", (5, 6), Compute::Numeric(numeric::first_loss)),
    function("gradient_norms", "gradient_norms(model, op, init, seed)", "norm of the first loss' gradient at the output of each layer of that kind, in order", (4, 4), Compute::Numeric(numeric::gradient_norms)),
    function("weight_gradients", "weight_gradients(model, op, init, seed)", "norm of the first loss' gradient at the weights of each layer of that kind, in order", (4, 4), Compute::Numeric(numeric::weight_gradients)),
    function("idle_gradients", "idle_gradients(model, init, seed)", "names of the trainable tensors whose gradient in training mode is zero, rounding errors apart", (3, 3), Compute::Numeric(numeric::tensors_without_gradient)),
    function("zero_gradients", "zero_gradients(model, init, seed, batch[, path])", "single weights whose gradient in training mode is exactly zero on a random batch", (4, 5), Compute::Numeric(numeric::zero_gradients)),
    function("reach", "reach(model, layer)", "input rows that the gradient of a layer's centre unit reaches ([h, w] if they differ), all weights positive", (2, 2), Compute::Numeric(numeric::reach)),
    function("residue", "residue(model, init, seed[, images])", "distance of the output from the input, in parts of the input's norm, to nine decimals", (3, 4), Compute::Numeric(numeric::residue)),
    function("difference", "difference(model, model, init, seed)", "distance between the outputs of two networks of the same weights, in parts of the output's norm, to nine decimals", (4, 4), Compute::Numeric(numeric::difference)),
    function("code_distances", "code_distances(model, layer, shift)", "for each code of a layer of codes its outputs at that code, every coordinate moved by shift; the codes are drawn, +1 or -1", (3, 3), Compute::Numeric(numeric::code_distances)),
    function("lrn", "lrn(list, size, alpha, beta, k)", "local response normalisation of one unit's channels", (5, 5), Compute::Numeric(numeric::lrn)),
    function("step_ms", "step_ms(model, batch, step, engine, record[, platform])", "milliseconds of a step (inference or training) by an engine (convcheck, PyTorch, ...), the median of all samples in a record: a folder with timings in one of --runs (reports); platform tells several apart by some of its words, as 'bf16' or 'f32, 2 threads'", (5, 6), Compute::Timed(timed::step_ms)),
    function("speedup", "speedup(model, batch, step, peer, record[, platform])", "how many times as fast as a peer convcheck takes a step, the median of the rounds of a record; 'best peer' is the one that is best over all rounds", (5, 6), Compute::Timed(timed::speedup)),
    function("speedups", "speedups(step, record[, platform])", "the same against the best peer of each row (network and batch) of a record, in order", (2, 3), Compute::Timed(timed::speedups)),
    function("window", "window(input, kernel, stride, pad)", "positions of a window: (input + 2 pad - kernel) / stride + 1, rounded down", (4, 4), Compute::Number(numbers::window)),
    function("ratio", "ratio(a, b)", "a / b as a fraction", (2, 2), Compute::Number(numbers::ratio)),
    function("quotient", "quotient(a, b)", "a / b of whole numbers without the remainder", (2, 2), Compute::Number(numbers::quotient)),
    function("round", "round(x, digits)", "x rounded to that many decimals", (2, 2), Compute::Number(numbers::round)),
    function("ln", "ln(x)", "natural logarithm", (1, 1), Compute::Number(numbers::ln)),
    function("softmax", "softmax(list)", "softmax of a list", (1, 1), Compute::Number(numbers::softmax)),
    function("argmax", "argmax(list)", "index of the largest number of a list, the first of equals", (1, 1), Compute::Number(numbers::argmax)),
    function("mean", "mean(list)", "mean of a list", (1, 1), Compute::Number(numbers::mean)),
    function("geometric_mean", "geometric_mean(list)", "geometric mean of a list of positive numbers", (1, 1), Compute::Number(numbers::geometric_mean)),
    function("decay", "decay(list)", "factor from a number of a list to the one before it, the geometric mean over the list", (1, 1), Compute::Number(numbers::decay)),
    function("sum", "sum(list)", "sum of a list", (1, 1), Compute::Number(numbers::sum)),
    function("largest", "largest(list)", "largest number of a list", (1, 1), Compute::Number(numbers::largest)),
    function("smallest", "smallest(list)", "smallest number of a list", (1, 1), Compute::Number(numbers::smallest)),
];
