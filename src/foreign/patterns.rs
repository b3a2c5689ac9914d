//! Several operators that are one layer in the words of the field.

use crate::graph::{Array, Layer, NodeId, Op};

/// A view with groups, two axes exchanged, and the first view again: a channel shuffle.
pub(super) fn recognised(
    inputs: usize,
    mut layers: Vec<Layer>,
    outputs: &mut [(String, NodeId)],
) -> Vec<Layer> {
    let mut readers = vec![0usize; inputs + layers.len()];
    for layer in &layers {
        layer.inputs.iter().for_each(|&id| readers[id] += 1);
    }
    outputs.iter().for_each(|(_, id)| readers[*id] += 1);
    let mut gone = vec![false; layers.len()];
    for i in 0..layers.len() {
        let Some((x, groups, between)) = shuffle(inputs, &layers, i, &readers) else {
            continue;
        };
        layers[i].op = Op::Array(Array::ChannelShuffle { groups });
        layers[i].inputs = vec![x];
        between.iter().for_each(|&id| gone[id - inputs] = true);
    }
    without(inputs, layers, &gone, outputs)
}

/// The input, the groups and the layers in front of a view that ends a channel shuffle.
fn shuffle(
    inputs: usize,
    layers: &[Layer],
    end: usize,
    readers: &[usize],
) -> Option<(NodeId, usize, [NodeId; 2])> {
    let only = |id: NodeId| {
        let layer = layers.get(id.checked_sub(inputs)?)?;
        (readers[id] == 1).then_some((id, layer))
    };
    let Op::Array(Array::Reshape { to: last }) = layers[end].op else {
        return None;
    };
    let (permuted, permute) = only(layers[end].inputs[0])?;
    let Op::Array(Array::Permute { axes }) = permute.op else {
        return None;
    };
    let (viewed, view) = only(permute.inputs[0])?;
    let Op::Array(Array::Reshape { to: first }) = view.op else {
        return None;
    };
    let ([groups, each, h, w], [c, last_h, last_w]) = (&first[..], &last[..]) else {
        return None;
    };
    let same = |a: &usize, b: &usize| a == b || *a == 0 || *b == 0;
    let is_shuffle = *axes == [1, 0, 2, 3]
        && *groups > 0
        && (*each == 0 || *c == 0 || groups.checked_mul(*each) == Some(*c))
        && same(h, last_h)
        && same(w, last_w);
    is_shuffle.then(|| (view.inputs[0], *groups, [viewed, permuted]))
}

/// The layers that are left, and their numbers.
fn without(
    inputs: usize,
    layers: Vec<Layer>,
    gone: &[bool],
    outputs: &mut [(String, NodeId)],
) -> Vec<Layer> {
    let mut now: Vec<NodeId> = (0..inputs).collect();
    let mut next = inputs;
    for gone in gone {
        now.push(next);
        next += usize::from(!gone);
    }
    outputs.iter_mut().for_each(|(_, id)| *id = now[*id]);
    let left = layers.into_iter().zip(gone).filter(|(_, gone)| !**gone);
    left.map(|(mut layer, _)| {
        layer.inputs.iter_mut().for_each(|id| *id = now[*id]);
        layer.weights_of = layer.weights_of.map(|id| now[id]);
        layer
    })
    .collect()
}
