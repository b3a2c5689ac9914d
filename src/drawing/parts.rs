//! Of what parts does a network consist?
//!
//! Boxes through which every way passes cut it into pieces; what lies between two of them falls into
//! branches; each branch is cut again. What cannot be cut, as a dense block, is a tangle.

use super::tiles::Tile;
use std::collections::BTreeMap;

/// A part of the drawing; parts of a list stand one below the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// A box.
    Tile(usize),
    /// Branches side by side, and `plain` arrows that pass them.
    Fork {
        /// The branches, in the order of their description.
        branches: Vec<Vec<Part>>,
        /// Arrows without a box.
        plain: usize,
        /// Whether a box below reads them.
        joins: bool,
    },
    /// A way that leaves the others and does not come back: an auxiliary head.
    Side(Vec<Part>),
    /// Boxes with connections of any kind.
    Tangle(Tangle),
    /// The same several times.
    Repeat {
        /// How often.
        times: usize,
        /// One behind the other, or else side by side.
        in_line: bool,
        /// What; if its maps grow in number, the first of them.
        parts: Vec<Part>,
        /// The last box of all, if they grow.
        grows_to: Option<usize>,
    },
}

/// Boxes in rows; each reads from rows above it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tangle {
    /// The box above, which it reads.
    pub(super) from: usize,
    /// The box below, if there is one that reads it.
    pub(super) to: Option<usize>,
    /// The boxes by the longest way from `from`.
    pub(super) rows: Vec<Vec<usize>>,
    /// Rows that are not drawn, and of how many equal groups of rows they are.
    pub(super) hidden: Option<(std::ops::Range<usize>, usize)>,
}

struct Net<'a> {
    tiles: &'a [Tile],
    readers: Vec<Vec<usize>>,
    /// The auxiliary heads, by the box that they read.
    sides: BTreeMap<usize, Vec<Vec<usize>>>,
}

/// The parts of a network whose prediction's label is `end`. A head that reads the way to the prediction
/// at several boxes would hang in the air: for it a last box is added, which is not drawn.
pub(super) fn parts(tiles: &mut Vec<Tile>, end: usize) -> Vec<Part> {
    let mut live = vec![false; tiles.len()];
    live[end] = true;
    for id in (0..tiles.len()).rev() {
        if live[id] {
            for &input in &tiles[id].inputs {
                live[input] = true;
            }
        }
    }
    let dead: Vec<usize> = (0..tiles.len()).filter(|&id| !live[id]).collect();
    let mut sides: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    let mut loose = Vec::new();
    for group in groups(tiles, &dead) {
        let mut stems = group
            .iter()
            .flat_map(|&id| &tiles[id].inputs)
            .copied()
            .filter(|&id| live[id])
            .collect::<Vec<usize>>();
        stems.sort_unstable();
        stems.dedup();
        match stems[..] {
            [stem] => sides.entry(stem).or_default().push(group),
            _ => loose.extend(group),
        }
    }
    let mut last = end;
    if !loose.is_empty() {
        let read: Vec<usize> = tiles.iter().flat_map(|tile| tile.inputs.clone()).collect();
        let ends = loose.iter().copied().filter(|id| !read.contains(id));
        let inputs = std::iter::once(end).chain(ends).collect();
        for &id in &loose {
            live[id] = true;
        }
        last = tiles.len();
        tiles.push(Tile {
            nodes: Vec::new(),
            main: 0,
            inputs,
            output: None,
        });
    }
    let mut readers = vec![Vec::new(); tiles.len()];
    for (id, tile) in tiles.iter().enumerate() {
        for &input in &tile.inputs {
            readers[input].push(id);
        }
    }
    let net = Net {
        tiles,
        readers,
        sides,
    };
    let between: Vec<usize> = (1..live.len())
        .filter(|&id| live[id] && id != last)
        .collect();
    let mut parts = net.tile(0);
    parts.extend(net.series(0, last, &between));
    parts.extend(net.tile(last));
    parts
}

/// Boxes that hang together, without what is not among them; sorted.
fn groups(tiles: &[Tile], among: &[usize]) -> Vec<Vec<usize>> {
    let mut group: BTreeMap<usize, usize> = among.iter().map(|&id| (id, id)).collect();
    fn root(group: &mut BTreeMap<usize, usize>, mut id: usize) -> usize {
        while group[&id] != id {
            let above = group[&group[&id]];
            group.insert(id, above);
            id = above;
        }
        id
    }
    for &id in among {
        for &input in &tiles[id].inputs {
            if group.contains_key(&input) {
                let (a, b) = (root(&mut group, id), root(&mut group, input));
                group.insert(a.max(b), a.min(b));
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &id in among {
        members.entry(root(&mut group, id)).or_default().push(id);
    }
    members.into_values().collect()
}

impl Net<'_> {
    /// A box and the heads that hang on it.
    fn tile(&self, id: usize) -> Vec<Part> {
        let heads = self.sides.get(&id).into_iter().flatten();
        std::iter::once(Part::Tile(id))
            .chain(heads.map(|head| Part::Side(self.head(id, head))))
            .collect()
    }

    fn head(&self, stem: usize, group: &[usize]) -> Vec<Part> {
        let ends = || group.iter().filter(|&&id| self.readers[id].is_empty());
        if ends().count() == 1
            && let Some((&end, rest)) = group.split_last()
        {
            let mut parts = self.series(stem, end, rest);
            parts.extend(self.tile(end));
            parts
        } else {
            vec![self.tangle(stem, None, group)]
        }
    }

    /// What lies between two boxes, cut at the boxes on every way.
    fn series(&self, from: usize, to: usize, between: &[usize]) -> Vec<Part> {
        let inside = |reader: &&usize| **reader == to || between.binary_search(reader).is_ok();
        let passed = self.readers[from].iter().filter(inside).max().copied();
        self.cut(from, to, between, &self.cuts(to, between, passed))
    }

    /// The same without the arrow past all of it, which is its fork's.
    fn branch(&self, from: usize, to: usize, group: &[usize]) -> Vec<Part> {
        let cuts = self.inner_cuts(from, to, group);
        if cuts.is_empty() {
            vec![self.tangle(from, Some(to), group)]
        } else {
            self.cut(from, to, group, &cuts)
        }
    }

    fn inner_cuts(&self, from: usize, to: usize, group: &[usize]) -> Vec<usize> {
        let mut inside = self.readers[from].iter();
        let passed = inside.rfind(|id| group.binary_search(id).is_ok());
        self.cuts(to, group, passed.copied())
    }

    fn cut(&self, from: usize, to: usize, between: &[usize], cuts: &[usize]) -> Vec<Part> {
        let mut parts = Vec::new();
        let (mut above, mut start) = (from, 0);
        for &cut in cuts {
            parts.extend(self.block(above, between[cut], &between[start..cut]));
            parts.extend(self.tile(between[cut]));
            (above, start) = (between[cut], cut + 1);
        }
        parts.extend(self.block(above, to, &between[start..]));
        parts
    }

    /// Places among `between` that no connection passes; `far` is the last box that the one above
    /// them all reaches.
    fn cuts(&self, to: usize, between: &[usize], mut far: Option<usize>) -> Vec<usize> {
        let mut cuts = Vec::new();
        for (place, &id) in between.iter().enumerate() {
            if far.is_none_or(|far| far <= id) {
                cuts.push(place);
            }
            let inside = |reader: &&usize| **reader == to || between.binary_search(reader).is_ok();
            far = far.max(self.readers[id].iter().filter(inside).max().copied());
        }
        cuts
    }

    /// How often `to` reads `from` itself.
    fn plain(&self, from: usize, to: usize) -> usize {
        let inputs = &self.tiles[to].inputs;
        inputs.iter().filter(|&&input| input == from).count()
    }

    /// What lies between two boxes of which no third is on every way.
    fn block(&self, from: usize, to: usize, between: &[usize]) -> Option<Part> {
        let plain = self.plain(from, to);
        let groups = groups(self.tiles, between);
        match (&groups[..], plain) {
            ([], 0 | 1) => None,
            // its own arrows can show the one past it
            ([group], 0 | 1) if self.inner_cuts(from, to, group).is_empty() => {
                Some(self.tangle(from, Some(to), group))
            }
            _ => Some(Part::Fork {
                branches: groups
                    .iter()
                    .map(|group| self.branch(from, to, group))
                    .collect(),
                plain,
                joins: self.tiles[to].is_drawn(),
            }),
        }
    }

    fn tangle(&self, from: usize, to: Option<usize>, group: &[usize]) -> Part {
        let mut members = group.to_vec();
        let heads = |id| self.sides.get(id).into_iter().flatten().flatten();
        members.extend(group.iter().flat_map(heads));
        members.sort_unstable();
        let mut row_of: BTreeMap<usize, usize> = BTreeMap::new();
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for id in members {
            let inputs = self.tiles[id].inputs.iter();
            let row = inputs
                .filter_map(|input| row_of.get(input))
                .map(|row| row + 1)
                .max()
                .unwrap_or(0);
            row_of.insert(id, row);
            rows.resize(rows.len().max(row + 1), Vec::new());
            rows[row].push(id);
        }
        Part::Tangle(Tangle {
            from,
            to: to.filter(|&to| self.tiles[to].is_drawn()),
            rows,
            hidden: None,
        })
    }
}
