//! The messages that a file of ONNX is made of.

use crate::graph::Shape;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};
use std::cell::RefCell;

/// Version of the operators: the first whose group normalisation has a factor for each channel, of 2024.
const OPSET: i64 = 21;
/// Version of the file format that belongs to it.
const FORMAT: i64 = 10;
/// What a message may have, of any program that reads Protocol Buffers.
const MOST: usize = i32::MAX as usize;

/// Sizes as the format has them.
pub fn dims(sizes: &[usize]) -> impl Iterator<Item = i64> + '_ {
    // no tensor of a network that has numbers is larger
    sizes.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX))
}

pub fn tensor(name: &str, of: DataType, sizes: &[usize], bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: dims(sizes).collect(),
        data_type: Some(of),
        raw_data: Some(RefCell::new(bytes)),
        name: (!name.is_empty()).then(|| name.into()),
        ..TensorProto::default()
    }
}

/// What goes in or comes out: so many samples as one likes.
pub fn value(name: &str, shape: Shape) -> ValueInfoProto {
    let samples = Dimension {
        dim_value: None,
        dim_param: Some("N".into()),
    };
    let sizes = shape.dims();
    let sizes = dims(&sizes).map(|size| Dimension {
        dim_value: Some(size),
        dim_param: None,
    });
    let dim = std::iter::once(samples).chain(sizes).collect();
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(DataType::FLOAT),
                shape: Some(TensorShapeProto { dim }),
            }),
            sequence: None,
        }),
    }
}

fn attribute(name: &str, of: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(of),
        ..AttributeProto::default()
    }
}

pub fn int(name: &str, i: usize) -> AttributeProto {
    signed(name, i64::try_from(i).unwrap_or(i64::MAX))
}

pub fn signed(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        i: Some(i),
        ..attribute(name, AttributeType::INT)
    }
}

pub fn ints(name: &str, sizes: &[usize]) -> AttributeProto {
    AttributeProto {
        ints: dims(sizes).collect(),
        ..attribute(name, AttributeType::INTS)
    }
}

pub fn float(name: &str, f: f64) -> AttributeProto {
    AttributeProto {
        f: Some(f as f32),
        ..attribute(name, AttributeType::FLOAT)
    }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto {
        s: Some(s.into()),
        ..attribute(name, AttributeType::STRING)
    }
}

pub fn constant(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto {
        t: Some(t),
        ..attribute(name, AttributeType::TENSOR)
    }
}

/// The bytes of a file with that graph.
///
/// # Errors
/// More than 2 GiB, which no reader takes.
pub fn model(graph: GraphProto) -> Result<Vec<u8>, String> {
    let model = ModelProto {
        ir_version: Some(FORMAT),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: Vec::new(),
        producer_name: Some(env!("CARGO_PKG_NAME").into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
    };
    let rest = model.write_buf().map_err(|error| error.to_string())?;
    let bytes = [NAMED, &rest].concat();
    match bytes.len() <= MOST {
        true => Ok(bytes),
        false => Err(format!(
            "the file would have {} bytes; an ONNX file has {MOST} at most",
            bytes.len()
        )),
    }
}

/// The field `graph` of a model with a name for it, which ONNX's checker wants and the writer of the rest does not have: a
/// message that stands in a file twice is one, of the fields of both.
const NAMED: &[u8] = b"\x3a\x0b\x12\x09convcheck";
