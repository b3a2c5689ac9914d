//! Which parts are repeated?

use super::parts::{Part, Tangle};
use super::tiles::Tile;
use crate::graph::{Graph, Op};
use std::fmt::Write;

/// Longest group of parts that is looked for.
const PERIOD: usize = 12;
/// So many equal branches or groups of rows are drawn one by one.
const FEW: usize = 3;

/// The same parts, repeated ones once.
pub(super) fn fold(graph: &Graph, tiles: &[Tile], parts: Vec<Part>) -> Vec<Part> {
    Folder { graph, tiles }.spine(parts)
}

struct Folder<'a> {
    graph: &'a Graph,
    tiles: &'a [Tile],
}

impl Folder<'_> {
    /// The parts of the way itself; fewer repeats are worth a bracket than in a narrow branch.
    fn spine(&self, parts: Vec<Part>) -> Vec<Part> {
        self.series(parts, 2)
    }

    fn series(&self, parts: Vec<Part>, fewest: usize) -> Vec<Part> {
        let keys: Vec<String> = parts.iter().map(|part| self.key(part, true)).collect();
        let loose: Vec<String> = parts.iter().map(|part| self.key(part, false)).collect();
        let mut folded = Vec::new();
        let mut start = 0;
        while start < parts.len() {
            let mut grows = false;
            let (mut period, mut times) = first_run(&keys[start..], fewest);
            if times == 1 {
                (period, times) = first_run(&loose[start..], fewest);
                grows = times > 1;
                let group = &parts[start..start + period];
                if grows && !group.iter().any(|part| self.concatenates(part)) {
                    (period, times, grows) = (1, 1, false);
                }
            }
            let group = &parts[start..start + period];
            start += period * times;
            if times > 1 {
                let last = match parts[start - 1] {
                    Part::Tile(id) => Some(id),
                    _ => None,
                };
                folded.push(Part::Repeat {
                    times,
                    in_line: true,
                    parts: self.series(group.to_vec(), fewest),
                    grows_to: last.filter(|_| grows),
                });
            } else {
                folded.extend(group.iter().map(|part| self.within(part)));
            }
        }
        folded
    }

    fn concatenates(&self, part: &Part) -> bool {
        let Part::Tile(id) = part else { return false };
        let mut nodes = self.tiles[*id].nodes.iter();
        nodes.any(|&node| self.graph.nodes()[node].op == Op::Concat)
    }

    fn within(&self, part: &Part) -> Part {
        match part {
            Part::Fork {
                branches,
                plain,
                joins,
            } => Part::Fork {
                branches: self.branches(branches),
                plain: *plain,
                joins: *joins,
            },
            Part::Side(parts) => Part::Side(self.series(parts.clone(), FEW)),
            Part::Tangle(tangle) => Part::Tangle(self.tangle(tangle)),
            Part::Tile(_) | Part::Repeat { .. } => part.clone(),
        }
    }

    /// Many equal branches beside each other become one.
    fn branches(&self, branches: &[Vec<Part>]) -> Vec<Vec<Part>> {
        let keys: Vec<String> = branches
            .iter()
            .map(|branch| self.keys(branch, true))
            .collect();
        let mut folded = Vec::new();
        let mut start = 0;
        while start < branches.len() {
            let same = keys[start..].iter().take_while(|&key| *key == keys[start]);
            let times = same.count();
            let drawn = if times > FEW { 1 } else { times };
            for branch in &branches[start..start + drawn] {
                let parts = self.series(branch.clone(), FEW);
                folded.push(if times > FEW {
                    vec![Part::Repeat {
                        times,
                        in_line: false,
                        parts,
                        grows_to: None,
                    }]
                } else {
                    parts
                });
            }
            start += times;
        }
        folded
    }

    /// Of many alike groups of rows the first few are kept. Their shapes may grow, as in a dense block.
    fn tangle(&self, tangle: &Tangle) -> Tangle {
        let keys: Vec<String> = tangle
            .rows
            .iter()
            .map(|row| {
                let ops = |&id: &usize| {
                    let nodes = self.tiles[id].nodes.iter();
                    nodes.map(|&node| &self.graph.nodes()[node].op).collect()
                };
                format!("{:?}", row.iter().map(ops).collect::<Vec<Vec<_>>>())
            })
            .collect();
        let hidden = (0..keys.len())
            .map(|start| (start, run(&keys[start..], PERIOD)))
            .max_by_key(|&(start, (period, times))| (period * times, usize::MAX - start))
            .filter(|&(_, (_, times))| times > FEW + 1)
            .map(|(start, (period, times))| {
                let rows = start + FEW * period..start + times * period;
                (rows, times - FEW)
            });
        Tangle {
            hidden,
            ..tangle.clone()
        }
    }

    fn keys(&self, parts: &[Part], exact: bool) -> String {
        let keys: Vec<String> = parts.iter().map(|part| self.key(part, exact)).collect();
        keys.join(";")
    }

    /// All of a part but its weights' names: kinds, constants, shapes, connections; unless exact, not
    /// how many maps it is handed, which grows from unit to unit where units concatenate.
    fn key(&self, part: &Part, exact: bool) -> String {
        match part {
            Part::Tile(id) => self.tile(*id, exact),
            Part::Fork {
                branches, plain, ..
            } => {
                let branches: Vec<String> = branches
                    .iter()
                    .map(|parts| self.keys(parts, exact))
                    .collect();
                format!("fork {plain} ({})", branches.join(" | "))
            }
            Part::Side(parts) => format!("side ({})", self.keys(parts, exact)),
            Part::Repeat { times, parts, .. } => format!("{times} ({})", self.keys(parts, exact)),
            Part::Tangle(tangle) => {
                let members: Vec<usize> = tangle.rows.concat();
                let mut key = String::from("tangle");
                for &id in members.iter().chain(&tangle.to) {
                    let places = self.tiles[id].inputs.iter().map(|input| {
                        let place = members.iter().position(|member| member == input);
                        (place, *input == tangle.from)
                    });
                    // infallible: a String takes all
                    let _ = write!(
                        key,
                        " {} {:?}",
                        self.tile(id, exact),
                        places.collect::<Vec<_>>()
                    );
                }
                key
            }
        }
    }

    fn tile(&self, id: usize, exact: bool) -> String {
        let tile = &self.tiles[id];
        let mut key = format!("{:?}", tile.output);
        for &node in &tile.nodes {
            let node = &self.graph.nodes()[node];
            let takes = node.inputs.iter().map(|&id| self.graph.nodes()[id].shape);
            let takes: Vec<_> = takes.collect();
            let _ = match node.op {
                _ if exact => write!(key, " {:?} {takes:?} {}", node.op, node.shape),
                Op::Slice { .. } => write!(key, " slice {:?}", node.shape.extent()),
                _ => write!(key, " {:?} {:?}", node.op, node.shape.extent()),
            };
        }
        key
    }
}

/// The group to fold at the front, if any comes at least so often: its length and how often it comes.
fn first_run(keys: &[String], fewest: usize) -> (usize, usize) {
    let (period, times) = run(keys, PERIOD);
    // join, unit, join, unit, join: it is the unit that comes first
    let (next_period, next_times) = run(&keys[1..], PERIOD);
    if times < fewest || next_period * (next_times - 1) >= period * (times - 1) {
        (1, 1)
    } else {
        (period, times)
    }
}

/// The group at the front that comes most often in a row, weighed by its length: its length and how
/// often it comes.
fn run(keys: &[String], longest: usize) -> (usize, usize) {
    let mut best = (1, 1);
    for period in 1..=longest.min(keys.len() / 2) {
        let alike = (period..keys.len())
            .take_while(|&i| keys[i] == keys[i - period])
            .count();
        let times = 1 + alike / period;
        if (times - 1) * period > (best.1 - 1) * best.0 {
            best = (period, times);
        }
    }
    best
}

/// How many boxes of layers those parts stand for, and how many of them are drawn.
pub(super) fn count(tiles: &[Tile], parts: &[Part]) -> (usize, usize) {
    let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
    let one = |id: &usize| usize::from(!tiles[*id].nodes.is_empty());
    parts
        .iter()
        .map(|part| match part {
            Part::Tile(id) => (one(id), one(id)),
            Part::Fork { branches, .. } => branches
                .iter()
                .map(|branch| count(tiles, branch))
                .fold((0, 0), add),
            Part::Side(parts) => count(tiles, parts),
            Part::Repeat { times, parts, .. } => {
                let (all, drawn) = count(tiles, parts);
                (times * all, drawn)
            }
            Part::Tangle(tangle) => {
                let all = tangle.rows.iter().flatten().map(one).sum();
                let hidden = tangle.hidden.clone().map_or(0, |(rows, _)| {
                    tangle.rows[rows].iter().flatten().map(one).sum()
                });
                (all, all - hidden)
            }
        })
        .fold((0, 0), add)
}
