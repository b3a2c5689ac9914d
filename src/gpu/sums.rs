//! How is a sum over the rows of each channel divided among threads?

use super::builder::{ProgramBuilder, launch};
use super::{Address, GpuError};

/// Parts that one thread of many adds up; PARTS in `kernels/number.cu`.
const SUM_PARTS: usize = 64;

/// Parts that the last thread adds up.
const LAST_PARTS: usize = 128;

/// Threads that keep a large device busy.
const THREADS: usize = 1 << 17;

/// Rows below which a strip is not worth a part of a sum.
const SUMMED: usize = 16;

/// Rows above which a strip does not save what a thread reads once.
const READ: usize = 8;

/// Strips of rows, each of which a thread takes for a block of channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strips {
    /// Rows of all.
    pub rows: usize,
    /// Rows of each, but for the last.
    pub each: usize,
    /// Strips.
    pub many: usize,
    /// Threads for all.
    pub threads: usize,
}

impl Strips {
    /// For sums of so many rows of so many blocks; a function of the two alone, so that sums are.
    pub fn new(rows: usize, blocks: usize) -> Strips {
        let many = (THREADS / blocks).min(rows / SUMMED).max(1);
        Strips::of(rows, blocks, rows.div_ceil(many))
    }

    /// For what is done to each unit by itself.
    pub fn of_units(rows: usize, blocks: usize) -> Strips {
        Strips::of(rows, blocks, (rows * blocks / THREADS).clamp(1, READ))
    }

    fn of(rows: usize, blocks: usize, each: usize) -> Strips {
        let many = rows.div_ceil(each);
        Strips {
            rows,
            each,
            many,
            threads: many * blocks,
        }
    }

    /// Adds parts of so many numbers up until there are few enough for one thread.
    pub fn fold(
        &self,
        builder: &mut ProgramBuilder,
        mut parts: Address,
        width: usize,
    ) -> Result<Parts, GpuError> {
        let mut many = self.many;
        while many > LAST_PARTS {
            let fewer = many.div_ceil(SUM_PARTS);
            let to = builder.floats(fewer * width)?;
            launch!(builder, "fold", fewer * width, [parts, to, many, width])?;
            (parts, many) = (to, fewer);
        }
        Ok(Parts {
            parts,
            many,
            each: self.each,
        })
    }

    /// Joins statistics of strips until there are few enough for one thread.
    pub fn fold_statistics(
        &self,
        builder: &mut ProgramBuilder,
        mut parts: Address,
        channels: usize,
    ) -> Result<Parts, GpuError> {
        let (mut many, mut each) = (self.many, self.each);
        while many > LAST_PARTS {
            let fewer = many.div_ceil(SUM_PARTS);
            let to = builder.floats(fewer * 2 * channels)?;
            launch!(
                builder,
                "norm_fold",
                fewer * channels,
                [parts, to, many, channels, self.rows, each]
            )?;
            (parts, many, each) = (to, fewer, each * SUM_PARTS);
        }
        Ok(Parts { parts, many, each })
    }
}

/// What is left for one thread to add up.
pub(super) struct Parts {
    pub parts: Address,
    pub many: usize,
    /// Rows of each.
    pub each: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_strip_is_empty_and_none_is_left_out() {
        for rows in [1, 2, 15, 17, 63, 1000, 12_345, 802_816] {
            for blocks in [1, 3, 64, 2048, 1 << 20] {
                for strips in [Strips::new(rows, blocks), Strips::of_units(rows, blocks)] {
                    assert!(strips.each * strips.many >= rows);
                    assert!(strips.each * (strips.many - 1) < rows);
                }
            }
        }
    }
}
