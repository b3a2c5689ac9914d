//! Which part of the input does one unit see?
//!
//! Along each axis the field of unit `i` is `size` input rows from `offset + i * stride` on; the
//! offset is negative where the field begins in the padding. This is the theoretical field: it is
//! not cut at the input's edge. Where ways of different fields join, the hull of both is taken;
//! where the units of a layer see fields of different sizes (a grid that does not divide its map, a
//! broadcast), the largest.

use crate::graph::{Graph, NodeId, Sees};

/// The field of a layer's units along h and w.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    /// Input rows and columns that one unit sees.
    pub size: [u64; 2],
    /// Input rows and columns between the fields of neighbours.
    pub stride: [u64; 2],
    /// First row and column that the first unit sees.
    pub offset: [i64; 2],
}

/// One axis of a field. Sizes saturate: a field that leaves 64 bits sees everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    size: u64,
    stride: u64,
    offset: i64,
}

impl Span {
    const UNIT: Span = Span {
        size: 1,
        stride: 1,
        offset: 0,
    };

    /// Through a window of `span` rows that steps by `stride` and starts `before` rows in the padding.
    fn slide(self, span: usize, stride: usize, before: usize) -> Span {
        let reach = (span as u64).saturating_sub(1).saturating_mul(self.stride);
        let back = i64::try_from((before as u64).saturating_mul(self.stride)).unwrap_or(i64::MAX);
        Span {
            size: self.size.saturating_add(reach),
            stride: self.stride.saturating_mul(stride as u64),
            offset: self.offset.saturating_sub(back),
        }
    }

    /// Through `taps` neighbours of `from` units, of which there are `to` then: the step becomes smaller, and is rounded down
    /// to whole rows.
    fn between(self, taps: usize, from: usize, to: usize) -> Span {
        let reach = (taps as u64).saturating_sub(1).saturating_mul(self.stride);
        let stride = u128::from(self.stride) * from as u128 / (to as u128).max(1);
        Span {
            size: self.size.saturating_add(reach),
            stride: u64::try_from(stride).unwrap_or(u64::MAX).max(1),
            offset: self.offset,
        }
    }

    /// Of all `extent` units together.
    fn all(self, extent: usize) -> Span {
        self.slide(extent, extent.max(1), 0)
    }

    /// First and last row that unit `i` sees.
    fn rows(self, i: usize) -> (i128, i128) {
        let first = i128::from(self.offset) + i as i128 * i128::from(self.stride);
        (first, first + i128::from(self.size) - 1)
    }

    /// What a unit sees that reads unit `i` of both; operands of one unit are read by all.
    fn hull(self, extent: usize, other: Span, other_extent: usize) -> Span {
        let both = |i: usize| {
            let (a, b) = (
                self.rows(i.min(extent - 1)),
                other.rows(i.min(other_extent - 1)),
            );
            (a.0.min(b.0), a.1.max(b.1))
        };
        let (first, last) = both(0);
        // sizes change linearly from unit to unit, so the largest is at an end
        let (end_first, end_last) = both(extent.max(other_extent) - 1);
        Span {
            size: u64::try_from((last - first).max(end_last - end_first) + 1).unwrap_or(u64::MAX),
            stride: if extent == 1 {
                other.stride
            } else {
                self.stride
            },
            offset: i64::try_from(first).unwrap_or(i64::MIN),
        }
    }
}

/// Rows of the largest cell, where cell `i` covers rows floor(i rows / cells) to ceil((i + 1) rows / cells).
///
/// It begins at a fraction f / cells of a row, f a multiple of the greatest common divisor below `cells`; each occurs.
fn largest_cell(rows: usize, cells: usize) -> usize {
    let (whole, left) = (rows / cells, rows % cells);
    let (mut divisor, mut rest) = (rows, cells);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    whole
        + match left {
            0 => 0,
            left if left > divisor => 2,
            _ => 1,
        }
}

/// The field of each layer, in the order of [`Graph::nodes`].
pub fn receptive_fields(graph: &Graph) -> Vec<Field> {
    let mut spans: Vec<[Span; 2]> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let extent = graph.input_of(node).extent();
        let sees = graph.facts(node).sees;
        let axis = |axis: usize| -> Span {
            let Some(&source) = node.inputs.first() else {
                return Span::UNIT;
            };
            let span = spans[source][axis];
            match sees {
                Sees::Unit => span,
                Sees::Window(window) => {
                    let before = window.axis(axis, extent[axis]).map_or(0, |a| a.before);
                    span.slide(
                        window.span(axis).unwrap_or(usize::MAX),
                        window.stride[axis],
                        before,
                    )
                }
                Sees::Cell(cells) => {
                    let (rows, cells) = (extent[axis], cells[axis]);
                    span.slide(largest_cell(rows, cells), (rows / cells).max(1), 0)
                }
                Sees::EveryNth(stride) => span.slide(1, stride, 0),
                Sees::Everything => span.all(extent[axis]),
                Sees::Between { taps, from, to } => span.between(taps[axis], from[axis], to[axis]),
                Sees::UnitOfEach => {
                    let mut joined = (span, extent[axis]);
                    for &id in &node.inputs[1..] {
                        let other = graph.nodes()[id].shape.extent()[axis];
                        joined = (
                            joined.0.hull(joined.1, spans[id][axis], other),
                            joined.1.max(other),
                        );
                    }
                    joined.0
                }
            }
        };
        let both = [axis(0), axis(1)];
        spans.push(both);
    }
    spans
        .into_iter()
        .map(|[h, w]| Field {
            size: [h.size, w.size],
            stride: [h.stride, w.stride],
            offset: [h.offset, w.offset],
        })
        .collect()
}

/// The last feature map on the way to the prediction, before a global pool or a flattening makes one
/// vector of all units, and its field: the figure that is quoted for a network. `None` for a network
/// in which no window slides.
pub fn feature_field(graph: &Graph, fields: &[Field]) -> Option<(NodeId, Field)> {
    let live = graph.live();
    let mut collapsed = vec![false; graph.nodes().len()];
    let (mut last, mut slides) = (0, false);
    for (id, node) in graph.nodes().iter().enumerate() {
        // a gate that comes from a global pool only weighs the features
        let features = node.op.kind().features_of(&node.inputs);
        collapsed[id] =
            graph.facts(node).collapses || features.iter().any(|&input| collapsed[input]);
        if live[id] && !collapsed[id] {
            last = id;
            slides |= node.op.window().is_some();
        }
    }
    slides.then(|| (last, fields[last]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv, Op, Shape, Value, conv, pool};
    use proptest::prelude::*;

    /// The oracle: for each unit of each layer, the set of input rows that reach it, on one axis.
    fn reached(graph: &Graph) -> Vec<Vec<Option<(i64, i64)>>> {
        let mut rows: Vec<Vec<Option<(i64, i64)>>> = Vec::new();
        for node in graph.nodes() {
            let extent = node.shape.extent()[0];
            let of_node = match &node.op {
                Op::Input => (0..extent as i64).map(|i| Some((i, i))).collect(),
                Op::Conv(Conv { window, .. }) | Op::MaxPool { window } => {
                    let source = &rows[node.inputs[0]];
                    let axis = window.axis(0, source.len()).unwrap();
                    (0..extent)
                        .map(|o| {
                            (0..window.kernel[0])
                                .map(|k| {
                                    (o * window.stride[0] + k * window.dilation[0]) as i64
                                        - axis.before as i64
                                })
                                .filter_map(|i| *source.get(usize::try_from(i).ok()?)?)
                                .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                        })
                        .collect()
                }
                Op::Add => (0..extent)
                    .map(|i| {
                        node.inputs
                            .iter()
                            .filter_map(|&id| rows[id][i])
                            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                    })
                    .collect(),
                _ => rows[node.inputs[0]].clone(),
            };
            rows.push(of_node);
        }
        rows
    }

    fn stack<'g>(x: Value<'g>, layers: &[(usize, usize, usize, bool)]) -> Value<'g> {
        layers
            .iter()
            .enumerate()
            .fold(x, |x, (i, &(k, s, d, residual))| {
                if residual {
                    let k = k | 1;
                    x + x.conv(i, conv(1, k).pad(k / 2)).relu()
                } else {
                    x.conv(i, conv(1, k).stride(s).dilation(d).pad(k / 2))
                }
            })
    }

    proptest! {
        /// Away from the edges, the field is exactly the interval of rows that reach the unit.
        #[test]
        fn fields_are_what_tracing_every_row_finds(
            layers in prop::collection::vec((1..5usize, 1..3usize, 1..3usize, any::<bool>()), 1..5)
        ) {
            let Ok(graph) = Graph::build(Shape::map(1, 160, 160), |x| stack(x, &layers)) else {
                return Ok(());
            };
            let fields = receptive_fields(&graph);
            for (id, reached) in reached(&graph).iter().enumerate() {
                for (i, rows) in reached.iter().enumerate() {
                    let first = fields[id].offset[0] + (i as u64 * fields[id].stride[0]) as i64;
                    let last = first + fields[id].size[0] as i64 - 1;
                    if first >= 0 && last < 160 {
                        prop_assert_eq!(*rows, Some((first, last)), "layer {}", graph.nodes()[id].path);
                    } else if let Some((a, b)) = rows {
                        prop_assert!(*a >= first && *b <= last);
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_cell_is_the_one_that_looking_at_all_finds() {
        for (rows, cells) in (1..40usize).flat_map(|rows| (1..40).map(move |cells| (rows, cells))) {
            let cell = |i: usize| ((i + 1) * rows).div_ceil(cells) - i * rows / cells;
            assert_eq!(Some(largest_cell(rows, cells)), (0..cells).map(cell).max());
        }
    }

    #[test]
    fn a_channel_gate_does_not_end_the_features() {
        let graph = Graph::build(Shape::map(4, 16, 16), |x| {
            let x = x.conv("a", conv(4, 3));
            let x = x * x.global_avg_pool().conv("fc", conv(4, 1)).sigmoid();
            x.conv("b", conv(4, 3))
                .global_avg_pool()
                .conv("head", conv(2, 1))
        })
        .unwrap();
        let fields = receptive_fields(&graph);
        let (id, field) = feature_field(&graph, &fields).unwrap();
        assert_eq!(graph.nodes()[id].path, "b");
        assert_eq!(field.size, [5, 5]);
    }

    #[test]
    fn a_grid_and_a_flattening_see_what_their_cells_see() {
        let graph = Graph::build(Shape::map(1, 7, 7), |x| {
            x.max_pool("p", pool(3).stride(2))
                .global_avg_pool()
                .flatten()
        })
        .unwrap();
        let fields = receptive_fields(&graph);
        assert_eq!(fields[1].size, [3, 3]);
        assert_eq!(fields[2].size, [7, 7]);
        assert_eq!(fields[3].size, [7, 7]);
        assert_eq!(feature_field(&graph, &fields).unwrap().0, 1);
    }
}
