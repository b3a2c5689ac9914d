//! Which layer of one network is which of the other, in order?
//!
//! What both begin and end with is theirs. Between, the alignment is the best one of all, as long as the table that finds it is
//! small; else layers that stand there once are anchors, and what lies between them is aligned for itself. The time is bounded for
//! any two networks.

use super::likeness::{Likeness, Traits};
use std::collections::BTreeMap;
use std::ops::Range;

/// Cells of a table, at most.
const MOST_CELLS: usize = 10_000_000;
/// How often a stretch is divided by anchors, at most.
const MOST_DIVISIONS: usize = 16;
/// How far ahead the partner of a layer is looked for where nothing better is affordable.
const AHEAD: usize = 256;

/// A stretch of both networks.
type Stretch = (Range<usize>, Range<usize>);

/// Pairs of places, ascending in A; in B too, but for layers that stand elsewhere under their name.
pub(super) fn align(likeness: &Likeness) -> Vec<(usize, usize)> {
    align_within(likeness, MOST_CELLS)
}

/// The same, with tables of at most so many cells.
pub(super) fn align_within(likeness: &Likeness, most_cells: usize) -> Vec<(usize, usize)> {
    let (a, b) = (&likeness.a[..], &likeness.b[..]);
    let mut pairs = Vec::new();
    let mut open: Vec<(Stretch, usize)> = vec![((0..a.len(), 0..b.len()), 0)];
    while let Some((stretch, divisions)) = open.pop() {
        let (of_a, of_b) = trimmed(a, b, stretch, &mut pairs);
        if of_a.is_empty() || of_b.is_empty() {
            continue;
        }
        if of_a.len().saturating_mul(of_b.len()) <= most_cells {
            best(likeness, of_a, of_b, &mut pairs);
            continue;
        }
        let mut anchors = match divisions < MOST_DIVISIONS {
            true => anchors(a, b, &of_a, &of_b, |one| one.named()),
            false => Vec::new(),
        };
        if anchors.is_empty() && divisions < MOST_DIVISIONS {
            anchors = self::anchors(a, b, &of_a, &of_b, |one| (one.same(), 0));
        }
        if anchors.is_empty() {
            ahead(a, b, of_a, of_b, &mut pairs);
            continue;
        }
        let (mut from_a, mut from_b) = (of_a.start, of_b.start);
        for (i, j) in anchors {
            pairs.push((i, j));
            open.push(((from_a..i, from_b..j), divisions + 1));
            (from_a, from_b) = (i + 1, j + 1);
        }
        open.push(((from_a..of_a.end, from_b..of_b.end), divisions + 1));
    }
    elsewhere(a, b, &mut pairs);
    pairs.sort_unstable();
    pairs
}

/// The stretch without what both begin and end with, which is paired.
fn trimmed(
    a: &[Traits],
    b: &[Traits],
    (mut of_a, mut of_b): Stretch,
    pairs: &mut Vec<(usize, usize)>,
) -> Stretch {
    let is_same = |i: usize, j: usize| a[i].same() == b[j].same();
    while !of_a.is_empty() && !of_b.is_empty() && is_same(of_a.start, of_b.start) {
        pairs.push((of_a.start, of_b.start));
        of_a.start += 1;
        of_b.start += 1;
    }
    while !of_a.is_empty() && !of_b.is_empty() && is_same(of_a.end - 1, of_b.end - 1) {
        of_a.end -= 1;
        of_b.end -= 1;
        pairs.push((of_a.end, of_b.end));
    }
    (of_a, of_b)
}

/// The alignment with the highest sum of scores.
fn best(
    likeness: &Likeness,
    of_a: Range<usize>,
    of_b: Range<usize>,
    pairs: &mut Vec<(usize, usize)>,
) {
    const PAIR: u8 = 0;
    const SKIP_A: u8 = 1;
    const SKIP_B: u8 = 2;
    let columns = of_b.len();
    let mut steps = vec![SKIP_B; of_a.len() * columns];
    let mut before = vec![0u32; columns + 1];
    let mut row = vec![0u32; columns + 1];
    for (r, i) in of_a.clone().enumerate() {
        for (c, j) in of_b.clone().enumerate() {
            let score = likeness.score(&likeness.a[i], &likeness.b[j]);
            let (pair, skip_a, skip_b) = (before[c] + score, before[c + 1], row[c]);
            let (step, sum) = if score > 0 && pair >= skip_a && pair >= skip_b {
                (PAIR, pair)
            } else if skip_a >= skip_b {
                (SKIP_A, skip_a)
            } else {
                (SKIP_B, skip_b)
            };
            steps[r * columns + c] = step;
            row[c + 1] = sum;
        }
        std::mem::swap(&mut before, &mut row);
    }
    let (mut r, mut c) = (of_a.len(), columns);
    while r > 0 && c > 0 {
        match steps[(r - 1) * columns + c - 1] {
            PAIR => {
                (r, c) = (r - 1, c - 1);
                pairs.push((of_a.start + r, of_b.start + c));
            }
            SKIP_A => r -= 1,
            _ => c -= 1,
        }
    }
}

/// Layers that stand once in each stretch and in the same order, as many as there are.
fn anchors(
    a: &[Traits],
    b: &[Traits],
    of_a: &Range<usize>,
    of_b: &Range<usize>,
    key: impl Fn(&Traits) -> (u32, u32),
) -> Vec<(usize, usize)> {
    // how often each stands in either, and where
    let mut places: BTreeMap<(u32, u32), [(usize, usize); 2]> = BTreeMap::new();
    for (side, all, range) in [(0, a, of_a), (1, b, of_b)] {
        for i in range.clone() {
            let place = &mut places.entry(key(&all[i])).or_default()[side];
            *place = (place.0 + 1, i);
        }
    }
    let once = places.into_values().filter_map(|found| match found {
        [(1, i), (1, j)] => Some((i, j)),
        _ => None,
    });
    let mut once: Vec<(usize, usize)> = once.collect();
    once.sort_unstable();
    longest_ascent(&once)
}

/// The longest selection in which the second numbers ascend too.
fn longest_ascent(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // the pairs that end an ascent of each length, and the pair before each
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (i, &(_, j)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < j);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut ascent: Vec<(usize, usize)> =
        std::iter::successors(ends.last().copied(), |&i| before[i])
            .map(|i| pairs[i])
            .collect();
    ascent.reverse();
    ascent
}

/// Each layer with the next that does the same, if that is near.
fn ahead(
    a: &[Traits],
    b: &[Traits],
    of_a: Range<usize>,
    of_b: Range<usize>,
    pairs: &mut Vec<(usize, usize)>,
) {
    let mut places: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for j in of_b.clone() {
        places.entry(b[j].same()).or_default().push(j);
    }
    let mut next = of_b.start;
    for i in of_a {
        let Some(all) = places.get(&a[i].same()) else {
            continue;
        };
        let found = all.get(all.partition_point(|&j| j < next));
        if let Some(&j) = found.filter(|&&j| j - next < AHEAD) {
            pairs.push((i, j));
            next = j + 1;
        }
    }
}

/// Pairs what is left under one path, wherever it stands.
fn elsewhere(a: &[Traits], b: &[Traits], pairs: &mut Vec<(usize, usize)>) {
    let (mut left_a, mut left_b) = (vec![true; a.len()], vec![true; b.len()]);
    for &(i, j) in pairs.iter() {
        (left_a[i], left_b[j]) = (false, false);
    }
    let places: BTreeMap<u32, usize> = (0..b.len())
        .filter(|&j| left_b[j])
        .map(|j| (b[j].path(), j))
        .collect();
    for i in (0..a.len()).filter(|&i| left_a[i]) {
        let found = places.get(&a[i].path());
        if let Some(&j) = found.filter(|&&j| left_b[j] && a[i].is_akin(&b[j])) {
            pairs.push((i, j));
            left_b[j] = false;
        }
    }
}
