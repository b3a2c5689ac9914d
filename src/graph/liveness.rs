//! How long must a value be kept?
//!
//! Whoever runs something step by step - layers, fused groups, a program's commands - says which values each step
//! touches, in writing or reading; from the first touch to the last a value is alive.

use super::Graph;

impl Graph {
    /// For each layer, whether its output is handed out, or read again in the backward pass of a training step.
    pub(crate) fn kept(&self, in_training: bool) -> Vec<bool> {
        let mut kept = vec![false; self.nodes().len()];
        if in_training {
            for (id, node) in self.nodes().iter().enumerate() {
                let reads = node.op.kind().backward;
                kept[id] |= reads.output;
                if reads.inputs {
                    node.inputs.iter().for_each(|&input| kept[input] = true);
                }
            }
        }
        for output in self.outputs() {
            kept[output.node] = true;
        }
        kept
    }
}

/// For each of so many values the first and the last step that touches it, if one does.
pub(crate) fn lifetimes<S>(
    values: usize,
    steps: impl IntoIterator<Item = S>,
) -> Vec<Option<[usize; 2]>>
where
    S: IntoIterator<Item = usize>,
{
    let mut alive = vec![None; values];
    for (step, touched) in steps.into_iter().enumerate() {
        for value in touched {
            alive[value].get_or_insert([step, step])[1] = step;
        }
    }
    alive
}

/// For each step the values that no later one touches, in order, but for those that outlive all steps.
pub(crate) fn freed_after<S>(
    outlives: &[bool],
    steps: impl IntoIterator<Item = S, IntoIter: ExactSizeIterator>,
) -> Vec<Vec<usize>>
where
    S: IntoIterator<Item = usize>,
{
    let steps = steps.into_iter();
    let mut freed = vec![Vec::new(); steps.len()];
    for (value, alive) in lifetimes(outlives.len(), steps).into_iter().enumerate() {
        if let Some([_, last]) = alive.filter(|_| !outlives[value]) {
            freed[last].push(value);
        }
    }
    freed
}
