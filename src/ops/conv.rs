//! Convolution: groups, strides, padding on each side, dilation, connection tables.

use super::cpu::{Real, by_dtype, sum_f64, tensor, view};
use super::product::{Packed, Product, Start, pack};
use crate::graph::{Axis, Conv};
use candle_core::{Result, Tensor};
use rayon::prelude::*;
use std::borrow::Cow;

/// Parts of a batch whose weight gradients are summed apart; a constant, so that the sum's order
/// does not depend on the number of threads.
const PARTS: usize = 8;

/// A convolution on maps of known size.
struct Geometry {
    /// Maps in, maps out.
    maps: [usize; 2],
    groups: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Rows and columns in.
    input: [usize; 2],
    axes: [Axis; 2],
}

impl Geometry {
    fn new(conv: &Conv, x: &Tensor) -> Result<Geometry> {
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
    fn group(&self) -> [usize; 2] {
        self.maps.map(|maps| maps / self.groups)
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn output(&self) -> [usize; 2] {
        [self.axes[0].output, self.axes[1].output]
    }

    /// Rows and columns of the padded map, as far as a window looks.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|i| {
            let last = (self.axes[i].output - 1) * self.stride[i];
            let reach = last + (self.kernel[i] - 1) * self.dilation[i] + 1;
            reach.max(self.axes[i].before + self.input[i])
        })
    }

    /// For each output unit the place of its window on the padded map.
    fn windows(&self) -> Vec<usize> {
        let [h, w] = self.output();
        let across = self.padded()[1];
        (0..h * w)
            .map(|i| i / w * self.stride[0] * across + i % w * self.stride[1])
            .collect()
    }

    /// For each tap of each map of a group its place in the window.
    fn window_taps(&self) -> Vec<usize> {
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

/// Maps laid into larger ones of zeros, `before` rows and columns from their edge.
fn pad<T: Real>(
    maps: &[T],
    size: [usize; 2],
    before: [usize; 2],
    padded: [usize; 2],
) -> Cow<'_, [T]> {
    if padded == size {
        return Cow::Borrowed(maps);
    }
    let plane = size[0] * size[1];
    let mut out = vec![T::zero(); maps.len() / plane * padded[0] * padded[1]];
    let larger = out.chunks_exact_mut(padded[0] * padded[1]);
    for (map, larger) in maps.chunks_exact(plane).zip(larger) {
        for (row, line) in map.chunks_exact(size[1]).enumerate() {
            let start = (before[0] + row) * padded[1] + before[1];
            larger[start..start + size[1]].copy_from_slice(line);
        }
    }
    Cow::Owned(out)
}

/// The weights as one kernel for each pair of maps; a connection table leaves kernels of zeros.
fn dense<'a, T: Real>(conv: &Conv, weight: &'a [T], maps: usize) -> Cow<'a, [T]> {
    let Some(table) = conv.table else {
        return Cow::Borrowed(weight);
    };
    let taps = conv.window.taps();
    let mut out = vec![T::zero(); conv.out * maps * taps];
    for (i, entry) in entries(table, maps).enumerate() {
        out[entry * taps..][..taps].copy_from_slice(&weight[i * taps..][..taps]);
    }
    Cow::Owned(out)
}

/// Of a dense gradient, the kernels that the table has.
fn sparse<T: Real>(conv: &Conv, gradient: Vec<T>, maps: usize) -> Vec<T> {
    let Some(table) = conv.table else {
        return gradient;
    };
    let taps = conv.window.taps();
    entries(table, maps)
        .flat_map(|entry| gradient[entry * taps..][..taps].to_vec())
        .collect()
}

/// Where the kernels of a table stand among those of all pairs of maps.
fn entries(table: &'static [&'static [usize]], maps: usize) -> impl Iterator<Item = usize> {
    let rows = table.iter().enumerate();
    rows.flat_map(move |(out, row)| row.iter().map(move |&map| out * maps + map))
}

/// `[n, c, h, w]` to `[n, out, h', w']`.
///
/// # Errors
/// Tensors that are not on the CPU or of unequal types.
pub fn forward(conv: &Conv, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    by_dtype!(x, T => cpu_forward::<T>(conv, x, weight, bias))
}

fn cpu_forward<T: Real>(
    conv: &Conv,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let geometry = Geometry::new(conv, x)?;
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (x, weight) = (view::<T>(x)?, view::<T>(weight)?);
    let bias = bias.map(view::<T>).transpose()?;
    let weight = dense(conv, &weight, geometry.maps[0]);
    let (rows, terms) = (geometry.windows(), geometry.window_taps());
    let places: Vec<usize> = (0..rows.len()).collect();
    let packed: Vec<Packed<T>> = (0..geometry.groups)
        .map(|group| {
            let first = group * group_out;
            pack(terms.len(), group_out, &weight, |term, column| {
                (first + column) * terms.len() + term
            })
        })
        .collect();
    let plane = rows.len();
    let mut out = vec![T::zero(); n * geometry.maps[1] * plane];
    let map_in = geometry.input[0] * geometry.input[1];
    let before = [geometry.axes[0].before, geometry.axes[1].before];
    out.par_chunks_mut(group_out * plane)
        .enumerate()
        .for_each(|(i, out)| {
            let group = i % geometry.groups;
            let maps = &x[i * group_in * map_in..][..group_in * map_in];
            Product {
                left: &pad(maps, geometry.input, before, geometry.padded()),
                rows: &rows,
                terms: &terms,
                right: &packed[group],
                start: match &bias {
                    Some(bias) => Start::Column(&bias[group * group_out..][..group_out]),
                    None => Start::Zero,
                },
                places: &places,
            }
            .run(out, plane);
        });
    let [h, w] = geometry.output();
    tensor(out, &[n, geometry.maps[1], h, w])
}

/// The gradient with respect to the input.
///
/// # Errors
/// As [`forward`].
pub fn input_gradient(conv: &Conv, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<Tensor> {
    by_dtype!(x, T => cpu_input_gradient::<T>(conv, x, weight, dy))
}

/// The input units whose windows begin at the same remainder of the stride: under them lie the same
/// taps.
struct Phase<T> {
    rows: Vec<usize>,
    places: Vec<usize>,
    terms: Vec<usize>,
    packed: Vec<Packed<T>>,
}

fn cpu_input_gradient<T: Real>(
    conv: &Conv,
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
) -> Result<Tensor> {
    let geometry = Geometry::new(conv, x)?;
    let [group_in, group_out] = geometry.group();
    let (weight, dy) = (view::<T>(weight)?, view::<T>(dy)?);
    let weight = dense(conv, &weight, geometry.maps[0]);
    let steps = [0, 1].map(|i| Steps::new(&geometry, i));
    let padded = [steps[0].padded, steps[1].padded];
    let before = [steps[0].before, steps[1].before];
    let mut phases = Vec::new();
    for h in steps[0].phases() {
        for w in steps[1].phases() {
            phases.push(phase(&geometry, [&h, &w], padded, &weight));
        }
    }
    let plane = geometry.input[0] * geometry.input[1];
    let output = geometry.output();
    let plane_out = output[0] * output[1];
    let mut dx = vec![T::zero(); x.elem_count()];
    dx.par_chunks_mut(group_in * plane)
        .enumerate()
        .for_each(|(i, dx)| {
            let maps = &dy[i * group_out * plane_out..][..group_out * plane_out];
            let left = pad(maps, output, before, padded);
            for phase in &phases {
                Product {
                    left: &left,
                    rows: &phase.rows,
                    terms: &phase.terms,
                    right: &phase.packed[i % geometry.groups],
                    start: Start::Zero,
                    places: &phase.places,
                }
                .run(dx, plane);
            }
        });
    tensor(dx, x.dims())
}

/// One axis of the input gradient: the input unit at `u` behind the padding's edge reads, through
/// tap `k`, the output at `(u - k dilation) / stride`, where that is a whole number.
struct Steps {
    /// Zeros in front of the outputs.
    before: usize,
    padded: usize,
    /// Zeros in front of the input.
    edge: usize,
    input: usize,
    stride: usize,
    kernel: usize,
    dilation: usize,
}

/// Of one remainder, the input units with their place on the padded outputs, and the taps with theirs.
struct AxisPhase {
    units: Vec<(usize, usize)>,
    taps: Vec<(usize, usize)>,
}

impl Steps {
    fn new(geometry: &Geometry, i: usize) -> Steps {
        let (stride, kernel, dilation) =
            (geometry.stride[i], geometry.kernel[i], geometry.dilation[i]);
        let (edge, input) = (geometry.axes[i].before, geometry.input[i]);
        let before = (kernel - 1) * dilation / stride;
        let last = (edge + input - 1) / stride + 1;
        Steps {
            before,
            padded: before + last.max(geometry.axes[i].output),
            edge,
            input,
            stride,
            kernel,
            dilation,
        }
    }

    fn phases(&self) -> impl Iterator<Item = AxisPhase> {
        (0..self.stride).map(|remainder| AxisPhase {
            units: (0..self.input)
                .filter(|unit| (unit + self.edge) % self.stride == remainder)
                .map(|unit| (unit, (unit + self.edge) / self.stride))
                .collect(),
            taps: (0..self.kernel)
                .filter(|tap| tap * self.dilation % self.stride == remainder)
                .map(|tap| (tap, self.before - tap * self.dilation / self.stride))
                .collect(),
        })
    }
}

fn phase<T: Real>(
    geometry: &Geometry,
    [h, w]: [&AxisPhase; 2],
    padded: [usize; 2],
    weight: &[T],
) -> Phase<T> {
    let [group_in, group_out] = geometry.group();
    let units = || (h.units.iter()).flat_map(|a| w.units.iter().map(move |b| (a, b)));
    let taps: Vec<_> = (h.taps.iter())
        .flat_map(|a| w.taps.iter().map(move |b| (a, b)))
        .collect();
    let terms = (0..group_out)
        .flat_map(|map| {
            let taps = taps.iter();
            taps.map(move |(a, b)| map * padded[0] * padded[1] + a.1 * padded[1] + b.1)
        })
        .collect::<Vec<_>>();
    let packed = (0..geometry.groups)
        .map(|group| {
            pack(terms.len(), group_in, weight, |term, column| {
                let (a, b) = taps[term % taps.len()];
                let map = group * group_out + term / taps.len();
                (map * group_in + column) * geometry.taps() + a.0 * geometry.kernel[1] + b.0
            })
        })
        .collect();
    Phase {
        rows: units().map(|(a, b)| a.1 * padded[1] + b.1).collect(),
        places: units()
            .map(|(a, b)| a.0 * geometry.input[1] + b.0)
            .collect(),
        terms,
        packed,
    }
}

/// The gradients with respect to weight and bias.
///
/// # Errors
/// As [`forward`].
pub fn weight_gradient(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    by_dtype!(x, T => cpu_weight_gradient::<T>(conv, x, dy))
}

fn cpu_weight_gradient<T: Real>(conv: &Conv, x: &Tensor, dy: &Tensor) -> Result<Vec<Tensor>> {
    let geometry = Geometry::new(conv, x)?;
    let n = x.dims()[0];
    let [group_in, group_out] = geometry.group();
    let (x, dy) = (view::<T>(x)?, view::<T>(dy)?);
    let (rows, terms) = (geometry.window_taps(), geometry.windows());
    let places: Vec<usize> = (0..rows.len()).collect();
    let (map_in, map_out) = (geometry.input[0] * geometry.input[1], terms.len());
    let before = [geometry.axes[0].before, geometry.axes[1].before];
    let size = geometry.maps[1] * rows.len();
    let part = |samples: std::ops::Range<usize>| {
        let mut dw = vec![T::zero(); size];
        for i in samples.start * geometry.groups..samples.end * geometry.groups {
            let maps = &x[i * group_in * map_in..][..group_in * map_in];
            let dy = &dy[i * group_out * map_out..][..group_out * map_out];
            let group = i % geometry.groups;
            Product {
                left: &pad(maps, geometry.input, before, geometry.padded()),
                rows: &rows,
                terms: &terms,
                right: &pack(map_out, group_out, dy, |term, column| {
                    column * map_out + term
                }),
                start: Start::Itself,
                places: &places,
            }
            .run(&mut dw[group * group_out * rows.len()..], rows.len());
        }
        dw
    };
    let parts = PARTS.min(n);
    let partial: Vec<Vec<T>> = (0..parts)
        .into_par_iter()
        .map(|i| part(n * i / parts..n * (i + 1) / parts))
        .collect();
    let mut dw = vec![T::zero(); size];
    for partial in partial {
        for (sum, x) in dw.iter_mut().zip(partial) {
            *sum += x;
        }
    }
    let [kh, kw] = geometry.kernel;
    let dw = sparse(conv, dw, geometry.maps[0]);
    let dims = match conv.table {
        Some(_) => vec![dw.len() / (kh * kw), kh, kw],
        None => vec![geometry.maps[1], group_in, kh, kw],
    };
    let mut gradients = vec![tensor(dw, &dims)?];
    if conv.bias {
        gradients.push(bias_gradient::<T>(&dy, n, geometry.maps[1])?);
    }
    Ok(gradients)
}

/// The sum over samples and units, for each map.
fn bias_gradient<T: Real>(dy: &[T], n: usize, maps: usize) -> Result<Tensor> {
    let plane = dy.len() / (n * maps);
    let sum = |map: usize| {
        (0..n)
            .map(|i| sum_f64(&dy[(i * maps + map) * plane..][..plane], |x| x.to_f64()))
            .sum::<f64>()
    };
    let sums = (0..maps).map(|map| T::from_f64(sum(map))).collect();
    tensor(sums, &[maps])
}
