//! How wide may each branch be?

use super::layout::{GAP, LANE, Layout, count, repeat_note};
use super::parts::Part;
use super::text::{Text, wide};

impl Layout<'_> {
    /// The width at which no text is broken.
    pub(super) fn natural(&self, parts: &[Part]) -> i32 {
        self.width(parts, &|text| text.natural())
    }

    /// The width below which words do not fit.
    pub(super) fn least(&self, parts: &[Part]) -> i32 {
        self.width(parts, &|text| text.least())
    }

    fn width(&self, parts: &[Part], of: &dyn Fn(&Text) -> i32) -> i32 {
        let row = |widths: &mut dyn Iterator<Item = i32>| widths.map(|w| w + GAP).sum::<i32>();
        let widths = parts.iter().map(|part| match part {
            Part::Tile(id) => of(&self.texts[*id]),
            Part::Fork {
                branches, plain, ..
            } => {
                let branches = &mut branches.iter().map(|branch| self.width(branch, of));
                row(branches) - GAP + LANE * count(*plain)
            }
            Part::Side(parts) => 2 * (self.width(parts, of) + 2 * LANE),
            Part::Tangle(tangle) => {
                let rows = tangle
                    .rows
                    .iter()
                    .map(|tiles| row(&mut tiles.iter().map(|&id| of(&self.texts[id]))));
                rows.max().unwrap_or(0) + 4 * LANE
            }
            Part::Repeat {
                times,
                in_line,
                parts,
                ..
            } => self.width(parts, of) + wide(&repeat_note(*times, *in_line)) + 14,
        });
        widths.max().unwrap_or(0)
    }
}

/// Room for each that fits together, if it can, by their weights: nobody gets more than its natural
/// width, nobody less than its least.
pub(super) fn share(room: i32, naturals: &[i32], leasts: &[i32], weights: &[i32]) -> Vec<i32> {
    let mut shares: Vec<Option<i32>> = vec![None; naturals.len()];
    loop {
        let given: i32 = shares.iter().flatten().sum();
        let open = (0..shares.len()).filter(|&i| shares[i].is_none());
        let weight: i32 = open.map(|i| weights[i]).sum();
        let fair = |i: usize| (room - given) / weight.max(1) * weights[i];
        let settled = (0..shares.len()).find_map(|i| match shares[i] {
            None if naturals[i] <= fair(i) => Some((i, naturals[i])),
            None if leasts[i] >= fair(i) => Some((i, leasts[i])),
            _ => None,
        });
        match settled {
            Some((i, width)) => shares[i] = Some(width),
            None => {
                let shares = shares.into_iter().enumerate();
                return shares.map(|(i, s)| s.unwrap_or_else(|| fair(i))).collect();
            }
        }
    }
}

/// Boxes that stand side by side in those parts.
pub(super) fn columns(parts: &[Part]) -> i32 {
    let columns = parts.iter().map(|part| match part {
        Part::Tile(_) => 1,
        Part::Fork { branches, .. } => branches.iter().map(|branch| columns(branch)).sum(),
        Part::Side(parts) => 2 * columns(parts),
        Part::Tangle(tangle) => tangle
            .rows
            .iter()
            .map(|row| count(row.len()))
            .max()
            .unwrap_or(1),
        Part::Repeat { parts, .. } => columns(parts),
    });
    columns.max().unwrap_or(1).max(1)
}
