//! Which boxes and connections of a tangle are drawn?
//!
//! Rows that are not drawn become one box, with the connections of all of them.

use super::layout::Layout;
use super::parts::Tangle;
use super::sketch::Sketch;
use super::text::{Text, plain};

/// A box of the tangle: one of the network's, or the one for those that are not drawn.
pub(super) struct Member<'a> {
    /// The box, unless it stands for others.
    pub(super) tile: Option<usize>,
    /// What it says.
    pub(super) text: &'a Text,
    /// Places of the members that it reads; the box above the tangle is none.
    pub(super) inputs: Vec<Option<usize>>,
    /// Its row.
    pub(super) row: usize,
}

impl Layout<'_> {
    /// The rows of a tangle and all its arrows.
    pub(super) fn tangle(&self, tangle: &Tangle, available: i32) -> Sketch {
        let more = plain(
            "more",
            &tangle.hidden.as_ref().map_or(String::new(), |(_, groups)| {
                format!("... {groups} more like these")
            }),
        );
        let members = self.members(tangle, &more);
        let last = self.readers(tangle, &members);
        let rows = members.iter().map(|m| m.row + 1).max().unwrap_or(0);
        if members.len() == rows {
            self.column(&members, &last, available)
        } else {
            self.grid(&members, &last, rows, available)
        }
    }

    fn members<'a>(&'a self, tangle: &Tangle, more: &'a Text) -> Vec<Member<'a>> {
        let hidden = tangle
            .hidden
            .as_ref()
            .map_or(0..0, |(rows, _)| rows.clone());
        let mut members: Vec<Member> = Vec::new();
        // the member that stands for each box
        let mut place_of = vec![None; self.tiles.len()];
        let mut row = 0;
        for (i, tiles) in tangle.rows.iter().enumerate() {
            if hidden.contains(&i) {
                if i == hidden.start {
                    members.push(Member {
                        tile: None,
                        text: more,
                        inputs: Vec::new(),
                        row,
                    });
                    row += 1;
                }
                for &id in tiles {
                    place_of[id] = Some(members.len() - 1);
                }
            } else {
                for &id in tiles {
                    place_of[id] = Some(members.len());
                    members.push(Member {
                        tile: Some(id),
                        text: &self.texts[id],
                        inputs: Vec::new(),
                        row,
                    });
                }
                row += 1;
            }
        }
        for &id in tangle.rows.iter().flatten() {
            if let Some(place) = place_of[id] {
                let inputs = self.tiles[id].inputs.iter().map(|&input| place_of[input]);
                let inputs: Vec<Option<usize>> =
                    inputs.filter(|&input| input != Some(place)).collect();
                members[place].inputs.extend(inputs);
            }
        }
        for member in &mut members {
            member.inputs.sort_unstable();
            member.inputs.dedup();
        }
        members
    }

    /// What the box below the tangle reads of it.
    fn readers(&self, tangle: &Tangle, members: &[Member]) -> Vec<Option<usize>> {
        let Some(to) = tangle.to else {
            return Vec::new();
        };
        let hidden: Vec<usize> = match &tangle.hidden {
            Some((rows, _)) => tangle.rows[rows.clone()].concat(),
            None => Vec::new(),
        };
        let mut read: Vec<Option<usize>> = self.tiles[to]
            .inputs
            .iter()
            .filter_map(|input| {
                if *input == tangle.from {
                    return Some(None);
                }
                let stands = |m: &Member| match m.tile {
                    Some(tile) => tile == *input,
                    None => hidden.contains(input),
                };
                members.iter().position(stands).map(Some)
            })
            .collect();
        read.sort_unstable();
        read.dedup();
        read
    }
}
