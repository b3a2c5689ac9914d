//! A convolution or a fully connected layer, by the algorithm that was chosen for it.

use super::Unit;
use super::direct::Direct;
use super::layout::Maps;
use super::weights::Weights;
use super::winograd::Winograd;

/// A product of maps and weights, planned; weights are packed before it runs.
pub(super) struct Product {
    way: Way,
    /// Which of the weights' taps stands where in the window, row by row.
    taps: Vec<usize>,
}

enum Way {
    Direct(Box<Direct>),
    Winograd(Box<Winograd>),
}

impl Product {
    /// By its definition.
    pub fn direct(direct: Direct, taps: Vec<usize>) -> Product {
        Product {
            way: Way::Direct(Box::new(direct)),
            taps,
        }
    }

    /// By Winograd's filtering.
    pub fn winograd(winograd: Winograd, taps: Vec<usize>) -> Product {
        Product {
            way: Way::Winograd(Box::new(winograd)),
            taps,
        }
    }

    /// Added to what stands in the output, or in its place.
    pub fn summing(mut self, sum: bool) -> Product {
        match &mut self.way {
            Way::Direct(direct) => direct.sum = sum,
            Way::Winograd(winograd) => winograd.sum = sum,
        }
        self
    }

    /// Takes weights, and what is added to each channel.
    pub fn pack(&mut self, weights: Weights, bias: Option<&[f32]>) {
        let (shift, output) = match &mut self.way {
            Way::Direct(direct) => {
                direct.pack(weights, &self.taps);
                (&mut direct.shift, &direct.output)
            }
            Way::Winograd(winograd) => {
                winograd.pack(weights, &self.taps);
                (&mut winograd.shift, &winograd.output)
            }
        };
        if let Some(bias) = bias {
            *shift = output.in_lanes(bias);
        }
    }

    /// Computes the output, `add` added to it before what is negative is cut.
    pub fn run(&self, x: &[Unit<f32>], add: Option<Maps<f32>>, out: &mut [Unit<f32>]) {
        match &self.way {
            Way::Direct(direct) => direct.run(x.as_flattened(), add, out),
            Way::Winograd(winograd) => winograd.run(x, add, out),
        }
    }
}
