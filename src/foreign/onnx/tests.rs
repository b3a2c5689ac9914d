//! Small networks, written as others write them, and damaged.

use super::{read, weights};
use crate::graph::{Activation, Array, Op};
use rten_onnx::onnx::{
    AttributeProto, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor,
    ValueInfoProto,
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn tensor(name: &str, dims: &[i64], numbers: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(
            numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        )),
        ..TensorProto::default()
    }
}

/// A weight of that many numbers, 0, 1, 2, ...
fn counted(name: &str, dims: &[i64]) -> TensorProto {
    let numbers: Vec<f32> = (0..dims.iter().product::<i64>())
        .map(|n| n as f32)
        .collect();
    tensor(name, dims, &numbers)
}

fn node(op: &str, inputs: &[&str], output: &str, ints: &[(&str, &[i64])]) -> NodeProto {
    let attribute = |(name, ints): &(&str, &[i64])| AttributeProto {
        name: Some((*name).into()),
        i: ints.first().copied(),
        ints: ints.to_vec(),
        ..AttributeProto::default()
    };
    NodeProto {
        op_type: Some(op.into()),
        name: Some(format!("/{op}")),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute: ints.iter().map(attribute).collect(),
        ..NodeProto::default()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |&size: &i64| Dimension {
        dim_value: Some(size),
        dim_param: None,
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(DataType::FLOAT),
                shape: Some(TensorShapeProto {
                    dim: dims.iter().map(dim).collect(),
                }),
            }),
            sequence: None,
        }),
    }
}

/// A network that takes `x` and gives `y`.
fn model(nodes: Vec<NodeProto>, tensors: Vec<TensorProto>, input: &[i64]) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: tensors,
            input: vec![value("x", input)],
            output: vec![ValueInfoProto {
                name: Some("y".into()),
                r#type: None,
            }],
            value_info: Vec::new(),
        }),
        ..ModelProto::default()
    }
}

fn file(folder: &TempDir, model: &ModelProto) -> PathBuf {
    bytes(folder, &model.write_buf().unwrap())
}

fn bytes(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn fault(path: &Path) -> String {
    read(path).unwrap_err()
}

/// A convolution, a pool and a product whose matrix the file has as `[in, out]`.
fn small() -> ModelProto {
    let nodes = vec![
        node(
            "Conv",
            &["x", "stem.weight"],
            "a",
            &[("pads", &[1, 1, 1, 1])],
        ),
        node("Relu", &["a"], "b", &[]),
        node("GlobalAveragePool", &["b"], "c", &[]),
        node("Flatten", &["c"], "d", &[]),
        node("MatMul", &["d", "onnx::MatMul_9"], "e", &[]),
        node("Add", &["head.bias", "e"], "y", &[]),
    ];
    let tensors = vec![
        counted("stem.weight", &[2, 3, 3, 3]),
        counted("onnx::MatMul_9", &[2, 5]),
        counted("head.bias", &[5]),
    ];
    model(nodes, tensors, &[1, 3, 8, 8])
}

#[test]
fn shapes_follow_and_a_product_with_a_bias_is_a_linear_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &small());
    let graph = read(&path).unwrap().graph;
    let head = graph.node("head").unwrap();
    assert!(matches!(head.op, Op::Linear { out: 5, bias: true }));
    assert!(matches!(graph.node("stem").unwrap().op, Op::Conv(_)));
    assert!(matches!(
        graph.node("relu").unwrap().op,
        Op::Activation(Activation::Relu)
    ));
    // what the file has turned is what PyTorch keeps
    let weights = weights(&path).unwrap();
    let matrix = &weights["onnx::MatMul_9"];
    assert_eq!(matrix.dims, [5, 2]);
    assert_eq!(floats(matrix)[2..4], [1.0, 6.0]);
}

/// The numbers of a tensor of f32.
fn floats(tensor: &crate::foreign::Numbers) -> Vec<f32> {
    let numbers = tensor.bytes.chunks_exact(4);
    let numbers = numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    numbers.collect()
}

#[test]
fn sizes_that_a_program_computes_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let ints = |name: &str, numbers: &[i64]| TensorProto {
        name: Some(name.into()),
        dims: vec![numbers.len() as i64],
        data_type: Some(DataType::INT64),
        int64_data: numbers.to_vec(),
        ..TensorProto::default()
    };
    let nodes = vec![
        node("Shape", &["x"], "shape", &[]),
        node("Gather", &["shape", "zero"], "first", &[("axis", &[0])]),
        node("Concat", &["first", "rest"], "to", &[("axis", &[0])]),
        node("Reshape", &["x", "to"], "y", &[]),
    ];
    let tensors = vec![ints("zero", &[0]), ints("rest", &[6, -1])];
    let path = file(&folder, &model(nodes, tensors, &[2, 3, 4, 4]));
    let graph = read(&path).unwrap().graph;
    assert_eq!(graph.prediction().shape.dims().to_vec(), [6, 8]);
    assert!(matches!(
        graph.prediction().op,
        Op::Array(Array::Reshape { .. })
    ));
}

#[test]
fn equal_tensors_that_an_exporter_merged_are_two() {
    let folder = tempfile::tempdir().unwrap();
    let conv = |input: &str, layer: &str, output: &str| {
        let [weight, bias] = ["weight", "bias"].map(|name| format!("{layer}.{name}"));
        node("Conv", &[input, &weight, &bias], output, &[])
    };
    let nodes = vec![
        node("Identity", &["a.bias"], "b.bias", &[]),
        conv("x", "a", "between"),
        conv("between", "b", "y"),
    ];
    let tensors = || {
        vec![
            counted("a.weight", &[3, 3, 1, 1]),
            tensor("a.bias", &[3], &[0.0; 3]),
            counted("b.weight", &[3, 3, 1, 1]),
        ]
    };
    let path = file(&folder, &model(nodes, tensors(), &[1, 3, 2, 2]));
    let read_back = read(&path).unwrap();
    assert_eq!(read_back.count_refused, None);
    let keys: Vec<String> = read_back.graph.tensors().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a.weight", "a.bias", "b.weight", "b.bias"]);
    assert_eq!(weights(&path).unwrap()["b.bias"].dims, [3]);
    // where nothing says whose it was, nobody can tell how many there were
    let nodes = vec![
        conv("x", "a", "between"),
        node("Conv", &["between", "b.weight", "a.bias"], "y", &[]),
    ];
    let path = file(&folder, &model(nodes, tensors(), &[1, 3, 2, 2]));
    let what = read(&path).unwrap().count_refused.unwrap();
    assert!(what.contains("`a.bias`"), "{what}");
}

#[test]
fn an_operator_that_is_not_known_needs_a_shape() {
    let folder = tempfile::tempdir().unwrap();
    let mut strange = model(
        vec![node("Unheard", &["x"], "y", &[])],
        vec![],
        &[1, 3, 2, 2],
    );
    let what = fault(&file(&folder, &strange));
    assert!(
        what.contains("Unheard") && what.contains("infer_shapes"),
        "{what}"
    );
    if let Some(graph) = &mut strange.graph {
        graph.output = vec![value("y", &[1, 7])];
    }
    let graph = read(&file(&folder, &strange)).unwrap().graph;
    assert_eq!(graph.prediction().op.operator(), Some("Unheard"));
    assert_eq!(graph.prediction().shape.dims().to_vec(), [7]);
}

#[test]
fn numbers_are_read_from_beside_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |key: &str, value: &str| StringStringEntryProto {
        key: Some(key.into()),
        value: Some(value.into()),
    };
    let outside = |location: &str| {
        let mut net = small();
        if let Some(tensor) = net
            .graph
            .as_mut()
            .and_then(|graph| graph.initializer.first_mut())
        {
            tensor.raw_data = None;
            tensor.data_location = Some(rten_onnx::onnx::DataLocation::EXTERNAL);
            tensor.external_data = vec![entry("location", location), entry("offset", "8")];
        }
        net
    };
    let numbers: Vec<u8> = (0..56).flat_map(|n| (n as f32).to_le_bytes()).collect();
    std::fs::write(folder.path().join("net.data"), &numbers).unwrap();
    let read_back = weights(&file(&folder, &outside("net.data"))).unwrap();
    assert_eq!(floats(&read_back["stem.weight"])[..2], [2.0, 3.0]);
    for bad in [
        "../net.data",
        "/etc/hosts",
        "a/../../net.data",
        "",
        "none.data",
    ] {
        let what = weights(&file(&folder, &outside(bad))).unwrap_err();
        assert!(what.contains("stem.weight"), "{bad}: {what}");
    }
    std::fs::write(folder.path().join("net.data"), &numbers[..80]).unwrap();
    assert!(weights(&file(&folder, &outside("net.data"))).is_err());
}

/// Cut anywhere, or with any byte another one, a file is an error or a network.
#[test]
fn damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let whole = small().write_buf().unwrap();
    for length in 0..whole.len() {
        let path = bytes(&folder, &whole[..length]);
        assert!(read(&path).is_err(), "cut at {length}");
        drop(weights(&path));
    }
    for i in 0..whole.len() {
        for other in [0x00, 0x7f, 0x80, 0xff, whole[i] ^ 1] {
            let mut damaged = whole.clone();
            damaged[i] = other;
            let path = bytes(&folder, &damaged);
            drop(read(&path));
            drop(weights(&path));
        }
    }
}

#[test]
fn cycles_depth_and_crowds_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let cycle = vec![
        node("Relu", &["y"], "a", &[]),
        node("Relu", &["a"], "y", &[]),
    ];
    let what = fault(&file(&folder, &model(cycle, vec![], &[1, 3, 2, 2])));
    assert!(what.contains("`y`"), "{what}");
    // a graph in a node of a graph in a node, thousands of times
    let field = |number: u64, inner: &[u8]| {
        let mut bytes = Vec::new();
        for mut n in [number << 3 | 2, inner.len() as u64] {
            while n > 0x7f {
                bytes.push(n as u8 | 0x80);
                n >>= 7;
            }
            bytes.push(n as u8);
        }
        bytes.extend(inner);
        bytes
    };
    let mut deep = Vec::new();
    for _ in 0..2000 {
        deep = field(1, &field(5, &field(6, &deep)));
    }
    let what = fault(&bytes(&folder, &field(7, &deep)));
    assert!(what.contains("deeper"), "{what}");
    let empty = [0x0a, 0x00];
    let what = fault(&bytes(&folder, &field(7, &empty.repeat(1_000_001))));
    assert!(what.contains("more than"), "{what}");
    // sizes whose product is beyond the machine's integers
    let large = TensorProto {
        dims: vec![1 << 40, 1 << 40],
        ..counted("w.weight", &[1])
    };
    let relu = || vec![node("Relu", &["x"], "y", &[])];
    let what = fault(&file(&folder, &model(relu(), vec![large], &[1, 3, 2, 2])));
    assert!(what.contains("w.weight"), "{what}");
    let what = fault(&file(&folder, &model(relu(), vec![], &[1, 3, -1, 2])));
    assert!(what.contains("open"), "{what}");
}
