//! Maps within larger ones of zeros.

use crate::ops::cpu::Real;
use rayon::prelude::*;
use std::borrow::Cow;

/// How maps lie within larger ones.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Rows and columns of zeros in front of them.
    pub before: [usize; 2],
    /// Rows and columns with all zeros.
    pub padded: [usize; 2],
}

impl Frame {
    fn is_needed(&self) -> bool {
        self.padded != self.size
    }

    /// Units of a map with and without zeros.
    fn units(&self) -> [usize; 2] {
        [self.padded, self.size].map(|[h, w]| h * w)
    }

    /// Copies maps into larger ones, of which the zeros are there.
    fn copy<T: Real>(&self, maps: &[T], larger: &mut [T]) {
        let [padded, units] = self.units();
        let both = larger
            .chunks_exact_mut(padded)
            .zip(maps.chunks_exact(units));
        for (larger, map) in both {
            let across = self.padded[1];
            let rows = larger[self.before[0] * across..].chunks_exact_mut(across);
            for (larger, row) in rows.zip(map.chunks_exact(self.size[1])) {
                larger[self.before[1]..][..self.size[1]].copy_from_slice(row);
            }
        }
    }

    /// All maps, padded.
    pub fn pad<'a, T: Real>(&self, maps: &'a [T]) -> Cow<'a, [T]> {
        if !self.is_needed() {
            return Cow::Borrowed(maps);
        }
        let [padded, units] = self.units();
        let mut out = vec![T::zero(); maps.len() / units * padded];
        let both = out
            .par_chunks_exact_mut(padded)
            .zip(maps.par_chunks_exact(units));
        both.for_each(|(larger, map)| self.copy(map, larger));
        Cow::Owned(out)
    }
}

/// Groups of maps, each padded when it is needed.
pub(super) struct Groups<'a, T: Real> {
    frame: Frame,
    maps: Cow<'a, [T]>,
    /// Numbers of a group, as they stand in `maps`.
    each: usize,
    /// Whether they stand there with their zeros.
    is_padded: bool,
}

/// The group that was padded last, which a thread keeps.
pub(super) struct Last<T> {
    group: Option<usize>,
    padded: Vec<T>,
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Last {
            group: None,
            padded: Vec::new(),
        }
    }
}

impl<'a, T: Real> Groups<'a, T> {
    /// Of so many groups; `at_once` pads them all beforehand, which pays where each is asked for often.
    pub fn new(frame: Frame, maps: &'a [T], groups: usize, at_once: bool) -> Groups<'a, T> {
        let is_padded = at_once || !frame.is_needed();
        let maps = match at_once {
            true => frame.pad(maps),
            false => Cow::Borrowed(maps),
        };
        Groups {
            frame,
            each: maps.len() / groups,
            maps,
            is_padded,
        }
    }

    /// A group with its zeros.
    pub fn padded<'b>(&'b self, group: usize, last: &'b mut Last<T>) -> &'b [T] {
        let maps = &self.maps[group * self.each..][..self.each];
        if self.is_padded {
            return maps;
        }
        if last.group != Some(group) {
            let [padded, units] = self.frame.units();
            // the zeros stay from group to group
            last.padded.resize(maps.len() / units * padded, T::zero());
            self.frame.copy(maps, &mut last.padded);
            last.group = Some(group);
        }
        &last.padded
    }
}
