//! A network at a glance: its layers, tensors and totals, as `convcheck show` prints them.

use super::{Field, MACS, Overflow, depth, feature_field, peak_activations, receptive_fields};
use crate::graph::{Dims, Graph, Node, Pad, Tensor, TensorKind};
use serde::Serialize;

/// Everything that is shown of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Registry name.
    pub model: String,
    /// Input shape per sample.
    pub input: Dims,
    /// One row a layer.
    pub layers: Vec<Row>,
    /// The `state_dict` in order; batch counters left out.
    pub tensors: Vec<TensorRow>,
    /// Sums over the network.
    pub totals: Totals,
    /// Why parameters and buffers are those in its file, and not taken for the network's, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_refused: Option<String>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Path.
    pub path: String,
    /// Kind of layer.
    pub op: &'static str,
    /// Operator of a layer that is not known, as its file names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Window size, `[h, w]`.
    pub kernel: Option<[usize; 2]>,
    /// Window step, `[h, w]`.
    pub stride: Option<[usize; 2]>,
    /// Zero padding, `[h, w]`, `[[above, left], [below, right]]`, or `"same"`.
    pub pad: Option<PadRow>,
    /// Groups of a convolution.
    pub groups: Option<usize>,
    /// Shape of its (first) input per sample.
    pub input: Dims,
    /// Output shape per sample.
    pub output: Dims,
    /// Parameters of its own.
    pub params: u64,
    /// Path of the layer whose weights it uses instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_of: Option<String>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Whether an evaluation-mode forward pass runs it; auxiliary heads are not live.
    pub live: bool,
    /// What one unit sees of the input.
    pub receptive_field: Field,
}

/// Padding as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PadRow {
    /// `[h, w]`.
    Even([usize; 2]),
    /// `[[above, left], [below, right]]`.
    Around([[usize; 2]; 2]),
    /// TensorFlow's `'same'`.
    Named(&'static str),
}

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorRow {
    /// Key in the `state_dict`.
    pub name: String,
    /// Dimensions.
    pub shape: Dims,
    /// Purpose.
    pub kind: TensorKind,
}

/// Sums over the network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Parameters, trainable and frozen.
    pub params: u64,
    /// Parameters that training changes.
    pub trainable: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-accumulates of an evaluation-mode forward pass, one sample.
    pub macs: u64,
    /// Weighted layers on the longest way to the prediction.
    pub depth: usize,
    /// What one unit of the last feature map sees; absent without a sliding window.
    pub receptive_field: Option<FieldSummary>,
    /// Values alive at once in an evaluation-mode forward pass, at most.
    pub peak_activations: u64,
}

/// The field of the last feature map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldSummary {
    /// Path of the layer.
    pub layer: String,
    /// Its field.
    #[serde(flatten)]
    pub field: Field,
}

/// Analyses a network.
///
/// # Errors
/// [`Overflow`] where a count leaves 64 bits.
pub fn summary(model: &str, graph: &Graph) -> Result<Summary, Overflow> {
    let fields = receptive_fields(graph);
    let live = graph.live();
    let mut layers = Vec::with_capacity(graph.nodes().len());
    let (mut params, mut macs) = (0u64, 0u64);
    let mut of_layer: Vec<Vec<Tensor>> = Vec::with_capacity(graph.nodes().len());
    for (id, node) in graph.nodes().iter().enumerate() {
        let tensors = graph.tensors_of(node);
        let row = row(graph, node, &tensors, live[id], fields[id])?;
        of_layer.push(tensors);
        params = added(params, row.params, node, "params")?;
        if live[id] {
            macs = added(macs, row.macs, node, "macs")?;
        }
        layers.push(row);
    }
    let mut tensors = Vec::new();
    let (mut trainable, mut buffers) = (0u64, 0u64);
    for &id in graph.state_order() {
        let node = &graph.nodes()[id];
        for (i, tensor) in std::mem::take(&mut of_layer[id]).into_iter().enumerate() {
            // the parameters fit, and running statistics are as many as scales and shifts
            let elements = tensor.elements().unwrap_or(u64::MAX);
            match tensor.kind {
                TensorKind::Trainable => trainable = trainable.saturating_add(elements),
                TensorKind::Buffer => buffers = buffers.saturating_add(elements),
                TensorKind::Frozen | TensorKind::Constant => {}
            }
            tensors.push(TensorRow {
                name: node.key(i, &tensor),
                shape: tensor.dims,
                kind: tensor.kind,
            });
        }
    }
    Ok(Summary {
        model: model.to_string(),
        input: graph.input().dims(),
        layers,
        tensors,
        count_refused: None,
        totals: Totals {
            params,
            trainable,
            buffers,
            macs,
            depth: depth(graph),
            receptive_field: feature_field(graph, &fields).map(|(id, field)| FieldSummary {
                layer: graph.nodes()[id].path.clone(),
                field,
            }),
            peak_activations: peak_activations(graph)?,
        },
    })
}

fn row(
    graph: &Graph,
    node: &Node,
    tensors: &[Tensor],
    live: bool,
    receptive_field: Field,
) -> Result<Row, Overflow> {
    let params = tensors
        .iter()
        .filter(|tensor| tensor.kind.is_parameter())
        .try_fold(0u64, |sum, tensor| sum.checked_add(tensor.elements()?));
    let window = node.op.window();
    Ok(Row {
        path: node.path.clone(),
        op: node.op.name(),
        operator: node.op.operator().map(str::to_string),
        kernel: window.map(|w| w.kernel),
        stride: window.map(|w| w.stride),
        pad: window.map(|w| match w.pad {
            Pad::Even(pad) => PadRow::Even(pad),
            Pad::Around { before, after } => PadRow::Around([before, after]),
            Pad::Same => PadRow::Named("same"),
        }),
        groups: node.op.groups(),
        input: graph.input_of(node).dims(),
        output: node.shape.dims(),
        params: params.ok_or_else(|| Overflow {
            path: node.path.clone(),
            quantity: "params",
        })?,
        weights_of: node.weights_of.map(|id| graph.nodes()[id].path.clone()),
        macs: MACS.of(graph, node)?,
        live,
        receptive_field,
    })
}

fn added(sum: u64, n: u64, node: &Node, quantity: &'static str) -> Result<u64, Overflow> {
    sum.checked_add(n).ok_or_else(|| Overflow {
        path: node.path.clone(),
        quantity,
    })
}
