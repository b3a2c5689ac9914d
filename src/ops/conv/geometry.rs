//! Where do the windows of a convolution lie on maps of known size?

use super::padded::Frame;
use crate::graph::{Axis, Conv};
use candle_core::{Result, Tensor};

/// A convolution on maps of known size.
pub(super) struct Geometry {
    /// Maps in, maps out.
    pub maps: [usize; 2],
    pub groups: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Rows and columns in.
    pub input: [usize; 2],
    pub axes: [Axis; 2],
}

impl Geometry {
    pub fn new(conv: &Conv, x: &Tensor) -> Result<Geometry> {
        let (_, c, h, w) = x.dims4()?;
        let axis = |axis, size| {
            let fault = |what| candle_core::Error::Msg(what).bt();
            conv.window.axis(axis, size).map_err(fault)
        };
        Ok(Geometry {
            maps: [c, conv.out],
            groups: conv.groups,
            kernel: conv.window.kernel,
            stride: conv.window.stride,
            dilation: conv.window.dilation,
            input: [h, w],
            axes: [axis(0, h)?, axis(1, w)?],
        })
    }

    /// Maps in and out of one group.
    pub fn group(&self) -> [usize; 2] {
        self.maps.map(|maps| maps / self.groups)
    }

    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    pub fn output(&self) -> [usize; 2] {
        [self.axes[0].output, self.axes[1].output]
    }

    /// How the input lies within its zeros.
    pub fn frame(&self) -> Frame {
        Frame {
            size: self.input,
            step: self.step(),
            before: [self.axes[0].before, self.axes[1].before],
            padded: self.padded(),
        }
    }

    /// Of how many rows and columns the first one is laid out: for windows of one tap those that they see, for
    /// others all.
    fn step(&self) -> [usize; 2] {
        let alone = |i: usize| self.kernel[i] == 1 && self.axes[i].before == 0;
        match alone(0) && alone(1) {
            true => self.stride,
            false => [1, 1],
        }
    }

    /// Rows and columns of the padded map, as far as a window looks.
    pub fn padded(&self) -> [usize; 2] {
        let step = self.step();
        [0, 1].map(|i| {
            let last = (self.axes[i].output - 1) * self.stride[i] / step[i];
            let reach = last + (self.kernel[i] - 1) * self.dilation[i] + 1;
            reach.max(self.axes[i].before + self.input[i].div_ceil(step[i]))
        })
    }

    /// For each output unit the place of its window on the padded map.
    pub fn windows(&self) -> Vec<usize> {
        let ([h, w], step) = (self.output(), self.step());
        let [down, across] = [0, 1].map(|i| self.stride[i] / step[i]);
        let width = self.padded()[1];
        (0..h * w)
            .map(|i| i / w * down * width + i % w * across)
            .collect()
    }

    /// For each tap of each map of a group its place in the window.
    pub fn window_taps(&self) -> Vec<usize> {
        let [h, w] = self.padded();
        let [kh, kw] = self.kernel;
        (0..self.group()[0] * kh * kw)
            .map(|i| {
                let (map, tap) = (i / (kh * kw), i % (kh * kw));
                map * h * w + tap / kw * self.dilation[0] * w + tap % kw * self.dilation[1]
            })
            .collect()
    }
}
