//! What is a layer told, in letters, and what of it does training alone look at?

use crate::graph::{Constant, Graph, Node, Op, Pad, Window};

/// What training alone looks at, by kind of layer and constant.
const TRAINING: [(&str, &str); 4] = [
    ("batch_norm", "momentum"),
    ("dropout", "p"),
    ("mean", "drop_path"),
    ("stochastic_depth", "p"),
];

/// Kinds that do nothing once a network is trained.
const IN_TRAINING: [&str; 2] = ["dropout", "stochastic_depth"];

/// A constant by its name, in letters.
pub(super) type Written = (&'static str, String);

/// The constants of a layer in letters; equal ones have equal letters, and so have those that do the same on every input.
pub(super) fn written(op: &Op) -> Vec<Written> {
    let constants = op.constants().into_iter();
    let mut written: Vec<Written> = constants
        .map(|(name, constant)| (name, letters(&constant)))
        .collect();
    if let Some(window) = op.window() {
        for (name, value) in &mut written {
            if let Some(plain) = plain(window, name) {
                *value = plain;
            }
        }
    }
    written
}

/// What a constant of a window comes to, where others would do the same.
fn plain(window: &Window, name: &str) -> Option<String> {
    let steps = window.stride == [1, 1];
    let span = |axis| window.span(axis);
    let none = Pad::Even([0, 0]);
    match name {
        // no window hangs over the edge
        "ceil" if steps => Some(false.to_string()),
        // nothing lies between taps
        "dilation" if window.kernel == [1, 1] => Some("1x1".into()),
        // no zero is there that could count
        "count_include_pad" if window.pad == none && (steps || !window.ceil) => {
            Some(true.to_string())
        }
        // as many zeros in front as behind, whatever the input
        "pad" if steps && window.pad == Pad::Same => match (span(0)?, span(1)?) {
            (h, w) if h % 2 == 1 && w % 2 == 1 => Some(format!("{}x{}", h / 2, w / 2)),
            _ => None,
        },
        _ => None,
    }
}

fn letters(constant: &Constant) -> String {
    match constant {
        Constant::Flag(flag) => flag.to_string(),
        Constant::Size(size) => size.to_string(),
        Constant::Pair([h, w]) => format!("{h}x{w}"),
        Constant::Number(0.0) => "0".into(),
        Constant::Number(number) => match number.abs() {
            1e-3..1e6 => number.to_string(),
            _ => format!("{number:e}"),
        },
        Constant::Word(word) => (*word).to_string(),
        Constant::Rows(rows) => format!("{rows:?}"),
        Constant::Text(text) => text.clone(),
    }
}

/// Whether training alone looks at that constant.
pub(super) fn is_of_training(kind: &str, constant: &str) -> bool {
    TRAINING.contains(&(kind, constant))
}

/// Whether a layer does nothing once a network is trained.
pub(super) fn is_for_training(op: &Op) -> bool {
    IN_TRAINING.contains(&op.name())
}

/// For each layer, whether it does anything: dropout of nothing does not, nor does it to put together what is put together again.
pub(super) fn needed(graph: &Graph) -> Vec<bool> {
    let is_concat = |node: &Node| node.op.name() == CONCAT;
    // whether each is read, or put out, otherwise than as a part
    let mut whole = vec![false; graph.nodes().len()];
    let mut part = whole.clone();
    for node in graph.nodes() {
        let read = if is_concat(node) {
            &mut part
        } else {
            &mut whole
        };
        node.inputs.iter().for_each(|&input| read[input] = true);
    }
    for output in graph.outputs() {
        whole[output.node] = true;
    }
    let nodes = graph.nodes().iter().enumerate();
    nodes
        .map(|(id, node)| {
            let drops_nothing =
                is_for_training(&node.op) && written(&node.op).contains(&("p", "0".into()));
            let is_part = is_concat(node) && part[id] && !whole[id];
            !(drops_nothing || is_part || is_of_one(node))
        })
        .collect()
}

/// Whether it puts one value beside none.
pub(super) fn is_of_one(node: &Node) -> bool {
    node.inputs.len() == 1 && node.op.name() == CONCAT
}

/// The kind of layer that puts channels one after the other.
pub(super) const CONCAT: &str = "concat";
