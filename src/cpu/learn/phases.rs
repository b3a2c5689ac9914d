//! The gradient of a convolution's input as convolutions of the output's gradient.

use super::super::direct::Taps;
use crate::graph::{Axis, Window};

/// One part of the gradient of a convolution's input: the units whose place along each axis has that remainder by the
/// stride.
pub(super) struct Phase {
    pub remainder: [usize; 2],
    /// Units along each axis.
    pub extent: [usize; 2],
    /// The window over the output's gradient, of which no place may be there.
    pub window: Taps,
    pub taps: Vec<usize>,
}

impl Phase {
    /// Columns that the window sees beside the output's maps.
    pub fn beside(&self, width: usize) -> usize {
        if self.taps.is_empty() || self.extent.contains(&0) {
            return 0;
        }
        let span = (self.window.kernel[1] - 1) * self.window.dilation[1];
        let reach = self.extent[1] + span;
        let before = self.window.before[1];
        before.max(reach.saturating_sub(before + width))
    }
}

/// The parts of the gradient of a convolution's input, each a convolution of the output's gradient with stride 1 by some of
/// the weights, turned around; nothing if a window is of another kind.
pub(super) fn phases(window: &Window, axes: [Axis; 2], input: [usize; 2]) -> Option<Vec<Phase>> {
    let along = |axis: usize| -> Option<Vec<([usize; 4], Vec<usize>)>> {
        let (kernel, stride, apart) = (
            window.kernel[axis],
            window.stride[axis],
            window.dilation[axis],
        );
        if stride > 1 && apart > 1 {
            return None;
        }
        let before = axes[axis].before;
        let phase = |remainder: usize| {
            // the last tap comes first
            let at = |tap: usize| (remainder + before) as isize - (tap * apart) as isize;
            let sees = |&tap: &usize| at(tap).rem_euclid(stride as isize) == 0;
            let taps: Vec<usize> = (0..kernel).filter(sees).rev().collect();
            let extent = input[axis].saturating_sub(remainder).div_ceil(stride);
            let behind = match taps.last() {
                Some(first) => ((taps.len() - 1) * apart)
                    .checked_sub((remainder + before - first * apart) / stride)?,
                None => 0,
            };
            Some(([remainder, extent, behind, apart], taps))
        };
        (0..stride).map(phase).collect()
    };
    let (down, across) = (along(0)?, along(1)?);
    let mut phases = Vec::new();
    for ([row, height, above, rows_apart], rows) in &down {
        for ([column, width, left, columns_apart], columns) in &across {
            let across = window.kernel[1];
            let taps = rows
                .iter()
                .flat_map(|y| columns.iter().map(move |x| y * across + x));
            phases.push(Phase {
                remainder: [*row, *column],
                extent: [*height, *width],
                window: Taps {
                    kernel: [rows.len(), columns.len()],
                    stride: [1, 1],
                    dilation: [*rows_apart, *columns_apart],
                    before: [*above, *left],
                },
                taps: taps.collect(),
            });
        }
    }
    Some(phases)
}
