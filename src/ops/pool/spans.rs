//! Which rows (or columns) of a map does each output see, and by how many is its mean divided?

use crate::graph::{Axis, Window};
use candle_core::{Error, Result};

/// Along one axis, for each output the input rows that it sees, and how many rows its mean divides by.
pub(super) struct Spans {
    pub rows: Vec<Vec<usize>>,
    pub divisors: Vec<usize>,
    pub input: usize,
}

impl Spans {
    /// Of a sliding window; with `count_pad` padded rows count in the divisor, rows beyond them do
    /// not, as in PyTorch.
    pub fn sliding(window: &Window, axis: usize, input: usize, count_pad: bool) -> Result<Spans> {
        let positions = window
            .axis(axis, input)
            .map_err(|what| Error::Msg(what).bt())?;
        let Axis {
            output,
            before,
            after,
        } = positions;
        let taps = |position: usize| {
            let start = position * window.stride[axis];
            (0..window.kernel[axis]).map(move |tap| start + tap * window.dilation[axis])
        };
        let inside = before..before + input;
        let rows: Vec<Vec<usize>> = (0..output)
            .map(|i| {
                let seen = taps(i).filter(|row| inside.contains(row));
                seen.map(|row| row - before).collect()
            })
            .collect();
        let divisors = match count_pad {
            true => (0..output)
                .map(|i| taps(i).filter(|&row| row < before + input + after).count())
                .collect(),
            false => rows.iter().map(Vec::len).collect(),
        };
        Ok(Spans {
            rows,
            divisors,
            input,
        })
    }

    /// Of the cells of a grid, which share rows where they do not divide them evenly.
    pub fn cells(output: usize, input: usize) -> Spans {
        let rows: Vec<Vec<usize>> = (0..output)
            .map(|i| (i * input / output..((i + 1) * input).div_ceil(output)).collect())
            .collect();
        Spans {
            divisors: rows.iter().map(Vec::len).collect(),
            rows,
            input,
        }
    }

    /// Whether there is one output, which sees everything.
    pub fn whole(&self) -> bool {
        matches!(&self.rows[..], [rows] if rows.len() == self.input)
    }

    /// For each row the outputs that see it.
    pub fn seen_by(&self) -> Vec<Vec<usize>> {
        let mut outputs = vec![Vec::new(); self.input];
        for (output, rows) in self.rows.iter().enumerate() {
            rows.iter().for_each(|&row| outputs[row].push(output));
        }
        outputs
    }
}
