//! Connection tables: which pairs of maps have a kernel?

use crate::graph::Conv;
use crate::ops::cpu::Real;
use std::borrow::Cow;

/// The weights as one kernel for each pair of maps; a connection table leaves kernels of zeros.
pub(super) fn dense<'a, T: Real>(conv: &Conv, weight: &'a [T], maps: usize) -> Cow<'a, [T]> {
    let Some(table) = &conv.table else {
        return Cow::Borrowed(weight);
    };
    let taps = conv.window.taps();
    let mut out = vec![T::zero(); conv.out * maps * taps];
    for (i, entry) in entries(table, maps).enumerate() {
        out[entry * taps..][..taps].copy_from_slice(&weight[i * taps..][..taps]);
    }
    Cow::Owned(out)
}

/// Of a dense gradient, the kernels that the table has.
pub(super) fn sparse<T: Real>(conv: &Conv, gradient: Vec<T>, maps: usize) -> Vec<T> {
    let Some(table) = &conv.table else {
        return gradient;
    };
    let taps = conv.window.taps();
    entries(table, maps)
        .flat_map(|entry| gradient[entry * taps..][..taps].to_vec())
        .collect()
}

/// Where the kernels of a table stand among those of all pairs of maps.
fn entries(table: &[Vec<usize>], maps: usize) -> impl Iterator<Item = usize> {
    let rows = table.iter().enumerate();
    rows.flat_map(move |(out, row)| row.iter().map(move |&map| out * maps + map))
}
