//! The vocabulary of measures: one list, from which evaluation, help and checks derive.

mod arguments;
mod models;
mod numbers;

pub(super) use models::Graphs;

use crate::claim::Value;

/// A function that measures may call.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called; brackets mark what may be left out.
    pub signature: &'static str,
    /// What it returns.
    pub returns: &'static str,
    /// Whether its calls are evidence about a model, or plain arithmetic.
    pub(super) about_models: bool,
    /// Fewest and most arguments.
    arity: (usize, usize),
    /// Its computation.
    compute: fn(&Graphs, &Function, &[Value]) -> Result<Value, String>,
}

impl Function {
    /// Calls it.
    pub(super) fn call(&self, graphs: &Graphs, args: &[Value]) -> Result<Value, String> {
        if args.len() < self.arity.0 || args.len() > self.arity.1 {
            return Err(format!("it is called as {}", self.signature));
        }
        (self.compute)(graphs, self, args)
    }
}

/// Every function; a path may name a layer or a scope of layers, and a model may be put on another
/// input: `vgg16@3x256x256`.
pub const FUNCTIONS: &[Function] = &[
    models::quantity(
        "params",
        "params(model[, path])",
        "parameters, trainable and frozen",
    ),
    models::quantity(
        "trainable",
        "trainable(model[, path])",
        "parameters that training changes",
    ),
    models::quantity(
        "frozen",
        "frozen(model[, path])",
        "parameters that training leaves alone",
    ),
    models::quantity(
        "buffers",
        "buffers(model[, path])",
        "running statistics of batch normalisation",
    ),
    models::quantity(
        "macs",
        "macs(model[, path])",
        "multiply-accumulates of convolutions and linear layers, one sample",
    ),
    models::quantity(
        "connections",
        "connections(model[, path])",
        "inputs of all units, biases included, as LeCun et al. 1998 count",
    ),
    models::quantity(
        "neurons",
        "neurons(model[, path])",
        "units of the layers that compute",
    ),
    models::quantity(
        "activations",
        "activations(model[, path])",
        "output values of the layers, one sample",
    ),
    models::about(
        "peak_activations",
        "peak_activations(model)",
        "values alive at once in a forward pass, one sample",
        (1, 1),
        models::peak_activations,
    ),
    models::about(
        "depth",
        "depth(model)",
        "weighted layers on the longest way to the prediction",
        (1, 1),
        models::depth,
    ),
    models::about(
        "input",
        "input(model[, layer])",
        "shape that enters the model or layer, [c, h, w] or [c]",
        (1, 2),
        models::input,
    ),
    models::about(
        "output",
        "output(model[, layer])",
        "shape that leaves the model or layer, [c, h, w] or [c]",
        (1, 2),
        models::output,
    ),
    models::about(
        "outputs",
        "outputs(model, op)",
        "output shapes of all layers of that kind, in order",
        (2, 2),
        models::outputs,
    ),
    models::about(
        "layers",
        "layers(model, op[, path])",
        "how many layers of that kind there are; `weighted` counts as papers do",
        (2, 3),
        models::layers,
    ),
    models::about(
        "ops",
        "ops(model[, path])",
        "kinds of all layers, in order",
        (1, 2),
        models::ops,
    ),
    models::about(
        "paths",
        "paths(model, op)",
        "paths of all layers of that kind, in order",
        (2, 2),
        models::paths,
    ),
    models::about(
        "op",
        "op(model, layer)",
        "kind of a layer",
        (2, 2),
        models::op,
    ),
    models::about(
        "reads",
        "reads(model, layer)",
        "paths of the layers whose outputs a layer reads",
        (2, 2),
        models::reads,
    ),
    models::about(
        "constant",
        "constant(model, layer, name)",
        "kernel, stride, pad, dilation ([h, w]), groups, bias, ceil, size, alpha, beta, k, p, eps, momentum or classes of a layer",
        (3, 3),
        models::constant,
    ),
    models::about(
        "table",
        "table(model, layer)",
        "connection table: for each output map the input maps that it reads",
        (2, 2),
        models::table,
    ),
    models::about(
        "tensor",
        "tensor(model, name)",
        "dimensions of a tensor of the state_dict",
        (2, 2),
        models::tensor,
    ),
    models::about(
        "tensors",
        "tensors(model[, path])",
        "dimensions of all trainable tensors, in order",
        (1, 2),
        models::tensors,
    ),
    models::about(
        "receptive_field",
        "receptive_field(model[, layer])",
        "input rows that one unit sees ([h, w] if they differ); without a layer, of the last feature map",
        (1, 2),
        models::field_size,
    ),
    models::about(
        "receptive_stride",
        "receptive_stride(model[, layer])",
        "input rows between the fields of neighbours",
        (1, 2),
        models::field_stride,
    ),
    models::about(
        "receptive_offset",
        "receptive_offset(model[, layer])",
        "first input row that the first unit sees; negative in the padding",
        (1, 2),
        models::field_offset,
    ),
    models::about(
        "accepts",
        "accepts(model, 'CxHxW')",
        "whether the model works on an input of that size",
        (2, 2),
        models::accepts,
    ),
    numbers::number_function(
        "window",
        "window(input, kernel, stride, pad)",
        "positions of a window: (input + 2 pad - kernel) / stride + 1, rounded down",
        (4, 4),
        numbers::window,
    ),
    numbers::number_function(
        "ratio",
        "ratio(a, b)",
        "a / b as a fraction",
        (2, 2),
        numbers::ratio,
    ),
    numbers::number_function(
        "round",
        "round(x, digits)",
        "x rounded to that many decimals",
        (2, 2),
        numbers::round,
    ),
    numbers::number_function("ln", "ln(x)", "natural logarithm", (1, 1), numbers::ln),
    numbers::number_function("sum", "sum(list)", "sum of a list", (1, 1), numbers::sum),
    numbers::number_function(
        "largest",
        "largest(list)",
        "largest number of a list",
        (1, 1),
        numbers::largest,
    ),
    numbers::number_function(
        "smallest",
        "smallest(list)",
        "smallest number of a list",
        (1, 1),
        numbers::smallest,
    ),
];
