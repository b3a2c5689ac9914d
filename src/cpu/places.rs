//! Where does each value of a pass stand?
//!
//! A value that a concatenation reads is written where the concatenation has it, so that concatenating costs nothing; what
//! only hands a value on stands where that stands.

use super::algorithm::{Algorithm, Convolutions};
use super::layout::{Layout, NONE, in_order};
use crate::graph::{FusedGroup, Node, NodeId, Op};
use crate::ops::activation::of_unit;
use std::sync::Arc;

/// A value within the memory of another, or its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home {
    root: NodeId,
    /// Blocks in front of it.
    blocks: usize,
}

/// The places of all values, in units from the beginning of the memory of a root.
pub(super) struct Places<'a> {
    pub convolutions: Convolutions<'a>,
    lanes: Vec<Arc<[u32]>>,
    homes: Vec<Option<Home>>,
    /// By root.
    gaps: Vec<usize>,
}

impl<'a> Places<'a> {
    /// For passes with those convolutions, of layers that run in those groups.
    pub fn new(convolutions: Convolutions<'a>, groups: &[FusedGroup]) -> Places<'a> {
        let nodes = convolutions.graph.nodes().len();
        let mut places = Places {
            convolutions,
            lanes: vec![Arc::from([]); nodes],
            homes: vec![None; nodes],
            gaps: vec![0; nodes],
        };
        for group in groups {
            places.lanes[group.last] = places.lanes_of(group);
        }
        places.concatenations(groups);
        for group in groups {
            for id in [group.first, group.last] {
                let own = Home {
                    root: id,
                    blocks: 0,
                };
                places.homes[id].get_or_insert(own);
            }
        }
        for group in groups {
            let node = places.node(group.first);
            if let (Op::Conv(conv), Some(Algorithm::Direct)) =
                (&node.op, places.convolutions.algorithm(group.first))
            {
                let (root, _) = places.stands(node.inputs[0]);
                places.gaps[root] = places.gaps[root].max(places.convolutions.beside(conv, node));
            }
        }
        places
    }

    fn node(&self, id: NodeId) -> &'a Node {
        &self.convolutions.graph.nodes()[id]
    }

    /// Whether a convolution can normalise what it reads: by Winograd's filtering as it reads it, or as one row of units,
    /// whose value is that of `normalised`.
    pub fn can_normalise(&self, id: NodeId, normalised: NodeId, group: &FusedGroup) -> bool {
        let Op::Conv(conv) = &self.node(id).op else {
            return false;
        };
        let gap = |id: NodeId| self.gaps[self.stands(id).0];
        let window = &conv.window;
        let is_point = (window.kernel, window.stride) == ([1, 1], [1, 1]);
        let is_plain = conv.groups == 1 && conv.table.is_none();
        match self.convolutions.algorithm(id) {
            Some(Algorithm::Winograd(_)) => true,
            Some(Algorithm::Direct) => {
                let flat = [Some(normalised), Some(group.last), group.residual];
                is_point
                    && is_plain
                    && self.convolutions.taps(conv, self.node(id)).before == [0, 0]
                    && flat.into_iter().flatten().all(|id| gap(id) == 0)
            }
            _ => false,
        }
    }

    fn lanes_of(&self, group: &FusedGroup) -> Arc<[u32]> {
        let node = self.node(group.first);
        let own = || in_order(node.shape.channels());
        let Some(&input) = node.inputs.first() else {
            return own();
        };
        let lanes = &self.lanes[input];
        match &node.op {
            Op::BatchNorm { .. }
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::AdaptiveAvgPool { .. }
            | Op::Dropout { .. } => lanes.clone(),
            Op::Add | Op::Gate => lanes.clone(),
            Op::Activation(activation) if of_unit(*activation).is_some() => lanes.clone(),
            Op::Flatten => {
                let [h, w] = self.node(input).shape.extent();
                let plane = (h * w) as u32;
                let unit = |block: &[u32], at: u32| {
                    let channel = |&lane: &u32| match lane {
                        NONE => NONE,
                        lane => lane * plane + at,
                    };
                    block.iter().map(channel).collect::<Vec<_>>()
                };
                let blocks = lanes.chunks(super::LANES);
                blocks
                    .flat_map(|block| (0..plane).flat_map(move |at| unit(block, at)))
                    .collect()
            }
            Op::Concat => {
                let mut first = 0;
                let mut all = Vec::new();
                for &input in &node.inputs {
                    let lane = |&lane: &u32| if lane == NONE { NONE } else { lane + first };
                    all.extend(self.lanes[input].iter().map(lane));
                    first += self.node(input).shape.channels() as u32;
                }
                all.into()
            }
            _ => own(),
        }
    }

    /// Settles what stands within a concatenation: the last ones first, since they may hold earlier ones.
    fn concatenations(&mut self, groups: &[FusedGroup]) {
        for group in groups.iter().rev() {
            let node = self.node(group.last);
            if !matches!(node.op, Op::Concat) {
                continue;
            }
            let sources: Vec<NodeId> = node.inputs.iter().map(|&id| self.source(id)).collect();
            let blocks = |id: NodeId| self.lanes[id].len() / super::LANES;
            let mut starts = vec![0];
            for &source in &sources {
                starts.push(starts[starts.len() - 1] + blocks(source));
            }
            // what stands within a later one already, in the same order, is that concatenation
            let first = self.homes[sources[0]];
            let in_place = first.is_some_and(|home| {
                let mut all = sources.iter().zip(&starts);
                all.all(|(&source, start)| {
                    self.homes[source]
                        == Some(Home {
                            blocks: home.blocks + start,
                            ..home
                        })
                })
            });
            if let (None, true) = (self.homes[group.last], in_place) {
                self.homes[group.last] = first;
                continue;
            }
            let own = *self.homes[group.last].get_or_insert(Home {
                root: group.last,
                blocks: 0,
            });
            for (&source, start) in sources.iter().zip(starts) {
                // the input stands as images until somebody reads it otherwise
                if self.homes[source].is_none() && !self.node(source).inputs.is_empty() {
                    self.homes[source] = Some(Home {
                        root: own.root,
                        blocks: own.blocks + start,
                    });
                }
            }
        }
    }

    /// The layer whose value a layer hands on.
    fn source(&self, mut id: NodeId) -> NodeId {
        while let (Op::Dropout { .. }, false) = (&self.node(id).op, self.convolutions.training) {
            id = self.node(id).inputs[0];
        }
        id
    }

    /// Whether the value of a layer stands where that of its input does.
    pub fn hands_on(&self, id: NodeId) -> bool {
        let node = self.node(id);
        match node.op {
            Op::Dropout { .. } => !self.convolutions.training,
            Op::Flatten => {
                let (root, _) = self.stands(node.inputs[0]);
                let [h, w] = self.node(node.inputs[0]).shape.extent();
                let own = self.homes[id].is_none_or(|home| home.root == id);
                let alone = self.convolutions.samples == 1
                    && self.gaps[root] == 0
                    && !self.convolutions.training;
                own && (alone || self.gaps[root] == 0 && h * w == 1)
            }
            _ => false,
        }
    }

    /// In whose memory a value stands, and behind how many units.
    pub fn stands(&self, id: NodeId) -> (NodeId, usize) {
        if self.hands_on(id) {
            return self.stands(self.node(id).inputs[0]);
        }
        let home = self.homes[id].unwrap_or(Home {
            root: id,
            blocks: 0,
        });
        let layout = self.layout_within(id, home.root);
        (home.root, home.blocks * layout.block())
    }

    /// In whose memory a value stands, and behind how many blocks.
    pub fn home(&self, id: NodeId) -> (NodeId, usize) {
        let (root, units) = self.stands(id);
        (root, units / self.layout_within(id, root).block())
    }

    /// How a value stands.
    pub fn layout(&self, id: NodeId) -> Layout {
        self.layout_within(id, self.stands(id).0)
    }

    fn layout_within(&self, id: NodeId, root: NodeId) -> Layout {
        let [height, width] = self.node(id).shape.extent();
        Layout {
            lanes: self.lanes[id].clone(),
            samples: self.convolutions.samples,
            height,
            width,
            gap: self.gaps[root],
        }
    }

    /// Where an input of a concatenation has to stand, in units of its memory, and whether it does.
    pub fn part(&self, concat: NodeId, input: usize) -> (usize, bool) {
        let node = self.node(concat);
        let (root, from) = self.stands(concat);
        let before = node.inputs[..input].iter();
        let blocks: usize = before.map(|&id| self.lanes[id].len() / super::LANES).sum();
        let at = from + blocks * self.layout(concat).block();
        (at, self.stands(node.inputs[input]) == (root, at))
    }
}
