//! The vocabulary of measures: one list, from which evaluation, help and checks derive.

mod arguments;
mod graphs;
mod models;
mod numbers;

pub(super) use graphs::Graphs;

use crate::claim::Value;
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

type Answer = Result<Value, String>;

/// What a function computes from its arguments, the first of them included.
enum Compute {
    /// The quantity of its name, on the network that the first argument names.
    Quantity,
    /// Something about the network that the first argument names.
    Model(fn(&Graph, &[Value]) -> Answer),
    /// Something about the registry.
    Registry(fn(&[Value]) -> Answer),
    /// Arithmetic.
    Number(fn(&[Value]) -> Answer),
}

impl Function {
    /// Whether its calls are evidence about a model, or plain arithmetic.
    pub(super) const fn is_about_models(&self) -> bool {
        !matches!(self.compute, Compute::Number(_))
    }

    /// Calls it.
    ///
    /// # Errors
    /// One line on what is unknown, impossible or too large.
    pub(super) fn call(&self, graphs: &Graphs, args: &[Value]) -> Answer {
        if args.len() < self.arity.0 || args.len() > self.arity.1 {
            return Err(format!("it is called as {}", self.signature));
        }
        let graph = || graphs.build(arguments::text(args, 0)?);
        match self.compute {
            Compute::Quantity => models::quantity(self.name, &*graph()?, args),
            Compute::Model(compute) => compute(&*graph()?, args),
            Compute::Registry(compute) | Compute::Number(compute) => compute(args),
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
    function("ways", "ways(model)", "ways from the input to the prediction", (1, 1), Compute::Model(models::ways)),
    function("links", "links(model[, path])", "pairs of a layer (weighted, join or input) and one that reads its features directly", (1, 2), Compute::Model(models::links)),
    function("idle", "idle(model[, path])", "names of the trainable tensors that get no gradient in training: no output depends on them, or a batch normalisation subtracts them again", (1, 2), Compute::Model(models::idle)),
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
    function("accepts", "accepts(model, 'CxHxW')", "whether the model works on an input of that size", (2, 2), Compute::Registry(models::accepts)),
    function("window", "window(input, kernel, stride, pad)", "positions of a window: (input + 2 pad - kernel) / stride + 1, rounded down", (4, 4), Compute::Number(numbers::window)),
    function("ratio", "ratio(a, b)", "a / b as a fraction", (2, 2), Compute::Number(numbers::ratio)),
    function("round", "round(x, digits)", "x rounded to that many decimals", (2, 2), Compute::Number(numbers::round)),
    function("ln", "ln(x)", "natural logarithm", (1, 1), Compute::Number(numbers::ln)),
    function("sum", "sum(list)", "sum of a list", (1, 1), Compute::Number(numbers::sum)),
    function("largest", "largest(list)", "largest number of a list", (1, 1), Compute::Number(numbers::largest)),
    function("smallest", "smallest(list)", "smallest number of a list", (1, 1), Compute::Number(numbers::smallest)),
];
