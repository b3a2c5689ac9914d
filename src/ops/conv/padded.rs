//! Maps within larger ones of zeros, or the units of them that windows see.

use crate::ops::cpu::Real;
use rayon::prelude::*;
use std::borrow::Cow;

/// How maps lie within larger ones.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Of so many rows and columns the first one is there.
    pub step: [usize; 2],
    /// Rows and columns of zeros in front of them.
    pub before: [usize; 2],
    /// Rows and columns with all zeros.
    pub padded: [usize; 2],
}

impl Frame {
    fn is_needed(&self) -> bool {
        self.padded != self.size || self.step != [1, 1]
    }

    /// Units of a map with and without zeros.
    pub fn units(&self) -> [usize; 2] {
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
            let larger = larger[self.before[0] * across..].chunks_exact_mut(across);
            let rows = map.chunks_exact(self.size[1]).step_by(self.step[0]);
            for (larger, row) in larger.zip(rows) {
                let larger = &mut larger[self.before[1]..];
                match self.step[1] {
                    1 => larger[..row.len()].copy_from_slice(row),
                    step => {
                        (larger.iter_mut().zip(row.iter().step_by(step))).for_each(|(x, &y)| *x = y)
                    }
                }
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
    /// Of so many groups; `at_once` pads them all beforehand, as it must be where several are asked for at once.
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

    /// From a group on, all that are padded: with its zeros this one, at least.
    pub fn padded<'b>(&'b self, group: usize, last: &'b mut Last<T>) -> &'b [T] {
        let maps = &self.maps[group * self.each..];
        if self.is_padded {
            return maps;
        }
        let maps = &maps[..self.each];
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
